"""What a group makes of the past: which intervals are shown to who joins, and the snapshot of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import numpy as np

from vitalcast.core.metrics.choices import Choice, Chosen
from vitalcast.core.metrics.growth import derives, with_units
from vitalcast.core.metrics.model import Frame, Series
from vitalcast.core.metrics.timeline import Timeline
from vitalcast.core.query.query import Result
from vitalcast.core.stream import named
from vitalcast.core.stream.ahead import in_order_of
from vitalcast.core.stream.growing import add_growth
from vitalcast.core.stream.kept_ticks import Rows
from vitalcast.core.stream.keys import Form, PanelKey, SeriesKey
from vitalcast.core.stream.named import ROW_VALUES, NamedTicks
from vitalcast.core.stream.replay import (
    ONLY_LAST,
    Replay,
    Snapshots,
    holes,
    places_of,
    plan_backfill,
    plan_since,
    replay_values,
)
from vitalcast.core.stream.results import columns_json
from vitalcast.core.vocabulary import GapReason
from vitalcast.core.wire.messages import Message, describe_series, gap

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from vitalcast.core.metrics.names import Selection

VALUE_BYTES = 12  # of a value in a snapshot, as a rule
SERIES_BYTES = 150  # of a series' description there


class GroupPast(ABC):
    """What a group is of, and how it shows the past: `id` is what data frames carry, `chosen` has its series.

    Reading, planning and writing it are apart from the live stream, which is Group's.
    """

    __slots__ = ("_choice", "_named", "_pending_gap", "_snapshots", "_timeline", "chosen", "id", "key")

    def __init__(
        self, id_: int, key: SeriesKey | PanelKey, choice: Choice, snapshots: Snapshots, timeline: Timeline
    ) -> None:
        self.id = id_
        self.key = key
        self.chosen: Chosen = choice.chosen
        self._choice = choice
        self._timeline = timeline
        self._snapshots = snapshots
        self._named: NamedTicks | None = None  # of the series that were written last
        self._pending_gap: tuple[int, int] | None = None

    @abstractmethod
    def resync(self) -> None:
        """Have the next emission be whole."""

    @abstractmethod
    def _last_emitted(self) -> npt.NDArray[np.float64] | None:
        """Return the values of the newest emission, None before the first."""

    @property
    def interval_ms(self) -> int:
        return self.key.interval_ms

    @property
    def series(self) -> tuple[Series, ...]:
        return self.chosen.series

    @property
    def described(self) -> tuple[Series, ...]:
        """The series as clients are told of them, with the unit of what is sent."""
        return with_units(self.series, self.key.aggregates)

    @property
    def width(self) -> int:
        """How many values an emission has."""
        return len(self.series) * len(self.key.aggregates)

    @property
    def is_named(self) -> bool:
        """Whether each value stands under its key: then a client needs nothing but the ticks that it lacks."""
        return self.key.form is Form.NAMED

    @property
    def only_last(self) -> bool:
        return self.key.aggregates == ONLY_LAST

    @property
    def grows(self) -> bool:
        """Whether any value says what grew."""
        return derives(self.key.aggregates)

    @property
    def needs(self) -> int:
        """The ticks of how many intervals, the newest of which is shown, make a value; 0 where the newest tick does."""
        return 0 if self.only_last else 2 if self.grows else 1

    @property
    def row_values(self) -> int:
        """How many values an interval of a snapshot counts for."""
        return self.width + (ROW_VALUES if self.is_named else 0)

    @property
    def value_bytes(self) -> int:
        """About how long a value in a snapshot is."""
        return named.VALUE_BYTES if self.is_named else VALUE_BYTES

    # --- what of the past is shown --------------------------------------------------------------------------------

    @property
    def read_columns(self) -> npt.NDArray[np.intp]:
        """The columns of which values are made."""
        return self.chosen.columns

    @property
    def read_places(self) -> Sequence[tuple[Series, int]]:
        """The series whose past it takes to make a snapshot, and the column of each in the ring."""
        return list(zip(self.chosen.series, self.chosen.columns.tolist(), strict=True))

    @property
    def selections(self) -> tuple[Selection, ...]:
        """By which series were chosen, if that is what was asked for."""
        return self.key.selections if isinstance(self.key, SeriesKey) else ()

    @property
    def counts_gone(self) -> bool:
        """Whether series that are gone have a part in what is sent of the past."""
        return isinstance(self.key, SeriesKey) and self.key.group_by is not None

    def may_follow(self, _offset: int) -> bool:
        """Say whether a client that has all up to this tick lacks nothing but what came after."""
        return True

    def plan_backfill(self, ring: Rows, backfill_ms: int) -> Replay:
        """Choose the whole intervals that ended in the last `backfill_ms`, or the newest tick where there is none."""
        return plan_backfill(ring, self.interval_ms, backfill_ms, whole=self.grows)

    def plan_since(self, ring: Rows, offset: int) -> Replay | None:
        """Choose the intervals that ended after the tick `offset`; None where they are no longer there whole."""
        return plan_since(ring, self.interval_ms, offset, needs=self.needs)

    def replay_values(self, replay: Replay) -> int:
        """Return how many values a snapshot of this replay holds, or as many as take as long to write."""
        return len(replay.ends) * self.row_values

    def replay_reads(self, replay: Replay) -> int:
        """Return how many readings are looked at for it: of long intervals many more than it holds."""
        rows = len(replay.ends) if self.only_last or not len(replay.ends) else int(replay.ends[-1]) + 1
        return rows * len(self.series)

    def replay_bytes(self, replay: Replay) -> int:
        """Return about how long its snapshot will be."""
        return self.replay_values(replay) * self.value_bytes + len(self.series) * SERIES_BYTES

    # --- snapshots -------------------------------------------------------------------------------------------------

    def snapshot(self, ring: Rows, replay: Replay) -> list[Message]:
        """Return the snapshot of these rows, followed by a gap for each hole that the sampler left in them."""
        self.resync()
        if ring is not self._timeline.ring:  # what was read for one socket
            return self._encode_snapshot(ring, replay)
        key = (self.id, ring.end_row, replay.start_row, replay.after_offset, replay.ends.tobytes())
        messages = self._snapshots.get(key)
        if messages is None:
            messages = self._encode_snapshot(ring, replay)
            self._snapshots.put(key, messages)
        return messages

    def _encode_snapshot(self, ring: Rows, replay: Replay) -> list[Message]:
        newest = ring.newest
        assert newest is not None
        values = self._shown_last(replay) if self._is_shifted else self._replayed(ring, replay)
        # What the sampler missed in the interval under way is said now, unless the next data will.
        missed = holes(ring, replay, up_to_newest=self._pending_gap is None)
        times = ring.times()[replay.start_row - ring.first_row :]
        if self.is_named:
            offsets = ring.offsets()[replay.start_row - ring.first_row :][replay.ends].tolist()
            return self._named_ticks().events(offsets, times[replay.ends].tolist(), values, missed)
        message = Message.of(
            {
                **self._place_of(newest),
                **self._head_of(values),
                **places_of(ring, replay, missed),
                "series": describe_series(self.described),
                "times": times[replay.ends],
                "values": np.ascontiguousarray(values.T),
            }
        )
        return [message, *(gap(self.id, *hole, GapReason.SAMPLER) for hole in missed)]

    @property
    def _is_shifted(self) -> bool:
        return isinstance(self.key, SeriesKey) and self.key.shift_ms > 0

    def _shown_last(self, replay: Replay) -> npt.NDArray[np.float64]:
        """Return the newest emission as the last interval of a replay, for a stream that shows what is not in it."""
        values = np.full((len(replay.ends), self.width), np.nan)
        if len(values) and (newest := self._last_emitted()) is not None:
            values[-1] = newest
        return values

    def project(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return what is sent of values of `read_places`, of the shape (times, series, aggregates): a row a time."""
        return values.reshape(len(values), self.width)

    def shifted_snapshot(self, result: Result) -> list[Message]:
        """Return the snapshot of what has been shown up to now, by what was read."""
        now = result.times_ms <= self._timeline.newest.time_ms
        values = self.project(in_order_of([one for one, _ in self.read_places], result)[now])
        return self._snapshot_of(result.times_ms[now], values)

    def stepped_snapshot(self, result: Result, ring: Rows, replay: Replay) -> list[Message]:
        """Return the snapshot of what was evaluated of the past, and of the rows that came since."""
        before = in_order_of(self.series, result).reshape(len(result.times_ms), self.width)
        times = ring.times()[replay.start_row - ring.first_row :][replay.ends]
        values = np.concatenate([before, self._replayed(ring, replay)])
        return self._snapshot_of(np.concatenate([result.times_ms, times]), values)

    def _snapshot_of(self, times_ms: npt.NDArray[np.int64], values: npt.NDArray[np.float64]) -> list[Message]:
        self.resync()
        newest = self._timeline.newest
        if self.is_named:  # nobody knows the ticks of steps of the past, but all is there up to the newest
            offsets = [*[None] * (len(times_ms) - 1), newest.offset][: len(times_ms)]
            return self._named_ticks().events(offsets, times_ms.tolist(), values)
        return [Message.of({**self._place_of(newest), **columns_json(self.described, times_ms, values)})]

    def _place_of(self, newest: Frame) -> dict[str, object]:
        """Return what a snapshot says first: of what it is, and up to which tick."""
        return {
            "type": "snapshot",
            "group": self.id,
            "source": self._timeline.id,
            "epoch": self._timeline.epoch,
            "offset": newest.offset,
            "time": newest.time_ms,
        }

    def _replayed(self, ring: Rows, replay: Replay) -> npt.NDArray[np.float64]:
        """Return the values of a replay, shape (intervals, values of an emission)."""
        return self._read(ring, replay, self.chosen.series, self.chosen.columns)

    def _read(
        self, ring: Rows, replay: Replay, series: Sequence[Series], columns: npt.NDArray[np.intp]
    ) -> npt.NDArray[np.float64]:
        """Return the values of some series in a replay, shape (intervals, series x aggregates)."""
        values = replay_values(ring, replay, columns, self.key.aggregates)
        if self.grows and values.size:
            add_growth(values, ring, replay, series, columns, self.key)
        return values

    def _head_of(self, _values: npt.NDArray[np.float64]) -> Mapping[str, object]:
        """Return what a snapshot of these values says beside its series."""
        return {}

    def _named_ticks(self) -> NamedTicks:
        ticks, epoch, series = self._named, self._timeline.epoch, self.series
        if ticks is None or ticks.epoch != epoch or ticks.series != series:
            ticks = self._named = NamedTicks(epoch, series, self.key.aggregates, self._named_head)
        return ticks

    def _named_head(self, _values: npt.NDArray[np.float64]) -> Mapping[str, object]:
        """Return what is said of a tick beside its values."""
        return {}
