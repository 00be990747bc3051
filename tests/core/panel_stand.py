"""A source for the tests of panels: whatever series a test names, ticks when told to, and a panel that is asked for."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from vitalcast.core.metrics.choices import Choices
from vitalcast.core.metrics.model import Frame, Layout, Series
from vitalcast.core.metrics.ring import Ring
from vitalcast.core.panels.schema import Panel
from vitalcast.core.panels.selection import request_selection
from vitalcast.core.panels.state import PanelState

START_MS = 1_790_000_000_000


class Catalogue:
    """As much of a catalogue as a panel asks for."""

    def __init__(self) -> None:
        self.choices = Choices(())


class Stand:
    """A source whose series are those of its newest tick; each keeps its column for good."""

    def __init__(self, *, interval_ms: int = 1000) -> None:
        self.catalogue = Catalogue()
        self.ring = Ring(interval_ms=interval_ms)
        self.time_ms = START_MS
        self.offset = 0
        self._columns: dict[Series, int] = {}
        self._layout = Layout(())

    def tick(self, values: Mapping[Series, float], *, step_ms: int = 1000) -> Frame:
        """Take one tick of these series and no others."""
        self.offset += 1
        self.time_ms += step_ms
        for one in values:
            self._columns.setdefault(one, len(self._columns))
        series = tuple(one if one in values else None for one in self._columns)
        if series != self._layout.series:
            self._layout = Layout(series)
        row = np.array([values.get(one, math.nan) for one in self._columns])
        frame = Frame(self.offset, self.time_ms, self._layout, row)
        self.ring.append(frame)
        self.catalogue.choices.follow(self._layout)
        return frame

    def state(self, panel: Panel) -> PanelState:
        return PanelState(panel, self.catalogue.choices.of(request_selection(panel)), self.ring)
