"""How many bytes are missing at the end of a recording, by its own account.

libsndfile shortens a cut WAV, AIFF or Ogg file without a word: half a recording would pass for a whole one.
FLAC, MP3 and MP4 need no look here: decoding them stops before the length in their header.
"""

import io
from typing import BinaryIO

UNKNOWN_SIZE = 0xFFFFFFFF  # what programs write into a WAV header when they write to a pipe
UNKNOWN_SIZE_64 = 0xFFFFFFFFFFFFFFFF
SLOPPY = 7  # bytes: some headers count padding
LARGEST_OGG_PAGE = 27 + 255 + 255 * 255


def missing_bytes(stream: BinaryIO, head: bytes) -> int:
    """Bytes that the header (WAV, RF64, AIFF) or the last page (Ogg) claims and the file does not hold.

    Args:
        stream: seekable; its position is lost.
        head: its first 32 bytes or more.

    Returns:
        0 where nothing is missing, the length is left open (a stream), or the format is another one.
    """
    size = stream.seek(0, io.SEEK_END)
    claimed = size
    if head[:4] == b'RIFF' and head[8:12] == b'WAVE':
        claimed = _end_of_wav_data(stream, size)
    elif head[:4] == b'RF64':
        length = int.from_bytes(head[20:28], 'little')
        claimed = size if length == UNKNOWN_SIZE_64 else 8 + length
    elif head[:4] == b'FORM':
        claimed = 8 + int.from_bytes(head[4:8], 'big')
    elif head[:4] == b'OggS':
        claimed = _end_of_last_page(stream, size)
    return claimed - size if claimed > size + SLOPPY else 0


def _end_of_wav_data(stream: BinaryIO, size: int) -> int:
    position = 12
    while position + 8 <= size:
        stream.seek(position)
        chunk = stream.read(8)
        length = int.from_bytes(chunk[4:], 'little')
        if chunk[:4] == b'data':
            return size if length == UNKNOWN_SIZE else position + 8 + length
        position += 8 + length + length % 2
    return size


def _end_of_last_page(stream: BinaryIO, size: int) -> int:
    begin = stream.seek(max(0, size - LARGEST_OGG_PAGE))
    tail = stream.read()
    page = tail.rfind(b'OggS')
    if page < 0:
        return size
    header = tail[page : page + 27]
    table = tail[page + 27 : page + 27 + header[26]] if len(header) == 27 else b''
    if len(header) < 27 or len(table) < header[26]:
        return size + LARGEST_OGG_PAGE  # cut inside the page's header, its length is lost
    return begin + page + 27 + len(table) + sum(table)
