"""Says of rows of integers what was to be expected, so that only the difference need be kept.

Each row has the predictor that leaves it the smallest words: its middle, for what varies around something; the one
before, for what walks; the line through the two before, for what grows. What a predictor must know stands in its head:
a byte for which it is, and varints.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from vitalcast.history.words import WORD_BITS_MAX, pack_varint, unpack_varint, unzigzag, zigzag

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.int64]
    Words = npt.NDArray[np.uint64]

MIDDLE, BEFORE, LINE = range(3)
_FEW = 256  # integers that tell a middle well enough
Head = tuple[int, int, int]  # which predictor, the first integer or the middle, and the first difference


def predicted(table: Integers) -> tuple[list[Head], Words, Floats]:
    """Return each row's head, what its integers differ by from what was to be expected, and the bits of that.

    The bits are infinite where a difference would be no word. Integers are of at most 62 bits.
    """
    few = np.sort(table[:, :: max(1, table.shape[1] // _FEW)], axis=1)
    middles = few[:, few.shape[1] // 2]
    firsts, before = table[:, 0], np.diff(table, axis=1, prepend=table[:, :1])
    slopes = before[:, 1] if table.shape[1] > 1 else np.zeros_like(firsts)
    line = before.copy()
    line[:, 2:] -= before[:, 1:-1]
    line[:, 1:2] = 0
    words = zigzag(np.stack([table - middles[:, None], before, line]))
    bits = np.log2(words.astype(np.float32) + np.float32(1)).sum(axis=2)
    bits[(words >> np.uint64(WORD_BITS_MAX)).any(axis=2)] = np.inf
    chosen = bits.argmin(axis=0)
    rows = np.arange(len(table))
    heads = [
        (which, middle, 0) if which == MIDDLE else (which, first, slope if which == LINE else 0)
        for which, middle, first, slope in zip(
            chosen.tolist(), middles.tolist(), firsts.tolist(), slopes.tolist(), strict=True
        )
    ]
    return heads, words[chosen, rows], bits[chosen, rows].astype(np.float64)


def restored_rows(heads: Sequence[Head], words: Words) -> Integers:
    """Return the rows of integers that `predicted` was given."""
    table = unzigzag(words)
    which = np.array([head[0] for head in heads])
    line = np.flatnonzero(which == LINE)
    if table.shape[1] > 1:
        table[line, 1] += np.array([heads[row][2] for row in line.tolist()], dtype=np.int64)
        table[line, 1:] = np.cumsum(table[line, 1:], axis=1)
    walked = np.flatnonzero(which != MIDDLE)
    table[walked] = np.cumsum(table[walked], axis=1)
    table += np.array([head[1] for head in heads], dtype=np.int64)[:, None]
    return table


def pack_head(head: Head) -> bytes:
    which, first, slope = head
    return bytes([which]) + pack_number(first) + (pack_number(slope) if which == LINE else b"")


def unpack_head(data: bytes, start: int) -> tuple[Head, int]:
    """Return the head that begins there, and where it ends. Raises IndexError and ValueError."""
    which = data[start]
    if which > LINE:
        raise ValueError(f"there is no predictor {which}")
    first, end = unpack_number(data, start + 1)
    slope = 0
    if which == LINE:
        slope, end = unpack_number(data, end)
    return (which, first, slope), end


def pack_number(number: int) -> bytes:
    """Return an integer of at most 64 bits, small ones short."""
    return pack_varint((number << 1) ^ (number >> 63))


def unpack_number(data: bytes, start: int) -> tuple[int, int]:
    """Return the integer that begins there, and where it ends. Raises ValueError."""
    word, end = unpack_varint(data, start)
    number = (word >> 1) ^ -(word & 1)
    if not -(2**63) <= number < 2**63:
        raise ValueError("an integer is too long")
    return number, end
