"""Reads what a plan says: the steps of tiers, the ticks around them, and the ring, each reading once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from vitalcast.core.metrics.growth import are_counters
from vitalcast.core.metrics.model import Series
from vitalcast.core.query.partials import Partials, Steps
from vitalcast.core.query.past import Past, Reach, Rollup
from vitalcast.core.query.plan import Part, Plan, joined
from vitalcast.core.query.query import Query
from vitalcast.core.query.ring_part import RingPart
from vitalcast.core.query.seam import Seam
from vitalcast.core.query.tier import Tier
from vitalcast.core.vocabulary import PERCENTILES

if TYPE_CHECKING:
    import numpy.typing as npt


class Reading:
    """Reads what a plan says."""

    def __init__(self, query: Query, plan: Plan, past: Past, ring: RingPart) -> None:
        self._aggregates = query.aggregates
        self._sketches = any(one in PERCENTILES for one in query.aggregates)
        self._hidden_ms = query.hidden_ms
        self._plan = plan
        self._past = past
        self._ring = ring
        self._seam = Seam.between(past, ring)
        self._columns = {one: column for column, one in enumerate(ring.series)}
        self._ticks_from: dict[Part, int] = {}  # from where on ticks were read after the steps of a rollup tier

    def steps(self, series: list[Series]) -> list[Steps]:
        """Return the steps of some series."""
        shift_ms, lead = self._plan.shift_ms, self._plan.lead
        counters = are_counters(series).tolist()
        partials = [Partials(self._aggregates, shift_ms, counter=counter) for counter in counters]
        for part in self._plan.parts if lead is None else (lead, *self._plan.parts):
            for one in partials:
                one.leading = part is lead
            if part.tier is Tier.RAW:
                self._add_ticks(partials, series, part, part.start_ms, part.end_ms)
            else:
                self._add_rolled(partials, series, part)
            self._add_ring(partials, series, part)
        return [one.steps() for one in partials]

    def _add_rolled(self, partials: list[Partials], series: list[Series], part: Part) -> None:
        """Add the steps of a rollup tier, and the ticks before the first and after the last of them."""
        tier, raw_from_ms = part.tier, self._plan.raw_from_ms
        start_ms, end_ms = -(-part.start_ms // tier) * tier, part.end_ms // tier * tier
        if raw_from_ms is None or raw_from_ms > part.start_ms:
            start_ms = part.start_ms // tier * tier
        elif start_ms > part.start_ms:
            self._add_ticks(partials, series, part, part.start_ms, min(start_ms, part.end_ms))
        ticks_follow = raw_from_ms is not None and raw_from_ms < part.end_ms
        start_ms = max(start_ms, -(-self._hidden_ms // tier) * tier)
        if not ticks_follow:
            end_ms = -(-part.end_ms // tier) * tier
        rolled = self._add_rollups(partials, series, part, start_ms, max(start_ms, end_ms))
        if ticks_follow and start_ms < part.end_ms:
            rolled_ms = min(self._plan.rolled_ms[tier] // tier * tier, *rolled.values()) if rolled else start_ms
            from_ms = min(max(start_ms, rolled_ms), part.end_ms)
            self._ticks_from[part] = min(from_ms, self._ticks_from.get(part, from_ms))
            self._add_ticks(partials, series, part, from_ms, part.end_ms, after=rolled)

    def _add_rollups(
        self, partials: list[Partials], series: list[Series], part: Part, start_ms: int, end_ms: int
    ) -> dict[int, int]:
        """Add steps of a rollup tier; return how far they go in each stretch."""
        rolled: dict[int, int] = {}
        left_out: dict[int, int] = {}
        for all_steps in self._past.rollups(part.tier, series, start_ms, end_ms, sketches=self._sketches):
            kept = self._seam.of_rollup(all_steps)
            rollup = all_steps
            if not kept.all():
                first_ms = int(all_steps.times_ms[np.argmin(kept)]) - part.tier
                left_out[all_steps.stretch] = min(first_ms, left_out.get(all_steps.stretch, first_ms))
                rollup = _some(all_steps, kept)
            if len(rollup.times_ms):
                last_ms = int(rollup.times_ms[-1])
                rolled[rollup.stretch] = max(last_ms, rolled.get(rollup.stretch, last_ms))
                partials[rollup.series].add_rollup(rollup, part.step_ms)
        for stretch, first_ms in left_out.items():
            rolled.setdefault(stretch, first_ms)
        return rolled

    def _add_ticks(
        self,
        partials: list[Partials],
        series: list[Series],
        part: Part,
        start_ms: int,
        end_ms: int,
        *,
        after: Mapping[int, int] | None = None,
    ) -> None:
        """Add ticks of the file, of each stretch only those `after` a time if any is given."""
        for ticks in self._past.ticks(series, start_ms, end_ms):
            kept = self._seam.of_file(ticks, in_ring=series[ticks.series] in self._columns)
            if after and ticks.stretch in after:
                kept &= ticks.times_ms > after[ticks.stretch]
            times_ms, values = ticks.times_ms, ticks.values
            if not kept.all():
                times_ms, values = times_ms[kept], values[kept]
            partials[ticks.series].add_ticks(ticks.stretch, times_ms, values, part.step_ms)

    def _add_ring(self, partials: list[Partials], series: list[Series], part: Part) -> None:
        """Add what the ring has of a part's time."""
        ring = self._ring
        inside = (ring.times_ms > part.start_ms) & (ring.times_ms <= part.end_ms)
        for turn in np.unique(ring.turns[inside]).tolist():
            rows = np.flatnonzero(inside & (ring.turns == turn))
            times_ms = ring.times_ms[rows]
            for place, one in enumerate(series):
                column = self._columns.get(one)
                if column is not None:
                    values = ring.values[rows, column]
                    partials[place].add_ticks(self._seam.stretch + turn, times_ms, values, part.step_ms)

    def reaches(self) -> tuple[Reach, ...]:
        """Return which tier brought which part of the time."""
        found: list[Reach] = []
        for part in self._plan.parts:
            from_ms = self._ticks_from.get(part, part.end_ms)
            found += [Reach(part.tier, part.start_ms, from_ms), Reach(Tier.RAW, from_ms, part.end_ms)]
        return joined(found)


def all_series(kept: Iterable[Series], remembered: Iterable[Series]) -> list[Series]:
    """Return the series of a past and of a ring by key, as they are described today."""
    both = {one: one for one in kept} | {one: one for one in remembered}
    return sorted(both.values(), key=lambda one: (one.key, one.descriptor.unit))


def _some(part: Rollup, kept: npt.NDArray[np.bool_]) -> Rollup:
    """Return some steps of a rollup."""
    return Rollup(
        part.series,
        part.stretch,
        part.times_ms[kept],
        part.minimum[kept],
        part.maximum[kept],
        part.total[kept],
        part.count[kept],
        part.last[kept],
        None if part.sketches is None else part.sketches.only(kept),
    )
