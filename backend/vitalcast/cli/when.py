"""Moments as people say them, in their own zone: `02:00`, `yesterday 14:00`, `3h ago`; beside ISO 8601 and `-3h`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final, NamedTuple

from vitalcast.core.durations import UNITS_S
from vitalcast.core.query.times import MOMENT_MAX_MS, time_of
from vitalcast.core.text import cut

FORMS: Final = "02:00, yesterday 14:00, monday 9:30, 3h ago, -3h or 2026-11-28 02:00"
UNIX_MS_DIGITS_MIN: Final = 10
WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

_CLOCK = re.compile(r"([0-9]{1,2})(?::([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,3}))?)?)?\s*(am|pm)?")
_NAMED_CLOCKS: Final = {"noon": time(12), "midnight": time(0)}
_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_SPAN = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)\s*([a-z]+)")
_UNITS: Final = {
    **UNITS_S,
    **{f"{word}{end}": UNITS_S[word[0]] for word in ("second", "minute", "hour", "day", "week") for end in ("", "s")},
    **{f"{word}{end}": UNITS_S[word[0]] for word in ("sec", "min") for end in ("", "s")},
}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Spoken(NamedTuple):
    """A local time of day, and the local days of which one is meant."""

    days: tuple[date, ...]
    clock: time


def moment_of(text: str, now_ms: int, zone: tzinfo | None = None, *, after_ms: int | None = None) -> int:
    """Return the Unix milliseconds that a text means to somebody in `zone`, None for that of this machine.

    A time of day is the last one that has been; with `after_ms` it is the first after that. A time that the clock
    skipped is as much later, and of one that came twice the later is meant if it has been. Raises ValueError, which
    says what would be right.
    """
    words = " ".join(text.lower().replace(",", " ").split())
    try:
        return min(_moment(words, text, now_ms, zone, after_ms), MOMENT_MAX_MS)
    except OverflowError:
        raise ValueError(f"{cut(text)!r} is out of the calendar; give {FORMS}") from None


def range_of(since: str, until: str | None, now_ms: int, zone: tzinfo | None = None) -> tuple[int, int]:
    """Return the range from one moment to another or to now, which it does not pass.

    A time of day at its end is the first after its start. Raises ValueError where there is no range between the two.
    """
    start_ms = moment_of(since, now_ms, zone)
    if start_ms >= now_ms:
        raise ValueError(f"{cut(since)!r} is not in the past")
    if until is None:
        return start_ms, now_ms
    end_ms = min(moment_of(until, now_ms, zone, after_ms=start_ms), now_ms)
    if end_ms <= start_ms:
        raise ValueError(f"{cut(until)!r} is not after {cut(since)!r}")
    return start_ms, end_ms


def local(time_ms: int, zone: tzinfo | None = None) -> datetime:
    """Return a moment in a zone, None for that of this machine."""
    return (_EPOCH + timedelta(milliseconds=time_ms)).astimezone(zone)


def _moment(words: str, text: str, now_ms: int, zone: tzinfo | None, after_ms: int | None) -> int:
    if (before_s := _before_s(words)) is not None:
        return max(0, now_ms - round(before_s * 1000))
    spoken = _spoken(words, local(now_ms, zone).date(), local(now_ms if after_ms is None else after_ms, zone).date())
    if spoken is not None:
        times = sorted(one for day in spoken.days for one in _moments(day, spoken.clock, zone))
        if after_ms is not None:
            return next((one for one in times if one > after_ms), times[-1])
        return next((one for one in reversed(times) if one <= now_ms), times[0])
    try:
        if words.isdigit() and len(words) < UNIX_MS_DIGITS_MIN:
            raise ValueError("is no time")  # and nobody means some seconds of 1970
        return time_of(text, now_ms)
    except ValueError as error:
        said = str(error)
        raise ValueError(f"{cut(text)!r} is no time; give {FORMS}" if "is no time" in said else said) from None


def _before_s(words: str) -> float | None:
    """Return the seconds of `3h ago`, `1h 30m ago` or `2 days ago`; None where it says something else."""
    if not words.endswith(" ago"):
        return None
    rest, total_s = words.removesuffix(" ago").strip(), 0.0
    while rest:
        match = _SPAN.match(rest)
        if match is None or match[2] not in _UNITS:
            return None
        total_s += float(match[1]) * _UNITS[match[2]]
        rest = rest[match.end() :].removeprefix(" and").strip()
    return total_s


def _spoken(words: str, today: date, near: date) -> Spoken | None:
    """Return what words say of a day and a time, which alone is of a day `near`; None where they say something else."""
    if (alone := _clock(words)) is not None:
        return Spoken(tuple(near + timedelta(days=number) for number in range(-2, 3)), alone)
    for days, rest in _days(words, today):
        clock = time(0) if not rest else _clock(rest.removeprefix("at ").removeprefix("t"))
        if clock is not None:
            return Spoken(days, clock)
    return None


def _days(words: str, today: date) -> Iterator[tuple[tuple[date, ...], str]]:
    """Yield the days of which one is meant by what words begin with, and what comes after that."""
    first, _, rest = words.removeprefix("last ").partition(" ")
    if first in ("today", "yesterday"):
        yield (today - timedelta(days=int(first == "yesterday")),), rest
    if len(first) >= 3:
        for number, name in enumerate(WEEKDAYS):
            if name.startswith(first):
                nearest = today - timedelta(days=(today.weekday() - number) % 7)
                yield tuple(nearest + timedelta(days=7 * weeks) for weeks in (-1, 0, 1)), rest
    if (match := _DATE.match(words)) is not None:
        try:
            yield (date(*map(int, match.groups())),), words[match.end() :].strip()
        except ValueError:  # no such day
            return


def _clock(words: str) -> time | None:
    if words in _NAMED_CLOCKS:
        return _NAMED_CLOCKS[words]
    match = _CLOCK.fullmatch(words)
    if match is None or (match[2] is None and match[5] is None):
        return None
    hour = int(match[1])
    if match[5] is not None:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if match[5] == "pm" else 0)
    try:
        return time(hour, int(match[2] or 0), int(match[3] or 0), int((match[4] or "0").ljust(3, "0")) * 1000)
    except ValueError:
        return None


def _moments(day: date, clock: time, zone: tzinfo | None) -> list[int]:
    """Return the moments at which clocks showed this, in order: one, or two where they were set back."""
    naive = datetime.combine(day, clock)
    return sorted({_ms(naive.replace(fold=fold), zone) for fold in _folds(naive, zone)})


def _folds(naive: datetime, zone: tzinfo | None) -> tuple[int, ...]:
    first, second = (_ms(naive.replace(fold=fold), zone) for fold in (0, 1))
    return (0, 1) if first < second else (0,)  # where the clock skipped it, the second reading is the earlier


def _ms(naive: datetime, zone: tzinfo | None) -> int:
    try:
        aware = naive.astimezone(UTC) if zone is None else naive.replace(tzinfo=zone).astimezone(UTC)
    except ValueError as error:  # what Python says of the first and the last year, in the machine's own zone
        raise OverflowError(str(error)) from None
    return (aware - _EPOCH) // timedelta(milliseconds=1)
