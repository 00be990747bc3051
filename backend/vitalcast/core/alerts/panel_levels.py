"""The level of a panel on one source, judged at every tick that the source's ring has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vitalcast.core.alerts.levels import Levels
from vitalcast.core.alerts.rule import Severity
from vitalcast.core.metrics.elapsed import step_ms, steps_ms

if TYPE_CHECKING:
    import numpy.typing as npt

    from vitalcast.core.alerts.rule import Rule
    from vitalcast.core.panels.shown import Level
    from vitalcast.core.panels.state import PanelState

ROWS_AT_ONCE = 1024  # of the past, where there is one when the judging begins
NAMES: dict[Severity | None, Level] = {None: "", Severity.WARNING: "warning", Severity.CRITICAL: "critical"}


class PanelLevels:
    """Follows the number that stands for a panel by the rule of its thresholds."""

    def __init__(self, state: PanelState, rule: Rule) -> None:
        self._state = state
        self._rule = rule
        self._begin()

    def _begin(self) -> None:
        self._levels = Levels(self._rule)
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
            return self._levels.take(newest.offset, self._state.headline.judged_at(newest.values), self._steady_ms)
        offsets = ring.offsets()
        count = min(int(np.count_nonzero(offsets > self._offset)), ROWS_AT_ONCE)
        rows = ring.read(np.arange(len(newest.values)), ring.end_row - count, ring.end_row)
        return self._judge(rows, offsets[-count:], ring.times()[-count:])

    def _judge(
        self, rows: npt.NDArray[np.float64], offsets: npt.NDArray[np.int64], times: npt.NDArray[np.int64]
    ) -> bool:
        headline = self._state.headline
        judged = headline.judged(headline.over(rows)).tolist()
        if self._offset < 0:
            before_offset, before_ms = int(offsets[0]) - 1, int(times[0])
        else:
            before_offset, before_ms = self._offset, self._time_ms
        steps = steps_ms(
            np.append(before_offset, offsets), np.append(before_ms, times), self._state.ring.interval_ms
        ).tolist()
        changed = False
        for offset, value, step in zip(offsets.tolist(), judged, steps, strict=True):
            self._steady_ms += step
            changed = self._levels.take(offset, value, self._steady_ms)
        self._offset, self._time_ms = int(offsets[-1]), int(times[-1])
        return changed
