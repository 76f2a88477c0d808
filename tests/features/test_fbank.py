"""Fbank against published values, torchaudio, kaldi-native-fbank, and its own plain way.

The golden values were computed with torchaudio 2.11 and rounded to four digits; kaldi-native-fbank 1.22.5
gives the same ones. Two float32 versions differ by up to 4.6e-3 in bins that are nearly empty.
"""

import numpy as np
import pytest
import soundfile
import torch
from torch import Tensor

from svtoolkit.features.fbank import Fbank, kaldi_window

SILENCE = -15.9424  # ln of the float32 epsilon


def at(features: Tensor, places: dict[tuple[int, int], float]) -> tuple[Tensor, Tensor]:
    """Values of [1, F, N] at (frame, bin), and those expected."""
    got = torch.stack([features[0, row, frame] for frame, row in places])
    return got, torch.tensor(list(places.values()))


GOLDEN_81 = {
    (0, 0): 23.6732, (0, 1): 14.2919, (0, 40): 14.1348, (0, 79): 18.3085, (0, 80): 18.7965, (49, 0): 23.6615,
    (49, 10): 18.3336, (49, 27): 23.5012, (49, 80): 18.4647, (97, 0): 23.6922, (97, 5): 16.6053,
    (97, 60): 24.4152, (97, 80): 18.7152,
}  # fmt: skip
GOLDEN_SNIP_OFF = {
    (0, 0): 23.6468, (0, 1): 16.3942, (0, 40): 17.7212, (49, 27): 23.5148, (97, 80): 19.2894,
    (99, 0): 23.6570, (99, 60): 24.4178, (99, 80): 18.8968,
}  # fmt: skip
GOLDEN = {
    '81': (dict(use_energy=True), 98, 16.5788, GOLDEN_81),
    '80': (
        dict(), 98, 16.4900,
        {(0, 0): 14.2919, (0, 1): 11.3222, (0, 40): 13.4851, (49, 0): 10.6622, (49, 10): 16.1626,
         (49, 27): 24.7740, (97, 60): 26.1581},
    ),
    'energy after window': (
        dict(use_energy=True, raw_energy=False), 98, None,
        {(0, 0): 20.7627, (49, 0): 20.9451, (97, 0): 21.0895},
    ),
    'snip_edges off': (dict(use_energy=True, snip_edges=False), 100, 16.6248, GOLDEN_SNIP_OFF),
    'snip_edges off, 7600 Hz': (
        dict(use_energy=True, snip_edges=False, high_freq=7600.0), 100, None,
        {(0, 1): 16.3101, (0, 80): 18.1346, (49, 27): 21.8810, (99, 60): 20.7532},
    ),
    '7600 Hz': (
        dict(use_energy=True, high_freq=7600.0), 98, None,
        {(0, 1): 14.3088, (0, 80): 18.2674, (49, 27): 21.8559, (97, 60): 16.4666},
    ),
    'hamming': (dict(window='hamming'), 98, 16.6694, {(0, 0): 14.7103, (49, 10): 15.3508, (97, 60): 26.1485}),
}  # fmt: skip


@pytest.mark.parametrize('plain', [False, True], ids=['fast', 'plain'])
@pytest.mark.parametrize('case', GOLDEN)
def test_golden_values(signal_g, case, plain):
    options, num_frames, mean, places = GOLDEN[case]
    features = Fbank(**options)(signal_g.clone().requires_grad_(plain)).detach()
    assert features.shape == (1, 81 if 'use_energy' in options else 80, num_frames)
    torch.testing.assert_close(*at(features, places), atol=1e-3, rtol=0)
    if mean is not None:
        assert features.mean().item() == pytest.approx(mean, abs=1e-4)


def test_mean_is_removed_over_the_whole_utterance(signal_g):
    features = Fbank(use_energy=True)(signal_g)
    centred = features - features.mean(-1, keepdim=True)
    places = {
        (0, 0): -0.0053,
        (0, 1): 1.3463,
        (0, 40): -0.8278,
        (49, 27): -0.0045,
        (97, 60): 4.9075,
        (97, 80): 0.2582,
    }
    torch.testing.assert_close(*at(centred, places), atol=1e-3, rtol=0)
    assert centred.std(correction=0).item() == pytest.approx(1.30642, abs=1e-3)
    assert centred.abs().sum().item() == pytest.approx(5574.08, rel=1e-4)
    crop = centred[..., 20:60]
    assert centred.mean(-1).abs().max() < 1e-4
    assert crop.mean(-1).abs().max() > 1e-2


