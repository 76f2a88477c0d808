"""Run one function over many items in several processes, results in order."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_all_start_methods, get_context
from multiprocessing.context import BaseContext
from typing import TypeVar

from svtoolkit.errors import AudioError

Item = TypeVar('Item')
Result = TypeVar('Result')

CHUNK = 32  # items handed over at a time: enough to hide the hand-over, few enough to share them evenly


def run_parallel(worker: Callable[[Item], Result], items: Sequence[Item], jobs: int = 1) -> Iterator[Result]:
    """Results of ``worker`` for each item, in the order of the items.

    Args:
        worker: a function of a module, so that another process finds it.
        items: its arguments.
        jobs: processes; 1 runs everything in this one.

    Raises:
        AudioError: a process died, as when memory ran out.
        ValueError: ``jobs`` is below 1.
    """
    if jobs < 1:
        raise ValueError(f'jobs must be at least 1, got {jobs}.')
    if jobs == 1 or len(items) <= CHUNK:
        yield from map(worker, items)
        return
    pool = ProcessPoolExecutor(jobs, mp_context=_context(worker.__module__))
    try:
        yield from pool.map(worker, items, chunksize=CHUNK)
    except BrokenProcessPool as error:
        raise AudioError(
            'a process that read recordings died, perhaps for want of memory; take fewer --jobs and start '
            'again: what is finished is kept.'
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _context(module: str) -> BaseContext:
    """Not plain fork: a process forked while threads hold locks may hang. The server imports once for all."""
    if 'forkserver' not in get_all_start_methods():
        return get_context('spawn')
    context = get_context('forkserver')
    context.set_forkserver_preload([module])
    return context
