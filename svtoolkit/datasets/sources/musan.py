"""MUSAN (OpenSLR 17): music, speech and noise. Snyder, Chen & Povey 2015; ``musan/{music,noise,speech}/…``."""

from pathlib import Path

from svtoolkit.datasets.sources.openslr import Archive, fetch_archives
from svtoolkit.datasets.sources.preparation import Preparation
from svtoolkit.datasets.sources.report import Report, Say
from svtoolkit.datasets.sources.sound_corpus import prepare_sounds

ARCHIVES = (Archive(17, ('musan.tar.gz',), ('0c472d4fc0c5141eca47ad1ffeb2a7df',)),)
KINDS = ('music', 'noise', 'speech')


def prepare(source: Path, out: Path, convert: bool = False, jobs: int = 1, pack: bool = False) -> Report:
    """Write ``musan.tsv``, one list for each kind and, with ``pack``, ``musan.pack``.

    Args:
        source: the folder ``musan``, or one above it.
        out: folder of the lists.
        convert: make 16 kHz FLAC of other formats; the corpus is lossless 16 kHz already.
        jobs: processes.
        pack: also write a pack.

    Raises:
        ManifestError: no recordings below folders music, noise or speech.
    """
    run = Preparation('musan', source, out, convert, jobs)
    return prepare_sounds(run, _kind, pack, 'CC BY 4.0, see MUSAN')


def download(folder: Path, say: Say) -> None:
    """Fetch the corpus from OpenSLR 17 into ``folder``; errors as ``fetch_archives``."""
    fetch_archives(ARCHIVES, folder, say)


def _kind(path: Path) -> str:
    return next((word for word in reversed(path.parent.parts) if word in KINDS), '')
