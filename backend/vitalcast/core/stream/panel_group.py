"""A group whose columns a panel chooses: which lines are drawn, and what is computed of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from vitalcast.core.metrics.choices import Places
from vitalcast.core.stream.groups import Group
from vitalcast.core.stream.keys import GROUP_BYTES, PanelKey, key_bytes
from vitalcast.core.stream.replay import Replay, Snapshots, newest_of, replay_values
from vitalcast.core.wire.emission import Emission, TickValues
from vitalcast.core.wire.messages import Message, describe_series

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from vitalcast.core.metrics.choices import Choice
    from vitalcast.core.metrics.model import Series
    from vitalcast.core.metrics.names import Selection
    from vitalcast.core.metrics.timeline import Timeline
    from vitalcast.core.stream.kept_ticks import Rows
    from vitalcast.core.vocabulary import Aggregate

    Floats = npt.NDArray[np.float64]

LINE_BYTES = 200  # of a line's description
READ_BYTES = 40  # of a column that is read for it
READS_MAX = 2_000_000  # values that are looked at for what is computed of the past


class PanelColumns(Protocol):
    """What a panel sends: `columns` of the source's layout are read for it, and `series` describes what is sent.

    The first `sent` of what is read are sent as they are. `came_offset` is the tick at which a line came last that had
    not been there.
    """

    columns: npt.NDArray[np.intp]
    series: tuple[Series, ...]
    sent: int

    @property
    def came_offset(self) -> int: ...

    @property
    def reads(self) -> int:
        """How many values were looked at to choose the lines."""
        ...

    def refresh(self) -> bool:
        """Choose lines anew where that is due; return whether anything became another."""
        ...

    def project(self, values: Floats, offsets: npt.NDArray[np.int64]) -> Floats:
        """Return what is sent of rows of `columns`, one for each tick of `offsets`."""
        ...

    def project_row(self, row: Floats, offset: int) -> Floats:
        """Return the same of one row."""
        ...

    def level(self, row: Floats) -> str | None:
        """Return the panel's level in a row of what is sent, empty for good or unknown; None where it has none."""
        ...

    def head(self, newest: Floats) -> dict[str, Any]:
        """Return what is said beside the values, of which `newest` are those of the newest tick."""
        ...

    def headline(self, row: Floats) -> dict[str, Any] | None:
        """Return the panel's number in a row of what is sent: label, value, unit and level; None where it has none."""
        ...


class PastPanel(Protocol):
    """A panel over a range of the past, as `PanelOverPast` is, which streams do not know. Good for any thread."""

    @property
    def selection(self) -> Selection:
        """All that it asks for."""
        ...

    def to_ask(self, aggregates: Sequence[Aggregate]) -> tuple[Aggregate, ...]:
        """Return by which aggregates to ask for its series, so that it can be shown by these."""
        ...

    def shown(
        self,
        series: Sequence[Series],
        times_ms: npt.NDArray[np.int64],
        values: Floats,
        step_ms: int,
        aggregates: Sequence[Aggregate],
    ) -> tuple[tuple[Series, ...], Floats, dict[str, Any]]:
        """Return what is sent of values of the shape (times, series x `to_ask`): series, values, and the head."""
        ...


class Panels(Protocol):
    """The panels that can be subscribed to. Each function raises UnknownIdError for an id that no panel has.

    Unless `named`, a panel is what remains of it without the series that name a program or a user.
    """

    def selection(self, panel_id: str, *, named: bool = True) -> Selection:
        """Return all that the panel asks for, which a caller must be allowed to see."""
        ...

    def pace(self, panel_id: str) -> tuple[int, Aggregate]:
        """Return the shortest interval of the panel in milliseconds, and what becomes of the ticks in one."""
        ...

    def columns(
        self, timeline: Timeline, panel_id: str, range_ms: int, *, named: bool, all_lines: bool
    ) -> PanelColumns:
        """Return what the panel sends of a source where charts reach so far back, or `all_lines` that it has."""
        ...

    def over_past(self, timeline: Timeline, panel_id: str, *, named: bool, all_lines: bool) -> PastPanel:
        """Return what the panel sends of a past."""
        ...


