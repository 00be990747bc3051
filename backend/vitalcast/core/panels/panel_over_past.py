"""A panel over a range of the past, as a stream of it would have shown it: lines, what is computed, and its level."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from vitalcast.core.metrics.model import Frame, Layout, Series
from vitalcast.core.metrics.resource import Resource, Source
from vitalcast.core.metrics.ring import Ring
from vitalcast.core.metrics.timeline import Timeline
from vitalcast.core.panels.palette import Palette
from vitalcast.core.panels.state import PanelState
from vitalcast.core.panels.view import PanelView

if TYPE_CHECKING:
    import numpy.typing as npt

    from vitalcast.core.metrics.names import Selection
    from vitalcast.core.panels.schema import Panel

    Integers = npt.NDArray[np.int64]
    Floats = npt.NDArray[np.float64]

ALWAYS_MS = 2**53


@dataclass(frozen=True, slots=True)
class PanelOverPast:
    """A panel and what it asks for; `palette` and `colors` have what its lines were given until now.

    `judge` has a panel's levels kept by its thresholds. Good for any thread.
    """

    panel: Panel
    selection: Selection
    judge: Callable[[PanelState], object]
    all_lines: bool = False
    palette: Palette = field(default_factory=Palette)
    colors: Mapping[str, int] = field(default_factory=dict)

    def shown(
        self, series: Sequence[Series], times_ms: Integers, values: Floats, step_ms: int
    ) -> tuple[tuple[Series, ...], Floats, dict[str, Any]]:
        """Return the columns of the panel, their values, and what a snapshot says beside them.

        `values` are those of the series that the panel asks for, of the shape (times, series). The level is judged by
        them, so by what was aggregated over each step.
        """
        timeline = _replayed(series, times_ms, values, step_ms)
        choice = timeline.catalogue.choices.of(self.selection)
        state = PanelState(self.panel, choice, timeline.ring, palette=self.palette.copy(), colors=self.colors)
        self.judge(state)
        view = PanelView(state.over(ALWAYS_MS, all_lines=self.all_lines))
        ring = timeline.ring
        read = ring.read(view.columns, ring.first_row, ring.end_row)
        shown = view.project(read, ring.offsets())
        return view.series, shown[: len(times_ms)], view.head(shown[-1])


def _replayed(series: Sequence[Series], times_ms: Integers, values: Floats, step_ms: int) -> Timeline:
    """Return a timeline that has had these values, tick by tick; none at all are one tick without a value."""
    if not len(times_ms):
        times_ms, values = np.zeros(1, dtype=np.int64), np.full((1, len(series)), np.nan)
    ring = Ring(window_ms=ALWAYS_MS, memory_max_bytes=ALWAYS_MS, interval_ms=step_ms)
    source = Source(Resource("past", "past"), "past", interval_ms=step_ms)
    timeline = Timeline(source, ring=ring, series_max=max(1, len(series)))
    layout = Layout(tuple(series))
    for row, time_ms in enumerate(times_ms.tolist()):
        timeline.take(Frame(row + 1, time_ms, layout, values[row]))
    return timeline
