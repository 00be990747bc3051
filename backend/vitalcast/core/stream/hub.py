"""The meeting point of frames and subscriptions: each source's memory, and the groups that want what comes next."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping

from vitalcast.core.events.event import Event
from vitalcast.core.events.recent import RecentEvents
from vitalcast.core.metrics.aggregate import is_boundary
from vitalcast.core.metrics.model import Frame, Series
from vitalcast.core.metrics.resource import Source
from vitalcast.core.metrics.timeline import Timeline
from vitalcast.core.query.limits import QueryLimits
from vitalcast.core.query.query import Result
from vitalcast.core.stream.ahead import LookAhead
from vitalcast.core.stream.cadence import Cadence
from vitalcast.core.stream.event_group import EventGroup, EventText
from vitalcast.core.stream.groups import Group
from vitalcast.core.stream.keys import AnyKey, EventKey, Form, PanelKey, SeriesKey, TableKey, key_bytes
from vitalcast.core.stream.output import Output
from vitalcast.core.stream.panel_group import PanelGroup, Panels
from vitalcast.core.stream.reduced_group import ReducedGroup
from vitalcast.core.stream.replay import Snapshots
from vitalcast.core.stream.shifted_cadence import ShiftedCadence
from vitalcast.core.stream.sources import SOURCES_MAX, Sources
from vitalcast.core.stream.table_group import TableGroup
from vitalcast.core.vocabulary import PERCENTILES, ErrorCode
from vitalcast.core.wire.limits import DEFAULT_LIMITS, Limits
from vitalcast.errors import ProtocolError

logger = logging.getLogger(__name__)

AnyGroup = Group | TableGroup | EventGroup

TICKS_MS = (1000, 500, 200, 100)

Advanced = Callable[[Timeline, Frame], None]
Emitted = Callable[[Output], None]
Demanded = Callable[[str, int], None]
Happened = Callable[[Event], None]
PastWanted = Callable[[LookAhead], None]


class Hub:
    """Holds a timeline for each source, and one group for all subscriptions that are equal.

    `home` is this machine's. Observers are called in their order, without waiting, and one that fails costs the others
    nothing: `advanced` with each frame once it is remembered, as it is remembered; `emitted` with what members of
    groups get, by group id; `demanded` with the id of a source and the time between ticks that its subscriptions want
    from now on; `happened` with each event, or with what has become of one; `past_wanted` with what is to be read for
    streams that show what was before. `panels` are those that can be subscribed
    to.
    """

    def __init__(
        self,
        *,
        home: Timeline | None = None,
        limits: Limits = DEFAULT_LIMITS,
        panels: Panels | None = None,
        make: Callable[[Source], Timeline] = Timeline,
        sources_max: int = SOURCES_MAX,
    ) -> None:
        self.sources = Sources(home=home, make=make, sources_max=sources_max)
        self.advanced: list[Advanced] = []
        self.emitted: list[Emitted] = []
        self.demanded: list[Demanded] = []
        self.happened: list[Happened] = []
        self.past_wanted: list[PastWanted] = []
        self.limits = limits
        self.panels = panels
        self.groups: dict[int, AnyGroup] = {}
        self.streams = 0  # that have joined a group
        self.held_bytes = 0  # of all groups and paused streams, as well as it can be told
        self._repeated = 0
        self._snapshots = Snapshots()
        self._by_key: dict[AnyKey, AnyGroup] = {}
        self._events: dict[str, RecentEvents] = {}
        self._event_groups: dict[str, dict[int, EventGroup]] = {}
        self._cadences: dict[str, dict[int, Cadence]] = {}  # by source and interval
        self._shifted: dict[str, dict[tuple[int, int], ShiftedCadence]] = {}  # by source, and interval and shift
        self._next_id = 1
        self._hastened: dict[str, int] = {}
        self._previous_ms: dict[str, int] = {}
        self._demand_ms: dict[str, int] = {}

    @property
    def frames_refused(self) -> int:
        """How many frames were not taken: repeated ones, and those of sources past the bound."""
        return self._repeated + self.sources.refused

    @property
    def timelines(self) -> Mapping[str, Timeline]:
        """What is remembered of each source, by its id."""
        return self.sources.timelines

    # --- frames in -----------------------------------------------------------------------------------------------

    def take(self, source: Source, frame: Frame) -> None:
        """Take in a source's newest frame and tell all observers. One that repeats is refused and counted."""
        timeline = self.sources.of(source)
        if timeline is None:
            return
        previous = timeline.ring.newest
        restarted = source.epoch != timeline.epoch
        if restarted:
            timeline.restart(source)
        elif previous is not None and frame.offset <= previous.offset:
            self._repeated += 1
            return
        frame = timeline.take(frame)
        for observer in self.advanced:
            try:
                observer(timeline, frame)
            except Exception:  # a fault of ours in one of them must not cost the others the frame
                logger.exception("an observer failed at offset %d", frame.offset)
        out = self._advance(timeline, frame, previous, restarted=restarted)
        if out:
            self.emit(out)

    def emit(self, out: Output) -> None:
        """Hand on what members of groups get, by group id."""
        for observer in self.emitted:
            try:
                observer(out)
            except Exception:
                logger.exception("what groups emitted was not handed on")

    def _advance(self, timeline: Timeline, frame: Frame, previous: Frame | None, *, restarted: bool) -> Output:
        """Return what each group's members get for a frame that its timeline has just taken."""
        previous_ms = self._previous_ms.get(timeline.id)
        self._previous_ms[timeline.id] = frame.time_ms
        missed = None
        if previous is not None and frame.offset > previous.offset + 1:
            missed = (previous.offset + 1, frame.offset - 1)
        self._snapshots.clear()
        out = Output()
        for cadence in self._all_cadences(timeline):
            if restarted:
                cadence.restart(frame, timeline.ring, out)
            else:
                due = previous_ms is None or is_boundary(previous_ms, frame.time_ms, cadence.interval_ms)
                cadence.advance(frame, timeline.ring, out, due=due, missed=missed)
        if previous is None or not frame.layout.same(previous.layout):
            self._count_all(timeline)
        return out

    def _all_cadences(self, timeline: Timeline) -> Iterable[Cadence]:
        yield from self._cadences.get(timeline.id, {}).values()
        yield from self._shifted.get(timeline.id, {}).values()

    def _look_ahead(self, wanted: LookAhead) -> None:
        for observer in self.past_wanted:
            observer(wanted)

    def _count_all(self, timeline: Timeline) -> None:
        for cadence in self._all_cadences(timeline):
            self._count(cadence)
            for group in cadence.groups:
                self._count(group)

    def _count(self, one: AnyGroup | Cadence) -> None:
        held_bytes = one.nbytes
        self.held_bytes += held_bytes - one.held_bytes
        one.held_bytes = held_bytes

    def hold(self, key: AnyKey) -> None:
        """Count what a paused stream takes, until it is dropped."""
        self.held_bytes += key_bytes(key)

    def drop(self, key: AnyKey) -> None:
        self.held_bytes -= key_bytes(key)

    # --- events --------------------------------------------------------------------------------------------------

    def happen(self, event: Event) -> None:
        """Remember an event of a source that is here, and tell all observers and the groups that want it."""
        timeline = self.timelines.get(event.source)
        if timeline is None:
            return
        self.events(event.source).put(event)
        for observer in self.happened:
            try:
                observer(event)
            except Exception:  # a fault of ours in one of them must not cost the others the event
                logger.exception("an observer failed at the event %s", event.id)
        newest = timeline.ring.newest
        out, text, offset = Output(), EventText(event), 0 if newest is None else newest.offset
        for group in self._event_groups.get(event.source, {}).values():
            if group.wants(event):
                out.add(group.id, [group.emit(text, offset)])
        if out:
            self.emit(out)

    def events(self, source_id: str) -> RecentEvents:
        """Return the newest events of a source."""
        return self._events.setdefault(source_id, RecentEvents())

    # --- demand up -----------------------------------------------------------------------------------------------

    def tick_ms(self, source_id: str) -> int:
        """Return the time between ticks that serves a source's fastest subscription: the usual one, or less.

        It is less too while the source is hastened. Ticks fall on multiples of it, so that an interval that is a
        multiple of it too ends with a tick; any other ends with the first tick after.
        """
        timeline = self.timelines[source_id]
        asked = [*self._cadences.get(source_id, ()), *filter(None, [self._hastened.get(source_id)])]
        wanted = [interval for interval in asked if interval < timeline.interval_ms]
        if not wanted:
            return timeline.interval_ms
        for tick in TICKS_MS:
            if tick < timeline.interval_ms and all(interval % tick == 0 for interval in wanted):
                return max(tick, timeline.interval_min_ms)
        return timeline.interval_min_ms

    def hasten(self, source_id: str, tick_ms: int | None) -> None:
        """Have a source tick so often beside what its subscriptions want, until this is called with None."""
        if tick_ms is None:
            self._hastened.pop(source_id, None)
        else:
            self._hastened[source_id] = tick_ms
        self._demand(self.timelines[source_id])

    def _demand(self, timeline: Timeline) -> None:
        tick_ms = self.tick_ms(timeline.id)
        if tick_ms == self._demand_ms.get(timeline.id, timeline.interval_ms):
            return
        self._demand_ms[timeline.id] = tick_ms
        for observer in self.demanded:
            observer(timeline.id, tick_ms)

    # --- groups --------------------------------------------------------------------------------------------------

    def table_groups(self) -> list[TableGroup]:
        return [group for group in self.groups.values() if isinstance(group, TableGroup)]

    def join(self, key: AnyKey) -> AnyGroup:
        """Return the group of this key, made if need be, with one more stream. Raises ProtocolError past the limit."""
        group = self._by_key.get(key)
        if group is None:
            group = self._make(key)
        group.streams += 1
        self.streams += 1
        return group

    def _make(self, key: AnyKey) -> AnyGroup:
        # The default stream, which the operator chose.
        own = isinstance(key, SeriesKey) and key.form is Form.SELF_DESCRIBING
        if len(self.groups) >= self.limits.subscriptions and not own:
            raise ProtocolError(
                ErrorCode.LIMIT,
                f"this server has {self.limits.subscriptions} different subscriptions at most; try again later",
                temporary=True,
            )
        group: AnyGroup
        if isinstance(key, TableKey):
            group = TableGroup(self._next_id, key)
        elif isinstance(key, EventKey):
            group = EventGroup(self._next_id, key)
        else:
            timeline = self.timelines[key.source]
            group = self._made(key, timeline)
            if not own:
                self._check_series(group)
        if not own and self.held_bytes + group.nbytes > self.limits.subscriptions_mib * 2**20:
            raise ProtocolError(
                ErrorCode.LIMIT,
                f"all subscriptions take {self.limits.subscriptions_mib} MiB at most, which are used; try again later",
                temporary=True,
            )
        if isinstance(group, Group):
            self._enter(group, timeline)
        if isinstance(group, EventGroup):
            self._event_groups.setdefault(group.key.source, {})[group.id] = group
        self._count(group)
        self._next_id += 1
        self._by_key[key] = self.groups[group.id] = group
        return group

    def _made(self, key: SeriesKey | PanelKey, timeline: Timeline) -> Group:
        choices = timeline.catalogue.choices
        if isinstance(key, SeriesKey):
            make = ReducedGroup if key.is_reduced else Group
            return make(self._next_id, key, choices.of(key.selection), self._snapshots, timeline)
        assert self.panels is not None  # by whom the key was made
        return PanelGroup(
            self._next_id,
            key,
            choices.of(self.panels.selection(key.panel, named=key.named)),
            self._snapshots,
            columns=self.panels.columns(timeline, key.panel, key.range_ms, named=key.named, all_lines=key.all_lines),
            timeline=timeline,
            values_max=self.limits.snapshot_values,
        )

    def seed(self, group: Group, result: Result, until_ms: int) -> None:
        """Take in what was read up to a time for a group that shows what was before."""
        assert isinstance(group.key, SeriesKey)
        self._shifted[group.key.source][group.interval_ms, group.key.shift_ms].seed(group, result, until_ms)

    def _enter_shifted(self, group: Group, shift_ms: int, timeline: Timeline) -> None:
        cadences = self._shifted.setdefault(timeline.id, {})
        which = group.interval_ms, shift_ms
        if which not in cadences:
            limits = QueryLimits(values=self.limits.snapshot_values)
            cadences[which] = ShiftedCadence(group.interval_ms, timeline, limits, self._look_ahead)
        cadences[which].add(group)
        self._count(cadences[which])

    def _exit_shifted(self, group: Group, shift_ms: int, timeline: Timeline) -> None:
        cadences, which = self._shifted[timeline.id], (group.interval_ms, shift_ms)
        cadences[which].remove(group)
        self._count(cadences[which])
        if not cadences[which]:
            del cadences[which]

    def _enter(self, group: Group, timeline: Timeline) -> None:
        if isinstance(group.key, SeriesKey) and group.key.shift_ms:
            self._enter_shifted(group, group.key.shift_ms, timeline)
            return
        cadences = self._cadences.setdefault(timeline.id, {})
        cadence = cadences.get(group.interval_ms)
        if cadence is None:
            layout = timeline.newest.layout
            cadence = cadences[group.interval_ms] = Cadence(group.interval_ms, layout, timeline.ring)
            self._demand(timeline)
        cadence.add(group)
        self._count(cadence)

    def _exit(self, group: Group, timeline: Timeline) -> None:
        if isinstance(group.key, SeriesKey) and group.key.shift_ms:
            self._exit_shifted(group, group.key.shift_ms, timeline)
            return
        cadences = self._cadences[timeline.id]
        cadence = cadences[group.interval_ms]
        cadence.remove(group)
        self._count(cadence)
        if not cadence:
            del cadences[group.interval_ms]
            self._demand(timeline)

    def _check_series(self, group: Group) -> None:
        if len(group.series) > self.limits.series:
            raise ProtocolError(
                ErrorCode.LIMIT,
                f"{len(group.series)} series match and a stream has {self.limits.series} at most; narrow the metrics",
            )
        if any(aggregate in PERCENTILES for aggregate in group.key.aggregates):
            self._check_percentiles(group, self.timelines[group.key.source])

    def _check_percentiles(self, group: Group, timeline: Timeline) -> None:
        """Raise ProtocolError where the readings of an interval are more than memory has, or than are looked at."""
        ring, least_ms = timeline.ring, timeline.interval_ms
        if group.interval_ms > ring.reach_ms:
            raise ProtocolError(
                ErrorCode.LIMIT,
                f"interval: a percentile needs all readings of it, and memory has {ring.reach_ms / 1000:g} s; "
                "ask for a shorter interval, or query",
            )
        readings, limit = len(group.read_columns) * (group.interval_ms // least_ms), self.limits.snapshot_values
        if readings > limit:
            raise ProtocolError(
                ErrorCode.LIMIT,
                f"a percentile of {readings} readings an interval, and {limit} are looked at at most; "
                "ask for fewer series or a shorter interval",
            )

    def leave(self, group: AnyGroup) -> None:
        """Take one stream from a group; the last one ends it."""
        group.streams -= 1
        self.streams -= 1
        if group.streams > 0:
            return
        del self.groups[group.id], self._by_key[group.key]
        self.held_bytes -= group.held_bytes
        if isinstance(group, Group):
            self._exit(group, self.timelines[group.key.source])
        elif isinstance(group, EventGroup):
            del self._event_groups[group.key.source][group.id]


def select(series: Iterable[Series], frame: Frame) -> dict[str, float]:
    """Return the readings of these series in a frame, by key."""
    wanted = {one.key for one in series}
    return {
        one.key: value
        for one, value in zip(frame.layout.series, frame.values.tolist(), strict=True)
        if one is not None and one.key in wanted
    }
