"""A source for the tests of panels: whatever series a test names, ticks when told to, and a panel that is asked for."""

from __future__ import annotations

from collections.abc import Mapping

from vitalcast.core.metrics.frames import FrameBuilder
from vitalcast.core.metrics.model import Frame, Sample, Series
from vitalcast.core.metrics.resource import Resource, Source
from vitalcast.core.metrics.ring import Ring
from vitalcast.core.metrics.timeline import Timeline
from vitalcast.core.panels.schema import Panel
from vitalcast.core.panels.selection import request_selection
from vitalcast.core.panels.state import PanelState

START_MS = 1_790_000_000_000
SERIES_MAX = 20_000


class Stand:
    """A source whose series are those of its newest tick."""

    def __init__(self, *, ring: Ring | None = None) -> None:
        self.timeline = Timeline(Source(Resource("stand", "stand"), "epoch-1"), ring=ring, series_max=SERIES_MAX)
        self.time_ms = START_MS
        self.offset = 0
        self._frames = FrameBuilder()

    @property
    def ring(self) -> Ring:
        return self.timeline.ring

    def tick(self, values: Mapping[Series, float], *, step_ms: int = 1000) -> Frame:
        """Take one tick of these series and no others."""
        self.offset += 1
        self.time_ms += step_ms
        samples = [Sample(series, value) for series, value in values.items()]
        return self.timeline.take(self._frames.frame(self.offset, self.time_ms, samples))

    def restart(self) -> None:
        """Begin anew, as a source does whose process was started again."""
        self.offset = 0
        self.timeline.restart(Source(self.timeline.resource, "epoch-2"))

    def state(self, panel: Panel) -> PanelState:
        return PanelState(panel, self.timeline.catalogue.choices.of(request_selection(panel)), self.ring)
