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
        (12, "{packet}/s", "12 /s"),
        (3, "1/s", "3 /s"),
        (0.25, "s/s", "25.0 %"),
        (1200, "rpm", "1200 rpm"),
        (12.5, "W", "12.5 W"),
        (-0.00001, "1", "0.0 %"),
        (-0.05, "Cel", "−0.1 °C"),
        (3725, "s", "1 h 2 min"),
        (None, "By", "–"),
        (-5, "Cel", "−5.0 °C"),
    ],
)
async def test_formats_values_by_their_unit(js: RunJs, value: float | None, unit: str, text: str) -> None:
    body = "return (await load('charts/model/format')).formatValue(given.value, given.unit)"
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
    shown = await js("return (await load('charts/model/format')).formatDuration(given)", seconds)
    assert shown.replace(NBSP, " ") == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "< 1 s old"), (3.9, "3 s old"), (75, "1 min 15 s old"), (None, "–")]
)
async def test_formats_ages_in_whole_seconds(js: RunJs, seconds: float | None, text: str) -> None:
    shown = await js("return (await load('charts/model/format')).formatAge(given ?? NaN)", seconds)
    assert shown.replace(NBSP, " ") == text


async def test_labels_ticks_as_short_as_they_are_exact(js: RunJs) -> None:
    shown = await js(
        """const { formatTick } = await load('charts/model/format');
           return [[0.25, "1"], [0.005, "1"], [0.5, "s/s"], [0, "s/s"],
                    [0, "By/s"], [524288, "By/s"], [1572864, "By"], [20, "{thread}"]]
             .map(([value, unit]) => formatTick(value, unit));"""
    )
    ticks = [text.replace(NBSP, " ") for text in shown]
    assert ticks == ["25 %", "0.5 %", "50 %", "0 %", "0", "512 KiB/s", "1.5 MiB", "20"]


async def test_a_ring_overwrites_its_oldest_rows(js: RunJs) -> None:
    assert await js(
        """const { Ring } = await load('client/ring');
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


async def test_a_ring_is_copied_cut_and_grown_with_its_breaks(js: RunJs) -> None:
    assert await js(
        """const { Ring } = await load('client/ring');
           const ring = new Ring(4, 2);
           for (let i = 1; i <= 6; i += 1) ring.push(i, [i, -i], i === 5);
           const copy = ring.copy(), head = ring.head(2), large = ring.resized(6);
           ring.push(7, [7, -7]); ring.forgetBefore(6); large.push(7, [7, -7]);
           const dump = (one) => Array.from({ length: one.length }, (_, row) =>
             [one.time(row), one.value(0, row), one.value(1, row), one.broken(row)]);
           return { ring: dump(ring), copy: dump(copy), head: dump(head), large: dump(large), first: ring.first };"""
    ) == {
        "ring": [[6, 6, -6, False], [7, 7, -7, False]],
        "copy": [[3, 3, -3, False], [4, 4, -4, False], [5, 5, -5, True], [6, 6, -6, False]],
        "head": [[3, 3, -3, False], [4, 4, -4, False]],
        "large": [[3, 3, -3, False], [4, 4, -4, False], [5, 5, -5, True], [6, 6, -6, False], [7, 7, -7, False]],
        "first": 5,
    }


async def test_parses_what_it_knows_and_says_what_is_wrong_with_the_rest(js: RunJs) -> None:
    assert await js(
        """const { parse } = await load('client/protocol');
           return ['{"type":"heartbeat"}', 'nonsense', '[1]', '{"type":"data","group":1}', '{"type":"news","x":1}']
             .map((text) => parse(text)).map((message) => message.why ?? message.type);"""
    ) == ["heartbeat", "not JSON", "no type", "a data without its fields", "news"]


async def test_builds_commands_without_what_was_not_given(js: RunJs) -> None:
    assert await js(
        """const p = await load('client/protocol');
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
            """const { seriesKey } = await load('client/protocol');
               return seriesKey({ name: "m", attributes: { b: 'say "hi"\\n', a: "back\\\\slash" } });"""
        )
        == 'm{a="back\\\\slash",b="say \\"hi\\"\\n"}'
    )


async def test_backs_off_doubling_bounded_and_jittered(js: RunJs) -> None:
    assert await js(
        """const { Backoff } = await load('client/backoff');
           const high = new Backoff({ firstMs: 100, mostMs: 1000, random: () => 1 });
           const low = new Backoff({ firstMs: 100, mostMs: 1000, random: () => 0 });
           const delays = [1, 2, 3, 4, 5, 6].map(() => high.next()); high.reset();
           return [delays, high.next(), low.next(), low.after(400), high.after(400)];"""
    ) == [[100, 200, 400, 800, 1000, 1000], 100, 50, 400, 500]


async def test_learns_the_servers_clock_from_the_fastest_message(js: RunJs) -> None:
    assert await js(
        """const { ServerClock } = await load('client/clock');
           let local = 50_000, steady = 0;
           const clock = new ServerClock({ now: () => local, steady: () => steady });
           const before = [clock.known, clock.now()];
           clock.heard(60_000 - 300); local += 1000; steady += 1000; clock.heard(61_000 - 20);
           local += 1000; steady += 1000; clock.heard(62_000 - 900);
           const learnt = clock.now();
           local += 3_600_000; steady += 1000; clock.heard(63_000);
           return [before, learnt, clock.now()];"""
    ) == [[False, 50_000], 61_980, 63_000]


