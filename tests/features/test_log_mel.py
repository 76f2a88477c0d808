"""LogMel presets against published values of their home toolkits, and against torchaudio's pieces."""

import numpy as np
import pytest
import torch
from torch import Tensor

from svtoolkit.errors import UnknownNameError
from svtoolkit.features.log_mel import LogMel
from svtoolkit.features.mel_presets import PRESETS

PLACES_G = [(0, 0), (50, 0), (50, 10), (50, 27), (0, 40), (100, 60), (100, 79)]


def at(features: Tensor, places: list[tuple[int, int]]) -> Tensor:
    """Values of [1, F, N] at (frame, bin)."""
    return torch.stack([features[0, row, frame] for frame, row in places])


def centre(features: Tensor) -> Tensor:
    return features - features.mean(-1, keepdim=True)


def standardise(features: Tensor) -> Tensor:
    return centre(features) / (features.var(-1, correction=0, keepdim=True) + 1e-5).sqrt()


def close(got: Tensor, expected: list, atol: float):
    torch.testing.assert_close(got, torch.tensor(expected), atol=atol, rtol=0)


def test_ecapa_on_signal_g(signal_g):
    features = LogMel('ecapa')(signal_g)
    assert features.shape == (1, 80, 101)
    close(at(features, PLACES_G), [-6.5763, -7.7927, -4.1481, 3.6298, -3.2115, 3.2128, -2.0187], 1e-3)
    close(at(centre(features), PLACES_G), [2.3488, 1.1323, 0.0518, 0.0067, 2.2535, 4.2154, 0.2954], 1e-3)
    assert features.mean().item() == pytest.approx(-4.18674, abs=1e-4)


def test_ecapa_on_signal_s(signal_s):
    features = LogMel('ecapa')(signal_s)
    expected = [
        [-4.592086, -6.668720, -3.165665],
        [-5.475307, -6.897053, -0.689673],
        [-1.334404, -5.525443, -2.692538],
        [0.218552, -6.545935, -1.297980],
    ]
    close(features[0, [0, 10, 40, 79]][:, [0, 50, 100]], expected, 2e-3)
    assert features.min().item() == pytest.approx(-12.532657, abs=2e-3)
    assert features.max().item() == pytest.approx(6.469223, abs=2e-3)
    silence = LogMel('ecapa')(torch.zeros(1, 16000))
    torch.testing.assert_close(silence, torch.full_like(silence, -13.815511))


def test_ecapa_of_the_enhancer_paper():
    """Values of the DiffSV front end, 200 frames from 31920 samples."""
    t = np.arange(31920) / 16000
    tones = 0.5 * np.sin(2 * np.pi * 440 * t) + 0.25 * np.sin(2 * np.pi * 1000 * t)
    wave = torch.from_numpy((1 + 0.5 * np.sin(2 * np.pi * 3 * t)) * tones).float()[None]
    features = LogMel('ecapa')(wave)
    assert features.shape == (1, 80, 200)
    places = [(0, 0), (100, 10), (50, 22), (0, 40), (199, 79)]
    close(at(features, places), [-8.0447, -7.0381, -7.8165, -0.7305, -6.5192], 2e-3)
    assert features.mean().item() == pytest.approx(-6.5473, abs=1e-3)
    assert features.std().item() == pytest.approx(3.8406, abs=1e-3)
    assert features[0].mean(-1).argmax() == 27


def test_pre_emphasis_mirrors_or_keeps_the_first_sample():
    """By hand; the values 1 2 4 8 stand in two of the specs of the original systems."""
    wave = torch.tensor([[1.0, 2.0, 4.0, 8.0]])
    close(LogMel('ecapa')._shape_wave(wave)[0], [-0.94, 1.03, 2.06, 4.12], 1e-6)
    close(LogMel('nemo')._shape_wave(wave)[0], [1.0, 1.03, 2.06, 4.12], 1e-6)


def test_speechbrain_on_both_signals(signal_g, signal_s):
    features = LogMel('speechbrain')(signal_g)
    close(at(features, PLACES_G), [3.3494, -40.5157, 8.1189, 22.5517, -12.3068, 15.2844, -18.8121], 2e-3)
    close(
        at(centre(features), PLACES_G), [24.7489, -19.1162, -0.4795, 0.0806, 8.5932, 26.6089, -1.8460], 2e-3
    )
    features = LogMel('speechbrain')(signal_s)
    expected = [
        [7.68972, 13.56543, -0.04974, -26.77591],
        [-35.28852, -28.56910, -26.22448, -43.23212],
        [-0.69505, 11.34324, -4.50253, -15.90648],
    ]
    close(features[0, [0, 10, 40, 79]][:, [0, 50, 100]].T, expected, 2e-3)
    assert features.min().item() == pytest.approx(-46.82630, abs=2e-3)
    assert features.max().item() == pytest.approx(33.17370, abs=2e-3)


def test_speechbrain_floor_is_per_utterance(signal_g):
    """A loud neighbour in the batch must not lift the floor of a quiet one."""
    feature = LogMel('speechbrain')
    batch = torch.cat([signal_g, signal_g * 1e-3])
    torch.testing.assert_close(feature(batch)[1:], feature(batch[1:]), atol=1e-4, rtol=0)
    assert feature(batch)[1].min() >= feature(batch)[1].max() - 80.0001


