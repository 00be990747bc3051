"""Equal subscriptions share one group: its readings are taken, aggregated and encoded once for all of them."""

from __future__ import annotations

import enum
import math
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from vitalcast.core.metrics.aggregate import Fold, aggregate_runs, boundaries
from vitalcast.core.metrics.choices import Choice
from vitalcast.core.metrics.model import Frame, Layout, Series
from vitalcast.core.metrics.ring import BLOCK_ROWS, Ring
from vitalcast.core.vocabulary import Aggregate, GapReason
from vitalcast.core.wire.messages import Message, describe_series, gap

if TYPE_CHECKING:
    import numpy.typing as npt

    from vitalcast.core.metrics.names import Selection

FOLD_ROWS = BLOCK_ROWS  # no more than the ring is sure to hold
SNAPSHOTS_BYTES_MAX = 8 * 2**20
READ_VALUES_AT_ONCE = 1_000_000
GROUP_BYTES = 2_000  # of a group with nothing in it, the hub's and the manager's share counted
TEXT_BYTES = 60  # of a short text beside its characters
VALUE_BYTES = 12  # of a value in a snapshot, as a rule
SERIES_BYTES = 150  # of a series' description there
ROW_BYTES = 200  # of a table


class Form(enum.Enum):
    """How emissions say which series a value belongs to."""

    COLUMNS = "columns"  # by its position, which the snapshot has named
    SELF_DESCRIBING = "self-describing"  # by its key, for sockets that speak no protocol


class SeriesKey(NamedTuple):
    """What makes two subscriptions equal."""

    selection: Selection
    interval_ms: int
    aggregates: tuple[Aggregate, ...] = (Aggregate.LAST,)
    form: Form = Form.COLUMNS


class TableKey(NamedTuple):
    """What makes two table subscriptions equal."""

    table: str
    sort: str
    limit: int
    interval_ms: int
    descending: bool = False
    filter: str = ""
    keys: frozenset[int] | None = None


def key_bytes(key: SeriesKey | TableKey) -> int:
    """Return about how much memory a key takes."""
    if isinstance(key, TableKey):
        return GROUP_BYTES // 4 + TEXT_BYTES * len(key.keys or ())
    selection = key.selection
    values = sum(len(text) + TEXT_BYTES for _, texts in selection.where for text in texts)
    return GROUP_BYTES // 4 + sum(len(text) + TEXT_BYTES for text in selection.patterns) + values


class Snapshots:
    """The snapshots made since the newest frame, so that who comes at the same time shares them; the oldest go first.

    All groups share the one bound.
    """

    def __init__(self, bytes_max: int = SNAPSHOTS_BYTES_MAX) -> None:
        self._bytes_max = bytes_max
        self._bytes = 0
        self._kept: OrderedDict[tuple[object, ...], list[Message]] = OrderedDict()

    def get(self, key: tuple[object, ...]) -> list[Message] | None:
        return self._kept.get(key)

    def put(self, key: tuple[object, ...], messages: list[Message]) -> None:
        self._kept[key] = messages
        self._bytes += _kept_bytes(messages)
        while self._bytes > self._bytes_max:
            self._bytes -= _kept_bytes(self._kept.popitem(last=False)[1])

    def clear(self) -> None:
        self._kept.clear()
        self._bytes = 0


def _kept_bytes(messages: list[Message]) -> int:
    return 2 * sum(len(message.payload) for message in messages)  # a frame of it will be kept too


@dataclass(frozen=True, slots=True)
class Replay:
    """The past that a snapshot shows: ring rows from `start_row` on, cut into runs, one column of values a run."""

    start_row: int
    ends: npt.NDArray[np.intp]  # the last row of each run, relative to start_row
    after_offset: int | None = None  # the tick after which the client wants to go on


