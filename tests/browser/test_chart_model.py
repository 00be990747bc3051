"""What is drawn of a stream's readings: nothing that was not there, and nothing left out that was."""

from __future__ import annotations

from typing import Any

import pytest
from tests.browser.conftest import RunJs
from tests.browser.panel_heads import HEADS

pytestmark = pytest.mark.asyncio(loop_scope="session")

PICTURE = (
    HEADS
    + """
const { StreamStore } = await load('client/store'); const { CalmRange } = await load('charts/model/axis');
const { chartModelOf } = await load('charts/model/chart_model');
const panel = { id: "p", title: "P", order: ["b", "a"] };
const series = (...names) => names.map((d) => ({ name: "m", unit: "1", attributes: { d } }));
const stream = (interval = 1) => {
  const store = new StreamStore({ windowS: 900, intervalS: interval });
  store.ack({ epoch: "e", interval });
  return store;
};
const picture = (panel, store, options = {}) => {
  return chartModelOf({ panel, store, layout: described(panel, store), range: new CalmRange(),
    from: store.newest - 300_000, to: store.newest, width: 600, height: 200, ...options });
};
const plain = (values) => Array.from(values, (value) => Number.isNaN(value) ? null : Math.round(value * 1000) / 1000);
const dice = (seed) => () => (seed = (seed * 1664525 + 1013904223) % 2 ** 32) / 2 ** 32;
/** Readings at 0.1 s with holes in time, holes in single series and spikes. */
const restless = (seed, rows, columns) => {
  const random = dice(seed); const times = []; const values = Array.from({ length: columns }, () => []);
  let time = 1_790_000_000_000 + Math.floor(random() * 1e6);
  for (let row = 0; row < rows; row += 1) {
    time += random() < 0.002 ? 100 * Math.ceil(random() * 100) : 100;
    times.push(time);
    for (const column of values) column.push(random() < 0.01 ? null : random() ** 8 * 100);
  }
  const store = stream(0.1);
  store.snapshot({ offset: rows, time, series: series(..."abcdefgh".slice(0, columns)), times, values });
  return { store, random };
};
"""
)


@pytest.mark.parametrize("look", [{}, {"stack": True}, {"chart": "heatmap"}, {"max": 1e308}, {"max": "top"}])
async def test_what_no_machine_has_is_left_out_of_charts_as_a_missing_value_is(js: RunJs, look: dict[str, Any]) -> None:
    found = await js(
        PICTURE
        + """const store = stream(); const rows = given.values.length;
             store.snapshot({ offset: rows, time: rows * 1000, times: given.values.map((_, i) => (i + 1) * 1000),
               series: [...series("a", "b"), { name: "top", unit: "1", attributes: {} }],
               values: [given.values, given.values.map((value) => -value), given.values] });
             const model = picture({ ...panel, ...given.look }, store, { from: 0, width: given.width });
             const drawn = model.shapes ? model.shapes.flatMap(({ top, base }) => [...top, ...base])
               : model.rows.flatMap(({ value }) => [...value]);
             return { drawn: drawn.filter((value) => !Number.isNaN(value)), ticks: (model.yTicks ?? []).length,
                      scale: [model.low, model.high].every(Number.isFinite) };""",
        {"look": look, "values": [0.5, 3e307, 1e308, 1.7976931348623157e308, 5e-324, 0.25] * 60, "width": 80},
    )
    assert found["scale"]
    assert found["ticks"] <= 7
    assert max(map(abs, found["drawn"])) == 0.5


async def test_a_stack_is_drawn_in_order_and_its_rest_is_left_empty(js: RunJs) -> None:
    assert await js(
        PICTURE
        + """const store = stream();
             store.snapshot({ offset: 1, series: series("a", "b", "idle"), times: [1000, 2000],
               values: [[0.1, 0.2], [0.3, null], [0.6, 0.8]] });
             const { kind, shapes, low, high } = picture({ ...panel, stack: true, max: 1 }, store);
             const drawn = shapes.map(({ key, base, top, value }) => [key, plain(base), plain(top), plain(value)]);
             return [kind, drawn, low, high];"""
    ) == [
        "lines",
        [["b", [0, 0], [0.3, 0], [0.3, None]], ["a", [0.3, 0], [0.4, 0.2], [0.1, 0.2]]],
        0,
        1,
    ]


