"""Archives of OpenSLR (https://www.openslr.org), fetched and unpacked once.

``$SVTOOLKIT_OPENSLR`` names another server with the same folders, such as one of OpenSLR's mirrors.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from svtoolkit.datasets.sources.http_file import fetch
from svtoolkit.datasets.sources.report import Say
from svtoolkit.datasets.sources.unpack import unpack

SERVER = 'https://www.openslr.org/resources'


class Archive(NamedTuple):
    """An archive: resource number, file names in order (more than one where it is cut), md5 of each or ''."""

    resource: int
    files: tuple[str, ...]
    md5: tuple[str, ...]


def fetch_archives(archives: Iterable[Archive], folder: Path, say: Say) -> None:
    """Download archives and unpack them into ``folder``; what an earlier run finished is not done again.

    Archives lie in ``folder/.download`` and are removed once unpacked; an empty file ``NAME.done`` stays.

    Args:
        archives: what to fetch.
        folder: made if it is not there.
        say: takes a line for each step.

    Raises:
        ManifestError: the server cannot be reached, a file is damaged, or an archive is unsafe.
        OSError: the disk is full or read-only.
    """
    server = os.environ.get('SVTOOLKIT_OPENSLR', SERVER).rstrip('/')
    store = folder / '.download'
    for archive in archives:
        done = store / f'{archive.files[0]}.done'
        if done.is_file():
            continue
        paths = [store / name for name in archive.files]
        for path, md5 in zip(paths, archive.md5, strict=True):
            say(f'fetching {server}/{archive.resource}/{path.name}')
            fetch(f'{server}/{archive.resource}/{path.name}', path, md5, say)
        say(f'unpacking {archive.files[0]}')
        unpack(paths, folder)
        done.touch()
        for path in paths:
            path.unlink()
