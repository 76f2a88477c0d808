"""The smallest backbone that trains."""

from torch import Tensor, nn

from svtoolkit.registry import BACKBONES


@BACKBONES.register_module()
class ExampleConvStack(nn.Module):
    """Two strided convolutions in time, [B, F, N] -> [B, C, N / 4]."""

    def __init__(self, in_channels: int = 80, channels: int = 32) -> None:
        super().__init__()
        self.out_channels = channels
        self.subsampling = 4
        self.layers = nn.Sequential(
            nn.Conv1d(in_channels, channels, 5, stride=2, padding=2),
            nn.BatchNorm1d(channels),
            nn.ReLU(),
            nn.Conv1d(channels, channels, 3, stride=2, padding=1),
            nn.BatchNorm1d(channels),
            nn.ReLU(),
        )

    def forward(self, features: Tensor) -> Tensor:
        return self.layers(features)
