"""RIRS_NOISES (OpenSLR 28): simulated and real room responses, isotropic and point-source noises.

Ko et al. 2017, Apache 2.0. ``simulated_rirs/{small,medium,large}room``, ``real_rirs_isotropic_noises`` (both
kinds, told apart by name: ``RWCP_type1_rir_…``, ``RVB2014_type1_noise_…``) and ``pointsource_noises``.
"""

from pathlib import Path

from svtoolkit.datasets.sources.openslr import Archive, fetch_archives
from svtoolkit.datasets.sources.preparation import Preparation
from svtoolkit.datasets.sources.report import Report, Say
from svtoolkit.datasets.sources.sound_corpus import RIR, prepare_sounds

# https://www.openslr.org/resources/28/checksum.md5
ARCHIVES = (Archive(28, ('rirs_noises.zip',), ('e6f48e257286e05de56413b4779d8ffb',)),)


def prepare(source: Path, out: Path, convert: bool = False, jobs: int = 1, pack: bool = False) -> Report:
    """Write ``rirs_noises.tsv``, ``rirs_noises_{rir,noise}.tsv`` and, with ``pack``, a pack of each.

    Args:
        source: the folder ``RIRS_NOISES``, or one above it.
        out: folder of the lists.
        convert: make 16 kHz FLAC of other formats.
        jobs: processes.
        pack: also write packs.

    Raises:
        ManifestError: no recordings in folders of the published names.
    """
    run = Preparation('rirs_noises', source, out, convert, jobs)
    return prepare_sounds(run, _kind, pack, 'Apache 2.0')


def download(folder: Path, say: Say) -> None:
    """Fetch the corpus from OpenSLR 28 into ``folder``; errors as ``fetch_archives``."""
    fetch_archives(ARCHIVES, folder, say)


def _kind(path: Path) -> str:
    folders = path.parent.parts
    if 'simulated_rirs' in folders:
        return RIR
    if 'pointsource_noises' in folders:
        return 'noise'
    if 'real_rirs_isotropic_noises' in folders:
        return 'noise' if 'noise' in path.stem.split('_') else RIR
    return ''
