"""What the ring has of a query, taken hold of where frames come in, so that it can be worked on anywhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from vitalcast.core.metrics.model import Series
from vitalcast.core.metrics.names import Selection
from vitalcast.core.metrics.timeline import Timeline
from vitalcast.core.vocabulary import ErrorCode
from vitalcast.errors import ProtocolError

if TYPE_CHECKING:
    import numpy.typing as npt

    Integers = npt.NDArray[np.int64]
    Floats = npt.NDArray[np.float64]


ANCHOR_ROWS, ANCHOR_COLUMNS, ANCHOR_SERIES = 64, 512, 8  # that are looked at, and named


class Anchor(NamedTuple):
    """A tick near the beginning of a ring, by which its place in a file is found, and some series with a reading then.

    `turn` says how often the clock was set back in the ring until then.
    """

    offset: int
    time_ms: int
    turn: int
    series: tuple[Series, ...]


@dataclass(frozen=True, slots=True)
class RingPart:
    """The ticks of a ring in some time, of some series: `values` has the shape (ticks, series).

    `first_offset` and `first_ms` are of the oldest tick that the ring has, whether in that time or not: from there on,
    what is said of these series is said by the ring and not by the file. They are None while it has none.
    `turns` says of each tick how often the clock was set back in the ring until then. Ticks are `interval_ms` apart as
    a rule.
    """

    epoch: str
    interval_ms: int
    first_offset: int | None
    first_ms: int | None
    series: tuple[Series, ...]
    offsets: Integers
    times_ms: Integers
    turns: Integers
    values: Floats
    anchor: Anchor | None = None

    @classmethod
    def capture(
        cls, timeline: Timeline, selections: Sequence[Selection], start_ms: int, end_ms: int, *, reads_max: int
    ) -> Callable[[], RingPart]:
        """Take hold of what the ring has in (start_ms, end_ms] of the series that selections mean, those gone
        included; return what copies it, in any thread. Many may wait for their turn, and none of them holds a copy.

        Raises ProtocolError where that is more than so many readings.
        """
        ring = timeline.ring
        remembered = timeline.catalogue.remembered
        places = list(dict.fromkeys(place for selection in selections for place in remembered(selection)))
        offsets, times = ring.offsets(), ring.times()
        turns = np.append(0, np.cumsum(np.diff(times) <= 0)) if len(times) else times
        rows = np.flatnonzero((times > start_ms) & (times <= end_ms))
        if (reads := len(rows) * len(places)) > reads_max:
            raise ProtocolError(
                ErrorCode.LIMIT,
                f"{len(places)} series have {reads} readings in memory, and a query takes {reads_max} of them at most; "
                "ask for fewer series or a shorter time",
            )
        columns = np.array([column for _, column in places], dtype=np.intp)
        held, anchor = ring.held(), _anchor(timeline, offsets, times, turns)
        first_offset, first_ms = (int(offsets[0]), int(times[0])) if len(offsets) else (None, None)
        series = tuple(one for one, _ in places)
        epoch, interval_ms = timeline.epoch, timeline.interval_ms
        offsets, times, turns = offsets[rows], times[rows], turns[rows]

        def part() -> RingPart:
            values = held.pick(columns, held.first_row + rows)
            return cls(epoch, interval_ms, first_offset, first_ms, series, offsets, times, turns, values, anchor)

        return part


def _anchor(timeline: Timeline, offsets: Integers, times_ms: Integers, turns: Integers) -> Anchor | None:
    """Return the oldest tick at which there was any reading, whatever is asked for."""
    layout, ring = timeline.catalogue.layout.series[:ANCHOR_COLUMNS], timeline.ring
    seen = ~np.isnan(ring.read(np.arange(len(layout)), ring.first_row, ring.first_row + ANCHOR_ROWS))
    seen[:, [one is None for one in layout]] = False
    if not seen.any():
        return None
    row = int(seen.any(axis=1).argmax())
    series = [one for one, there in zip(layout, seen[row].tolist(), strict=True) if there and one is not None]
    return Anchor(int(offsets[row]), int(times_ms[row]), int(turns[row]), tuple(series[:ANCHOR_SERIES]))
