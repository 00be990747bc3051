"""A level that is not good, from its beginning to its end: what flaps is one span, and not many."""

from __future__ import annotations

import enum
from typing import NamedTuple

from vitalcast.core.events.event import Severity

CALM_MS = 5000  # good for so long, it has ended
JOINED_MS = 60_000  # bad again within that, it goes on
UNKNOWN_MS = 60_000  # without a value for so long, it ended with the last one
AGAIN_MS = 60_000  # while it goes on it is said anew after that, and then after twice as long each time


class Reading(NamedTuple):
    """A panel at one tick: its level, None for good, the number that stands for it, and whose that is.

    `time_ms` is of the wall clock and `steady_ms` of one that nobody can set. Unless it is `known` there was no value,
    and so no level. One that is `calm` was below its thresholds: its level is kept for a while, but what happened is
    over unless it comes back.
    """

    severity: Severity | None
    value: float
    whose: str
    time_ms: int
    steady_ms: int
    known: bool = True
    calm: bool = False


class Turn(enum.Enum):
    """What a tick changes about a span."""

    BEGUN = "begun"
    WORSE = "worse"
    LASTS = "lasts"
    ENDED = "ended"
    RESUMED = "resumed"


class LevelSpan:
    """Follows one panel. `severity`, `peak` and `whose` are of the worst so far, `times` how often it began.

    `begun_ms` and `end_ms` are of the wall clock, `lasted_ms` is how long it has gone on. It did not begin before
    `watched_ms`, by the steady clock, since when there have been ticks.
    """

    def __init__(self, for_ms: int, *, watched_ms: int | None = None) -> None:
        self._for_ms = for_ms  # how long a value must last before its level is shown
        self._watched_ms = watched_ms
        self.severity: Severity | None = None
        self.peak = 0.0
        self.whose = ""
        self.times = 0
        self.begun_ms = 0
        self.end_ms = 0
        self.lasted_ms = 0
        self._begun_steady_ms = 0
        self._good_since: Reading | None = None
        self._newest: Reading | None = None  # of those that are known
        self._open = False
        self._ended_steady_ms: int | None = None
        self._say_ms = 0

    @property
    def is_open(self) -> bool:
        """Whether it goes on."""
        return self._open

    def take(self, now: Reading) -> Turn | None:
        """Take in a tick; return what it changes, None nearly always."""
        if not now.known:
            return self._unknown(now)
        self._newest = now
        if now.severity is None:
            return self._good(now) if self._open else None
        if now.calm:
            self._good_since = self._good_since or now
            return None
        self._good_since = None
        if not self._open:
            return self._begin(now)
        self._note(now)
        assert self.severity is not None
        if now.severity.rank > self.severity.rank:
            self.severity = now.severity
            return Turn.WORSE
        if self.lasted_ms >= self._say_ms:
            self._say_ms *= 2
            return Turn.LASTS
        return None

    def _note(self, now: Reading) -> None:
        self.lasted_ms = now.steady_ms - self._begun_steady_ms
        if not self.peak >= now.value:
            self.peak, self.whose = now.value, now.whose

    def _begin(self, now: Reading) -> Turn:
        ended = self._ended_steady_ms
        self._open = True
        self.times += 1
        if ended is not None and now.steady_ms - self._for_ms - ended <= JOINED_MS:
            assert self.severity is not None and now.severity is not None
            self.severity = max(self.severity, now.severity, key=lambda one: one.rank)
            self._note(now)
            return Turn.RESUMED
        self.times = 1
        self.severity, self.peak, self.whose = now.severity, now.value, now.whose
        self.lasted_ms, self._say_ms = self._shown_after_ms(now), max(AGAIN_MS, 2 * self._for_ms)
        self.begun_ms, self._begun_steady_ms = now.time_ms - self.lasted_ms, now.steady_ms - self.lasted_ms
        return Turn.BEGUN

    def _shown_after_ms(self, now: Reading) -> int:
        """Return for how long the value has been so that its level is shown now."""
        return self._for_ms if self._watched_ms is None else min(self._for_ms, now.steady_ms - self._watched_ms)

    def _good(self, now: Reading) -> Turn | None:
        since = self._good_since
        if since is None:
            since = self._good_since = now
        if now.steady_ms - since.steady_ms < CALM_MS:
            return None
        return self.close(since)

    def _unknown(self, now: Reading) -> Turn | None:
        """Go on: a missing value is no good news. But what stays away is not waited for."""
        newest = self._newest
        if not self._open or newest is None or now.steady_ms - newest.steady_ms < UNKNOWN_MS:
            return None
        return self.close(newest)

    def close(self, since: Reading) -> Turn:
        """End it where it was good from this tick on."""
        self._open, self._good_since = False, None
        self.end_ms, self._ended_steady_ms = since.time_ms, since.steady_ms
        self.lasted_ms = since.steady_ms - self._begun_steady_ms
        return Turn.ENDED
