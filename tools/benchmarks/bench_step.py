"""Training step and embedding extraction of our networks against those of other toolkits, on the CPU.

Claim: with equal weights' count, batch and settings a step and an extraction of ours cost no more than theirs,
and ECAPA-TDNN's peak memory is at most 0.7 of SpeechBrain's. A step is forward, AAM-softmax or cross-entropy
(our head for all), backward and optimiser. Each network of theirs meets ours in its configuration. All take the
rounds in turn in one process, so that a busy machine slows all of them; CPU time counts. Peak memory comes from
one process per network. ``--allocator`` measures as shipped, with glibc told to keep its blocks (as the engine
does), or both.

    python tools/benchmarks/bench_step.py --models ecapa512 resnet34 --speechbrain DIR --wespeaker DIR --csv x.csv
"""

import argparse
import csv
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from machine import processor
from peers import LOADERS
from torch import Tensor, nn
from torch.nn import functional as F

from svtoolkit.engine.compat import tune_allocator
from svtoolkit.models.backbones.ecapa_tdnn import ECAPA_PRESETS
from svtoolkit.models.heads.aam_softmax_head import AAMSoftmaxHead
from svtoolkit.registry import MODELS

BINS = 80
MODES = ('fp32', 'bf16', 'fp32-nhwc', 'bf16-nhwc')


def _plain(backbone: str, embed_dim: int, **embedding: object) -> dict:
    layer = dict(type='EmbeddingLayer', embed_dim=embed_dim, **{'norm': 'none', **embedding})
    neck = dict(type='StatsPooling', unbiased=True, eps=1e-7)
    return dict(backbone=dict(type=backbone), neck=neck, embedding=layer)


# Ours, as each peer has it; None for the peers that agree.
OURS: dict[str, dict[str | None, dict]] = {
    'resnet34': {None: _plain('ResNet', 256)},
    'ecapa512': {
        'speechbrain': ECAPA_PRESETS['speechbrain_c512'],
        None: ECAPA_PRESETS['wespeaker_glob_c512'],
    },
    'ecapa1024': {'speechbrain': ECAPA_PRESETS['speechbrain'], None: ECAPA_PRESETS['wespeaker_glob_c1024']},
    'campplus': {None: _plain('CAMPPlus', 512, norm='bn', norm_affine=False, bias=False)},
    'res2net': {None: _plain('Res2Net', 256)},
    'eres2net': {None: _plain('ERes2Net', 192)},
    'eres2netv2': {None: _plain('ERes2NetV2', 192)},
}


class Ours(nn.Module):
    """Our backbone, pooling and embedding layer with the peers' convention, [B, N, F] -> [B, D]."""

    def __init__(self, backbone: dict, neck: dict, embedding: dict) -> None:
        super().__init__()
        self.backbone = MODELS.build({**backbone, 'in_channels': BINS})
        self.neck = MODELS.build({**neck, 'in_channels': self.backbone.out_channels})
        self.embedding = MODELS.build({**embedding, 'in_channels': self.neck.out_channels})

    def forward(self, features: Tensor) -> Tensor:
        return self.embedding(self.neck(self.backbone(features.transpose(1, 2))))


def build(model: str, name: str, checkouts: dict[str, str]) -> nn.Module:
    """The network called ``speechbrain``, or ours as SpeechBrain has it: ``svtoolkit as speechbrain``."""
    torch.manual_seed(0)
    if name in LOADERS:
        peer = LOADERS[name](model, Path(checkouts[name]))
        assert peer is not None
        return peer
    configs = OURS[model]
    return Ours(**configs.get(name.removeprefix('svtoolkit as '), configs[None]))


def names_of(model: str, checkouts: dict[str, str]) -> list[str]:
    """What is measured: every peer that has the network, each behind ours in the same configuration."""
    peers = [name for name, folder in checkouts.items() if LOADERS[name](model, Path(folder)) is not None]
    names: list[str] = []
    for peer in peers:
        names += [partner(model, peer), peer]
    return list(dict.fromkeys(names)) or ['svtoolkit']


def partner(model: str, peer: str) -> str:
    return f'svtoolkit as {peer}' if peer in OURS[model] else 'svtoolkit'


