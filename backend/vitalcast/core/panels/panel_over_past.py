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
from vitalcast.core.panels.folded import folded
from vitalcast.core.panels.palette import Palette
from vitalcast.core.panels.reduce import totals
from vitalcast.core.panels.state import PanelState, colors_of
from vitalcast.core.panels.view import PanelView
from vitalcast.core.panels.whole_steps import over_whole_steps, to_ask
from vitalcast.core.vocabulary import Aggregate

if TYPE_CHECKING:
    import numpy.typing as npt

    from vitalcast.core.metrics.names import Selection
    from vitalcast.core.panels.schema import Panel

    Integers = npt.NDArray[np.int64]
    Floats = npt.NDArray[np.float64]

ALWAYS_MS = 2**53
OPPOSITES = {Aggregate.MIN: Aggregate.MAX, Aggregate.MAX: Aggregate.MIN}


def forgotten(_colors: Mapping[str, int]) -> None:
    """Keep none of these colours in mind."""


@dataclass(frozen=True, slots=True)
class PanelOverPast:
    """A panel and what it asks for; `palette` and `colors` have what its lines were given until now.

    `judge` has a panel's levels kept by its thresholds, and `remember` takes the colours that lines got, so that they
    have them in other ranges too. Good for any thread.
    """

    panel: Panel
    selection: Selection
    judge: Callable[[PanelState], object]
    all_lines: bool = False
    palette: Palette = field(default_factory=Palette)
    colors: Mapping[str, int] = field(default_factory=dict)
    remember: Callable[[Mapping[str, int]], object] = forgotten

    def to_ask(self, aggregates: Sequence[Aggregate]) -> tuple[Aggregate, ...]:
        """Return by which aggregates to ask for its series, so that it can be shown by these."""
        return to_ask(self.panel, aggregates)

    def shown(
        self,
        series: Sequence[Series],
        times_ms: Integers,
        values: Floats,
        step_ms: int,
        aggregates: Sequence[Aggregate] = (Aggregate.AVG,),
    ) -> tuple[tuple[Series, ...], Floats, dict[str, Any]]:
        """Return the series of the panel, their values, and what a snapshot says beside them.

        `values` are those of the series that the panel asks for, by the aggregates `to_ask`, of the shape (times,
        series x aggregates), series-major, and so are those returned. Lines are chosen, and the level is judged, by
        the first aggregate.
        """
        several = len(aggregates)
        values = over_whole_steps(self.panel, values, aggregates)
        if not self.all_lines:
            series, values = folded(self.panel, series, values, several)
        past = _Aggregated({one: values[:, at::several] for at, one in enumerate(aggregates)}, aggregates[0])
        timeline = _replayed(series, times_ms, past.first, step_ms)
        choice = timeline.catalogue.choices.of(self.selection)
        state = PanelState(
            self.panel, choice, timeline.ring, palette=self.palette.copy(), colors=self.colors, peaks=past.peaks
        )
        self.judge(state)
        view = PanelView(state.over(ALWAYS_MS, all_lines=self.all_lines))
        if not self.all_lines:
            self.remember(colors_of(view.shown.lines))
        ring = timeline.ring
        read = ring.read(view.columns, ring.first_row, ring.end_row)
        shown = view.project(read, ring.offsets())
        head = view.head(shown[-1])
        if several == 1 or not len(times_ms):
            return view.series, shown[: len(times_ms)].repeat(several, axis=1), head
        each = [shown, *(past.shown(view, one, ring.offsets()) for one in aggregates[1:])]
        return view.series, np.stack(each, axis=2).reshape(len(times_ms), -1), head


@dataclass(frozen=True, slots=True)
class _Aggregated:
    """The values of a panel's series by several aggregates, each of the shape (times, series).

    What is computed of several lines has bounds: the greatest of a sum is no more than the sum of what was greatest,
    nor than what the least of the rest leaves of the whole. The greatest share is that of the least whole.
    """

    blocks: Mapping[Aggregate, Floats]
    by_default: Aggregate

    @property
    def first(self) -> Floats:
        return self.blocks[self.by_default]

    @property
    def peaks(self) -> Floats | None:
        """The greatest of each series, None where nobody asked for it."""
        block = self.blocks.get(Aggregate.MAX)
        return None if block is None else np.fmax.reduce(block, axis=0, initial=np.nan)

    def shown(self, view: PanelView, aggregate: Aggregate, offsets: Integers) -> Floats:
        """Return the panel's columns by one aggregate."""
        own = self.blocks[aggregate][:, view.columns]
        opposite = self.blocks.get(OPPOSITES.get(aggregate, aggregate))
        if opposite is None:
            return view.project(own, offsets)
        mixed = own.copy()
        mixed[:, view.against] = opposite[:, view.columns[view.against]]
        shown = view.project(mixed, offsets).copy()
        shown[:, : view.sent] = own[:, : view.sent]
        if aggregate is Aggregate.MAX:
            self._cap(view, opposite, shown)
        return shown

    def _cap(self, view: PanelView, least: Floats, shown: Floats) -> None:
        """Have the panel's sum be no more than what its rest left."""
        panel, resolved = view.shown.panel, view.shown.resolved
        rest = [line.column for line in resolved.remainder]
        if not rest or panel.chart == "bar" or panel.headline.reduce == "max":
            return
        whole = totals(self.first[:, [*(line.column for line in resolved.lines), *rest]])
        left = whole - totals(least[:, rest])
        name = "@value" if panel.headline.show != "share" else "@number"
        if (place := view.place(name)) is not None:
            shown[:, place] = np.fmin(shown[:, place], left)


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
