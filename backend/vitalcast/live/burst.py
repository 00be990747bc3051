"""A burst: for a while a machine is sampled as often as it can be, so that what goes wrong is seen in tenths."""

from __future__ import annotations

from vitalcast.core.metrics.pace import STEP_MIN_MS
from vitalcast.core.metrics.timeline import Timeline
from vitalcast.core.stream.hub import Hub

PAUSE_MS = 600_000


class Burst:
    """Has one timeline tick faster for `lasts_ms`, and not again before `pause_ms` have passed since it began.

    Times are of a steady clock.
    """

    def __init__(self, hub: Hub, timeline: Timeline, *, lasts_ms: int, pause_ms: int = PAUSE_MS) -> None:
        self._hub = hub
        self._timeline = timeline
        self._lasts_ms = lasts_ms
        self._pause_ms = pause_ms
        self._begun_ms: int | None = None
        self._under_way = False

    def begin(self, now_ms: int) -> int | None:
        """Begin, if that changes anything and it is time again; return the time between ticks, else None."""
        tick_ms = max(STEP_MIN_MS, self._timeline.interval_min_ms)
        if self._under_way or tick_ms >= self._timeline.interval_ms:
            return None
        if self._begun_ms is not None and now_ms - self._begun_ms < self._pause_ms:
            return None
        self._begun_ms, self._under_way = now_ms, True
        self._hub.hasten(self._timeline.id, tick_ms)
        return tick_ms

    def advance(self, now_ms: int) -> None:
        """End it when its time is over."""
        if self._under_way and self._begun_ms is not None and now_ms - self._begun_ms >= self._lasts_ms:
            self._under_way = False
            self._hub.hasten(self._timeline.id, None)
