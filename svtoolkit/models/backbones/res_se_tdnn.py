"""RES-SE-TDNN: the residual time-delay network with gates of the Open Speaker Verification system.

Activation comes before batch norm throughout. The original class names an argument its layers do not
have, so it was never built; this is its layer list, with the biases of the gates.
"""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from svtoolkit.models.layers.squeeze_excite import SqueezeExcite1d
from svtoolkit.registry import BACKBONES


class TDNNLayer(nn.Module):
    """Convolution, gate, leaky ReLU, batch norm, [B, C, N] -> [B, width, N].

    Args:
        in_channels: C.
        width: channels of the result.
        kernel_size: odd; the length is kept by zero padding.
        se_reduction: channels per hidden unit of the gate; None leaves it out.
        momentum: of the batch norm.
    """

    def __init__(
        self, in_channels: int, width: int, kernel_size: int, se_reduction: int | None, momentum: float
    ) -> None:
        super().__init__()
        self.conv = nn.Conv1d(in_channels, width, kernel_size, padding=kernel_size // 2)
        self.se = _gate(width, se_reduction) if se_reduction else nn.Identity()
        self.norm = nn.BatchNorm1d(width, momentum=momentum)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(F.leaky_relu(self.se(self.conv(x))))


class ResidualTDNN(nn.Module):
    """1x1 TDNN layer, convolution, gate, shortcut, leaky ReLU, batch norm, [B, C, N] -> [B, width, N].

    Args:
        in_channels: C.
        width: channels of the result.
        kernel_size: of the second convolution, odd.
        se_reduction: channels per hidden unit of the gate.
        momentum: of the batch norms.
    """

    def __init__(
        self, in_channels: int, width: int, kernel_size: int, se_reduction: int, momentum: float
    ) -> None:
        super().__init__()
        self.reduce = TDNNLayer(in_channels, width, 1, None, momentum)
        self.conv = nn.Conv1d(width, width, kernel_size, padding=kernel_size // 2, bias=False)
        self.se = _gate(width, se_reduction)
        self.norm = nn.BatchNorm1d(width, momentum=momentum)
        self.shortcut = nn.Sequential()
        if in_channels != width:
            self.shortcut = nn.Sequential(
                nn.Conv1d(in_channels, width, 1, bias=False), nn.BatchNorm1d(width, momentum=momentum)
            )

    def forward(self, x: Tensor) -> Tensor:
        out = self.se(self.conv(self.reduce(x))) + self.shortcut(x)
        return self.norm(F.leaky_relu(out))


@BACKBONES.register_module()
class RESSETDNN(nn.Module):
    """First layer, six residual blocks, last 1x1 layer, [B, F, N] -> [B, out_channels, N]; no time stride.

    Args:
        in_channels: F, the number of feature bins.
        width: channels of the first layer and of all blocks; or one number for each of them.
        kernel_sizes: of the first layer and of the blocks, odd.
        out_channels: channels of the last layer.
        se_reduction: channels per hidden unit of every gate.
        norm_momentum: of the batch norms, in PyTorch's sense: the share of the new batch.
    """

    def __init__(
        self,
        in_channels: int = 80,
        width: int | Sequence[int] = 512,
        kernel_sizes: Sequence[int] = (5, 5, 5, 7, 7, 1, 1),
        out_channels: int = 1500,
        se_reduction: int = 8,
        norm_momentum: float = 0.1,
    ) -> None:
        super().__init__()
        widths = [width] * len(kernel_sizes) if isinstance(width, int) else list(width)
        self.in_channels = in_channels
        layers: list[nn.Module] = [
            TDNNLayer(in_channels, widths[0], kernel_sizes[0], se_reduction, norm_momentum)
        ]
        for before, here, kernel in zip(widths, widths[1:], kernel_sizes[1:], strict=False):
            layers.append(ResidualTDNN(before, here, kernel, se_reduction, norm_momentum))
        layers.append(TDNNLayer(widths[-1], out_channels, 1, se_reduction, norm_momentum))
        self.layers = nn.Sequential(*layers)
        self.out_channels = out_channels
        self.subsampling = 1

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


def _gate(channels: int, reduction: int) -> SqueezeExcite1d:
    return SqueezeExcite1d(channels, channels // reduction, act=F.leaky_relu)
