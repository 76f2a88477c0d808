"""Packs: what is written is read, from anywhere, also by workers; damage is told."""

import pickle

import numpy as np
import pytest

from svtoolkit.audio.io import write_flac
from svtoolkit.datasets.packs import Pack, build_pack_from_files, index_path, write_pack
from svtoolkit.errors import AudioError, ManifestError, UnknownNameError

RATE = 16000


def exact(num_samples, seed=0):
    """Samples that 16 bits hold exactly."""
    return (np.random.default_rng(seed).integers(-32768, 32768, num_samples) / 32768).astype(np.float32)


ITEMS = [
    ('tap', 'noise', exact(1000, 1)),
    ('song 声', 'music', exact(1, 2)),
    ('dishes', 'noise', exact(500, 3)),
]


@pytest.fixture
def pack(tmp_path):
    return write_pack(tmp_path / 'a.pack', iter(ITEMS), RATE, {'source': 'made up'})


def test_what_is_written_is_read(pack):
    assert len(pack) == 3
    assert pack.sample_rate == RATE
    assert pack.names == ['tap', 'song 声', 'dishes']
    assert pack.kinds == ['noise', 'music', 'noise']
    assert pack.lengths.tolist() == [1000, 1, 500]
    assert pack.attributes['source'] == 'made up'
    for number, (name, _, wave) in enumerate(ITEMS):
        np.testing.assert_array_equal(pack.read(number), wave)
        np.testing.assert_array_equal(pack.read(name), wave)
        assert pack.read(number).dtype == np.float32


@pytest.mark.parametrize('start, count', [(0, 1), (3, 100), (499, 1), (400, 500), (7, None)])
def test_segments(pack, start, count):
    np.testing.assert_array_equal(pack.read('dishes', start, count), ITEMS[2][2][start:][:count])


def test_what_is_read_belongs_to_the_reader(pack):
    pack.read(0)[:] = 0
    np.testing.assert_array_equal(pack.read(0), ITEMS[0][2])


def test_kinds(pack):
    assert pack.of_kind('noise').tolist() == [0, 2]
    with pytest.raises(UnknownNameError, match='Known: music, noise'):
        pack.of_kind('babble')


def test_only_the_path_travels_to_workers(pack):
    pack.read(0)
    assert len(pickle.dumps(pack)) < 300
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(pack)).read(2), ITEMS[2][2])


def test_a_pack_is_opened_only_when_used(tmp_path):
    pack = Pack(tmp_path / 'not_yet.pack')
    with pytest.raises(ManifestError, match=r'not_yet\.pack'):
        len(pack)
    write_pack(tmp_path / 'not_yet.pack', ITEMS, RATE)
    assert len(pack) == 3


def test_loud_samples_are_clipped(tmp_path):
    pack = write_pack(tmp_path / 'a.pack', [('a', '', np.array([2, -2, 0.5], np.float32))], 8000)
    np.testing.assert_array_equal(pack.read(0), np.array([32767, -32768, 16384]) / 32768)


@pytest.mark.parametrize('item, start, count, error', [
    ('tup', 0, 1, UnknownNameError), (3, 0, 1, IndexError), (-1, 0, 1, IndexError), (0, 1000, 1, ValueError),
    (0, -1, 1, ValueError), (0, 0, 0, ValueError),
])  # fmt: skip
def test_wrong_reads(pack, item, start, count, error):
    with pytest.raises(error):
        pack.read(item, start, count)


def test_a_wrong_name_is_answered_with_the_nearest(pack):
    with pytest.raises(UnknownNameError, match="Did you mean 'dishes'"):
        pack.read('dish')


@pytest.mark.parametrize('items, message', [
    ([], 'no items'),
    ([('a', '', exact(5)), ('b', '', exact(5)), ('a', '', exact(5))], 'more than once'),
    ([('a\tb', '', exact(5))], 'tabs'),
    ([('', '', exact(5))], 'empty'),
    ([('a', 'b\nc', exact(5))], 'line breaks'),
    ([('a', '', exact(0))], 'finite'),
    ([('a', '', np.array([np.nan], np.float32))], 'finite'),
])  # fmt: skip
def test_bad_items_write_nothing(tmp_path, items, message):
    with pytest.raises(ValueError, match=message):
        write_pack(tmp_path / 'a.pack', items, RATE)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_write_leaves_the_old_pack(pack, tmp_path):
    def items():
        yield 'new', '', exact(10)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_pack(pack.path, items(), RATE)
    assert Pack(pack.path).names == ['tap', 'song 声', 'dishes']
    assert len(list(tmp_path.iterdir())) == 2


def cut_samples(path):
    path.write_bytes(path.read_bytes()[:-2])


def drop_index(path):
    index_path(path).unlink()


def spoil_json(path):
    index_path(path).write_text('#{"sample_rate"\n' + index_path(path).read_text())


def spoil_header(path):
    index_path(path).write_text(index_path(path).read_text().replace('offset', 'begin'))


def spoil_number(path):
    index_path(path).write_text(index_path(path).read_text().replace('\t1000', '\tmany'))


def cut_index(path):
    index_path(path).write_text(''.join(index_path(path).read_text().splitlines(True)[:-1]))


@pytest.mark.parametrize(
    'damage', [cut_samples, drop_index, spoil_json, spoil_header, spoil_number, cut_index]
)
def test_damage_is_told(pack, damage):
    damage(pack.path)
    with pytest.raises(ManifestError, match=r'a\.pack.*pack again'):
        Pack(pack.path).read(0)


@pytest.mark.parametrize('parallel', [1, 3])
def test_building_from_files(tmp_path, parallel):
    for number in range(20):
        write_flac(tmp_path / f'{number}.flac', exact(100 + number, number), RATE)
    files = [(str(number), 'speech', tmp_path / f'{number}.flac') for number in range(20)]
    pack = build_pack_from_files(tmp_path / 'a.pack', files, RATE, parallel=parallel)
    assert pack.names == [str(number) for number in range(20)]
    np.testing.assert_array_equal(pack.read('7'), exact(107, 7))


def test_building_resamples_and_scales(tmp_path):
    write_flac(tmp_path / 'a.flac', 0.01 * np.sin(np.arange(8000) / 5), 8000)
    pack = build_pack_from_files(tmp_path / 'a.pack', [('a', 'rir', tmp_path / 'a.flac')], RATE, peak=0.9)
    assert pack.lengths.tolist() == [16000]
    assert np.abs(pack.read(0)).max() == pytest.approx(0.9, abs=1e-4)


def test_building_lists_all_bad_files(tmp_path):
    write_flac(tmp_path / 'a.flac', exact(100), RATE)
    (tmp_path / 'b.flac').write_bytes(b'no audio')
    names = ['a.flac', 'b.flac', 'c.flac']
    with pytest.raises(AudioError, match=r'(?s)2 recordings.*b\.flac: not audio.*c\.flac: no such file'):
        build_pack_from_files(tmp_path / 'a.pack', [(name, '', tmp_path / name) for name in names], RATE)
    assert not (tmp_path / 'a.pack').exists()


def test_real_noise_fits_in_a_pack(data_dir, tmp_path):
    files = [(path.stem, 'noise', path) for path in sorted((data_dir / 'noise').glob('noise_*.opus'))[:2]]
    pack = build_pack_from_files(tmp_path / 'noise.pack', files, RATE)
    assert pack.read(0, 1000, 32000).std() == pytest.approx(0.05, rel=0.5)
