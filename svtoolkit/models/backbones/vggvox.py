"""VGGVox for 40 mel bins, the plain convolutional baseline of the Clova trainer. Nagrani et al. 2017."""

from torch import Tensor, nn

from svtoolkit.registry import BACKBONES


def _conv(in_channels: int, out_channels: int, kernel, stride, padding) -> list[nn.Module]:
    return [
        nn.Conv2d(in_channels, out_channels, kernel, stride, padding),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(inplace=True),
    ]


@BACKBONES.register_module()
class VGGVox40(nn.Module):
    """VGG-M over 40 bins, [B, 40, N] -> [B, 512, N']; use it with mean, max or self-attentive pooling.

    Five strides of 2 without padding: 63 to 94 frames give one, 202 give five, fewer are refused.

    Args:
        in_channels: number of feature bins, 40: the last convolution is as high as the map.
        width: factor on the numbers of channels.

    Raises:
        ValueError: another number of bins.
    """

    min_frames = 63

    def __init__(self, in_channels: int = 40, width: float = 1.0) -> None:
        super().__init__()
        if in_channels != 40:
            raise ValueError(f'VGGVox40 is made for 40 bins, got in_channels={in_channels}.')
        c96, c256, c384, c512 = (int(channels * width) for channels in (96, 256, 384, 512))
        self.in_channels = in_channels
        self.layers = nn.Sequential(
            *_conv(1, c96, (5, 7), (1, 2), 2),
            nn.MaxPool2d((1, 3), (1, 2)),
            *_conv(c96, c256, 5, 2, 1),
            nn.MaxPool2d(3, 2),
            *_conv(c256, c384, 3, 1, 1),
            *_conv(c384, c256, 3, 1, 1),
            *_conv(c256, c256, 3, 1, 1),
            nn.MaxPool2d(3, 2),
            *_conv(c256, c512, (4, 1), 1, 0),
        )
        self.out_channels = c512
        self.subsampling = 32

    def forward(self, x: Tensor) -> Tensor:
        """Frame features.

        Args:
            x: [B, F, N] features, N >= 63.

        Raises:
            ValueError: fewer frames.
        """
        if x.shape[-1] < self.min_frames:
            raise ValueError(f'VGGVox40 needs {self.min_frames} frames (0.65 s), got {x.shape[-1]}.')
        return self.layers(x.unsqueeze(1)).squeeze(2)
