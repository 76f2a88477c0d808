import json
import os
import pickle

import numpy as np
import pytest
from ramp_corpus import write_corpus, write_ramp

from svtoolkit.datasets.manifest import Manifest
from svtoolkit.errors import AudioError, ManifestError


def write(folder, text, name='list.tsv'):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding='utf-8')
    return path


def faults_of(path, **options) -> str:
    with pytest.raises(ManifestError) as error:
        Manifest.read(path, **options)
    return str(error.value)


def test_tsv(tmp_path):
    text = (
        'utt\tpath\tspk\tdur\tstart\tend\tgender\na\tx/a.wav\ts1\t2.5\t\t\tf\nb\tx/b.wav\ts0\t\t1\t2.25\tm\n'
    )
    manifest = Manifest.read(write(tmp_path, text))
    assert list(manifest.utts) == ['a', 'b']
    assert list(manifest.speakers) == ['s1', 's0']
    assert manifest.path(0) == os.path.join(tmp_path, 'x/a.wav')
    assert manifest.extra == {'gender': ['f', 'm']}
    assert [manifest.num_samples(row, 16000) for row in range(2)] == [40000, 20000]
    assert manifest.speaker_map() == {'s1': 0, 's0': 1}
    assert manifest.labels({'s0': 5, 's1': 3}).tolist() == [3, 5]


def test_root_replaces_the_folder_of_the_list(tmp_path):
    path = write(tmp_path, 'utt\tpath\tspeaker\na\ta.wav\ts\nb\t/abs/b.wav\ts\n')
    manifest = Manifest.read(path, root='/corpus')
    assert [manifest.path(0), manifest.path(1)] == ['/corpus/a.wav', '/abs/b.wav']


def test_blank_lines_and_byte_order_mark_are_passed_over(tmp_path):
    path = tmp_path / 'list.tsv'
    path.write_bytes('\ufeffutt\tpath\tspeaker\r\n\r\na\ta.wav\ts\r\n'.encode())
    assert list(Manifest.read(path).speakers) == ['s']


@pytest.mark.parametrize(
    'name, text',
    [
        ('train.txt', 'my dir/a.wav\t0\nmy dir/b.wav\t1\n'),
        ('train.txt', '0 my dir/a.wav\n1 my dir/b.wav\n'),
        ('train.csv', 'utt,path,spk\n"my dir/a.wav","my dir/a.wav",0\nmy dir/b.wav,my dir/b.wav,1\n'),
        ('train.jsonl', '{"path": "my dir/a.wav", "spk": 0}\n{"path": "my dir/b.wav", "spk": "1"}\n'),
    ],
)
def test_other_texts(tmp_path, name, text):
    manifest = Manifest.read(write(tmp_path, text, name))
    assert list(manifest.paths) == list(manifest.utts) == ['my dir/a.wav', 'my dir/b.wav']
    assert list(manifest.speakers) == ['0', '1']


def test_kaldi_folder(tmp_path):
    write(tmp_path, 'a rec 1/a.wav\nb /b.wav\n', 'wav.scp')
    write(tmp_path, 'a s1\nb s2\n', 'utt2spk')
    write(tmp_path, 'a 2.5\n', 'utt2dur')
    for path in (tmp_path, tmp_path / 'wav.scp'):
        manifest = Manifest.read(path)
        assert list(manifest.paths) == ['rec 1/a.wav', '/b.wav']
        assert list(manifest.speakers) == ['s1', 's2']
        assert manifest.num_samples(0, 8000) == 20000
        assert manifest.path(0) == str(tmp_path / 'rec 1/a.wav')


def test_kaldi_segments(tmp_path):
    write(tmp_path, 'rec r.wav\n', 'wav.scp')
    write(tmp_path, 'x rec 0.5 1.5\ny rec 1.5 4\n', 'segments')
    write(tmp_path, 'x s1\ny s2\n', 'utt2spk')
    manifest = Manifest.read(tmp_path)
    assert list(manifest.utts) == ['x', 'y']
    assert [manifest.num_samples(row, 16000) for row in range(2)] == [16000, 40000]


