"""Where a query is read from: how long its steps are, and which tier brings which part of its time."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from vitalcast.core.metrics.growth import derives
from vitalcast.core.metrics.pace import STEP_MIN_MS, TIME_MAX_MS
from vitalcast.core.query.past import Extent, Reach
from vitalcast.core.query.query import Query
from vitalcast.core.query.ring_part import RingPart
from vitalcast.core.query.tier import ROLLUPS, Tier
from vitalcast.core.vocabulary import PERCENTILES

PERCENTILE_READS = 5_000_000  # readings from which on percentiles come from sketches, where there are any
_SECOND, _MINUTE, _HOUR, _DAY = 1000, 60_000, 3_600_000, 86_400_000
# What people count in, and what rollups divide.
STEPS_MS = (
    *(STEP_MIN_MS, 200, 500),
    *(count * _SECOND for count in (1, 2, 5, 10, 15, 20, 30)),
    *(count * _MINUTE for count in (1, 2, 5, 10, 20, 30)),
    *(count * _HOUR for count in (1, 2, 3, 6, 12)),
    *(count * _DAY for count in (1, 2, 7, 14, 28)),
)


@dataclass(frozen=True, slots=True)
class Part:
    """A time, (start_ms, end_ms], that one tier brings in steps of `step_ms`."""

    tier: Tier
    start_ms: int
    end_ms: int
    step_ms: int


@dataclass(frozen=True, slots=True)
class Plan:
    """How a query is answered: `parts` from old to new, in the time that was, not yet shifted.

    `raw_from_ms` is the time after which all ticks are there as they came, None where there are none, and `rolled_ms`
    how far each rollup tier goes. After `last_ms` there is nothing yet. `expired_ms` is the time before which nothing
    is kept that was asked for, or None. `lead` is the time before it that the first steps are compared with.
    """

    step_ms: int
    shift_ms: int
    start_ms: int
    end_ms: int
    parts: tuple[Part, ...]
    raw_from_ms: int | None
    rolled_ms: Mapping[Tier, int]
    last_ms: int
    expired_ms: int | None = None
    lead: Part | None = None

    def rows(self, interval_ms: int) -> int:
        """Return about how many steps the answer has, where ticks are so far apart."""
        return sum(-(-self._length_ms(part) // max(part.step_ms, interval_ms)) for part in self.parts)

    def reads(self, interval_ms: int) -> int:
        """Return about how many steps or ticks of a series are read."""
        parts = self.parts if self.lead is None else (self.lead, *self.parts)
        return sum(self._length_ms(part) // (part.tier or interval_ms) for part in parts)

    def _length_ms(self, part: Part) -> int:
        return max(0, min(part.end_ms, self.last_ms) - part.start_ms)


def resolve(query: Query, extent: Extent, ring: RingPart, *, series: int = 1) -> Plan:
    """Choose steps and tiers for so many series."""
    start_ms = max(query.start_ms - query.shift_ms, 0)
    end_ms = min(query.end_ms - query.shift_ms, TIME_MAX_MS)
    reaches = _reaches(extent, ring)
    last_ms = max((int(np.max(ring.times_ms, initial=0)), *(reach.end_ms for reach in extent.reaches)))
    step_ms = query.step_ms
    if step_ms is None:
        first_ms = min((reach.start_ms for reach in reaches.values()), default=end_ms)
        kept_ms = min(end_ms, last_ms + ring.interval_ms) - max(start_ms, first_ms)
        step_ms = _step_for(kept_ms if kept_ms > 0 else end_ms - start_ms, query.points or 1)
        if derives(query.aggregates):  # of steps between ticks there would be none
            step_ms = max(step_ms, ring.interval_ms)
    step_ms = max(step_ms, query.step_min_ms)
    if not any(one in PERCENTILES for one in query.aggregates):
        order = _order(step_ms, query.shift_ms, reaches, ROLLUPS)
    else:
        histograms = [tier for tier in ROLLUPS if tier.has_histogram]
        raw_ms = max(start_ms, reaches[Tier.RAW].start_ms if Tier.RAW in reaches else end_ms)
        ticks = max(0, min(end_ms, last_ms) - raw_ms) * series
        many = ticks > PERCENTILE_READS * ring.interval_ms
        if many or not _covers(reaches.get(Tier.RAW), start_ms, reaches.values()):
            step_ms = _raised(step_ms, histograms, reaches)
        order = _order(step_ms, query.shift_ms, reaches, histograms)
        if not many and Tier.RAW in order:  # exact where it can be
            order = [Tier.RAW, *(tier for tier in order if tier is not Tier.RAW)]
    parts = _parts(order, reaches, step_ms, start_ms, end_ms, query.shift_ms)
    known = [reach.start_ms for tier, reach in reaches.items() if tier in order]
    expired = min(known) if known and start_ms < min(known) else None
    raw = reaches.get(Tier.RAW)
    return Plan(
        step_ms,
        query.shift_ms,
        start_ms,
        end_ms,
        parts,
        None if raw is None else raw.start_ms,
        {tier: reach.end_ms for tier, reach in reaches.items()},
        last_ms,
        None if expired is None else expired + query.shift_ms,
        _lead(query, parts) if derives(query.aggregates) else None,
    )


def lead_ms(query: Query, interval_ms: int) -> int:
    """Return how long before a query's beginning something may be looked at for its first step."""
    if not derives(query.aggregates):
        return 0
    step_ms = query.step_ms or (query.end_ms - query.start_ms) // (query.points or 1)
    coarsest_ms = Tier.HOUR if any(one in PERCENTILES for one in query.aggregates) else 0
    return 2 * (max(step_ms, query.step_min_ms, interval_ms) + coarsest_ms)


