"""Moments as people read them, in a time zone that is named; and from when on readings are old."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import tzinfo


def stale_after_s(interval_s: float) -> float:
    """Return the age at which readings are stale: two and a half are missing, and a second for the way."""
    return 2.5 * interval_s + 1


def clock_text(ms: float, zone: tzinfo, *, seconds: bool = True) -> str:
    """Return the time of day: `14:03:05`, or `14:03`."""
    return _at(ms, zone).strftime("%H:%M:%S" if seconds else "%H:%M")


def stamp_text(ms: float, zone: tzinfo) -> str:
    """Return the whole moment with its zone: `2026-11-22 14:03:05 UTC`."""
    return f"{_at(ms, zone):%Y-%m-%d %H:%M:%S} {zone_text(ms, zone)}"


def zone_text(ms: float, zone: tzinfo) -> str:
    """Return what the zone's time is called then: `CET`, or `UTC+05:45` where it has no name."""
    name = _at(ms, zone).tzname() or ""
    if name.isalpha():
        return name
    minutes = offset_ms(ms, zone) // 60_000
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'-' if minutes < 0 else '+'}{hours:02}{f':{rest:02}' if rest else ''}"


def offset_ms(ms: float, zone: tzinfo) -> int:
    """Return how far the zone is ahead of UTC at that moment."""
    ahead = _at(ms, zone).utcoffset() or timedelta()
    return round(ahead.total_seconds() * 1000)


def _at(ms: float, zone: tzinfo) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC).astimezone(zone)
