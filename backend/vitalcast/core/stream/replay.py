"""The past that a stream begins with: which intervals of the ring it shows, their values, and the ticks missed."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vitalcast.core.metrics.aggregate import aggregate_runs, boundaries
from vitalcast.core.stream.kept_ticks import Rows
from vitalcast.core.vocabulary import Aggregate
from vitalcast.core.wire.messages import Message

if TYPE_CHECKING:
    import numpy.typing as npt

SNAPSHOTS_BYTES_MAX = 8 * 2**20
READ_VALUES_AT_ONCE = 1_000_000
ONLY_LAST = (Aggregate.LAST,)


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
    """The past that a snapshot shows: rows from `start_row` on, cut into runs, one column of values a run."""

    start_row: int
    ends: npt.NDArray[np.intp]  # the last row of each run, relative to start_row
    after_offset: int | None = None  # the tick after which the client wants to go on

    def stop_row(self) -> int:
        return self.start_row + (int(self.ends[-1]) + 1 if len(self.ends) else 0)


def interval_ends(ring: Rows, interval_ms: int) -> npt.NDArray[np.intp]:
    """Return the rows, counted from the oldest in the ring, with which an interval ended.

    Of the oldest row that can be said only while it is the first tick ever, which ends one for everybody.
    """
    times = ring.times()
    return np.flatnonzero(np.append(ring.first_row == 0 and len(times) > 0, boundaries(times, interval_ms)))


def row_after_last_end(ring: Rows, interval_ms: int) -> int:
    """Return the row with which the interval under way began."""
    ends = interval_ends(ring, interval_ms)
    return ring.first_row + (int(ends[-1]) + 1 if len(ends) else 0)


def plan_backfill(ring: Rows, interval_ms: int, backfill_ms: int, *, whole: bool = False) -> Replay:
    """Choose the whole intervals that ended in the last `backfill_ms`, or the newest tick where there is none.

    With `whole` it is the newest whole interval, if there is any: where a tick alone says nothing.
    """
    ends = interval_ends(ring, interval_ms)
    oldest = int(np.count_nonzero(ring.ages() >= backfill_ms))
    known = 0 if ring.first_row == 0 else 1  # the oldest interval in the ring has lost its beginning
    wanted = ends[known:][ends[known:] >= oldest]
    if backfill_ms <= 0 or len(wanted) == 0:
        wanted = ends[known:][-1:] if whole else wanted[:0]
    if len(wanted) == 0:
        return Replay(ring.end_row - 1, np.zeros(1, dtype=np.intp))
    return _runs(ring, ends, wanted)


def plan_after(ring: Rows, interval_ms: int, time_ms: int) -> Replay:
    """Choose the intervals that ended after a time, of those that the ring has whole; there may be none."""
    ends, times = interval_ends(ring, interval_ms), ring.times()
    known = 0 if ring.first_row == 0 else 1
    wanted = ends[known:][times[ends[known:]] > time_ms]
    return _runs(ring, ends, wanted) if len(wanted) else Replay(ring.end_row, wanted)


def plan_since(ring: Rows, interval_ms: int, offset: int, *, needs: int) -> Replay | None:
    """Choose the intervals that ended after the tick `offset`; None where the ring no longer has them whole.

    An interval `needs` all ticks of so many up to it: none where only its last value is wanted, itself, or also the one
    before.
    """
    offsets, ends = ring.offsets(), interval_ends(ring, interval_ms)
    oldest = offsets[0] - (1 if ring.first_row == 0 else 0)
    if not oldest <= offset <= offsets[-1]:
        return None
    after = int(np.count_nonzero(offsets[ends] <= offset))
    wanted = ends[after:]
    if len(wanted) == 0:
        return Replay(ring.end_row, wanted, offset)
    if after < needs and ring.first_row > 0:
        return None
    return _runs(ring, ends, wanted, offset)


def _runs(
    ring: Rows, ends: npt.NDArray[np.intp], wanted: npt.NDArray[np.intp], after_offset: int | None = None
) -> Replay:
    before = ends[ends < wanted[0]]
    start = int(before[-1]) + 1 if len(before) else 0
    return Replay(ring.first_row + start, wanted - start, after_offset)


def newest_of(replay: Replay, most: int) -> Replay:
    """Return the replay of only so many intervals, the newest."""
    if len(replay.ends) <= most:
        return replay
    first = int(replay.ends[-most - 1]) + 1
    return Replay(replay.start_row + first, replay.ends[-most:] - first, replay.after_offset)


def after_offset(ring: Rows, replay: Replay, offset: int) -> Replay:
    """Return what of a replay ended after the tick `offset`."""
    ends = ring.offsets()[replay.start_row - ring.first_row :][replay.ends]
    count = int(np.count_nonzero(ends > offset))
    return newest_of(replay, count) if count else Replay(ring.end_row, replay.ends[:0], offset)


def replay_values(
    ring: Rows, replay: Replay, columns: npt.NDArray[np.intp], aggregates: tuple[Aggregate, ...]
) -> npt.NDArray[np.float64]:
    """Return the values of a replay, shape (intervals, columns x aggregates), series-major."""
    if len(replay.ends) == 0:
        return np.zeros((0, len(columns) * len(aggregates)))
    if aggregates == ONLY_LAST:
        return ring.pick(columns, replay.start_row + replay.ends)
    return _aggregated(ring, replay, columns, aggregates)


def _aggregated(
    ring: Rows, replay: Replay, columns: npt.NDArray[np.intp], aggregates: tuple[Aggregate, ...]
) -> npt.NDArray[np.float64]:
    """Aggregate the runs of a replay, some series at a time: what is read for it may be large."""
    stop_row = replay.stop_row()
    starts = np.append(0, replay.ends[:-1] + 1)
    at_once = max(1, READ_VALUES_AT_ONCE // (stop_row - replay.start_row))
    parts = [
        aggregate_runs(ring.read(columns[at : at + at_once], replay.start_row, stop_row), starts, aggregates)
        for at in range(0, max(len(columns), 1), at_once)
    ]
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)


def holes(ring: Rows, replay: Replay, *, up_to_newest: bool) -> list[tuple[int, int]]:
    """Return the ticks that the sampler missed within a replay, or up to the newest frame: (first, last) of each."""
    offsets = ring.offsets()[: None if up_to_newest else replay.stop_row() - ring.first_row]
    if replay.after_offset is not None:
        offsets = np.append(replay.after_offset, offsets[offsets > replay.after_offset])
    else:
        offsets = offsets[replay.start_row - ring.first_row :]
    return [(int(offsets[at]) + 1, int(offsets[at + 1]) - 1) for at in np.flatnonzero(np.diff(offsets) > 1)]


def places_of(ring: Rows, replay: Replay, missed: list[tuple[int, int]]) -> dict[str, object]:
    """Return what a snapshot says of where its times stand: what goes on with something, or has holes, is numbered."""
    if replay.after_offset is None and not missed:
        return {}
    offsets = ring.offsets()[replay.start_row - ring.first_row :][replay.ends]
    return {"offsets": [one if one >= ring.oldest_offset else None for one in offsets.tolist()], "gaps": missed}
