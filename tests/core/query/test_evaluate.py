"""An answer is what plain numpy makes of the ticks, wherever they are kept."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.query.recorded import EVERYTHING, HOUR_MS, T0, HandPast, Recorded, disk

from vitalcast.core.metrics.names import Selection
from vitalcast.core.query.evaluate import evaluate
from vitalcast.core.query.limits import QueryLimits
from vitalcast.core.query.query import Query, Result
from vitalcast.core.query.tier import Tier
from vitalcast.core.vocabulary import DERIVED, PERCENTILES, Aggregate, ErrorCode, Reduce
from vitalcast.errors import ProtocolError

ALL = Selection.of([">"])
EVERY_AGGREGATE = tuple(Aggregate)
PLAIN = tuple(one for one in Aggregate if one not in PERCENTILES and one not in DERIVED)
PROMISE = 0.02


def check(result: Result, recorded: Recorded, query: Query) -> None:
    """Hold an answer against the plain one."""
    steps, expected = recorded.answer(query, result.step_ms)
    assert result.times_ms.tolist() == [end for _, end in steps]
    values = result.values.reshape(len(steps), len(result.series), len(query.aggregates))
    assert {one.key for one in result.series} == {key for key, _ in expected}
    for place, one in enumerate(result.series):
        for column, aggregate in enumerate(query.aggregates):
            own, wanted = values[:, place, column], np.array(expected[one.key, aggregate])
            if aggregate is Aggregate.RATE and {one.tier for one in result.reaches} != {Tier.RAW}:
                own, wanted = np.sign(own), np.sign(wanted)  # the newest value of a rollup counts as one of its end
            within = PROMISE if aggregate in PERCENTILES and result.approximate else 1e-9
            np.testing.assert_allclose(own, wanted, rtol=within, atol=1e-9)


def steady(hours: float = 3.0, *, seed: int = 1) -> Recorded:
    """Return ticks each second, with holes, and a series that comes and goes."""
    rng = np.random.default_rng(seed)
    times = T0 + 1000 * np.arange(1, int(hours * 3600) + 1)
    values = np.exp(rng.normal(3, 2, (len(times), len(EVERYTHING))))
    values[rng.random(values.shape) < 0.01] = np.nan
    values[: len(times) // 2, 1] = np.nan
    kept = rng.random(len(times)) > 0.005
    return Recorded(EVERYTHING, times[kept], values[kept])


def asked(start: float, end: float, **fields: object) -> Query:
    """Return a query from so many hours after T0 up to so many."""
    query = Query(ALL, T0 + round(start * HOUR_MS), T0 + round(end * HOUR_MS), aggregates=EVERY_AGGREGATE)
    return replace(query, **fields)  # type: ignore[arg-type]  # whoever calls names fields of a query


# --- where it is kept ----------------------------------------------------------------------------------------------


def test_ring_alone_answers() -> None:
    recorded = steady(0.2)
    query = asked(0.01, 0.2, step_ms=10_000)
    result = evaluate(query, HandPast(recorded, written=0), recorded.ring(0, query))
    check(result, recorded, query)
    assert result.step_ms == 10_000
    assert [(one.tier, one.end_ms) for one in result.reaches] == [(Tier.RAW, query.end_ms)]


@pytest.mark.parametrize("step_ms", [1000, 7000, 60_000, 90_000, 600_000, 1_200_000, HOUR_MS])
@pytest.mark.parametrize("overlap", [0, 300])
def test_file_and_ring_are_joined_without_a_seam(step_ms: int, overlap: int) -> None:
    recorded = steady()
    ticks = len(recorded.times_ms)
    first = ticks - 900  # of the ring
    query = asked(0.123, 2.997, step_ms=step_ms)
    past = HandPast(recorded, written=first + overlap, rolled=int(np.searchsorted(recorded.times_ms, T0 + 2 * HOUR_MS)))
    check(evaluate(query, past, recorded.ring(first, query)), recorded, query)


def test_steps_that_were_rolled_up_and_are_in_the_ring_too_count_once() -> None:
    recorded = steady()
    ticks = len(recorded.times_ms)
    query = asked(0, 3, step_ms=600_000, aggregates=PLAIN)
    past = HandPast(recorded, written=ticks, rolled=ticks)
    result = evaluate(query, past, recorded.ring(ticks - 1800, query))
    check(result, recorded, query)
    assert [one.tier for one in result.reaches] == [Tier.TEN_MINUTES, Tier.RAW]


def test_series_without_a_reading_at_the_seam_is_joined_there_too() -> None:
    recorded = steady()
    ticks = len(recorded.times_ms)
    recorded.values[ticks - 1810 : ticks - 1790, 3] = np.nan
    query = asked(0, 3, step_ms=600_000, aggregates=PLAIN, selection=Selection.of(["system.load"]))
    past = HandPast(recorded, written=ticks, rolled=ticks)
    check(evaluate(query, past, recorded.ring(ticks - 1800, query)), recorded, query)


def test_series_that_left_the_ring_is_read_from_the_file() -> None:
    recorded = steady(0.3)
    query = asked(0, 0.3, step_ms=1000)
    first = len(recorded.times_ms) // 2
    ring = recorded.ring(first, query)
    ring = replace(ring, series=ring.series[1:], values=ring.values[:, 1:])
    check(evaluate(query, HandPast(recorded, written=len(recorded.times_ms)), ring), recorded, query)


def test_clock_that_was_set_back_gives_two_stretches_in_their_order() -> None:
    times = T0 + 1000 * np.concatenate([np.arange(1, 7201), np.arange(3001, 5401)])
    values = np.random.default_rng(3).random((len(times), len(EVERYTHING)))
    recorded = Recorded(EVERYTHING, times, values)
    for step_ms in (1000, 60_000, 600_000):
        for first in (len(times) - 900, 7000):  # the ring begins after the clock was set, and before
            query = asked(0, 2, step_ms=step_ms)
            past = HandPast(recorded, written=len(times) - 10, rolled=7200)
            result = evaluate(query, past, recorded.ring(first, query))
            check(result, recorded, query)
            assert (np.diff(result.times_ms) < 0).sum() == 1


def test_restart_within_a_step_leaves_one_step() -> None:
    recorded = steady(0.5)
    half = len(recorded.times_ms) // 2
    recorded.epochs[half:] = ["epoch-2"] * (len(recorded.times_ms) - half)
    recorded.offsets[half:] -= half
    query = asked(0, 0.5, step_ms=60_000)
    for written in (half, half + 5):
        check(evaluate(query, HandPast(recorded, written=written), recorded.ring(half, query)), recorded, query)


def test_what_the_fine_tiers_have_no_more_comes_from_the_coarse_ones() -> None:
    recorded = steady(6)
    ticks = len(recorded.times_ms)
    raw = int(np.searchsorted(recorded.times_ms, T0 + 4 * HOUR_MS, side="right"))
    past = HandPast(recorded, written=ticks, rolled=ticks, raw=raw, since_ms={Tier.TEN_MINUTES: 0})
    query = asked(0, 6, step_ms=60_000, aggregates=PLAIN)
    result = evaluate(query, past, recorded.ring(ticks, query))
    coarse = result.times_ms <= T0 + 4 * HOUR_MS
    assert set(np.diff(result.times_ms[coarse]).tolist()) == {600_000}
    assert set(np.diff(result.times_ms[~coarse]).tolist()) == {60_000}
    assert [one.tier for one in result.reaches] == [Tier.TEN_MINUTES, Tier.RAW]
    column = PLAIN.index(Aggregate.COUNT)
    counted = result.values.reshape(len(result.times_ms), -1, len(PLAIN))[:, :, column]
    assert np.nansum(counted) == (~np.isnan(recorded.values)).sum()


@pytest.mark.parametrize("step_ms", [1000, 60_000, 600_000, 3_600_000, 86_400_000])
@pytest.mark.parametrize("start", [0.0, 2.3, 2.55])
def test_what_is_hidden_is_in_no_step_of_any_tier(step_ms: int, start: float) -> None:
    recorded = steady(6)
    ticks = len(recorded.times_ms)
    raw = int(np.searchsorted(recorded.times_ms, T0 + 4 * HOUR_MS, side="right"))
    since_ms = {Tier.MINUTE: T0 + 3 * HOUR_MS, Tier.TEN_MINUTES: 0, Tier.HOUR: 0}
    past = HandPast(recorded, written=ticks, rolled=ticks, raw=raw, since_ms=since_ms)
    hidden_ms = T0 + round(2.3 * HOUR_MS)
    after = recorded.values[recorded.times_ms > hidden_ms]
    query = asked(max(start, 2.3), 6, step_ms=step_ms, aggregates=PLAIN, hidden_ms=hidden_ms)
    result = evaluate(query, past, recorded.ring(ticks, query))
    counted = result.values.reshape(len(result.times_ms), -1, len(PLAIN))
    assert 0 < np.nansum(counted[:, :, PLAIN.index(Aggregate.COUNT)]) <= (~np.isnan(after)).sum()
    highest = counted[:, :, PLAIN.index(Aggregate.MAX)]
    assert (np.isin(highest, after) | np.isnan(highest)).all()


def test_what_is_gone_is_said() -> None:
    recorded = steady(2)
    ticks = len(recorded.times_ms)
    past = HandPast(recorded, written=ticks, raw=1000)
    query = asked(0, 2, step_ms=1000)
    result = evaluate(query, past, recorded.ring(ticks - 100, query))
    assert result.expired_ms == recorded.times_ms[999]
    assert evaluate(asked(1, 2, step_ms=1000), past, recorded.ring(ticks - 100, query)).expired_ms is None


# --- steps ---------------------------------------------------------------------------------------------------------


def test_points_choose_the_step_and_the_coarsest_tier_that_gives_them() -> None:
    recorded = steady()
    ticks = len(recorded.times_ms)
    past = HandPast(recorded, written=ticks, rolled=ticks)
    query = asked(0, 3, points=100, aggregates=PLAIN)
    result = evaluate(query, past, recorded.ring(ticks, query))
    assert result.step_ms == 60_000
    assert len(result.times_ms) >= 100
    check(result, recorded, query)
    assert {Tier.MINUTE} == set(past.reads) - {Tier.RAW}


def test_steps_are_no_shorter_than_ticks_are_apart() -> None:
    recorded = steady(0.02)
    query = asked(0, 0.02, points=1000)
    assert evaluate(query, HandPast(recorded, written=0), recorded.ring(0, query)).step_ms == 1000


def test_faster_ticks_are_seen_as_they_came() -> None:
    times = T0 + np.concatenate([1000 * np.arange(1, 61), 60_000 + 100 * np.arange(1, 301)])
    recorded = Recorded(EVERYTHING, times, np.random.default_rng(5).random((len(times), len(EVERYTHING))))
    query = asked(0, 0.025, points=500, aggregates=PLAIN)
    result = evaluate(query, HandPast(recorded, written=0), recorded.ring(0, query))
    assert result.step_ms == 100
    check(result, recorded, query)
    grown = asked(0, 0.025, points=500)  # of which there is nothing between slow ticks
    assert evaluate(grown, HandPast(recorded, written=0), recorded.ring(0, grown)).step_ms == 1000


def test_percentiles_are_exact_where_ticks_reach_and_raise_the_step_where_they_do_not() -> None:
    recorded = steady(6)
    ticks = len(recorded.times_ms)
    raw = int(np.searchsorted(recorded.times_ms, T0 + 3 * HOUR_MS, side="right"))
    past = HandPast(recorded, written=ticks, rolled=ticks, raw=raw)
    near, far = asked(3.1, 6, step_ms=60_000), asked(0, 6, step_ms=60_000)
    exact = evaluate(near, past, recorded.ring(ticks - 900, near))
    assert (exact.step_ms, exact.approximate) == (60_000, False)
    check(exact, recorded, near)
    raised = evaluate(far, past, recorded.ring(ticks - 900, far))
    assert (raised.step_ms, raised.approximate) == (600_000, True)
    check(raised, recorded, far)


def test_shift_brings_what_was_before_under_the_times_of_now() -> None:
    recorded = steady()
    ticks = len(recorded.times_ms)
    past = HandPast(recorded, written=ticks, rolled=ticks)
    query = asked(2.1, 3, step_ms=60_000, shift_ms=2 * HOUR_MS)
    result = evaluate(query, past, recorded.ring(ticks - 900, query))
    check(result, recorded, query)
    assert T0 + 2 * HOUR_MS < result.times_ms[0] <= result.times_ms[-1] <= query.end_ms
    assert result.reaches[0].start_ms == query.start_ms


@pytest.mark.parametrize("step_ms", [1000, 90_000])
def test_what_grew_is_the_same_in_windows_of_a_query(step_ms: int) -> None:
    recorded = steady(2.2)
    ticks = len(recorded.times_ms)
    past = HandPast(recorded, written=ticks - 100, rolled=int(np.searchsorted(recorded.times_ms, T0 + 2 * HOUR_MS)))
    aggregates, load = (Aggregate.DELTA, Aggregate.RATE, Aggregate.COUNT), Selection.of(["system.load"])
    whole = asked(0.1234, 2.1, step_ms=step_ms, aggregates=aggregates, selection=load)
    windows = [replace(whole, start_ms=max(start, whole.start_ms), end_ms=min(start + HOUR_MS, whole.end_ms))
               for start in (T0, T0 + HOUR_MS, T0 + 2 * HOUR_MS)]  # fmt: skip
    found = [evaluate(one, past, recorded.ring(ticks - 900, one)) for one in [whole, *windows]]
    np.testing.assert_array_equal(found[0].values, np.concatenate([one.values for one in found[1:]]))


# --- which series --------------------------------------------------------------------------------------------------


def test_where_keeps_what_it_names() -> None:
    recorded = steady(0.1)
    query = asked(0, 0.1, step_ms=1000, selection=Selection.of([">"], {"device": ["sda"]}))
    result = evaluate(query, HandPast(recorded, written=0), recorded.ring(0, query))
    check(result, recorded, query)
    assert {one.attributes["device"] for one in result.series} == {"sda"}


@pytest.mark.parametrize("reduce", list(Reduce))
def test_groups_are_reduced_at_each_step(reduce: Reduce) -> None:
    recorded = steady(0.2)
    query = asked(0, 0.2, step_ms=20_000, aggregates=(Aggregate.MAX, Aggregate.AVG))
    ring = recorded.ring(0, query)
    alone = evaluate(query, HandPast(recorded, written=0), ring)
    grouped = evaluate(replace(query, group_by=("device",), reduce=reduce), HandPast(recorded, written=0), ring)
    assert [one.attributes for one in grouped.series] == [{"device": "sda"}, {"device": "sdb"}, {"device": ""}]
    assert [one.name for one in grouped.series] == ["system.disk.io", "system.disk.io", "system.load"]
    assert {one.key for one in alone.series[:2]} == {disk("sda", "read").key, disk("sda", "write").key}
    values = alone.values.reshape(-1, len(alone.series), 2)
    by_numpy = {
        Reduce.SUM: np.nansum,
        Reduce.AVG: np.nanmean,
        Reduce.MIN: np.nanmin,
        Reduce.MAX: np.nanmax,
        Reduce.COUNT: lambda block, axis: (~np.isnan(block)).sum(axis=axis),
    }
    both = values[:, :2]
    if reduce in PERCENTILES:
        expected = np.nanpercentile(both, PERCENTILES[reduce] * 100, axis=1)
    else:
        expected = by_numpy[reduce](both, axis=1)
    np.testing.assert_allclose(grouped.values.reshape(-1, 3, 2)[:, 0], expected)


def test_top_keeps_the_highest_by_their_mean() -> None:
    recorded = steady(0.1)
    query = asked(0, 0.1, step_ms=1000, aggregates=(Aggregate.LAST,), top=2)
    ring = recorded.ring(0, query)
    result = evaluate(query, HandPast(recorded, written=0), ring)
    alone = evaluate(replace(query, top=None), HandPast(recorded, written=0), ring)
    means = np.nanmean(alone.values, axis=0)
    assert {one.key for one in result.series} == {alone.series[place].key for place in np.argsort(means)[-2:]}


# --- bounds --------------------------------------------------------------------------------------------------------


def test_answer_that_would_be_too_much_says_what_to_ask_less_of() -> None:
    recorded = steady(0.5)
    past = HandPast(recorded, written=len(recorded.times_ms))
    query = asked(0, 0.5, step_ms=1000)
    for limits in (QueryLimits(values=100), QueryLimits(reads=1000)):
        with pytest.raises(ProtocolError, match=r"shorter time") as caught:
            evaluate(query, past, recorded.ring(len(recorded.times_ms) - 100, query), limits=limits)
        assert caught.value.code == ErrorCode.LIMIT


def test_cancelled_query_ends_between_parts() -> None:
    recorded = steady(0.1)
    query = asked(0, 0.1, step_ms=1000)
    with pytest.raises(InterruptedError):
        evaluate(query, HandPast(recorded, written=0), recorded.ring(0, query), cancelled=lambda: True)


def test_nothing_is_an_answer_too() -> None:
    recorded = steady(0.1)
    query = asked(5, 6, step_ms=1000)
    result = evaluate(query, HandPast(recorded, written=0), recorded.ring(0, query))
    assert (result.series, result.values.shape, result.expired_ms) == ((), (0, 0), None)


# --- any past ------------------------------------------------------------------------------------------------------

pasts = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 10_000),
        "cuts": st.lists(st.floats(0, 1), min_size=3, max_size=3).map(sorted),
        "back": st.one_of(st.none(), st.tuples(st.floats(0.1, 0.9), st.integers(1, 5000))),
        "restart": st.one_of(st.none(), st.floats(0.1, 0.95)),
        "range": st.tuples(st.floats(-0.1, 1.1), st.floats(-0.1, 1.1))
        .map(sorted)
        .filter(lambda two: two[0] + 0.001 < two[1]),
        "step_ms": st.sampled_from([100, 1000, 7000, 60_000, 420_000, 600_000, HOUR_MS]),
        "shift_ms": st.sampled_from([0, 0, 60_000, HOUR_MS, 1234]),
    }
)


@settings(max_examples=25, deadline=None)
@given(pasts)
def test_any_past_gives_what_numpy_gives(drawn: dict[str, object]) -> None:
    rng = np.random.default_rng(drawn["seed"])  # type: ignore[arg-type]  # an integer, as drawn
    apart = rng.choice([100, 1000, 1000, 1000, 1000, 5000, 60_000], 1500, p=[0.2, 0.2, 0.2, 0.15, 0.15, 0.08, 0.02])
    times = T0 + np.cumsum(apart)
    if drawn["back"] is not None:
        at, seconds = drawn["back"]  # type: ignore[misc]
        times[int(at * len(times)) :] -= seconds * 1000
    values = np.exp(rng.normal(0, 3, (len(times), len(EVERYTHING)))) * rng.choice([-1, 1, 0], (len(times), 4))
    values[rng.random(values.shape) < 0.1] = np.nan
    values[: len(times) // 3, 2] = np.nan
    recorded = Recorded(EVERYTHING, times, values)
    if drawn["restart"] is not None:
        at = int(drawn["restart"] * len(times))  # type: ignore[operator]
        recorded.epochs[at:] = ["epoch-2"] * (len(times) - at)
        recorded.offsets[at:] -= at
    first_row = recorded.epochs.index(recorded.epochs[-1])
    rolled, ring, written = (int(cut * len(times)) for cut in drawn["cuts"])  # type: ignore[attr-defined]
    ring = max(ring, first_row)
    rolled = _whole_hours(recorded, rolled)
    low, high = (T0 + int(part * (times.max() - T0)) for part in drawn["range"])  # type: ignore[attr-defined]
    shift_ms: int = drawn["shift_ms"]  # type: ignore[assignment]
    query = Query(
        ALL, low + shift_ms, high + shift_ms, step_ms=drawn["step_ms"], aggregates=EVERY_AGGREGATE, shift_ms=shift_ms
    )  # type: ignore[arg-type]
    past = HandPast(recorded, written=max(written, ring), rolled=rolled)
    result = evaluate(query, past, recorded.ring(ring, query))
    if result.step_ms % 1000 == 0 or result.step_ms == 100:
        check(result, recorded, query)


def _whole_hours(recorded: Recorded, rolled: int) -> int:
    """Return the row up to which the hours of a stretch are over that were so at this row."""
    if rolled == 0:
        return 0
    stretch = recorded.stretches[rolled - 1]
    over_ms = recorded.times_ms[rolled - 1] // HOUR_MS * HOUR_MS
    own = np.flatnonzero((recorded.stretches == stretch) & (recorded.times_ms <= over_ms))
    return int(own[-1]) + 1 if len(own) else int(np.argmax(recorded.stretches == stretch))
