"""How one value has been judged, tick by tick: its level now, and what it was at earlier ticks."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from vitalcast.core.alerts.rule import Severity
from vitalcast.core.alerts.state import RuleState

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    from vitalcast.core.alerts.rule import Rule

CHANGES_MAX = 1000
GOOD = 0.0
NUMBERS = {None: GOOD, Severity.WARNING: 1.0, Severity.CRITICAL: 2.0}  # as columns of a stream have them


class LevelLog:
    """The level at every tick, kept as its changes, of which the oldest go first."""

    def __init__(self, *, changes_max: int = CHANGES_MAX) -> None:
        self._changes_max = changes_max
        self._offsets: list[int] = []  # of the ticks at which the level became another
        self._numbers: list[float] = []

    @property
    def begun(self) -> bool:
        """Whether any level was noted."""
        return bool(self._numbers)

    def note(self, offset: int, number: float) -> bool:
        """Take in the level of this tick; return whether it is another than before, or the first."""
        if self._numbers:
            before = self._numbers[-1]
            if number == before or (math.isnan(number) and math.isnan(before)):
                return False
        self._offsets.append(offset)
        self._numbers.append(number)
        if len(self._offsets) > self._changes_max:
            del self._offsets[0], self._numbers[0]
        return True

    def at(self, offsets: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Return the level at each of these ticks; `nan` before the first that is remembered."""
        numbers = np.append(np.nan, self._numbers)
        found: npt.NDArray[np.float64] = numbers[np.searchsorted(self._offsets, offsets, side="right")]
        return found


class Levels:
    """Judges one value at each tick by one rule, and remembers when its level changed."""

    def __init__(self, rule: Rule, *, changes_max: int = CHANGES_MAX) -> None:
        self._rule = rule
        self._state = RuleState.of(rule)
        self._log = LevelLog(changes_max=changes_max)

    @property
    def severity(self) -> Severity | None:
        """What fires now; None where nothing does or nothing is known."""
        return self._state.level(self._rule)

    @property
    def number(self) -> float:
        """The level now: 0 is good, 1 a warning, 2 critical, and `nan` where there is no value."""
        return NUMBERS[self.severity] if self._state.has_data else math.nan

    def take(self, offset: int, value: float, time_ms: int) -> bool:
        """Judge the value of this tick, `nan` for none; return whether the level changed.

        Times are of a steady clock.
        """
        state = self._state
        self._state = state.after(self._rule, value, time_ms)
        if self._state is state and self._log.begun:  # nearly always
            return False
        return self._log.note(offset, self.number)

    def at(self, offsets: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Return the level at each of these ticks; `nan` before the first that is remembered."""
        return self._log.at(offsets)


def replayed(rule: Rule, values: Iterable[float], times_ms: Iterable[int]) -> Severity | None:
    """Return what fires after these values, the newest last, where nothing is known of what was before."""
    state = RuleState.of(rule)
    for value, time_ms in zip(values, times_ms, strict=True):
        state = state.after(rule, value, time_ms)
    return state.level(rule)
