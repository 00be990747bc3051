"""The frontend's own modules, run in the browser that will run them."""

from __future__ import annotations

import pytest
from tests.browser.conftest import RunJs

pytestmark = pytest.mark.asyncio(loop_scope="session")

NBSP = "\u00a0"


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.1234, "1", "12.3 %"),
        (1, "1", "100.0 %"),
        (0, "By", "0 B"),
        (1000, "By", "0.98 KiB"),
        (999, "By", "999 B"),
        (1024, "By", "1.00 KiB"),
        (25 * 1024**3, "By", "25.0 GiB"),
        (1536, "By/s", "1.50 KiB/s"),
        (2.5e9, "Hz", "2.50 GHz"),
        (56.25, "Cel", "56.3 °C"),
        (0.42, "{thread}", "0.42"),
        (12, "{process}", "12"),
        (1500, "{operation}/s", "1.50 k/s"),
        (3725, "s", "1 h 2 min"),
        (None, "By", "–"),
        (-5, "Cel", "−5.0 °C"),
    ],
)
async def test_formats_values_by_their_unit(js: RunJs, value: float | None, unit: str, text: str) -> None:
    body = "return (await load('core/format')).formatValue(given.value, given.unit)"
    shown = await js(body, {"value": value, "unit": unit})
    assert shown.replace(NBSP, " ") == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.0042, "4.2 ms"),
        (0.25, "250 ms"),
        (3, "3 s"),
        (59.6, "1 min"),
        (185, "3 min 5 s"),
        (86400 * 6 + 3600 * 4, "6 d 4 h"),
    ],
)
async def test_formats_durations_in_at_most_two_steps(js: RunJs, seconds: float, text: str) -> None:
    shown = await js("return (await load('core/format')).formatDuration(given)", seconds)
    assert shown.replace(NBSP, " ") == text


@pytest.mark.parametrize(
    ("seconds", "ago", "old"), [(0.4, "now", "< 1 s old"), (3.9, "3 s ago", "3 s old"), (75, "1 min 15 s ago", None)]
)
async def test_formats_ages_in_whole_seconds(js: RunJs, seconds: float, ago: str, old: str | None) -> None:
    shown = await js(
        "const { formatAgo, formatAge } = await load('core/format'); return [formatAgo(given), formatAge(given)]",
        seconds,
    )
    assert shown[0].replace(NBSP, " ") == ago
    assert old is None or shown[1].replace(NBSP, " ") == old


async def test_labels_ticks_as_short_as_they_are_exact(js: RunJs) -> None:
    shown = await js(
        """const { formatTick } = await load('core/format');
           return [[0.25, "1"], [0.005, "1"], [0, "By/s"], [524288, "By/s"], [1572864, "By"], [20, "{thread}"]]
             .map(([value, unit]) => formatTick(value, unit));"""
    )
    assert [text.replace(NBSP, " ") for text in shown] == ["25 %", "0.5 %", "0", "512 KiB/s", "1.5 MiB", "20"]


async def test_a_ring_overwrites_its_oldest_rows(js: RunJs) -> None:
    assert await js(
        """const { Ring } = await load('core/ring');
           const ring = new Ring(3, 2);
           for (let i = 1; i <= 5; i += 1) ring.push(i * 1000, [i, i === 4 ? null : -i]);
           return { times: [0, 1, 2].map((row) => ring.time(row)), a: [0, 1, 2].map((row) => ring.value(0, row)),
                    hole: Number.isNaN(ring.value(1, 1)), last: ring.last(), length: ring.length,
                    found: [0, 3000, 3500, 9000].map((time) => ring.firstAtOrAfter(time)) };"""
    ) == {
        "times": [3000, 4000, 5000],
        "a": [3, 4, 5],
        "hole": True,
        "last": [5, -5],
        "length": 3,
        "found": [0, 0, 1, 3],
    }


