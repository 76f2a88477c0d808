"""Training and validation lists of a corpus, as the Clova-style trainers make them.

Of every speaker some recordings become validation material, and balanced pairs of them tune thresholds.
Unlike there, validation recordings leave the training list, everything is seeded, and a speaker with too
few recordings is reported instead of vanishing: the same seed and files give the same bytes.
"""

import csv
import io
import os
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from svtoolkit.datasets.manifest import Manifest
from svtoolkit.datasets.trials import TrialList
from svtoolkit.errors import ConfigError, ManifestError

VALID_FILES = 3  # per speaker with split_ratio <= 0: 3 files make 3 positive pairs
FEWEST_FILES = VALID_FILES + 1


@dataclass(frozen=True)
class Split:
    """A corpus in two parts.

    Attributes:
        train: recordings to train on, sorted by speaker and path.
        valid: recordings to validate with, sorted likewise; none of them is in ``train``.
        trials: pairs of ``valid``, for each positive one negative.
        too_few: speaker -> its number of recordings, for those that could give no validation pair; all
            their recordings are in ``train``.
        short: recordings left out as shorter than asked for.
    """

    train: Manifest
    valid: Manifest
    trials: TrialList
    too_few: dict[str, int]
    short: list[str]

    def report(self) -> str:
        """What was made, in words, with every speaker that was left out of validation."""
        lines = [
            f'training: {len(self.train)} recordings of {len(set(self.train.speakers))} speakers; '
            f'validation: {len(self.valid)} of {len(set(self.valid.speakers))}, {len(self.trials)} pairs'
        ]
        if self.too_few:
            names = ', '.join(f'{name} ({count})' for name, count in sorted(self.too_few.items()))
            lines.append(
                f'{len(self.too_few)} speakers with too few recordings are in training only: {names}'
            )
        if self.short:
            lines.append(f'{len(self.short)} recordings are too short and left out, such as {self.short[0]}')
        return '\n'.join(lines)


def split_corpus(
    manifest: Manifest, split_ratio: float = -1, seed: int = 0, min_duration_s: float = 0.0
) -> Split:
    """Split every speaker's recordings and pair those of validation.

    Args:
        manifest: all recordings, with speakers.
        split_ratio: R > 0: ``int(R n)`` of a speaker's n recordings validate; 0 or less: exactly 3 do.
        seed: of the draws.
        min_duration_s: shorter recordings are left out; their files are opened where the list tells no
            length.

    Raises:
        ConfigError: a ratio of 1 or more.
        ManifestError: no recording is left, or fewer than two speakers can validate.
    """
    if split_ratio >= 1:
        raise ConfigError(f'split_ratio={split_ratio:g}: use less than 1, or -1 for 3 files of each speaker.')
    rows = sorted(range(len(manifest)), key=lambda row: (manifest.speakers[row], manifest.paths[row]))
    short = [manifest.paths[row] for row in rows if min_duration_s and manifest.seconds(row) < min_duration_s]
    if short:
        dropped = set(short)
        rows = [row for row in rows if manifest.paths[row] not in dropped]
    by_speaker: dict[str, list[int]] = {}
    for row in rows:
        by_speaker.setdefault(manifest.speakers[row], []).append(row)
    rng = np.random.default_rng(seed)
    chosen: dict[str, list[int]] = {}
    too_few: dict[str, int] = {}
    for speaker, own in by_speaker.items():
        count = VALID_FILES if split_ratio <= 0 else int(split_ratio * len(own))
        if count < 2 or count >= len(own) or (split_ratio <= 0 and len(own) < FEWEST_FILES):
            too_few[speaker] = len(own)
            continue
        chosen[speaker] = [own[place] for place in rng.permutation(len(own))[:count]]
    if len(chosen) < 2:
        raise ManifestError(
            f'{manifest.source or manifest.root}: {len(chosen)} speakers have recordings enough to validate '
            f'with, 2 are needed; {len(too_few)} have too few (3 validate and 1 trains, with split_ratio -1).'
        )
    picked = {row for own in chosen.values() for row in own}
    pairs = validation_pairs(chosen, rng)
    valid = manifest.take(np.array([row for row in rows if row in picked]))
    train = manifest.take(np.array([row for row in rows if row not in picked]))
    place = {name: number for number, name in enumerate(valid.utts)}
    sides = [[place[manifest.utts[pair[side]]] for pair in pairs] for side in (0, 1)]
    label = np.arange(len(pairs)) % 2 == 0
    trials = TrialList(list(valid.utts), np.array(sides[0]), np.array(sides[1]), label)
    return Split(train, valid, trials, too_few, short)


def validation_pairs(chosen: dict[str, list[int]], rng: np.random.Generator) -> list[tuple[int, int]]:
    """All positives of each speaker, each followed by a negative with the same first recording.

    Args:
        chosen: speaker -> validation rows, at least two speakers.
        rng: draws the other speaker and its recording.

    Returns:
        Pairs of rows, positive and negative in turn: 3 + 3 for each speaker with 3 recordings.
    """
    speakers = list(chosen)
    pairs = []
    for number, speaker in enumerate(speakers):
        for first, second in combinations(chosen[speaker], 2):
            other = speakers[(number + 1 + int(rng.integers(len(speakers) - 1))) % len(speakers)]
            stranger = chosen[other][int(rng.integers(len(chosen[other])))]
            pairs += [(first, second), (first, stranger)]
    return pairs


def write_lists(split: Split, folder: str | os.PathLike) -> list[Path]:
    """Write both families of lists into one folder; each file whole or not at all.

    ``train.csv`` (``ID,path,duration,audio_format``) and ``valid.csv`` (``label,audio1,audio2``) as the
    Clova-style trainers read them, paths relative to the folder; ``train.tsv``, ``valid.tsv`` and
    ``trials_valid.txt`` for svtoolkit.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    train, valid = split.train, split.valid
    train.write(folder / 'train.tsv')
    valid.write(folder / 'valid.tsv')
    split.trials.write(folder / 'trials_valid.txt')
    rows: list[tuple] = [('ID', 'path', 'duration', 'audio_format')]
    for row in range(len(train)):
        path = relative(train.path(row), folder)
        rows.append((train.speakers[row], path, f'{train.seconds(row):.3f}', Path(path).suffix.lstrip('.')))
    write_csv(folder / 'train.csv', rows)
    where = {name: relative(valid.path(row), folder) for row, name in enumerate(valid.utts)}
    trials = split.trials
    paths = [where[name] for name in trials.ids]
    label = trials.label if trials.label is not None else np.zeros(0, bool)
    pairs = zip(label.astype(int).tolist(), trials.enrol.tolist(), trials.test.tolist(), strict=True)
    write_csv(
        folder / 'valid.csv',
        [('label', 'audio1', 'audio2'), *((same, paths[a], paths[b]) for same, a, b in pairs)],
    )
    return [
        folder / name for name in ('train.csv', 'valid.csv', 'train.tsv', 'valid.tsv', 'trials_valid.txt')
    ]


def relative(path: str, folder: Path) -> str:
    """A path as seen from a folder, with forward slashes."""
    return Path(os.path.relpath(path, folder)).as_posix()


def write_csv(path: Path, rows: list[tuple]) -> None:
    """Write comma-separated rows with line feeds, whole or not at all."""
    text = io.StringIO()
    csv.writer(text, lineterminator='\n').writerows(rows)
    part = path.with_name(f'.{path.name}.{os.getpid()}.tmp')
    part.write_text(text.getvalue(), encoding='utf-8')
    os.replace(part, path)
