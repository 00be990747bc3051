"""What is read from a file is what was written, in every tier, against plain numpy and whatever happened meanwhile."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.history.world import (
    ALL,
    DAY_MS,
    EVER,
    HOUR_MS,
    IO,
    LOAD,
    START_MS,
    Point,
    Segment,
    World,
    made,
    segment,
    segments,
)

from vitalcast.core.metrics.model import Series
from vitalcast.core.metrics.names import Selection
from vitalcast.core.query.past import Past, Rollup
from vitalcast.core.query.sketch import ERROR
from vitalcast.core.query.tier import ROLLUPS, Tier
from vitalcast.errors import HistoryError
from vitalcast.history.reader import FilePast
from vitalcast.history.step_blocks import SUM_ERROR

FRACTIONS = (0.5, 0.9, 0.95, 0.99)


def read_points(past: Past, series: list[Series], start_ms: int, end_ms: int) -> dict[Series, list[Point]]:
    found: dict[Series, list[Point]] = {}
    for part in past.ticks(series, start_ms, end_ms):
        rows = zip(part.offsets.tolist(), part.times_ms.tolist(), part.values.tolist(), strict=True)
        points = [(part.stretch, part.epoch, *row) for row in rows if not math.isnan(row[2])]
        found.setdefault(series[part.series], []).extend(points)
    return found


def steps_of(points: list[Point], tier: Tier) -> dict[tuple[int, int], np.ndarray]:
    """Return by stretch and end what was read in each step, in order."""
    steps: dict[tuple[int, int], list[float]] = {}
    for stretch, _, _, time_ms, value in points:
        steps.setdefault((stretch, -(-time_ms // tier) * tier), []).append(value)
    return {key: np.array(values) for key, values in steps.items()}


def check_rollup(part: Rollup, true: dict[tuple[int, int], np.ndarray], tier: Tier) -> list[tuple[int, int]]:
    """Hold each step of a part against what was read in it; return which steps those are."""
    keys = [(part.stretch, end_ms) for end_ms in part.times_ms.tolist()]
    for row, key in enumerate(keys):
        values = true[key]
        assert part.count[row] == len(values)
        assert (part.minimum[row], part.maximum[row], part.last[row]) == (values.min(), values.max(), values[-1])
        above = values.sum() - len(values) * values.min()
        assert abs(part.total[row] - values.sum()) <= SUM_ERROR * above + 1e-9 * np.abs(values).sum()
    if tier.has_histogram:
        assert part.sketches is not None
        for found, key in zip(part.sketches.percentiles(FRACTIONS, len(keys)), keys, strict=True):
            low, high = (
                np.percentile(true[key], [100 * one for one in FRACTIONS], method=method)
                for method in ("lower", "higher")
            )
            exact = np.percentile(true[key], [100 * one for one in FRACTIONS])
            assert (np.abs(found - exact) <= 1.01 * ERROR * np.maximum(np.abs(low), np.abs(high)) + 1e-300).all()
    return keys


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=12)
@given(st.lists(segments, min_size=1, max_size=6), st.integers(0, 2**32))
def test_every_tier_has_what_was_read(lives: list[Segment], seed: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder) / "history.db", seed)
        for segment in lives:
            world.live(segment)
        read_while_loose(world)
        world.settle()
        past = world.past()
        series = past.series(ALL, *EVER)
        assert set(series) == set(world.points)
        assert read_points(past, series, *EVER) == world.points
        for tier in ROLLUPS:
            check_tier(past, world, series, tier)
        past.close()
        world.history.close()


def read_while_loose(world: World) -> None:
    """What is not yet in blocks is read as well, each tick once."""
    past = world.past()
    series = past.series(ALL, *EVER)
    assert read_points(past, series, *EVER) == world.points
    past.close()


def check_tier(past: Past, world: World, series: list[Series], tier: Tier) -> None:
    true = {one: steps_of(points, tier) for one, points in world.points.items()}
    found: dict[Series, list[tuple[int, int]]] = {one: [] for one in series}
    for part in past.rollups(tier, series, *EVER):
        one = series[part.series]
        found[one] += check_rollup(part, true[one], tier)
    newest = max(stretch for points in world.points.values() for stretch, *_ in points)
    over_ms = -(-world.time_ms // HOUR_MS) * HOUR_MS - HOUR_MS
    for one in series:
        # Each once, in order, and all of them but those of the hour that goes on.
        assert found[one] == [key for key in true[one] if key[0] < newest or key[1] <= over_ms]


def test_a_range_has_what_is_after_its_start_and_up_to_its_end(tmp_path: Path) -> None:
    world = made(tmp_path, segment(500, 13_000))
    world.settle()
    points = world.points[LOAD]
    for start, end in ((points[3][3], points[400][3]), (points[3][3] - 1, points[3][3]), (points[5][3], points[5][3])):
        true = [point for point in points if start < point[3] <= end]
        assert read_points(world.past(), [LOAD], start, end).get(LOAD, []) == true
        for tier in ROLLUPS:
            parts = list(world.past().rollups(tier, [LOAD], start, end))
            ends = [time_ms for part in parts for time_ms in part.times_ms.tolist()]
            assert ends == [key[1] for key in steps_of(points, tier) if start < key[1] <= end]


def test_series_are_those_that_are_meant_and_were_there_then(tmp_path: Path) -> None:
    world = made(tmp_path, segment(10, devices=("a",)), segment(10, jump_ms=5 * HOUR_MS, devices=("b",)))
    world.settle()
    past = world.past()
    assert [one.key for one in past.series(Selection.of(["test.io"]), *EVER)] == [
        'test.io{device="a"}',
        'test.io{device="b"}',
    ]
    assert [one.key for one in past.series(Selection.of(["test.io"], {"device": ["b"]}), *EVER)] == [
        'test.io{device="b"}'
    ]
    assert [one.key for one in past.series(Selection.of(["test.io"]), START_MS + 4 * HOUR_MS, 2**60)] == [
        'test.io{device="b"}'
    ]
    (found,) = past.series(Selection.of(["test.load"]), *EVER)
    assert found.description == LOAD.description


def test_the_extent_is_how_far_each_tier_goes(tmp_path: Path) -> None:
    world = made(tmp_path, segment(100, 60_000))
    assert [reach.tier for reach in world.past().extent().reaches] == [Tier.RAW, *ROLLUPS]
    first, last = START_MS + 60_000, world.time_ms
    raw, *rollups = world.past().extent().reaches
    assert (raw.start_ms, raw.end_ms) == (first - 1, last)
    for reach in rollups:
        assert reach.start_ms == -(-first // reach.tier) * reach.tier - reach.tier
        assert reach.end_ms == last // HOUR_MS * HOUR_MS
    assert world.past().extent().nbytes > 0


def test_all_that_came_after_a_tick_is_given_or_nothing(tmp_path: Path) -> None:
    world = made(tmp_path, segment(700, 5000), segment(30, 5000, devices=()))
    io = Series(IO, ("a",))
    past = world.past()
    for offset in (0, 1, 350, 699):
        parts = past.after("epoch-1", offset, [LOAD, io])
        assert parts is not None
        for place, one in enumerate([LOAD, io]):
            rows = [
                (offset, value)
                for part in parts
                if part.series == place
                for offset, value in zip(part.offsets.tolist(), part.values.tolist(), strict=True)
                if not math.isnan(value)
            ]
            assert rows == [(point[2], point[4]) for point in world.points[one] if point[2] > offset]
    assert past.after("epoch-1", world.offset, [LOAD]) == []
    assert past.after("epoch-1", world.offset + 1, [LOAD]) is None
    assert past.after("epoch-2", 1, [LOAD]) is None
    with world.changed() as connection:
        connection.execute("DELETE FROM axis WHERE first_offset = 1")
    assert world.past().after("epoch-1", 0, [LOAD]) is None


def test_what_was_thinned_out_is_not_given_for_all_that_came(tmp_path: Path) -> None:
    world = World(tmp_path / "history.db", 1, fast_ms=HOUR_MS)
    world.live(segment(95, 100, jump_ms=HOUR_MS, devices=()))
    world.live(segment(1, jump_ms=HOUR_MS))
    assert world.past().after("epoch-1", 0, [LOAD]) is not None
    world.settle()
    seconds = {-(-point[3] // 1000): point for point in world.points[LOAD]}
    kept = read_points(world.past(), [LOAD], *EVER)[LOAD]
    assert len(kept) < len(world.points[LOAD]) - 50
    assert set(kept) <= set(seconds.values())
    assert world.past().after("epoch-1", 0, [LOAD]) is None
    assert world.past().after("epoch-1", 95, [LOAD]) is not None


def test_two_pasts_of_one_time_stand_side_by_side(tmp_path: Path) -> None:
    world = made(tmp_path, segment(300, 10_000), segment(300, 10_000, jump_ms=-2_000_000))
    stretches = [part.stretch for part in world.past().ticks([LOAD], *EVER)]
    first = stretches[0]
    assert sorted(set(stretches)) == [first, first + 1]
    assert stretches == sorted(stretches)
    assert read_points(world.past(), [LOAD], *EVER)[LOAD] == world.points[LOAD]


def test_what_a_clock_says_that_is_days_ahead_waits_until_then(tmp_path: Path) -> None:
    world = made(tmp_path, segment(20))
    first = list(world.points[LOAD])
    world.live(segment(20, jump_ms=3 * DAY_MS))
    world.time_ms -= 3 * DAY_MS
    ahead = [point for point in world.points[LOAD] if point not in first]
    world.live(segment(20))
    with_time = [point for point in world.points[LOAD] if point not in ahead]
    past = world.past()
    assert read_points(past, [LOAD], *EVER)[LOAD] == with_time
    assert past.extent().reaches[0].end_ms == world.time_ms
    world.live(segment(20, jump_ms=3 * DAY_MS - HOUR_MS))
    assert read_points(world.past(), [LOAD], *EVER)[LOAD] == world.points[LOAD]


def test_a_damaged_part_is_left_out_and_told_and_all_else_read(tmp_path: Path) -> None:
    world = made(tmp_path, segment(1500, 10_000))
    world.settle()
    with world.changed() as connection:
        ((id_, data),) = connection.execute("SELECT id, data FROM block ORDER BY id LIMIT 1").fetchall()
        connection.execute("UPDATE block SET data = ? WHERE id = ?", (data[:-9] + bytes(9), id_))
        (axis,) = (
            connection.execute("SELECT first_offset, last_offset FROM axis WHERE id = ?", (id_ >> 32,)).fetchone(),
        )
    told: list[None] = []
    past = FilePast(world.path, unreadable=lambda: told.append(None))
    lost = [point for point in world.points[LOAD] if axis[0] <= point[2] <= axis[1]]
    kept = [point for point in world.points[LOAD] if point not in lost]
    assert lost
    assert read_points(past, [LOAD], *EVER)[LOAD] == kept
    assert told
    assert past.after("epoch-1", 0, [LOAD]) is None


def test_a_view_stays_as_it_was_when_it_began(tmp_path: Path) -> None:
    world = made(tmp_path, segment(50))
    past, before = world.past(), list(world.points[LOAD])
    world.live(segment(50))
    world.settle()
    assert read_points(past, [LOAD], *EVER)[LOAD] == before


def test_an_interrupted_view_reads_nothing_more(tmp_path: Path) -> None:
    world = made(tmp_path, segment(1500, 10_000))
    past = world.past()
    parts = past.ticks([LOAD], *EVER)
    next(parts)
    past.interrupt()
    with pytest.raises(InterruptedError):
        list(parts)
    with pytest.raises(InterruptedError):
        past.extent()
    past.close()
    past.close()


def test_a_file_that_is_not_there_or_none_of_ours_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match="cannot be read"):
        FilePast(tmp_path / "none.db")
    (tmp_path / "text.db").write_text("something else entirely, of some length" * 100)
    with pytest.raises(HistoryError, match="cannot be read"):
        FilePast(tmp_path / "text.db")
