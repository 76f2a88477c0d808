"""Progress people can read: a bar on a terminal, and crops per second in every log line."""

import sys
import time

from mmengine.dist import get_world_size, is_main_process
from mmengine.hooks import Hook
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from svtoolkit.registry import HOOKS


@HOOKS.register_module()
class ProgressHook(Hook):
    """Log ``crops_per_s`` over all ranks; on a terminal also draw a bar with loss, accuracy and time left.

    Args:
        bar: True or False; None draws it when standard error is a terminal.
    """

    priority = 'ABOVE_NORMAL'  # before the logger reads the values of the step

    def __init__(self, bar: bool | None = None) -> None:
        self.bar = bar
        self._progress: Progress | None = None
        self._task: TaskID | None = None
        self._before = 0.0

    def before_train(self, runner) -> None:
        wanted = sys.stderr.isatty() if self.bar is None else self.bar
        if wanted and is_main_process():
            columns = (
                TextColumn('{task.description}'),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
            )
            self._progress = Progress(*columns)
            self._progress.start()
            self._task = self._progress.add_task('training', total=runner.max_iters, completed=runner.iter)
        self._before = time.perf_counter()

    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        now = time.perf_counter()
        crops = len(data_batch['inputs']) * get_world_size()
        runner.message_hub.update_scalar('train/crops_per_s', crops / max(now - self._before, 1e-9))
        self._before = now
        if self._progress is not None and self._task is not None:
            values = ' '.join(
                f'{key} {float(value):.3f}'
                for key, value in (outputs or {}).items()
                if key in ('loss', 'accuracy')
            )
            self._progress.update(
                self._task,
                completed=runner.iter + 1,
                description=f'epoch {runner.epoch + 1}/{runner.max_epochs} {values}',
            )

    def before_train_epoch(self, runner) -> None:
        self._before = time.perf_counter()  # validation is no training time

    def after_run(self, runner) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None