def test_wespeaker_and_sherpa_values(signal_s):
    """Kaldi front ends of WeSpeaker and of sherpa-onnx (kaldi-native-fbank), four bins of three frames."""
    rows = [0, 10, 40, 79]
    wespeaker = Fbank(window='hamming')(signal_s)[0, rows][:, [0, 50, 97]].T
    expected = [
        [16.08182, 13.87003, 15.37962, 13.86225],
        [14.08649, 13.87007, 14.81483, 14.95036],
        [14.14232, 14.17540, 14.67005, 15.66398],
    ]
    torch.testing.assert_close(wespeaker, torch.tensor(expected), atol=5e-3, rtol=0)
    sherpa = Fbank(scale=1.0, high_freq=7600.0, snip_edges=False)
    features = sherpa(signal_s)
    assert features.shape == (1, 80, 100)
    expected = [
        [-3.83698, 0.23587, 0.17783, -5.68963],
        [-11.25095, -4.82244, -11.18634, -15.94238],
        [-4.95764, -0.15063, -1.35374, -3.81399],
    ]
    torch.testing.assert_close(features[0, rows][:, [0, 50, 99]].T, torch.tensor(expected), atol=5e-3, rtol=0)
    sherpa.scale = 32768.0
    louder = sherpa(signal_s)
    off_floor = features > SILENCE + 1
    torch.testing.assert_close(louder[off_floor], features[off_floor] + 20.7944, atol=1e-3, rtol=0)


def test_without_energy_is_the_rest_of_the_rows(signal_g):
    plain = Fbank()(signal_g)
    torch.testing.assert_close(Fbank(use_energy=True)(signal_g)[:, 1:], plain, atol=0, rtol=0)
    htk = Fbank(use_energy=True, htk_compat=True)(signal_g)
    torch.testing.assert_close(htk[:, :80], plain, atol=0, rtol=0)
    torch.testing.assert_close(htk[:, 80], Fbank(use_energy=True)(signal_g)[:, 0], atol=0, rtol=0)


ORACLE_CASES = {
    'default': {},
    'hamming': dict(window='hamming'),
    'hanning': dict(window='hanning'),
    'blackman': dict(window='blackman'),
    'rectangular': dict(window='rectangular'),
    'energy': dict(use_energy=True),
    'energy after window': dict(use_energy=True, raw_energy=False, htk_compat=True),
    'no edges': dict(snip_edges=False),
    'sherpa': dict(snip_edges=False, high_freq=7600.0),
    '23 bins': dict(num_mel_bins=23, low_freq=64.0, high_freq=-400.0),
    'no dc, no pre-emphasis': dict(remove_dc_offset=False, preemphasis=0.0),
    '8 kHz': dict(sample_rate=8000, num_mel_bins=40),
    '20 / 8 ms': dict(frame_length_ms=20.0, frame_shift_ms=8.0),
}


TORCHAUDIO_NAMES = {
    'sample_rate': 'sample_frequency',
    'window': 'window_type',
    'preemphasis': 'preemphasis_coefficient',
    'frame_length_ms': 'frame_length',
    'frame_shift_ms': 'frame_shift',
}


def assert_as_good_as_float32_gets(got: Tensor, expected: Tensor):
    difference = (got - expected).abs().double().flatten()
    assert difference.mean() <= 1e-5
    assert difference.quantile(0.999) <= 1e-3
    assert difference.max() <= 1e-2


@pytest.mark.parametrize('case', ORACLE_CASES)
@pytest.mark.parametrize('num_samples', [400, 559, 560, 23456])
def test_equals_torchaudio(kaldi, case, num_samples, noise):
    options = ORACLE_CASES[case]
    wave = noise(num_samples)
    theirs = {TORCHAUDIO_NAMES.get(name, name): value for name, value in options.items()}
    expected = kaldi.fbank(wave * 32768, **dict(num_mel_bins=80, energy_floor=0.0, dither=0.0) | theirs)
    got = Fbank(**options)(wave)
    assert got.shape[1:] == expected.T.shape
    assert_as_good_as_float32_gets(got[0].T, expected)


