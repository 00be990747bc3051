"""Where the file ends and the ring begins: no tick is counted by both, and none by neither."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vitalcast.core.query.past import Past, Rollup, Ticks
from vitalcast.core.query.plan import TIME_MAX_MS
from vitalcast.core.query.ring_part import ANCHORS, RingPart

if TYPE_CHECKING:
    import numpy.typing as npt

    Bools = npt.NDArray[np.bool_]

APART_MS = 600_000  # what is longer ago than that before the ring is in no step with it that matters
AFTER_ALL = 2**31  # the stretch of a ring of which the file knows nothing: whatever is in there was before


@dataclass(frozen=True, slots=True)
class Seam:
    """The place of a ring in a past: its first tick lies in `stretch`, and is in the file too where `known`."""

    ring: RingPart
    stretch: int
    known: bool

    @classmethod
    def between(cls, past: Past, ring: RingPart, end_ms: int) -> Seam:
        """Find the seam, unless all that is asked for was before the ring. May raise what a past does."""
        if ring.first_ms is None or not ring.series or end_ms < ring.first_ms:
            return cls(ring, AFTER_ALL, known=False)
        asked = ring.anchors or ring.series[:ANCHORS]
        for part in past.ticks(asked, ring.first_ms - 1, ring.first_ms):
            if part.epoch == ring.epoch and ring.first_offset in part.offsets:
                return cls(ring, part.stretch, known=True)
        newest, newest_ms = -1, 0
        for part in past.ticks(asked, ring.first_ms - APART_MS, TIME_MAX_MS):
            if len(part.times_ms):
                last_ms = int(part.times_ms[-1])
                newest, newest_ms = max((newest, newest_ms), (part.stretch, last_ms))
        if newest < 0:
            return cls(ring, AFTER_ALL, known=False)
        return cls(ring, newest if newest_ms < ring.first_ms else newest + 1, known=False)

    def of_file(self, part: Ticks, *, in_ring: bool) -> Bools:
        """Say which ticks of a series the file has to bring."""
        if not in_ring or self.ring.first_offset is None or part.epoch != self.ring.epoch:
            return np.ones(len(part.offsets), dtype=np.bool_)
        before: Bools = part.offsets < self.ring.first_offset
        return before

    def of_rollup(self, part: Rollup) -> Bools:
        """Say which steps have nothing in them that the ring has."""
        if not self.known or self.ring.first_ms is None or part.stretch < self.stretch:
            return np.ones(len(part.times_ms), dtype=np.bool_)
        if part.stretch > self.stretch:
            return np.zeros(len(part.times_ms), dtype=np.bool_)
        before: Bools = part.times_ms < self.ring.first_ms
        return before
