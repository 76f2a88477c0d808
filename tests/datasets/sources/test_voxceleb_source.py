import pytest
from look_alikes import write_lines

from svtoolkit.audio import io
from svtoolkit.datasets.manifest import Manifest
from svtoolkit.datasets.sources.voxceleb import prepare_voxceleb1, prepare_voxceleb2
from svtoolkit.datasets.trials import TrialList
from svtoolkit.errors import ManifestError

LIST = [
    '1 id10270/5r0dWxy17C8/00001.wav id10270/5r0dWxy17C8/00002.wav',
    '0 id10270/5r0dWxy17C8/00001.wav id10271/1gtz-CUIygI/00001.wav',
]


@pytest.fixture
def vox1(tmp_path, speech):
    root = tmp_path / 'vox1'
    speech.write(root / 'dev/wav/id10001/1zcIwhmdeo4/00001.wav', 0, 0)
    for number in (1, 2):
        speech.write(root / f'test/wav/id10270/5r0dWxy17C8/{number:05d}.wav', 1, number)
    speech.write(root / 'test/wav/id10271/1gtz-CUIygI/00001.wav', 2, 1)
    write_lines(root / 'veri_test2.txt', LIST)
    write_lines(
        root / 'vox1_meta.csv',
        [
            'VoxCeleb1 ID\tVGGFace1 ID\tGender\tNationality\tSet',
            'id10001\tA.J._Buckley\tm\tIreland\tdev',
            'id10270\tEartha_Kitt\tf\tUSA\ttest',
            'id10271\tEd_Westwick\tm\tUK\ttest',
        ],
    )
    return root


def test_the_official_list_fits_the_manifest(vox1, tmp_path):
    report = prepare_voxceleb1(vox1, tmp_path / 'out')
    manifest = Manifest.read(tmp_path / 'out/vox1.tsv', audio_check=True)
    trials = TrialList.read(tmp_path / 'out/vox1_O_cleaned.txt')
    assert set(trials.ids) <= set(manifest.utts)
    assert trials.label.tolist() == [True, False]
    assert [trials.ids[code] for code in (*trials.enrol, *trials.test)] == [
        'id10270/5r0dWxy17C8/00001.wav',
        'id10270/5r0dWxy17C8/00001.wav',
        'id10270/5r0dWxy17C8/00002.wav',
        'id10271/1gtz-CUIygI/00001.wav',
    ]
    assert report.usable
    assert (report.speakers, report.utterances, report.faults) == (3, 4, [])
    assert report.hours == pytest.approx(4 * 0.5 / 3600)


def test_gender_session_and_set_are_columns(vox1, tmp_path):
    prepare_voxceleb1(vox1, tmp_path / 'out')
    manifest = Manifest.read(tmp_path / 'out/vox1_test.tsv')
    assert list(manifest.extra['gender']) == ['f', 'f', 'm']
    assert manifest.extra['session'][0] == '5r0dWxy17C8'
    assert list(Manifest.read(tmp_path / 'out/vox1_dev.tsv').speakers) == ['id10001']
    assert manifest.durations.tolist() == [0.5, 0.5, 0.5]


def test_a_tree_without_dev_and_test_is_split_by_speaker(vox1, tmp_path, speech):
    speech.write(tmp_path / 'flat/wav/id10269/abc/00001.wav')
    speech.write(tmp_path / 'flat/wav/id10309/abc/00001.wav')
    report = prepare_voxceleb1(tmp_path / 'flat', tmp_path / 'out')
    assert list(Manifest.read(tmp_path / 'out/vox1_test.tsv').speakers) == ['id10309']
    assert report.usable
    assert any('veri_test2' in note for note in report.notes)


def test_a_list_with_missing_recordings_is_not_written(vox1, tmp_path):
    write_lines(vox1 / 'list_test_hard2.txt', ['0 id10270/5r0dWxy17C8/00001.wav id11251/x/00001.wav'])
    report = prepare_voxceleb1(vox1, tmp_path / 'out')
    assert not report.usable
    assert not (tmp_path / 'out/vox1_H_cleaned.txt').exists()
    assert (tmp_path / 'out/vox1_O_cleaned.txt').exists()
    assert 'id11251/x/00001.wav' in report.faults[0]


def test_a_damaged_recording_is_left_out_and_named(vox1, tmp_path):
    (vox1 / 'dev/wav/id10001/1zcIwhmdeo4/00009.wav').write_bytes(b'RIFF')
    report = prepare_voxceleb1(vox1, tmp_path / 'out')
    assert len(Manifest.read(tmp_path / 'out/vox1.tsv')) == 4
    assert '00009.wav' in report.faults[0]


def test_bad_lines_of_a_list_are_named(vox1, tmp_path):
    write_lines(vox1 / 'veri_test.txt', [*LIST, 'id10270/5r0dWxy17C8/00001.wav'])
    with pytest.raises(ManifestError, match=r'veri_test\.txt:3'):
        prepare_voxceleb1(vox1, tmp_path / 'out')


def test_one_utterance_in_two_formats_is_an_error(vox1, tmp_path, speech):
    speech.write(vox1 / 'dev/wav/id10001/1zcIwhmdeo4/00001.flac')
    with pytest.raises(ManifestError, match='keep one'):
        prepare_voxceleb1(vox1, tmp_path / 'out')


def test_a_folder_without_recordings_is_an_error(tmp_path):
    (tmp_path / 'empty').mkdir()
    with pytest.raises(ManifestError, match='no recordings of voxceleb1'):
        prepare_voxceleb1(tmp_path / 'empty', tmp_path / 'out')
    with pytest.raises(ManifestError, match='no such folder'):
        prepare_voxceleb1(tmp_path / 'nowhere', tmp_path / 'out')


def test_both_versions_share_a_folder(vox1, tmp_path, speech, write_m4a):
    write_m4a(tmp_path / 'vox2/dev/aac/id00012/21Uxsk56VDQ/00001.m4a', speech(0, 0))
    write_m4a(tmp_path / 'vox2/dev/aac/id00017/01dfn2spqyE/00001.m4a', speech(1, 0))
    write_lines(
        tmp_path / 'vox2/vox2_meta.csv',
        [
            'VoxCeleb2 ID ,VGGFace2 ID ,Gender ,Set ',
            'id00012 ,n000012 ,m ,dev ',
            'id00017 ,n000017 ,f ,test ',
        ],
    )
    prepare_voxceleb1(vox1, tmp_path / 'out')
    report = prepare_voxceleb2(tmp_path / 'vox2', tmp_path / 'out', convert=True)
    dev = Manifest.read(tmp_path / 'out/vox2_dev.tsv', audio_check=True)
    assert list(dev.utts) == ['id00012/21Uxsk56VDQ/00001.wav']
    assert list(dev.paths) == ['audio/voxceleb2/dev/aac/id00012/21Uxsk56VDQ/00001.flac']
    assert list(dev.extra['gender']) == ['m']
    assert list(Manifest.read(tmp_path / 'out/vox2_test.tsv').speakers) == ['id00017']
    assert report.usable
    info = io.probe(dev.path(0))
    assert (info.sample_rate, info.num_channels) == (16000, 1)
    Manifest.read(tmp_path / 'out/vox1.tsv')


def test_speakers_of_an_unknown_set_are_told(tmp_path, speech):
    speech.write(tmp_path / 'vox2/wav/id00012/21Uxsk56VDQ/00001.wav')
    report = prepare_voxceleb2(tmp_path / 'vox2', tmp_path / 'out')
    assert 'vox2_meta.csv' in report.faults[0]
