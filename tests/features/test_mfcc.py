"""MFCC against scipy's cosine transform and against the front end of a published encoder."""

import runpy

import numpy as np
import pytest
import scipy.fft
import torch

from svtoolkit.features.log_mel import LogMel
from svtoolkit.features.mfcc import MFCC


def test_equals_scipy_on_librosa_decibels(noise):
    wave = noise(16000, 2)
    level = LogMel('librosa')(wave).double().numpy()
    expected = scipy.fft.dct(level, type=2, axis=1, norm='ortho')[:, :40]
    got = MFCC()(wave)
    assert got.shape == (2, 40, 32)
    np.testing.assert_allclose(got.numpy(), expected, atol=1e-3)


def test_equals_the_front_end_of_the_small_encoder(data_dir, noise):
    script = runpy.run_path(str(data_dir / 'scripts' / 'embed_bilstm.py'))
    wave = noise(30000)
    expected = script['BiLstm']().features(wave[0])
    torch.testing.assert_close(MFCC()(wave)[0].T, expected, atol=1e-2, rtol=0)


def test_takes_any_front_end(noise):
    feature = MFCC(num_coeffs=20, mel=dict(type='LogMel', preset='ecapa'))
    assert feature(noise(16000)).shape == (1, 20, feature.num_frames(16000)) == (1, 20, 101)
    with pytest.raises(ValueError, match='80 mel bins'):
        MFCC(num_coeffs=81, mel=dict(type='Fbank'))
