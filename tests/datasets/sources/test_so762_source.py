"""speechocean762 in its published layout: the split, the trial rules, and the download."""

import io
import tarfile
import time
from collections import Counter, defaultdict

import pytest
from look_alikes import write_lines
from small_server import serve

from svtoolkit.datasets.manifest import Manifest
from svtoolkit.datasets.sources import quickstart_corpus, so762
from svtoolkit.datasets.sources.so762_split import (
    ALIKE,
    DEV,
    DROPPED,
    TEST,
    hard_trials,
    part_of,
    random_trials,
)
from svtoolkit.datasets.trials import TrialList
from svtoolkit.errors import ManifestError

# train, development and alike: 2022-2129; test; dropped
AGES = {'0001': ('m', 6), '2022': ('f', 20), '2129': ('f', 21), '0006': ('f', 6), '1037': ('m', 30),
        '1099': ('m', 31), '0005': ('m', 6), '0048': ('m', 6), '1039': ('m', 30)}  # fmt: skip


def lay_out(root, speech):
    """Two utterances of each speaker; the corpus' own halves, which are not ours."""
    for half, speakers in (('train', list(AGES)[:5]), ('test', list(AGES)[5:])):
        lines = defaultdict(list)
        for place, speaker in enumerate(speakers):
            for number in range(2):
                utt = f'{speaker[1:]}0{place}00{number}'
                path = f'WAVE/SPEAKER{speaker}/{utt}.WAV'
                speech.write(root / path, place, number)
                lines['wav.scp'].append(f'{utt}\t{path}')
                lines['utt2spk'].append(f'{utt} {speaker}')
            lines['spk2gender'].append(f'{speaker}\t{AGES[speaker][0]}')
            lines['spk2age'].append(f'{speaker}\t{AGES[speaker][1]}')
        for name, rows in lines.items():
            write_lines(root / half / name, rows)


def test_the_corpus_in_our_split(tmp_path, speech):
    lay_out(tmp_path / 'speechocean762', speech)
    report = so762.prepare(tmp_path, tmp_path / 'so762')
    train = Manifest.read(tmp_path / 'so762/train.tsv', audio_check=True)
    test = Manifest.read(tmp_path / 'so762/test.tsv', audio_check=True)
    assert set(train.speakers) == {'0001', '0006', '2022', '2129'}
    assert set(test.speakers) == {'0005', '0048', '1037', '1099'}
    assert (report.speakers, report.utterances, report.usable) == (8, 16, True)
    row = list(test.speakers).index('1099')
    assert (test.extra['gender'][row], test.extra['age'][row]) == ('m', '31')
    assert (tmp_path / 'so762/dev_speakers.txt').read_text().split() == ['0001', '2022', '2129']
    dev = TrialList.read(tmp_path / 'so762/trials_dev.txt')
    assert dev.label.sum() == 3
    assert set(dev.ids) <= set(train.utts)
    for name in ('random', 'hard'):
        trials = TrialList.read(tmp_path / f'so762/trials_{name}.txt')
        assert set(trials.ids) <= set(test.utts)
        assert trials.label.sum() == 4


def test_a_missing_recording_is_a_fault(tmp_path, speech):
    lay_out(tmp_path / 'speechocean762', speech)
    gone = next((tmp_path / 'speechocean762/WAVE/SPEAKER0006').iterdir())
    gone.unlink()
    report = so762.prepare(tmp_path, tmp_path / 'so762')
    assert report.utterances == 15
    assert str(gone) in report.faults[0]


def test_lists_that_do_not_cover_each_other_are_an_error(tmp_path, speech):
    lay_out(tmp_path / 'speechocean762', speech)
    write_lines(tmp_path / 'speechocean762/test/spk2age', ['0005 6'])
    with pytest.raises(ManifestError, match='do not cover'):
        so762.prepare(tmp_path, tmp_path / 'so762')
    with pytest.raises(ManifestError, match=r'no train/wav\.scp'):
        so762.prepare(tmp_path / 'speechocean762/WAVE', tmp_path / 'so762')


