"""Packs columns of float64 into few bytes and back, without losing a bit.

Most readings are decimals: counters, bytes, shares rounded to five places. Such a column becomes integers at the
least power of ten that fits, then differences, of which small ones take one byte each. All columns of a block are
worked on at once: with one after the other, numpy's fixed costs come to ten times those of the work.

A column is one byte that says what follows (`_Kind` and flags), then
- for a constant its value as a big-endian double without the zero bytes at its end;
- for decimals a byte (places after the point, times 4, plus how differences are taken) and a body of: one bit a row
  where a flag says that some are `nan`; one byte a row where a flag says that some decimals are a neighbour of the
  float (seconds plus microseconds come so from the kernel); a varint a row;
- for anything else the bits for `nan`, and the doubles byte by byte: first all first bytes, then all second.
A body is deflated where that is shorter.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

import numpy as np

from vitalcast.errors import CodecError

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.int64]
    Words = npt.NDArray[np.uint64]
    Bytes = npt.NDArray[np.uint8]
    Booleans = npt.NDArray[np.bool_]

NOTHING, CONSTANT, DECIMAL, RAW = range(4)
_KIND = 0b11
_HAS_NAN = 0b100
_HAS_NEIGHBOURS = 0b1000
_DEFLATED = 0b1_0000

PLACES_MAX = 9
PLACES_FLOAT = 10  # fewer places the greater the value, as rates have them: the integer, times 4, plus places / 3
FLOAT_STEPS = (0.1, 100.0, 100_000.0)  # from each on there are three places less
NEIGHBOURS_MAX = 2
_POWERS = np.array([float(10**places) for places in range(PLACES_MAX + 1)])  # exact, which pow need not be
_EXACT_BELOW = 2.0**53
_FROM_FIRST, _FROM_BEFORE, _FROM_SLOPE = range(3)  # what a difference is taken from
_VARINT_BYTES_MAX = 10
_DEFLATE_FROM_BYTES = 128  # below, a stream costs more time than it saves bytes: loose ticks last an hour


def encode(block: Floats) -> list[bytes]:
    """Pack a block of shape (rows, columns), at least one row; return each column's bytes.

    Every `nan` counts as the same, all else comes back bit by bit.
    """
    values = np.ascontiguousarray(block.T)
    absent: Booleans = np.isnan(values)
    values = _filled(values, absent)
    bits = values.view(np.int64)
    columns: list[bytes] = [b""] * len(values)
    holes, empty = _any(absent), ~_any(~absent)
    constant = ~holes & np.all(bits == bits[:, :1], axis=1)
    for column in np.flatnonzero(empty):
        columns[column] = bytes([NOTHING])
    for column in np.flatnonzero(constant):
        columns[column] = bytes([CONSTANT]) + struct.pack(">d", values[column, 0]).rstrip(b"\0")
    rest = np.flatnonzero(~(empty | constant))
    places, scaled = _decimals(values[rest])
    decimal, raw = rest[places >= 0], rest[places < 0]
    _encode_decimals(columns, decimal, values, places[places >= 0], scaled[places >= 0], absent)
    for column in raw:
        body = values[column].astype("<f8").view(np.uint8).reshape(-1, 8).T.tobytes()
        columns[column] = _column(RAW, b"", [body], absent[column] if holes[column] else None)
    return columns


def decode(columns: Sequence[bytes], rows: int) -> Floats:
    """Unpack columns of `rows` rows each; return a block of shape (rows, columns). Raises CodecError."""
    values = np.full((len(columns), rows), np.nan)
    decimals: list[_Decimal] = []
    try:
        for position, data in enumerate(columns):
            kind = data[0] & _KIND
            if kind == CONSTANT:
                values[position] = struct.unpack(">d", data[1:].ljust(8, b"\0"))[0]
            elif kind == DECIMAL:
                decimals.append(_Decimal(position, data, rows))
            elif kind == RAW:
                body, absent = _body(data, 1, rows)
                values[position] = np.frombuffer(body, np.uint8).reshape(8, rows).T.copy().view("<f8")[:, 0]
                values[position, absent] = np.nan
        if decimals:
            _decode_decimals(values, decimals, rows)
    except (IndexError, ValueError, struct.error, zlib.error) as error:
        raise CodecError(f"{len(columns)} columns of {rows} rows cannot be read: {error}") from error
    return values.T


def pack_integers(numbers: Sequence[int] | Integers) -> bytes:
    """Pack integers, in differences."""
    array = np.append(0, np.asarray(numbers, dtype=np.int64))
    return zlib.compress(varints(_zigzag(array[1:] - array[:-1]))[0].tobytes())


def unpack_integers(data: bytes) -> list[int]:
    """Unpack what `pack_integers` packed. Raises CodecError."""
    numbers: list[int] = unpack_array(data).tolist()
    return numbers


def unpack_array(data: bytes) -> Integers:
    """Unpack what `pack_integers` packed, as an array. Raises CodecError."""
    try:
        words = unvarints(np.frombuffer(zlib.decompress(data), np.uint8))
    except (ValueError, zlib.error) as error:
        raise CodecError(f"a list of integers cannot be read: {error}") from error
    return np.cumsum(_unzigzag(words))


def pack_parts(parts: Sequence[bytes]) -> bytes:
    """Join parts into one; equal ones are stored once."""
    unique = list(dict.fromkeys(parts))
    place = {part: index for index, part in enumerate(unique)}
    head = pack_integers([len(unique), *map(len, unique), *(place[part] for part in parts)])
    joined = struct.pack("<I", len(head)) + head + b"".join(unique)
    return struct.pack("<I", zlib.crc32(joined)) + joined


def unpack_parts(data: bytes) -> list[bytes]:
    """Take apart what `pack_parts` joined. Raises CodecError."""
    try:
        checksum, length = struct.unpack_from("<II", data)
        if zlib.crc32(data[4:]) != checksum:
            raise ValueError("the checksum differs")
        start = 8 + length
        count, *numbers = unpack_integers(data[8:start])
        ends = accumulate(numbers[:count], initial=start)
        unique = [data[low:high] for low, high in pairwise(ends)]
        return [unique[index] for index in numbers[count:]]
    except (IndexError, ValueError, struct.error) as error:
        raise CodecError(f"joined parts cannot be read: {error}") from error


# --- decimals ----------------------------------------------------------------------------------------------------


def _filled(values: Floats, absent: Booleans) -> Floats:
    """Put in the place of each `nan` the value before it, or the first there is: a difference of nothing."""
    if not absent.any():
        return values
    source = np.where(absent, 0, np.arange(values.shape[1]))
    source[:, 0] = np.where(absent[:, 0], absent.argmin(axis=1), 0)
    np.maximum.accumulate(source, axis=1, out=source)
    return np.take_along_axis(values, source, axis=1)


def _decimals(values: Floats) -> tuple[npt.NDArray[np.intp], Integers]:
    """Return of each column the least power of ten that makes its values integers, or -1, and those integers."""
    places = np.full(len(values), -1)
    scaled = np.zeros(values.shape, dtype=np.int64)
    left = np.flatnonzero((np.abs(values) < _EXACT_BELOW).all(axis=1))
    for power in range(PLACES_MAX + 1):
        some = values[left]
        rounded = np.rint(some * _POWERS[power])
        fits = (np.abs(rounded) < _EXACT_BELOW).all(axis=1)
        integers = np.where(fits[:, None], rounded, 0.0).astype(np.int64)
        away = some.view(np.int64) - (integers / _POWERS[power]).view(np.int64)
        good = fits & ((away >= -NEIGHBOURS_MAX) & (away <= NEIGHBOURS_MAX)).all(axis=1)
        places[left[good]] = power
        scaled[left[good]] = integers[good]
        left = left[fits & ~good]
        if not len(left):
            break
    return places, scaled


def _encode_decimals(
    columns: list[bytes],
    which: npt.NDArray[np.intp],
    values: Floats,
    places: npt.NDArray[np.intp],
    scaled: Integers,
    absent: Booleans,
) -> None:
    if not len(which):
        return
    values = values[which]
    away = values.view(np.int64) - (scaled / _POWERS[places][:, None]).view(np.int64)
    _float_where_shorter(values, places, scaled, away)
    # Each difference begins with the first value itself; the slope then takes that out again.
    candidates = np.stack([scaled - scaled[:, :1], np.diff(scaled, axis=1, prepend=0), np.zeros_like(scaled)])
    candidates[_FROM_FIRST, :, 0] = scaled[:, 0]
    candidates[_FROM_SLOPE] = candidates[_FROM_BEFORE]
    candidates[_FROM_SLOPE, :, 2:] -= candidates[_FROM_BEFORE, :, 1:-1]
    words = _zigzag(candidates)
    chosen = _cost(candidates).argmin(axis=0)
    words = words[chosen, np.arange(len(which))]
    data, lengths = varints(words.ravel())
    ends = np.cumsum(lengths.reshape(words.shape).sum(axis=1))
    holes, neighbours = _any(absent[which]), _any(away != 0)
    for index, (column, part) in enumerate(zip(which, np.split(data, ends[:-1]), strict=True)):
        head = bytes([int(places[index]) * 4 + int(chosen[index])])
        flags = DECIMAL | (_HAS_NEIGHBOURS if neighbours[index] else 0)
        bodies = [part.tobytes()]
        if neighbours[index]:
            bodies.insert(0, away[index].astype(np.int8).tobytes())
        columns[column] = _column(flags, head, bodies, absent[column] if holes[index] else None)


def _float_where_shorter(values: Floats, places: npt.NDArray[np.intp], scaled: Integers, away: Integers) -> None:
    """Change columns to PLACES_FLOAT, in place, where their differences come out shorter that way."""
    some = np.flatnonzero(places > 3)
    if not len(some):
        return
    floating = 9 - 3 * sum((np.abs(values[some]) >= step).astype(np.int64) for step in FLOAT_STEPS)
    integers = np.rint(values[some] * _POWERS[floating]).astype(np.int64)
    exact = np.all(integers / _POWERS[floating] == values[some], axis=1)
    codes = integers * 4 + floating // 3
    shorter = exact & (_cost(np.diff(codes, axis=1)) < _cost(np.diff(scaled[some], axis=1)))
    chosen = some[shorter]
    places[chosen], scaled[chosen], away[chosen] = PLACES_FLOAT, codes[shorter], 0


def _cost(differences: Integers) -> npt.NDArray[np.float64]:
    cost: npt.NDArray[np.float64] = np.log2(_zigzag(differences).astype(np.float64) + 1.0).sum(axis=-1)
    return cost


class _Decimal:
    """A column of decimals whose varints are still to be read."""

    __slots__ = ("absent", "away", "base", "body", "places", "position")

    def __init__(self, position: int, data: bytes, rows: int) -> None:
        self.position = position
        self.places, self.base = divmod(data[1], 4)
        body, self.absent = _body(data, 2, rows)
        self.away = None
        if data[0] & _HAS_NEIGHBOURS:
            self.away = np.frombuffer(body[:rows], np.int8)
            body = body[rows:]
        self.body = body


def _decode_decimals(values: Floats, decimals: list[_Decimal], rows: int) -> None:
    words = unvarints(np.frombuffer(b"".join(one.body for one in decimals), np.uint8))
    scaled = _unzigzag(words.reshape(len(decimals), rows))
    bases = np.array([one.base for one in decimals])
    slope = np.flatnonzero(bases == _FROM_SLOPE)
    scaled[slope, 1:] = np.cumsum(scaled[slope, 1:], axis=1)
    before = np.flatnonzero(bases != _FROM_FIRST)
    scaled[before] = np.cumsum(scaled[before], axis=1)
    first = np.flatnonzero(bases == _FROM_FIRST)
    scaled[first, 1:] += scaled[first, :1]
    places = np.repeat(np.array([one.places for one in decimals])[:, None], rows, axis=1)
    floating = np.flatnonzero(places[:, 0] == PLACES_FLOAT)
    places[floating] = (scaled[floating] & 3) * 3
    scaled[floating] >>= 2
    floats = scaled / _POWERS[places]
    for one, column in zip(decimals, floats, strict=True):
        exact = column if one.away is None else (column.view(np.int64) + one.away).view(np.float64)
        values[one.position] = exact
        values[one.position, one.absent] = np.nan


# --- bytes -------------------------------------------------------------------------------------------------------


def _column(flags: int, head: bytes, bodies: list[bytes], absent: Booleans | None) -> bytes:
    if absent is not None:
        flags |= _HAS_NAN
        bodies = [np.packbits(absent).tobytes(), *bodies]
    body = b"".join(bodies)
    if len(body) >= _DEFLATE_FROM_BYTES:
        compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        short = compressor.compress(body) + compressor.flush()
        if len(short) < len(body):
            flags, body = flags | _DEFLATED, short
    return bytes([flags]) + head + body


def _body(data: bytes, start: int, rows: int) -> tuple[bytes, Booleans | slice]:
    """Return what stands behind the head and the bits for `nan`, and where there is `nan`."""
    body = data[start:]
    if data[0] & _DEFLATED:
        body = zlib.decompress(body, wbits=-zlib.MAX_WBITS)
    if not data[0] & _HAS_NAN:
        return body, slice(0, 0)
    length = -(-rows // 8)
    return body[length:], np.unpackbits(np.frombuffer(body[:length], np.uint8), count=rows).astype(np.bool_)


def _any(flags: Booleans) -> Booleans:
    """Say of each row whether any flag is set."""
    result: Booleans = np.logical_or.reduce(flags, axis=1)
    return result


def _zigzag(numbers: Integers) -> Words:
    return ((numbers << 1) ^ (numbers >> 63)).view(np.uint64)


def _unzigzag(words: Words) -> Integers:
    return (words >> np.uint64(1)).view(np.int64) ^ -(words & np.uint64(1)).view(np.int64)


def varints(words: Words) -> tuple[Bytes, npt.NDArray[np.intp]]:
    """Return all words as varints, seven bits a byte, low ones first, and the length of each."""
    widest = int(words.max()) if len(words) else 0
    width = max(1, -(-widest.bit_length() // 7))
    shifts = np.arange(width, dtype=np.uint64) * np.uint64(7)
    septets = words[:, None] >> shifts
    lengths = np.maximum(np.count_nonzero(septets, axis=1), 1)
    place = np.arange(width)
    out = (septets & np.uint64(0x7F)).astype(np.uint8)
    out[place < lengths[:, None] - 1] |= 0x80
    return out[place < lengths[:, None]], lengths


def unvarints(data: Bytes) -> Words:
    """Return the words of `varints`. Raises ValueError where the last is cut off or one is too long."""
    ends = np.flatnonzero(data < 0x80)
    if len(data) and (not len(ends) or ends[-1] != len(data) - 1):
        raise ValueError("a varint is cut off")
    if not len(ends):
        return np.zeros(0, dtype=np.uint64)
    starts = np.append(0, ends[:-1] + 1)
    lengths = ends - starts + 1
    if lengths.max() > _VARINT_BYTES_MAX:
        raise ValueError("a varint is too long")
    shifts = (np.arange(len(data)) - np.repeat(starts, lengths)).astype(np.uint64) * np.uint64(7)
    return np.bitwise_or.reduceat((data & 0x7F).astype(np.uint64) << shifts, starts)