def test_kaldi_faults(tmp_path):
    write(tmp_path, 'a sox a.sph -t wav - |\nb b.wav\nb c.wav\n', 'wav.scp')
    write(tmp_path, 'a s1\nz s2\n', 'utt2spk')
    message = faults_of(tmp_path)
    assert f"{tmp_path / 'wav.scp'}:1: 'a' is a command" in message
    assert f"{tmp_path / 'wav.scp'}:3: 'b' stands there twice, first in line 2" in message
    assert f"{tmp_path / 'wav.scp'}:2: 'b' is not in utt2spk" in message
    assert f"{tmp_path / 'utt2spk'}:2: 'z' is not in wav.scp" in message
    assert 'no wav.scp' in faults_of(write(tmp_path, '', 'empty/x').parent)


def test_scp_alone_has_no_speakers(tmp_path):
    path = write(tmp_path, 'a a.wav\n', 'wav.scp')
    assert 'no column speaker' in faults_of(path)
    assert list(Manifest.read(path, need_speakers=False).speakers) == ['']


def test_parquet(tmp_path):
    pa = pytest.importorskip('pyarrow')
    pq = pytest.importorskip('pyarrow.parquet')
    table = pa.table({'utt': ['a', 'b'], 'path': ['a.wav', 'b.wav'], 'spk': [7, 7], 'dur': [1.0, None]})
    pq.write_table(table, tmp_path / 'list.parquet')
    manifest = Manifest.read(tmp_path / 'list.parquet')
    assert list(manifest.utts) == ['a', 'b']
    assert list(manifest.speakers) == ['7', '7']
    assert manifest.num_samples(0, 100) == 100
    assert np.isnan(manifest.durations[1])


def test_all_faults_of_a_list_in_one_message(tmp_path):
    rows = [
        'utt\tpath\tspeaker\tstart\tend\tduration',
        'a\ta.wav\ts1\t\t\t',
        'b\tb.wav\t\t\t\t',
        'a\tc.wav\ts1\t\t\t',
        'd\td.wav\ts1\t2\t1\t',
        'e\te.wav\ts1\t\tsoon\t',
        'f\ta.wav\ts2\t\t\t',
        'g\tg.wav',
        'h\th.wav\ts1\t-1\t2\t',
        'i\ti.wav\ts1\t\t\t0',
    ]
    path = write(tmp_path, '\n'.join(rows))
    message = faults_of(path)
    assert message.startswith(f'{path}: 8 faults:')
    expected = [
        '3: field speaker is empty',
        "4: utterance 'a' stands there twice, first in line 2",
        '5: ends at 1 s but starts at 2 s',
        "6: end 'soon' is not a number of seconds",
        "7: 'a.wav' is of speaker 's2', but of 's1' in line 2",
        '8: 2 fields, the header has 6',
        '9: start is -1 s, before the file begins',
        '10: duration is 0 s',
    ]
    assert message.splitlines()[1:] == [f'  - {path}:{line}' for line in expected]


def test_header_faults(tmp_path):
    assert 'no column speaker, found path, utt, duration' in faults_of(
        write(tmp_path, 'path\tutt\tdur\na\ta\t1\n')
    )
    assert "no column 'path' in the header" in faults_of(write(tmp_path, 'utt\tspeaker\na\ts\n'))
    assert 'column path stands there twice' in faults_of(write(tmp_path, 'path\tpath\tspeaker\na\ta\ts\n'))
    assert "no header that names 'path'" in faults_of(write(tmp_path, 'a\tb\tc\n'))
    assert 'empty' in faults_of(write(tmp_path, ''))
    assert 'empty' in faults_of(write(tmp_path, 'utt\tpath\tspeaker\n'))
    assert 'no such list' in faults_of(tmp_path / 'none.tsv')


