"""RFC 6455 frames as a server sends them: final, unmasked, ready to be written to any number of sockets."""

from __future__ import annotations

OPCODE_TEXT = 0x1
OPCODE_BINARY = 0x2
_FIN = 0x80


def frame(opcode: int, payload: bytes) -> bytes:
    """Return one whole frame.

    RFC 6455 5.2: the length is 7 bits, or 126 and 16 bits, or 127 and 64 bits, and "the minimal number of bytes
    MUST be used to encode the length". 5.1: "A server MUST NOT mask any frames that it sends to the client."
    """
    size = len(payload)
    if size < 126:
        head = bytes((_FIN | opcode, size))
    elif size < 65536:
        head = bytes((_FIN | opcode, 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((_FIN | opcode, 127)) + size.to_bytes(8, "big")
    return head + payload


def text_frame(payload: bytes) -> bytes:
    """Return a text frame; `payload` must be UTF-8."""
    return frame(OPCODE_TEXT, payload)
