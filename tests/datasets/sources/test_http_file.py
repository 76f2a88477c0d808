import hashlib
import socket
import threading
import time

import pytest
from small_server import serve

from svtoolkit.datasets.sources import http_file
from svtoolkit.datasets.sources.http_file import fetch
from svtoolkit.errors import ManifestError

CONTENT = bytes(range(256)) * 4000
MD5 = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv('no_proxy', '*')
    monkeypatch.setattr(time, 'sleep', lambda seconds: None)


def test_a_file_comes_whole(tmp_path):
    with serve({'/a.bin': CONTENT}) as site:
        fetch(f'{site.url}/a.bin', tmp_path / 'new/a.bin', MD5)
        fetch(f'{site.url}/a.bin', tmp_path / 'new/a.bin', MD5)
    assert (tmp_path / 'new/a.bin').read_bytes() == CONTENT
    assert [path.name for path in (tmp_path / 'new').iterdir()] == ['a.bin']
    assert site.ranges == [None]  # the second time nothing is asked


def test_a_transfer_that_breaks_off_goes_on(tmp_path):
    with serve({'/a.bin': CONTENT}) as site:
        site.breaks = [1000, 200_000]
        fetch(f'{site.url}/a.bin', tmp_path / 'a.bin', MD5)
    assert (tmp_path / 'a.bin').read_bytes() == CONTENT
    assert site.ranges == [None, 'bytes=1000-', 'bytes=201000-']


def test_a_later_call_goes_on(tmp_path):
    with serve({'/a.bin': CONTENT}) as site:
        site.breaks = [5000] + [0] * 20
        with pytest.raises(ManifestError, match='broken off .* after 5000 bytes; start again'):
            fetch(f'{site.url}/a.bin', tmp_path / 'a.bin', MD5)
        assert not (tmp_path / 'a.bin').exists()
        site.breaks = []
        fetch(f'{site.url}/a.bin', tmp_path / 'a.bin', MD5)
        assert site.ranges[-1] == 'bytes=5000-'
    assert (tmp_path / 'a.bin').read_bytes() == CONTENT


def test_two_versions_are_never_joined(tmp_path):
    with serve({'/a.bin': b'old' * 1000}) as site:
        site.breaks = [500] + [0] * 20
        with pytest.raises(ManifestError):
            fetch(f'{site.url}/a.bin', tmp_path / 'a.bin')
        site.breaks = []
        site.files['/a.bin'] = CONTENT
        fetch(f'{site.url}/a.bin', tmp_path / 'a.bin')
    assert (tmp_path / 'a.bin').read_bytes() == CONTENT


def test_a_server_without_ranges_starts_over(tmp_path):
    with serve({'/a.bin': CONTENT}) as site:
        site.ranged = False
        site.breaks = [1000]
        fetch(f'{site.url}/a.bin', tmp_path / 'a.bin', MD5)
    assert (tmp_path / 'a.bin').read_bytes() == CONTENT


def test_a_part_that_was_complete_is_taken(tmp_path):
    with serve({'/a.bin': CONTENT}) as site:
        (tmp_path / 'a.bin.part').write_bytes(CONTENT)  # killed before the renaming
        (tmp_path / 'a.bin.part.json').write_text(
            f'{{"version": "{site.tag("/a.bin")[1:-1]}", "total": {len(CONTENT)}}}'
        )
        fetch(f'{site.url}/a.bin', tmp_path / 'a.bin', MD5)
    assert (tmp_path / 'a.bin').read_bytes() == CONTENT


def test_a_wrong_checksum_leaves_nothing(tmp_path):
    with serve({'/a.bin': CONTENT}) as site, pytest.raises(ManifestError, match='md5'):
        fetch(f'{site.url}/a.bin', tmp_path / 'a.bin', 'f' * 32)
    assert not (tmp_path / 'a.bin').exists()
    assert not (tmp_path / 'a.bin.part').exists()


def test_a_missing_file_is_named(tmp_path):
    with serve({}) as site, pytest.raises(ManifestError, match='answers 404'):
        fetch(f'{site.url}/a.bin', tmp_path / 'a.bin')


def test_a_dead_name_server_is_not_waited_for(tmp_path, monkeypatch):
    waiting = threading.Event()
    monkeypatch.setattr(http_file, 'TIMEOUT_S', 0.05)
    monkeypatch.setattr(socket, 'getaddrinfo', lambda *words: waiting.wait(30))
    with pytest.raises(ManifestError, match='name server does not answer'):
        fetch('https://www.openslr.org/a.bin', tmp_path / 'data/a.bin')
    waiting.set()
    assert not (tmp_path / 'data').exists()


def test_a_host_that_cannot_be_reached_is_told_at_once(tmp_path):
    with serve({}) as site:
        url = site.url  # closed by the time it is asked
    with pytest.raises(ManifestError, match='cannot be reached'):
        fetch(f'{url}/a.bin', tmp_path / 'a.bin')
    assert not (tmp_path / 'a.bin').exists()
