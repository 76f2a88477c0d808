"""Fine-tuning: start from another model's weights, keep or make its classes, look after its batch norms.

The config key ``fine_tune=dict(checkpoint=…)`` holds the arguments of ``FineTune``. ``prepare`` fills in
the config before it is checked (classes, hooks), ``start`` loads the weights when training begins; a
resumed run goes on as it was. What each option does: docs/training.md.
"""

import inspect
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from mmengine.config import Config
from mmengine.dist import broadcast, is_main_process

from svtoolkit.engine.bn_adapt import adapt_statistics
from svtoolkit.engine.class_rows import class_embeddings, copy_rows, fill_rows
from svtoolkit.engine.start_weights import StartWeights, match, read_start
from svtoolkit.errors import CheckpointError, ConfigError, SvtoolkitError, unknown_name
from svtoolkit.registry import DATASETS, MODELS

HEADS = ('new', 'extend', 'subset', 'keep')
BATCH_NORMS = ('auto', 'train', 'frozen_stats', 'adapt')
SMALL_BATCH, SMALL_HOURS = 32, 10.0  # under these "auto" keeps the old statistics
FEW_SPEAKERS = 50


@dataclass(frozen=True)
class FineTune:
    """The arguments of ``fine_tune=dict(…)``.

    Attributes:
        checkpoint: ``.pth`` of a run, run folder, or folder of a published model.
        head: ``new`` (classes of the new data alone), ``extend`` (the old classes, then the new speakers),
            ``subset`` (some of the old speakers), ``keep`` (all rows of the old head, for a large-margin
            stage). Rows are copied by class name, so speakers must be called the same.
        bn: ``train``, ``frozen_stats`` (running statistics stay), ``adapt`` (measured anew on the new data
            before the first step), or ``auto``: ``frozen_stats`` with fewer than 32 crops per batch or 10 h.
        allow_partial: take weights that fit badly, or of another front end.
        l2_sp: pull towards the start weights at every step, as a share of the learning rate; 0 for none.
        utts_per_speaker: at most so many utterances give the first weight row of a new speaker.
        adapt_utts: at most so many utterances measure the batch-norm statistics.
        seconds: length of the crops for both.
    """

    checkpoint: str
    head: str = 'new'
    bn: str = 'auto'
    allow_partial: bool = False
    l2_sp: float = 0.0
    utts_per_speaker: int = 20
    adapt_utts: int = 5000
    seconds: float = 4.0

    @classmethod
    def of(cls, config: Config) -> 'FineTune | None':
        """The options of a config; None where it does not fine-tune.

        Raises:
            ConfigError: an unknown key, or no checkpoint.
            UnknownNameError: an unknown head or batch-norm mode.
        """
        given = dict(config.get('fine_tune') or {})
        if not given:
            return None
        known = [field.name for field in fields(cls)]
        for key in given:
            if key not in known:
                raise ConfigError(f'fine_tune: {unknown_name("key", key, known)}')
        if not given.get('checkpoint'):
            raise ConfigError("fine_tune: 'checkpoint' is missing: the model to start from.")
        if config.get('load_from') and not config.get('resume'):
            raise ConfigError('fine_tune.checkpoint and load_from both name weights to start from; drop one.')
        options = cls(**given)
        if options.head not in HEADS:
            raise unknown_name('fine_tune.head', options.head, HEADS)
        if options.bn not in BATCH_NORMS:
            raise unknown_name('fine_tune.bn', options.bn, BATCH_NORMS)
        return options


def faults(config: Config) -> Iterator[str]:
    """What is wrong with the key ``fine_tune``, for ``check_config``."""
    try:
        FineTune.of(config)
    except (SvtoolkitError, TypeError) as error:
        yield str(error)


def prepare(config: Config) -> None:
    """Fill in what fine-tuning decides: class numbers, size of the head, hooks. Call before the check.

    Raises:
        CheckpointError: the checkpoint cannot be read, or has another front end.
        ConfigError: the classes do not fit ``head``, or an option is wrong.
    """
    options = FineTune.of(config)
    if options is None:
        return
    source = read_start(options.checkpoint)
    _check_front_end(config, source, options)
    try:
        dataset = DATASETS.build(config.train_dataloader.dataset)
        dataset.full_init()
    except (LookupError, TypeError, ValueError, OSError):
        return  # check_config names what is wrong with the data
    if options.head != 'new':
        if getattr(config.model.head, 'shard', False):
            raise ConfigError('fine_tune.head: rows of a sharded head cannot be taken over; use head=new.')
        names = _class_names(options.head, source, list(dataset.speaker_map))
        path = Path(config.work_dir) / 'speaker_map.json'
        _write(path, {name: label for label, name in enumerate(names)})
        config.train_dataloader.dataset.speaker_map = str(path)
        config.model.head.num_speakers = (
            len(source.classes) if options.head == 'keep' else len(names) * len(dataset.speeds)
        )
    hooks = list(config.get('custom_hooks') or [])
    if options.bn == 'frozen_stats' or (options.bn == 'auto' and _little_data(config, dataset)):
        hooks.append(dict(type='FrozenStatsHook'))
    if options.l2_sp:
        hooks.append(dict(type='L2SPHook', checkpoint=options.checkpoint, weight=options.l2_sp))
    config.custom_hooks = hooks


