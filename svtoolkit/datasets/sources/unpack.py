"""Unpack tar and zip archives: nothing outside the folder, nothing half."""

import gzip
import io
import os
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO, cast

from svtoolkit.errors import ManifestError


def unpack(parts: Sequence[Path], folder: Path) -> None:
    """Unpack an archive, or the parts it was cut into, into ``folder``.

    All is unpacked beside it first and then moved, so a broken-off attempt leaves the folder as it was.

    Args:
        parts: one ``.zip``, or a compressed tar file in one or more pieces in order.
        folder: made if it is not there; files of the same name are replaced.

    Raises:
        ManifestError: a member would land outside the folder, the archive is damaged, or this Python is too
            old to tell.
    """
    building = folder.with_name(f'{folder.name}.unpacking')
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True)
    try:
        if parts[0].suffix == '.zip':
            _unzip(parts[0], building)
        else:
            _untar(parts, building)
        folder.mkdir(parents=True, exist_ok=True)
        move_into(building, folder)
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, gzip.BadGzipFile, EOFError) as error:
        raise ManifestError(f'{parts[0]}: cannot be unpacked ({error}); fetch it again.') from error
    finally:
        shutil.rmtree(building, ignore_errors=True)


def move_into(source: Path, target: Path) -> None:
    """Move all that lies in a folder into another; folders of one name are joined, files replaced."""
    for item in sorted(source.iterdir()):
        place = target / item.name
        if item.is_dir() and not item.is_symlink() and place.is_dir():
            move_into(item, place)
        else:
            os.replace(item, place)


def _untar(parts: Sequence[Path], folder: Path) -> None:
    if not hasattr(tarfile, 'data_filter'):
        raise ManifestError('this Python unpacks unsafely; take 3.10.12, 3.11.4, 3.12 or newer.')
    with ExitStack() as stack:
        streams = [stack.enter_context(path.open('rb')) for path in parts]
        joined: IO[bytes] = io.BufferedReader(_Joined(streams))
        if '.tar.gz' in parts[0].name:  # tarfile itself does not look at the checksum at the end
            joined = cast(IO[bytes], stack.enter_context(gzip.GzipFile(fileobj=joined)))
        archive = stack.enter_context(tarfile.open(fileobj=joined, mode='r|*'))
        for member in archive:
            try:
                archive.extract(member, folder, filter='data')
            except tarfile.FilterError as error:
                raise ManifestError(
                    f"{parts[0]}: refused, member '{member.name}' is unsafe ({error}); take the archive from "
                    'its publisher.'
                ) from error
        while joined.read(1 << 20):  # to that checksum
            pass


def _unzip(path: Path, folder: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            place = PurePosixPath(name.replace('\\', '/'))
            if place.is_absolute() or '..' in place.parts or ':' in place.parts[0]:
                raise ManifestError(
                    f"{path}: refused, member '{name}' is unsafe; take the archive from its publisher."
                )
        archive.extractall(folder)


class _Joined(io.RawIOBase):
    """The pieces of a cut file, read one after the other."""

    def __init__(self, streams: Sequence[BinaryIO]) -> None:
        self._streams = list(streams)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:  # type: ignore[override]
        while self._streams:
            block = self._streams[0].read(len(buffer))
            if block:
                buffer[: len(block)] = block
                return len(block)
            self._streams.pop(0)
        return 0
