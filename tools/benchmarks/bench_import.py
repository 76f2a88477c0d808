"""Error rates of imported real weights on the so762 lists, beside what their own code reaches.

    python tools/benchmarks/bench_import.py --data DIR [--bilstm FILE] [--resemblyzer FILE]

Claim: an imported model has the EER of its own toolkit (raw cosine, no mean removed), within 0.05 % absolute
of ``DIR/anchors.json``, which holds what the originals measured on the same Opus files.

The BiLSTM embeds recordings as they are. Resemblyzer's wrapper does more than its network: it raises the
volume, cuts silence (webrtcvad), and averages unit embeddings of windows of 1.6 s. That wrapper is no part of
the imported model, so it stands here: ``preprocess_wav`` comes from the package resemblyzer where it is
installed; the windows are cut here from our features and go through our network. Three rows come out: with
its whole wrapper, with its preprocessing but each recording in one piece, and as we load it.
"""

import argparse
import importlib.util
import json
import platform
import time
from pathlib import Path

import numpy as np
import torch

from svtoolkit.audio import io
from svtoolkit.datasets.trials import TrialList
from svtoolkit.metrics.curve import error_curve
from svtoolkit.metrics.rates import eer
from svtoolkit.zoo.convert import convert
from svtoolkit.zoo.package import ModelPackage

LISTS = ('random', 'hard')
WINDOW, STEP, MIN_COVERAGE = 160, 77, 0.75  # frames of 10 ms; 1.3 windows a second


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--data', type=Path, required=True, help='folder with so762/ and anchors.json')
    parser.add_argument('--bilstm', type=Path, help='weights; default: DIR/weights/bilstm_librispeech.pt')
    parser.add_argument('--resemblyzer', type=Path, help='pretrained.pt of its package')
    args = parser.parse_args()
    print(f'{platform.machine()}, torch {torch.__version__}, {torch.get_num_threads()} threads')
    trials = {name: TrialList.read(args.data / 'so762' / f'trials_{name}.txt') for name in LISTS}
    anchors = json.loads((args.data / 'anchors.json').read_text())['systems']
    paths = _paths(args.data / 'so762')
    print(
        f'{len(paths)} recordings, {", ".join(f"{len(one)} trials {name}" for name, one in trials.items())}'
    )

    path = args.bilstm or args.data / 'weights' / 'bilstm_librispeech.pt'
    if path.is_file():
        package = convert(path, 'bilstm')
        _report('BiLSTM', paths, trials, anchors['bilstm_all'], lambda wave: _embed(package, wave))
    if args.resemblyzer:
        _resemblyzer(convert(args.resemblyzer, 'resemblyzer'), paths, trials, anchors['resemblyzer_ge2e'])


def _resemblyzer(package: ModelPackage, paths: dict, trials: dict, anchor: dict) -> None:
    if importlib.util.find_spec('resemblyzer') is None:
        print('resemblyzer is not installed: no rows with its preprocessing')
    else:
        from resemblyzer import preprocess_wav

        _report(
            'Resemblyzer, its wrapper',
            paths,
            trials,
            anchor,
            lambda wave: windowed(package, preprocess_wav(wave)),
        )
        _report(
            'Resemblyzer, its preprocessing',
            paths,
            trials,
            None,
            lambda wave: _embed(package, preprocess_wav(wave)),
        )
    _report('Resemblyzer, as loaded', paths, trials, None, lambda wave: _embed(package, wave))


def windowed(package: ModelPackage, wave: np.ndarray) -> np.ndarray:
    """Mean of the unit embeddings of windows, as VoiceEncoder.embed_utterance takes it, [T] -> [D]."""
    hop = 160
    frames = -(-(len(wave) + 1) // hop)
    starts = list(range(0, max(1, frames - WINDOW + STEP + 1), STEP))
    if len(starts) > 1 and (len(wave) - starts[-1] * hop) / (WINDOW * hop) < MIN_COVERAGE:
        starts.pop()
    wave = np.pad(wave, (0, max(0, (starts[-1] + WINDOW) * hop - len(wave))))
    with torch.inference_mode():
        features = package.model.data_preprocessor.features(torch.from_numpy(wave.astype(np.float32))[None])
        parts = torch.cat([features[..., start : start + WINDOW] for start in starts])
        return package.model.embed_features(parts).mean(0).numpy()


def _embed(package: ModelPackage, wave: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        return package.model.embed(torch.from_numpy(wave.astype(np.float32))[None])[0].numpy()


def _report(name: str, paths: dict, trials: dict, anchor: dict | None, embed) -> None:
    start = time.perf_counter()
    vectors = {utt: embed(io.read(path, 16000)) for utt, path in paths.items()}
    seconds = time.perf_counter() - start
    for part, trial_list in trials.items():
        matrix = np.stack([vectors[utt] for utt in trial_list.ids])
        matrix = matrix / np.linalg.norm(matrix, axis=1, keepdims=True)
        scores = np.einsum('nd,nd->n', matrix[trial_list.enrol], matrix[trial_list.test])
        rate = 100 * eer(error_curve(scores, trial_list.label))
        line = f'{name:32s} {part:7s} EER {rate:7.4f} %'
        if anchor:
            theirs = anchor['results'][f'{part}/raw']['eer_percent']['value']
            line += f', its own code {theirs:7.4f} %, difference {rate - theirs:+.4f}'
        print(f'{line}  ({seconds:.0f} s)', flush=True)


def _paths(folder: Path) -> dict[str, Path]:
    header, *rows = (line.split('\t') for line in (folder / 'test.tsv').read_text().splitlines())
    utt, path = header.index('utt'), header.index('path')
    return {row[utt]: folder / row[path] for row in rows}


if __name__ == '__main__':
    main()
