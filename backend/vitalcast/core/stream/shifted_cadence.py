"""The groups of one interval that show what was so long before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from vitalcast.core.metrics.model import Frame
from vitalcast.core.metrics.ring import Ring
from vitalcast.core.metrics.timeline import Timeline
from vitalcast.core.query.limits import QueryLimits
from vitalcast.core.query.query import Result
from vitalcast.core.stream.ahead import Ahead, LookAhead
from vitalcast.core.stream.cadence import Cadence
from vitalcast.core.stream.groups import Group
from vitalcast.core.stream.keys import SeriesKey
from vitalcast.core.stream.output import Output
from vitalcast.core.stream.peers import Peers

if TYPE_CHECKING:
    import numpy.typing as npt


class ShiftedCadence(Cadence):
    """All groups of one interval and shift. What they show is read ahead: `read` is given what has to be."""

    def __init__(
        self, interval_ms: int, timeline: Timeline, limits: QueryLimits, read: Callable[[LookAhead], None]
    ) -> None:
        super().__init__(interval_ms, timeline.newest.layout, timeline.ring)
        self._timeline = timeline
        self._limits = limits
        self._read = read
        self._aheads: dict[int, Ahead] = {}

    @property
    def nbytes(self) -> int:
        return super().nbytes + sum(ahead.nbytes for ahead in self._aheads.values())

    def add(self, group: Group) -> None:
        super().add(group)
        assert isinstance(group.key, SeriesKey)
        self._aheads[group.id] = Ahead(group.key, self._timeline, self._limits)

    def remove(self, group: Group) -> None:
        super().remove(group)
        del self._aheads[group.id]

    def seed(self, group: Group, result: Result, until_ms: int) -> None:
        """Take in what was read as the first stream joined a group."""
        self._aheads[group.id].take(result, until_ms)

    def advance(self, frame: Frame, ring: Ring, out: Output, *, due: bool, missed: tuple[int, int] | None) -> None:
        super().advance(frame, ring, out, due=due, missed=missed)
        if due:
            for ahead in self._aheads.values():
                if (wanted := ahead.want(frame.time_ms)) is not None:
                    self._read(wanted)

    def _results(self, frame: Frame, ring: Ring) -> Iterator[tuple[Peers, npt.NDArray[np.float64]]]:
        self._next_row = self._first_row = ring.end_row
        time_ms = frame.time_ms
        for aggregates, peers in self._peers.items():
            values = np.full((len(frame.values), len(aggregates)), np.nan)
            for group in peers.groups.values():
                places = group.read_places
                found = self._aheads[group.id].at([one for one, _ in places], time_ms)
                if found is not None:
                    values[[column for _, column in places]] = found
            yield peers, values.ravel()

    def _fold_rows(self, _ring: Ring, stop_row: int) -> None:
        self._next_row = max(stop_row, self._next_row)

    def _begin_fold(self, _ring: Ring) -> None:
        """Nothing is folded: all is read as it was."""

    def _begin_growing(self, _ring: Ring) -> None:
        return None
