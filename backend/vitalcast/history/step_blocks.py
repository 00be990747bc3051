"""Packs the steps that one series had in a rollup tier into one block, and back.

Least, greatest and newest come back bit by bit. The sum is kept as how far it lies above what it were if all readings
were the least, to SUM_DIGITS significant digits: so a mean is no further off than SUM_ERROR of how far it lies above
the least. A sketch begins in the bucket of the least reading and ends when all readings are told.

A block has the body of `blocks`: a byte, its parts, a checksum. INTEGERS have words for, of each step, whether it had
no reading (where a flag says that there are such), the least, the spread, how far the newest lies below the greatest,
the sum and the count; and behind them the sketches, which need not be unpacked for the rest.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from vitalcast.core.query.sketch import Sketches, buckets_of, empty
from vitalcast.errors import CodecError
from vitalcast.history.blocks import (
    DOUBLES,
    HAS_HOLES,
    INTEGERS,
    NOTHING,
    filled,
    laid_out,
    pack_lattice,
    seal,
    unpack_lattice,
    unsealed,
)
from vitalcast.history.lattice import numbered, restored, rounded, unnumbered
from vitalcast.history.prediction import Head, pack_head, predicted, restored_rows, unpack_head
from vitalcast.history.rollup import Steps
from vitalcast.history.words import (
    pack_bodies,
    pack_varint,
    unpack_bodies,
    unpack_varint,
    unzigzag,
    zigzag,
)

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.int64]
    Words = npt.NDArray[np.uint64]
    Booleans = npt.NDArray[np.bool_]

SUM_DIGITS = 5
SUM_ERROR = 0.6 / 10 ** (SUM_DIGITS - 1)  # half of the last digit, and what making an integer of it adds
_WHOLE = 0.5 / 10 ** (SUM_DIGITS - 1)  # so near to an integer it is one
_STREAMS = 5  # the least, the spread, the newest, the sum, the count
_KIND = 0b11
_ENTRIES_MAX = 2**26
_SUM_MAX = 1e18
_PLACES_MAX = 18
_NOISE = 1e-14  # of sums: what lies above the least by no more does so because floats are rounded


def pack_steps(steps: Steps) -> list[bytes]:
    """Pack at least one step; return a block for each series, with its sketches where there are any."""
    table = _Table(steps)
    blocks = [b""] * len(table.minimum)
    for empty_row in np.flatnonzero(np.all(table.absent, axis=1)):
        blocks[empty_row] = seal(bytes([NOTHING]))
    rest = np.array([row for row, block in enumerate(blocks) if not block], dtype=np.int64)
    if len(rest):
        _pack_integers(blocks, rest, table)
    for row, block in enumerate(blocks):
        if not block:
            blocks[row] = seal(_doubles(table, row))
    return blocks


def unpack_steps(blocks: Sequence[bytes], times_ms: Integers, *, histogram: bool) -> Steps:
    """Unpack blocks of steps with these ends; `histogram` asks for their sketches, which must be there.

    An empty one stands for a series that had nothing there. Raises CodecError.
    """
    shape = (len(blocks), len(times_ms))
    columns = [np.full(shape, np.nan) for _ in range(5)]
    columns[_TOTAL][:] = columns[_COUNT][:] = 0.0
    tails: list[bytes] = [b""] * len(blocks)
    found: list[_Integers] = []
    try:
        for place, sealed in enumerate(blocks):
            data = unsealed(sealed) if sealed else bytes([NOTHING])
            kind = data[0] & _KIND
            if kind == INTEGERS:
                found.append(_Integers(place, data))
                tails[place] = found[-1].tail
            elif kind == DOUBLES:
                tails[place] = _undoubled(data, place, columns)
            elif kind != NOTHING:
                raise ValueError(f"there is no kind {kind}")
        if found:
            _unpack_integers(found, columns)
        sketches = tuple(map(_unpack_sketches, tails, columns[_COUNT], columns[_MINIMUM])) if histogram else None
    except (IndexError, ValueError, OverflowError, struct.error, zlib.error) as error:
        raise CodecError(f"{len(blocks)} blocks of {len(times_ms)} steps cannot be read: {error}") from error
    minimum, maximum, total, count, last = (column.T for column in columns)
    return Steps(times_ms, minimum, maximum, total, count, last, sketches)


def unpack_tables(tables: Sequence[Sequence[bytes]], times_ms: Sequence[Integers], *, histogram: bool) -> Steps:
    """Unpack the blocks of some series in tables that follow each other and have as many steps each, as one.

    Raises CodecError.
    """
    length, width = len(times_ms[0]), len(tables[0])
    found = unpack_steps([block for table in tables for block in table], times_ms[0], histogram=histogram)
    if len(tables) == 1:
        return found

    def follow(column: Floats) -> Floats:
        joined: Floats = column.T.reshape(len(tables), width, length).transpose(0, 2, 1).reshape(-1, width)
        return joined

    sketches = None
    if found.sketches is not None:
        sketches = tuple(_follow(found.sketches[place::width], length) for place in range(width))
    return Steps(
        np.concatenate(times_ms),
        follow(found.minimum),
        follow(found.maximum),
        follow(found.total),
        follow(found.count),
        follow(found.last),
        sketches,
    )


def _follow(parts: Sequence[Sketches], length: int) -> Sketches:
    """Return the sketches of tables that follow each other, of `length` steps each."""
    return Sketches(
        np.concatenate([part.steps + number * length for number, part in enumerate(parts)]),
        np.concatenate([part.buckets for part in parts]),
        np.concatenate([part.counts for part in parts]),
    )


_MINIMUM, _MAXIMUM, _TOTAL, _COUNT, _LAST = range(5)


class _Table:
    """Steps with a row for each series, and their sketches packed."""

    def __init__(self, steps: Steps) -> None:
        self.minimum, self.maximum, self.total, self.count, self.last = (
            np.ascontiguousarray(column.T)
            for column in (steps.minimum, steps.maximum, steps.total, steps.count, steps.last)
        )
        self.absent: Booleans = self.count == 0
        self.sketches = [b""] * len(self.minimum)
        if steps.sketches is not None:
            self.sketches = list(map(_pack_sketches, steps.sketches, self.count, self.minimum))


# --- integers ----------------------------------------------------------------------------------------------------


def _pack_integers(blocks: list[bytes], rest: Integers, table: _Table) -> None:
    """Pack of these series those whose readings are integers of some kind."""
    absent = table.absent[rest]
    sides = [filled(column[rest], absent) for column in (table.minimum, table.maximum, table.last)]
    length = sides[0].shape[1]
    which, lattices, numbers = laid_out(np.concatenate(sides, axis=1))
    if not len(which):
        return
    values = restored(lattices, numbers)
    low, high, newest = (numbers[:, start : start + length] for start in (0, length, 2 * length))
    count = table.count[rest][which]
    places, above = _above(table.total[rest][which], values[:, :length] * count)
    streams = [low, high - low, high - newest, above, count.astype(np.int64)]
    guesses = [predicted(stream) for stream in streams]
    fine = [
        np.array_equal(values[index].view(np.int64), np.concatenate([side[row] for side in sides]).view(np.int64))
        and all(np.isfinite(guess[2][index]) for guess in guesses)
        and places[index] >= 0
        for index, row in enumerate(which.tolist())
    ]
    rows: list[Words] = []
    owners: list[int] = []
    flags = [INTEGERS] * len(which)
    for index in np.flatnonzero(fine).tolist():
        if np.any(absent[which[index]]):
            flags[index] |= HAS_HOLES
            rows.append(absent[which[index]].astype(np.uint64))
        rows += [guess[1][index] for guess in guesses]
        owners += [index] * (len(rows) - len(owners))
    bodies = pack_bodies(np.array(rows, dtype=np.uint64).reshape(len(rows), length), owners, len(which))
    for index in np.flatnonzero(fine).tolist():
        place = rest[which[index]]
        heads = b"".join(pack_head(guess[0][index]) for guess in guesses)
        body = heads + bodies[index]
        head = bytes([flags[index], places[index]]) + pack_lattice(lattices[index]) + pack_varint(len(body))
        blocks[place] = seal(head + body + table.sketches[place])


def _above(total: Floats, least: Floats) -> tuple[Integers, Integers]:
    """Return of each row at how many places sums lie above the least by integers, or -1, and the numbers of those.

    Nothing is further off than SUM_ERROR of how far it lies above, and what floats add up to beside.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        above = np.maximum(np.nan_to_num(total - least, nan=np.inf), 0.0)
        above[above < _NOISE * (np.abs(total) + np.abs(least))] = 0.0
    places = np.full(len(above), -1)
    numbers = np.zeros(above.shape, dtype=np.int64)
    left = np.flatnonzero((above < _SUM_MAX).all(axis=1))
    for power in range(_PLACES_MAX + 1):
        scaled = above[left] * 10.0**power
        whole = np.rint(scaled)
        fits = (scaled < _SUM_MAX).all(axis=1)
        good = fits & (np.abs(whole - scaled) <= _WHOLE * scaled).all(axis=1)
        places[left[good]] = power
        numbers[left[good]] = numbered(rounded(whole[good].astype(np.int64), SUM_DIGITS), SUM_DIGITS)
        left = left[fits & ~good]
        if not len(left):
            break
    return places, numbers


