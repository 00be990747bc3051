"""The meeting point of frames and subscriptions: the recent past, and the groups that want what comes next."""

from __future__ import annotations

from collections.abc import Iterable

from vitalcast.core.metrics.aggregate import is_boundary
from vitalcast.core.metrics.catalogue import Catalogue
from vitalcast.core.metrics.model import Frame, Series
from vitalcast.core.metrics.names import Selection
from vitalcast.core.metrics.ring import Ring
from vitalcast.core.stream.cadence import Cadence
from vitalcast.core.stream.groups import Group
from vitalcast.core.stream.keys import Form, SeriesKey, TableKey, key_bytes
from vitalcast.core.stream.replay import Snapshots
from vitalcast.core.stream.table_group import TableGroup
from vitalcast.core.vocabulary import ErrorCode
from vitalcast.core.wire.messages import DEFAULT_LIMITS, Limits, Message
from vitalcast.errors import ProtocolError

AnyGroup = Group | TableGroup

TICKS_MS = (1000, 500, 200, 100)


class Hub:
    """Takes in frames, keeps the recent ones, and holds one group for all subscriptions that are equal.

    `epoch` names this store: offsets of another epoch mean nothing here. `tables` maps a table's name to its
    columns, each with a name, a unit and a description.
    """

    def __init__(
        self,
        *,
        epoch: str,
        host: str,
        catalogue: Catalogue,
        ring: Ring,
        interval_ms: int = 1000,
        interval_min_ms: int = 100,
        limits: Limits = DEFAULT_LIMITS,
        tables: dict[str, list[dict[str, str]]] | None = None,
    ) -> None:
        self.epoch = epoch
        self.host = host
        self.catalogue = catalogue
        self._choices = catalogue.choices
        self.ring = ring
        self.interval_ms = interval_ms
        self.interval_min_ms = interval_min_ms
        self.limits = limits
        self.tables = tables or {}
        self.groups: dict[int, AnyGroup] = {}
        self.streams = 0  # that have joined a group
        self.held_bytes = 0  # of all groups and paused streams, as well as it can be told
        self._snapshots = Snapshots()
        self._by_key: dict[SeriesKey | TableKey, AnyGroup] = {}
        self._cadences: dict[int, Cadence] = {}  # by interval
        self._next_id = 1
        self._previous_ms: int | None = None

    @property
    def newest(self) -> Frame:
        """The newest frame. There is one before anybody is let in."""
        frame = self.ring.newest
        assert frame is not None
        return frame

    def series(self) -> list[Series]:
        """Return the series that are there now, by key."""
        return sorted((one for one in self.newest.layout.series if one is not None), key=lambda one: one.key)

    def meant(self, selection: Selection) -> tuple[Series, ...]:
        """Return the series that a selection means now, by key."""
        self._choices.follow(self.newest.layout)
        return self._choices.of(selection).chosen.series

    def append(self, frame: Frame) -> dict[int, list[Message]]:
        """Take in the newest frame; return what each group's members get for it, by group id."""
        previous, previous_ms = self.ring.newest, self._previous_ms
        self.ring.append(frame)
        self._previous_ms = frame.time_ms
        missed = None
        if previous is not None and frame.offset > previous.offset + 1:
            missed = (previous.offset + 1, frame.offset - 1)
        self._snapshots.clear()
        self._choices.follow(frame.layout)
        out: dict[int, list[Message]] = {}
        for interval_ms, cadence in self._cadences.items():
            due = previous_ms is None or is_boundary(previous_ms, frame.time_ms, interval_ms)
            cadence.advance(frame, self.ring, out, due=due, missed=missed)
        if previous is None or frame.layout is not previous.layout:
            self._count_all()
        return out

    def _count_all(self) -> None:
        for cadence in self._cadences.values():
            self._count(cadence)
            for group in cadence.groups:
                self._count(group)

    def _count(self, one: AnyGroup | Cadence) -> None:
        held_bytes = one.nbytes
        self.held_bytes += held_bytes - one.held_bytes
        one.held_bytes = held_bytes

    def hold(self, key: SeriesKey | TableKey) -> None:
        """Count what a paused stream takes, until it is dropped."""
        self.held_bytes += key_bytes(key)

    def drop(self, key: SeriesKey | TableKey) -> None:
        self.held_bytes -= key_bytes(key)

    def tick_ms(self) -> int:
        """Return the time between ticks that serves the fastest subscription: the usual one, or a part of a second.

        Ticks fall on multiples of it, so that an interval that is a multiple of it too ends with a tick; any other
        ends with the first tick after.
        """
        wanted = [interval for interval in self._cadences if interval < self.interval_ms]
        if not wanted:
            return self.interval_ms
        for tick in TICKS_MS:
            if tick < self.interval_ms and all(interval % tick == 0 for interval in wanted):
                return max(tick, self.interval_min_ms)
        return self.interval_min_ms

    def table_groups(self) -> list[TableGroup]:
        return [group for group in self.groups.values() if isinstance(group, TableGroup)]

    def join(self, key: SeriesKey | TableKey) -> AnyGroup:
        """Return the group of this key, made if need be, with one more stream. Raises ProtocolError past the limit."""
        group = self._by_key.get(key)
        if group is None:
            group = self._make(key)
        group.streams += 1
        self.streams += 1
        return group

    def _make(self, key: SeriesKey | TableKey) -> AnyGroup:
        own = (
            isinstance(key, SeriesKey) and key.form is Form.SELF_DESCRIBING
        )  # the default stream, which the operator chose
        if len(self.groups) >= self.limits.groups and not own:
            raise ProtocolError(
                ErrorCode.LIMIT, f"all {self.limits.groups} different subscriptions are taken", temporary=True
            )
        group: AnyGroup
        if isinstance(key, TableKey):
            group = TableGroup(self._next_id, key)
        else:
            self._choices.follow(self.newest.layout)
            group = Group(self._next_id, key, self._choices.of(key.selection), self._snapshots, host=self.host)
            if not own:
                self._check_series(group)
        if not own and self.held_bytes + group.nbytes > self.limits.groups_mib * 2**20:
            raise ProtocolError(
                ErrorCode.LIMIT,
                f"all subscriptions together take the {self.limits.groups_mib} MiB that they may",
                temporary=True,
            )
        if isinstance(group, Group):
            self._enter(group)
        self._count(group)
        self._next_id += 1
        self._by_key[key] = self.groups[group.id] = group
        return group

    def _enter(self, group: Group) -> None:
        cadence = self._cadences.get(group.interval_ms)
        if cadence is None:
            cadence = self._cadences[group.interval_ms] = Cadence(group.interval_ms, self.newest.layout, self.ring)
        cadence.add(group)
        self._count(cadence)

    def _exit(self, group: Group) -> None:
        cadence = self._cadences[group.interval_ms]
        cadence.remove(group)
        self._count(cadence)
        if not cadence:
            del self._cadences[group.interval_ms]

    def _check_series(self, group: Group) -> None:
        if len(group.series) > self.limits.series:
            raise ProtocolError(
                ErrorCode.LIMIT,
                f"{len(group.series)} series match and a stream has {self.limits.series} at most; narrow the metrics",
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
            self._exit(group)


def select(series: Iterable[Series], frame: Frame) -> dict[str, float]:
    """Return the readings of these series in a frame, by key."""
    wanted = {one.key for one in series}
    return {
        one.key: value
        for one, value in zip(frame.layout.series, frame.values.tolist(), strict=True)
        if one is not None and one.key in wanted
    }