def test_labels_without_gaps(tmp_path):
    assert 'missing [1, 2] of 0…3' in faults_of(write(tmp_path, 'a.wav\t0\nb.wav\t3\n'))
    manifest = Manifest.read(write(tmp_path, 'a.wav\t1\nb.wav\t0\n'))
    assert manifest.speaker_map() == {'0': 0, '1': 1}  # the user's numbers, not the order of appearance


def test_one_path_with_two_labels(tmp_path):
    path = write(tmp_path, 'a.wav\t0\nb.wav\t1\na.wav\t1\na.wav\t0\n')
    message = faults_of(path)
    assert f"{path}:3: 'a.wav' is of speaker '1', but of '0' in line 1" in message
    assert f"{path}:4: utterance 'a.wav' stands there twice, first in line 1" in message


def test_parts_of_a_file_may_differ_in_speaker(tmp_path):
    text = 'utt\tpath\tspeaker\tstart\tend\na\tx.wav\ts1\t0\t1\nb\tx.wav\ts2\t1\t2\n'
    assert len(Manifest.read(write(tmp_path, text))) == 2


def test_missing_files_are_all_named(tmp_path):
    write_ramp(tmp_path / 'a.wav', 1600)
    path = write(tmp_path, 'utt\tpath\tspeaker\na\ta.wav\ts\nb\tb.wav\ts\nc\tc.wav\ts\n')
    assert len(Manifest.read(path)) == 3
    message = faults_of(path, check_files=True)
    assert f"{path}:3: 'b.wav' does not exist" in message
    assert f"{path}:4: 'c.wav' does not exist" in message


def test_audio_check_compares_with_the_files(tmp_path):
    write_ramp(tmp_path / 'a.wav', 16000)
    (tmp_path / 'b.wav').write_bytes(b'not audio')
    path = write(tmp_path, 'utt\tpath\tspeaker\tend\na\ta.wav\ts\t1.5\nb\tb.wav\ts\t\n')
    message = faults_of(path, audio_check=True)
    assert f"{path}:2: 'a.wav' ends at 1.50 s but the file has 1.00 s" in message
    assert f'{path}:3: ' in message


def test_durations_are_probed_and_cached(tmp_path):
    path = write_corpus(tmp_path, [2], num_samples=4321)
    manifest = Manifest.read(path)
    assert manifest.num_samples(1, 16000) == 4321
    manifest.measure()
    cache = tmp_path / 'list.tsv.dur.json'
    assert json.loads(cache.read_text()) == {'s0/u0.wav': 4321 / 16000, 's0/u1.wav': 4321 / 16000}
    (tmp_path / 's0' / 'u0.wav').unlink()
    again = Manifest.read(path)
    again.measure()  # answered by the cache
    assert again.durations.tolist() == manifest.durations.tolist()
    cache.unlink()
    with pytest.raises(AudioError, match=r'u0\.wav'):
        Manifest.read(path).measure()


def test_nothing_is_written_into_a_read_only_folder(tmp_path):
    path = write_corpus(tmp_path, [1])
    tmp_path.chmod(0o555)
    try:
        Manifest.read(path).measure()
        assert not (tmp_path / 'list.tsv.dur.json').exists()
    finally:
        tmp_path.chmod(0o755)


def test_damaged_cache_is_measured_again(tmp_path):
    path = write_corpus(tmp_path, [1])
    (tmp_path / 'list.tsv.dur.json').write_text('{"s0/u0')
    manifest = Manifest.read(path)
    manifest.measure()
    assert manifest.durations.tolist() == [0.5]


def test_select(corpus, tmp_path):
    manifest = Manifest.read(corpus)
    assert set(manifest.select(include_speakers=['s1', 's3']).speakers) == {'s1', 's3'}
    names = write(tmp_path, 's1\ns3\n\n', 'names.txt')
    assert manifest.select(exclude_speakers=names).speaker_map() == {'s0': 0, 's2': 1}
    chosen = manifest.select(utts={'s3-u1', 's1-u0'})
    assert list(chosen.utts) == ['s1-u0', 's3-u1']
    assert chosen.path(0).endswith('s1/u0.wav')
    with pytest.raises(ManifestError, match="speaker 's9'"):
        manifest.select(include_speakers=['s0', 's9'])
    with pytest.raises(ManifestError, match='no utterance is left'):
        manifest.select(exclude_speakers=['s0', 's1', 's2', 's3'])
    with pytest.raises(ManifestError, match='no such list of names'):
        manifest.select(utts=tmp_path / 'none.txt')
    with pytest.raises(ManifestError, match="speaker 's1'"):
        manifest.labels({'s0': 0, 's2': 1, 's3': 2})