class PanelGroup(Group):
    """All subscriptions of one panel, over one range, at one interval.

    A line that comes has a past: then a snapshot of the whole range is sent anew, and of any other change a `series`.
    A level that became another is said with the data.
    `choice` is all that the panel asks for, of which `columns` say what is sent.
    """

    __slots__ = (
        "_came_offset",
        "_columns",
        "_panel_key",
        "_places",
        "_ring",
        "_told_levels",
        "_told_row",
        "_values_max",
    )

    def __init__(
        self,
        id_: int,
        key: PanelKey,
        choice: Choice,
        snapshots: Snapshots,
        *,
        columns: PanelColumns,
        timeline: Timeline,
        values_max: int,
    ) -> None:
        super().__init__(id_, key, choice, snapshots, timeline)
        self._panel_key = key
        self._columns = columns
        self._ring = timeline.ring
        self._values_max = values_max
        self._came_offset = columns.came_offset  # as all members know it; groups of one range share the columns' own
        self._told_row = -1  # up to which all members have the past
        self._told_levels: set[str | None] = set()  # what members were told last, who came meanwhile included
        self._places = Places(np.arange(len(columns.series)), 1)

    @property
    def series(self) -> tuple[Series, ...]:
        return self._columns.series

    @property
    def can_run(self) -> bool:
        return False  # what is computed and sent is its own

    @property
    def nbytes(self) -> int:
        """About how much memory this group takes, as if it shared the panel with no other."""
        read = len(self._columns.columns)
        return GROUP_BYTES + key_bytes(self.key) + read * READ_BYTES + self.width * (24 + LINE_BYTES)

    def resolve(self) -> list[Message]:
        """Take over what the panel means and shows now; return what says so if that is something else."""
        if not self._columns.refresh():
            return []
        self._places = Places(np.arange(len(self.series)), 1)
        self._tick = None
        self._resync = True
        self._told_levels.clear()  # all are told the level now
        self.series_version += 1
        if self.is_named:  # which says with each tick what there is
            return []
        if self._columns.came_offset == self._came_offset:
            return [self._series_alone()]
        self._came_offset = self._columns.came_offset
        self._told_row = self._ring.end_row
        return self.whole_range()

    def restart(self) -> None:
        super().restart()
        self._told_row = -1

    # --- the live stream ---------------------------------------------------------------------------------------

    def emit(self, tick: TickValues) -> list[Message]:
        """Return what a member in step gets for the interval that has ended with this tick."""
        changes = self.resolve()
        before = None if self._tick is None else self._tick.values
        values = self._columns.project_row(tick.values[self._columns.columns], tick.offset)
        own = TickValues(tick.offset, tick.time_ms, values, before=before)
        messages = super().emit(own)
        self._told_levels = {self._columns.level(values)}
        own.settle()
        if self._told_row == self._ring.end_row:  # the snapshot has this tick already
            self._resync = True
            messages = messages[:-1]
        return [*changes, *messages]

    def _emission(self, tick: TickValues) -> Emission:
        return Emission(tick, self._places)

    def _data_head(self, tick: TickValues) -> bytes:
        level = self._columns.level(tick.values)
        if level is None or self._told_levels == {level}:
            return self.head
        return self.head + self._encoding.level(level)

    # --- joining and catching up -------------------------------------------------------------------------------

    def latest(self) -> Message | None:
        """Return the newest emission as a whole. Among those that a socket missed, the level may have changed."""
        told, self._told_levels = self._told_levels, set()
        message = super().latest()
        self._told_levels = told
        return message

    def made_up(self, latest: Message | None, _known_version: int) -> list[Message]:
        """Return the snapshot of the whole range: a line may have come, which has a past."""
        if self.is_named:
            return [latest] if latest is not None else []
        return self.whole_range()

    def whole_range(self) -> list[Message]:
        """Return the snapshot of all that the charts show."""
        replay = self.plan_backfill(self._ring, self._panel_key.range_ms)
        return [*self.snapshot(self._ring, newest_of(replay, self._values_max // max(self.width, 1)))]

    def _named_head(self, values: Floats) -> Mapping[str, object]:
        return {"panel": self._panel_key.panel, "headline": self._columns.headline(values)}

    def _series_alone(self) -> Message:
        said = {"type": "series", "group": self.id, **self._head(self._newest_values())}
        return Message.of(said | {"series": describe_series(self.series)})

    def _newest_values(self) -> Floats:
        newest = self._ring.newest
        assert newest is not None
        return self._columns.project_row(newest.values[self._columns.columns], newest.offset)

    @property
    def read_places(self) -> Sequence[tuple[Series, int]]:
        layout = self._timeline.newest.layout.series
        columns = self._columns.columns.tolist()
        return [(one, column) for column in columns if (one := layout[column]) is not None]

    def may_follow(self, offset: int) -> bool:
        """Say whether no line has come since, whose past would be lacking."""
        return self.is_named or offset >= self._columns.came_offset

    def plan_since(self, ring: Rows, offset: int) -> Replay | None:
        """Choose what came after the tick `offset`; None where that would not be enough."""
        came = ring is not self._ring and not self.is_named and self._came_after(ring, offset)
        if came or not self.may_follow(offset):
            return None
        return super().plan_since(ring, offset)

    def _came_after(self, rows: Rows, offset: int) -> bool:
        """Say whether a line came after a tick that is before the ring."""
        sent = self._columns.columns[: self._columns.sent]
        seen = ~np.isnan(rows.read(sent, rows.first_row, rows.end_row))
        before = rows.offsets() <= offset
        return bool(np.any(seen.any(axis=0) & ~seen[before].any(axis=0)))

    def replay_reads(self, replay: Replay) -> int:
        """Return how many values are looked at for it: what is computed of many reaches only so far back."""
        rows = int(replay.ends[-1]) + 1 if len(replay.ends) else 0
        chosen = self._columns.reads if self.streams == 1 else 0  # by whoever comes first
        computed = min(rows * len(self._columns.columns), READS_MAX)
        return rows * self._columns.sent + min(chosen, self._values_max) + min(computed, self._values_max)

    def replay_bytes(self, replay: Replay) -> int:
        return super().replay_bytes(replay) + len(self.series) * LINE_BYTES

    def _head_of(self, values: Floats) -> Mapping[str, object]:
        return self._head(values[-1] if len(values) else self._newest_values())

    def _head(self, newest: Floats) -> Mapping[str, object]:
        self._told_levels.add(self._columns.level(newest))
        return self._columns.head(newest)

    def _replayed(self, ring: Rows, replay: Replay) -> Floats:
        columns, aggregates = self._columns, self.key.aggregates
        values = np.full((len(replay.ends), len(self.series)), np.nan)
        values[:, : columns.sent] = replay_values(ring, replay, columns.columns[: columns.sent], aggregates)
        ticks_each = max(1, (replay.stop_row() - replay.start_row) // max(1, len(replay.ends)))
        most = min(READS_MAX, self._values_max)
        computed = newest_of(replay, max(1, most // max(1, ticks_each * len(columns.columns))))
        if len(computed.ends):
            read = replay_values(ring, computed, columns.columns, aggregates)
            offsets = ring.offsets()[computed.start_row - ring.first_row + computed.ends]
            values[-len(read) :] = columns.project(read, offsets)
        return values
