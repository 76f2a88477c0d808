"""TitaNet: ContextNet's separable convolutions with gates over the whole utterance.

Koluguri et al. 2022, https://arxiv.org/abs/2110.04410, with the settings of NeMo's published configs
(titanet-small, -medium, -large). Behind it NeMo has attentive pooling with context (``relu_bn_tanh``), batch
norm and a linear layer of 192 values.
"""

import re

import torch
from torch import Tensor, nn

from svtoolkit.errors import unknown_name
from svtoolkit.registry import BACKBONES

SIZES: dict[str, dict] = {
    's': dict(channels=256, out_channels=1536),
    'm': dict(channels=512, out_channels=3072),
    'l': dict(channels=1024, out_channels=3072),
}
MEGA_KERNELS = (7, 11, 15)


class UtteranceGate(nn.Module):
    """Scale each channel by what its mean over the utterance says, [B, C, N] -> the same; no biases.

    Args:
        channels: C.
        reduction: channels over the width between the two layers.
    """

    def __init__(self, channels: int, reduction: int = 8) -> None:
        super().__init__()
        self.down = nn.Linear(channels, channels // reduction, bias=False)
        self.up = nn.Linear(channels // reduction, channels, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        gate = torch.sigmoid(self.up(torch.relu(self.down(x.mean(dim=-1)))))
        return x * gate.unsqueeze(-1)


class SeparableConv(nn.Module):
    """Depthwise and 1x1 convolution without biases, batch norm (eps 1e-3); [B, C, N] -> [B, C', N]."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv1d(
            in_channels, in_channels, kernel, padding=kernel // 2, groups=in_channels, bias=False
        )
        self.pointwise = nn.Conv1d(in_channels, out_channels, 1, bias=False)
        self.norm = nn.BatchNorm1d(out_channels, eps=1e-3)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.pointwise(self.depthwise(x)))


class TitaBlock(nn.Module):
    """Separable convolutions with ReLU and dropout between them, a gate, and a convolved shortcut.

    Args:
        in_channels: C.
        out_channels: C'.
        kernel: of the depthwise convolutions, odd.
        repeat: number of convolutions.
        dropout: share of values zeroed in training.
        shortcut: add the input behind a 1x1 convolution and batch norm.
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int, repeat: int, dropout: float, shortcut: bool
    ) -> None:
        super().__init__()
        self.convs = nn.ModuleList(
            SeparableConv(in_channels if i == 0 else out_channels, out_channels, kernel)
            for i in range(repeat)
        )
        self.gate = UtteranceGate(out_channels)
        self.dropout = nn.Dropout(dropout)
        self.shortcut: nn.Module | None = None
        if shortcut:
            self.shortcut = nn.Sequential(
                nn.Conv1d(in_channels, out_channels, 1, bias=False), nn.BatchNorm1d(out_channels, eps=1e-3)
            )

    def forward(self, x: Tensor) -> Tensor:
        out = self.convs[0](x)
        for conv in self.convs[1:]:
            out = conv(self.dropout(torch.relu(out)))
        out = self.gate(out)
        if self.shortcut is not None:
            out = out + self.shortcut(x)
        return self.dropout(torch.relu(out))


@BACKBONES.register_module()
class TitaNet(nn.Module):
    """TitaNet's encoder, [B, F, N] -> [B, out_channels, N]; time keeps its rate.

    Args:
        in_channels: F, the number of feature bins.
        size: ``s``, ``m`` or ``l``; gives the widths below that are None.
        channels: width of the first and of the three middle blocks.
        out_channels: width of the last block.
        repeat: convolutions of each middle block.
        dropout: in the middle blocks, in training.

    Raises:
        UnknownNameError: size.
    """

    def __init__(
        self,
        in_channels: int = 80,
        size: str = 'l',
        channels: int | None = None,
        out_channels: int | None = None,
        repeat: int = 3,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        if size not in SIZES:
            raise unknown_name('size of TitaNet', size, SIZES)
        width = SIZES[size]['channels'] if channels is None else channels
        self.subsampling = 1
        self.out_channels = SIZES[size]['out_channels'] if out_channels is None else out_channels
        self.blocks = nn.Sequential(
            TitaBlock(in_channels, width, 3, 1, 0.0, shortcut=False),
            *(TitaBlock(width, width, kernel, repeat, dropout, shortcut=True) for kernel in MEGA_KERNELS),
            TitaBlock(width, self.out_channels, 1, 1, 0.0, shortcut=False),
        )
        for module in self.modules():
            if isinstance(module, nn.Conv1d):
                nn.init.xavier_uniform_(module.weight)

    def forward(self, x: Tensor) -> Tensor:
        return self.blocks(x)


def rename_titanet(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Encoder weights of a NeMo TitaNet (``encoder.encoder.*``) under the names of ours; others are left out.

    In NeMo a block's convolutions stand in one list of 5 to each: depthwise, 1x1, batch norm, ReLU, dropout;
    the gate comes last.
    """
    renamed = {}
    for key, value in state.items():
        found = re.match(r'encoder\.encoder\.(\d+)\.(mconv|res)\.(.+)$', key)
        if found is None:
            continue
        block, part, rest = found.groups()
        if part == 'res':
            rest = re.sub(r'^0\.0\.conv\.', '0.', re.sub(r'^0\.1\.', '1.', rest))
            renamed[f'blocks.{block}.shortcut.{rest}'] = value
            continue
        position, rest = rest.split('.', 1)
        if rest.startswith('fc.'):
            layer = 'down' if rest.startswith('fc.0.') else 'up'
            renamed[f'blocks.{block}.gate.{layer}.weight'] = value
            continue
        conv, layer_index = divmod(int(position), 5)
        layer = ('depthwise', 'pointwise', 'norm')[layer_index]
        renamed[f'blocks.{block}.convs.{conv}.{layer}.{rest.removeprefix("conv.")}'] = value
    return renamed