STORE = """
const { StreamStore } = await load('core/store');
const series = (...modes) => modes.map((mode) => ({ name: "cpu", unit: "1", attributes: { mode } }));
const store = new StreamStore({ windowS: 60 });
store.ack({ epoch: "e", interval: 1, recovered: false });
store.snapshot({ offset: 12, series: series("user", "idle"), times: [10000, 11000, 12000],
  values: [[1, 2, 3], [9, 8, 7]] });
const dump = () => Array.from({ length: store.ring.length }, (_, row) =>
  [store.ring.time(row) / 1000, ...store.keys.map((_, column) => {
    const value = store.ring.value(column, row); return Number.isNaN(value) ? null : value; })]);
"""


async def test_a_store_takes_whole_rows_and_changes(js: RunJs) -> None:
    assert await js(
        STORE
        + """store.data({ offset: 13, time: 13000, values: [4, null] });
             store.data({ offset: 14, time: 14000, changed: { "1": 5 } });
             store.data({ offset: 14, time: 14000, changed: { "1": 99 } });
             return { rows: dump(), position: store.position };"""
    ) == {
        "rows": [[10, 1, 9], [11, 2, 8], [12, 3, 7], [13, 4, None], [14, 4, 5]],
        "position": {"epoch": "e", "offset": 14},
    }


async def test_a_store_joins_what_was_missed_without_a_seam(js: RunJs) -> None:
    assert await js(
        STORE
        + """store.ack({ epoch: "e", interval: 1, recovered: true });
             store.snapshot({ offset: 14, series: series("user", "idle"), times: [13000, 14000],
               values: [[4, 5], [6, 5]] });
             return dump();"""
    ) == [[10, 1, 9], [11, 2, 8], [12, 3, 7], [13, 4, 6], [14, 5, 5]]


async def test_a_store_prefers_what_a_full_snapshot_says_and_keeps_what_is_older(js: RunJs) -> None:
    assert await js(
        STORE
        + """store.ack({ epoch: "f", interval: 1, recovered: false });
             store.snapshot({ offset: 2, series: series("user", "idle"), times: [12000, 20000],
               values: [[30, 40], [70, 60]] });
             return { rows: dump(), position: store.position };"""
    ) == {"rows": [[10, 1, 9], [11, 2, 8], [12, 30, 70], [20, 40, 60]], "position": {"epoch": "f", "offset": 2}}


async def test_a_store_keeps_the_past_of_the_series_that_stay(js: RunJs) -> None:
    assert await js(
        STORE
        + """store.arrange({ series: series("idle", "steal") });
             store.data({ offset: 13, time: 13000, values: [6, 1] });
             return { keys: store.keys, rows: dump() };"""
    ) == {
        "keys": ['cpu{mode="idle"}', 'cpu{mode="steal"}'],
        "rows": [[10, 9, None], [11, 8, None], [12, 7, None], [13, 6, 1]],
    }


async def test_a_store_remembers_gaps_within_bounds(js: RunJs) -> None:
    assert await js(
        STORE
        + """for (let i = 0; i < 250; i += 1) store.gap({ from: i * 10, to: i * 10 + 3, why: "slow" });
             return [store.gaps.length, store.ticksMissed, store.gaps.at(-1)];"""
    ) == [100, 1000, {"from": 2490, "to": 2493, "why": "slow"}]


async def test_parses_what_it_knows_and_says_what_is_wrong_with_the_rest(js: RunJs) -> None:
    assert await js(
        """const { parse } = await load('core/protocol');
           return ['{"type":"heartbeat"}', 'nonsense', '[1]', '{"type":"data","group":1}', '{"type":"news","x":1}']
             .map((text) => parse(text)).map((message) => message.why ?? message.type);"""
    ) == ["heartbeat", "not JSON", "no type", "a data without its fields", "news"]


