import logging

import numpy as np
import pytest
from ramp_corpus import first_sample, write_corpus, write_ramp

from svtoolkit.datasets.draws import Draw
from svtoolkit.datasets.manifest import Manifest
from svtoolkit.datasets.random_speaker import RandomSpeakerDataset
from svtoolkit.errors import AudioError, ConfigError, ManifestError
from svtoolkit.registry import DATASETS


def build(corpus, **options) -> RandomSpeakerDataset:
    return RandomSpeakerDataset(str(corpus), **{'frames': 20, 'seed': 42, **options})  # 3440 samples


def test_permutation_golden(corpus):  # specs/open_sv.md section 2: default_rng([42, 3]).permutation(10)
    assert build(corpus).plan(3, 10).utts.tolist() == [4, 3, 7, 2, 5, 1, 9, 8, 0, 6]


def test_every_utterance_once_per_epoch(corpus):
    dataset = build(corpus)
    plans = [dataset.plan(epoch, 5).utts for epoch in range(3)]
    assert all(sorted(plan) == list(range(10)) for plan in plans)
    assert plans[0].tolist() != plans[1].tolist()
    assert plans[1].tolist() == build(corpus).plan(1, 5).utts.tolist()
    assert plans[1].tolist() != build(corpus, seed=43).plan(1, 5).utts.tolist()
    assert plans[1].tolist() == build(corpus, seed=43).plan(1, 5, seed=42).utts.tolist()


def test_tail(corpus):
    padded = build(corpus).plan(0, 4)
    assert padded.step_offsets.tolist() == [0, 4, 8, 12]
    assert padded.utts[10:].tolist() == padded.utts[:2].tolist()
    assert build(corpus, tail='drop').plan(0, 4).step_offsets.tolist() == [0, 4, 8]
    assert build(corpus, tail='keep').plan(0, 4).step_offsets.tolist() == [0, 4, 8, 10]


def test_epochs_of_another_size_go_on_where_they_were_left(corpus):
    dataset = build(corpus, epoch_size=4)
    rows = np.concatenate([dataset.plan(epoch, 4).utts for epoch in range(5)])
    assert sorted(rows[:10]) == sorted(rows[10:]) == list(range(10))
    assert build(corpus, epoch_size=25).plan(0, 5).utts[:20].tolist() == rows.tolist()


def test_replacement_and_speaker_draws(corpus):
    utts = build(corpus, draw='replacement', epoch_size=20000).plan(0, 100).utts
    assert np.bincount(utts, minlength=10) / 20000 == pytest.approx(np.full(10, 0.1), abs=0.01)
    dataset = build(corpus, draw='speaker', epoch_size=20000)
    utts = dataset.plan(0, 100).utts
    expected = 1 / 4 / np.array([1, 2, 3, 4])[dataset.labels]  # speaker uniform, then utterance uniform
    assert np.bincount(utts, minlength=10) / 20000 == pytest.approx(expected, abs=0.012)


def test_crops_reach_both_ends(tmp_path):
    dataset = build(write_corpus(tmp_path, [1], num_samples=3445))
    starts = set()
    for pos in range(100):
        wave = dataset[Draw(0, pos, 0, 3440, 1.0, 42)]['inputs']
        assert wave.shape == (3440,)
        assert wave.dtype == np.float32
        assert np.array_equal(np.diff(wave), np.full(3439, 1 / 32768, np.float32))
        starts.add(first_sample(wave))
    assert starts == {0, 1, 2, 3, 4, 5}


def test_crop_place_golden(corpus):
    wave = build(corpus)[Draw(3, 17, 4, 3440, 1.0, 42)]['inputs']
    expected = np.random.default_rng([42, 3, 17, 0]).integers(0, 8000 - 3440 + 1)  # the rule of the spec
    assert first_sample(wave) == expected


@pytest.mark.parametrize('pad, at_100', [('wrap', 0), ('zero', 0), ('reflect', 98)])
def test_short_utterances_are_filled_up(tmp_path, pad, at_100):
    dataset = build(write_corpus(tmp_path, [1], num_samples=100), pad=pad)
    wave = dataset[Draw(0, 0, 0, 3440, 1.0, 42)]['inputs']
    assert len(wave) == 3440
    assert wave[:100].tolist() == (np.arange(100) / 32768).tolist()
    assert first_sample(wave[100:]) == at_100


def test_draws_are_pure(corpus):
    dataset = build(corpus)
    draw = Draw(1, 5, 3, 3440, 1.0, 42)
    first = dataset[draw]['inputs'].copy()
    dataset[draw]['inputs'][:] = 7
    assert np.array_equal(dataset[draw]['inputs'], first)
    assert not np.array_equal(dataset[draw._replace(epoch=2)]['inputs'], first)
    assert not np.array_equal(dataset[draw._replace(pos=6)]['inputs'], first)
    assert not np.array_equal(dataset[draw._replace(seed=43)]['inputs'], first)


