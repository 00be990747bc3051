"""The groups of one interval: its ticks are aggregated, compared and written once for all of them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from vitalcast.core.metrics.aggregate import Fold, aggregates_of_tick, percentiles_of_runs
from vitalcast.core.metrics.growth import derives
from vitalcast.core.metrics.model import Frame, Layout, Series
from vitalcast.core.metrics.ring import BLOCK_ROWS, Ring
from vitalcast.core.stream.groups import Group
from vitalcast.core.stream.growing import Growing, moved_owners
from vitalcast.core.stream.keys import Form
from vitalcast.core.stream.output import Output
from vitalcast.core.stream.peers import Peers
from vitalcast.core.stream.replay import ONLY_LAST, row_after_last_end
from vitalcast.core.vocabulary import DERIVED, PERCENTILES, Aggregate

if TYPE_CHECKING:
    import numpy.typing as npt

logger = logging.getLogger(__name__)

FOLD_ROWS = BLOCK_ROWS  # no more than the ring is sure to hold
VALUE_BYTES = 8
NEWEST = DERIVED | {Aggregate.LAST}  # what takes no more of an interval than its newest values


class Cadence:
    """All groups of one interval, which are due at the same ticks.

    Whatever they select, the interval under way is folded once for all series: a group takes what is its own.
    """

    def __init__(self, interval_ms: int, layout: Layout, ring: Ring) -> None:
        self.interval_ms = interval_ms
        self.held_bytes = 0  # as the hub has counted it
        self._peers: dict[tuple[Aggregate, ...], Peers] = {}
        self._next_row = self._first_row = row_after_last_end(ring, interval_ms)
        self._fold: Fold | None = None
        self._owners: list[Series | None] = []  # of the columns of the fold
        self._growing: Growing | None = None  # while anybody wants to know what grew
        self._layout = layout
        self._ring = ring

    def __bool__(self) -> bool:
        return bool(self._peers)

    @property
    def groups(self) -> Iterator[Group]:
        for peers in self._peers.values():
            yield from peers.groups.values()

    @property
    def nbytes(self) -> int:
        """About how much memory all groups share: the newest values, and the interval under way."""
        fold = Fold.BYTES_A_SERIES if self._folds else 0
        grown = Growing.BYTES_A_SERIES if self._grows else 0
        values = VALUE_BYTES * sum(map(len, self._peers))  # none where there is no group any more
        return len(self._layout.series) * (values + fold + grown)

    @property
    def _folds(self) -> bool:
        """Whether anybody wants more of an interval than its newest values."""
        return any(not NEWEST.issuperset(aggregates) for aggregates in self._peers)

    @property
    def _grows(self) -> bool:
        return any(map(derives, self._peers))

    def add(self, group: Group) -> None:
        aggregates = group.key.aggregates
        self._peers.setdefault(aggregates, Peers(aggregates)).add(group)
        if self._folds and self._fold is None and self._next_row > self._first_row:
            self._begin_fold(self._ring)
        if self._grows and self._growing is None:
            self._growing = self._begin_growing(self._ring)

    def remove(self, group: Group) -> None:
        peers = self._peers[group.key.aggregates]
        peers.remove(group)
        if not peers.groups:
            del self._peers[group.key.aggregates]
        if not self._folds:
            self._fold = None
        if not self._grows:
            self._growing = None

    # --- the live stream -----------------------------------------------------------------------------------------

    def advance(self, frame: Frame, ring: Ring, out: Output, *, due: bool, missed: tuple[int, int] | None) -> None:
        """Take in the newest frame, already in the ring, and the ticks `missed` before it.

        What the groups' members get for it goes to `out`, by group.
        """
        relaid = not frame.layout.same(self._layout)
        if relaid or missed is not None:
            self._interrupt(frame, ring, out, relaid=relaid, missed=missed)
        if due:
            for peers, values in self._results(frame, ring):
                peers.emit(frame, values, out)
        elif ring.end_row - self._next_row >= FOLD_ROWS:
            self._fold_rows(ring, ring.end_row)

    def restart(self, frame: Frame, ring: Ring, out: Output) -> None:
        """Take in the first frame of another epoch, already in the ring: all groups begin anew with a snapshot."""
        self._fold = None
        if self._growing is not None:
            self._growing = Growing(self.interval_ms, self._layout)
        self._next_row = self._first_row = ring.end_row - 1
        for peers in self._peers.values():
            peers.newest = None
        for group in self.groups:
            group.restart()
        self.advance(frame, ring, out, due=True, missed=None)
        for group in self.groups:
            if group.key.form is Form.COLUMNS:
                out.messages[group.id] = group.snapshot(ring, group.plan_backfill(ring, 0))

    def _interrupt(
        self,
        frame: Frame,
        ring: Ring,
        out: Output,
        *,
        relaid: bool,
        missed: tuple[int, int] | None,
    ) -> None:
        """Have all groups note that ticks were missed, or look again which series they mean."""
        if relaid:
            self._relay(frame.layout, ring)
        for group in self.groups:
            if missed is not None:
                group.missed(*missed)
            if relaid:
                out.add(group.id, group.resolve())
        if relaid:
            for peers in self._peers.values():
                peers.relaid()

    # --- the interval under way ----------------------------------------------------------------------------------

    def _results(self, frame: Frame, ring: Ring) -> Iterator[tuple[Peers, npt.NDArray[np.float64]]]:
        """Return the values of the interval that has ended for all series, once for each list of aggregates."""
        single = self._fold is None and ring.end_row - self._next_row <= 1  # of one tick all are its value
        if not single:
            self._fold_rows(ring, ring.end_row)
        elif self._growing is not None:
            self._growing.add(frame.values[None], np.array([frame.time_ms]))
        grown = {} if self._growing is None else self._growing.end()
        fold, self._fold = self._fold, None
        first_row, self._first_row = self._first_row, ring.end_row
        self._next_row = ring.end_row
        for aggregates, peers in self._peers.items():
            if aggregates == ONLY_LAST:
                yield peers, frame.values
                continue
            values = aggregates_of_tick(frame.values, aggregates) if fold is None else fold.result(aggregates)
            if fold is not None and any(one in PERCENTILES for one in aggregates):
                _add_percentiles(values, peers, ring, first_row)
            by_series = values.reshape(-1, len(aggregates))
            for place, aggregate in enumerate(aggregates):
                if aggregate in grown:
                    by_series[:, place] = grown[aggregate]
            yield peers, values

    def _fold_rows(self, ring: Ring, stop_row: int) -> None:
        """Take in the rows of the interval under way that have not been, up to one."""
        if stop_row > self._next_row and self._folds:
            if self._fold is None:
                self._begin_fold(ring)
            assert self._fold is not None
            self._fold.add(ring.read(np.arange(len(self._owners)), self._next_row, stop_row))
        if stop_row > self._next_row and self._growing is not None:
            columns = np.arange(len(self._layout.series))
            at, stop = (max(row, ring.first_row) - ring.first_row for row in (self._next_row, stop_row))
            self._growing.add(ring.read(columns, self._next_row, stop_row), ring.times()[at:stop])
        self._next_row = max(stop_row, self._next_row)

    def _begin_fold(self, ring: Ring) -> None:
        """Fold what was not while nobody wanted it."""
        self._owners = list(self._layout.series)
        self._fold = Fold(len(self._owners))
        self._fold.add(ring.read(np.arange(len(self._owners)), self._first_row, self._next_row))

    def _begin_growing(self, ring: Ring) -> Growing | None:
        return Growing.of(self.interval_ms, self._layout, ring, self._next_row)

    def _relay(self, layout: Layout, ring: Ring) -> None:
        """Go on in another layout: a column keeps what was folded until another series takes it."""
        if self._fold is not None or self._growing is not None:
            self._fold_rows(ring, ring.end_row - 1)
        if self._fold is not None:
            self._owners, origins = moved_owners(self._owners, layout)
            self._fold = self._fold.moved(origins)
        if self._growing is not None:
            self._growing.relay(layout)
        self._layout = layout


def _add_percentiles(values: npt.NDArray[np.float64], peers: Peers, ring: Ring, first_row: int) -> None:
    """Put the percentiles of an interval, which began with a row, where they belong.

    Only for series that somebody wants, and where the ring still has all of it.
    """
    if first_row < ring.first_row:
        return
    columns = np.unique(np.concatenate([group.read_columns for group in peers.groups.values()]))
    block = ring.read(columns, first_row, ring.end_row)
    whole = np.zeros(1, dtype=np.intp)  # one run, from its beginning
    by_series = values.reshape(-1, len(peers.aggregates))
    for place, aggregate in enumerate(peers.aggregates):
        if aggregate in PERCENTILES:
            by_series[columns, place] = percentiles_of_runs(block, whole, PERCENTILES[aggregate])[0]
