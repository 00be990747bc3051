"""The strip of the whole kept time as numbers: its axis, what a hand does on it, and the load of the machine."""

from __future__ import annotations

import pytest
from tests.browser.conftest import RunJs

pytestmark = pytest.mark.asyncio(loop_scope="session")

AXIS = """
const { OverviewAxis } = await load('charts/model/overview_axis');
const H = 3_600_000, D = 24 * H, now = Date.UTC(2026, 10, 27, 18, 30);
const axisOf = (agoMs, width = 1400) => new OverviewAxis({ from: now - agoMs, to: now, width });
"""


async def test_each_part_of_the_past_has_its_own_scale(js: RunJs) -> None:
    assert await js(
        AXIS
        + """const texts = (axis) => axis.ticks().map(({ text }) => text.replaceAll("\\u00a0", " ")).join(",");
             const said = (axis) => axis.parts.map(({ words }) => words.replaceAll("\\u00a0", " "));
             const month = axisOf(30 * D);
             const places = [30 * D, 7 * D, D, H, 60_000, 0].map((ago) => month.placeOf(now - ago));
             const back = places.map((x) => Math.round((now - month.timeAt(x)) / 1000) * 1000);
             return { hour: said(axisOf(H)), day: said(axisOf(26 * H)), month: said(month),
               years: said(axisOf(800 * D)),
               places: places.map(Math.round), back, young: [axisOf(0).timeAt(1400) === now, said(axisOf(0))],
               beyond: [month.placeOf(now - 99 * D), month.placeOf(now + D), month.timeAt(-9) === month.from],
               ticks: texts(month), begun: texts(axisOf(0, 400)),
               summer: texts(axisOf(60 * D)).split(",").slice(0, 4) };"""
    ) == {
        "hour": ["since 18:30"],
        "day": ["since 26 Nov", "1 h ago"],
        "month": ["since 28 Oct", "7 d ago", "24 h ago", "1 h ago"],
        "years": ["since 18 Sep 2024", "1 y ago", "30 d ago", "7 d ago", "24 h ago", "1 h ago"],
        "places": [0, 378, 757, 1135, 1396, 1400],
        "back": [30 * 86_400_000, 7 * 86_400_000, 86_400_000, 3_600_000, 60_000, 0],
        "young": [True, ["since 19:29"]],
        "beyond": [0, 1400, True],
        "ticks": "2 Nov,9 Nov,16 Nov,22 Nov,23 Nov,24 Nov,25 Nov,26 Nov,27 Nov,06:00,12:00,18:45,19:00,19:15",
        "begun": "19:29:10,19:29:20,19:29:30,19:29:40,19:29:50",
        "summer": ["5 Oct", "12 Oct", "19 Oct", "2 Nov"],  # days begin at another hour then
    }


async def test_a_hand_moves_the_window_its_edges_or_picks_another(js: RunJs) -> None:
    assert await js(
        AXIS
        + """const axis = axisOf(10 * D, 1000), x = (ago) => axis.placeOf(now - ago);
             const shown = { from: now - 2 * D, to: now - D };
             const ago = ({ from, to }) => [from, to].map((time) => Math.round((now - time) / H));
             return [
               axis.dragged("pan", shown, x(2 * D), x(3 * D)), axis.dragged("pan", shown, x(2 * D), x(-D)),
               axis.dragged("from", shown, x(2 * D), x(4 * D)), axis.dragged("from", shown, x(2 * D), x(0)),
               axis.dragged("to", shown, x(D), x(12 * H)), axis.dragged("pick", shown, x(6 * H), x(9 * H)),
               axis.about(x(5 * D), D), axis.about(x(5 * D), 60_000), axis.about(x(9.9 * D), 2 * D),
               axis.moved({ from: now - 99 * D, to: now }, D)].map(ago);"""
    ) == [
        [72, 48],  # as far as the hand has moved
        [24, 0],  # and no further than now
        [96, 24],
        [24, 24],
        [48, 12],
        [9, 6],
        [132, 108],
        [122, 118],  # a minute there is less than a pixel
        [240, 192],
        [2376, 0],
    ]


async def test_the_load_is_what_is_not_idle_and_its_peak_is_kept(js: RunJs) -> None:
    assert await js(
        """const { areaPath, joined, loadOf, loadQuery } = await load('charts/model/overview_load');
           const times = [60, 120, 180, 600, 660].map((s) => s * 1000);
           const values = [[0.9, 0.8, null, 0.7, 1], [0.9, 0.25, null, 0.7, 1]];
           const old = loadOf({ times, values, step: 60 });
           const late = loadOf({ times: [605_000, 610_000], values: [[0.5, 0.5], [0.5, 0]], step: 5 });
           const both = joined([old, late]);
           const round = (values) => values.map((value) => Math.round(value * 100) / 100);
           const query = loadQuery({ from: -5, to: 10.4, points: 3 });
           return { mean: round(old.mean).map((one) => Number.isNaN(one) ? null : one), peak: round(old.peak)[1],
             holes: old.holes,
             coarser: loadOf({ times: [60, 120, 720, 1320].map((s) => s * 1000), values: [], step: 60 }).holes,
             times: both.times.map((time) => time / 1000), none: loadOf({ times: [], values: [], step: 60 }).mean,
             query: [query.start, query.end, query.aggregate],
             path: areaPath(old, "mean", { placeOf: (time) => time / 60_000, height: 100 }) };"""
    ) == {
        "mean": [0.1, 0.2, None, 0.3, 0],
        "peak": 0.75,
        "holes": [{"from": 180_000, "to": 540_000}],
        "coarser": [],
        "times": [60, 120, 180, 600, 605, 610],
        "none": [],
        "query": [0, 10, ["avg", "min"]],
        "path": "M1.0 100L1.0 90.0L2.0 80.0L2.0 100ZM10.0 100L10.0 70.0L11.0 100.0L11.0 100Z",
    }