def test_whole_utterance_by_number(corpus):
    item = build(corpus, pipeline=[dict(type='RandomGain', low_db=6, high_db=6)])[3]
    assert np.array_equal(item['inputs'], (np.arange(8000) / 32768).astype(np.float32))
    sample = item['data_samples']
    assert (sample.label, sample.utt, sample.speaker, sample.num_samples) == (2, 's2-u0', 's2', 8000)


def test_pipeline_draws_from_the_item_generator(corpus):
    draw = Draw(3, 17, 4, 3440, 1.0, 42)
    plain = build(corpus)[draw]['inputs']
    louder = build(corpus, pipeline=[dict(type='RandomGain', low_db=-5, high_db=5)])[draw]['inputs']
    expected = np.random.default_rng([42, 3, 17, 1]).uniform(-5, 5)  # salt 1: augmentation
    assert louder == pytest.approx(plain * 10 ** (expected / 20), rel=1e-5)


def test_speeds_make_classes_in_blocks(corpus):
    dataset = build(corpus, speeds=(1.0, 0.9, 1.1), draw='replacement', epoch_size=3000)
    plan = dataset.plan(0, 100)
    assert dataset.num_speakers == 12
    assert np.bincount((plan.speeds * 10).round().astype(int))[9:] == pytest.approx([1000] * 3, abs=100)
    for draw in plan.draws(np.arange(12), 0, 42):
        item = dataset[draw]
        assert len(item['inputs']) == 3440
        block = {1.0: 0, 0.9: 4, 1.1: 8}[draw.speed]
        assert item['data_samples'].label == dataset.labels[draw.utt] + block
    assert dataset.metainfo['classes'][:5] == ['s0', 's1', 's2', 's3', 's0#0.9']
    only = build(corpus, speeds=(1.0, 0.9), speed_probs=(0.0, 1.0)).plan(0, 10)
    assert only.speeds == pytest.approx(0.9)


@pytest.mark.parametrize('speed', [0.9, 1.1, 0.95, 1.05])
def test_length_after_a_speed_change_is_exact(corpus, speed):
    dataset = build(corpus, speeds=(1.0, speed))
    for wanted in (3440, 3441, 3443, 3447):
        wave = dataset[Draw(0, 0, 0, wanted, speed, 42)]['inputs']
        assert wave.shape == (wanted,)
        middle = np.diff(wave[500:-500]) * 32768  # a ramp played faster is a steeper ramp
        assert middle.mean() == pytest.approx(speed, rel=3e-3)
    assert len(dataset[Draw(0, 0, 0, 0, speed, 42)]['inputs']) == round(8000 / speed)


def test_cyclic_windows_cover_the_utterance(tmp_path):
    dataset = build(write_corpus(tmp_path, [1], num_samples=9000), window='cyclic')
    offsets = set()
    for cycle in range(5):
        heard = np.zeros(9000, bool)
        for epoch in range(3 * cycle, 3 * cycle + 3):  # ceil(9000 / 3440) windows
            start = first_sample(dataset[Draw(epoch, epoch + 7, 0, 3440, 1.0, 42)]['inputs'])
            heard[start : start + 3440] = True
            offsets.add(start)
        assert heard.all()
    assert len(offsets) > 5
    draw = Draw(4, 1, 0, 3440, 1.0, 42)  # the place in the epoch does not matter
    assert np.array_equal(dataset[draw]['inputs'], dataset[draw._replace(pos=9)]['inputs'])


def test_segments_are_read_by_seeking(tmp_path):
    write_ramp(tmp_path / 'a.wav', 32000)
    text = 'utt\tpath\tspeaker\tstart\tend\nx\ta.wav\ts\t0.5\t1.0\ny\ta.wav\tt\t1.5\t\n'
    (tmp_path / 'list.tsv').write_text(text)
    dataset = build(tmp_path / 'list.tsv')
    assert [len(dataset[row]['inputs']) for row in range(2)] == [8000, 8000]
    assert [first_sample(dataset[row]['inputs']) for row in range(2)] == [8000, 24000]
    for pos in range(20):
        wave = dataset[Draw(0, pos, 0, 3440, 1.0, 42)]['inputs']
        assert 8000 <= first_sample(wave) <= 16000 - 3440
    whole = dataset[Draw(0, 0, 0, 8100, 1.0, 42)]['inputs']  # never a sample of the next segment
    assert first_sample(whole[8000:]) == 8000


