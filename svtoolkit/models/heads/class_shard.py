"""Class weights split over the ranks of torch.distributed, for 100,000 speakers and more.

Rank r keeps the rows of its speakers. At every step the embeddings and labels of all ranks are gathered,
each rank computes the logits of its speakers for the whole batch, and the ranks exchange only one
maximum and three sums for each utterance. Conventions:

* the process group exists before the head is built, and every rank has the same batch size;
* the loss value is the mean over the batches of all ranks; gradients are those that DDP would deliver:
  weight rows get the final gradient, embeddings the gradient of their own rank's mean loss;
* DDP must leave the weight rows alone: call ``hide_from_ddp(model)`` before wrapping the model;
* a state dict holds the rank's rows; ``merge`` joins those of all ranks, and a head loads either form.
"""

import torch
import torch.distributed as dist
from torch import Tensor, nn

from svtoolkit.models.losses.gathering import all_gather, world


def bounds(num_speakers: int) -> tuple[int, int]:
    """First and one-past-last speaker of this rank; parts differ by one speaker at most.

    Raises:
        ValueError: fewer speakers than ranks.
    """
    rank, size = world()
    if num_speakers < size:
        raise ValueError(f'{num_speakers} speakers cannot be split over {size} ranks: use shard=False.')
    return rank * num_speakers // size, (rank + 1) * num_speakers // size


def merge(states: list[dict[str, Tensor]], key: str) -> Tensor:
    """Join the rows under ``key`` of all ranks' state dicts, given in the order of the ranks."""
    return torch.cat([state[key] for state in states])


def hide_from_ddp(model: nn.Module) -> list[str]:
    """Tell DDP to neither broadcast nor average sharded weight rows; returns their names in the model."""
    names = [
        f'{name}.weight' if name else 'weight'
        for name, module in model.named_modules()
        if getattr(module, 'shard', False)
    ]
    if names:
        nn.parallel.DistributedDataParallel._set_params_and_buffers_to_ignore_for_model(model, names)
    return names


def gather_columns(values: Tensor) -> Tensor:
    """Columns of all ranks side by side, [B, k_r] -> [B, R * max k_r] filled up with -inf, no gradients."""
    if world()[1] == 1:
        return values
    width = torch.tensor(values.shape[1], device=values.device)
    dist.all_reduce(width, dist.ReduceOp.MAX)
    full = values.new_full((len(values), int(width)), -torch.inf)
    full[:, : values.shape[1]] = values
    return torch.cat(all_gather(full), dim=1)


def winner(best: Tensor, index: Tensor) -> Tensor:
    """Index belonging to the largest value over the ranks; [B] and [B] -> [B]."""
    if world()[1] == 1:
        return index
    values, indices = torch.stack(all_gather(best)), torch.stack(all_gather(index))
    return indices.gather(0, values.argmax(dim=0, keepdim=True)).squeeze(0)


def cross_entropy(
    logits: Tensor, local: Tensor, owned: Tensor, num_speakers: int, label_smoothing: float = 0.0
) -> Tensor:
    """Mean cross-entropy over the columns of all ranks.

    Args:
        logits: [G, S_r], this rank's columns for the gathered batch.
        local: [G] int64, column of the true speaker; any column where another rank owns it.
        owned: [G] bool, whether this rank owns the true speaker.
        num_speakers: columns of all ranks.
        label_smoothing: probability mass spread evenly over all columns.
    """
    return _ShardedCrossEntropy.apply(logits, local, owned, num_speakers, label_smoothing)


class _ShardedCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx, logits, local, owned, num_speakers, label_smoothing) -> Tensor:
        top = logits.amax(dim=1)
        _all_reduce(top, 'MAX')
        exp = (logits - top.unsqueeze(1)).exp()
        target = logits.gather(1, local.unsqueeze(1)).squeeze(1)
        sums = torch.stack([exp.sum(dim=1), torch.where(owned, target, 0), logits.sum(dim=1)])
        _all_reduce(sums, 'SUM')
        total, target, spread = sums
        ctx.save_for_backward(exp.div_(total.unsqueeze(1)), local, owned)
        ctx.smooth = label_smoothing, num_speakers
        aim = (1 - label_smoothing) * target + label_smoothing / num_speakers * spread
        return (top + total.log() - aim).mean()

    @staticmethod
    def backward(ctx, grad_loss):
        posterior, local, owned = ctx.saved_tensors
        label_smoothing, num_speakers = ctx.smooth
        grad = posterior - label_smoothing / num_speakers
        hit = owned.to(grad.dtype).mul(1 - label_smoothing).unsqueeze(1)
        grad.scatter_add_(1, local.unsqueeze(1), -hit)
        return grad.mul_(grad_loss / len(grad)), None, None, None, None


def _all_reduce(values: Tensor, op: str) -> None:
    if world()[1] > 1:
        dist.all_reduce(values, getattr(dist.ReduceOp, op))
