"""Where the blank line ends that closes the head of an HTTP request."""

from __future__ import annotations

import re
from typing import Final

TAIL_BYTES: Final = 2  # a blank line has three bytes at most
_BLANK_LINE: Final = re.compile(rb"(?<=\n)\r?\n")


def after_blank_line(data: bytes, begin: int = 0, *, tail: bytes = b"") -> int:
    """Return where the first blank line in `data[begin:]` ends, or where the data do.

    `tail` is what came before it, of which the last `TAIL_BYTES` suffice: a blank line may have begun there.
    """
    for across in _BLANK_LINE.finditer(tail + data[begin : begin + TAIL_BYTES]):
        if across.end() > len(tail):
            return begin + across.end() - len(tail)
    found = _BLANK_LINE.search(data, begin)
    return found.end() if found is not None else len(data)
