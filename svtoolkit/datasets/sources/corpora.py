"""Every corpus by name: where it comes from and how it is prepared."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from svtoolkit.datasets.sources import (
    cnceleb,
    folder,
    librispeech,
    musan,
    rirs_noises,
    sitw,
    so762,
    voices,
    voxceleb,
)
from svtoolkit.datasets.sources.openslr import fetch_archives
from svtoolkit.datasets.sources.report import Report, Say
from svtoolkit.errors import ConfigError, ManifestError, unknown_name


class Corpus(NamedTuple):
    """A corpus: its reader, and its download or the words that say how to get it."""

    prepare: Callable[..., Report]
    download: Callable[[Path, Say], None] | None
    home: str
    packs: bool = False


CORPORA = {
    'voxceleb1': Corpus(voxceleb.prepare_voxceleb1, None, voxceleb.HOME),
    'voxceleb2': Corpus(voxceleb.prepare_voxceleb2, None, voxceleb.HOME),
    'cnceleb': Corpus(cnceleb.prepare, cnceleb.download, 'OpenSLR 82'),
    'voices': Corpus(voices.prepare, None, voices.HOME),
    'sitw': Corpus(sitw.prepare, None, sitw.HOME),
    'so762': Corpus(
        so762.prepare, lambda place, say: fetch_archives(so762.ARCHIVES, place, say), 'OpenSLR 101'
    ),
    'librispeech': Corpus(librispeech.prepare, librispeech.download, 'OpenSLR 12'),
    'musan': Corpus(musan.prepare, musan.download, 'OpenSLR 17', packs=True),
    'rirs_noises': Corpus(rirs_noises.prepare, rirs_noises.download, 'OpenSLR 28', packs=True),
    'folder': Corpus(folder.prepare, None, folder.HOME),
}


def prepare(
    name: str,
    source: Path,
    out: Path,
    convert: bool = False,
    download: bool = False,
    jobs: int = 1,
    pack: bool = False,
    say: Say = lambda line: None,
) -> Report:
    """Write the manifests and trial lists of a corpus.

    Args:
        name: of the corpus, see ``CORPORA``.
        source: where it is unpacked, or will be with ``download``.
        out: folder of the lists.
        convert: make 16 kHz FLAC of other formats below ``out/audio``.
        download: fetch it first, where it has a public home.
        jobs: processes.
        pack: also pack sounds.
        say: takes lines of progress.

    Raises:
        UnknownNameError: no corpus of that name.
        ConfigError: ``pack`` for a corpus of speech.
        ManifestError: the corpus cannot be fetched, or is not in its published layout.
        AudioError: sounds cannot be packed.
    """
    if name not in CORPORA:
        raise unknown_name('corpus', name, CORPORA)
    corpus = CORPORA[name]
    if pack and not corpus.packs:
        raise ConfigError(
            f'--pack is for {" and ".join(n for n, c in CORPORA.items() if c.packs)}, not {name}.'
        )
    if download and corpus.download is None:
        raise ManifestError(f'{name}: there is no open download. {corpus.home}.')
    try:
        if download and corpus.download is not None:
            corpus.download(source, say)
        options = {'pack': pack} if corpus.packs else {}
        return corpus.prepare(source, out, convert=convert, jobs=jobs, **options)
    except OSError as error:
        raise ManifestError(f'{error.filename or out}: {error.strerror or error}.') from error
