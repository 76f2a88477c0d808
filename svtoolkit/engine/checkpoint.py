"""Checkpoint files: written whole or not at all, read without ever unpickling foreign objects.

A checkpoint holds tensors and plain Python values only, so ``torch.load(weights_only=True)`` reads it.
"""

import errno
import os
import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from torch import nn

from svtoolkit.errors import CheckpointError, list_faults

HISTORY = '__history__'  # marks a message-hub curve that was made plain
HISTORY_LENGTH = 1000  # log smoothing never looks further back


def save(checkpoint: dict, path: str | Path) -> None:
    """Write atomically: to a temporary name beside ``path``, synced to disk, then renamed.

    Raises:
        CheckpointError: the disk is full or not writable; whatever was at ``path`` is untouched.
    """
    path = Path(path)
    temporary = path.with_name(f'.{path.name}.{os.getpid()}.tmp')
    try:
        with open(temporary, 'wb') as file:
            torch.save(to_plain(checkpoint), file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        _sync_folder(path.parent)
    except (OSError, RuntimeError) as error:  # torch reports a short write as RuntimeError
        reason = 'the disk is full' if _disk_full(error, path.parent) else str(error)
        raise CheckpointError(
            f'{path}: cannot be written: {reason}. Nothing older was touched; free space '
            'and start again with --resume.'
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def load(path: str | Path, device: str | torch.device = 'cpu') -> dict:
    """Read a checkpoint that holds tensors and plain values only.

    Raises:
        CheckpointError: no such file, a damaged one, or one that would run code when unpickled.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f'{path}: no such checkpoint file.')
    try:
        checkpoint = torch.load(path, map_location=device, weights_only=True)
    except pickle.UnpicklingError as error:
        names = re.findall(r'(?:GLOBAL|global) (\S+)', str(error))
        found = f' It asks for {", ".join(sorted(set(names)))}.' if names else ''
        raise CheckpointError(
            f'{path}: refused: this file holds more than tensors and plain values, and '
            f'loading it could run code.{found} Convert it to safetensors where it came '
            'from, and only if you trust it.'
        ) from error
    except Exception as error:  # whatever torch's reader trips over in a foreign file
        raise CheckpointError(
            f'{path}: not a readable checkpoint ({type(error).__name__}: '
            f'{(str(error).splitlines() or ["empty"])[0]}); it may be cut short.'
        ) from error
    if not isinstance(checkpoint, dict):
        raise CheckpointError(f'{path}: holds a {type(checkpoint).__name__}, a checkpoint is a dict.')
    return checkpoint


def latest(work_dir: str | Path) -> Path | None:
    """The newest whole checkpoint of a run; a damaged one is passed over.

    ``last_checkpoint`` names it; only its base name counts, so a moved folder still resumes.
    """
    folder = Path(work_dir)
    candidates = sorted(
        [*folder.glob('epoch_*.pth'), *folder.glob('iter_*.pth')],
        key=lambda path: path.stat().st_mtime,
        reverse=True,
    )
    pointer = folder / 'last_checkpoint'
    if pointer.is_file():
        named = folder / Path(pointer.read_text().strip()).name
        candidates = [named, *(path for path in candidates if path != named)]
    for path in candidates:
        try:
            load(path)
        except CheckpointError:
            continue
        return path
    return None


def load_weights(
    model: nn.Module, state: dict[str, torch.Tensor], source: str | Path, optional: tuple[str, ...] = ()
) -> None:
    """Copy weights into a model, strictly: every fault is named, nothing is half loaded.

    Args:
        model: takes the weights.
        state: name -> tensor.
        source: file name for messages.
        optional: prefixes of names that may be missing or shaped differently, such as ``head.``;
            where they fit they are copied.

    Raises:
        CheckpointError: missing, unexpected or differently shaped tensors.
    """
    own = model.state_dict()
    fixed = {
        name for name in own.keys() | state.keys() if not any(name.startswith(part) for part in optional)
    }
    faults = [
        f'missing: {name} {tuple(own[name].shape)}' for name in sorted((fixed & own.keys()) - state.keys())
    ]
    faults += [
        f'unexpected: {name} {tuple(state[name].shape)}'
        for name in sorted((fixed & state.keys()) - own.keys())
    ]
    fits = {name for name in own.keys() & state.keys() if own[name].shape == state[name].shape}
    faults += [
        f'shape of {name}: {tuple(state[name].shape)} in the file, {tuple(own[name].shape)} in the model'
        for name in sorted(fixed & own.keys() & state.keys() - fits)
    ]
    if faults:
        matched = len(own.keys() & state.keys())
        raise CheckpointError(
            list_faults(
                f'{source}: these weights are of another model ({matched} of {len(own)} names match):',
                faults,
                8,
            )
        )
    model.load_state_dict({name: state[name] for name in fits}, strict=False)


def to_plain(value: Any) -> Any:
    """Replace what a safe load refuses: numpy values, history buffers, config dicts, paths."""
    if isinstance(value, HistoryBuffer):
        log, counts = value.data
        return {
            HISTORY: [float(x) for x in log[-HISTORY_LENGTH:]],
            'counts': [int(x) for x in counts[-HISTORY_LENGTH:]],
        }
    if isinstance(value, dict):
        return {key: to_plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set)):
        kind = list if isinstance(value, set) else type(value) if type(value) in (list, tuple) else tuple
        return kind(to_plain(item) for item in value)
    if isinstance(value, np.ndarray):
        return torch.from_numpy(value.copy())
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Path):
        return str(value)
    return value


def restore_histories(value: Any) -> Any:
    """Undo ``to_plain`` for the message hub's curves."""
    if isinstance(value, dict):
        if HISTORY in value:
            return HistoryBuffer(value[HISTORY], value['counts'])
        return {key: restore_histories(item) for key, item in value.items()}
    return value


def _disk_full(error: BaseException, folder: Path) -> bool:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        cause = cause.__cause__ or cause.__context__
    stat = os.statvfs(folder)
    return stat.f_bavail * stat.f_frsize < 2**16


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
