"""Durations as people write them: `30s`, `15m`, `12h`, `90d`, `2w`."""

from __future__ import annotations

import re
from typing import Final

UNITS_S: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}

_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)([smhdw])", re.IGNORECASE)


def seconds_of(text: str) -> float:
    """Return the seconds that `30s` or `1.5h` mean. Raises ValueError for what is no duration."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a duration; give 30s, 15m, 12h, 90d or the like")
    return float(match[1]) * UNITS_S[match[2].lower()]


def duration_of(seconds: float) -> str:
    """Return seconds as a duration, in the largest unit that leaves no rest."""
    unit = next(unit for unit in reversed(UNITS_S) if unit == "s" or seconds % UNITS_S[unit] == 0)
    return f"{seconds / UNITS_S[unit]:.3f}".rstrip("0").rstrip(".") + unit


def as_seconds(value: object) -> object:
    """Return a duration's text as seconds, and any other value as it is, for a field that takes both."""
    return seconds_of(value) if isinstance(value, str) else value
