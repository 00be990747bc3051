"""Packs rows of small unsigned integers into few bytes: the size of each by Huffman's code, what is below it as it is.

A word becomes a symbol, which says how many bits it has and which two come first, and the bits that are left. Symbols
repeat, so they are deflated; bits do not, so they stand side by side. All rows of a table are worked on at once: with
one after the other, numpy's fixed costs come to many times those of the work.

A body has the rows of one owner: a varint (bytes of symbols times 2, plus 1 where they are deflated), the symbols of
all its rows, and the bits of each row, from a whole byte on.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Words = npt.NDArray[np.uint64]
    Integers = npt.NDArray[np.int64]
    Bytes = npt.NDArray[np.uint8]

WORD_BITS_MAX = 53  # as many as a float64 holds: its exponent is how the size of a word is found
_PLAIN = np.uint64(4)  # words below are their own symbols
_LZ_BELOW = 0.25  # bytes a symbol: only there is more to find than runs, and the search costs five times as much
_OWN_CODE_FROM = 512  # symbols of a row that are worth a code of its own
_VARINT_BYTES_MAX = 10
_LEFT = np.array([0] * 4 + [max(symbol // 2 - 2, 0) for symbol in range(4, 2 * WORD_BITS_MAX + 2)], dtype=np.uint8)
"""How many bits of a word each symbol does not say."""
_BEGIN = np.array(
    [0, 1, 2, 3] + [(2 | symbol & 1) << int(_LEFT[symbol]) for symbol in range(4, len(_LEFT))], dtype=np.uint64
)
"""The word that each symbol begins, with zeros for those bits."""


def pack_bodies(table: Words, owners: Sequence[int], count: int) -> list[bytes]:
    """Pack a table of the shape (rows, words) into `count` bodies; row i goes to body `owners[i]`, in order.

    No word has more than WORD_BITS_MAX bits.
    """
    symbols, left = _symbols(table)
    tails = _pack_bits(table, left)
    parts: list[list[bytes]] = [[] for _ in range(count)]
    ends: list[list[bytes]] = [[] for _ in range(count)]
    for row, tail, owner in zip(symbols, tails, owners, strict=True):
        parts[owner].append(row.tobytes())
        ends[owner].append(tail)
    return [b"".join([_deflated(part), *end]) for part, end in zip(parts, ends, strict=True)]


def unpack_bodies(bodies: Sequence[bytes], rows: Sequence[int], length: int) -> Words:
    """Unpack bodies, of `rows[i]` rows each, of `length` words; return one table of all rows. Raises ValueError."""
    symbols = np.empty((sum(rows), length), dtype=np.uint8)
    rests: list[bytes] = []
    row = 0
    for body, count in zip(bodies, rows, strict=True):
        inflated, rest = _inflated(body, count * length)
        symbols[row : row + count] = np.frombuffer(inflated, np.uint8).reshape(count, length)
        rests.append(rest)
        row += count
    return _words(symbols, rests, rows)


def pack_varint(number: int) -> bytes:
    """Return a number, at least 0, in seven bits a byte, low ones first."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def unpack_varint(data: bytes, start: int) -> tuple[int, int]:
    """Return the number that begins there, and where it ends. Raises ValueError."""
    number = 0
    for place, byte in enumerate(data[start : start + _VARINT_BYTES_MAX]):
        number |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return number, start + place + 1
    raise ValueError("a varint is cut off or too long")


def zigzag(numbers: Integers) -> Words:
    """Return integers as words, small ones small: 0, -1, 1, -2 as 0, 1, 2, 3."""
    return ((numbers << 1) ^ (numbers >> 63)).view(np.uint64)


def unzigzag(words: Words) -> Integers:
    """Return what `zigzag` was given."""
    return (words >> np.uint64(1)).view(np.int64) ^ -(words & np.uint64(1)).view(np.int64)


# --- symbols -----------------------------------------------------------------------------------------------------


def _symbols(words: Words) -> tuple[Bytes, Bytes]:
    """Return each word's symbol, and how many of its bits that leaves."""
    sizes = np.frexp(words.astype(np.float64))[1].astype(np.uint8)
    left = np.where(words < _PLAIN, np.uint8(0), sizes - np.uint8(2))
    # Of the word but for these bits, the first of two is always set: what is left says the second.
    begin = (words >> left).astype(np.uint8)
    symbols: Bytes = np.where(words < _PLAIN, begin, 2 * sizes + (begin & np.uint8(1)))
    return symbols, left


def _words(symbols: Bytes, rests: Sequence[bytes], rows: Sequence[int]) -> Words:
    if symbols.size and symbols.max() >= len(_LEFT):
        raise ValueError("a symbol is of no word")
    words: Words = _BEGIN[symbols]
    _add_bits(words, _LEFT[symbols], rests, rows)
    return words


