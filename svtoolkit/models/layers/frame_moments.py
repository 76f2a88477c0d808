"""Mean and variance of frames over time, plain and under attention: the arithmetic of all poolings.

- ``frame_moments``: every frame weighs the same.
- ``channel_moments``: every channel has its own attention weights.
- ``group_moments``: channels share weights, so both moments are matrix products.

All variances are sums of squared differences (never E[x^2] - E[x]^2 of raw frames, which loses every
digit where the mean is large), in float32 even when the frames are half precision. The first two
have a backward pass of their own: autograd would keep four maps of the size of the frames where the
frames, and the weights if any, are enough, and at [B, C, N] with C > 1000 such maps cost as much time as
a convolution.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from svtoolkit.models.layers.autocast import no_autocast
from svtoolkit.models.layers.frame_mask import frame_mask, full_precision, masked_mean, to_full_precision


def frame_moments(
    frames: Tensor, lengths: Tensor | None = None, unbiased: bool = False
) -> tuple[Tensor, Tensor]:
    """Mean and variance over time.

    Args:
        frames: [B, C, N].
        lengths: [B] frames of each utterance, at least 1; all N when None.
        unbiased: divide the variance by frames - 1; one frame has variance 0, not NaN.

    Returns:
        mean and variance, [B, C] each, at least float32.
    """
    if lengths is None:
        mean, variance = _FrameMoments.apply(frames) if _own_backward() else _frame_moments(frames)
    else:
        mean = masked_mean(frames, lengths)
        variance = masked_mean((to_full_precision(frames) - mean.unsqueeze(-1)).square(), lengths)
    if unbiased:
        count = frames.shape[-1] if lengths is None else lengths.unsqueeze(1)
        variance = variance * (count / (count - 1 + (count == 1)))
    return mean, variance


def attention_weights(scores: Tensor, lengths: Tensor | None = None) -> Tensor:
    """Softmax over time, at least float32; padding weighs exactly nothing.

    Args:
        scores: [B, A, N].
        lengths: [B] frames of each utterance, at least 1; all N when None.

    Returns:
        [B, A, N], every row sums to 1.
    """
    return _mask_scores(scores, lengths).softmax(-1, dtype=full_precision(scores))


def channel_moments(frames: Tensor, scores: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Weighted mean and variance where every channel has its own weights.

    Args:
        frames: [B, C, N], finite in the padding too.
        scores: [B, C, N], before the softmax over time.
        lengths: [B] frames of each utterance; all N when None.

    Returns:
        mean and variance, [B, C] each, at least float32.
    """
    scores = _mask_scores(scores, lengths)
    return (_ChannelMoments.apply if _own_backward() else _channel_moments)(frames, scores)[:2]


def group_moments(frames: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Weighted mean and variance where the channels of a group share weights.

    Args:
        frames: [B, G, C, N] for G groups of C channels.
        weights: [B, G, Q, N], Q sets of weights for each group; every row sums to 1.

    Returns:
        mean and variance, [B, G, Q, C] each, at least float32.
    """
    frames = to_full_precision(frames)
    # The shift makes E[x^2] - E[x]^2 safe where the mean is large; the variance does not feel it.
    shift = frames.detach().mean(-1, keepdim=True)  # [B, G, C, 1]
    frames = (frames - shift).transpose(-1, -2)  # [B, G, N, C]
    with no_autocast(frames):
        mean = weights @ frames
        variance = weights @ frames.square() - mean.square()
    return mean + shift.transpose(-1, -2), variance


def _mask_scores(scores: Tensor, lengths: Tensor | None) -> Tensor:
    if lengths is None:
        return scores
    return scores.masked_fill(~frame_mask(lengths, scores.shape[-1]), -math.inf)


def _traced() -> bool:
    # Tracers see through plain operations only, and must not write a batch size into the graph.
    return torch.compiler.is_compiling() or torch.jit.is_tracing()


def _own_backward() -> bool:
    return torch.is_grad_enabled() and not _traced()


def _cache_sized(maps: Tensor) -> Sequence[Tensor]:
    """The map in parts whose temporaries stay in a CPU's cache: one utterance each; a GPU takes it whole."""
    return (maps,) if maps.device.type != 'cpu' or _traced() else maps.split(1)


def _frame_moments(frames: Tensor) -> tuple[Tensor, Tensor]:
    means, variances = [], []
    for part in _cache_sized(frames):
        means.append(part.mean(-1, dtype=full_precision(part)))
        variances.append((part - means[-1].unsqueeze(-1)).square_().mean(-1))
    return torch.cat(means), torch.cat(variances)


def _channel_moments(frames: Tensor, scores: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    means, variances, weights = [], [], []
    for part, score in zip(_cache_sized(frames), _cache_sized(scores)):
        weight = score.softmax(-1, dtype=full_precision(score))
        mean = (weight * part).sum(-1)
        means.append(mean)
        variances.append((part - mean.unsqueeze(-1)).square_().mul_(weight).sum(-1))
        weights.append(weight)
    return torch.cat(means), torch.cat(variances), torch.cat(weights)


class _FrameMoments(torch.autograd.Function):
    """With gradients m of the mean and v of the variance a frame x gets (m + 2 v (x - mean)) / N."""

    @staticmethod
    def forward(ctx, frames: Tensor) -> tuple[Tensor, Tensor]:
        mean, variance = _frame_moments(frames)
        ctx.save_for_backward(frames, mean)
        return mean, variance

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_mean: Tensor, grad_variance: Tensor) -> Tensor:
        frames, mean = ctx.saved_tensors
        slope = grad_variance * (2 / frames.shape[-1])
        offset = grad_mean / frames.shape[-1] - slope * mean
        grad = torch.empty_like(frames)
        lines = zip(_cache_sized(slope.unsqueeze(-1)), _cache_sized(offset.unsqueeze(-1)))
        for out, part, (a, b) in zip(_cache_sized(grad), _cache_sized(frames), lines):
            out.copy_(torch.addcmul(b, part, a))
        return grad


class _ChannelMoments(torch.autograd.Function):
    """With d = x - mean and gradients m, v of mean and variance: a frame gets w (m + 2 v d), its score
    w (m d + v (d^2 - variance)).
    """

    @staticmethod
    def forward(ctx, frames: Tensor, scores: Tensor) -> tuple[Tensor, Tensor]:
        mean, variance, weights = _channel_moments(frames, scores)
        ctx.save_for_backward(frames, weights, mean, variance)
        ctx.score_dtype = scores.dtype
        return mean, variance

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_mean: Tensor, grad_variance: Tensor) -> tuple[Tensor, Tensor]:
        frames, weights, mean, variance = ctx.saved_tensors
        grad_frames = torch.empty_like(frames)
        grad_scores = torch.empty_like(frames, dtype=ctx.score_dtype)
        columns = (mean, variance, grad_mean, grad_variance)
        parts = [_cache_sized(x) for x in (frames, weights, *(column.unsqueeze(-1) for column in columns))]
        for out_x, out_s, x, w, mu, var, m, v in zip(
            _cache_sized(grad_frames), _cache_sized(grad_scores), *parts
        ):
            d = x - mu
            slope = d * v
            out_s.copy_((slope + m).mul_(d).sub_(v * var).mul_(w))
            out_x.copy_(slope.mul_(2).add_(m).mul_(w))
        return grad_frames, grad_scores
