"""Columns of text for lists of many millions of lines.

A Python string costs some 60 bytes besides its letters, is counted on every touch (so forked
workers copy the page) and pickles one by one. These columns are two arrays each.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, pairwise
from typing import overload

import numpy as np


class StringColumn(Sequence[str]):
    """n strings as one UTF-8 buffer and n + 1 offsets; reads like a list of strings."""

    __slots__ = ('buffer', 'offsets')

    def __init__(self, buffer: np.ndarray, offsets: np.ndarray) -> None:
        """``buffer``: [bytes] uint8; ``offsets``: [n + 1] int64, string i lies between i and i + 1."""
        self.buffer = buffer
        self.offsets = offsets

    @classmethod
    def of(cls, items: Iterable[str]) -> 'StringColumn':
        """Pack strings; an iterator is consumed piece by piece, so it may be long."""
        builder = StringBuilder()
        items = iter(items)
        while piece := list(islice(items, 65536)):
            builder.extend(piece)
        return builder.column()

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> 'StringColumn': ...
    def __getitem__(self, index):
        if isinstance(index, slice):
            return self.take(np.arange(len(self))[index])
        if not -len(self) <= index < len(self):
            raise IndexError(f'row {index} of a column of {len(self)}')
        index = int(index) % len(self)
        return self.buffer[self.offsets[index] : self.offsets[index + 1]].tobytes().decode()

    def __iter__(self) -> Iterator[str]:
        data = self.buffer.tobytes()
        bounds = self.offsets.tolist()
        return (data[a:b].decode() for a, b in pairwise(bounds))

    def __eq__(self, other: object) -> bool:
        if isinstance(other, StringColumn):
            return np.array_equal(self.offsets, other.offsets) and np.array_equal(self.buffer, other.buffer)
        if isinstance(other, Sequence):
            return list(self) == list(other)
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        shown = ', '.join(repr(self[i]) for i in range(min(3, len(self))))
        return f'StringColumn({len(self)} rows: {shown}{", …" if len(self) > 3 else ""})'

    def take(self, rows: np.ndarray) -> 'StringColumn':
        """Rows in the given order, [m] int -> column of m strings."""
        begins, sizes = self.offsets[rows], np.diff(self.offsets)[rows]
        offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        where = np.arange(offsets[-1]) + np.repeat(begins - offsets[:-1], sizes)
        return StringColumn(self.buffer[where], offsets)

    def sizes(self) -> np.ndarray:
        """Bytes of each string, [n] int64."""
        return np.diff(self.offsets)

    def repeats(self) -> list[tuple[int, int]]:
        """Rows whose string stood before: (row, first row with that string), in order of row.

        Strings are compared by a 64-bit hash first, so no set of all of them is built.
        """
        hashes = np.fromiter(map(hash, self), np.int64, len(self))
        order = np.argsort(hashes, kind='stable')
        same = np.flatnonzero(hashes[order][1:] == hashes[order][:-1])
        first: dict[str, int] = {}
        found = []
        for row in np.unique(order[np.concatenate([same, same + 1])]).tolist():
            before = first.setdefault(self[row], row)
            if before != row:
                found.append((row, before))
        return found


class CategoryColumn(Sequence[str]):
    """n strings of few different values: a code per row and the values in order of first appearance."""

    __slots__ = ('codes', 'names')

    def __init__(self, codes: np.ndarray, names: list[str]) -> None:
        """``codes``: [n] int32 into ``names``; every name occurs, in order of first appearance."""
        self.codes = codes
        self.names = names

    @classmethod
    def of(cls, items: Iterable[str]) -> 'CategoryColumn':
        """Number the values of ``items`` in order of first appearance."""
        known: dict[str, int] = {}
        codes = np.fromiter((known.setdefault(item, len(known)) for item in items), np.int32)
        return cls(codes, list(known))

    def __len__(self) -> int:
        return len(self.codes)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> 'CategoryColumn': ...
    def __getitem__(self, index):
        if isinstance(index, slice):
            return self.take(np.arange(len(self))[index])
        return self.names[self.codes[index]]

    def __iter__(self) -> Iterator[str]:
        return (self.names[code] for code in self.codes.tolist())

    def __eq__(self, other: object) -> bool:
        return list(self) == list(other) if isinstance(other, Sequence) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f'CategoryColumn({len(self)} rows, {len(self.names)} values)'

    def take(self, rows: np.ndarray) -> 'CategoryColumn':
        """Rows in the given order; values that no longer occur are forgotten."""
        codes = self.codes[rows]
        used, first, inverse = np.unique(codes, return_index=True, return_inverse=True)
        order = np.argsort(first)  # order of first appearance
        rank = np.empty(len(used), np.int32)
        rank[order] = np.arange(len(used), dtype=np.int32)
        return CategoryColumn(rank[inverse], [self.names[code] for code in used[order].tolist()])


class StringBuilder:
    """Grows a StringColumn piece by piece."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._offsets = [np.zeros(1, np.int64)]

    def extend(self, piece: Sequence[str]) -> None:
        """Append the strings of ``piece``."""
        coded = [item.encode() for item in piece]
        ends = np.cumsum(np.fromiter(map(len, coded), np.int64, len(coded)))
        self._offsets.append(len(self._data) + ends)
        self._data += b''.join(coded)

    def column(self) -> StringColumn:
        """All strings so far."""
        return StringColumn(np.frombuffer(bytes(self._data), np.uint8), np.concatenate(self._offsets))
