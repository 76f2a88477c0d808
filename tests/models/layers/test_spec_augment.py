"""Masks: sizes and places as said, each item its own, and only while training."""

import pytest
import torch

from svtoolkit.models.layers.spec_augment import SpecAugment, SpecCutout
from svtoolkit.models.preprocessor import SpeakerPreprocessor


def masks(module, fill=0.0, shape=(4000, 12, 30)):
    """Where [B, F, N] features were filled, after checking that nothing else changed."""
    torch.manual_seed(0)
    features = torch.rand(shape) + 1
    before = features.clone()
    masked = module(features)
    torch.testing.assert_close(features, before, atol=0, rtol=0)
    inside = masked == fill
    torch.testing.assert_close(masked[~inside], features[~inside], atol=0, rtol=0)
    return inside


def assert_stripes(stripes, largest):
    """One stripe in each row of [B, size]: widths 0..largest evenly often, both ends reached."""
    widths = stripes.sum(1)
    starts = (stripes[:, 1:] & ~stripes[:, :-1]).sum(1) + stripes[:, 0]
    assert (starts == (widths > 0)).all()
    counts = torch.bincount(widths, minlength=largest + 1)
    assert len(counts) == largest + 1
    assert (counts / len(stripes) - 1 / (largest + 1)).abs().max() < 0.03
    assert stripes[:, 0].any()
    assert stripes[:, -1].any()


def test_stripes_reach_over_the_whole_other_axis():
    rows = masks(SpecAugment(freq_masks=1, max_freq_width=4, time_masks=0))
    assert (rows.all(2) == rows.any(2)).all()
    assert_stripes(rows.any(2), 4)
    columns = masks(SpecAugment(freq_masks=0, time_masks=1, max_time_width=6, fill=-3.0), fill=-3.0)
    assert (columns.all(1) == columns.any(1)).all()
    assert_stripes(columns.any(1), 6)


def test_several_masks_and_masks_wider_than_the_features():
    inside = masks(SpecAugment(freq_masks=0, time_masks=2, max_time_width=3), shape=(500, 2, 30))
    assert inside[:, 0].sum(1).max() == 6
    assert masks(SpecAugment(freq_masks=0, max_time_width=99), shape=(500, 2, 5)).all(2).any()


def test_cutout_is_one_rectangle():
    """As in specs/open_sv.md section 1: at most 8 bins by 10 frames, both uniform from 0."""
    inside = masks(SpecCutout())
    rows, columns = inside.any(2), inside.any(1)
    assert (inside == rows[:, :, None] & columns[:, None, :]).all()
    assert rows.sum(1).max() == 8
    assert columns.sum(1).max() == 10
    hidden = inside.flatten(1).any(1)
    assert hidden.double().mean() == pytest.approx(8 / 9 * 10 / 11, abs=0.02)


def test_only_training_is_masked():
    batch = dict(inputs=0.1 * torch.randn(8, 16000), data_samples=None)
    plain = SpeakerPreprocessor(dict(type='Fbank'))(batch)['inputs']
    masking = SpeakerPreprocessor(dict(type='Fbank'), augment=dict(type='SpecAugment'))
    torch.testing.assert_close(masking(batch)['inputs'], plain, atol=0, rtol=0)
    torch.manual_seed(0)
    masked = masking(batch, training=True)['inputs']
    assert (masked[masked != plain] == 0).all()
    assert (masked != plain).flatten(1).any(1).double().mean() > 0.5