def test_clova_with_40_and_64_bins():
    t = np.arange(16000) / 16000
    wave = 0.5 * np.sin(2 * np.pi * 440 * t) + 0.1 * np.sin(2 * np.pi * 3000 * t)
    wave = torch.from_numpy(wave).float()[None]
    features = LogMel('clova')(wave)
    places = [(50, row) for row in (0, 5, 10, 20, 39)]
    close(at(features, places), [-1.700109, -1.138331, -2.329003, -8.459891, -7.341166], 2e-3)
    close(at(standardise(features), places), [0.667078, -0.240620, -0.889247, -2.014419, -1.742617], 2e-3)
    features = LogMel('clova', num_mel_bins=64, preemphasis=0.97)(wave)
    places = [(50, row) for row in (0, 5, 10, 20, 63)]
    close(at(features, places), [-7.416984, -6.309622, 1.728062, -6.517492, -7.485281], 2e-3)


def test_neural_scoring_chirp():
    t = np.arange(32240) / 16000
    wave = 10000 * np.sin(2 * np.pi * (50 * t + 300 * t**2)) / 32768
    features = LogMel('neural_scoring')(torch.from_numpy(wave).float()[None])
    places = [(0, 0), (50, 5), (100, 20), (150, 40), (201, 79)]
    close(at(features, places), [20.8186, 13.6881, 25.0162, 14.1231, 15.4573], 1e-2)
    assert features.mean().item() == pytest.approx(12.6812, abs=1e-3)
    close(at(standardise(features), places), [4.8264, -0.0629, 2.6173, 0.8884, 2.6026], 1e-2)


def slaney_power(torchaudio, wave, n_fft, win, hop, window, num_mel_bins):
    """Mel power by torch.stft (zeros at the ends) and torchaudio's Slaney filters, as librosa computes it."""
    spectrum = torch.stft(
        wave, n_fft, hop, win, window, center=True, pad_mode='constant', return_complex=True
    )
    filters = torchaudio.functional.melscale_fbanks(
        n_fft // 2 + 1, 0.0, 8000.0, num_mel_bins, 16000, norm='slaney', mel_scale='slaney'
    )
    return filters.T @ spectrum.abs().square()


def test_nemo_formula(torchaudio, noise):
    wave = noise(16100, 2)
    shaped = torch.cat([wave[:, :1], wave[:, 1:] - 0.97 * wave[:, :-1]], dim=1)
    window = torch.hann_window(400, periodic=False)
    expected = (slaney_power(torchaudio, shaped, 512, 400, 160, window, 80) + 2**-24).log()
    torch.testing.assert_close(LogMel('nemo')(wave), expected[..., :100], atol=1e-4, rtol=0)


def test_nemo_equals_kaldi_native_fbank(noise):
    knf = pytest.importorskip('kaldi_native_fbank')
    wave = noise(16000)
    theirs = knf.OnlineNemoFbank(knf.NemoFbankOptions())
    theirs.accept_waveform(16000, wave[0].tolist())
    theirs.input_finished()
    expected, _ = theirs.get_frames(0, theirs.num_frames_ready)
    torch.testing.assert_close(LogMel('nemo')(wave)[0].T, torch.from_numpy(expected), atol=1e-3, rtol=0)


def test_resemblyzer_and_librosa_formula(torchaudio, noise):
    wave = noise(16000, 2)
    expected = slaney_power(torchaudio, wave, 400, 400, 160, torch.hann_window(400), 40)
    torch.testing.assert_close(LogMel('resemblyzer')(wave), expected, atol=1e-6, rtol=1e-4)
    expected = slaney_power(torchaudio, wave, 2048, 2048, 512, torch.hann_window(2048), 128)
    expected = 10 * expected.clamp(min=1e-10).log10()
    torch.testing.assert_close(LogMel('librosa')(wave), expected, atol=1e-3, rtol=0)


def test_redimnet_is_ecapa_with_72_bins_on_a_standardised_wave(noise):
    wave = noise(16000)
    level = (wave - wave.mean()) / (wave.std(correction=0) + 1e-6)
    features = LogMel('redimnet', standardise=True)(wave)
    torch.testing.assert_close(features, LogMel('ecapa', num_mel_bins=72)(level), atol=1e-4, rtol=0)


@pytest.mark.parametrize('preset', PRESETS)
def test_fast_way_equals_plain_way(preset, noise):
    feature = LogMel(preset)
    wave = noise(24000, 3)
    plain = feature(wave.clone().requires_grad_()).detach()
    torch.testing.assert_close(feature(wave), plain, atol=1e-3, rtol=1e-4)


def test_names_and_sizes_are_checked():
    with pytest.raises(UnknownNameError, match="'ecapa'"):
        LogMel('ecappa')
    with pytest.raises(UnknownNameError, match='reflect'):
        LogMel(pad_mode='mirror')
    with pytest.raises(ValueError, match='n_fft=256'):
        LogMel(n_fft=256)
