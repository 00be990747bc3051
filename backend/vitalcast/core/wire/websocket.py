"""RFC 6455 frames: as a server sends them, ready for any number of sockets, and where those of a client end."""

from __future__ import annotations

import struct

OPCODE_TEXT = 0x1
OPCODE_BINARY = 0x2
_FIN = 0x80
_MASKED = 0x80
_HEAD_BYTES_MAX = 14
_MEDIUM_HEAD = struct.Struct(">BBH").pack
_LARGE_HEAD = struct.Struct(">BBQ").pack


def frame(opcode: int, payload: bytes) -> bytes:
    """Return one whole frame."""
    return frame_head(opcode, len(payload)) + payload


def frame_head(opcode: int, size: int) -> bytes:
    """Return what comes before a payload of this size.

    RFC 6455 5.2: the length is 7 bits, or 126 and 16 bits, or 127 and 64 bits, and "the minimal number of bytes
    MUST be used to encode the length". 5.1: "A server MUST NOT mask any frames that it sends to the client."
    """
    if size < 126:
        return bytes((_FIN | opcode, size))
    if size < 65536:
        return _MEDIUM_HEAD(_FIN | opcode, 126, size)
    return _LARGE_HEAD(_FIN | opcode, 127, size)


def taken_apart(data: bytes) -> tuple[int, bytes]:
    """Return the opcode and the payload of one whole frame that `frame` has made."""
    short = data[1]
    return data[0] & 0x0F, data[2 if short < 126 else 4 if short == 126 else 10 :]


def payload_bytes(frames: list[bytes]) -> int:
    """Return how long the payloads of all these together are."""
    return sum([len(data) - (2 if len(data) < 128 else 4 if data[1] == 126 else 10) for data in frames])


class FrameEnds:
    """Finds where the frames of one client end, whatever the pieces in which its bytes arrive.

    It looks at nothing but lengths: whether a frame is one that may be is the parser's to say. After `advance`, `whole`
    tells whether a frame has ended; `opcode` and `size` are that frame's, all its bytes counted.
    """

    __slots__ = ("_head", "_rest", "opcode", "size", "whole")

    def __init__(self) -> None:
        self._head = b""  # of a frame whose head has come in part
        self._rest = 0  # bytes of the frame under way that are still to come, 0 before its head is known
        self.opcode = 0
        self.size = 0
        self.whole = False

    def advance(self, data: bytes, at: int) -> int:
        """Return the position in `data` up to which bytes belong to the frame under way at `at`."""
        self.whole = False
        if not self._rest:
            known = len(self._head)
            head = self._head + data[at : at + _HEAD_BYTES_MAX - known]
            size = _frame_bytes(head)
            if not size:
                self._head = head
                return len(data)
            self._head = b""
            self.opcode, self.size = head[0] & 0x0F, size
            self._rest = size - known
        end = at + self._rest
        if end > len(data):
            self._rest = end - len(data)
            return len(data)
        self._rest = 0
        self.whole = True
        return end


def _frame_bytes(head: bytes) -> int:
    """Return the size of the frame that begins with these bytes, 0 where they are too few to tell."""
    if len(head) < 2:
        return 0
    size = head[1] & 0x7F
    begin = 2
    if size >= 126:
        begin = 4 if size == 126 else 10
        if len(head) < begin:
            return 0
        size = int.from_bytes(head[2:begin], "big")
    return begin + (4 if head[1] & _MASKED else 0) + size
