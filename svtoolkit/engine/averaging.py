"""One model from several checkpoints: the mean of their weights.

Of the epochs of one run: Izmailov et al. 2018 (SWA). Of a fine-tuned model and the one it started from, which
keeps more of what the old one could do: Wortsman et al. 2022 (WiSE-FT, arXiv:2109.01903).
"""

import re
from collections.abc import Sequence
from pathlib import Path

from svtoolkit.engine import checkpoint as files
from svtoolkit.engine.start_weights import HEAD, read_start, start_of
from svtoolkit.errors import CheckpointError, list_faults


def newest_epochs(folder: str | Path, count: int) -> list[Path]:
    """The last ``count`` epoch checkpoints of a run, oldest first, ordered by number.

    Raises:
        CheckpointError: there are fewer.
    """
    pattern = re.compile(r'epoch_(\d+)\.pth')
    found = {int(m[1]): path for path in Path(folder).iterdir() if (m := pattern.fullmatch(path.name))}
    if len(found) < count or count < 1:
        raise CheckpointError(
            f'{folder}: {len(found)} epoch checkpoints, {count} asked for; keep more of them with '
            'default_hooks.checkpoint.max_keep_ckpts.'
        )
    return [found[number] for number in sorted(found)[-count:]]


def average(paths: Sequence[str | Path], weights: Sequence[float] | None = None) -> dict:
    """A checkpoint with the mean of all floating tensors; whole numbers and facts are those of the last.

    The sums are made in float64. Running statistics of batch norms are averaged like weights. A head that the
    others lack, or whose rows are other speakers, stays that of the last.

    Args:
        paths: two or more models that agree but for the head, the newest last, a checkpoint of a run. The
            others may also be published or converted models.
        weights: one for each path, no sum needed; None for equal ones.

    Returns:
        ``meta`` (with ``averaged``, the names, and ``weights``) and ``state_dict``; nothing to resume from.

    Raises:
        CheckpointError: fewer than two, weights that do not go with them, or tensors that differ in name or
            shape.
    """
    if len(paths) < 2:
        raise CheckpointError(f'{len(paths)} checkpoint to average; give two or more.')
    shares = [float(weight) for weight in weights or [1] * len(paths)]
    if len(shares) != len(paths) or min(shares) < 0 or not 0 < sum(shares) < float('inf'):
        raise CheckpointError(
            f'weights {shares}: give one for each of {len(paths)} checkpoints, none below 0.'
        )
    shares = [share / sum(shares) for share in shares]
    newest = files.load(paths[-1])
    state = newest['state_dict']
    others = [read_start(path) for path in paths[:-1]]
    classes = start_of(Path(paths[-1]), newest).classes
    mean_head = all(other.classes == classes and other.head_state() for other in others)
    averaged = {name for name in state if mean_head or not name.startswith(HEAD)}
    total = {name: shares[-1] * state[name].double() for name in averaged if state[name].is_floating_point()}
    for other, share in zip(others, shares):
        given = {name for name in other.state if mean_head or not name.startswith(HEAD)}
        wrong = sorted(
            name
            for name in averaged | given
            if name not in averaged or name not in given or state[name].shape != other.state[name].shape
        )
        if wrong:
            raise CheckpointError(
                list_faults(f'{other.path}: not of the same model as {paths[-1]}:', wrong, 8)
            )
        for name, tensor in total.items():
            tensor += share * other.state[name].double()
    mean = {name: tensor.to(state[name].dtype) for name, tensor in total.items()}
    meta = {**newest.get('meta', {}), 'averaged': [Path(path).name for path in paths], 'weights': shares}
    return dict(meta=meta, state_dict={name: mean.get(name, tensor) for name, tensor in state.items()})