async def test_builds_commands_without_what_was_not_given(js: RunJs) -> None:
    assert await js(
        """const p = await load('core/protocol');
           return [p.subscribe(1, "cpu", { metrics: ["system.cpu.>"], interval: 1, since: null }),
                   p.update(2, "cpu", { paused: true }), p.unsubscribe(3, "cpu"), p.list(4, ["a.*"]),
                   p.table(5, "top", { table: "processes", limit: 3 }), p.ping(6)];"""
    ) == [
        {"type": "subscribe", "id": 1, "stream": "cpu", "metrics": ["system.cpu.>"], "interval": 1},
        {"type": "update", "id": 2, "stream": "cpu", "paused": True},
        {"type": "unsubscribe", "id": 3, "stream": "cpu"},
        {"type": "list", "id": 4, "metrics": ["a.*"]},
        {"type": "table", "id": 5, "stream": "top", "table": "processes", "limit": 3},
        {"type": "ping", "id": 6},
    ]


async def test_names_series_as_the_server_does(js: RunJs) -> None:
    assert (
        await js(
            """const { seriesKey } = await load('core/protocol');
               return seriesKey({ name: "m", attributes: { b: 'say "hi"\\n', a: "back\\\\slash" } });"""
        )
        == 'm{a="back\\\\slash",b="say \\"hi\\"\\n"}'
    )


SESSION = """
const { Session } = await load('core/session');
const sent = []; const due = [];
const session = new Session({ send: (message) => sent.push(message), later: (action) => due.push(action) });
const cpu = session.subscribe("cpu", { metrics: ["cpu"], backfill: 60 }, { windowS: 60 });
const ack = (group, extra = {}) => session.receive({ type: "ack", id: sent.at(-1).id, stream: "cpu", group, epoch: "e",
  interval: 1, ...extra });
const snapshot = (group, offset) => session.receive({ type: "snapshot", group, offset, times: [offset * 1000],
  values: [[1]], series: [{ name: "cpu", unit: "1", attributes: {} }] });
const types = () => sent.map(({ type, paused, since }) => [type, paused ?? null, since?.offset ?? null]);
"""


async def test_a_session_asks_again_from_where_it_stood(js: RunJs) -> None:
    assert await js(
        SESSION
        + """session.opened({ host: "a" }); ack(7); snapshot(7, 5);
             session.receive({ type: "data", group: 7, offset: 6, time: 6000, values: [2] });
             session.closed(); session.opened({ host: "a" });
             return types();"""
    ) == [["subscribe", None, None], ["subscribe", None, 6]]


async def test_a_session_does_not_mix_two_hosts(js: RunJs) -> None:
    assert await js(
        SESSION
        + """session.opened({ host: "a" }); ack(7); snapshot(7, 5); session.closed(); session.opened({ host: "b" });
             return [cpu.store.ring.length, sent.at(-1).since ?? null];"""
    ) == [0, None]


async def test_a_session_pauses_and_resumes_by_update(js: RunJs) -> None:
    assert await js(
        SESSION
        + """session.opened(); ack(7); snapshot(7, 5); session.pause(); ack(null, { paused: true });
             session.receive({ type: "data", group: 7, offset: 6, time: 6000, values: [2] });
             session.resume(); ack(8, { recovered: true }); snapshot(8, 9);
             return { types: types(), newest: cpu.newest, group: cpu.group };"""
    ) == {
        "types": [["subscribe", None, None], ["update", True, None], ["update", False, 5]],
        "newest": 9000,
        "group": 8,
    }


async def test_a_session_asks_for_nothing_while_nobody_looks(js: RunJs) -> None:
    assert await js(
        SESSION
        + """session.pause(); session.opened(); const before = sent.length; session.resume();
             return [before, types()];"""
    ) == [0, [["subscribe", None, None]]]


async def test_a_session_tells_a_refusal_and_tries_again_where_it_may(js: RunJs) -> None:
    assert await js(
        SESSION
        + """let told = 0; cpu.addEventListener("refused", () => { told += 1; });
             session.opened();
             session.receive({ type: "error", id: sent[0].id, code: 111, message: "later", temporary: true });
             const refused = cpu.refusal.code; due[0](); ack(7);
             return [told, refused, sent.length, cpu.refusal];"""
    ) == [1, 111, 2, None]


