"""Packs the values that one series had at the ticks of an axis into one block, and back, without losing a bit.

A block is a byte that says of what kind it is, a body, and a checksum of both. The body of INTEGERS says how they stand
for values (`lattice`) and what was to be expected (`prediction`); then come words: for each row whether there is no
value, where a flag says that there are such, by how many floats it lies beside its decimal, likewise, and by how much
its integer differs from what was to be expected. All series of a table are worked on at once: with one after the other,
numpy's fixed costs come to many times those of the work.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from vitalcast.errors import CodecError
from vitalcast.history.lattice import Lattice, decimals, digits_of, divisors, numbered, restored, undecimal
from vitalcast.history.prediction import (
    Head,
    pack_head,
    pack_number,
    predicted,
    restored_rows,
    unpack_head,
    unpack_number,
)
from vitalcast.history.words import pack_bodies, pack_varint, unpack_bodies, unpack_varint, unzigzag, zigzag

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.int64]
    Words = npt.NDArray[np.uint64]
    Booleans = npt.NDArray[np.bool_]

NOTHING, CONSTANT, INTEGERS, DOUBLES = range(4)
HAS_HOLES = 0b100
HAS_NEIGHBOURS = 0b1000
_KIND = 0b11
_SEAL_BYTES = 4


def pack_values(values: Floats) -> list[bytes]:
    """Pack a table of the shape (rows, series), at least one row; return a block for each series.

    Every `nan` counts as the same, all else comes back bit by bit.
    """
    table = np.ascontiguousarray(values.T)
    absent: Booleans = np.isnan(table)
    table = filled(table, absent)
    holes: Booleans = np.any(absent, axis=1)
    empty: Booleans = np.all(absent, axis=1)
    bits = table.view(np.int64)
    constant: Booleans = ~holes & np.all(bits == bits[:, :1], axis=1)
    blocks = [b""] * len(table)
    for row in np.flatnonzero(empty):
        blocks[row] = seal(bytes([NOTHING]))
    for row in np.flatnonzero(constant):
        blocks[row] = seal(bytes([CONSTANT]) + struct.pack(">d", table[row, 0]).rstrip(b"\0"))
    rest = np.flatnonzero(~(empty | constant))
    for place in _pack_integers(blocks, rest, table, absent):
        blocks[place] = seal(_doubles(table[place], absent[place] if holes[place] else None))
    return blocks


def unpack_values(blocks: Sequence[bytes], rows: int) -> Floats:
    """Unpack blocks of `rows` rows each; return a table of the shape (rows, series).

    An empty one stands for a series that had nothing there. Raises CodecError.
    """
    table = np.full((len(blocks), rows), np.nan)
    found: list[_Integers] = []
    try:
        for place, sealed in enumerate(blocks):
            data = unsealed(sealed) if sealed else bytes([NOTHING])
            kind = data[0] & _KIND
            if kind == CONSTANT:
                table[place] = struct.unpack(">d", data[1:].ljust(8, b"\0"))[0]
            elif kind == INTEGERS:
                found.append(_Integers(place, data))
            elif kind == DOUBLES:
                table[place] = _undoubled(data, rows)
        if found:
            _unpack_integers(table, found)
    except (IndexError, ValueError, struct.error, zlib.error) as error:
        raise CodecError(f"{len(blocks)} blocks of {rows} rows cannot be read: {error}") from error
    return table.T


def seal(data: bytes) -> bytes:
    """Return data with its checksum."""
    return data + zlib.crc32(data).to_bytes(_SEAL_BYTES, "little")


def unsealed(block: bytes) -> bytes:
    """Return what `seal` was given. Raises ValueError."""
    data = block[:-_SEAL_BYTES]
    if not data or zlib.crc32(data) != int.from_bytes(block[-_SEAL_BYTES:], "little"):
        raise ValueError("the checksum differs")
    return data


def filled(table: Floats, absent: Booleans) -> Floats:
    """Put in the place of each `nan` the value before it, or the first that its row has: a difference of nothing."""
    if not absent.any():
        return table
    source = np.where(absent, 0, np.arange(table.shape[1]))
    source[:, 0] = np.where(absent[:, 0], absent.argmin(axis=1), 0)
    np.maximum.accumulate(source, axis=1, out=source)
    return np.take_along_axis(table, source, axis=1)


# --- integers ----------------------------------------------------------------------------------------------------


def laid_out(table: Floats) -> tuple[Integers, list[Lattice], Integers]:
    """Return which rows of a table are integers of some kind, each one's lattice, and the integers.

    They may be neighbours of the values. Where there are two ways, it is the one with the smaller differences.
    """
    places, scaled = decimals(table)
    which = np.flatnonzero(places >= 0)
    places, scaled = places[which], scaled[which]
    if not len(which):
        return which, [], scaled
    steps = divisors(scaled)
    numbers = (scaled - scaled[:, :1]) // steps[:, None]
    lattices = [
        Lattice(place, 0, base, step)
        for place, base, step in zip(places.tolist(), scaled[:, 0].tolist(), steps.tolist(), strict=True)
    ]
    exact = (undecimal(scaled, places).view(np.int64) == table[which].view(np.int64)).all(axis=1)
    digits = np.where(exact, digits_of(scaled), 0)
    for few in np.unique(digits[digits > 0]).tolist():
        rows = np.flatnonzero(digits == few)
        candidate = numbered(scaled[rows], few)
        better = predicted(candidate)[2] < predicted(numbers[rows])[2]
        for row, is_better, integers in zip(rows.tolist(), better, candidate, strict=True):
            if is_better:
                lattices[row], numbers[row] = Lattice(int(places[row]), few), integers
    return which, lattices, numbers


def pack_lattice(lattice: Lattice) -> bytes:
    """Return a lattice in few bytes."""
    head = bytes([lattice.places * 8 + lattice.digits])
    return head if lattice.digits else head + pack_number(lattice.base) + pack_varint(lattice.step)


def unpack_lattice(data: bytes, start: int) -> tuple[Lattice, int]:
    """Return the lattice that begins there, and where it ends. Raises IndexError and ValueError."""
    places, digits = divmod(data[start], 8)
    if digits:
        return Lattice(places, digits), start + 1
    base, end = unpack_number(data, start + 1)
    step, end = unpack_varint(data, end)
    return Lattice(places, 0, base, step), end


def _pack_integers(blocks: list[bytes], rest: Integers, table: Floats, absent: Booleans) -> list[int]:
    """Pack these rows of a table; return those that are no integers."""
    which, lattices, numbers = laid_out(table[rest])
    rows = rest[which]
    if not len(rows):
        return [int(row) for row in rest]
    heads, words, bits = predicted(numbers)
    away = zigzag(table[rows].view(np.int64) - restored(lattices, numbers).view(np.int64))
    holes = absent[rows]
    streams: list[Words] = []
    owners: list[int] = []
    packed = [index for index in range(len(rows)) if np.isfinite(bits[index])]
    flags = [INTEGERS] * len(rows)
    for index in packed:
        if holes[index].any():
            flags[index] |= HAS_HOLES
            streams.append(holes[index].astype(np.uint64))
        if away[index].any():
            flags[index] |= HAS_NEIGHBOURS
            streams.append(away[index])
        streams.append(words[index])
        owners += [index] * (len(streams) - len(owners))
    bodies = pack_bodies(np.array(streams, dtype=np.uint64).reshape(len(streams), table.shape[1]), owners, len(rows))
    for index in packed:
        head = bytes([flags[index]]) + pack_lattice(lattices[index]) + pack_head(heads[index])
        blocks[rows[index]] = seal(head + bodies[index])
    return [int(row) for row in rest if not blocks[row]]


class _Integers:
    """A block of integers whose words are still to be read."""

    __slots__ = ("body", "flags", "head", "lattice", "place", "streams")

    def __init__(self, place: int, data: bytes) -> None:
        self.place = place
        self.flags = data[0]
        self.lattice, end = unpack_lattice(data, 1)
        self.head: Head
        self.head, end = unpack_head(data, end)
        self.body = data[end:]
        self.streams = 1 + bool(self.flags & HAS_HOLES) + bool(self.flags & HAS_NEIGHBOURS)


def _unpack_integers(table: Floats, found: list[_Integers]) -> None:
    words = unpack_bodies([one.body for one in found], [one.streams for one in found], table.shape[1])
    ends = np.cumsum([one.streams for one in found])
    numbers = restored_rows([one.head for one in found], words[ends - 1])
    values = restored([one.lattice for one in found], numbers)
    for one, end, row in zip(found, ends.tolist(), values, strict=True):
        table[one.place] = row
        if one.flags & HAS_NEIGHBOURS:
            table[one.place] = (row.view(np.int64) + unzigzag(words[end - 2])).view(np.float64)
        if one.flags & HAS_HOLES:
            table[one.place, words[end - one.streams] > 0] = np.nan


# --- doubles -----------------------------------------------------------------------------------------------------


def _doubles(row: Floats, absent: Booleans | None) -> bytes:
    """Return a row as it is, first all first bytes, then all second; before them a bit a value for `nan`."""
    planes = row.astype("<f8").view(np.uint8).reshape(-1, 8).T.tobytes()
    if absent is None:
        return bytes([DOUBLES]) + zlib.compress(planes)
    return bytes([DOUBLES | HAS_HOLES]) + zlib.compress(np.packbits(absent).tobytes() + planes)


def _undoubled(data: bytes, rows: int) -> Floats:
    bits = -(-rows // 8) if data[0] & HAS_HOLES else 0
    inflater = zlib.decompressobj()
    body = inflater.decompress(data[1:], bits + 8 * rows + 1)
    if len(body) != bits + 8 * rows:
        raise ValueError(f"{len(body)} bytes where there are {bits + 8 * rows}")
    row: Floats = np.frombuffer(body[bits:], np.uint8).reshape(8, rows).T.copy().view("<f8")[:, 0].astype(np.float64)
    if bits:
        row[np.unpackbits(np.frombuffer(body[:bits], np.uint8), count=rows).astype(np.bool_)] = np.nan
    return row