def make_step(net: nn.Module, mode: str, args: argparse.Namespace) -> Callable[[], None]:
    """One training step on fixed random features."""
    generator = torch.Generator().manual_seed(args.seed)
    features = torch.randn(args.batch, args.frames, BINS, generator=generator)
    labels = torch.randint(args.speakers, (args.batch,), generator=generator)
    with torch.no_grad():
        width = net.eval()(features[:1]).shape[1]
    if mode.endswith('nhwc'):
        net.to(memory_format=torch.channels_last)
    head: nn.Module = nn.Linear(width, args.speakers)
    if args.loss == 'aam':
        head = AAMSoftmaxHead(width, args.speakers)
    parameters = [*net.train().parameters(), *head.parameters()]
    if args.optimizer == 'sgd':
        optimizer: torch.optim.Optimizer = torch.optim.SGD(parameters, 1e-3, 0.9, weight_decay=1e-4)
    else:
        optimizer = torch.optim.AdamW(parameters, 1e-3)

    def step() -> None:
        with torch.autocast('cpu', torch.bfloat16, enabled=mode.startswith('bf16')):
            embedding = net(features.clone())  # some peers write into their input
            if isinstance(head, AAMSoftmaxHead):
                loss = head.loss(embedding, labels)['loss']
            else:
                loss = F.cross_entropy(head(embedding).float(), labels)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def make_extraction(net: nn.Module, batch: int, frames: int) -> Callable[[], None]:
    """Embeddings of one batch."""
    features = torch.randn(batch, frames, BINS, generator=torch.Generator().manual_seed(0))

    def extract() -> None:
        with torch.inference_mode():
            net(features.clone())

    return extract


def take_turns(calls: dict[str, Callable[[], None]], rounds: int) -> dict[str, dict[str, float]]:
    """CPU and wall milliseconds of each call, the rounds in turn; the first call of each does not count."""
    cpu: dict[str, list[float]] = {name: [] for name in calls}
    wall: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call()
    for _ in range(rounds):
        for name, call in calls.items():
            start = time.process_time(), time.perf_counter()
            call()
            cpu[name].append((time.process_time() - start[0]) * 1000)
            wall[name].append((time.perf_counter() - start[1]) * 1000)
    return {
        name: dict(
            cpu_ms=statistics.median(cpu[name]),
            cpu_min_ms=min(cpu[name]),
            cpu_max_ms=max(cpu[name]),
            wall_min_ms=min(wall[name]),
        )
        for name in calls
    }


def measure_times(args: argparse.Namespace) -> list[dict]:
    """Rows of one model under one allocator: all networks and modes in this process."""
    if args.worker == 'tuned' and not tune_allocator():
        raise SystemExit('the allocator of this system cannot be tuned; take --allocator default')
    model, checkouts = args.models[0], given_checkouts(args)
    names = names_of(model, checkouts)
    rows = []
    for mode in args.modes:
        nets = {name: build(model, name, checkouts) for name in names}
        sizes = {name: sum(p.numel() for p in net.parameters()) for name, net in nets.items()}
        for peer in (name for name in names if name in LOADERS):
            if sizes[peer] != sizes[partner(model, peer)]:
                raise SystemExit(f'{model}: {sizes} parameters are not like for like')
        tasks = {f'step {args.batch}': {name: make_step(net, mode, args) for name, net in nets.items()}}
        if args.extract and mode.startswith('fp32'):
            for batch in (1, 8):
                tasks[f'extract {batch}'] = {
                    name: make_extraction(net, batch, args.frames) for name, net in nets.items()
                }
        for task, calls in tasks.items():
            for net in nets.values():
                net.train(task.startswith('step'))
            times = take_turns(calls, args.rounds)
            for name in names:
                base = dict(model=model, task=task, mode=mode, allocator=args.worker, network=name)
                rows.append(base | {key: round(value, 2) for key, value in times[name].items()})
    return rows


def measure_memory(args: argparse.Namespace) -> list[dict]:
    """One row: how far two steps push the memory of this process above what it held before."""
    model, mode, name = args.models[0], args.modes[0], args.network
    step = make_step(build(model, name, given_checkouts(args)), mode, args)
    Path('/proc/self/clear_refs').write_text('5')  # forget the peak so far; proc(5)
    before = _status_mb('VmRSS')
    step()
    step()
    peak = round(_status_mb('VmHWM') - before)
    return [
        dict(
            model=model,
            task=f'step {args.batch}',
            mode=mode,
            allocator='default',
            network=name,
            peak_mb=peak,
        )
    ]


def _status_mb(key: str) -> float:
    lines = Path('/proc/self/status').read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f'{key}:')) / 1024