def _deflated(rows: Sequence[bytes]) -> bytes:
    plain = b"".join(rows)
    best = _deflate(rows, zlib.Z_RLE)
    if len(best) < _LZ_BELOW * len(plain):
        best = min(best, _deflate(rows, zlib.Z_DEFAULT_STRATEGY), key=len)
    if len(best) < len(plain):
        return pack_varint(len(best) * 2 + 1) + best
    return pack_varint(len(plain) * 2) + plain


def _deflate(rows: Sequence[bytes], strategy: int) -> bytes:
    compressor = zlib.compressobj(zlib.Z_DEFAULT_COMPRESSION, zlib.DEFLATED, -zlib.MAX_WBITS, 9, strategy)
    out = []
    for index, row in enumerate(rows):
        if index and len(row) >= _OWN_CODE_FROM:
            out.append(compressor.flush(zlib.Z_SYNC_FLUSH))  # ends the block, and with it the code
        out.append(compressor.compress(row))
    return b"".join([*out, compressor.flush()])


def _inflated(body: bytes, length: int) -> tuple[bytes, bytes]:
    """Return the symbols, which are so many, and what stands behind them."""
    head, start = unpack_varint(body, 0)
    end = start + (head >> 1)
    symbols = body[start:end]
    if head & 1:
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        symbols = inflater.decompress(symbols, length + 1)
    if len(symbols) != length:
        raise ValueError(f"{len(symbols)} symbols where there are {length}")
    return symbols, body[end:]


# --- bits --------------------------------------------------------------------------------------------------------


def _places(left: Bytes) -> tuple[Integers, Integers]:
    """Return at which bit of its row each word's bits begin, and how many bytes each row takes."""
    ends = np.cumsum(left, axis=1, dtype=np.int64)
    nbytes = -(-ends[:, -1] // 8) if left.shape[1] else np.zeros(len(left), dtype=np.int64)
    return ends - left, nbytes


def _pack_bits(words: Words, left: Bytes) -> list[bytes]:
    """Put the low `left` bits of each word side by side; return each row's bytes."""
    starts, nbytes = _places(left)
    ends = np.cumsum(nbytes)
    starts = starts + ((ends - nbytes) * 8)[:, None]
    chosen = np.flatnonzero(left)
    bits, sizes, places = words.ravel()[chosen], left.ravel()[chosen], starts.ravel()[chosen]
    bits &= (np.uint64(1) << sizes.astype(np.uint64)) - np.uint64(1)
    out = np.zeros((int(ends[-1]) if len(ends) else 0) // 8 + 2, dtype=np.uint64)
    if len(bits):
        slots = places >> 6
        over = (places & 63) + sizes - 64  # bits that go to the next slot
        far = np.flatnonzero(over > 0)
        here = bits << np.maximum(-over, 0).astype(np.uint64)
        here[far] = bits[far] >> over[far].astype(np.uint64)
        firsts = np.flatnonzero(np.append(True, slots[1:] != slots[:-1]))
        out[slots[firsts]] = np.bitwise_or.reduceat(here, firsts)
        out[slots[far] + 1] |= bits[far] << (64 - over[far]).astype(np.uint64)
    data = out.astype(">u8").tobytes()
    return [data[low:high] for low, high in pairwise([0, *ends.tolist()])]


def _add_bits(words: Words, left: Bytes, rests: Sequence[bytes], rows: Sequence[int]) -> None:
    """Put each word's bits in; `rests` has those of `rows[i]` rows each. Raises ValueError where they are too few."""
    starts, nbytes = _places(left)
    row, begins, offset = 0, np.zeros(len(left), dtype=np.int64), 0
    for rest, count in zip(rests, rows, strict=True):
        sizes = nbytes[row : row + count]
        begins[row : row + count] = offset + np.cumsum(sizes) - sizes
        if len(rest) != int(sizes.sum()):
            raise ValueError(f"{len(rest)} bytes of bits where there are {int(sizes.sum())}")
        offset += len(rest)
        row += count
    data = np.frombuffer(b"".join([*rests, bytes(8)]), np.uint8)
    chosen = np.flatnonzero(left)
    if len(chosen):
        places = (starts + (begins * 8)[:, None]).ravel()[chosen]
        windows = np.ndarray((len(data) - 7,), ">u8", data, strides=(1,))  # eight bytes from each byte on
        eight = windows[places >> 3].astype(np.uint64)
        eight <<= (places & 7).astype(np.uint64)
        eight >>= np.uint64(64) - left.ravel()[chosen]
        words.ravel()[chosen] |= eight