async def test_a_servers_clock_that_is_set_back_is_told_from_a_message_that_is_late(js: RunJs) -> None:
    assert await js(
        """const { ServerClock } = await load('client/clock');
           let steady = 0;
           const clock = new ServerClock({ now: () => 0, steady: () => steady });
           const heard = (...times) => times.map((time) => { steady += 1000; clock.heard(time); return clock.now(); });
           const whole = heard(10_000, 11_000, 12_000);
           const late = heard(9000, 14_000, undefined, NaN, 17_000);
           const back = heard(1000, 2000, 3000, 4000);
           const ahead = heard(90_000); steady += 1000; clock.greeted(700);
           return [whole, late, back, ahead, clock.now()];"""
    ) == [
        [10_000, 11_000, 12_000],
        [13_000, 14_000, 15_000, 16_000, 17_000],
        [18_000, 19_000, 3000, 4000],
        [90_000],
        700,
    ]


async def test_the_age_of_what_lies_ahead_of_the_servers_clock_is_not_known(js: RunJs) -> None:
    assert await js(
        """const { ServerClock } = await load('client/clock');
           const clock = new ServerClock({ now: () => 0, steady: () => 5000 });
           const unheard = clock.steadyAt(70_000);
           clock.heard(80_000);
           return [unheard, clock.steadyAt(79_000), clock.steadyAt(80_100),
                   ...[90_000, undefined].map((time) => Number.isNaN(clock.steadyAt(time)))];"""
    ) == [5000, 4000, 5000, True, True]


async def test_since_when_is_told_by_the_clock_as_it_is_set_now(js: RunJs) -> None:
    assert await js(
        """const { Status } = await load('client/status');
           const status = new Status(); const told = [];
           const say = (steady, now, ageS) => {
             const clock = { now: () => now, steady: () => steady };
             const { state, since, forS } = status.next({ link: "open", ageS, clock });
             told.push([state, since, forS]); };
           say(1000, 901_000, 0); say(3000, 903_020, 0); say(4000, 4000, 0); say(14_000, 14_000, 10);
           say(15_000, 915_000, 11);
           return told;"""
    ) == [
        ["live", 901_000, 0],
        ["live", 901_000, 2],
        ["live", 1000, 3],
        ["stale", 4000, 10],
        ["stale", 904_000, 11],
    ]


async def test_says_live_only_while_it_is(js: RunJs) -> None:
    assert await js(
        """const { Status } = await load('client/status');
           const status = new Status();
           const say = (link, newest, now, paused = false) => {
             const clock = { now: () => now, steady: () => now };
             const { state, since } = status.next({ link, ageS: (now - newest) / 1000, clock, paused });
             return [state, since]; };
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
        """const { roundRange } = await load('charts/model/axis');
           return [roundRange({ low: 0, high: 3_000_000, unit: "By/s" }), roundRange({ low: 0, high: 37, unit: "{x}" }),
                   roundRange({ low: -100, high: 900, unit: "By" }),
                   roundRange({ low: 0, high: 0, unit: "By", least: 8192 }),
                   ...["1", "By", "{x}"].map((unit) => roundRange({ low: 0, high: 0, unit })),
                   ...[4.3, 5, 9, 0.9].map((high) => roundRange({ low: 0, high, unit: "{x}", ticks: 2 })),
                   roundRange({ low: 0, high: 1000, unit: "By", ticks: 2 })];"""
    ) == [
        {"low": 0, "high": 3 * 2**20, "step": 2**20},
        {"low": 0, "high": 40, "step": 10},
        {"low": -256, "high": 1024, "step": 256},
        {"low": 0, "high": 8192, "step": 2048},
        {"low": 0, "high": 0.5, "step": 0.5},
        {"low": 0, "high": 1, "step": 1},
        {"low": 0, "high": 0.5, "step": 0.5},
        {"low": 0, "high": 6, "step": 2},
        {"low": 0, "high": 6, "step": 2},
        {"low": 0, "high": 10, "step": 5},
        {"low": 0, "high": 1, "step": 0.5},
        {"low": 0, "high": 1024, "step": 512},
    ]


async def test_a_calm_range_grows_at_once_and_shrinks_late(js: RunJs) -> None:
    shrunk, fallen, other_view = await js(
        """const { CalmRange } = await load('charts/model/axis');
           const fitted = (...needs) => { const range = new CalmRange();
             return needs.map(([high, now, span]) => range.fit({ low: 0, high, unit: "{x}", span }, now).high); };
           return [fitted([8, 0], [38, 1000], [18, 2000], [18, 31_000], [18, 32_000], [18, 33_000]),
                   fitted([8, 0], [380, 1000], [8, 2000], [8, 4900], [8, 5000]),
                   fitted([380, 0, 60_000], [8, 1000, 60_000], [8, 1100, 5000], [38, 1200, 5000], [8, 500, 5000])];"""
    )
    assert shrunk == [8, 40, 40, 40, 20, 20]
    assert fallen == [8, 400, 400, 400, 8], "a spike that has left the window does not keep the chart flat"
    assert other_view == [400, 400, 8, 40, 40], "another window is fitted at once"


async def test_time_ticks_stand_on_the_local_clock(js: RunJs) -> None:
    assert await js(
        """const { timeTicks } = await load('charts/model/axis');
           const { formatClock } = await load('charts/model/format');
           const to = Date.UTC(2026, 6, 1, 10, 2, 30);
           return timeTicks({ from: to - 300_000, to, most: 5, clock: formatClock }).map(({ text }) => text);"""
    ) == ["11:58", "11:59", "12:00", "12:01", "12:02"]