def run_worker(worker: str, model: str, mode: str | None = None, network: str | None = None) -> list[dict]:
    """Rows from a process of its own, with the same options."""
    extra = ['--worker', worker, '--models', model]
    extra += ['--modes', mode] if mode else []
    extra += ['--network', network] if network else []
    command = [sys.executable, __file__, *sys.argv[1:], *extra]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def add_ratios(rows: list[dict]) -> None:
    """Ours over theirs into every row of a peer: ``time_ratio`` from CPU time, ``memory_ratio`` from peaks."""
    of = {tuple(row[key] for key in ('model', 'task', 'mode', 'allocator', 'network')): row for row in rows}
    for (model, task, mode, allocator, network), row in of.items():
        if network in LOADERS:
            ours = of[model, task, mode, allocator, partner(model, network)]
            for ratio, key in (('time_ratio', 'cpu_ms'), ('memory_ratio', 'peak_mb')):
                if row.get(key) and ours.get(key):
                    row[ratio] = round(ours[key] / row[key], 3)


def report(rows: list[dict]) -> None:
    """Print the table; the ratios are ours over theirs."""
    print(
        f'{"model":11}{"task":11}{"mode":11}{"malloc":9}{"network":26}{"CPU ms [range]":>28}{"wall":>9}',
        end='',
    )
    print(f'{"peak MB":>9}  ours / theirs: time, memory')
    for row in rows:
        times = f'{row["cpu_ms"]:.1f} [{row["cpu_min_ms"]:.1f}, {row["cpu_max_ms"]:.1f}]'
        ratios = [f'{row[key]:.2f}' if key in row else '' for key in ('time_ratio', 'memory_ratio')]
        print(
            f'{row["model"]:11}{row["task"]:11}{row["mode"]:11}{row["allocator"]:9}{row["network"]:26}{times:>28}'
            f'{row["wall_min_ms"]:9.1f}{row.get("peak_mb", ""):>9}  {ratios[0]:6}{ratios[1]:6}'
        )


def given_checkouts(args: argparse.Namespace) -> dict[str, str]:
    given = {'speechbrain': args.speechbrain, 'wespeaker': args.wespeaker, '3dspeaker': args.threed_speaker}
    return {name: folder for name, folder in given.items() if folder}


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--models', nargs='+', choices=OURS, default=['ecapa512'])
    parser.add_argument('--speechbrain', metavar='DIR', help='root of a checkout of SpeechBrain')
    parser.add_argument('--wespeaker', metavar='DIR', help='root of a checkout of WeSpeaker')
    parser.add_argument('--3dspeaker', dest='threed_speaker', metavar='DIR', help='root of one of 3D-Speaker')
    parser.add_argument('--modes', nargs='+', choices=MODES, default=['fp32', 'bf16'])
    parser.add_argument('--allocator', choices=('default', 'tuned', 'both'), default='both')
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--batch', type=int, default=32, help='utterances in a step (%(default)s)')
    parser.add_argument('--frames', type=int, default=200, help='frames of an utterance (%(default)s)')
    parser.add_argument('--speakers', type=int, default=1000, help='classes of the head (%(default)s)')
    parser.add_argument('--loss', choices=('aam', 'ce'), default='aam')
    parser.add_argument('--optimizer', choices=('sgd', 'adamw'), default='sgd')
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--extract', action='store_true', help='also embed batches of 1 and 8')
    parser.add_argument('--memory', action='store_true', help='also the peak memory of a step (Linux)')
    parser.add_argument('--csv', help='write the table there')
    parser.add_argument('--worker', choices=('default', 'tuned', 'memory'), help=argparse.SUPPRESS)
    parser.add_argument('--network', help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    args = parse()
    torch.set_num_threads(args.threads)
    if args.worker:
        print(json.dumps(measure_memory(args) if args.worker == 'memory' else measure_times(args)))
        return
    print(f'{processor()}, {os.cpu_count()} cores, {args.threads} thread(s); Python {platform.python_version()}, '
          f'torch {torch.__version__}')  # fmt: skip
    print(f'{args.frames} frames, {args.speakers} speakers, {args.loss}, {args.optimizer}, seed {args.seed}; CPU '
          f'ms: median [least, most] of {args.rounds} rounds; wall: least')  # fmt: skip
    rows: list[dict] = []
    allocators = ['default', 'tuned'] if args.allocator == 'both' else [args.allocator]
    for model in args.models:
        for allocator in allocators:
            rows += run_worker(allocator, model)
    if args.memory:
        for row in rows:
            if row['task'].startswith('step') and row['allocator'] == allocators[0]:
                row |= run_worker('memory', row['model'], row['mode'], row['network'])[0] | {
                    'allocator': row['allocator']
                }
    add_ratios(rows)
    report(rows)
    if args.csv:
        columns = list(dict.fromkeys(key for row in rows for key in row))
        with open(args.csv, 'w', newline='') as handle:
            writer = csv.DictWriter(handle, columns)
            writer.writeheader()
            writer.writerows(rows)


if __name__ == '__main__':
    main()
