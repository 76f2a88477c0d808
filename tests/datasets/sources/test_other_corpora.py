"""CN-Celeb, VOiCES, SITW and LibriSpeech as they are published."""

import pytest
from look_alikes import write_lines

from svtoolkit.datasets.manifest import Manifest
from svtoolkit.datasets.sources import cnceleb, librispeech, sitw, voices
from svtoolkit.datasets.trials import TrialList
from svtoolkit.errors import ManifestError


def pairs(path):
    """Lines of a trial list as tuples."""
    trials = TrialList.read(path)
    rows = zip(trials.label.tolist(), trials.enrol.tolist(), trials.test.tolist(), strict=True)
    return [(label, trials.ids[enrol], trials.ids[test]) for label, enrol, test in rows]


@pytest.fixture
def cn(tmp_path, speech):
    root = tmp_path / 'cn/CN-Celeb_flac'
    speech.write(root / 'data/id00000/singing-01-001.flac', 0, 0)
    speech.write(root / 'data/id00000/drama-02-001.flac', 0, 1)
    speech.write(root / 'data/id00800/singing-01-001.flac', 1, 0)
    write_lines(root / 'dev/dev.lst', ['id00000'])
    speech.write(root / 'eval/enroll/id00800-enroll.flac', 1, 1)
    speech.write(root / 'eval/test/id00800-singing-01-002.flac', 1, 2)
    speech.write(root / 'eval/test/id00801-speech-03-001.flac', 2, 2)
    write_lines(
        root / 'eval/lists/trials.lst',
        [
            'id00800-enroll test/id00800-singing-01-002.wav 1',
            'id00800-enroll test/id00801-speech-03-001.wav 0',
        ],
    )
    speech.write(tmp_path / 'cn/CN-Celeb2_flac/data/id10000/movie-01-001.flac', 2, 0)
    return tmp_path / 'cn'


def test_cnceleb(cn, tmp_path):
    report = cnceleb.prepare(cn, tmp_path / 'out')
    dev = Manifest.read(tmp_path / 'out/cnceleb_dev.tsv', audio_check=True)
    assert list(dev.utts) == ['id00000/drama-02-001', 'id00000/singing-01-001']
    assert list(dev.extra['genre']) == ['drama', 'singing']
    assert list(dev.extra['session']) == ['drama-02', 'singing-01']
    assert list(Manifest.read(tmp_path / 'out/cnceleb2_dev.tsv').speakers) == ['id10000']
    evaluation = Manifest.read(tmp_path / 'out/cnceleb_eval.tsv')
    assert list(evaluation.speakers) == ['id00800', 'id00800', 'id00801']
    assert pairs(tmp_path / 'out/cnceleb_eval.txt') == [
        (True, 'enroll/id00800-enroll', 'test/id00800-singing-01-002'),
        (False, 'enroll/id00800-enroll', 'test/id00801-speech-03-001'),
    ]
    assert report.usable
    assert report.faults == []


def test_cnceleb_without_its_list_keeps_test_speakers_out_of_training(cn, tmp_path):
    (cn / 'CN-Celeb_flac/dev/dev.lst').unlink()
    cnceleb.prepare(cn, tmp_path / 'out')
    assert set(Manifest.read(tmp_path / 'out/cnceleb_dev.tsv').speakers) == {'id00000'}


def test_voices(tmp_path, speech):
    names = [
        'Lab41-SRI-VOiCES-rm1-babb-sp0032-ch021625-sg0005-mc01-stu-clo-dg090',
        'Lab41-SRI-VOiCES-rm2-none-sp0032-ch021625-sg0006-mc05-stu-far-dg090',
        'Lab41-SRI-VOiCES-src-sp0083-ch003054-sg0009',
    ]
    root = tmp_path / 'voices'
    for number, name in enumerate(names):
        speech.write(
            root / f'sid_dev/{name.split("-")[5 if number < 2 else 4]}/{name}.wav', number // 2, number
        )
    speech.write(root / 'distractors/Lab41-SRI-VOiCES-rm1-babb-mc01-stu-clo.wav')  # nobody
    lists = root / 'sid_dev_lists_and_keys'
    write_lines(lists / 'dev-enroll.lst', [f'model7 sid_dev/sp0032/{names[0]}.wav'])
    write_lines(
        lists / 'dev-trial-keys.lst',
        [f'model7 sid_dev/sp0032/{names[1]}.wav tgt', f'{names[1]} sid_dev/sp0083/{names[2]}.wav imp'],
    )
    report = voices.prepare(root, tmp_path / 'out')
    manifest = Manifest.read(tmp_path / 'out/voices.tsv', audio_check=True)
    assert dict(zip(manifest.utts, manifest.speakers, strict=True)) == dict(
        zip(names, ['sp0032', 'sp0032', 'sp0083'], strict=True)
    )
    facts = {utt: [manifest.extra[name][row] for name in ('room', 'distractor', 'mic')]
             for row, utt in enumerate(manifest.utts)}  # fmt: skip
    assert facts[names[0]] == ['rm1', 'babb', 'mc01']
    assert facts[names[2]] == ['', '', '']
    assert pairs(tmp_path / 'out/voices_dev.txt') == [(True, names[0], names[1]), (False, names[1], names[2])]
    assert report.usable


def test_voices_evaluation_names_no_speakers(tmp_path, speech):
    root = tmp_path / 'voices'
    for number, name in enumerate(['aaaa', 'bbbb']):
        speech.write(root / f'sid_eval/{name}.wav', number, 0)
    write_lines(root / 'VOiCES_challenge_2019_eval.SID.trial-keys.lst', ['aaaa sid_eval/bbbb.wav imp'])
    report = voices.prepare(root, tmp_path / 'out')
    assert list(Manifest.read(tmp_path / 'out/voices.tsv').speakers) == ['aaaa', 'bbbb']
    assert '2 recordings name no speaker' in report.notes[0]
    assert (tmp_path / 'out/voices_VOiCES_challenge_2019_eval.SID.txt').exists()


