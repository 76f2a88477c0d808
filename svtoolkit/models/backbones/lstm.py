"""Recurrent backbones: the three-layer LSTM of GE2E and a small bidirectional one."""

from torch import Tensor, nn

from svtoolkit.registry import BACKBONES


@BACKBONES.register_module()
class GE2ELSTM(nn.Module):
    """Outputs of the last LSTM layer, [B, F, N] -> [B, hidden, N]; the state at the last frame has seen all.

    Wan et al. 2018, https://arxiv.org/abs/1710.10467. With the defaults, ``LastFramePooling`` and
    ``EmbeddingLayer(embed_dim=256, act='relu', norm='l2')`` it is Resemblyzer's encoder, whose ``lstm.*``
    weights keep their names.

    With ``window`` the input is cut into windows that are read on their own, as in ``BiLSTM``, and what
    comes out is the last frame of each: N' counts windows, and ``MeanPooling`` takes the place of
    ``LastFramePooling``. Resemblyzer reads recordings so (windows of 160 frames) and averages the embeddings.

    Args:
        in_channels: F, the number of feature bins.
        hidden: units of each layer.
        layers: number of layers.
        window: frames of a window; None reads the input as a whole.
        step: frames from one window to the next.

    Raises:
        ValueError: window or step below 1.
    """

    def __init__(
        self,
        in_channels: int = 40,
        hidden: int = 256,
        layers: int = 3,
        window: int | None = None,
        step: int = 80,
    ) -> None:
        super().__init__()
        _check_windows(window, step)
        self.subsampling = 1
        self.out_channels = hidden
        self.window = window
        self.step = step
        self.lstm = nn.LSTM(in_channels, hidden, layers, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        frames = x.transpose(1, 2)  # [B, N, F]
        if self.window is None:
            return self.lstm(frames)[0].transpose(1, 2)
        parts = _windows(frames, self.window, self.step)  # [B, W, window, F]
        last = self.lstm(parts.flatten(0, 1))[0][:, -1]
        return last.unflatten(0, parts.shape[:2]).transpose(1, 2)


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
        _check_windows(window, step)
        self.subsampling = 1
        self.out_channels = 2 * hidden
        self.window = window
        self.step = step
        self.lstm = nn.LSTM(in_channels, hidden, layers, batch_first=True, bidirectional=True)

    def forward(self, x: Tensor) -> Tensor:
        frames = x.transpose(1, 2)  # [B, N, F]
        if self.window is None:
            return self.lstm(frames)[0].transpose(1, 2)
        parts = _windows(frames, self.window, self.step)  # [B, W, window, F]
        out = self.lstm(parts.flatten(0, 1))[0]
        return out.unflatten(0, parts.shape[:2]).flatten(1, 2).transpose(1, 2)


def _check_windows(window: int | None, step: int) -> None:
    if step < 1 or (window is not None and window < 1):
        raise ValueError(f'window={window}, step={step}: both count frames, 1 or more.')


def _windows(frames: Tensor, window: int, step: int) -> Tensor:
    """Windows of an input, repeated up to one if it is shorter, [B, N, F] -> [B, W, window, F]."""
    num_frames = frames.shape[1]
    if num_frames < window:
        frames = frames.repeat(1, window // num_frames + 1, 1)[:, :window]
    return frames.unfold(1, window, step).transpose(2, 3)