async def test_a_stale_group_number_is_not_listened_to(js: RunJs) -> None:
    assert (
        await js(
            SESSION
            + """session.opened(); ack(7); snapshot(7, 5); session.closed(); session.opened();
                 session.receive({ type: "data", group: 7, offset: 6, time: 6000, values: [2] });
                 return cpu.store.ring.length;"""
        )
        == 1
    )


async def test_backs_off_doubling_bounded_and_jittered(js: RunJs) -> None:
    assert await js(
        """const { Backoff } = await load('core/backoff');
           const high = new Backoff({ firstMs: 100, mostMs: 1000, random: () => 1 });
           const low = new Backoff({ firstMs: 100, mostMs: 1000, random: () => 0 });
           const delays = [1, 2, 3, 4, 5, 6].map(() => high.next()); high.reset();
           return [delays, high.next(), low.next(), low.after(400), high.after(400)];"""
    ) == [[100, 200, 400, 800, 1000, 1000], 100, 50, 400, 500]


async def test_learns_the_servers_clock_from_the_fastest_message(js: RunJs) -> None:
    assert await js(
        """const { ServerClock } = await load('core/clock');
           let local = 50_000, steady = 0;
           const clock = new ServerClock({ now: () => local, steady: () => steady });
           const before = [clock.known, clock.now()];
           clock.heard(60_000 - 300); local += 1000; steady += 1000; clock.heard(61_000 - 20);
           local += 1000; steady += 1000; clock.heard(62_000 - 900);
           const learnt = clock.now();
           local += 3_600_000; steady += 1000; clock.heard(63_000);
           return [before, learnt, clock.now()];"""
    ) == [[False, 50_000], 61_980, 63_000]


async def test_says_live_only_while_it_is(js: RunJs) -> None:
    assert await js(
        """const { Status } = await load('core/status');
           const status = new Status();
           const say = (link, newest, now, paused = false) => {
             const { state, since } = status.next({ link, newest, now, paused }); return [state, since]; };
           return [say("connecting", NaN, 1000), say("open", NaN, 1500), say("open", 2000, 2100),
                   say("open", 2000, 5000),
                   say("open", 2000, 6000), say("open", 6000, 6100), say("waiting", 6000, 7000),
                   say("connecting", 6000, 12000), say("open", 6000, 13000), say("open", 13000, 13500),
                   say("open", 13000, 14000, true), say("stopped", 13000, 15000)];"""
    ) == [
        ["connecting", 1000],
        ["connecting", 1000],
        ["live", 2100],
        ["live", 2100],
        ["stale", 2000],
        ["live", 6100],
        ["reconnecting", 7000],
        ["reconnecting", 7000],
        ["reconnecting", 7000],
        ["live", 13500],
        ["paused", 14000],
        ["stopped", 15000],
    ]


async def test_scales_in_the_units_own_steps(js: RunJs) -> None:
    assert await js(
        """const { roundRange } = await load('core/scale');
           return [roundRange({ low: 0, high: 3_000_000, unit: "By/s" }), roundRange({ low: 0, high: 37, unit: "{x}" }),
                   roundRange({ low: -100, high: 900, unit: "By" }),
                   roundRange({ low: 0, high: 0, unit: "By", least: 8192 })];"""
    ) == [
        {"low": 0, "high": 3 * 2**20, "step": 2**20},
        {"low": 0, "high": 40, "step": 10},
        {"low": -256, "high": 1024, "step": 256},
        {"low": 0, "high": 8192, "step": 2048},
    ]


async def test_a_calm_range_grows_at_once_and_shrinks_late(js: RunJs) -> None:
    assert await js(
        """const { CalmRange } = await load('core/scale');
           const range = new CalmRange(); const fit = (high, now) => range.fit({ low: 0, high, unit: "{x}" }, now).high;
           return [fit(8, 0), fit(38, 1000), fit(8, 2000), fit(8, 31_000), fit(8, 32_000), fit(8, 33_000)];"""
    ) == [8, 40, 40, 40, 8, 8]


