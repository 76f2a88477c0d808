"""Recurrent backbones: the three-layer LSTM of GE2E and a small bidirectional one."""

from torch import Tensor, nn

from svtoolkit.registry import BACKBONES


@BACKBONES.register_module()
class GE2ELSTM(nn.Module):
    """Outputs of the last LSTM layer, [B, F, N] -> [B, hidden, N]; the state at the last frame has seen all.

    Wan et al. 2018, https://arxiv.org/abs/1710.10467. With the defaults, ``LastFramePooling`` and
    ``EmbeddingLayer(embed_dim=256, act='relu', norm='l2')`` it is Resemblyzer's encoder, whose ``lstm.*``
    weights keep their names.

    Args:
        in_channels: F, the number of feature bins.
        hidden: units of each layer.
        layers: number of layers.
    """

    def __init__(self, in_channels: int = 40, hidden: int = 256, layers: int = 3) -> None:
        super().__init__()
        self.subsampling = 1
        self.out_channels = hidden
        self.lstm = nn.LSTM(in_channels, hidden, layers, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.lstm(x.transpose(1, 2))[0].transpose(1, 2)


@BACKBONES.register_module()
class BiLSTM(nn.Module):
    """Outputs of the last bidirectional LSTM layer, [B, F, N] -> [B, 2 * hidden, N'].

    With ``window`` the input is cut into windows that are read on their own, and N' counts the frames of
    all windows one behind the other: their mean is the mean over windows of the mean over frames, as in
    speaker recognition "from scratch" (github.com/wq2012/SpeakerRecognitionFromScratch: windows of 100
    frames, step 50). A shorter input is repeated up to one window, the rest behind the last whole window
    is left out.

    Args:
        in_channels: F, the number of feature bins.
        hidden: units of each layer and direction.
        layers: number of layers.
        window: frames of a window; None reads the input as a whole.
        step: frames from one window to the next.

    Raises:
        ValueError: window or step below 1.
    """

    def __init__(
        self,
        in_channels: int = 40,
        hidden: int = 64,
        layers: int = 3,
        window: int | None = None,
        step: int = 50,
    ) -> None:
        super().__init__()
        if step < 1 or (window is not None and window < 1):
            raise ValueError(f'window={window}, step={step}: both count frames, 1 or more.')
        self.subsampling = 1
        self.out_channels = 2 * hidden
        self.window = window
        self.step = step
        self.lstm = nn.LSTM(in_channels, hidden, layers, batch_first=True, bidirectional=True)

    def forward(self, x: Tensor) -> Tensor:
        frames = x.transpose(1, 2)  # [B, N, F]
        if self.window is None:
            return self.lstm(frames)[0].transpose(1, 2)
        num_frames = frames.shape[1]
        if num_frames < self.window:
            frames = frames.repeat(1, self.window // num_frames + 1, 1)[:, : self.window]
        parts = frames.unfold(1, self.window, self.step).transpose(2, 3)  # [B, W, window, F]
        out = self.lstm(parts.flatten(0, 1))[0]
        return out.unflatten(0, parts.shape[:2]).flatten(1, 2).transpose(1, 2)
