"""mmengine's runner with planned data, safe checkpoints, exact resume and training on CPUs."""

import copy
import json
import logging
import time
from pathlib import Path
from typing import Any

import torch
from mmengine import __version__ as mmengine_version
from mmengine.device import get_device
from mmengine.dist import is_distributed, is_main_process, master_only
from mmengine.logging import MMLogger
from mmengine.model import MMDistributedDataParallel, is_model_wrapper, revert_sync_batchnorm
from mmengine.runner import Runner
from torch import nn
from torch.utils.data import DataLoader

from svtoolkit import __version__, plugins
from svtoolkit.datasets.samplers import init_worker
from svtoolkit.datasets.samples import collate
from svtoolkit.engine import checkpoint as files
from svtoolkit.engine import compat, fine_tune
from svtoolkit.errors import CheckpointError
from svtoolkit.models.heads.class_shard import hide_from_ddp
from svtoolkit.registry import DATA_SAMPLERS, DATASETS, RUNNERS

HEAD = ('head.',)  # a classifier belongs to its training speakers, not to the model that embeds


@RUNNERS.register_module()
class SpeakerRunner(Runner):
    """The runner of svtoolkit; configs name mmengine's keys, data loaders take plans instead of samplers."""

    _load_from: str | Path | None
    _resume: bool
    _has_loaded: bool

    def setup_env(self, env_cfg: dict) -> None:
        if env_cfg.get('tune_allocator', True):
            compat.tune_allocator()
        if self.distributed and not is_distributed() and compat.no_gpu():
            compat.init_gloo(self._launcher)
        super().setup_env(env_cfg)

    def build_logger(self, *args, **kwargs) -> MMLogger:
        """A log that cannot be written, such as one on a full disk, ends the run; logging would print a traceback."""
        logger = super().build_logger(*args, **kwargs)
        for handler in logger.handlers:
            if isinstance(handler, logging.FileHandler):
                handler.handleError = _raise_again  # type: ignore[method-assign]
        return logger

    def wrap_model(self, model_wrapper_cfg: dict | None, model: nn.Module) -> nn.Module:
        """Put the model on its device and under DDP; batch norm stays local on CPUs."""
        if self.distributed:
            hide_from_ddp(model)  # sharded class weights differ from rank to rank
        if not (self.distributed and compat.no_gpu()):
            return super().wrap_model(model_wrapper_cfg, model)
        options = dict(broadcast_buffers=False, **(model_wrapper_cfg or {}))
        options.pop('type', None)
        return MMDistributedDataParallel(module=revert_sync_batchnorm(model), device_ids=None, **options)

    @staticmethod
    def build_dataloader(
        dataloader: dict | DataLoader, seed: int | None = None, diff_rank_seed: bool = False
    ) -> DataLoader:
        """A loader whose batches are the draws of the dataset's plan; ``batch_size`` is per rank."""
        if isinstance(dataloader, DataLoader):
            return dataloader
        options = copy.deepcopy(dict(dataloader))
        dataset = options.pop('dataset')
        if isinstance(dataset, dict):
            dataset = DATASETS.build(dataset)
        dataset.full_init()
        sampler = DATA_SAMPLERS.build(
            dict(type='DrawSampler', dataset=dataset, seed=seed or 0, batch_size=options.pop('batch_size'))
        )
        options.setdefault('pin_memory', torch.cuda.is_available())
        if options.get('num_workers', 0) == 0:
            options.pop('persistent_workers', None)
            options.pop('prefetch_factor', None)
        return DataLoader(
            dataset, batch_sampler=sampler, collate_fn=collate, worker_init_fn=init_worker, **options
        )

    @property
    def bare_model(self) -> nn.Module:
        """The model without its DDP wrapper."""
        return self.model.module if is_model_wrapper(self.model) else self.model

    def load_or_resume(self) -> None:
        if self._resume and self._load_from is None and not self._has_loaded:
            self._load_from = files.latest(self.work_dir)
            if self._load_from is None:
                self.logger.info(f'nothing to resume in {self.work_dir}: training starts at epoch 1')
                self._resume = False
        super().load_or_resume()
        if not self._has_loaded and self._train_loop is not None:
            fine_tune.start(self)

    def load_checkpoint(
        self,
        filename: str | Path,
        map_location: str = 'cpu',
        strict: bool = True,
        revise_keys: list | None = None,
    ) -> dict:
        """Load the weights of a checkpoint; the head may differ unless training is resumed."""
        checkpoint = files.load(filename, map_location)
        self.call_hook('after_load_checkpoint', checkpoint=checkpoint)
        state = checkpoint.get('state_dict', checkpoint)
        if not all(isinstance(value, torch.Tensor) for value in state.values()):
            raise CheckpointError(f'{filename}: has no state_dict; it is not a checkpoint of a model.')
        files.load_weights(self.bare_model, state, filename, optional=() if self._resume else HEAD)
        self._has_loaded = True
        self.logger.info(f'loaded weights of {filename}')
        return checkpoint

    def resume(self, filename: str | Path, **_) -> None:
        """Go on exactly where a checkpoint was written: weights, optimiser, schedules, place in the plan."""
        checkpoint = self.load_checkpoint(filename, map_location=get_device())
        if 'optimizer' not in checkpoint:
            raise CheckpointError(
                f'{filename}: holds weights alone and cannot be resumed; resume epoch_N.pth or iter_N.pth, or begin '
                'a new run from it with load_from.'
            )
        _check_optimiser(filename, checkpoint['optimizer'], self.optim_wrapper.state_dict())
        meta = checkpoint['meta']
        self.train_loop._epoch = meta['epoch']
        self.train_loop._iter = meta['iter']
        self.train_loop.step = meta['step']
        self.train_dataloader.batch_sampler.load_state_dict(checkpoint['svt_sampler'])
        self._randomness_cfg.update(seed=meta['seed'])
        self.set_randomness(**self._randomness_cfg)
        active = [plugin.name for plugin in plugins.load()]
        if meta.get('plugins', active) != active:
            self.logger.warning(f'plug-ins differ: {meta["plugins"]} when saved, {active} now')
        self.message_hub.load_state_dict(files.restore_histories(checkpoint['message_hub']))
        self.optim_wrapper.load_state_dict(checkpoint['optimizer'])
        for scheduler, state in zip(self.param_schedulers or [], checkpoint['param_schedulers']):
            scheduler.load_state_dict(state)
        self._has_loaded = True
        self.logger.info(f'resumed {filename}: epoch {meta["epoch"]}, step {meta["step"]}')

    @master_only
    def save_checkpoint(
        self,
        out_dir: str,
        filename: str,
        *,
        epoch: int,
        step: int,
        iteration: int,
        weights_only: bool = False,
    ) -> None:
        """Write a checkpoint in one step (``engine/checkpoint.py``).

        Args:
            out_dir: folder of the file.
            filename: name of the file.
            epoch: epochs that are done.
            step: steps of the current epoch that are done.
            iteration: steps that are done since the start of training.
            weights_only: leave out what only a resume needs.
        """
        dataset = self.train_dataloader.dataset
        meta = dict(
            epoch=epoch,
            step=step,
            iter=iteration,
            seed=self.seed,
            cfg=self.cfg.pretty_text,
            experiment_name=self.experiment_name,
            time=time.strftime('%Y%m%d_%H%M%S'),
            svtoolkit_version=__version__,
            mmengine_version=mmengine_version,
            plugins=[plugin.name for plugin in plugins.load()],
            dataset_meta=dataset.metainfo,
            model=self.cfg.model.to_dict(),
        )
        saved: dict[str, Any] = dict(
            meta=meta, state_dict={k: v.cpu() for k, v in self.bare_model.state_dict().items()}
        )
        if not weights_only:
            sampler = self.train_dataloader.batch_sampler.state_dict()
            saved['svt_sampler'] = {**sampler, 'epoch': epoch, 'step': step}
            saved['message_hub'] = self.message_hub.state_dict()
            saved['optimizer'] = self.optim_wrapper.state_dict()
            saved['param_schedulers'] = [scheduler.state_dict() for scheduler in self.param_schedulers or []]
        self.call_hook('before_save_checkpoint', checkpoint=saved)
        files.save(saved, Path(out_dir) / filename)

    def train(self) -> nn.Module:
        if is_main_process():
            self._write_speakers()
        return super().train()

    def _write_speakers(self) -> None:
        """Keep the map from speaker to class beside the run."""
        classes = self.train_dataloader.dataset.metainfo['classes']
        path = Path(self.work_dir) / 'speakers.json'
        path.write_text(json.dumps({name: label for label, name in enumerate(classes)}, indent=0))


def _raise_again(record: logging.LogRecord) -> None:
    raise  # the error that is being handled


def _check_optimiser(filename: str | Path, saved: dict, own: dict) -> None:
    """Refuse the state of an optimiser that has other settings or other weights."""
    settings = [
        [(len(group['params']), sorted(group.keys() - {'initial_lr'})) for group in state['param_groups']]
        for state in (saved, own)
    ]
    if settings[0] != settings[1]:
        raise CheckpointError(
            f'{filename}: was written by another optimiser, or by one with other groups of weights; restore '
            'optim_wrapper, or begin a new run from it with load_from.'
        )
