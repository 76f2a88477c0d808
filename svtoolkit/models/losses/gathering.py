"""Rows of all ranks of torch.distributed in one tensor, with the gradients that DDP expects.

DDP averages the gradients of the ranks. So a rank that computes a loss over the rows of all ranks has to
hand back, for its own rows, the gradient of the loss times the number of ranks: the average is then the
gradient of that loss, as if one process had seen the whole batch. Every rank brings equally many rows.
"""

import torch
import torch.distributed as dist
from torch import Tensor


def world() -> tuple[int, int]:
    """This rank and the number of ranks; (0, 1) without a process group."""
    if dist.is_available() and dist.is_initialized():
        return dist.get_rank(), dist.get_world_size()
    return 0, 1


def gather(rows: Tensor, shared: bool = False) -> Tensor:
    """Rows of all ranks in the order of the ranks, [B, ...] -> [R * B, ...].

    Args:
        rows: [B, ...], the same shape on every rank.
        shared: True when the ranks each compute a part of the loss (the gradients of the parts are then
            summed), False when each of them computes the whole loss.
    """
    return rows if world()[1] == 1 else _Gather.apply(rows, shared)


def gather_labels(labels: Tensor) -> Tensor:
    """Labels of all ranks in the order of the ranks, [B] -> [R * B]."""
    return labels if world()[1] == 1 else torch.cat(all_gather(labels))


def all_gather(rows: Tensor) -> list[Tensor]:
    """The tensors of all ranks, without gradients."""
    rows = rows.detach().contiguous()
    parts = [torch.empty_like(rows) for _ in range(world()[1])]
    dist.all_gather(parts, rows)
    return parts


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx, rows: Tensor, shared: bool) -> Tensor:
        ctx.shared = shared
        return torch.cat(all_gather(rows))

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor, None]:
        rank, size = world()
        if ctx.shared:
            grad = grad.clone(memory_format=torch.contiguous_format)
            dist.all_reduce(grad)
        return grad.chunk(size)[rank] * size, None
