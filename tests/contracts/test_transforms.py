"""What every registered transform must do; a new one gets a line in ARGUMENTS."""

import pickle

import numpy as np
import pytest

from svtoolkit.datasets.packs import write_pack
from svtoolkit.registry import TRANSFORMS

ARGUMENTS = {
    'AddNoise': dict(pack='{pack}'),
    'RandomChoice': dict(transforms=[None, dict(type='RandomGain'), [dict(type='Reverb', pack='{pack}')]]),
    'RandomCodec': dict(kinds=['telephone', 'bandwidth', 'mulaw', 'opus']),
    'RandomGain': dict(),
    'Reverb': dict(pack='{pack}'),
}


@pytest.fixture(scope='module')
def pack(tmp_path_factory) -> str:
    rng = np.random.default_rng(0)
    items = [(f'{kind}{i}', kind, rng.normal(0, 0.1, 9000).astype(np.float32))
             for kind in ('noise', 'music', 'speech', 'rir') for i in range(3)]  # fmt: skip
    return str(write_pack(tmp_path_factory.mktemp('sounds') / 'all.pack', items, 16000).path)


def fill_in(value, pack):
    if isinstance(value, dict):
        return {key: fill_in(entry, pack) for key, entry in value.items()}
    if isinstance(value, list):
        return [fill_in(entry, pack) for entry in value]
    return pack if value == '{pack}' else value


@pytest.fixture(params=ARGUMENTS)
def transform(request, pack):
    return TRANSFORMS.build({'type': request.param, **fill_in(ARGUMENTS[request.param], pack)})


def wave_of(length: int) -> np.ndarray:
    return (0.2 * np.sin(np.arange(length) * 0.1)).astype(np.float32)


def test_every_registered_transform_is_listed():
    own = [n for n in TRANSFORMS.names() if TRANSFORMS.get(n).__module__.startswith('svtoolkit.')]
    assert own == sorted(ARGUMENTS)


@pytest.mark.parametrize('length', [400, 32240])
def test_length_and_type_are_kept(transform, length):
    for seed in range(6):
        changed = transform(wave_of(length), np.random.default_rng(seed))
        assert changed.shape == (length,)
        assert changed.dtype == np.float32
        assert np.isfinite(changed).all()


def test_same_generator_same_output_and_it_is_used(transform):
    outs = [transform(wave_of(4000), np.random.default_rng(seed)) for seed in (1, 1, 2, 3, 4, 5)]
    assert np.array_equal(outs[0], outs[1])
    assert any(not np.array_equal(outs[0], out) for out in outs[2:])


def test_global_generators_are_not_touched(transform):
    np.random.seed(0)
    before = np.random.get_state()[1].tolist()
    transform(wave_of(4000), np.random.default_rng(0))
    assert np.random.get_state()[1].tolist() == before


def test_input_is_untouched_and_not_shared(transform):
    for seed in range(6):
        wave = wave_of(4000)
        changed = transform(wave, np.random.default_rng(seed))
        assert np.array_equal(wave, wave_of(4000))
        assert not np.shares_memory(wave, changed)


def test_silence_is_finite(transform):
    for seed in range(6):
        assert np.isfinite(transform(np.zeros(4000, np.float32), np.random.default_rng(seed))).all()


def test_travels_to_workers(transform):
    expected = transform(wave_of(4000), np.random.default_rng(7))
    again = pickle.loads(pickle.dumps(transform))
    assert np.array_equal(again(wave_of(4000), np.random.default_rng(7)), expected)
