"""Memory of the classifier's weights, gradients, momentum and logits, whole and split over ranks.

Claim: with ``shard=True`` the training state of a head falls with the number of ranks, so that hundreds of thousands
of speakers fit. Each rank is a process of this machine (gloo): it builds an AAM-softmax head and takes two steps of
SGD with momentum on random embeddings. Counted are the bytes of the parameters, gradients and momentum, and how far
the steps push the resident memory of the process above what it held before the head (Linux).

    python tools/benchmarks/bench_class_shard.py --speakers 100000 --ranks 1 2 4
"""

import argparse
import json
import platform
import tempfile
from pathlib import Path

import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from svtoolkit.models.heads.aam_softmax_head import AAMSoftmaxHead

STEPS = 2


def resident_mb(key: str) -> float:
    """``VmRSS`` now or ``VmHWM``, the most since it was cleared."""
    lines = Path('/proc/self/status').read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f'{key}:')) / 1024


def work(rank: int, ranks: int, folder: str, speakers: int, width: int, batch: int) -> None:
    """One rank: build, step, and write what it took."""
    torch.set_num_threads(1)
    dist.init_process_group('gloo', f'file://{folder}/meeting', rank=rank, world_size=ranks)
    torch.manual_seed(0)
    before = resident_mb('VmRSS')
    head = AAMSoftmaxHead(width, speakers, shard=ranks > 1)
    optimizer = torch.optim.SGD(head.parameters(), 0.1, 0.9)
    built = resident_mb('VmHWM') - before
    Path('/proc/self/clear_refs').write_text('5')  # forget the peak of building; proc(5)
    generator = torch.Generator().manual_seed(rank)
    for _ in range(STEPS):
        embedding = torch.randn(batch, width, generator=generator, requires_grad=True)
        labels = torch.randint(speakers, (batch,), generator=generator)
        head.loss(embedding, labels)['loss'].backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=False)
    tensors = [*head.parameters(), *(p.grad for p in head.parameters() if p.grad is not None)]
    tensors += [
        value for state in optimizer.state.values() for value in state.values() if torch.is_tensor(value)
    ]
    held = sum(one.numel() * one.element_size() for one in tensors) / 2**20
    row = dict(held_mb=held, peak_mb=resident_mb('VmHWM') - before, build_mb=built)
    Path(folder, f'{rank}.json').write_text(json.dumps(row))
    dist.destroy_process_group()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--speakers', type=int, default=100_000)
    parser.add_argument('--width', type=int, default=192, help='of the embeddings (%(default)s)')
    parser.add_argument('--batch', type=int, default=128, help='of all ranks together (%(default)s)')
    parser.add_argument('--ranks', type=int, nargs='+', default=[1, 2, 4])
    args = parser.parse_args()
    print(
        f'{platform.machine()}, torch {torch.__version__}; {args.speakers} speakers x {args.width}, batch {args.batch}'
    )
    print('ranks  weights, gradients, momentum  peak of a step  peak of building  (MiB on the fullest rank)')
    for ranks in args.ranks:
        with tempfile.TemporaryDirectory() as folder:
            given = (ranks, folder, args.speakers, args.width, args.batch // ranks)
            mp.spawn(work, given, nprocs=ranks)
            rows = [json.loads(path.read_text()) for path in Path(folder).glob('*.json')]
        most = {key: max(row[key] for row in rows) for key in rows[0]}
        print(f'{ranks:5}  {most["held_mb"]:28.0f}  {most["peak_mb"]:14.0f}  {most["build_mb"]:16.0f}')


if __name__ == '__main__':
    main()