def _lead(query: Query, parts: tuple[Part, ...]) -> Part | None:
    """Return the time before the first of some parts that its first steps are compared with, as far as it may be seen.

    That is the step before the first, and what the first has of the time before the range.
    """
    if not parts:
        return None
    first, shift_ms = parts[0], query.shift_ms
    begin_ms = (first.start_ms + shift_ms) // first.step_ms * first.step_ms - shift_ms
    start_ms = max(begin_ms - first.step_ms, query.hidden_ms)
    return Part(first.tier, start_ms, first.start_ms, first.step_ms) if start_ms < first.start_ms else None


def _reaches(extent: Extent, ring: RingPart) -> dict[Tier, Reach]:
    """Return how far each tier goes, the ring being the newest of the raw one."""
    reaches = {reach.tier: reach for reach in extent.reaches}
    raw = reaches.get(Tier.RAW)
    if ring.first_ms is not None:
        first_ms = int(np.min(ring.times_ms, initial=ring.first_ms)) - 1  # the clock may have been set back since
        raw = Reach(Tier.RAW, first_ms if raw is None else min(raw.start_ms, first_ms), TIME_MAX_MS)
        reaches[Tier.RAW] = raw
    if raw is None:
        return reaches
    return {
        tier: reach
        if _goes_further(reach, raw.start_ms)
        else Reach(tier, max(reach.start_ms, raw.start_ms), reach.end_ms)
        for tier, reach in reaches.items()
    }


def _goes_further(reach: Reach, from_ms: int) -> bool:
    """Say whether a tier has any whole step before a time: that a step begins before the first tick says nothing."""
    return reach.start_ms + max(reach.tier, 1) <= from_ms


def _step_for(range_ms: int, points: int) -> int:
    """Return the longest step that people count in of which there are so many in a range."""
    return max((step for step in STEPS_MS if step * points <= range_ms), default=STEP_MIN_MS)


def _covers(reach: Reach | None, start_ms: int, reaches: Iterable[Reach]) -> bool:
    """Say whether one tier has all of a time that any tier has."""
    return reach is not None and all(max(one.start_ms, start_ms) >= reach.start_ms for one in reaches)


def _raised(step_ms: int, tiers: list[Tier], reaches: dict[Tier, Reach]) -> int:
    """Return the shortest step, not below this one, that consists of whole steps of the finest of some tiers."""
    there = [tier for tier in tiers if tier in reaches]
    return -(-step_ms // there[0]) * there[0] if there else step_ms


def _order(step_ms: int, shift_ms: int, reaches: dict[Tier, Reach], tiers: Iterable[Tier]) -> list[Tier]:
    """Return the tiers that can answer, best first: the coarsest of which steps consist, then what is too coarse."""
    there = [tier for tier in tiers if tier in reaches and shift_ms % tier == 0]
    whole = [tier for tier in reversed(there) if step_ms % tier == 0]
    raw = [Tier.RAW] if Tier.RAW in reaches else []
    return [*whole, *raw, *(tier for tier in there if step_ms % tier)]


def _parts(
    order: list[Tier], reaches: dict[Tier, Reach], step_ms: int, start_ms: int, end_ms: int, shift_ms: int
) -> tuple[Part, ...]:
    """Cover a time from its end backwards, each time with the best tier that goes further back."""
    steps = {tier: step_ms if not tier else -(-step_ms // tier) * tier for tier in order}
    parts: list[Part] = []
    stop_ms = end_ms
    while stop_ms > start_ms:
        starts = {tier: _start(tier, steps, order, reaches, start_ms, shift_ms) for tier in order}
        tier = next((tier for tier in order if starts[tier] < stop_ms), None)
        if tier is None:
            break
        parts.append(Part(tier, starts[tier], stop_ms, steps[tier]))
        stop_ms = starts[tier]
    return tuple(reversed(parts))


def _start(
    tier: Tier, steps: dict[Tier, int], order: list[Tier], reaches: dict[Tier, Reach], start_ms: int, shift_ms: int
) -> int:
    """Return where a tier's part begins: where another goes on before it, with a whole step of both as it is shown."""
    from_ms = reaches[tier].start_ms
    if from_ms <= start_ms:
        return start_ms
    before = next((other for other in order if _goes_further(reaches[other], from_ms)), None)
    if before is None:
        return from_ms
    whole_ms = math.lcm(steps[tier], steps[before])
    return -(-(from_ms + shift_ms) // whole_ms) * whole_ms - shift_ms


def joined(reaches: Iterable[Reach]) -> tuple[Reach, ...]:
    """Return parts of an answer in order, neighbours of the same tier as one."""
    found: list[Reach] = []
    for one in sorted((one for one in reaches if one.start_ms < one.end_ms), key=lambda one: one.start_ms):
        if found and found[-1].tier is one.tier and one.start_ms <= found[-1].end_ms:
            found[-1] = Reach(one.tier, found[-1].start_ms, max(one.end_ms, found[-1].end_ms))
        else:
            found.append(one)
    return tuple(found)
