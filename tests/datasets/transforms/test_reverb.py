import numpy as np
import soundfile

from svtoolkit.datasets.packs import write_pack
from svtoolkit.datasets.transforms.reverb import Reverb

WAVE = np.random.default_rng(0).normal(0, 0.1, 4000).astype(np.float32)


def room(delay: int) -> np.ndarray:
    response = np.zeros(200, np.float32)
    response[0], response[delay] = 0.8, 0.6  # unit energy
    return response


def test_rooms_are_drawn_and_convolved(tmp_path):
    pack = write_pack(tmp_path / 'rir.pack', [(f'r{d}', 'rir', room(d)) for d in (10, 50, 90)], 16000)
    transform = Reverb(pack=str(pack.path))
    transform.prepare()
    seen = set()
    for seed in range(30):
        wet = transform(WAVE, np.random.default_rng(seed))
        for delay in (10, 50, 90):
            if np.allclose(wet, np.convolve(WAVE, room(delay))[:4000], atol=1e-4):
                seen.add(delay)
    assert seen == {10, 50, 90}


def test_files_of_kind_rir_are_preferred(tmp_path):
    for name in ('rir/a.wav', 'noise/b.wav'):
        (tmp_path / name).parent.mkdir()
        soundfile.write(tmp_path / name, room(20), 16000)
    transform = Reverb(files=str(tmp_path))
    assert len(transform.sounds) == 2
    assert np.allclose(
        transform(WAVE, np.random.default_rng(0)), np.convolve(WAVE, room(20))[:4000], atol=1e-4
    )
    only = Reverb(files=str(tmp_path / 'noise'))  # whatever they are called
    assert only(WAVE, np.random.default_rng(0)).shape == WAVE.shape


def test_real_rooms(data_dir):
    wet = Reverb(files=str(data_dir / 'noise' / 'rir'))(WAVE, np.random.default_rng(1))
    assert wet.dtype == np.float32
    assert wet.shape == WAVE.shape