def test_equals_torchaudio_on_speech(kaldi, data_dir):
    """Quiet bins of real speech: torchaudio itself is up to 1.4e-2 from a float64 derivation there."""
    differences = []
    for path in sorted((data_dir / 'so762').rglob('*.opus'))[:10]:
        samples, _ = soundfile.read(path, dtype='float32')
        wave = torch.from_numpy(samples)[None]
        expected = kaldi.fbank(wave * 32768, num_mel_bins=80, energy_floor=0.0)
        differences.append((Fbank()(wave)[0].T - expected).abs().flatten())
    difference = torch.cat(differences)
    assert difference.mean() <= 1e-5
    assert difference.quantile(0.999) <= 1e-3
    assert difference.max() <= 2e-2


@pytest.mark.parametrize(
    ('snip_edges', 'num_samples'),
    [(True, 400), (True, 1000), (True, 23457), (False, 100), (False, 240), (False, 399), (False, 23457)],
)
def test_equals_kaldi_native_fbank(snip_edges, num_samples, noise):
    knf = pytest.importorskip('kaldi_native_fbank')
    wave = noise(num_samples)
    options = knf.FbankOptions()
    options.frame_opts.dither = 0.0
    options.frame_opts.snip_edges = snip_edges
    options.mel_opts.num_bins = 80
    theirs = knf.OnlineFbank(options)
    theirs.accept_waveform(16000, (wave[0] * 32768).tolist())
    theirs.input_finished()
    expected = np.stack([theirs.get_frame(k) for k in range(theirs.num_frames_ready)])
    got = Fbank(snip_edges=snip_edges)(wave)[0].T
    assert got.shape == expected.shape
    assert_as_good_as_float32_gets(got, torch.from_numpy(expected))


@pytest.mark.parametrize('case', ORACLE_CASES)
@pytest.mark.parametrize(('batch', 'num_samples'), [(3, 401), (40, 1000), (2, 16000), (1, 120001)])
def test_fast_way_equals_plain_way(case, batch, num_samples, noise):
    """Chunks of several short utterances, of one, and of parts of a long one."""
    feature = Fbank(**ORACLE_CASES[case])
    wave = noise(num_samples, batch)
    wave[0] += 0.3
    fast = feature(wave)
    plain = feature(wave.clone().requires_grad_()).detach()
    assert_as_good_as_float32_gets(fast, plain)


def test_silence_and_short_audio(noise):
    for num_samples in (0, 1, 160, 399, 400):
        features = Fbank(use_energy=True)(torch.zeros(2, num_samples))
        assert features.shape == (2, 81, 1)
        torch.testing.assert_close(features, torch.full_like(features, SILENCE), atol=1e-4, rtol=0)
    short = noise(300)
    padded = torch.cat([short, torch.zeros(1, 100)], dim=-1)
    torch.testing.assert_close(Fbank()(short), Fbank()(padded), atol=0, rtol=0)


def test_energy_floor():
    quiet = Fbank(use_energy=True, energy_floor=1.0)(torch.zeros(1, 400))
    assert quiet[0, 0, 0] == 0.0
    assert quiet[0, 1, 0] == pytest.approx(SILENCE, abs=1e-4)


def test_dither_in_training_only():
    wave = torch.zeros(1, 16000)
    feature = Fbank(dither=1.0)
    assert feature.train()(wave).mean() > 0
    assert feature(wave).std() > 0.1
    torch.testing.assert_close(feature.eval()(wave), Fbank()(wave), atol=0, rtol=0)


def test_exports_with_free_batch_and_length(noise):
    feature = Fbank(use_energy=True).eval()
    free = {'wave': {0: torch.export.Dim.AUTO, 1: torch.export.Dim.AUTO}}
    program = torch.export.export(feature, (noise(16000, 2),), dynamic_shapes=free)
    wave = noise(23456, 3)
    assert_as_good_as_float32_gets(program.module()(wave), feature(wave))


def test_builds_without_memory():
    with torch.device('meta'):
        assert Fbank()(torch.empty(2, 16000)).shape == (2, 80, 98)


def test_windows():
    """Ends and middle by hand; an odd length has its middle on a sample."""
    for name, end in (('povey', 0.0), ('hanning', 0.0), ('hamming', 0.08), ('rectangular', 1.0)):
        window = kaldi_window(name, 401)
        assert window[0] == pytest.approx(end, abs=1e-12)
        assert window[200] == pytest.approx(1.0)
        torch.testing.assert_close(window, window.flip(0))
    with pytest.raises(ValueError, match='povey'):
        kaldi_window('hann', 400)


def test_mel_range_must_fit_the_rate():
    with pytest.raises(ValueError, match='8000 Hz'):
        Fbank(sample_rate=8000, high_freq=7600.0)
