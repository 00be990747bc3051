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


def day_text(ms: float, zone: tzinfo) -> str:
    """Return the day within its year: `11-28`."""
    return f"{_at(ms, zone):%m-%d}"


def begins_day(ms: float, zone: tzinfo) -> bool:
    """Say whether a day of the zone begins at that moment."""
    return f"{_at(ms, zone):%H:%M:%S}" == "00:00:00"


def range_text(from_ms: float, to_ms: float, zone: tzinfo) -> str:
    """Return a range with its zone, and no more of its end than differs: `2026-11-28 02:00:00 to 02:30:00 UTC`."""
    start, end = _at(from_ms, zone), _at(to_ms, zone)
    until = f"{end:%H:%M:%S}" if start.date() == end.date() else f"{end:%Y-%m-%d %H:%M:%S}"
    return f"{start:%Y-%m-%d %H:%M:%S} to {until} {zone_text(to_ms, zone)}"


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
