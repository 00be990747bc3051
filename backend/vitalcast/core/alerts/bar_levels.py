"""The levels of a panel's bars, each judged by itself by the panel's one rule."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from vitalcast.core.alerts.levels import NUMBERS, LevelLog, Levels

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from vitalcast.core.alerts.rule import Rule, Severity

    Floats = npt.NDArray[np.float64]
    Offsets = npt.NDArray[np.int64]

GONE_MAX = 256  # bars that are remembered after they went: a disk that is mounted again goes on as it was
SEVERITIES: dict[float, Severity | None] = {number: severity for severity, number in NUMBERS.items()}


class BarLevels:
    """Judges every bar at each tick; the panel's level is that of its worst bar.

    So a panel is alarming only where one of its bars is: two that are full by turns are two spikes.
    """

    def __init__(self, rule: Rule, *, gone_max: int = GONE_MAX) -> None:
        self._rule = rule
        self._gone_max = gone_max
        self._keys: Sequence[str] | None = None
        self._bars: dict[str, Levels] = {}  # in the order of the keys
        self._gone: dict[str, Levels] = {}  # the longest gone first
        self._log = LevelLog()
        self._number = math.nan

    @property
    def severity(self) -> Severity | None:
        """What fires now for the worst bar; None where nothing does or nothing is known."""
        return SEVERITIES.get(self._number)

    @property
    def number(self) -> float:
        """The level of the worst bar now, `nan` where no bar has a value."""
        return self._number

    def take(self, offset: int, keys: Sequence[str], shares: Sequence[float], time_ms: int) -> bool:
        """Judge the share of each bar at this tick, `nan` for none; return whether the panel's level changed.

        Times are of a steady clock.
        """
        others = keys is not self._keys
        if others:
            self._follow(offset, keys, time_ms)
        judged = zip(self._bars.values(), shares, strict=True)
        changed = [levels.take(offset, share, time_ms) for levels, share in judged]
        if not (others or any(changed)):  # nearly always
            return False
        self._number = max((one.number for one in self._bars.values() if one.number >= 0), default=math.nan)
        return self._log.note(offset, self._number)

    def _follow(self, offset: int, keys: Sequence[str], time_ms: int) -> None:
        """Take over other bars. What went has no value until it is back."""
        known = self._gone | self._bars
        self._bars = {key: known.pop(key) if key in known else Levels(self._rule) for key in keys}
        for levels in known.values():
            levels.take(offset, math.nan, time_ms)
        self._gone = dict([*known.items()][-self._gone_max :])
        self._keys = keys

    def at(self, offsets: Offsets) -> Floats:
        """Return the level of the worst bar at each of these ticks."""
        return self._log.at(offsets)

    def bar_at(self, key: str, offsets: Offsets) -> Floats:
        """Return the level of one bar at each of these ticks; `nan` where nothing is known."""
        levels = self._of(key)
        return np.full(len(offsets), np.nan) if levels is None else levels.at(offsets)

    def bar_number(self, key: str) -> float:
        """Return the level of one bar now, `nan` where nothing is known."""
        levels = self._of(key)
        return math.nan if levels is None else levels.number

    def _of(self, key: str) -> Levels | None:
        return self._bars.get(key) or self._gone.get(key)