class _Integers:
    """A block of integers whose words are still to be read."""

    __slots__ = ("body", "flags", "heads", "lattice", "place", "places", "streams", "tail")

    def __init__(self, place: int, data: bytes) -> None:
        self.place = place
        self.flags, self.places = data[0], data[1]
        self.lattice, end = unpack_lattice(data, 2)
        length, start = unpack_varint(data, end)
        self.tail = data[start + length :]
        self.heads: list[Head] = []
        for _ in range(_STREAMS):
            head, start_of_next = unpack_head(data, start)
            length -= start_of_next - start
            start = start_of_next
            self.heads.append(head)
        self.body = data[start : start + length]
        self.streams = _STREAMS + bool(self.flags & HAS_HOLES)


def _unpack_integers(found: list[_Integers], columns: list[Floats]) -> None:
    length = columns[_MINIMUM].shape[1]
    words = unpack_bodies([one.body for one in found], [one.streams for one in found], length)
    ends = np.cumsum([one.streams for one in found])
    # All streams at once, and all values: the fixed costs of numpy are most of a short axis'.
    rows = np.concatenate([ends - _STREAMS + stream for stream in range(_STREAMS)])
    heads = [one.heads[stream] for stream in range(_STREAMS) for one in found]
    low, spread, back, above, counts = restored_rows(heads, words[rows]).reshape(_STREAMS, len(found), length)
    places = [one.place for one in found]
    high = low + spread
    values = restored([one.lattice for one in found] * 3, np.concatenate([low, high, high - back]))
    least, greatest, newest = values.reshape(3, len(found), length)
    count = counts.astype(np.float64)
    powers = np.array([10.0**one.places for one in found])[:, None]
    columns[_MINIMUM][places] = least
    columns[_MAXIMUM][places] = greatest
    columns[_LAST][places] = newest
    columns[_TOTAL][places] = least * count + unnumbered(above, SUM_DIGITS) / powers
    columns[_COUNT][places] = count
    for one, end in zip(found, ends.tolist(), strict=True):
        if one.flags & HAS_HOLES:
            holes = words[end - one.streams] > 0
            for column in columns:
                column[one.place, holes] = np.nan
            columns[_TOTAL][one.place, holes] = columns[_COUNT][one.place, holes] = 0.0


