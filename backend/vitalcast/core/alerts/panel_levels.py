"""The level of a panel on one source, judged at every tick that the source's ring has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vitalcast.core.alerts.levels import Levels
from vitalcast.core.alerts.rule import Severity
from vitalcast.core.metrics.elapsed import steps_ms

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

    def catch_up(self) -> bool:
        """Judge the ticks that have come since the last time; return whether the level became another."""
        ring = self._state.ring
        newest = ring.newest
        if newest is None or newest.offset == self._offset:
            return False
        if newest.offset < self._offset:  # the source has begun anew
            self._begin()
        before = self._levels.number
        if newest.offset == self._offset + 1 or (self._offset < 0 and ring.end_row - ring.first_row == 1):
            rows, offsets, times = newest.values[None, :], np.array([newest.offset]), np.array([newest.time_ms])
        else:
            offsets = ring.offsets()
            count = min(int(np.count_nonzero(offsets > self._offset)), ROWS_AT_ONCE)
            offsets, times = offsets[-count:], ring.times()[-count:]
            columns = np.arange(len(newest.values))
            rows = ring.read(columns, ring.end_row - count, ring.end_row)
        self._judge(rows, offsets, times)
        return not (before == self._levels.number or (before != before and not self._levels.state.has_data))

    def _judge(
        self, rows: npt.NDArray[np.float64], offsets: npt.NDArray[np.int64], times: npt.NDArray[np.int64]
    ) -> None:
        headline = self._state.headline
        judged = headline.judged(headline.over(rows)).tolist()
        if self._offset < 0:
            before_offset, before_ms = int(offsets[0]) - 1, int(times[0])
        else:
            before_offset, before_ms = self._offset, self._time_ms
        steps = steps_ms(
            np.append(before_offset, offsets), np.append(before_ms, times), self._state.ring.interval_ms
        ).tolist()
        for offset, value, step in zip(offsets.tolist(), judged, steps, strict=True):
            self._steady_ms += step
            self._levels.take(offset, value, self._steady_ms)
        self._offset, self._time_ms = int(offsets[-1]), int(times[-1])
