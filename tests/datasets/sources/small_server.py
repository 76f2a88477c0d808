"""A web server for downloads: ranges, an ETag, and transfers that break off when told."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Site:
    """Files by path, and what was asked for.

    Attributes:
        files: path -> bytes.
        breaks: bytes after which each of the next answers stops, though it promised all.
        ranges: the Range header of each request, None without one.
        ranged: whether ranges are answered.
    """

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.breaks: list[int] = []
        self.ranges: list[str | None] = []
        self.ranged = True
        self.url = ''

    def tag(self, path: str) -> str:
        return f'"{hash(self.files[path]):x}"'


@contextmanager
def serve(files: dict[str, bytes]) -> Iterator[Site]:
    """Serve files on a free port of this machine while the block runs."""
    site = Site(files)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.ranges.append(self.headers.get('Range'))
            if self.path not in site.files:
                self.send_error(404)
                return
            content, first = site.files[self.path], 0
            asked = re.fullmatch(r'bytes=(\d+)-', self.headers.get('Range') or '')
            if asked and site.ranged and self.headers.get('If-Range') == site.tag(self.path):
                first = int(asked.group(1))
            if first >= len(content):
                self.send_error(416)
                return
            self.send_response(206 if first else 200)
            if first:
                self.send_header('Content-Range', f'bytes {first}-{len(content) - 1}/{len(content)}')
            self.send_header('Content-Length', str(len(content) - first))
            self.send_header('ETag', site.tag(self.path))
            self.end_headers()
            body = content[first:]
            self.wfile.write(body[: site.breaks.pop(0)] if site.breaks else body)

        def log_message(self, *words: object) -> None:
            pass

    with ThreadingHTTPServer(('127.0.0.1', 0), Handler) as server:
        site.url = f'http://127.0.0.1:{server.server_port}'
        thread = threading.Thread(target=server.serve_forever, kwargs={'poll_interval': 0.02})
        thread.start()
        try:
            yield site
        finally:
            server.shutdown()
            thread.join()