# --- doubles -----------------------------------------------------------------------------------------------------


def _doubles(table: _Table, row: int) -> bytes:
    columns = (table.minimum, table.maximum, table.total, table.count, table.last)
    body = zlib.compress(np.stack([column[row] for column in columns]).astype("<f8").view(np.uint8).tobytes())
    return bytes([DOUBLES]) + pack_varint(len(body)) + body + table.sketches[row]


def _undoubled(data: bytes, place: int, columns: list[Floats]) -> bytes:
    length, start = unpack_varint(data, 1)
    steps = columns[0].shape[1]
    body = zlib.decompressobj().decompress(data[start : start + length], 5 * 8 * steps + 1)
    rows = np.frombuffer(body, "<f8").reshape(5, steps)
    for column, row in zip(columns, rows, strict=True):
        column[place] = row
    return data[start + length :]


# --- sketches ----------------------------------------------------------------------------------------------------


def _first_buckets(minimum: Floats) -> Integers:
    return buckets_of(minimum[~np.isnan(minimum)])


def _pack_sketches(sketches: Sketches, count: Floats, minimum: Floats) -> bytes:
    """Pack the sketches of one series; the counts and the least of each step are known from elsewhere."""
    if not len(sketches.steps):
        return b""
    starts = np.flatnonzero(np.diff(sketches.steps, prepend=-1))
    gaps = np.diff(sketches.buckets, prepend=0) - 1
    gaps[starts] = sketches.buckets[starts] - _first_buckets(minimum[count > 0])
    return pack_varint(len(gaps)) + pack_bodies(np.stack([zigzag(gaps), zigzag(sketches.counts)]), [0, 0], 1)[0]


def _unpack_sketches(data: bytes, count: Floats, minimum: Floats) -> Sketches:
    if not data:
        if count.any():
            raise ValueError("the sketches are missing")
        return empty()
    length, start = unpack_varint(data, 0)
    if length > _ENTRIES_MAX:
        raise ValueError(f"there cannot be {length} entries")
    gaps, counts = map(unzigzag, unpack_bodies([data[start:]], [2], length))
    steps = np.flatnonzero(count)
    told, readings = np.cumsum(counts), np.cumsum(count[steps]).astype(np.int64)
    ends = np.searchsorted(told, readings)
    if counts.min() < 1 or told[-1] != readings[-1] or not np.array_equal(told[ends], readings):
        raise ValueError("the sketches have not as many readings as the steps")
    starts = np.append(0, ends[:-1] + 1)
    moves = gaps + 1
    moves[starts] = gaps[starts] + _first_buckets(minimum[steps])
    buckets = np.cumsum(moves)
    sizes = np.diff(np.append(starts, length))
    buckets -= np.repeat(buckets[starts] - moves[starts], sizes)
    return Sketches(np.repeat(steps, sizes), buckets, counts)