async def test_what_goes_down_hangs_from_the_axis(js: RunJs) -> None:
    found = await js(
        PICTURE
        + """const store = stream();
             const one = (d, way) => ({ name: "m", unit: "By/s", attributes: { d, way } });
             const both = ["a", "b"].flatMap((d) => ["in", "out"].map((way) => one(d, way)));
             store.snapshot({ offset: 1, series: both, times: [1000, 2000], values: [[1, 2], [3, 4], [5, 6], [7, 8]] });
             const of = (stack) => picture({ ...panel, order: [], below: true, stack }, store)
               .shapes.map(({ key, down, base, top, value }) => [key, down, plain(base), plain(top), plain(value)]);
             const { low, high, yTicks } = picture({ ...panel, below: true }, store);
             return { lines: of(false), bands: of(true), low, high, first: yTicks[0] };"""
    )
    assert found["lines"] == [
        ["a", False, [0, 0], [1, 2], [1, 2]],
        ["a", True, [0, 0], [-3, -4], [3, 4]],
        ["b", False, [0, 0], [5, 6], [5, 6]],
        ["b", True, [0, 0], [-7, -8], [7, 8]],
    ]
    assert found["bands"] == [
        ["a", False, [0, 0], [1, 2], [1, 2]],
        ["a", True, [0, 0], [-3, -4], [3, 4]],
        ["b", False, [1, 2], [6, 8], [5, 6]],
        ["b", True, [-3, -4], [-10, -12], [7, 8]],
    ]
    assert found["low"] == -8
    assert found["high"] == 8
    assert found["first"]["text"] == "8\u00a0B/s"


async def test_a_gap_is_drawn_as_a_gap(js: RunJs) -> None:
    assert await js(
        PICTURE
        + """const store = stream();
             store.snapshot({ offset: 1, series: series("a", "b"), times: [1000, 2000, 5000, 6000],
               values: [[1, 1, 1, 1], [0, 0, 0, 0]] });
             const { areaPath, linePath, placesOf } = await load('charts/model/svg_path');
             const { times, shapes, breaks } = picture({ ...panel, stack: true }, store);
             const { top, base } = shapes[1];
             const places = placesOf(times, (time) => time / 1000);
             return [plain(top), linePath(places, top, (y) => y), areaPath(places, top, base, (y) => y), breaks,
                     picture(panel, store, { from: 5500 }).breaks,
                     picture(panel, store, { to: 20_000 }).breaks.at(-1)];"""
    ) == [
        [1, 1, None, 1, 1],
        "M1,1L2,1M5,1L6,1",
        "M1,1L2,1L2,0L1,0ZM5,1L6,1L6,0L5,0Z",
        [{"from": 2000, "to": 5000, "why": "missing"}],
        [],
        {"from": 6000, "to": 20000, "why": "missing", "open": True},
    ]


async def test_an_axis_ends_where_the_panel_says_until_the_data_pass_it(js: RunJs) -> None:
    assert await js(
        PICTURE
        + """const ends = (panel, values) => { const store = stream();
               const both = [...series("a"), { name: "top", unit: "1", attributes: {} }];
               store.snapshot({ offset: 1, series: both, times: [1000],
                 values: [[values[0]], [values[1]]] });
               const { low, high, reference } = picture(panel, store);
               return [low, high, Number.isNaN(reference) ? null : reference]; };
             return [ends({ ...panel, max: 1 }, [0.2, 9]), ends({ ...panel, max: 1 }, [1.01, 9]),
                     ends({ ...panel, max: 1 }, [3, 9]),
                     ends({ ...panel, max: "top" }, [0.2, 7]), ends({ ...panel, max: "top" }, [0.2, null]),
                     ends({ ...panel, reference: "top" }, [0.2, 4]), ends({ ...panel, span_min: 10 }, [0.2, 9])];"""
    ) == [
        [0, 1, None],
        [0, 1, None],
        [0, 3, None],
        [0, 7, None],
        [0, 0.2, None],
        [0, 4, 4],
        [0, 10, None],
    ]


async def test_a_frozen_window_shows_what_it_spans(js: RunJs) -> None:
    """Any window, of any number of readings, on any number of pixels: one point beyond each edge, and in order."""
    assert (
        await js(
            PICTURE
            + """const { store, random } = restless(3, 9000, 3); const { ring } = store; const wrong = [];
             for (let round = 0; round < 200; round += 1) {
               const start = ring.time(0) - 1e5 + random() * (store.newest - ring.time(0) + 2e5);
               const from = start; const to = start + 1000 + random() ** 3 * 1e6;
               const width = 50 + Math.floor(random() * 1000);
               const { times, shapes } = picture({ ...panel, stack: random() < 0.5 }, store, { from, to, width });
               const inside = times.filter((time) => time >= from && time <= to).length;
               if (times.some((time, i) => i && !(time >= times[i - 1]))) wrong.push(`order ${round}`);
               // A bucket of two points and the break beside it may stand beyond an edge, and one point of another.
               const beyond = [times.filter((time) => time < from).length, times.filter((time) => time > to).length];
               if (beyond[0] > 4 || beyond[1] > 3) wrong.push(`edges ${round}`);
               const rows = ring.firstAtOrAfter(to + 1) - ring.firstAtOrAfter(from);
               if ((rows > 0) !== (inside > 0) && rows > 60) wrong.push(`empty ${round} ${rows} ${inside}`);
               const lengths = shapes.flatMap(({ top, base, value }) => [top.length, base.length, value.length]);
               if (lengths.some((length) => length !== times.length)) wrong.push(`lengths ${round}`);
             }
             return wrong;"""
        )
        == []
    )


