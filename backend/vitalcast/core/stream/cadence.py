"""The groups of one interval: its ticks are aggregated, compared and written once for all of them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from vitalcast.core.metrics.aggregate import Fold
from vitalcast.core.metrics.choices import Chosen
from vitalcast.core.metrics.model import Frame, Layout, Series
from vitalcast.core.metrics.ring import BLOCK_ROWS, Ring
from vitalcast.core.stream.groups import Group
from vitalcast.core.stream.keys import Form
from vitalcast.core.stream.replay import ONLY_LAST, row_after_last_end
from vitalcast.core.vocabulary import Aggregate
from vitalcast.core.wire.emission import TickValues
from vitalcast.core.wire.encodings import Bulk, Encoding
from vitalcast.core.wire.messages import Message

if TYPE_CHECKING:
    import numpy.typing as npt

logger = logging.getLogger(__name__)

BULK_MIN = 16  # emissions of a tick from which on it pays to write them at one go
FOLD_ROWS = BLOCK_ROWS  # no more than the ring is sure to hold
VALUE_BYTES = 8


class Peers:
    """The groups of one interval that want the same aggregates, and the newest values that they got."""

    __slots__ = ("_bulks", "aggregates", "groups", "newest", "wanted")

    def __init__(self, aggregates: tuple[Aggregate, ...]) -> None:
        self.aggregates = aggregates
        self.groups: dict[int, Group] = {}
        self.wanted = 0  # values of all groups together
        self.newest: TickValues | None = None
        self._bulks: dict[Encoding, Bulk] | None = None  # None where they are to be made anew

    def add(self, group: Group) -> None:
        self.groups[group.id] = group
        self.wanted += group.width
        self._bulks = None

    def remove(self, group: Group) -> None:
        del self.groups[group.id]
        self.wanted -= group.width
        self._bulks = None

    def relaid(self) -> None:
        """Note that the groups may have other series now."""
        self.wanted = sum(group.width for group in self.groups.values())
        self._bulks = None

    def turn(self, frame: Frame, values: npt.NDArray[np.float64]) -> TickValues:
        """Make these the newest values. To write all once pays where the groups together want more than there are."""
        before = self.newest
        tick = self.newest = TickValues(
            frame.offset,
            frame.time_ms,
            values,
            before=None if before is None else before.values,
            shared=len(self.groups) > 1 and self.wanted >= len(values),
        )
        if tick.shared:
            if self._bulks is None:
                self._bulks = self._bulks_of()
            tick.bodies = {encoding: bulk.bodies(tick) for encoding, bulk in self._bulks.items()}
        return tick

    def _bulks_of(self) -> dict[Encoding, Bulk]:
        chosen: dict[Encoding, dict[Chosen, None]] = {}
        for group in self.groups.values():
            if group.in_bulk:
                chosen.setdefault(group.key.encoding, {})[group.chosen] = None
        made = {
            encoding: encoding.bulk(list(some), len(self.aggregates))
            for encoding, some in chosen.items()
            if len(some) >= BULK_MIN
        }
        return {encoding: bulk for encoding, bulk in made.items() if bulk is not None}


class Cadence:
    """All groups of one interval, which are due at the same ticks.

    Whatever they select, the interval under way is folded once for all series: a group takes what is its own.
    """

    def __init__(self, interval_ms: int, layout: Layout, ring: Ring) -> None:
        self.interval_ms = interval_ms
        self.held_bytes = 0  # as the hub has counted it
        self._peers: dict[tuple[Aggregate, ...], Peers] = {}
        self._next_row = row_after_last_end(ring, interval_ms)
        self._fold: Fold | None = None
        self._owners: list[Series | None] = []  # of the columns of the fold
        self._layout = layout

    def __bool__(self) -> bool:
        return bool(self._peers)

    @property
    def groups(self) -> Iterator[Group]:
        for peers in self._peers.values():
            yield from peers.groups.values()

    @property
    def nbytes(self) -> int:
        """About how much memory all groups share: the newest values, and the interval under way."""
        fold = 0 if self._only_last else Fold.BYTES_A_SERIES
        values = VALUE_BYTES * sum(map(len, self._peers))  # none where there is no group any more
        return len(self._layout.series) * (values + fold)

    @property
    def _only_last(self) -> bool:
        return all(aggregates == ONLY_LAST for aggregates in self._peers)

    def add(self, group: Group) -> None:
        aggregates = group.key.aggregates
        self._peers.setdefault(aggregates, Peers(aggregates)).add(group)

    def remove(self, group: Group) -> None:
        peers = self._peers[group.key.aggregates]
        peers.remove(group)
        if not peers.groups:
            del self._peers[group.key.aggregates]

    # --- the live stream -----------------------------------------------------------------------------------------

    def advance(
        self, frame: Frame, ring: Ring, out: dict[int, list[Message]], *, due: bool, missed: tuple[int, int] | None
    ) -> None:
        """Take in the newest frame, already in the ring, and the ticks `missed` before it.

        What the groups' members get for it goes to `out`, by group.
        """
        relaid = not frame.layout.same(self._layout)
        if relaid or missed is not None:
            self._interrupt(frame, ring, out, relaid=relaid, missed=missed)
        if due:
            for peers, values in self._results(frame, ring):
                self._emit(peers, frame, values, out)
        elif ring.end_row - self._next_row >= FOLD_ROWS:
            self._fold_rows(ring, ring.end_row)

    def restart(self, frame: Frame, ring: Ring, out: dict[int, list[Message]]) -> None:
        """Take in the first frame of another epoch, already in the ring: all groups begin anew with a snapshot."""
        self._fold = None
        self._next_row = ring.end_row - 1
        for peers in self._peers.values():
            peers.newest = None
        for group in self.groups:
            group.restart()
        self.advance(frame, ring, out, due=True, missed=None)
        for group in self.groups:
            if group.key.form is Form.COLUMNS:
                out[group.id] = group.snapshot(ring, group.plan_backfill(ring, 0))

    def _interrupt(
        self,
        frame: Frame,
        ring: Ring,
        out: dict[int, list[Message]],
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
            if relaid and (messages := group.resolve()):
                out[group.id] = messages
        if relaid:
            for peers in self._peers.values():
                peers.relaid()

    @staticmethod
    def _emit(peers: Peers, frame: Frame, values: npt.NDArray[np.float64], out: dict[int, list[Message]]) -> None:
        tick = peers.turn(frame, values)
        for group in peers.groups.values():
            try:
                messages = group.emit(tick)
            except Exception:  # a fault of ours in one group must not cost the others the frame
                logger.exception("group %d failed at offset %d", group.id, frame.offset)
                group.resync()
                continue
            if group.id in out:
                out[group.id] += messages
            else:
                out[group.id] = messages
        tick.settle()

    # --- the interval under way ----------------------------------------------------------------------------------

    def _results(self, frame: Frame, ring: Ring) -> Iterator[tuple[Peers, npt.NDArray[np.float64]]]:
        """Return the values of the interval that has ended for all series, once for each list of aggregates."""
        single = self._fold is None and ring.end_row - self._next_row <= 1  # of one tick all are its value
        if not single:
            self._fold_rows(ring, ring.end_row)
        fold, self._fold = self._fold, None
        self._next_row = ring.end_row
        for aggregates, peers in self._peers.items():
            if aggregates == ONLY_LAST:
                yield peers, frame.values
            elif fold is None:
                yield peers, frame.values.repeat(len(aggregates))
            else:
                yield peers, fold.result(aggregates)

    def _fold_rows(self, ring: Ring, stop_row: int) -> None:
        if stop_row > self._next_row and not self._only_last:
            if self._fold is None:
                self._owners = list(self._layout.series)
                self._fold = Fold(len(self._owners))
            self._fold.add(ring.read(np.arange(len(self._owners)), self._next_row, stop_row))
        self._next_row = max(stop_row, self._next_row)

    def _relay(self, layout: Layout, ring: Ring) -> None:
        """Go on in another layout: a column keeps what was folded until another series takes it."""
        if self._fold is not None:
            self._fold_rows(ring, ring.end_row - 1)
            owners = self._owners + [None] * (len(layout.series) - len(self._owners))
            origins = np.arange(len(owners))
            origins[len(self._owners) :] = -1
            for column, one in enumerate(layout.series):
                if one is not None:
                    if owners[column] is not None and owners[column] != one:
                        origins[column] = -1
                    owners[column] = one
            self._fold = self._fold.moved(origins)
            self._owners = owners
        self._layout = layout
