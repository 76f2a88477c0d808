"""Embeddings of imported models against those of their own toolkits, waveform in, front ends included.

Claim: on 20 real recordings every importable network gives the unit embedding of its original with a cosine of at
least 0.9999 and no value further off than 1e-4. Trained weights are taken where a file is given (Resemblyzer,
BiLSTM); the other networks get random ones, the batch norms moved off their defaults: factors and offsets drawn,
statistics from a few training passes over recordings. They are saved as their trainer saves them, converted by
``svtoolkit convert``, and both embed the same recordings.

With ``--rates`` networks with trained weights also embed all test recordings of so762, and the error rates of both
lists (raw cosine) by their code and ours stand side by side.

    python tools/benchmarks/bench_same_embedding.py --data DIR --wespeaker DIR --speechbrain DIR --csv out.csv
"""

import argparse
import csv
import platform
import re
import tempfile
from pathlib import Path

import click
import numpy as np
import torch
from originals import FAMILIES, originals
from originals_base import Original
from torch import Tensor, nn

from svtoolkit.audio import io
from svtoolkit.cli.main import main as svtoolkit
from svtoolkit.datasets.trials import TrialList
from svtoolkit.metrics.curve import error_curve
from svtoolkit.metrics.rates import eer
from svtoolkit.zoo import package as packages
from svtoolkit.zoo.convert import convert

MIN_COSINE, MAX_DIFFERENCE = 0.9999, 1e-4
CROP = 24000  # samples of a training pass at most


def list_recordings(data: Path) -> list[tuple[str, Path]]:
    """Name and file of so762's test recordings."""
    header, *rows = (line.split('\t') for line in (data / 'so762' / 'test.tsv').read_text().splitlines())
    utt, path = header.index('utt'), header.index('path')
    return [(row[utt], data / 'so762' / row[path]) for row in rows]