async def test_fewer_points_keep_every_high_and_low(js: RunJs) -> None:
    """Each line's, or each band's upper edge's, between any two breaks; and no more points than pixels."""
    assert (
        await js(
            PICTURE
            + """const wrong = [];
             const extremes = (values) => { const known = values.filter((value) => !Number.isNaN(value));
               const text = (value) => value.toFixed(9);
               return known.length ? `${text(Math.min(...known))} ${text(Math.max(...known))}` : ""; };
             for (const stack of [false, true]) for (let seed = 1; seed <= 6; seed += 1) {
               const { store } = restless(seed, 5000 + 800 * seed, 3); const { ring } = store;
               const window = { from: ring.time(0), width: 300 };
               const { times, shapes, breaks } = picture({ ...panel, stack }, store, window);
               if (times.length > 300 + 3 * breaks.length + 4) wrong.push(`points ${times.length}`);
               const { lines } = described(panel, store); const sums = new Float64Array(ring.length);
               lines.forEach(({ column }, i) => {
                 const real = sums.map((sum, row) => (stack ? sum : 0) + ring.value(column, row));
                 for (let row = 0; row < ring.length; row += 1) sums[row] += ring.value(column, row) || 0;
                 if (extremes(real) !== extremes(shapes[i].top)) wrong.push(`all ${seed} ${stack} ${i}`);
                 const bucketMs = 100 * Math.ceil((store.newest - ring.time(0)) / 150 / 100);
                 const first = Math.ceil(ring.time(0) / bucketMs) * bucketMs;
                 for (let at = first; at + bucketMs < store.newest; at += 7 * bucketMs) {
                   const within = (time) => time >= at && time < at + 7 * bucketMs;
                   const seen = shapes[i].top.filter((_, point) => within(times[point]));
                   const there = real.filter((_, row) => within(ring.time(row)));
                   if (extremes(there) !== extremes(seen)) wrong.push(`part ${seed} ${stack} ${i}`);
                 }
               });
               if (stack) shapes.forEach(({ base, top, value }, i) => top.forEach((height, point) => {
                 const off = Math.abs(height - base[point] - value[point]);
                 if (off > 1e-9 || value[point] < -1e-9) wrong.push(`sum ${seed} ${i}`);
               }));
             }
             return [...new Set(wrong)];"""
        )
        == []
    )


async def test_lines_do_not_shimmer_while_the_window_moves(js: RunJs) -> None:
    """What was drawn of the past is drawn again, and as if it had been drawn afresh."""
    assert (
        await js(
            PICTURE
            + """const { store, random } = restless(5, 4000, 2); const wrong = []; let before = null;
             const points = ({ times, shapes }) =>
               Array.from(times, (time, i) => [time, ...shapes.map(({ top }) => top[i])].join());
             for (let tick = 0; tick < 400; tick += 1) {
               const time = store.newest + (random() < 0.02 ? 900 : 100);
               store.data({ offset: 9000 + tick, time, values: [random(), random()] });
               const window = { from: store.newest - 400_000, width: 250 };
               const now = points(picture(panel, store, window));
               if (before) { const known = new Set(now);
                 // All but those that leave on the left and the bucket that is still filled.
                 if (before.slice(3, -3).some((point) => !known.has(point))) wrong.push(`moved at ${tick}`); }
               before = now;
               const afresh = () => points(picture(panel, store.copy(), window));
               if (tick % 50 === 0 && afresh().join() !== now.join()) wrong.push(`not afresh at ${tick}`);
             }
             return wrong;"""
        )
        == []
    )