class Group:
    """A subscription that any number of streams share: `id` is what data frames carry.

    `streams` counts them, `emitted_offset` is the tick of the newest emission and `series_version` grows whenever
    the list of series changes. `gap` holds the ticks that the sampler missed just before the newest emission.
    """

    __slots__ = (
        "_choice",
        "_columns",
        "_fold",
        "_head",
        "_host",
        "_latest",
        "_layout",
        "_next_row",
        "_pending_gap",
        "_resync",
        "_snapshots",
        "_values",
        "emissions",
        "emitted_offset",
        "gap",
        "held_bytes",
        "id",
        "key",
        "series",
        "series_version",
        "streams",
    )

    def __init__(
        self, id_: int, key: SeriesKey, choice: Choice, layout: Layout, ring: Ring, snapshots: Snapshots, *, host: str
    ) -> None:
        self.id = id_
        self._host = host
        self.key = key
        self.series: tuple[Series, ...] = ()
        self.series_version = 0
        self.streams = 0
        self.emissions = 0
        self.emitted_offset = 0
        self.gap: tuple[int, int] | None = None
        self._layout: Layout | None = None
        self._choice = choice
        self._columns = choice.chosen.columns
        self._head: dict[str, object] = {}  # of the newest emission
        self._fold: Fold | None = None
        self._values: npt.NDArray[np.float64] | None = None  # of the newest emission
        self._latest: Message | None = None
        self._resync = True  # somebody's newest state is not the newest emission: the next must be whole
        self._pending_gap: tuple[int, int] | None = None
        self._snapshots = snapshots
        self.held_bytes = 0  # as the hub has counted it
        self._resolve(layout)
        ends = self._ends(ring)
        self._next_row = ring.first_row + (int(ends[-1]) + 1 if len(ends) else 0)

    @property
    def interval_ms(self) -> int:
        return self.key.interval_ms

    @property
    def nbytes(self) -> int:
        """About how much memory this group takes, as if it shared its series with no other."""
        values = 8 * len(self.key.aggregates) + (0 if self._only_last else Fold.BYTES_A_SERIES)
        return GROUP_BYTES + key_bytes(self.key) + len(self.series) * (16 + values)

    @property
    def _only_last(self) -> bool:
        return self.key.aggregates == (Aggregate.LAST,)

    def _resolve(self, layout: Layout) -> bool:
        """Take over what the selection means after the layout changed; say whether the series themselves changed."""
        self._layout = layout
        before, self._columns = self._columns, self._choice.chosen.columns
        series = self._choice.chosen.series
        if series == self.series:
            self.series = series
            return False
        if self._fold is not None:
            self._fold = self._fold.moved(self._origins(series, before))
        self.series = series
        self.series_version += 1
        self._latest = self._values = None  # which are in the old order
        self._resync = True
        return True

    def _origins(self, series: tuple[Series, ...], columns: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
        """Return where each of these series stands among those so far, in these columns; -1 for one that is new.

        A series keeps its column from one layout to the next, and a column may have got another series.
        """
        width = int(max(columns.max(initial=-1), self._columns.max(initial=-1))) + 1
        positions = np.full(width, -1)
        positions[columns] = np.arange(len(columns))
        origins: npt.NDArray[np.intp] = positions[self._columns]
        new = [
            at
            for at, origin in enumerate(origins.tolist())
            if origin < 0 or (series[at] is not self.series[origin] and series[at] != self.series[origin])
        ]
        origins[new] = -1
        return origins

    def _ends(self, ring: Ring) -> npt.NDArray[np.intp]:
        """Return the rows, counted from the oldest in the ring, with which an interval ended.

        Of the oldest row that can be said only while it is the first tick ever, which ends one for everybody.
        """
        times = ring.times()
        return np.flatnonzero(np.append(ring.first_row == 0 and len(times) > 0, boundaries(times, self.interval_ms)))

    # --- the live stream ---------------------------------------------------------------------------------------

    def missed(self, from_offset: int, to_offset: int) -> None:
        """Note that the sampler missed these ticks; said before the next data."""
        self._pending_gap = (self._pending_gap[0] if self._pending_gap else from_offset, to_offset)

    def advance(self, frame: Frame, ring: Ring, *, due: bool) -> list[Message]:
        """Take in the newest frame, already in the ring; return what a member in step gets for it, often nothing."""
        out: list[Message] = []
        if frame.layout is not self._layout:
            self._fold_rows(ring, ring.end_row - 1)
            if self._resolve(frame.layout) and self.key.form is Form.COLUMNS:
                out.append(self.series_message())
        if due:
            values = self._reading(frame, ring)
            self.gap, self._pending_gap = self._pending_gap, None
            if self.gap is not None and self.key.form is Form.COLUMNS:
                out.append(gap(self.id, *self.gap, GapReason.SAMPLER))
            out.append(self._encode(frame, values))
        elif ring.end_row - self._next_row >= FOLD_ROWS:
            self._fold_rows(ring, ring.end_row)
        return out

    def _fold_rows(self, ring: Ring, stop_row: int) -> None:
        if not self._only_last and stop_row > self._next_row:
            self._fold = self._fold or Fold(len(self.series))
            self._fold.add(ring.read(self._columns, self._next_row, stop_row))
        self._next_row = max(stop_row, self._next_row)

    def _reading(self, frame: Frame, ring: Ring) -> npt.NDArray[np.float64]:
        if self._only_last or (self._fold is None and ring.end_row - self._next_row <= 1):
            self._next_row = ring.end_row
            values = frame.values[self._columns]
            aggregates = len(self.key.aggregates)
            return values if aggregates == 1 else values.repeat(aggregates)  # of one tick all are its value
        self._fold_rows(ring, ring.end_row)
        fold, self._fold = self._fold, None
        assert fold is not None
        return fold.result(self.key.aggregates)

    def _encode(self, frame: Frame, values: npt.NDArray[np.float64]) -> Message:
        self.emissions += 1
        self.emitted_offset = frame.offset
        if self.key.form is Form.SELF_DESCRIBING:
            self._latest = self._self_describing(frame, values)
            return self._latest
        head = self._head = {"type": "data", "group": self.id, "offset": frame.offset, "time": frame.time_ms}
        whole = Message.of(head | {"values": values})
        self._latest = None
        before, self._values = self._values, values
        if before is None or self._resync:
            self._resync = False
            return whole
        # Bit by bit: a reading that is still missing has not changed.
        (changed,) = (values.view(np.int64) != before.view(np.int64)).nonzero()
        if len(changed) * 2 > len(values):
            return whole
        entries = dict(zip(map(str, changed.tolist()), values[changed].tolist(), strict=True))
        part = Message.of(head | {"changed": entries})
        return part if len(part.payload) < len(whole.payload) else whole

    def _self_describing(self, frame: Frame, values: npt.NDArray[np.float64]) -> Message:
        names = [one.key for one in self.series]
        return Message.of(
            {
                "type": "metrics",
                "host": self._host,
                "time": frame.time_ms,
                "offset": frame.offset,
                "metrics": dict(zip(names, values.tolist(), strict=True)),
            }
        )

    # --- joining and catching up -------------------------------------------------------------------------------

    def latest(self) -> Message | None:
        """Return the newest emission as a whole, for a socket that missed some; None before the first.

        It is made when somebody asks: who keeps up does not, and it would weigh twice the values.
        """
        if self._latest is None and self._values is not None:
            self._latest = Message.of(self._head | {"values": self._values})
        return self._latest

    def newest(self, frame: Frame) -> Message:
        """Return this tick in the self-describing form, for a plain socket that has just come."""
        return self._self_describing(frame, frame.values[self._columns])

    def series_message(self) -> Message:
        return Message.of({"type": "series", "group": self.id, "series": describe_series(self.series)})

    def plan_backfill(self, ring: Ring, backfill_ms: int) -> Replay:
        """Choose the whole intervals that ended in the last `backfill_ms`, or the newest tick where there is none."""
        ends = self._ends(ring)
        oldest = int(np.count_nonzero(ring.ages() >= backfill_ms))
        known = 0 if ring.first_row == 0 else 1  # the oldest interval in the ring has lost its beginning
        wanted = ends[known:][ends[known:] >= oldest]
        if backfill_ms <= 0 or len(wanted) == 0:
            return Replay(ring.end_row - 1, np.zeros(1, dtype=np.intp))
        return self._runs(ring, ends, wanted)

    def plan_since(self, ring: Ring, offset: int) -> Replay | None:
        """Choose the intervals that ended after the tick `offset`; None where the ring no longer has them whole."""
        offsets, ends = ring.offsets(), self._ends(ring)
        oldest = offsets[0] - (1 if ring.first_row == 0 else 0)
        if not oldest <= offset <= offsets[-1]:
            return None
        wanted = ends[offsets[ends] > offset]
        if len(wanted) == 0:
            return Replay(ring.end_row, wanted, offset)
        beginning_lost = wanted[0] == (ends[0] if len(ends) else 0) and ring.first_row > 0
        if beginning_lost and not self._only_last:
            return None
        return self._runs(ring, ends, wanted, offset)

    @staticmethod
    def _runs(
        ring: Ring, ends: npt.NDArray[np.intp], wanted: npt.NDArray[np.intp], after_offset: int | None = None
    ) -> Replay:
        before = ends[ends < wanted[0]]
        start = int(before[-1]) + 1 if len(before) else 0
        return Replay(ring.first_row + start, wanted - start, after_offset)

    def replay_values(self, replay: Replay) -> int:
        """Return how many values a snapshot of this replay holds."""
        return len(replay.ends) * len(self.series) * len(self.key.aggregates)

    def replay_reads(self, replay: Replay) -> int:
        """Return how many readings are looked at for it: of long intervals many more than it holds."""
        rows = len(replay.ends) if self._only_last or not len(replay.ends) else int(replay.ends[-1]) + 1
        return rows * len(self.series)

    def replay_bytes(self, replay: Replay) -> int:
        """Return about how long its snapshot will be."""
        return self.replay_values(replay) * VALUE_BYTES + len(self.series) * SERIES_BYTES

    def snapshot(self, ring: Ring, replay: Replay) -> list[Message]:
        """Return the snapshot of these rows, followed by a gap for each hole that the sampler left in them."""
        self._resync = True
        key = (self.id, ring.end_row, replay.start_row, replay.after_offset, replay.ends.tobytes())
        messages = self._snapshots.get(key)
        if messages is None:
            messages = self._encode_snapshot(ring, replay)
            self._snapshots.put(key, messages)
        return messages

    def _encode_snapshot(self, ring: Ring, replay: Replay) -> list[Message]:
        newest = ring.newest
        assert newest is not None
        ends = replay.ends
        stop_row = replay.start_row + (int(ends[-1]) + 1 if len(ends) else 0)
        if len(ends) == 0:
            values = np.zeros((0, len(self.series) * len(self.key.aggregates)))
        elif self._only_last:
            values = ring.pick(self._columns, replay.start_row + ends)
        else:
            values = self._aggregated(ring, replay, stop_row)
        first, stop = replay.start_row - ring.first_row, stop_row - ring.first_row
        times = ring.times()[first:stop]
        message = Message.of(
            {
                "type": "snapshot",
                "group": self.id,
                "offset": newest.offset,
                "time": newest.time_ms,
                "series": describe_series(self.series),
                "times": times[ends],
                "values": np.ascontiguousarray(values.T),
            }
        )
        # What the sampler missed in the interval under way is said now, unless the next data will.
        offsets = ring.offsets()[: stop if self._pending_gap is not None else None]
        if replay.after_offset is not None:
            offsets = np.append(replay.after_offset, offsets[offsets > replay.after_offset])
        else:
            offsets = offsets[first:]
        holes = np.flatnonzero(np.diff(offsets) > 1)
        return [message] + [
            gap(self.id, int(offsets[hole]) + 1, int(offsets[hole + 1]) - 1, GapReason.SAMPLER) for hole in holes
        ]

    def _aggregated(self, ring: Ring, replay: Replay, stop_row: int) -> npt.NDArray[np.float64]:
        """Aggregate the runs of a replay, some series at a time: what is read for it may be large."""
        starts = np.append(0, replay.ends[:-1] + 1)
        at_once = max(1, READ_VALUES_AT_ONCE // (stop_row - replay.start_row))
        parts = [
            aggregate_runs(
                ring.read(self._columns[at : at + at_once], replay.start_row, stop_row), starts, self.key.aggregates
            )
            for at in range(0, max(len(self._columns), 1), at_once)
        ]
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)


class TableGroup:
    """A table subscription that any number of streams share."""

    gap = None

    __slots__ = (
        "_latest",
        "due_s",
        "emissions",
        "emitted_offset",
        "held_bytes",
        "id",
        "key",
        "series_version",
        "streams",
    )

    def __init__(self, id_: int, key: TableKey) -> None:
        self.id = id_
        self.key = key
        self.streams = 0
        self.series_version = 0
        self.emissions = 0
        self.emitted_offset = 0
        self.due_s = -math.inf  # on the clock that its reader goes by
        self.held_bytes = 0  # as the hub has counted it
        self._latest: Message | None = None

    @property
    def interval_ms(self) -> int:
        return self.key.interval_ms

    @property
    def nbytes(self) -> int:
        """About how much memory this group takes, as many rows as it may have counted."""
        return GROUP_BYTES + key_bytes(self.key) + self.key.limit * ROW_BYTES

    def latest(self) -> Message | None:
        """Return the newest rows, None before the first."""
        return self._latest

    def encode(
        self,
        offset: int,
        time_ms: int,
        columns: list[str],
        rows: list[tuple[object, ...]],
        *,
        matches: int,
        total: int,
    ) -> Message:
        """Make these rows the newest and return them as a message; `matches` and `total` count those left out too."""
        self.emissions += 1
        self.emitted_offset = offset
        self._latest = Message.of(
            {
                "type": "rows",
                "group": self.id,
                "offset": offset,
                "time": time_ms,
                "columns": columns,
                "rows": rows,
                "matches": matches,
                "total": total,
            }
        )
        return self._latest