def test_the_tables_agree_with_the_cut_in_the_data_folder(data_dir):
    rows = [line.split('\t') for line in (data_dir / 'so762/speakers.tsv').read_text().splitlines()[1:]]
    assert {row[0]: row[1] for row in rows} == {row[0]: part_of(row[0]) for row in rows}
    assert (len(TEST), len(DROPPED)) == (84, 21)
    assert (data_dir / 'so762/dev_speakers.txt').read_text().split() == list(DEV)
    kept = {row[0]: row[4].split()[-1] if row[1] == 'dropped' else row[0] for row in rows}
    pairs = [
        line.split('\t')[:2] for line in (data_dir / 'so762/voice_pairs.tsv').read_text().splitlines()[1:]
    ]
    joined = {frozenset((kept[first], kept[second])) for first, second in pairs}
    assert {pair for pair in joined if len(pair) == 2} == ALIKE


@pytest.mark.parametrize('make', [random_trials, hard_trials])
def test_trials_of_the_cut_follow_the_published_rules(data_dir, make):
    """Counts and rules of the data's README: 5544 targets, 16 impostors each, no look-alikes, ages."""
    manifest = Manifest.read(data_dir / 'so762/test.tsv')
    trials = make(manifest)
    assert (trials.label.sum(), (~trials.label).sum()) == (5544, 16128)
    speaker, gender = list(manifest.speakers), manifest.extra['gender']
    age = [int(years) for years in manifest.extra['age']]
    far, count = Counter(), Counter()
    for same, first, second in zip(trials.label, trials.enrol.tolist(), trials.test.tolist(), strict=True):
        assert same == (speaker[first] == speaker[second])
        if not same:
            count[first] += 1
            assert frozenset((speaker[first], speaker[second])) not in ALIKE
            if make is hard_trials:
                assert gender[first] == gender[second]
                far[speaker[first]] += abs(age[first] - age[second]) > 2
    assert set(count.values()) == {16}
    assert len({*zip(trials.enrol, trials.test, strict=True)}) == len(trials)
    if make is hard_trials:  # "For 14 voices with fewer than four such impostors …"
        assert sum(number > 0 for number in far.values()) <= 14


@pytest.fixture
def archive(tmp_path, speech) -> bytes:
    lay_out(tmp_path / 'home/speechocean762', speech)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode='w:gz') as tar:
        tar.add(tmp_path / 'home/speechocean762', 'speechocean762')
    return packed.getvalue()


def test_download_goes_on_and_is_then_complete(tmp_path, archive, monkeypatch):
    monkeypatch.setattr(time, 'sleep', lambda seconds: None)
    monkeypatch.setenv('no_proxy', '*')
    target = tmp_path / 'data/so762'
    with serve({'/101/speechocean762.tar.gz': archive}) as site:
        monkeypatch.setenv('SVTOOLKIT_OPENSLR', site.url)
        site.breaks = [5000] + [0] * 10
        with pytest.raises(ManifestError, match='start again'):
            so762.download(target, lambda line: None)
        assert not target.exists()
        site.breaks = []
        said = []
        so762.download(target, said.append)
        assert site.ranges[-1] == 'bytes=5000-'
    assert [path.name for path in (tmp_path / 'data').iterdir()] == ['so762']
    assert sorted(path.name for path in target.iterdir()) == [
        'dev_speakers.txt', 'speechocean762', 'test.tsv', 'train.tsv', 'trials_dev.txt', 'trials_hard.txt',
        'trials_random.txt',
    ]  # fmt: skip
    manifest = Manifest.read(target / 'train.tsv', audio_check=True)
    assert manifest.paths[0].startswith('speechocean762/WAVE/')
    assert any('unpacking' in line for line in said)


def test_without_a_network_nothing_is_left(tmp_path, monkeypatch):
    monkeypatch.setenv('no_proxy', '*')
    with serve({}) as site:
        monkeypatch.setenv('SVTOOLKIT_OPENSLR', site.url)
    with pytest.raises(ManifestError, match='cannot be reached'):
        so762.download(tmp_path / 'data/so762', lambda line: None)
    assert not list(tmp_path.glob('data/*'))


def test_the_quickstart_takes_what_came(tmp_path, archive, monkeypatch):
    monkeypatch.setenv('no_proxy', '*')
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv('SVTOOLKIT_DATA', raising=False)
    with serve({'/101/speechocean762.tar.gz': archive}) as site:
        monkeypatch.setenv('SVTOOLKIT_OPENSLR', site.url)
        corpus = quickstart_corpus.find()
    assert not corpus.synthetic
    assert (corpus.folder / 'so762/train.tsv').is_file()
