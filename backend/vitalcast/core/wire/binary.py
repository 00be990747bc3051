"""Data frames of `vitalcast.v1.bin`: a header of 32 bytes and float64 values. The wire's reference has it by the byte.

All numbers are little-endian, and everything is aligned to eight bytes, so that a browser can look at the values where
they lie. A whole frame has all values. One with changes has a bitmap, in which bit i of the bytes in their order, the
lowest bit of each byte first, says that value i follows; the others are what they were.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from struct import Struct
from typing import TYPE_CHECKING

import numpy as np

from vitalcast.core.metrics.choices import Chosen
from vitalcast.core.wire.binary_bulk import BinaryBulk
from vitalcast.core.wire.emission import Emission
from vitalcast.core.wire.encodings import Encoding
from vitalcast.core.wire.websocket import OPCODE_BINARY
from vitalcast.errors import FrameError

if TYPE_CHECKING:
    import numpy.typing as npt

FORMAT = 1
WHOLE = 0
CHANGED = 1
VALUE_BYTES = 8
_GROUP = Struct("<I")
_REST = Struct("<BBHQqII")  # format, kind, flags, offset, time, count, how many values follow
HEADER_BYTES = _GROUP.size + _REST.size
_BITS_A_WORD = 8 * VALUE_BYTES


class Binary(Encoding):
    """Data frames as above, in binary WebSocket messages."""

    name = "binary"
    opcode = OPCODE_BINARY

    def bulk(self, rows: Sequence[tuple[bytes, Chosen]], values_per_series: int) -> BinaryBulk:
        return BinaryBulk(rows, values_per_series, (FORMAT | WHOLE << 8, FORMAT | CHANGED << 8))

    def head(self, group: int) -> bytes:
        return _GROUP.pack(group)

    def _whole(self, emission: Emission) -> bytes:
        count = len(emission)
        return _rest(emission, WHOLE, count) + _packed(emission.values)

    def _least(self, emission: Emission) -> bytes:
        count = len(emission)
        words = _words(count)
        changed = emission.changed(count - words - 1)  # with more of them it would not be shorter
        if changed is None:
            return self.body(emission, whole=True)
        bits = np.zeros(words * _BITS_A_WORD, dtype=np.bool_)
        bits[changed] = True
        bitmap = np.packbits(bits, bitorder="little").tobytes()
        return _rest(emission, CHANGED, len(changed)) + bitmap + _packed(emission.values[changed])


BINARY = Binary()


def _rest(emission: Emission, kind: int, follow: int) -> bytes:
    tick = emission.tick
    return _REST.pack(FORMAT, kind, 0, tick.offset, tick.time_ms, len(emission), follow)


def _packed(values: npt.NDArray[np.float64]) -> bytes:
    """Return values as they are sent: one that is infinite, such as a sum past all bounds, is none, as in JSON."""
    infinite = np.isinf(values)
    if infinite.any():
        values = np.where(infinite, np.nan, values)
    return values.astype("<f8", copy=False).tobytes()


def _words(count: int) -> int:
    return -(-count // _BITS_A_WORD)


@dataclass(frozen=True, slots=True)
class BinaryData:
    """One data frame: `changed` has the positions of its `values`, None where it has all `count` of them."""

    group: int
    offset: int
    time_ms: int
    count: int
    values: tuple[float, ...]
    changed: tuple[int, ...] | None = None

    def onto(self, before: Sequence[float]) -> list[float]:
        """Return all values, `nan` for none, given those before. Raises FrameError where they do not go together."""
        if self.changed is None:
            return list(self.values)
        if len(before) != self.count:
            raise FrameError(f"changes of {self.count} values, and there were {len(before)}")
        values = list(before)
        for position, value in zip(self.changed, self.values, strict=True):
            values[position] = value
        return values


def decode(frame: bytes) -> BinaryData:
    """Read a data frame, whatever its flags. Raises FrameError that says why these bytes are none."""
    if len(frame) < HEADER_BYTES:
        raise FrameError(f"a header has {HEADER_BYTES} bytes, this frame {len(frame)}")
    (group,) = _GROUP.unpack_from(frame)
    format_, kind, _, offset, time_ms, count, follow = _REST.unpack_from(frame, _GROUP.size)
    if format_ != FORMAT:
        raise FrameError(f"format {format_}, and this reads {FORMAT}")
    if kind not in (WHOLE, CHANGED):
        raise FrameError(f"kind {kind}, and there are {WHOLE} and {CHANGED}")
    bitmap_bytes = 0 if kind == WHOLE else _words(count) * VALUE_BYTES
    size = HEADER_BYTES + bitmap_bytes + follow * VALUE_BYTES
    if len(frame) != size:
        raise FrameError(f"with {follow} values of {count} it has {size} bytes, this frame {len(frame)}")
    values = tuple(np.frombuffer(frame, dtype="<f8", offset=HEADER_BYTES + bitmap_bytes).tolist())
    if kind == WHOLE:
        if follow != count:
            raise FrameError(f"a whole frame of {count} values has {follow}")
        return BinaryData(group, offset, time_ms, count, values)
    bitmap = np.frombuffer(frame, dtype=np.uint8, offset=HEADER_BYTES, count=bitmap_bytes)
    changed = np.unpackbits(bitmap, bitorder="little").nonzero()[0].tolist()
    if len(changed) != follow:
        raise FrameError(f"the bitmap has {len(changed)} values, and {follow} follow")
    if changed and changed[-1] >= count:
        raise FrameError(f"the bitmap has value {changed[-1]} of {count}")
    return BinaryData(group, offset, time_ms, count, values, tuple(changed))