def start(runner) -> None:
    """Load the start weights into the runner's model, on every rank the same.

    Raises:
        CheckpointError: the weights are of another model.
    """
    options = FineTune.of(runner.cfg)
    if options is None:
        return
    model = runner.bare_model
    if is_main_process():
        _fill(runner, options)
    for tensor in model.state_dict().values():
        broadcast(tensor, src=0)
    # hooks with a copy of the weights, such as an average, begin where the model does
    runner.call_hook('after_load_checkpoint', checkpoint=dict(state_dict=model.state_dict()))


def _fill(runner, options: FineTune) -> None:
    model, dataset = runner.bare_model, runner.train_dataloader.dataset
    source = read_start(options.checkpoint)
    found = match(model, source.state)
    if found.backbone_share < 0.95 and not options.allow_partial:
        raise CheckpointError(found.text(options.checkpoint, 'these weights are of another model'))
    model.load_state_dict({name: source.state[name] for name in found.matched}, strict=False)
    runner.logger.info(found.text(options.checkpoint, 'start weights'))
    if len(dataset.speaker_map) < FEW_SPEAKERS:
        runner.logger.warning(
            f'{len(dataset.speaker_map)} speakers are few to adapt a network to: draw them evenly '
            '(BalancedSpeakerDataset), train the head alone (FreezeHook), or only calibrate anew.'
        )
    num_samples = round(options.seconds * dataset.sample_rate)
    if options.bn == 'adapt':
        rows = np.linspace(0, len(dataset) - 1, min(len(dataset), options.adapt_utts)).astype(int)
        adapt_statistics(model, dataset, np.unique(rows), num_samples)
    if options.head == 'new':
        return
    classes = dataset.metainfo['classes']
    old = source.head_state()
    if options.head == 'keep':
        model.head.load_state_dict(old)
        return
    missing = copy_rows(model.head, old, source.classes, classes)
    if missing:
        vectors = class_embeddings(model, dataset, missing, options.utts_per_speaker, num_samples)
        fill_rows(model.head, vectors, missing, classes)
        runner.logger.info(f'head: {len(classes) - len(missing)} classes taken over, {len(missing)} new')


def _class_names(head: str, source: StartWeights, speakers: list[str]) -> list[str]:
    """Speakers in class order; the classes of changed speeds follow from them."""
    old = source.speakers
    if not old:
        raise ConfigError(
            f"fine_tune.head='{head}': {source.path} does not say whose rows its head holds; use head='new'."
        )
    strange = [name for name in speakers if name not in set(old)]
    if head == 'extend':
        return old + strange
    if strange:
        raise ConfigError(
            f"fine_tune.head='{head}': {len(strange)} of {len(speakers)} speakers, {strange[:3]} …, are "
            f"unknown to {source.path}; use head='extend' or 'new'."
        )
    wanted = set(speakers)
    return old if head == 'keep' else [name for name in old if name in wanted]


def _check_front_end(config: Config, source: StartWeights, options: FineTune) -> None:
    if source.config is None or options.allow_partial:
        return
    ours, theirs = (_front_end(one) for one in (config.model, source.config))
    if ours != theirs:
        different = sorted(key for key in ours.keys() | theirs.keys() if ours.get(key) != theirs.get(key))
        raise CheckpointError(
            f'{source.path}: was trained behind another front end ({", ".join(different)}): '
            f'{ {key: theirs.get(key) for key in different} } there, '
            f'{ {key: ours.get(key) for key in different} } in the config. Take its data_preprocessor, or '
            'set fine_tune.allow_partial=True.'
        )


def _front_end(model: dict) -> dict:
    """Settings of a front end that decide its numbers, defaults written out; lists as JSON has them."""
    given = dict(model['data_preprocessor'])
    feature = dict(given['feature'])
    settings = inspect.signature(MODELS.get(feature['type']).__init__).parameters
    defaults = {
        name: one.default for name, one in settings.items() if one.default is not inspect.Parameter.empty
    }
    settled = {**defaults, **feature, 'normalise': given.get('normalise', 'mean')}
    return json.loads(json.dumps(settled, default=list))


def _little_data(config: Config, dataset) -> bool:
    if config.train_dataloader.batch_size < SMALL_BATCH:
        return True
    hours = float(np.nansum(dataset.manifest.durations)) / 3600
    return 0 < hours < SMALL_HOURS  # a list without durations says nothing


def _write(path: Path, content: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f'.{path.name}.{os.getpid()}.tmp')
    temporary.write_text(json.dumps(content, indent=0))
    os.replace(temporary, path)
