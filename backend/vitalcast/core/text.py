"""Free text: one rule for what comes in from a system, and one for what goes out to a terminal or a log.

The names of interfaces, mounts, processes and hosts are bytes that somebody chose. As they are, they can turn a line
round (U+202E), move a cursor (ESC), end a line or break UTF-8. Inside Vitalcast a name is always printable, and two
different names stay different.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

SHOWN_CHARS = 60  # of a text that is repeated to who gave it
SHOWN_ITEMS = 5

# What `from_system` itself may write behind a backslash. A name that holds such a sequence as it is must not become
# equal to one that was escaped. What systemd writes (`\x2d` for `-`) is none of them and stays readable.
_LIKE_OURS = re.compile(r"\\(?=x(?:[01][0-9a-f]|5c|7f|[89a-f][0-9a-f])|u[0-9a-f]{4}|U[0-9a-f]{8})")


def from_system(raw: bytes | str) -> str:
    r"""Return a name that a system gave as printable text; different names give different texts.

    Bytes that are not UTF-8, in `bytes` or as the surrogates that `os.fsdecode` makes of them, become `\xff`;
    characters that do not print, among them all that control a terminal or the direction of text, become `\x1b` or
    `\u202e`.
    """
    text = raw.decode("utf-8", "surrogateescape") if isinstance(raw, bytes) else raw
    if "\\" in text:
        text = _LIKE_OURS.sub(r"\\x5c", text)
    return printable(text)


def printable(text: str) -> str:
    """Return a text with every character that does not print escaped, so that it stands on one line as it reads."""
    return text if text.isprintable() else "".join(char if char.isprintable() else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is not UTF-8
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def nearest_of(wanted: str, known: Iterable[str]) -> str:
    """Return the one of the known names that is most like this one; nothing where none is."""
    from difflib import get_close_matches  # for errors alone

    return next(iter(get_close_matches(wanted, list(known), 1)), "")


def advice_for(wanted: str, known: Iterable[str]) -> str:
    """Return what to say to who gave a name that is none of those known: the nearest, else all that there are."""
    names = list(known)
    close = nearest_of(wanted, names)
    return f"did you mean {close}?" if close else f"there are {', '.join(names) or 'none'}"


def cut(text: str) -> str:
    """Return the beginning of a text that may be long."""
    return text if len(text) <= SHOWN_CHARS else text[: SHOWN_CHARS - 3] + "..."


def few(names: Iterable[str]) -> str:
    """Name the first of many."""
    names = list(names)
    rest = len(names) - SHOWN_ITEMS
    return ", ".join(map(cut, names[:SHOWN_ITEMS])) + (f" and {rest} more" if rest > 0 else "")