def read_recordings(data: Path, number: int) -> list[Tensor]:
    """Evenly spread recordings of so762's test voices, each [T] at 16 kHz."""
    paths = [path for _, path in list_recordings(data)]
    return [torch.from_numpy(io.read(path, 16000)) for path in paths[:: len(paths) // number][:number]]


def unsettle(original: Original, waves: list[Tensor]) -> None:
    """Move what a fresh network has at its defaults: batch norms, and weights that start at zero or one."""
    generator = torch.Generator().manual_seed(1)
    for module in original.network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and module.affine:
            module.weight.data.uniform_(0.6, 1.4, generator=generator)
            module.bias.data.normal_(0, 0.1, generator=generator)
    for parameter in original.network.parameters():
        if parameter.numel() > 1 and parameter.data.flatten().unique().numel() == 1:
            parameter.data.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    original.network.train()
    crop = min(CROP, *map(len, waves))
    for start in range(0, len(waves), 4):
        given = [original.features(wave[:crop]) for wave in waves[start : start + 4]]
        stacked = (
            [torch.cat(parts) for parts in zip(*given)] if isinstance(given[0], tuple) else torch.cat(given)
        )
        with torch.no_grad():
            original.network(tuple(stacked) if isinstance(stacked, list) else stacked)
    original.network.eval()


def export_onnx(original: Original, wave: Tensor, path: Path) -> None:
    """As WeSpeaker's ``bin/export_onnx.py`` does it: the last output less a mean, opset 14, batch norms melted."""

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = original.network
            with torch.no_grad():
                size = original.embed(wave).shape[0]
            self.register_buffer('mean_vec', torch.zeros(size))

        def forward(self, feats: Tensor) -> Tensor:
            return original.embedding(self.model(feats)) - self.mean_vec

    axes = {'feats': {0: 'B', 1: 'T'}, 'embs': {0: 'B'}}
    torch.onnx.export(
        Model().eval(),
        (torch.ones(1, 200, original.features(wave).shape[-1]),),
        str(path),
        do_constant_folding=True,
        opset_version=14,
        input_names=['feats'],
        output_names=['embs'],
        dynamic_axes=axes,
        dynamo=False,
    )


def compare(original: Original, path: Path, folder: Path, waves: list[Tensor]) -> dict:
    """Convert one file and compare the embeddings of all recordings."""
    target = folder / f'{path.stem}-{path.suffix[1:]}'
    try:
        arguments = ['convert', str(path), '--from', original.source, '--output', str(target)]
        svtoolkit(arguments, standalone_mode=False)
    except click.ClickException as error:
        return dict(verdict='REFUSED', reason=error.message)
    model = packages.load(target).model
    theirs = torch.stack([original.embed(wave) for wave in waves])
    with torch.inference_mode():
        ours = torch.cat([model.embed(wave[None]) for wave in waves])
    theirs, ours = (nn.functional.normalize(x.double()) for x in (theirs, ours))
    cosine = (theirs * ours).sum(1).min().item()
    difference = (theirs - ours).abs().max().item()
    mean = theirs.mean(0)
    centred = nn.functional.cosine_similarity(theirs - mean, ours - mean).min().item()
    met = cosine >= MIN_COSINE and difference <= MAX_DIFFERENCE
    return dict(
        min_cosine=f'{cosine:.8f}',
        max_difference=f'{difference:.1e}',
        centred_cosine=f'{centred:.6f}',  # without what all recordings share, of which random networks give much
        verdict='same' if met else 'DIFFERENT',
    )


def print_rates(original: Original, data: Path) -> None:
    """Error rates on both lists of so762 by embeddings of the original and of the converted model."""
    assert original.weights is not None
    model = convert(original.weights, original.source).model
    pairs = {}
    for utt, path in list_recordings(data):
        wave = torch.from_numpy(io.read(path, 16000))
        with torch.inference_mode():
            both = torch.stack([original.embed(wave), model.embed(wave[None])[0]])
        pairs[utt] = nn.functional.normalize(both).numpy()
    for name in ('random', 'hard'):
        trials = TrialList.read(data / 'so762' / f'trials_{name}.txt')
        tables = np.stack([pairs[utt] for utt in trials.ids], axis=1)  # [2, n, D]
        scores = np.einsum('knd,knd->kn', tables[:, trials.enrol], tables[:, trials.test])
        theirs, ours = (100 * eer(error_curve(one, trials.label)) for one in scores)
        print(
            f'{original.name}, {name}: EER {theirs:.4f} % by its own code, {ours:.4f} % by ours', flush=True
        )


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--data', type=Path, required=True, help='folder with so762/')
    for family in FAMILIES:
        what = 'weight file' if family in ('resemblyzer', 'bilstm') else 'root of its checkout'
        parser.add_argument(f'--{family}', type=Path, metavar='PATH', help=what)
    parser.add_argument('--only', default='', help='networks whose name matches this regular expression')
    parser.add_argument('--onnx', action='store_true', help="also convert exports by WeSpeaker's settings")
    parser.add_argument('--rates', action='store_true', help='also error rates of trained weights')
    parser.add_argument('--recordings', type=int, default=20)
    parser.add_argument('--csv', help='write the table there')
    return parser.parse_args()


def main() -> None:
    args = parse()
    torch.set_num_threads(1)
    waves = read_recordings(args.data, args.recordings)
    print(f'{platform.machine()}, torch {torch.__version__}; {len(waves)} recordings of so762/test')
    rows = []
    for family in FAMILIES:
        place = getattr(args, family.replace('-', '_'))
        torch.manual_seed(0)
        for original in originals(family, place) if place else ():
            if not re.search(args.only, f'{family} {original.name}'):
                continue
            rows += measure(family, original, waves, args.onnx)
            if args.rates and original.weights:
                print_rates(original, args.data)
    if args.csv:
        with open(args.csv, 'w', newline='') as handle:
            writer = csv.DictWriter(handle, list(dict.fromkeys(key for row in rows for key in row)))
            writer.writeheader()
            writer.writerows(rows)


def measure(family: str, original: Original, waves: list[Tensor], onnx: bool) -> list[dict]:
    """Rows of one network: its checkpoint, and its export where that is asked for."""
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = {'trained' if original.weights else 'checkpoint': original.weights}
        if original.weights is None:
            unsettle(original, waves)
            files['checkpoint'] = folder / 'weights.pt'
            torch.save(original.content(original.network.state_dict()), files['checkpoint'])
            if onnx and original.onnx:
                files['onnx'] = folder / 'weights.onnx'
                export_onnx(original, waves[0], files['onnx'])
        for form, path in files.items():
            row = dict(toolkit=family, network=original.name, form=form)
            row |= compare(original, path, folder, waves)
            rows.append(row)
            print(
                '  '.join(f'{value:{width}}' for value, width in zip(row.values(), (11, 44, 10, 11, 8, 9, 9)))
            )
    return rows


if __name__ == '__main__':
    main()
