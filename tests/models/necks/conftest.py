"""The frames the specification gives its pooling values for."""

import pytest
import torch


@pytest.fixture
def golden_frames():
    """open_sv.md section 3: B=2, C=6, N=10, float64, sin(0.37 b + 0.61 d + 0.23 t + 0.05 d t)."""
    b, d, t = torch.meshgrid(*(torch.arange(n, dtype=torch.float64) for n in (2, 6, 10)), indexing='ij')
    return torch.sin(0.37 * b + 0.61 * d + 0.23 * t + 0.05 * d * t)
