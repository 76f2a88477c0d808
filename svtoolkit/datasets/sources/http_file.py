"""Fetch a file over HTTP so that a broken-off transfer goes on where it stopped.

What has come lies in ``NAME.part``; ``NAME.part.json`` keeps the server's mark of the version (ETag or date),
so that two versions are never joined. ``NAME`` appears when all has come and its checksum is right.
"""

import hashlib
import http.client
import json
import os
import re
import socket
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from svtoolkit.datasets.sources.report import Say
from svtoolkit.errors import ManifestError

TIMEOUT_S = 5.0  # to find the host, to connect to it, and without any byte
RETRIES = 5  # in a row without a single new byte
BLOCK = 1 << 20
SAY_EVERY_S = 15.0


def fetch(url: str, target: Path, md5: str = '', say: Say = lambda line: None) -> None:
    """Download ``url`` to ``target``; does nothing when that is there already.

    Args:
        url: http or https.
        target: the file to write, complete or not at all.
        md5: of the file, hexadecimal; '' where the publisher tells none.
        say: takes lines of progress.

    Raises:
        ManifestError: the host cannot be reached, answers with an error, breaks off again and again, or what
            came is not what the checksum tells.
    """
    if target.is_file():
        return
    _find_host(url)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f'{target.name}.part')
    attempts, at_start = 0, _size(part)
    while True:
        before = _size(part)
        try:
            if _fetch_rest(url, part, say):
                break
            reason = 'the server broke off'
        except urllib.error.HTTPError as error:
            if error.code < 500:
                raise ManifestError(f'{url}: the server answers {error.code} {error.reason}.') from error
            reason = f'{error.code} {error.reason}'
        except (OSError, http.client.HTTPException) as error:  # URLError and time-outs are OSErrors
            reason = str(getattr(error, 'reason', error)) or type(error).__name__
            if _size(part) == at_start:
                raise ManifestError(f'{url}: cannot be reached ({reason}).') from error
        attempts = 0 if _size(part) > before else attempts + 1
        if attempts >= RETRIES:
            raise ManifestError(
                f'{url}: broken off ({reason}) after {_size(part)} bytes; start again, they are kept.'
            )
        time.sleep(min(attempts, 3))
    found = _md5(part) if md5 else ''
    if found != md5:
        part.unlink()
        raise ManifestError(
            f'{url}: md5 {found}, but {md5} is expected; the download is removed, start again.'
        )
    os.replace(part, target)
    _mark(part).unlink(missing_ok=True)


def _fetch_rest(url: str, part: Path, say: Say) -> bool:
    """Ask for what is missing; True when the file is complete."""
    have, mark = _size(part), _read_mark(part)
    request = urllib.request.Request(url, headers={'User-Agent': 'svtoolkit'})
    if have and mark.get('version'):
        request.add_header('Range', f'bytes={have}-')
        request.add_header('If-Range', mark['version'])
    try:
        response = urllib.request.urlopen(request, timeout=TIMEOUT_S)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416 and have and have == mark.get('total'):
            return True
        if error.code == 416:
            part.unlink()
            return False
        raise
    with response:
        goes_on = response.status == 206 and _first_byte(response) == have
        start = have if goes_on else 0
        length = response.headers.get('Content-Length')
        total = start + int(length) if length else None
        version = response.headers.get('ETag') or response.headers.get('Last-Modified') or ''
        # A weak ETag does not promise the same bytes, so it cannot join two halves.
        version = '' if version.startswith('W/') else version
        _mark(part).write_text(json.dumps({'version': version, 'total': total}), encoding='utf-8')
        told = time.monotonic()
        with part.open('ab' if goes_on else 'wb') as stream:
            while block := response.read(BLOCK):
                stream.write(block)
                if time.monotonic() - told > SAY_EVERY_S:
                    told = time.monotonic()
                    say(f'{url}: {stream.tell() / 1e6:.0f} MB of {(total or 0) / 1e6:.0f} MB')
    return total is None or _size(part) >= total


def _find_host(url: str) -> None:
    """Look the host's name up, but not for as long as a dead name server lets one wait (no time-out of its own)."""
    parts = urllib.parse.urlsplit(url)
    host = parts.hostname or ''
    if urllib.request.getproxies().get(parts.scheme) and not urllib.request.proxy_bypass(host):
        return  # the proxy looks it up
    faults: list[str] = ['the name server does not answer']

    def look_up() -> None:
        try:
            socket.getaddrinfo(host, parts.port or parts.scheme)
            faults.clear()
        except OSError as error:
            faults[0] = str(error.strerror or error)

    thread = threading.Thread(target=look_up, daemon=True)
    thread.start()
    thread.join(TIMEOUT_S)
    if faults:
        raise ManifestError(f'{url}: cannot be reached ({faults[0]}).')


def _first_byte(response: Any) -> int:
    found = re.match(r'bytes (\d+)-', response.headers.get('Content-Range', ''))
    return int(found.group(1)) if found else -1


def _mark(part: Path) -> Path:
    return part.with_name(f'{part.name}.json')


def _read_mark(part: Path) -> dict[str, Any]:
    try:
        mark = json.loads(_mark(part).read_text(encoding='utf-8'))
    except (FileNotFoundError, ValueError):  # none, or itself cut short: then all is fetched again
        return {}
    return mark if isinstance(mark, dict) else {}


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _md5(path: Path) -> str:
    state = hashlib.md5(usedforsecurity=False)
    with path.open('rb') as stream:
        while block := stream.read(BLOCK):
            state.update(block)
    return state.hexdigest()
