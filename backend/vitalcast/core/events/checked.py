"""What an event may hold: every text of it prints, and all of it is short."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from vitalcast.core.events.event import ONGOING
from vitalcast.core.text import printable

TITLE_CHARS_MAX = 200
NAMES_MAX = 8
NAME_CHARS_MAX = 64
ATTRIBUTES_MAX = 16
VALUE_CHARS_MAX = 200
KEY_PATTERN = r"[A-Za-z][A-Za-z0-9_.-]{0,63}"
OWN_KEYS = frozenset({ONGOING, "names"})  # whose meaning is ours

_KEY = re.compile(KEY_PATTERN)

Attributes = Mapping[str, str | int | float]


def fitted(text: str, chars_max: int) -> str:
    """Return a text that a system gave as it may stand in an event: printable, with plain spaces, and cut."""
    text = printable(text.replace("\u00a0", " "))
    return text if len(text) <= chars_max else text[: chars_max - 1] + "…"


def fitted_names(names: Iterable[str]) -> tuple[str, ...]:
    """Return the first of some names, each once."""
    return tuple(dict.fromkeys(fitted(name, NAME_CHARS_MAX) for name in names))[:NAMES_MAX]


def fitted_attributes(attributes: Attributes) -> Attributes:
    """Return as many attributes as there may be; numbers that JSON has no word for are left out."""
    kept: dict[str, str | int | float] = {}
    for key, value in attributes.items():
        if isinstance(value, float) and not math.isfinite(value):
            continue
        if len(kept) < ATTRIBUTES_MAX + len(OWN_KEYS):
            kept[key] = fitted(value, VALUE_CHARS_MAX) if isinstance(value, str) else value
    return MappingProxyType(kept)


def checked_title(title: str) -> str:
    """Return the title that a client gave, in one line. Raises ValueError that says what would be right."""
    title = " ".join(title.split())
    if not title or len(title) > TITLE_CHARS_MAX or not title.isprintable():
        raise ValueError(f"give a string of 1 to {TITLE_CHARS_MAX} printable characters")
    return title


def checked_attributes(attributes: Mapping[str, object]) -> dict[str, str | int | float]:
    """Return the attributes that a client gave. Raises ValueError that says what is wrong and what would be right."""
    if len(attributes) > ATTRIBUTES_MAX:
        raise ValueError(f"{len(attributes)} attributes; give {ATTRIBUTES_MAX} at most")
    return {_checked_key(key): _checked_value(key, value) for key, value in attributes.items()}


def _checked_key(key: str) -> str:
    if _KEY.fullmatch(key) is None:
        raise ValueError(
            f"{key[:64]!a} is not the name of an attribute; give a letter, then up to 63 letters, digits, '.', '_', '-'"
        )
    if key in OWN_KEYS:
        raise ValueError(f"{key!r} is set by the server; give another name")
    return key


def _checked_value(key: str, value: object) -> str | int | float:
    match value:
        case bool():
            pass
        case str() if len(value) <= VALUE_CHARS_MAX and value.isprintable():
            return value
        case int() if abs(value) <= 2**53:
            return value
        case float() if math.isfinite(value):
            return value
    raise ValueError(f"{key}: give a printable text of at most {VALUE_CHARS_MAX} characters, or a number")
