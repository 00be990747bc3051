"""Data frames of `vitalcast.v1.bin`, as the wire's reference has them, read with the standard library alone."""

from __future__ import annotations

import sys
from array import array
from struct import Struct
from typing import Final, NamedTuple

FORMAT: Final = 1
WHOLE: Final = 0
CHANGED: Final = 1
VALUE_BYTES: Final = 8
_HEADER: Final = Struct("<IBBHQqII")  # group, format, kind, flags, offset, time, count, how many values follow
_WORD_BITS: Final = 64
_BITS: Final = [tuple(bit for bit in range(8) if byte >> bit & 1) for byte in range(256)]


class DataFrame(NamedTuple):
    """One tick: of `size` values in all `changed` has the positions of its `values`, None where it has all."""

    group: int
    offset: int
    time_ms: int
    size: int
    values: array[float]
    changed: list[int] | None


def decode(frame: bytes) -> DataFrame:
    """Read a data frame, whatever its flags. Raises ValueError that says why these bytes are none."""
    if len(frame) < _HEADER.size:
        raise ValueError(f"a header has {_HEADER.size} bytes, this frame {len(frame)}")
    group, format_, kind, _, offset, time_ms, count, follow = _HEADER.unpack_from(frame)
    if format_ != FORMAT:
        raise ValueError(f"format {format_}, and this reads {FORMAT}")
    if kind not in (WHOLE, CHANGED):
        raise ValueError(f"kind {kind}, and there are {WHOLE} and {CHANGED}")
    begin = _HEADER.size + (0 if kind == WHOLE else -(-count // _WORD_BITS) * VALUE_BYTES)
    size = begin + follow * VALUE_BYTES
    if len(frame) != size:
        raise ValueError(f"with {follow} values of {count} it has {size} bytes, this frame {len(frame)}")
    values = array("d", frame[begin:])
    if sys.byteorder == "big":
        values.byteswap()
    changed = None if kind == WHOLE else _positions(frame[_HEADER.size : begin])
    if changed is None and follow != count:
        raise ValueError(f"a whole frame of {count} values has {follow}")
    if changed is not None and len(changed) != follow:
        raise ValueError(f"the bitmap has {len(changed)} values, and {follow} follow")
    if changed and changed[-1] >= count:
        raise ValueError(f"the bitmap has value {changed[-1]} of {count}")
    return DataFrame(group, offset, time_ms, count, values, changed)


def _positions(bitmap: bytes) -> list[int]:
    """Return which bits are set."""
    return [8 * at + bit for at, byte in enumerate(bitmap) if byte for bit in _BITS[byte]]
