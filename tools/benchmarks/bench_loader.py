"""Crops a core can prepare: our data loader against SpeechBrain's and wespeaker's own, unmodified.

Claim: at least 1.5 times as many 2 s crops a CPU second as either when reading the same WAV files, with
augmentation; from a pack 4 times as many without it. With it, a pack gives 3.4 to 3.8 times as many: most of the
time are the FFTs of rooms. All three pass through their own datasets and a torch DataLoader that works in this
process; CPU time counts, and all take the rounds in turn, so that a busy machine slows all of them. The augmentation is wespeaker's rule, which cannot be changed there: nothing (1 in 5), a room
(2 in 5), or noise, music or babble (2 in 5, by file in theirs, by kind in ours). Nobody changes speed or
computes features. SpeechBrain augments whole batches in its training process; that is counted as well.

``torchaudio.load`` of torchaudio 2.9 and later needs torchcodec, so wespeaker is given soundfile's reader under
that name, as older torchaudio had it; its classes are not touched. wespeaker wants kaldiio and lmdb,
SpeechBrain hyperpyyaml, ruamel.yaml and sentencepiece, best in an environment of their own.

    python tools/benchmarks/bench_loader.py train.tsv noise/ --speechbrain CHECKOUT --wespeaker CHECKOUT
"""

import argparse
import csv
import itertools
import json
import os
import pickle
import platform
import random
import re
import statistics
import sys
import tempfile
import time
import types
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import numpy as np
import soundfile
import torch
from machine import processor
from torch.utils.data import DataLoader

from svtoolkit.audio import io
from svtoolkit.audio._torchaudio import load_torchaudio
from svtoolkit.datasets.manifest import Manifest
from svtoolkit.datasets.packs import build_pack_from_files
from svtoolkit.datasets.random_speaker import RandomSpeakerDataset
from svtoolkit.datasets.samplers import DrawSampler, init_worker
from svtoolkit.datasets.samples import collate
from svtoolkit.datasets.transforms.sounds import SoundSource
from svtoolkit.engine.compat import tune_allocator

RATE, FRAMES = 16000, 200
CROP = 400 + 160 * (FRAMES - 1)  # 2.005 s; wespeaker's num_frms=200 is the same length
ODDS = (0.2, 0.4, 0.4)  # nothing, a room, noise: add_reverb_noise of wespeaker with aug_prob=0.8
SNR_DB = {
    'noise': (0.0, 15.0),
    'music': (5.0, 15.0),
    'babble': (0.0, 15.0),
}  # theirs, by the key's first word

Batches = Iterator[torch.Tensor]


