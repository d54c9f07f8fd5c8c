"""Rows of a file and their identities, a bit each."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


class Rows:
    """Some rows of a file, a bit each."""

    def __init__(self) -> None:
        self._blocks: list[tuple[int, int, Array]] = []

    def add(self, first: int, chosen: Array) -> None:
        """The chosen ones of those that begin with `first`."""
        self._blocks.append((first, len(chosen), np.packbits(chosen)))

    def count_but(self, others: Array) -> int:
        """How many there are that are not among the others, which are in order."""
        count = 0
        for first, many, bits in self._blocks:
            chosen = np.unpackbits(bits, count=many)
            begin, end = np.searchsorted(others, [first, first + many])
            chosen[others[begin:end] - first] = 0
            count += int(chosen.sum())
        return count


class Seen:
    """Identities so far, a bit each: two may share one, and then the second is in doubt for nothing."""

    _BITS = 28  # 32 MB: of a million rows one in 500 is in doubt
    _NEAR = 20  # bits of those within a block

    def __init__(self) -> None:
        self._bits = np.zeros(1 << self._BITS - 3, np.uint8)
        self._first = np.zeros(1 << self._NEAR, np.int32)

    def add(self, digests: Array, version: Array | None, good: Array) -> Array:
        """Which of the good rows may be repeated ones."""
        rows = np.flatnonzero(good)
        hashes = digests[rows, :8].copy().view(np.uint64)[:, 0]
        if version is not None:
            hashes ^= version[rows].view(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        at = hashes >> np.uint64(64 - self._BITS)
        byte, bit = at >> np.uint64(3), np.uint8(1) << (at & np.uint64(7)).astype(np.uint8)
        repeats = (self._bits[byte] & bit) != 0
        order = np.arange(len(rows), dtype=np.int32)
        near = at & np.uint64((1 << self._NEAR) - 1)
        self._first[near[::-1]] = order[::-1]  # the first is written last
        repeats |= self._first[near] != order
        while len(byte):
            self._bits[byte] |= bit
            lost = (self._bits[byte] & bit) == 0  # of two in one byte the last was written
            byte, bit = byte[lost], bit[lost]
        found = np.zeros(len(good), bool)
        found[rows] = repeats
        return found
