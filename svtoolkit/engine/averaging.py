"""One model from several checkpoints of a run: the mean of their weights. Izmailov et al. 2018 (SWA)."""

import re
from collections.abc import Sequence
from pathlib import Path

from svtoolkit.engine import checkpoint as files
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


def average(paths: Sequence[str | Path]) -> dict:
    """A checkpoint with the mean of all floating tensors; whole numbers and facts are those of the last.

    The sums are made in float64. Running statistics of batch norms are averaged like weights.

    Args:
        paths: two or more checkpoints of one model, the newest last.

    Returns:
        ``meta`` (with ``averaged``, the names) and ``state_dict``; nothing to resume from.

    Raises:
        CheckpointError: fewer than two, or tensors that differ in name or shape.
    """
    if len(paths) < 2:
        raise CheckpointError(f'{len(paths)} checkpoint to average; give two or more.')
    newest = files.load(paths[-1])
    state = newest['state_dict']
    total = {name: tensor.double() for name, tensor in state.items() if tensor.is_floating_point()}
    for path in paths[:-1]:
        other = files.load(path)['state_dict']
        wrong = sorted(
            name
            for name in state.keys() | other.keys()
            if name not in state or name not in other or state[name].shape != other[name].shape
        )
        if wrong:
            raise CheckpointError(list_faults(f'{path}: not of the same model as {paths[-1]}:', wrong, 8))
        for name, tensor in total.items():
            tensor += other[name].double()
    mean = {name: (tensor / len(paths)).to(state[name].dtype) for name, tensor in total.items()}
    meta = {**newest.get('meta', {}), 'averaged': [Path(path).name for path in paths]}
    return dict(meta=meta, state_dict={name: mean.get(name, tensor) for name, tensor in state.items()})
