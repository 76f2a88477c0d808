"""Checks of a batch's labels, made before they index anything."""

import torch
from torch import Tensor


def check_labels(labels: Tensor, embedding: Tensor, num_speakers: int | None = None) -> None:
    """Refuse labels that would index wrongly, with a message that shows what came.

    The range is looked at for tensors in main memory only: on a GPU the look would stall the queue.

    Args:
        labels: [B] int64.
        embedding: [B, D], the batch the labels belong to.
        num_speakers: labels must lie in ``0 .. num_speakers - 1``; None skips that check.

    Raises:
        ValueError: dtype, shape, device or range is wrong.
    """
    if labels.dtype != torch.int64:
        raise ValueError(f'labels have dtype {labels.dtype}, but class labels are torch.int64: convert them.')
    if embedding.ndim != 2 or labels.shape != embedding.shape[:1]:
        raise ValueError(
            f'embedding {list(embedding.shape)} and labels {list(labels.shape)} do not match: '
            'give [B, D] and [B].'
        )
    if labels.device != embedding.device:
        raise ValueError(f'labels are on {labels.device}, the embedding on {embedding.device}: move one.')
    if num_speakers is None or labels.device.type != 'cpu' or not len(labels):
        return
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= num_speakers:
        raise ValueError(
            f'labels run from {low} to {high}, but the head has {num_speakers} speakers '
            f'(0 .. {num_speakers - 1}): set num_speakers to the training speakers times the speed classes.'
        )
