"""Kaldi filter bank, 80 bins, 16 kHz, one CPU thread: ours against torchaudio's and kaldi-native-fbank.

Claim: at least 2.5 times the speed of torchaudio called per utterance and 6 times that of kaldi-native-fbank,
with the accuracy of float32. All take the rounds in turn, so that a busy machine slows all of them; CPU time
counts.

    python tools/benchmarks/bench_fbank.py --csv fbank.csv
"""

import argparse
import csv
import os
import platform
import statistics
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import kaldi_native_fbank as knf
import numpy as np
import soundfile
import torch
from machine import processor

from svtoolkit.audio._torchaudio import load_torchaudio
from svtoolkit.features.fbank import Fbank

RATE, LENGTH, SHIFT, N_FFT, BINS = 16000, 400, 160, 512, 80


def exact_fbank(wave: np.ndarray) -> np.ndarray:
    """The filter bank derived again in float64, one utterance [T] in ±1 -> [N, 80]; Kaldi's defaults."""
    frames = np.lib.stride_tricks.sliding_window_view(wave.astype(np.float64) * 32768, LENGTH)[::SHIFT]
    frames = frames - frames.mean(axis=1, keepdims=True)
    frames = frames - 0.97 * np.concatenate([frames[:, :1], frames[:, :-1]], axis=1)
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(LENGTH) / (LENGTH - 1))) ** 0.85
    power = np.abs(np.fft.rfft(frames * window, N_FFT)[:, : N_FFT // 2]) ** 2
    bins = 1127 * np.log(1 + np.arange(N_FFT // 2) * RATE / N_FFT / 700)
    edges = np.linspace(1127 * np.log(1 + 20 / 700), 1127 * np.log(1 + RATE / 2 / 700), BINS + 2)
    rise = (bins[:, None] - edges[:-2]) / np.diff(edges)[:-1]
    fall = (edges[2:] - bins[:, None]) / np.diff(edges)[1:]
    return np.log(np.maximum(power @ np.maximum(0, np.minimum(rise, fall)), np.finfo(np.float32).eps))


def competitors() -> dict[str, Callable[[torch.Tensor], list[np.ndarray]]]:
    """By name: a function from waveforms [B, T] in ±1 to the features [N, 80] of each."""
    load_torchaudio()
    from torchaudio.compliance import kaldi

    ours = Fbank().eval()
    options = knf.FbankOptions()
    options.frame_opts.dither = 0.0
    options.mel_opts.num_bins = BINS

    def svtoolkit(waves: torch.Tensor) -> list[np.ndarray]:
        return list(ours(waves).transpose(1, 2).numpy())

    def torchaudio(waves: torch.Tensor) -> list[np.ndarray]:
        return [kaldi.fbank(wave * 32768, num_mel_bins=BINS).numpy() for wave in waves[:, None]]

    def kaldi_native_fbank(waves: torch.Tensor) -> list[np.ndarray]:
        features = []
        for wave in waves:
            computer = knf.OnlineFbank(options)
            computer.accept_waveform(RATE, (wave * 32768).tolist())  # faster than an array here
            computer.input_finished()
            features.append(np.stack([computer.get_frame(k) for k in range(computer.num_frames_ready)]))
        return features

    return {'svtoolkit': svtoolkit, 'torchaudio': torchaudio, 'kaldi-native-fbank': kaldi_native_fbank}


def measure(waves: torch.Tensor, rounds: int, repeats: int) -> dict[str, list[float]]:
    """CPU milliseconds of one call, by name and round; the competitors take each round in turn."""
    calls = competitors()
    times: dict[str, list[float]] = {name: [] for name in calls}
    with torch.inference_mode():
        for call in calls.values():
            call(waves)
        for _ in range(rounds):
            for name, call in calls.items():
                start = time.process_time()
                for _ in range(repeats):
                    call(waves)
                times[name].append((time.process_time() - start) * 1000 / repeats)
    return times


def report_speed(waves: torch.Tensor, rounds: int, repeats: int) -> list[dict]:
    seconds = waves.numel() / RATE
    times = measure(waves, rounds, repeats)
    size = f'{len(waves)} x {waves.shape[1] / RATE:g} s'
    print(f'\n{size}: CPU ms a call, median [quartiles] of {rounds} rounds of {repeats} calls')
    rows = []
    for name, series in times.items():
        low, median, high = statistics.quantiles(series, n=4)
        ratio = statistics.median(other / own for own, other in zip(times['svtoolkit'], series))
        rows.append(
            dict(size=size, name=name, cpu_ms=round(median, 4), low_ms=round(low, 4), high_ms=round(high, 4),
                 audio_s_per_cpu_s=round(seconds / median * 1000), svtoolkit_is_faster=round(ratio, 2))
        )  # fmt: skip
        print(
            f'  {name:20} {median:8.3f} [{low:.3f}, {high:.3f}]  '
            f'{seconds / median * 1000:8.0f} audio s per CPU s  svtoolkit is {ratio:5.2f} x as fast'
        )
    return rows


def report_accuracy(waves: list[torch.Tensor], what: str) -> None:
    """Print how far all are from float64, and ours from the others, over all bins of all waves [T]."""
    features = {'float64': np.concatenate([exact_fbank(wave.numpy()) for wave in waves])}
    with torch.inference_mode():
        for name, call in competitors().items():
            features[name] = np.concatenate([call(wave[None])[0] for wave in waves])
    others = [name for name in features if name not in ('svtoolkit', 'float64')]
    pairs = [(name, 'float64') for name in ('svtoolkit', *others)] + [('svtoolkit', name) for name in others]
    print(f'\n{what}: absolute difference, mean, 99.9th percentile, maximum')
    for name, against in pairs:
        off = np.abs(features[name] - features[against])
        print(
            f'  {name:20} from {against:20} {off.mean():.1e}  {np.quantile(off, 0.999):.1e}  {off.max():.1e}'
        )


def read_speech(folder: Path, limit: int = 40) -> list[torch.Tensor]:
    """The first 16 kHz recordings under ``folder`` that soundfile reads, as waveforms [T]."""
    files = sorted(path for path in folder.rglob('*') if path.suffix in ('.wav', '.flac', '.ogg', '.opus'))
    waves = [soundfile.read(path, dtype='float32') for path in files[:limit]]
    return [torch.from_numpy(wave) for wave, rate in waves if rate == RATE and wave.ndim == 1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--batch', type=int, default=16, help='utterances of the large size (%(default)s)')
    parser.add_argument('--seconds', type=float, default=3.0, help='length of an utterance (%(default)s)')
    parser.add_argument('--rounds', type=int, default=20, help='rounds of each size (%(default)s)')
    parser.add_argument('--repeats', type=int, default=5, help='calls in a round (%(default)s)')
    parser.add_argument('--seed', type=int, default=0, help='of the noise the features are taken of')
    parser.add_argument(
        '--speech', type=Path, help='folder of 16 kHz recordings to measure accuracy on as well'
    )
    parser.add_argument('--csv', help='write the table of times there')
    args = parser.parse_args()

    torch.set_num_threads(1)
    packages = ', '.join(
        f'{name} {version(name)}' for name in ('torch', 'torchaudio', 'kaldi-native-fbank', 'numpy')
    )
    print(f'{processor()}, {os.cpu_count()} cores, 1 thread; Python {platform.python_version()}, {packages}')
    print(f'white noise at a tenth of full scale, seed {args.seed}; Kaldi defaults, {BINS} bins, no dither')
    generator = torch.Generator().manual_seed(args.seed)
    waves = 0.1 * torch.randn(args.batch, int(args.seconds * RATE), generator=generator)
    rows = report_speed(waves, args.rounds, args.repeats)
    rows += report_speed(waves[:1], args.rounds, args.repeats * args.batch)
    report_accuracy(list(waves), 'noise')
    if args.speech:
        report_accuracy(read_speech(args.speech), f'speech of {args.speech}')
    if args.csv:
        with open(args.csv, 'w', newline='') as handle:
            writer = csv.DictWriter(handle, rows[0].keys())
            writer.writeheader()
            writer.writerows(rows)


if __name__ == '__main__':
    main()