async def test_time_ticks_stand_on_the_local_clock(js: RunJs) -> None:
    assert await js(
        """const { timeTicks } = await load('core/scale'); const { formatClock } = await load('core/format');
           const to = Date.UTC(2026, 6, 1, 10, 2, 30);
           return timeTicks({ from: to - 300_000, to, most: 5, clock: formatClock }).map(({ text }) => text);"""
    ) == ["11:58", "11:59", "12:00", "12:01", "12:02"]


PICTURE = """
const { StreamStore } = await load('core/store'); const { CalmRange } = await load('core/scale');
const { linesOf, pictureOf, rowsToDraw, wholeOf } = await load('core/picture');
const panel = { id: "p", title: "P", unit: "1", shape: "stack", metrics: ["m"], by: "mode", order: ["b", "a"],
  rest: ["idle"], top: 1, headline: "busy" };
const series = ["a", "b", "idle"].map((mode) => ({ name: "m", unit: "1", attributes: { mode } }));
const store = new StreamStore({ windowS: 300 });
const picture = (options = {}) => { const read = linesOf(panel, store.series, new Map());
  return pictureOf({ panel, store, lines: read.lines, whole: wholeOf(panel, store.ring, read), range: new CalmRange(),
    to: store.newest, width: 600, height: 200, ...options }); };
const plain = (values) => Array.from(values, (value) => Number.isNaN(value) ? null : Math.round(value * 1000) / 1000);
"""


async def test_a_picture_stacks_in_order_and_leaves_the_rest_empty(js: RunJs) -> None:
    assert await js(
        PICTURE
        + """store.snapshot({ offset: 1, series, times: [1000, 2000], values: [[0.1, 0.2], [0.3, null], [0.6, 0.8]] });
             const { shapes, low, high } = picture();
             return [shapes.map(({ key, base, top }) => [key, plain(base), plain(top)]), low, high];"""
    ) == [[["b", [0, 0], [0.3, None]], ["a", [0.3, 0], [0.4, 0.2]]], 0, 1]


async def test_a_picture_draws_a_gap_as_a_gap(js: RunJs) -> None:
    assert await js(
        PICTURE
        + """store.snapshot({ offset: 1, series, times: [1000, 2000, 5000, 6000],
               values: [[1, 1, 1, 1], [0, 0, 0, 0], [0, 0, 0, 0]] });
             const { areaPath, linePath, placesOf } = await load('core/path');
             const { times, shapes } = picture(); const { top, base } = shapes[1];
             const places = placesOf(times, (time) => time / 1000);
             return [plain(top), linePath(places, top, (y) => y), areaPath(places, top, base, (y) => y)];"""
    ) == [[1, 1, None, 1, 1], "M1,1L2,1M5,1L6,1", "M1,1L2,1L2,0L1,0ZM5,1L6,1L6,0L5,0Z"]


async def test_a_picture_has_no_more_points_than_pixels_and_loses_no_spike(js: RunJs) -> None:
    assert await js(
        PICTURE
        + """const { Ring } = await load('core/ring'); const ring = new Ring(3000, 1);
             for (let i = 0; i < 3000; i += 1) ring.push(i * 100, [i === 1234 ? 9 : i === 2345 ? -9 : 0.5]);
             const rows = rowsToDraw(ring, [0], 0, 400);
             return [rows.length <= 400, rows.includes(1234), rows.includes(2345),
                     rows.every((row, i) => !i || row > rows[i - 1])];"""
    ) == [True, True, True, True]


async def test_a_device_keeps_its_colour_while_others_come_and_go(js: RunJs) -> None:
    before, after = await js(
        """const { linesOf } = await load('core/picture');
           const panel = { by: "d", direction: "w", down: "out", shape: "mirror" };
           const series = (...names) => names.flatMap((d) => ["in", "out"].map((w) => ({ name: "m", unit: "By/s",
             attributes: { d, w } })));
           const colors = new Map(); const read = (...names) =>
             Object.fromEntries(linesOf(panel, series(...names), colors).lines.map(({ key, color }) => [key, color]));
           return [read("b", "c"), read("a", "c")];"""
    )
    assert before["c"] == after["c"]
    assert len({*before.values(), after["a"]}) == 3
