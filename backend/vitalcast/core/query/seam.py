"""Where the file ends and the ring begins: no tick is counted by both, and none by neither."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vitalcast.core.metrics.pace import TIME_MAX_MS
from vitalcast.core.query.past import Past, Rollup, Ticks
from vitalcast.core.query.ring_part import RingPart

if TYPE_CHECKING:
    import numpy.typing as npt

    Bools = npt.NDArray[np.bool_]
    Integers = npt.NDArray[np.int64]

APART_MS = 600_000  # what is longer ago than that before the ring is in no step with it that matters
AFTER_ALL = 2**31  # the stretch of a ring of which the file knows nothing: whatever is in there was before


@dataclass(frozen=True, slots=True)
class Seam:
    """The place of a ring in a past: its first tick lies in `stretch`, and is in the file too where `known`."""

    ring: RingPart
    stretch: int
    known: bool

    @classmethod
    def between(cls, past: Past, ring: RingPart) -> Seam:
        """Find the seam, unless the ring has nothing of what is asked for. May raise what a past does."""
        anchor = ring.anchor
        if ring.first_ms is None or anchor is None or not len(ring.offsets):
            return cls(ring, AFTER_ALL, known=False)
        for part in past.ticks(anchor.series, anchor.time_ms - 1, anchor.time_ms):
            if anchor.offset in part.offsets:
                return cls(ring, part.stretch - anchor.turn, known=True)
        newest, newest_ms = -1, 0
        for part in past.ticks(anchor.series, ring.first_ms - APART_MS, TIME_MAX_MS):
            if len(part.times_ms):
                newest, newest_ms = max((newest, newest_ms), (part.stretch, int(part.times_ms[-1])))
        if newest < 0:
            return cls(ring, AFTER_ALL, known=False)
        return cls(ring, newest if newest_ms < ring.first_ms else newest + 1, known=False)

    def of_file(self, part: Ticks, *, in_ring: bool) -> Bools:
        """Say which ticks of a series the file has to bring.

        A ring that was filled from the file as another epoch began has ticks that the file has under the earlier one.
        """
        if not in_ring or self.ring.first_offset is None:
            return np.ones(len(part.offsets), dtype=np.bool_)
        if part.epoch != self.ring.epoch:
            return ~among(part.offsets, part.times_ms, self.ring.offsets, self.ring.times_ms)
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


def among(offsets: Integers, times_ms: Integers, rising: Integers, of_ms: Integers) -> Bools:
    """Say which ticks are among others, whose offsets are `rising`: they have the same offset and time there."""
    if not len(rising):
        return np.zeros(len(offsets), dtype=np.bool_)
    places = np.searchsorted(rising, offsets).clip(max=len(rising) - 1)
    same: Bools = (rising[places] == offsets) & (of_ms[places] == times_ms)
    return same
