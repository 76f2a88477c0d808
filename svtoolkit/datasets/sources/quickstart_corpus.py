"""Where the quickstart finds speech: real where there is any, synthetic voices as the last resort."""

import hashlib
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from svtoolkit.datasets.manifest import Manifest
from svtoolkit.datasets.sources import so762
from svtoolkit.datasets.trial_making import make_trials
from svtoolkit.datasets.voices import write_corpus
from svtoolkit.errors import ManifestError, SvtoolkitError

HOME = Path('data')
SIBLING = Path('../shared/data')
# sha256 of train.tsv of the cut that a folder beside the checkout may hold
SIBLING_SHA256 = 'b7417118fb661d73709d94d6b048fdcc3b27698c0a0d19c16c6434e1d321a287'


@dataclass(frozen=True)
class Corpus:
    """A folder that holds ``so762/`` with its manifests and trial lists."""

    folder: Path
    what: str
    synthetic: bool = False


def find(data: str | Path | None = None, say: Callable[[str], object] = lambda line: None) -> Corpus:
    """The first of: ``data``, ``$SVTOOLKIT_DATA``, ``data/``, the corpus' public home, synthetic voices.

    Args:
        data: folder that holds ``so762/``, or that folder itself.
        say: takes one line when the corpus' home cannot be reached.

    Raises:
        ManifestError: ``data`` was given and holds no such corpus.
    """
    if data is not None:
        folder = Path(data).resolve()
        folder = folder.parent if (folder / 'train.tsv').is_file() else folder
        if not _holds(folder):
            raise ManifestError(f'{data}: holds no so762/train.tsv; give the folder that has so762/ in it.')
        return Corpus(folder, 'speechocean762')
    for place in (os.environ.get('SVTOOLKIT_DATA'), HOME):
        if place and _holds(Path(place)):
            return Corpus(Path(place).resolve(), 'speechocean762')
    if _holds(SIBLING) and _sha256(SIBLING / 'so762' / 'train.tsv') == SIBLING_SHA256:
        return Corpus(SIBLING.resolve(), 'speechocean762')
    try:
        so762.download(HOME / 'so762', say)
        return Corpus(HOME.resolve(), 'speechocean762')
    except (SvtoolkitError, OSError) as error:
        say(f'the home of speechocean762 cannot be reached ({error}); going on with SYNTHETIC voices')
    folder = HOME / 'synthetic'
    if not _holds(folder):
        write_synthetic(folder / 'so762')
    return Corpus(folder.resolve(), 'SYNTHETIC voices', synthetic=True)


def write_synthetic(folder: Path, num_speakers: int = 60, utts_per_speaker: int = 8) -> None:
    """Synthetic voices in the layout of so762: a third held out, a sixth for development.

    ``train.tsv`` is renamed into place last, so a broken-off attempt is not taken for a corpus.
    """
    building = folder.with_name(f'{folder.name}.part')
    shutil.rmtree(building, ignore_errors=True)
    write_corpus(building, num_speakers, utts_per_speaker, num_held_out=num_speakers // 3)
    train, test = Manifest.read(building / 'train.tsv'), Manifest.read(building / 'test.tsv')
    dev = sorted(set(train.speakers))[-(num_speakers // 6) :]
    (building / 'dev_speakers.txt').write_text('\n'.join(dev) + '\n', encoding='utf-8')
    make_trials(train.select(include_speakers=dev)).write(building / 'trials_dev.txt')
    make_trials(test).write(building / 'trials_random.txt')
    make_trials(test, same=('gender',)).write(building / 'trials_hard.txt')
    building.rename(folder)


def _holds(folder: Path) -> bool:
    return (folder / 'so762' / 'train.tsv').is_file()


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