class Corpus:
    """The same WAV files laid out for each toolkit, in a folder of its own."""

    def __init__(self, manifest: str, noise: str, utterances: int, folder: Path) -> None:
        self.folder = folder
        self.speech = self._copy_speech(Manifest.read(manifest), utterances)
        for kind in ('noise', 'rir'):
            (folder / kind).mkdir()
        sounds = SoundSource(None, noise, RATE)
        self.sounds = {'noise': [], 'rir': []}
        for number in range(len(sounds)):
            kind = str(sounds._kinds[number])
            name = f'{kind}_{Path(sounds._paths[number]).stem}'.replace('.', '-')
            place = folder / ('rir' if kind == 'rir' else 'noise') / f'{name}.wav'
            io.write_wav(place, sounds.whole(number), RATE)
            self.sounds[place.parent.name].append(place)

    def _copy_speech(self, manifest: Manifest, utterances: int) -> list[tuple[str, str, Path, int]]:
        """Name, speaker, path and samples of evenly chosen utterances that hold a crop."""
        (self.folder / 'speech').mkdir()
        rows = [row for row in range(len(manifest)) if manifest.num_samples(row, RATE) > CROP + RATE // 10]
        chosen = [rows[i] for i in np.linspace(0, len(rows) - 1, min(utterances, len(rows))).astype(int)]
        copies = []
        for row in chosen:
            path = self.folder / 'speech' / f'{manifest.utts[row]}.wav'
            wave = io.read(manifest.path(row), RATE)
            io.write_wav(path, wave, RATE)
            copies.append((manifest.utts[row], manifest.speakers[row], path, len(wave)))
        return copies


def svtoolkit_batches(corpus: Corpus, batch: int, augment: bool, packed: bool) -> Batches:
    """Our dataset and sampler; noises and rooms come from files, or from a pack as the speech does."""
    lines = [f'{utt}\t{path}\t{speaker}\t{size / RATE}' for utt, speaker, path, size in corpus.speech]
    manifest = corpus.folder / 'train.tsv'
    manifest.write_text('utt\tpath\tspeaker\tduration\n' + '\n'.join(lines) + '\n')
    files = {'speech': [(utt, 'speech', path) for utt, _, path, _ in corpus.speech]}
    for kind, paths in corpus.sounds.items():
        files[kind] = [(path.stem, path.stem.split('_')[0], path) for path in paths]
    where: dict[str, dict] = {}
    for kind, entries in files.items():
        pack = corpus.folder / f'{kind}.pack'
        if packed and not pack.exists():
            build_pack_from_files(pack, entries, RATE)
        where[kind] = dict(pack=str(pack)) if packed else dict(files=str(corpus.folder / kind))
    changes = [
        None,
        dict(type='Reverb', **where['rir']),
        dict(type='AddNoise', kinds=SNR_DB, **where['noise']),
    ]
    dataset = RandomSpeakerDataset(
        str(manifest),
        frames=FRAMES,
        pipeline=[dict(type='RandomChoice', transforms=changes, probs=ODDS)] if augment else [],
        pack=where['speech'].get('pack'),
    )
    sampler = DrawSampler(dataset, batch)
    loader = DataLoader(dataset, batch_sampler=sampler, collate_fn=collate, worker_init_fn=init_worker)
    for epoch in itertools.count():
        sampler.set_epoch(epoch)
        for item in loader:
            yield item['inputs']


def speechbrain_batches(corpus: Corpus, batch: int, augment: bool) -> Batches:
    """DynamicItemDataset with the audio pipeline of its VoxCeleb recipe, make_dataloader, Augmenter."""
    from speechbrain.augment.augmenter import Augmenter
    from speechbrain.augment.preparation import prepare_csv
    from speechbrain.augment.time_domain import AddNoise, AddReverb
    from speechbrain.dataio import audio_io
    from speechbrain.dataio.dataloader import make_dataloader
    from speechbrain.dataio.dataset import DynamicItemDataset
    from speechbrain.utils.data_pipeline import provides, takes

    table = corpus.folder / 'speechbrain.csv'
    lines = [f'{utt},{size / RATE},{path},0,{size},{speaker}' for utt, speaker, path, size in corpus.speech]
    table.write_text('ID,duration,wav,start,stop,spk_id\n' + '\n'.join(lines) + '\n')

    @takes('wav', 'duration')
    @provides('sig')
    def audio_pipeline(wav, duration):  # train_speaker_embeddings.py, random_chunk
        start = random.randint(0, int(duration * RATE) - CROP)
        signal, _ = audio_io.load(wav, num_frames=CROP, frame_offset=start)
        return signal.transpose(0, 1).squeeze(1)

    dataset = DynamicItemDataset.from_csv(csv_path=str(table))
    dataset.add_dynamic_item(audio_pipeline)
    dataset.set_output_keys(['id', 'sig'])
    loader = make_dataloader(dataset, batch_size=batch, shuffle=True, num_workers=0)
    lists = {kind: str(corpus.folder / f'speechbrain_{kind}.csv') for kind in corpus.sounds}
    for kind, paths in corpus.sounds.items():
        if not Path(lists[kind]).exists():
            prepare_csv([str(path) for path in paths], lists[kind])
    rates = dict(clean_sample_rate=RATE)
    augmenter = Augmenter(
        augmentations=[
            AddNoise(lists['noise'], snr_low=0, snr_high=15, noise_sample_rate=RATE, **rates),
            AddReverb(lists['rir'], reverb_sample_rate=RATE, **rates),
        ],
        min_augmentations=1,
        max_augmentations=1,
        shuffle_augmentations=True,
        augment_prob=1 - ODDS[0],
    )
    while True:
        for padded in loader:
            waves, lengths = padded.sig
            yield augmenter(waves, lengths)[0] if augment else waves


def wespeaker_batches(corpus: Corpus, batch: int, augment: bool) -> Batches:
    """Its Dataset of kind raw with noises in LMDB, as tools/make_lmdb.py writes them; no fbank in the loader."""
    from wespeaker.dataset.dataset import Dataset

    listed = corpus.folder / 'wespeaker.list'
    lines = [json.dumps(dict(key=utt, wav=str(path), spk=speaker)) for utt, speaker, path, _ in corpus.speech]
    listed.write_text('\n'.join(lines) + '\n')
    stores = {kind: str(corpus.folder / f'{kind}.lmdb') for kind in corpus.sounds}
    for kind, paths in corpus.sounds.items():
        if not Path(stores[kind]).exists():
            write_lmdb(stores[kind], paths)
    speakers = {speaker: number for number, speaker in enumerate(sorted({row[1] for row in corpus.speech}))}
    settings = dict(
        frontend='computed on the device',  # anything but fbank: crops come out as waveforms
        shuffle=True,
        shuffle_args=dict(shuffle_size=batch),  # the least: a larger buffer fills in bursts
        filter=True,
        filter_args=dict(min_num_frames=100, max_num_frames=800),
        resample_rate=RATE,
        speed_perturb=False,
        num_frms=FRAMES,
        aug_prob=1 - ODDS[0] if augment else 0.0,
    )
    dataset = Dataset(
        'raw',
        str(listed),
        settings,
        speakers,
        reverb_lmdb_file=stores['rir'],
        noise_lmdb_file=stores['noise'],
    )
    for item in DataLoader(dataset, batch_size=batch, drop_last=True):
        yield item['wav'][:, 0]


def write_lmdb(place: str, paths: list[Path]) -> None:
    """WAV files by name, and their names, as wespeaker's LmdbData reads them."""
    import lmdb

    store = lmdb.open(place, map_size=2**30)
    with store.begin(write=True) as transaction:
        for path in paths:
            transaction.put(path.stem.encode(), path.read_bytes())
        transaction.put(b'__keys__', pickle.dumps([path.stem for path in paths]))
    store.close()


def wespeaker_version(checkout: Path) -> str:
    """What its setup.py says; the package itself tells none."""
    found = re.search(r'version\s*=\s*[\'"]([^\'"]+)', (checkout / 'setup.py').read_text(encoding='utf-8'))
    return found[1] if found else 'of unknown version'


def load_with_soundfile(source) -> tuple[torch.Tensor, int]:
    """What torchaudio.load gave with its soundfile backend: [channels, T] float32 and the rate."""
    wave, rate = soundfile.read(source, dtype='float32', always_2d=True)
    return torch.from_numpy(wave.T), rate


def competitors(args: argparse.Namespace, corpus: Corpus) -> dict[str, Callable[[bool], Batches]]:
    """By name: whether to augment -> batches [B, T] without end."""
    found: dict[str, Callable[[bool], Batches]] = {
        'svtoolkit, files': lambda augment: svtoolkit_batches(corpus, args.batch, augment, packed=False),
        'svtoolkit, packs': lambda augment: svtoolkit_batches(corpus, args.batch, augment, packed=True),
    }
    if args.speechbrain:
        sys.path.insert(0, args.speechbrain)
        found['speechbrain'] = lambda augment: speechbrain_batches(corpus, args.batch, augment)
    if args.wespeaker:
        load_torchaudio().load = load_with_soundfile
        package = types.ModuleType('wespeaker')  # its own __init__ imports every model and s3prl
        package.__path__ = [str(Path(args.wespeaker) / 'wespeaker')]
        sys.modules['wespeaker'] = package
        found['wespeaker'] = lambda augment: wespeaker_batches(corpus, args.batch, augment)
    return found


def measure(sources: dict[str, Batches], rounds: int, batches: int) -> dict[str, list[float]]:
    """Crops a CPU second, by name and round; the sources take each round in turn."""
    rates: dict[str, list[float]] = {name: [] for name in sources}
    for source in sources.values():
        for _ in range(3):
            next(source)
    for _ in range(rounds):
        for name, source in sources.items():
            start = time.process_time()
            crops = sum(len(next(source)) for _ in range(batches))
            rates[name].append(crops / (time.process_time() - start))
    return rates


def report(title: str, rates: dict[str, list[float]]) -> list[dict]:
    """Print and return the table of one setting."""
    print(f'\n{title}: crops a CPU second, median [quartiles]; times = our files, our packs over it')
    rows = []
    for name, series in rates.items():
        low, median, high = statistics.quantiles(series, n=4)
        files, packs = (
            statistics.median(own / other for own, other in zip(rates[key], series))
            for key in ('svtoolkit, files', 'svtoolkit, packs')
        )
        rows.append(
            dict(setting=title, name=name, crops_per_cpu_s=round(median), low=round(low), high=round(high),
                 files_times=round(files, 2), packs_times=round(packs, 2))
        )  # fmt: skip
        print(f'  {name:18} {median:7.0f} [{low:.0f}, {high:.0f}]  {files:6.2f} x  {packs:6.2f} x')
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('manifest', help='list of speech; WAV copies are made')
    parser.add_argument('noise', help='folder with noises and rooms, named or sorted by kind')
    parser.add_argument('--speechbrain', help='a checkout of SpeechBrain')
    parser.add_argument('--wespeaker', help='a checkout of wespeaker')
    parser.add_argument('--utterances', type=int, default=1000, help='how many are used (%(default)s)')
    parser.add_argument('--batch', type=int, default=32, help='crops of a batch (%(default)s)')
    parser.add_argument('--batches', type=int, default=10, help='batches of a round (%(default)s)')
    parser.add_argument('--rounds', type=int, default=9, help='rounds (%(default)s)')
    parser.add_argument('--csv', help='write the tables there')
    args = parser.parse_args()

    tune_allocator()  # as our runner does; here all profit
    torch.set_num_threads(1)
    random.seed(0)
    torch.manual_seed(0)
    packages = ', '.join(f'{name} {version(name)}' for name in ('torch', 'numpy', 'scipy', 'soundfile'))
    print(f'{processor()}, {os.cpu_count()} cores, 1 thread; Python {platform.python_version()}, {packages}')
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        corpus = Corpus(args.manifest, args.noise, args.utterances, Path(folder))
        seconds = [size / RATE for *_, size in corpus.speech]
        print(
            f'{len(seconds)} utterances of {statistics.median(seconds):.1f} s (median), '
            f'{len(corpus.sounds["noise"])} noises, {len(corpus.sounds["rir"])} rooms, all 16-bit WAV; '
            f'batches of {args.batch}, {args.batches} a round, {args.rounds} rounds, seed 0'
        )
        calls = competitors(args, corpus)
        for augment in (False, True):
            title = 'with augmentation' if augment else 'without augmentation'
            sources = {name: call(augment) for name, call in calls.items()}
            rows += report(title, measure(sources, args.rounds, args.batches))
        if args.speechbrain:
            print('SpeechBrain', sys.modules['speechbrain'].__version__)
        if args.wespeaker:
            print('wespeaker', wespeaker_version(Path(args.wespeaker)))
    if args.csv:
        with open(args.csv, 'w', newline='') as handle:
            writer = csv.DictWriter(handle, rows[0].keys())
            writer.writeheader()
            writer.writerows(rows)


if __name__ == '__main__':
    main()