def test_from_folder(corpus, tmp_path):
    manifest = Manifest.from_folder(corpus.parent)
    assert len(manifest) == 10
    assert manifest.utts[0] == 's0/u0.wav'
    assert list(manifest.speakers) == list(Manifest.read(corpus).speakers)
    with pytest.raises(ManifestError, match='no recordings'):
        Manifest.from_folder(tmp_path)
    write_ramp(tmp_path / 'loose.wav', 100)
    with pytest.raises(ManifestError, match=r"'loose\.wav' lies in no speaker's folder"):
        Manifest.from_folder(tmp_path)


def test_write_and_read_agree(tmp_path):
    text = 'utt\tpath\tspeaker\tend\tduration\tage\na\ta.wav\ts\t2.125\t\t7\nb\t../b b.wav\tt\t\t1.5\t8\n'
    manifest = Manifest.read(write(tmp_path, text))
    manifest.write(tmp_path / 'list.tsv')
    assert (tmp_path / 'list.tsv').read_text() == text
    manifest.write(tmp_path / 'deep' / 'er' / 'list.tsv')
    moved = Manifest.read(tmp_path / 'deep' / 'er' / 'list.tsv')
    assert [os.path.normpath(moved.path(row)) for row in range(2)] == [
        str(tmp_path / 'a.wav'),
        os.path.normpath(tmp_path.parent / 'b b.wav'),
    ]
    assert moved.extra == manifest.extra
    assert sorted(path.name for path in (tmp_path / 'deep' / 'er').iterdir()) == ['list.tsv']


def test_join(tmp_path):
    first = Manifest.read(write_corpus(tmp_path / 'one', [1, 1]))
    second = Manifest.from_folder(tmp_path / 'one')
    joined = Manifest.join([first, second])
    assert list(joined.utts) == ['s0-u0', 's1-u0', 's0/u0.wav', 's1/u0.wav']
    assert joined.path(0) == joined.path(2) == str(tmp_path / 'one' / 's0' / 'u0.wav')
    with pytest.raises(ManifestError, match="utterance 's0-u0'"):
        Manifest.join([first, first])


def test_digest_sees_order_ids_and_speakers(corpus):
    manifest = Manifest.read(corpus)
    assert manifest.digest() == Manifest.read(corpus).digest()
    assert manifest.digest() != manifest.take(np.arange(10)[::-1]).digest()
    assert manifest.digest() != manifest.select(exclude_speakers=['s0']).digest()


def test_a_manifest_pickles_small(tmp_path):
    rows = ''.join(f'utt{i}\tspeaker{i % 50}/{i}.wav\tspeaker{i % 50}\n' for i in range(5000))
    path = write(tmp_path, 'utt\tpath\tspeaker\n' + rows)
    data = pickle.dumps(Manifest.read(path))
    assert len(data) < 5000 * (2 * 8 + 4 + 3 * 8) + len(rows) + 10000  # offsets, codes, three times, letters
    assert pickle.loads(data).utts[4999] == 'utt4999'


def test_real_lists(data_dir):
    manifest = Manifest.read(data_dir / 'so762' / 'train.tsv', check_files=True)
    assert (len(manifest), len(manifest.speaker_map())) == (1740, 145)  # data/README.md
    assert set(manifest.extra) == {'gender', 'age'}
    libri = Manifest.read(data_dir / 'libri' / 'utts.tsv')
    assert (len(libri), len(libri.speaker_map())) == (320, 80)
