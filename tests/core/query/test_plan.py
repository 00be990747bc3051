"""Which tier brings which part of a time, and in which steps."""

from __future__ import annotations

import numpy as np
import pytest

from vitalcast.core.metrics.names import Selection
from vitalcast.core.query.past import Extent, Reach
from vitalcast.core.query.plan import STEPS_MS, Plan, resolve
from vitalcast.core.query.query import Query
from vitalcast.core.query.ring_part import RingPart
from vitalcast.core.query.tier import ROLLUPS, Tier
from vitalcast.core.vocabulary import Aggregate

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
NOW = 20_000 * DAY
NOTHING = np.zeros(0, dtype=np.int64)
AGO = {Tier.RAW: 14 * DAY, Tier.MINUTE: 90 * DAY, Tier.TEN_MINUTES: 365 * DAY, Tier.HOUR: 5 * 365 * DAY}
ORDINARY = Extent(tuple(Reach(tier, NOW - ago, NOW) for tier, ago in AGO.items()))


def ring(first_ms: int | None = NOW - 900_000) -> RingPart:
    first_offset = None if first_ms is None else 1
    return RingPart("e", 1000, first_offset, first_ms, (), NOTHING, NOTHING, NOTHING, np.zeros((0, 0)))


def plan(back_ms: int, *aggregates: Aggregate, extent: Extent = ORDINARY, series: int = 10, **fields: int) -> Plan:
    query = Query(Selection.of([">"]), NOW - back_ms, NOW, aggregates=aggregates or (Aggregate.AVG,), **fields)
    return resolve(query, extent, ring(), series=series)


def tiers(found: Plan) -> list[Tier]:
    return [part.tier for part in found.parts]


@pytest.mark.parametrize(
    ("back_ms", "step_ms", "tier"),
    [
        (15 * MINUTE, 500, Tier.RAW),
        (DAY, MINUTE, Tier.MINUTE),
        (7 * DAY, 10 * MINUTE, Tier.TEN_MINUTES),
        (30 * DAY, 30 * MINUTE, Tier.TEN_MINUTES),
        (365 * DAY, 6 * HOUR, Tier.HOUR),
    ],
)
def test_a_thousand_points_come_from_the_coarsest_tier_that_has_them(back_ms: int, step_ms: int, tier: Tier) -> None:
    found = plan(back_ms, points=1000)
    assert (found.step_ms, tiers(found), found.expired_ms) == (step_ms, [tier], None)


def test_every_step_of_a_minute_and_more_consists_of_whole_rollups() -> None:
    assert all(step % MINUTE == 0 for step in STEPS_MS if step >= MINUTE)
    assert all(step % HOUR == 0 for step in STEPS_MS if step >= HOUR)


def test_parts_join_without_a_gap_at_whole_steps_of_both() -> None:
    extent = Extent(tuple(Reach(tier, NOW - ago + 12_345, NOW) for tier, ago in AGO.items()))
    found = plan(2 * 365 * DAY, extent=extent, step_ms=90_000)
    assert tiers(found) == [Tier.HOUR, Tier.TEN_MINUTES, Tier.MINUTE, Tier.RAW]
    for before, after in zip(found.parts, found.parts[1:], strict=False):
        assert before.end_ms == after.start_ms
        assert before.end_ms % before.step_ms == before.end_ms % after.step_ms == 0
        assert before.tier == 0 or before.step_ms % before.tier == 0
    assert (found.parts[0].start_ms, found.parts[-1].end_ms) == (found.start_ms, found.end_ms)


def test_percentiles_are_read_from_ticks_while_these_are_few() -> None:
    assert tiers(plan(DAY, Aggregate.P99, step_ms=MINUTE)) == [Tier.RAW]
    assert tiers(plan(DAY, Aggregate.P99, step_ms=HOUR)) == [Tier.RAW]
    many = plan(DAY, Aggregate.P99, step_ms=MINUTE, series=1000)
    assert (tiers(many), many.step_ms) == ([Tier.TEN_MINUTES], 10 * MINUTE)


def test_points_are_of_the_time_of_which_anything_is_kept() -> None:
    for start_ms, end_ms in ((0, NOW), (NOW - 900_000, NOW + 1000 * DAY), (0, NOW + 1000 * DAY)):
        query = Query(Selection.of([">"]), start_ms, end_ms, points=300)
        found = resolve(query, Extent((Reach(Tier.RAW, NOW - 900_001, NOW),)), ring())
        assert (found.step_ms, found.rows(1000)) == (2000, 451 if start_ms == 0 else 450)
    assert resolve(query, Extent(), ring(None)).step_ms == STEPS_MS[-1], "of nothing, they are of the whole"


def test_time_that_has_yet_to_be_counts_for_nothing() -> None:
    query = Query(Selection.of([">"]), NOW - DAY, NOW + 1000 * DAY, step_ms=1000, aggregates=(Aggregate.P99,))
    found = resolve(query, ORDINARY, ring())
    assert tiers(found) == [Tier.RAW]
    assert (found.rows(1000), found.reads(1000)) == (86_400, 86_400)


def test_percentiles_of_what_is_older_than_ticks_take_steps_that_have_them() -> None:
    found = plan(20 * DAY, Aggregate.P50, Aggregate.AVG, step_ms=15 * MINUTE, series=1)
    assert (found.step_ms, tiers(found)) == (20 * MINUTE, [Tier.TEN_MINUTES, Tier.RAW])


def test_shift_is_not_read_from_tiers_whose_steps_it_would_cut() -> None:
    assert tiers(plan(DAY, step_ms=MINUTE, shift_ms=DAY)) == [Tier.MINUTE]
    assert tiers(plan(DAY, step_ms=MINUTE, shift_ms=DAY + 1000)) == [Tier.RAW]


def test_what_is_no_longer_kept_is_said_under_the_time_that_was_asked_for() -> None:
    assert plan(10 * 365 * DAY, points=100).expired_ms == NOW - AGO[Tier.HOUR]
    shifted = plan(DAY, points=100, shift_ms=5 * 365 * DAY)
    assert shifted.expired_ms == NOW - AGO[Tier.HOUR] + 5 * 365 * DAY


def test_without_a_past_the_ring_is_all_there_is() -> None:
    found = plan(DAY, extent=Extent(), points=100)
    assert [(part.tier, part.start_ms) for part in found.parts] == [(Tier.RAW, NOW - 900_001)]
    assert found.expired_ms == NOW - 900_001
    query = Query(Selection.of([">"]), 0, NOW, points=1)
    assert resolve(query, Extent(), ring(None)).parts == ()


def test_reach_of_a_single_tier_is_used_whatever_the_step() -> None:
    for tier in ROLLUPS:
        found = plan(DAY, extent=Extent((Reach(tier, NOW - 2 * DAY, NOW - HOUR),)), step_ms=90_000)
        assert (tiers(found)[0], found.parts[0].start_ms) == (tier, NOW - DAY)
