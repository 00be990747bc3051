"""The panels of every source: what each of them means and shows there, and how it is judged."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary, WeakSet, WeakValueDictionary

from vitalcast.core.alerts.panel_levels import PanelLevels
from vitalcast.core.alerts.panel_rule import panel_rule
from vitalcast.core.drawing.rule_words import rule_words
from vitalcast.core.panels.panel_over_past import PanelOverPast
from vitalcast.core.panels.selection import request_selection
from vitalcast.core.panels.state import PanelState
from vitalcast.core.panels.view import PanelView
from vitalcast.core.stream.grants import NAMING_ATTRIBUTES
from vitalcast.core.vocabulary import Aggregate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vitalcast.core.metrics.model import Frame
    from vitalcast.core.metrics.names import Selection
    from vitalcast.core.metrics.timeline import Timeline
    from vitalcast.core.panels.schema import Panel
    from vitalcast.core.panels.shown import Shown
    from vitalcast.dashboards.store import DashboardStore


_Which = tuple[str, bool]  # the panel's id, and whether all of its series are seen


@dataclass(slots=True)
class _Posted:
    """One panel on one source."""

    state: PanelState
    levels: PanelLevels | None


class PanelBoard:
    """Resolves panels in one place, so that page, wall, embed, picture and badge show the same.

    Its panels are those of the store, at every moment. What is judged at every tick, whoever watches, is up to `judge`;
    the panels of any other source are judged when somebody looks, over all that its ring has.
    """

    def __init__(self, store: DashboardStore) -> None:
        self._store = store
        self._posted: WeakKeyDictionary[Timeline, dict[_Which, _Posted]] = WeakKeyDictionary()
        self._gone: WeakKeyDictionary[Timeline, WeakValueDictionary[_Which, PanelState]] = WeakKeyDictionary()
        self._judged: WeakSet[Timeline] = WeakSet()
        store.changed.append(self._follow_store)

    def state(self, timeline: Timeline, panel: Panel) -> PanelState:
        """Return what is known of a panel on a source."""
        return self._of(timeline, panel).state

    def shown(self, timeline: Timeline, panel: Panel, range_ms: int, *, named: bool = True) -> Shown:
        """Return the panel as it is to be drawn where charts reach so far back.

        Unless `named`, it is what remains of it without the series that name a program or a user.
        """
        posted = self._of(timeline, panel, named=named)
        shown = posted.state.over(range_ms).now()
        if posted.levels is None:
            return shown
        bars = posted.levels.bar_levels({line.key for line in shown.lines}) if panel.chart == "bar" else {}
        return replace(shown, level=posted.levels.level, bar_levels=bars)

    # --- what can be subscribed to: each raises UnknownIdError, which names the nearest ------------------------------

    def selection(self, panel_id: str, *, named: bool = True) -> Selection:
        """Return all that the panel asks for."""
        return _selection(self._store.panel(panel_id), named=named)

    def pace(self, panel_id: str) -> tuple[int, Aggregate]:
        """Return the shortest interval of the panel in milliseconds, and what becomes of the ticks in one."""
        panel = self._store.panel(panel_id)
        return round(panel.interval * 1000), Aggregate(panel.aggregate)

    def columns(
        self, timeline: Timeline, panel_id: str, range_ms: int, *, named: bool = True, all_lines: bool = False
    ) -> PanelView:
        """Return the panel as the columns of a stream; `all_lines`, also those that are not drawn."""
        state = self._of(timeline, self._store.panel(panel_id), named=named).state
        return PanelView(state.over(range_ms, all_lines=all_lines))

    def over_past(
        self, timeline: Timeline, panel_id: str, *, named: bool = True, all_lines: bool = False
    ) -> PanelOverPast:
        """Return the panel as it is to be shown of a past, in the colours that its lines have today."""
        panel = self._store.panel(panel_id)
        state = self._of(timeline, panel, named=named).state
        selection = _selection(panel, named=named)
        return PanelOverPast(panel, selection, _judged, all_lines, state.palette.copy(), state.colors, state.remember)

    # --- levels --------------------------------------------------------------------------------------------------

    def judge(self, timeline: Timeline) -> None:
        """Judge the panels of this source from now on, whether anybody watches or not."""
        self._judged.add(timeline)

    def advance(self, timeline: Timeline, _frame: Frame) -> None:
        """Take in a source's newest frame, already in its ring."""
        if timeline not in self._judged:
            return
        for panel in self._store.panels.values():
            if panel.thresholds is not None and (levels := self._of(timeline, panel).levels) is not None:
                levels.catch_up()

    def judged(self, timeline: Timeline) -> Iterator[tuple[Panel, float, PanelState]]:
        """Yield each panel that has thresholds, with its level now as a number: 0, 1, 2, or `nan` without a value."""
        offset = timeline.newest.offset
        for panel in self._store.panels.values():
            if panel.thresholds is None:
                continue
            posted = self._of(timeline, panel)
            if posted.levels is not None:
                yield panel, posted.levels.at_tick(offset), posted.state

    def _of(self, timeline: Timeline, panel: Panel, *, named: bool = True) -> _Posted:
        panels = self._posted.setdefault(timeline, {})
        posted = panels.get((panel.id, named))
        if posted is not None and posted.state.panel is panel:
            return posted
        choice = timeline.catalogue.choices.of(_selection(panel, named=named))
        state = self._withdrawn(timeline, (panel.id, named)) if posted is None else posted.state
        if state is None:
            state = PanelState(panel, choice, timeline.ring)
        else:
            state.redefine(panel, choice)
        posted = panels[panel.id, named] = _Posted(state, _judged(state))
        return posted

    def _withdrawn(self, timeline: Timeline, which: _Which) -> PanelState | None:
        """Return the state of a panel that was removed, if somebody still watches it."""
        gone = self._gone.get(timeline)
        return None if gone is None else gone.get(which)

    def _follow_store(self) -> None:
        for timeline, panels in list(self._posted.items()):
            for id_, named in list(panels):
                panel = self._store.panels.get(id_)
                if panel is None:
                    state = panels.pop((id_, named)).state
                    state.withdraw()  # and known for as long as somebody watches it: it may come back
                    self._gone.setdefault(timeline, WeakValueDictionary())[id_, named] = state
                else:
                    self._of(timeline, panel, named=named)


def _selection(panel: Panel, *, named: bool) -> Selection:
    selection = request_selection(panel)
    return selection if named else replace(selection, without=NAMING_ATTRIBUTES)


def _judged(state: PanelState) -> PanelLevels | None:
    """Have the panel judged by its thresholds from now on."""
    rule = panel_rule(state.panel)
    levels = state.levels = None if rule is None else PanelLevels(state, rule)
    state.rule = lambda whole: rule_words(state.headline, whole)
    return levels
