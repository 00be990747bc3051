"""Groups that go on from tick to tick with nothing special: what they emit is written at one go, and counted once."""

from __future__ import annotations

from vitalcast.core.stream.output import BulkOutput
from vitalcast.core.wire.emission import TickValues
from vitalcast.core.wire.encodings import Bulk


class Run:
    """Some groups of one encoding, each with a row in what is written of a tick.

    `turns` counts the ticks and `tick` is the newest: groups in the run have emitted them all since they entered it.
    A group leaves by itself as soon as anything is special about it, and its id is in `left` until it enters again.
    """

    __slots__ = ("_bulk", "_group_ids", "left", "tick", "turns")

    def __init__(self, group_ids: list[int], bulk: Bulk) -> None:
        self._group_ids = group_ids
        self._bulk = bulk
        self.left = set(group_ids)
        self.tick: TickValues | None = None
        self.turns = 0

    @property
    def anybody(self) -> bool:
        return len(self.left) < len(self._group_ids)

    def emit(self, tick: TickValues) -> BulkOutput:
        """Return what the groups in the run emit at this tick."""
        frames = self._bulk.frames(tick)
        self.tick = tick
        self.turns += 1
        return BulkOutput(self._group_ids, frames, frozenset(self.left))