async def test_no_line_goes_back_whatever_becomes_of_the_clock(js: RunJs) -> None:
    """Set back and ahead, by little and by much, live and in snapshots: the newest is at the edge, in order."""
    wrong = await js(
        PICTURE
        + """const wrong = [];
             for (let seed = 1; seed <= 6; seed += 1) {
               const random = dice(seed); const store = stream(); let time = 1e9; let offset = 0;
               store.snapshot({ offset, series: series("a", "b"), times: [time], values: [[1], [1]] });
               const next = () => { offset += 1;
                 time += random() < 0.06 ? Math.round((random() - 0.5) * 10 ** (2 + 6 * random())) : 1000;
                 return time; };
               for (let tick = 0; tick < 300; tick += 1) {
                 if (random() < 0.05) {
                   const times = Array.from({ length: Math.floor(random() * 30) + 1 }, next);
                   store.snapshot({ offset, time, times, series: series("a", "b"), values: [times, times] });
                 } else store.data({ time: next(), offset, values: [random(), random()] });
                 for (const width of [100, 600]) {
                   const { times, to } = picture(panel, store, { width });
                   const falls = times.some((at, i) => at < times[i - 1]);
                   if (falls || to !== time || times.at(-1) !== time) wrong.push(`${seed}/${tick}/${width}`);
                 }
                 const odd = store.breaks.some(({ from, to }) => !(from < to && to <= time));
                 if (odd) wrong.push(`${seed}/${tick} breaks`);
               }
             }
             return wrong.slice(0, 5);"""
    )
    assert wrong == []


async def test_a_heatmap_keeps_each_cells_highest(js: RunJs) -> None:
    assert await js(
        PICTURE
        + """const store = stream(); const rows = Array.from({ length: 600 }, (_, i) => (i + 1) * 1000);
             store.snapshot({ offset: 1, series: series("10", "2"), times: rows,
               values: [rows.map(() => 0.1), rows.map((time) => time === 333_000 ? 0.9 : 0.2)] });
             const { kind, rows: drawn, times, low, high, unit } =
               picture({ ...panel, chart: "heatmap", max: 1 }, store, { from: 0, to: 600_000, width: 300 });
             const peak = drawn[0].value.indexOf(0.9);
             return [kind, drawn.map(({ key }) => key), times.length <= 102, Math.abs(times[peak] - 333_000) <= 6000,
                     Math.max(...drawn[1].value), low, high, unit,
                     picture({ ...panel, chart: "heatmap" }, store, { from: 0, to: 3000 }).rows[0].value.length];"""
    ) == ["heatmap", ["2", "10"], True, True, 0.1, 0, 1, "1", 3]


async def test_what_is_ready_is_bounded_and_goes_with_its_rows(js: RunJs) -> None:
    """Ten thousand rows through a short ring: no picture knows of rows that the ring has let go."""
    assert await js(
        PICTURE
        + """const store = new StreamStore({ windowS: 60, intervalS: 0.1 }); store.ack({ epoch: "e", interval: 0.1 });
             store.snapshot({ offset: 0, series: series("a"), times: [0], values: [[0]] });
             let longest = 0; let oldest = Infinity;
             for (let tick = 1; tick <= 10_000; tick += 1) {
               store.data({ offset: tick, time: tick * 100, values: [tick] });
               if (tick % 7) continue;
               const { times } = picture(panel, store, { from: 0, width: 100 });
               longest = Math.max(longest, times.length);
               if (tick > 9000) oldest = Math.min(oldest, store.newest - times[0]);
             }
             return [longest <= 200, oldest <= 70_000, store.ring.length];"""
    ) == [True, True, 602]


async def test_a_window_of_any_length_has_few_time_labels(js: RunJs) -> None:
    assert await js(
        """const { timeTicks } = await load('charts/model/axis');
           return [1e3, 1e9, 1e12, 8.64e15].every((to) => {
             const { length } = timeTicks({ from: 0, to, most: 6, clock: String });
             return length >= 1 && length <= 7; });"""
    )


async def test_labels_have_a_sign_unless_all_below_the_axis_is_drawn_downwards(js: RunJs) -> None:
    found = await js(
        PICTURE
        + """const of = (panel, values) => {
               const store = stream();
               const both = ["in", "out"].map((way) => ({ name: "m", unit: "Cel", attributes: { d: "a", way } }));
               const times = values[0].map((_, i) => 1000 * (i + 1));
               store.snapshot({ offset: 1, series: both, times, values });
               const { low, high, yTicks } = picture(panel, store);
               return yTicks ? yTicks.map(({ text }) => text.replace("\\u00a0", " ")) : [low, high];
             };
             const mirror = { ...panel, order: [], below: true };
             const apart = panel;
             return [of(apart, [[-18, -2], [12, 5]]), of(mirror, [[12, 5], [18, 2]]), of(mirror, [[12, -5], [18, 2]]),
               of({ ...apart, chart: "heatmap" }, [[-18, -2], [12, 5]])];"""
    )
    assert found == [
        ["−20 °C", "−10 °C", "0", "10 °C", "20 °C"],
        ["20 °C", "10 °C", "0", "10 °C", "20 °C"],
        ["−20 °C", "−10 °C", "0", "10 °C", "20 °C"],
        [-20, 20],
    ]
