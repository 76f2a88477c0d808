"""When checkpoints are written, which are kept, and which one is the best."""

import json
import os
from pathlib import Path

from mmengine.dist import is_main_process
from mmengine.hooks import Hook

from svtoolkit.errors import ConfigError, unknown_name
from svtoolkit.registry import HOOKS


@HOOKS.register_module()
class SafeCheckpointHook(Hook):
    """Write checkpoints by epoch or step; an old file goes only when the new one is safe on disk.

    Files in the run's folder: ``epoch_N.pth`` or ``iter_N.pth``, ``last_checkpoint`` (name of the newest),
    ``best.pth`` and ``best.json`` (its metric, value, epoch).

    Args:
        interval: epochs (or steps) between two checkpoints; while gradients accumulate, the next update is waited for.
        by_epoch: whether ``interval`` counts epochs.
        max_keep_ckpts: how many of them to keep; -1 keeps all.
        save_best: key of the validation metric that picks the best model, such as ``asv/EER``; None for none.
        rule: ``less`` or ``greater`` is better.
        guard: key of an error rate that must not grow, such as ``asv/source/EER`` of a list of the old domain in
            fine-tuning: no model is marked best where it is above that of the start weights, which
            ``train_cfg.val_begin=0`` measures.
        guard_growth: by which share it may.
    """

    priority = 'VERY_LOW'

    def __init__(
        self,
        interval: int = 1,
        by_epoch: bool = True,
        max_keep_ckpts: int = 2,
        save_best: str | None = None,
        rule: str = 'less',
        guard: str | None = None,
        guard_growth: float = 0.2,
    ) -> None:
        if rule not in ('less', 'greater'):
            raise unknown_name('rule of SafeCheckpointHook', rule, ['less', 'greater'])
        self.interval = interval
        self.by_epoch = by_epoch
        self.max_keep_ckpts = max_keep_ckpts
        self.save_best = save_best
        self.rule = rule
        self.guard = guard
        self.guard_growth = guard_growth
        self._due = False

    def before_train(self, runner) -> None:
        if self.guard is not None and runner.train_loop.val_begin > 0:
            raise ConfigError(
                f'SafeCheckpointHook: {self.guard} is held against that of the start weights; set '
                'train_cfg.val_begin=0, which measures them.'
            )
        if runner.iter == 0 and is_main_process():  # a new run in an old folder has no best model yet
            for name in ('best.json', 'guard.json'):
                (Path(runner.work_dir) / name).unlink(missing_ok=True)

    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        self._due |= not self.by_epoch and (runner.iter + 1) % self.interval == 0
        if self._due and runner.optim_wrapper.should_update():
            self._due = False
            self._save(runner, f'iter_{runner.iter + 1}.pth', runner.epoch, batch_idx + 1, runner.iter + 1)

    def after_train_epoch(self, runner) -> None:
        done = runner.epoch + 1
        if (self.by_epoch and done % self.interval == 0) or done == runner.max_epochs:
            self._save(runner, f'epoch_{done}.pth', done, 0, runner.iter)

    def after_val_epoch(self, runner, metrics: dict[str, float] | None = None) -> None:
        if self.save_best is None or metrics is None or not is_main_process():
            return
        if self.save_best not in metrics:
            raise unknown_name('save_best metric', self.save_best, metrics)
        value = float(metrics[self.save_best])
        record = Path(runner.work_dir) / 'best.json'
        best = json.loads(record.read_text()) if record.is_file() else None
        if best is not None and best['epoch'] <= runner.epoch and not self._better(value, best['value']):
            return
        if self.guard is not None and not self._guarded(runner, metrics):
            return
        runner.save_checkpoint(
            runner.work_dir, 'best.pth', epoch=runner.epoch, step=0, iteration=runner.iter, weights_only=True
        )
        write_text(record, json.dumps(dict(metric=self.save_best, value=value, epoch=runner.epoch)))
        runner.logger.info(f'best {self.save_best} so far: {value:.4f} at epoch {runner.epoch}')

    def _guarded(self, runner, metrics: dict[str, float]) -> bool:
        """Whether the error rate of ``guard`` is near enough to that of the start weights."""
        if self.guard not in metrics:
            raise unknown_name('guard metric', str(self.guard), metrics)
        value, record = float(metrics[self.guard]), Path(runner.work_dir) / 'guard.json'
        if runner.epoch == 0:
            write_text(record, json.dumps(dict(metric=self.guard, value=value)))
        start = json.loads(record.read_text())['value']
        if value <= start * (1 + self.guard_growth):
            return True
        runner.logger.warning(
            f'not marked best: {self.guard} is {value:.4f}, more than {100 * self.guard_growth:g} % above the '
            f'{start:.4f} of the start weights'
        )
        return False

    def _better(self, value: float, best: float) -> bool:
        return value < best if self.rule == 'less' else value > best

    def _save(self, runner, name: str, epoch: int, step: int, iteration: int) -> None:
        runner.save_checkpoint(runner.work_dir, name, epoch=epoch, step=step, iteration=iteration)
        if not is_main_process():
            return
        folder = Path(runner.work_dir)
        write_text(folder / 'last_checkpoint', name)
        if self.max_keep_ckpts > 0:
            saved = sorted(
                [*folder.glob('epoch_*.pth'), *folder.glob('iter_*.pth')],
                key=lambda path: path.stat().st_mtime,
            )
            for path in saved[: -self.max_keep_ckpts]:
                path.unlink()


def write_text(path: Path, text: str) -> None:
    """Replace a small text file in one step."""
    temporary = path.with_name(f'.{path.name}.tmp')
    temporary.write_text(text)
    os.replace(temporary, path)
