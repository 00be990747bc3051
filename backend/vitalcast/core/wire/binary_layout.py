"""What stands where in a binary data message, for the documentation: `binary` writes it."""

from __future__ import annotations

from typing import NamedTuple


class Part(NamedTuple):
    """A part of the message: its type, the byte at which it stands, and what it says."""

    type: str
    at: str
    meaning: str


LAYOUT = (
    Part("uint32", "0", "`group`"),
    Part("uint8", "4", "format: 1"),
    Part("uint8", "5", "kind: 0 has all values, 1 has those that changed"),
    Part("uint16", "6", "flags: 0; ignore those that you do not know"),
    Part("uint64", "8", "`offset`"),
    Part("int64", "16", "`time` in Unix ms"),
    Part("uint32", "24", "count: how many values the stream has, as many as `values` has in JSON"),
    Part("uint32", "28", "how many values this message has"),
    Part(
        "bytes",
        "32",
        "kind 1: a bitmap of ⌈count ÷ 64⌉ × 8 bytes. Bit *i* mod 8 (the lowest is 0) of byte *i* div 8 says that value "
        "*i* changed. Kind 0: nothing",
    ),
    Part(
        "float64",
        "after it",
        "the values in the snapshot's order, without those that did not change; a NaN means no value",
    ),
)
