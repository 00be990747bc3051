"""Equal subscriptions share one group: its readings are taken, aggregated and encoded once for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from vitalcast.core.aggregate import Aggregate, Fold, aggregate_runs, boundaries
from vitalcast.core.protocol import GapReason, Message, describe_series, gap
from vitalcast.core.ring import BLOCK_ROWS, Ring
from vitalcast.model import Frame, Layout, Series

if TYPE_CHECKING:
    import numpy.typing as npt

    from vitalcast.core.names import Selection

FOLD_ROWS = BLOCK_ROWS  # no more than the ring is sure to hold
SNAPSHOTS_KEPT_MAX = 8


class SeriesKey(NamedTuple):
    """What makes two subscriptions equal. `host` is set for plain sockets' self-describing stream."""

    selection: Selection
    interval_ms: int
    aggregates: tuple[Aggregate, ...] = (Aggregate.LAST,)
    host: str | None = None


class TableKey(NamedTuple):
    """What makes two table subscriptions equal."""

    table: str
    sort: str
    limit: int
    interval_ms: int
    descending: bool = False
    filter: str = ""
    keys: frozenset[int] | None = None


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
        "_columns",
        "_fold",
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
        "id",
        "key",
        "series",
        "series_version",
        "streams",
    )

    def __init__(self, id_: int, key: SeriesKey, layout: Layout, ring: Ring) -> None:
        self.id = id_
        self.key = key
        self.series: tuple[Series, ...] = ()
        self.series_version = 0
        self.streams = 0
        self.emissions = 0
        self.emitted_offset = 0
        self.gap: tuple[int, int] | None = None
        self._layout: Layout | None = None
        self._columns: npt.NDArray[np.intp] = np.zeros(0, dtype=np.intp)
        self._fold: Fold | None = None
        self._values: npt.NDArray[np.float64] | None = None  # of the newest emission
        self._latest: Message | None = None
        self._resync = True  # somebody's newest state is not the newest emission: the next must be whole
        self._pending_gap: tuple[int, int] | None = None
        self._snapshots: dict[tuple[int, int, int | None, bytes], list[Message]] = {}
        self._resolve(layout)
        ends = self._ends(ring)
        self._next_row = ring.first_row + (int(ends[-1]) + 1 if len(ends) else 0)

    @property
    def interval_ms(self) -> int:
        return self.key.interval_ms

    @property
    def _only_last(self) -> bool:
        return self.key.aggregates == (Aggregate.LAST,)

    def _resolve(self, layout: Layout) -> bool:
        """Look up the columns anew after the layout changed; say whether the series themselves changed."""
        self._layout = layout
        matches = self.key.selection.matches
        chosen = [(one, column) for column, one in enumerate(layout.series) if one is not None and matches(one)]
        chosen.sort(key=lambda entry: entry[0].key)
        series = tuple(one for one, _ in chosen)
        self._columns = np.array([column for _, column in chosen], dtype=np.intp)
        if series == self.series:
            return False
        if self._fold is not None:
            old = {one: position for position, one in enumerate(self.series)}
            self._fold = self._fold.moved(np.array([old.get(one, -1) for one in series], dtype=np.intp))
        self.series = series
        self.series_version += 1
        self._latest = None  # which is in the old order
        self._resync = True
        return True

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
        self._snapshots.clear()
        out: list[Message] = []
        if frame.layout is not self._layout:
            self._fold_rows(ring, ring.end_row - 1)
            if self._resolve(frame.layout) and self.key.host is None:
                out.append(self.series_message())
        if due:
            values = self._reading(frame, ring)
            self.gap, self._pending_gap = self._pending_gap, None
            if self.gap is not None and self.key.host is None:
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
        if self.key.host is not None:
            self._latest = self._self_describing(frame, values)
            return self._latest
        head = {"type": "data", "group": self.id, "offset": frame.offset, "time": frame.time_ms}
        whole = self._latest = Message.of(head | {"values": values})
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
                "host": self.key.host,
                "time": frame.time_ms,
                "offset": frame.offset,
                "metrics": dict(zip(names, values.tolist(), strict=True)),
            }
        )

    # --- joining and catching up -------------------------------------------------------------------------------

    def latest(self) -> Message | None:
        """Return the newest emission as a whole, for a socket that missed some; None before the first."""
        return self._latest

    def newest(self, frame: Frame) -> Message:
        """Return this tick in the self-describing form, for a plain socket that has just come."""
        return self._self_describing(frame, frame.values[self._columns])

    def series_message(self) -> Message:
        return Message.of({"type": "series", "group": self.id, "series": describe_series(self.series)})

    def plan_backfill(self, ring: Ring, backfill_ms: int) -> Replay:
        """Choose the whole intervals that ended in the last `backfill_ms`, or the newest tick where there is none."""
        times, ends = ring.times(), self._ends(ring)
        outside = np.flatnonzero((times <= times[-1] - backfill_ms) | (times > times[-1]))
        oldest = int(outside[-1]) + 1 if len(outside) else 0
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

    def snapshot(self, ring: Ring, replay: Replay) -> list[Message]:
        """Return the snapshot of these rows, followed by a gap for each hole that the sampler left in them."""
        self._resync = True
        key = (ring.end_row, replay.start_row, replay.after_offset, replay.ends.tobytes())
        if key not in self._snapshots:
            if len(self._snapshots) >= SNAPSHOTS_KEPT_MAX:
                self._snapshots.clear()
            self._snapshots[key] = self._encode_snapshot(ring, replay)
        return self._snapshots[key]

    def _encode_snapshot(self, ring: Ring, replay: Replay) -> list[Message]:
        newest = ring.newest
        assert newest is not None
        ends = replay.ends
        stop_row = replay.start_row + (int(ends[-1]) + 1 if len(ends) else 0)
        block = ring.read(self._columns, replay.start_row, stop_row)
        if len(ends) == 0:
            values = np.zeros((0, len(self.series) * len(self.key.aggregates)))
        elif self._only_last:
            values = block[ends]
        else:
            values = aggregate_runs(block, np.append(0, ends[:-1] + 1), self.key.aggregates)
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


class TableGroup:
    """A table subscription that any number of streams share."""

    gap = None

    __slots__ = ("_latest", "due_ms", "emissions", "emitted_offset", "id", "key", "series_version", "streams")

    def __init__(self, id_: int, key: TableKey) -> None:
        self.id = id_
        self.key = key
        self.streams = 0
        self.series_version = 0
        self.emissions = 0
        self.emitted_offset = 0
        self.due_ms = 0
        self._latest: Message | None = None

    @property
    def interval_ms(self) -> int:
        return self.key.interval_ms

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
