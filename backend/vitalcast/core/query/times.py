"""Moments as programs write them: Unix milliseconds, ISO 8601, and `-3h` before now."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from vitalcast.core.durations import seconds_of
from vitalcast.core.text import cut

FORMS: Final = "Unix milliseconds, ISO 8601 such as 2026-11-28T02:00:00Z, or -3h"
MOMENT_MAX_MS: Final = 253_370_764_799_999  # the end of the year 9998: dates end with 9999, where zones are ahead

_UNIX_MS = re.compile(r"[0-9]{1,15}")
_BEFORE_NOW = re.compile(r"(?:now)?-([0-9.]+[smhdw])", re.IGNORECASE)
# A zone's plus sign that was put into an address as it is arrives as a space.
_ISO = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[T ]([0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,9})?)?)"
    r"(Z|[+ -][0-9]{2}(?::?[0-9]{2})?)?)?",
    re.IGNORECASE,
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECONDS: Final = range(10**9, 10**11)  # of the years 2001 to 5138; as milliseconds they would all be of 1970 to 1973


def time_of(text: str, now_ms: int) -> int:
    """Return the Unix milliseconds that a text means; `now` and `-3h` count from `now_ms`.

    ISO 8601 without a zone is UTC, whatever the zone of the server: who asks may be in another. Raises ValueError,
    which says what would be right.
    """
    text = text.strip()
    if text.lower() == "now":
        return now_ms
    if match := _BEFORE_NOW.fullmatch(text):
        return max(0, now_ms - round(seconds_of(match[1]) * 1000))
    if _UNIX_MS.fullmatch(text):
        return _unix_ms(int(text))
    if match := _ISO.fullmatch(text):
        return _iso_ms(text, match)
    raise ValueError(f"{cut(text)!r} is no time; give {FORMS}")


def iso_of(time_ms: int) -> str:
    """Return a moment as ISO 8601 in UTC, to the millisecond."""
    seconds, rest_ms = divmod(time_ms, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest_ms:03}Z"


def _unix_ms(number: int) -> int:
    if number in _SECONDS:
        raise ValueError(f"{number} looks like seconds; give milliseconds, {number}000")
    if number > MOMENT_MAX_MS:
        raise ValueError(f"{number} is past the year 9998; give Unix milliseconds")
    return number


def _iso_ms(text: str, match: re.Match[str]) -> int:
    day, time, zone = match[1], match[2] or "00:00", (match[3] or "Z").replace(" ", "+")
    try:
        moment = datetime.fromisoformat(f"{day}T{time.replace(',', '.')}{zone.upper()}")
    except ValueError as error:
        raise ValueError(f"{cut(text)!r} is no time: {error}; give {FORMS}") from None
    return max(0, (moment - _EPOCH) // timedelta(milliseconds=1))