def test_listed_durations_may_be_rounded_up(tmp_path):
    write_ramp(tmp_path / 'a.wav', 3500)
    (tmp_path / 'list.tsv').write_text('utt\tpath\tspeaker\tduration\nx\ta.wav\ts\t0.22\n')  # 3520 samples
    dataset = build(tmp_path / 'list.tsv')
    for pos in range(50):
        wave = dataset[Draw(0, pos, 0, 3440, 1.0, 42)]['inputs']
        assert first_sample(wave) <= 60
        assert np.diff(wave).min() > 0  # a piece of the file, not wrapped


def test_unreadable_files_give_way_to_the_same_speaker(tmp_path, caplog):
    path = write_corpus(tmp_path, [1, 3])
    for name in ('s1/u1.wav', 's0/u0.wav'):
        (tmp_path / name).write_bytes(b'RIFF nothing')
    (tmp_path / 'list.tsv.dur.json').unlink(missing_ok=True)
    dataset = build(path)
    with caplog.at_level(logging.WARNING):
        item = dataset[Draw(0, 0, 2, 3440, 1.0, 42)]
    assert item['data_samples'].utt == 's1-u2'
    assert str(tmp_path / 's1' / 'u1.wav') in caplog.text
    with pytest.raises(AudioError):  # the only utterance of its speaker
        dataset[Draw(0, 0, 0, 3440, 1.0, 42)]
    with pytest.raises(AudioError):  # never another utterance where one is asked for
        dataset[2]
    (tmp_path / 's1' / 'u2.wav').unlink()
    assert dataset[Draw(0, 0, 2, 3440, 1.0, 42)]['data_samples'].utt == 's1-u0'
    with pytest.raises(AudioError):
        build(path, max_refetch=1)[Draw(0, 0, 2, 3440, 1.0, 42)]


def test_selection_and_given_class_numbers(corpus, tmp_path):
    (tmp_path / 'dev.txt').write_text('s1\n')
    dataset = build(corpus, exclude_speakers=str(tmp_path / 'dev.txt'))
    assert len(dataset) == 8
    assert dataset.metainfo['classes'] == ['s0', 's2', 's3']
    mapped = build(corpus, include_speakers=['s3'], speaker_map={'s0': 0, 's3': 1})
    assert set(mapped.labels) == {1}
    assert mapped.num_speakers == 2
    assert len(mapped.plan(0, 4).utts) == 4
    with pytest.raises(ManifestError, match="speaker 's0'"):
        build(corpus, speaker_map={'s1': 0})


def test_metainfo_is_plain(corpus):
    info = build(corpus, speeds=(1.0, 0.9)).metainfo
    assert info == {
        'task': 'asv',
        'num_speakers': 8,
        'classes': ['s0', 's1', 's2', 's3', 's0#0.9', 's1#0.9', 's2#0.9', 's3#0.9'],
        'sample_rate': 16000,
        'frames_per_second': 100,
        'speed_factors': [1.0, 0.9],
    }
    assert repr(info) == repr(eval(repr(info)))  # no numpy inside


def test_lazy_init(tmp_path, caplog):
    dataset = build(tmp_path / 'later.tsv', lazy_init=True)  # does not look for the list
    write_corpus(tmp_path, [1, 2])
    (tmp_path / 'list.tsv').rename(tmp_path / 'later.tsv')
    with caplog.at_level(logging.WARNING):
        assert len(dataset) == 3
    assert 'lazy_init' in caplog.text


def test_num_samples_instead_of_frames_and_manifest_objects(corpus):
    dataset = RandomSpeakerDataset(Manifest.read(corpus), num_samples=1234)
    assert dataset.plan(0, 5).num_samples.tolist() == [1234] * 10


def test_wrong_settings_are_all_named(corpus):
    with pytest.raises(ConfigError) as error:
        build(corpus, pad='tile', tail='none', speeds=(0.9, 0.9), speed_probs=(0.5, 0.6), num_samples=-1)
    for part in ("pad='tile'", "tail='none'", 'speeds=(0.9, 0.9)', 'speed_probs=(0.5, 0.6)', '-1 samples'):
        assert part in str(error.value)
    with pytest.raises(ConfigError, match="draw='shuffle'"):
        build(corpus, draw='shuffle')
    with pytest.raises(ConfigError, match="window='next'"):
        build(corpus, window='next')
    with pytest.raises(ConfigError, match='epoch_size=0'):
        build(corpus, epoch_size=0)


def test_built_by_name(corpus):
    dataset = DATASETS.build(dict(type='RandomSpeakerDataset', manifest=str(corpus), frames=20))
    assert len(dataset) == 10