@pytest.fixture
def sitw_folder(tmp_path, speech):
    dev = tmp_path / 'sitw/dev'
    for number, name in enumerate(['unotx', 'ggjnl', 'akyvw']):
        speech.write(dev / f'audio/{name}.flac', number, 0)
    write_lines(dev / 'lists/enroll-core.lst', ['12013 audio/unotx.flac'])
    write_lines(dev / 'lists/enroll-assist.lst', ['45205 audio/ggjnl.flac 0.100 0.300'])
    write_lines(dev / 'keys/core-core.lst', ['12013 audio/akyvw.flac imp', '12013 audio/ggjnl.flac tgt'])
    write_lines(dev / 'keys/assist-core.lst', ['45205 audio/akyvw.flac tgt'])
    return tmp_path / 'sitw'


def test_sitw(sitw_folder, tmp_path):
    report = sitw.prepare(sitw_folder, tmp_path / 'out')
    manifest = Manifest.read(tmp_path / 'out/sitw_dev.tsv', audio_check=True)
    rows = {utt: row for row, utt in enumerate(manifest.utts)}
    assert manifest.speakers[rows['dev/unotx']] == '12013'
    assert manifest.speakers[rows['dev/akyvw']] == 'dev/akyvw'
    segment = rows['dev/assist/45205']
    assert (manifest.start[segment], manifest.end[segment]) == (0.1, 0.3)
    assert manifest.seconds(segment) == pytest.approx(0.2)
    assert pairs(tmp_path / 'out/sitw_dev_core-core.txt') == [
        (False, 'dev/unotx', 'dev/akyvw'), (True, 'dev/unotx', 'dev/ggjnl'),
    ]  # fmt: skip
    assert pairs(tmp_path / 'out/sitw_dev_assist-core.txt') == [(True, 'dev/assist/45205', 'dev/akyvw')]
    assert report.usable


def test_sitw_models_of_several_segments_are_passed_over(sitw_folder, tmp_path):
    write_lines(
        sitw_folder / 'dev/lists/enroll-assist.lst',
        ['45205 audio/ggjnl.flac 0.100 0.300', '45205 audio/ggjnl.flac 0.400 0.500'],
    )
    report = sitw.prepare(sitw_folder, tmp_path / 'out')
    assert 'several segments' in report.notes[0]
    assert not (tmp_path / 'out/sitw_dev_assist-core.txt').exists()


def test_sphere_files_are_told_how_to_convert(sitw_folder, tmp_path, speech):
    audio = sitw_folder / 'dev/audio'
    (audio / 'akyvw.flac').unlink()
    (audio / 'akyvw.sph').write_bytes(
        b'NIST_1A\n   1024\nsample_coding -s26 pcm,embedded-shorten-v2.00\nend_head\n'
    )
    report = sitw.prepare(sitw_folder, tmp_path / 'out')
    assert any('akyvw.sph' in fault and 'sox' in fault for fault in report.faults)
    assert not report.usable  # its trials cannot be made
    speech.write(audio / 'akyvw.wav', 2, 0)  # converted beside it
    assert sitw.prepare(sitw_folder, tmp_path / 'out').usable


def test_a_folder_without_lists_is_not_sitw(tmp_path):
    (tmp_path / 'x').mkdir()
    with pytest.raises(ManifestError, match=r'enroll-core\.lst'):
        sitw.prepare(tmp_path / 'x', tmp_path / 'out')


def test_librispeech(tmp_path, speech):
    root = tmp_path / 'LibriSpeech'
    write_lines(
        root / 'SPEAKERS.TXT',
        [
            ';ID  |SEX| SUBSET |MINUTES| NAME',
            '84   | F | dev-clean | 8.02 | A',
            '174  | M | dev-clean | 8 | B',
        ],
    )
    for speaker, (name, chapter) in enumerate([('84', '121123'), ('174', '50561')]):
        for number in range(2):
            utt = f'{name}-{chapter}-{number:04d}'
            speech.write(root / f'dev-clean/{name}/{chapter}/{utt}.flac', speaker, number)
    speech.write(root / 'train-clean-100/19/198/19-198-0000.flac', 2, 0)
    report = librispeech.prepare(tmp_path, tmp_path / 'out')
    dev = Manifest.read(tmp_path / 'out/librispeech_dev-clean.tsv', audio_check=True)
    assert dict(zip(dev.speakers, dev.extra['gender'], strict=True)) == {'84': 'f', '174': 'm'}
    assert set(dev.extra['session']) == {'121123', '50561'}
    trials = TrialList.read(tmp_path / 'out/librispeech_dev-clean.txt')
    assert (trials.label.sum(), (~trials.label).sum()) == (2, 4 * 2)
    assert not (tmp_path / 'out/librispeech_train-clean-100.txt').exists()
    assert (report.speakers, report.utterances) == (3, 5)


def test_a_corpus_of_silence_in_text_files_is_an_error(tmp_path):
    write_lines(tmp_path / 'in/84/1/84-1-0000.txt', ['no audio'])
    with pytest.raises(ManifestError, match='no recordings of librispeech'):
        librispeech.prepare(tmp_path / 'in', tmp_path / 'out')


def test_all_unreadable_is_an_error(tmp_path):
    for name in ('84-1-0000', '84-1-0001'):
        write_lines(tmp_path / f'in/train/84/1/{name}.flac', ['no audio'])
    with pytest.raises(ManifestError, match='none of the recordings can be opened'):
        librispeech.prepare(tmp_path / 'in', tmp_path / 'out')
