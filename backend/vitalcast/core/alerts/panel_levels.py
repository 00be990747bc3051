"""The level of a panel on one source, judged at every tick that the source's ring has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vitalcast.core.alerts.bar_levels import SEVERITIES, BarLevels
from vitalcast.core.alerts.levels import Levels
from vitalcast.core.alerts.rule import Severity
from vitalcast.core.metrics.elapsed import step_ms, steps_ms

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

    from vitalcast.core.alerts.rule import Rule
    from vitalcast.core.panels.shown import Level
    from vitalcast.core.panels.state import PanelState

ROWS_AT_ONCE = 1024  # of the past, where there is one when the judging begins
NAMES: dict[Severity | None, Level] = {None: "", Severity.WARNING: "warning", Severity.CRITICAL: "critical"}


class PanelLevels:
    """Follows the number that stands for a panel by the rule of its thresholds; of bars, the share of each."""

    def __init__(self, state: PanelState, rule: Rule) -> None:
        self._state = state
        self._rule = rule
        self._begin()

    def _begin(self) -> None:
        bars = self._state.panel.chart == "bar"
        self._levels = BarLevels(self._rule) if bars else Levels(self._rule)
        self._offset = -1
        self._time_ms = 0  # of the panel's last tick in Unix milliseconds
        self._steady_ms = 0

    @property
    def level(self) -> Level:
        """The level now; nothing where all is well, or nothing is known."""
        self.catch_up()
        return NAMES[self._levels.severity]

    def at(self, offsets: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Return the level at each of these ticks: 0, 1 for a warning, 2 for critical, `nan` where nothing is known."""
        self.catch_up()
        return self._levels.at(offsets)

    def at_tick(self, offset: int) -> float:
        """Return the level at one tick."""
        self.catch_up()
        return self._levels.number if offset == self._offset else float(self._levels.at(np.array([offset]))[0])

    # --- each bar by itself, by its key ----------------------------------------------------------------------------

    def bar_levels(self, keys: Iterable[str]) -> dict[str, Level]:
        """Return the level of each of these bars now, as `level` is that of the panel."""
        self.catch_up()
        return {key: NAMES[SEVERITIES.get(self._bars.bar_number(key))] for key in keys}

    def bars_at(self, keys: Sequence[str], offsets: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Return the level of each of these bars at each of these ticks, of the shape (ticks, bars)."""
        self.catch_up()
        found = np.empty((len(offsets), len(keys)))
        for at, key in enumerate(keys):
            found[:, at] = self._bars.bar_at(key, offsets)
        return found

    def bars_at_tick(self, keys: Sequence[str], offset: int) -> list[float]:
        """Return the level of each of these bars at one tick."""
        self.catch_up()
        if offset == self._offset:
            return [self._bars.bar_number(key) for key in keys]
        found: list[float] = self.bars_at(keys, np.array([offset]))[0].tolist()
        return found

    @property
    def _bars(self) -> BarLevels:
        if not isinstance(self._levels, BarLevels):
            raise TypeError(f"the panel {self._state.panel.id!r} has no bars")
        return self._levels

    # --- judging ---------------------------------------------------------------------------------------------------

    def catch_up(self) -> bool:
        """Judge the ticks that have come since the last time; return whether the level became another."""
        ring = self._state.ring
        newest = ring.newest
        if newest is None or newest.offset == self._offset:
            return False
        if newest.offset < self._offset:  # the source has begun anew
            self._begin()
        if newest.offset == self._offset + 1:  # nearly always
            self._steady_ms += step_ms(1, newest.time_ms - self._time_ms, ring.interval_ms)
            self._offset, self._time_ms = newest.offset, newest.time_ms
            headline = self._state.headline
            found = headline.at(newest.values)
            return self._take(newest.offset, headline.judged_at(found), found.bar_shares)
        offsets = ring.offsets()
        count = min(int(np.count_nonzero(offsets > self._offset)), ROWS_AT_ONCE)
        rows = ring.read(np.arange(len(newest.values)), ring.end_row - count, ring.end_row)
        return self._judge(rows, offsets[-count:], ring.times()[-count:])

    def _judge(
        self, rows: npt.NDArray[np.float64], offsets: npt.NDArray[np.int64], times: npt.NDArray[np.int64]
    ) -> bool:
        headline = self._state.headline
        found = headline.over(rows)
        judged, shares = headline.judged(found).tolist(), found.bar_shares.tolist()
        if self._offset < 0:
            before_offset, before_ms = int(offsets[0]) - 1, int(times[0])
        else:
            before_offset, before_ms = self._offset, self._time_ms
        steps = steps_ms(
            np.append(before_offset, offsets), np.append(before_ms, times), self._state.ring.interval_ms
        ).tolist()
        changed = False
        for offset, value, each, step in zip(offsets.tolist(), judged, shares, steps, strict=True):
            self._steady_ms += step
            changed = self._take(offset, value, each)
        self._offset, self._time_ms = int(offsets[-1]), int(times[-1])
        return changed

    def _take(self, offset: int, value: float, shares: Sequence[float]) -> bool:
        if isinstance(self._levels, BarLevels):
            return self._levels.take(offset, self._state.headline.bar_keys, shares, self._steady_ms)
        return self._levels.take(offset, value, self._steady_ms)
