"""The fast convolution against numpy's in float64 and against ``reverberate``."""

import numpy as np
import pytest

from svtoolkit.audio.effects import reverberate
from svtoolkit.datasets.packs import write_pack
from svtoolkit.datasets.transforms.convolution import invert, table_columns, transform
from svtoolkit.datasets.transforms.reverb import Reverb
from svtoolkit.errors import ConfigError


@pytest.mark.parametrize(
    'sizes', [(1, 1), (1, 7), (5, 3), (100, 100), (4000, 1), (3201, 1999), (32080, 24000)]
)
def test_products_equal_numpys(sizes):
    rng = np.random.default_rng(sum(sizes))
    a, b = (rng.normal(size=size) for size in sizes)
    expected = np.convolve(a, b)
    columns = table_columns(len(expected))
    got = invert(transform(a.astype(np.float32), columns) * transform(b.astype(np.float32), columns))
    assert got.dtype == np.float32
    scale = np.linalg.norm(a) * np.linalg.norm(b)
    np.testing.assert_allclose(got[: len(expected)], expected, atol=2e-6 * scale)
    assert np.abs(got[len(expected) :]).max(initial=0) <= 2e-6 * scale


def test_rooms_equal_reverberate_and_the_cache_changes_nothing(tmp_path):
    rng = np.random.default_rng(0)
    rooms = [0.3 * rng.normal(size=size) * np.exp(-np.arange(size) / size * 6) for size in (900, 2000, 5001)]
    rooms = [np.clip(room, -0.99, 0.99).astype(np.float32) for room in rooms]
    pack = write_pack(tmp_path / 'rir.pack', [(f'r{i}', 'rir', room) for i, room in enumerate(rooms)], 16000)
    waves = [rng.normal(0, 0.1, size).astype(np.float32) for size in (8000, 8000, 3000)]
    kept = Reverb(pack=str(pack.path))
    for seed in range(12):
        wave = waves[seed % 3]
        wet = kept(wave, np.random.default_rng(seed))
        again = Reverb(pack=str(pack.path))(wave, np.random.default_rng(seed))
        np.testing.assert_array_equal(wet, again)
        number = int(np.random.default_rng(seed).choice(np.arange(3)))
        np.testing.assert_allclose(wet, reverberate(wave, pack.read(number)), atol=2e-6)


def test_the_cache_is_bounded(tmp_path, monkeypatch):
    pack = write_pack(
        tmp_path / 'rir.pack', [(f'r{i}', 'rir', np.ones(50, np.float32)) for i in range(9)], 16000
    )
    reverb = Reverb(pack=str(pack.path))
    monkeypatch.setattr('svtoolkit.datasets.transforms.reverb.CACHE_BYTES', 20_000)
    for seed in range(40):
        reverb(np.ones(1000, np.float32), np.random.default_rng(seed))
        assert reverb._kept_bytes == sum(room[0].nbytes for room in reverb._kept.values()) <= 20_000


def test_a_silent_room_is_named(tmp_path):
    pack = write_pack(tmp_path / 'rir.pack', [('quiet', 'rir', np.zeros(50, np.float32))], 16000)
    with pytest.raises(ConfigError, match=r'rir\.pack: room 0 holds only zeros'):
        Reverb(pack=str(pack.path))(np.ones(100, np.float32), np.random.default_rng(0))
