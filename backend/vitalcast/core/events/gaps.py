"""Holes in what was sampled, and clocks that were set."""

from __future__ import annotations

from typing import NamedTuple

GAP_MIN_MS = 3000  # a shorter one is seen in the chart alone
SUSPENDED_MIN_MS = 1000
SET_MIN_MS = 1000


class Tick(NamedTuple):
    """A tick as it came: `steady_ms` went on while the machine was suspended, and `awake_ms` did not."""

    offset: int
    time_ms: int
    steady_ms: int
    awake_ms: int


class Gap(NamedTuple):
    """A time in which nothing was sampled, `missed` ticks of it; `suspended` says that the machine slept."""

    start_ms: int
    end_ms: int
    missed: int
    suspended: bool


class GapWatch:
    """Finds the gaps between ticks."""

    def __init__(self) -> None:
        self._before: Tick | None = None

    def take(self, tick: Tick) -> Gap | None:
        """Return the gap before this tick, if there is one that is worth a word."""
        before, self._before = self._before, tick
        if before is None or tick.offset <= before.offset + 1:
            return None
        steady_ms = tick.steady_ms - before.steady_ms
        if steady_ms < GAP_MIN_MS:
            return None
        asleep_ms = steady_ms - (tick.awake_ms - before.awake_ms)
        missed = tick.offset - before.offset - 1
        return Gap(tick.time_ms - steady_ms, tick.time_ms, missed, asleep_ms >= SUSPENDED_MIN_MS)


class ClockWatch:
    """Finds out that the wall clock was set, by a clock that nobody can set."""

    def __init__(self) -> None:
        self._ahead_ms: int | None = None

    def take(self, wall_ms: int, steady_ms: int) -> int:
        """Return by how much the clock was set since the last time, 0 for what is not worth a word.

        A clock that is only driven faster or slower never is: what it gains in a while is no step.
        """
        before, self._ahead_ms = self._ahead_ms, wall_ms - steady_ms
        by_ms = 0 if before is None else self._ahead_ms - before
        return by_ms if abs(by_ms) >= SET_MIN_MS else 0
