"""What a stream's store keeps, joins and knows to be missing."""

from __future__ import annotations

import pytest
from tests.browser.conftest import RunJs

pytestmark = pytest.mark.asyncio(loop_scope="session")

STORE = """
const { StreamStore } = await load('client/store');
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


async def test_a_store_finds_what_is_missing_and_why(js: RunJs) -> None:
    """A reading is missing where the distance says so; the server, or the page itself, may know why."""
    found = await js(
        STORE
        + """const row = (offset, time) => store.data({ offset, time, values: [1, 1] });
             row(13, 13_000); row(14, 14_700);
             row(17, 17_000);
             store.gap({ from: 18, to: 19, why: "slow" }); row(20, 20_000);
             store.gap({ from: 21, to: 22, why: "sampler" }); row(23, 23_000);
             store.interrupted("disconnected"); row(24, 24_000); row(26, 26_000);
             store.interrupted("disconnected"); row(36, 36_000);
             store.interrupted("paused"); store.gap({ from: 37, to: 40, why: "expired" }); row(41, 41_000);
             return { breaks: store.breaks.map(({ from, to, why }) => [from / 1000, to / 1000, why]),
                      broken: dump().map(([time], at) => store.ring.broken(at) ? time : 0).filter(Boolean),
                      missed: store.ticksMissed };"""
    )
    assert found["breaks"] == [
        [14.7, 17, "missing"],
        [17, 20, "slow"],
        [20, 23, "sampler"],
        [24, 26, "missing"],
        [26, 36, "disconnected"],
        [36, 41, "expired"],
    ]
    assert found["broken"] == [to for _, to, _ in found["breaks"]]
    assert found["missed"] == 8


async def test_a_change_of_pace_is_no_gap(js: RunJs) -> None:
    """What the server read once a second cannot be had at a tenth: only what it says is missing then."""
    assert await js(
        STORE
        + """store.serverIntervalS = 1;
             const row = (offset, time) => store.data({ offset, time, values: [1, 1] });
             store.ack({ epoch: "e", interval: 0.1 });
             store.snapshot({ offset: 15, series: series("user", "idle"),
               times: [11_000, 12_000, 13_000, 14_000, 14_100], values: [[1, 2, 3, 4, 5], [9, 8, 7, 6, 5]] });
             row(16, 14_200);
             store.gap({ from: 17, to: 18, why: "sampler" }); row(19, 14_500);
             store.ack({ epoch: "e", interval: 5 }); row(60, 15_000); row(110, 20_000); row(210, 30_000);
             store.ack({ epoch: "e", interval: 1 }); row(250, 34_000); row(270, 36_000);
             return store.breaks.map(({ from, to, why }) => [from / 1000, to / 1000, why]);"""
    ) == [[14.2, 14.5, "sampler"], [20, 30, "missing"], [34, 36, "missing"]]


async def test_a_replay_fills_the_hole_and_a_lost_one_shows_it(js: RunJs) -> None:
    assert await js(
        STORE
        + """store.interrupted("disconnected");
             store.snapshot({ offset: 20, series: series("user", "idle"), times: [18_000, 19_000, 20_000],
               values: [[1, 2, 3], [9, 8, 7]] });
             const lost = store.breaks.map(({ why }) => why);
             store.snapshot({ offset: 20, series: series("user", "idle"), times: [17_000, 18_000, 19_000, 20_000],
               values: [[1, 1, 2, 3], [9, 9, 8, 7]] });
             lost.push(...store.breaks.map(({ to, why }) => `${to} ${why}`));
             store.snapshot({ offset: 20, series: series("user", "idle"), values: [Array(9).fill(1), Array(9).fill(2)],
               times: [12, 13, 14, 15, 16, 17, 18, 19, 20].map((s) => s * 1000) });
             store.snapshot({ offset: 21, series: series("user", "idle"), times: [], values: [[], []] });
             store.data({ offset: 21, time: 21_000, values: [1, 1] });
             return [lost, store.breaks, store.ring.length];"""
    ) == [["disconnected", "17000 disconnected"], [], 12]


async def test_a_gap_told_after_its_snapshot_explains_the_nearest_hole(js: RunJs) -> None:
    assert await js(
        STORE
        + """store.snapshot({ offset: 40, time: 40_000, series: series("user"), values: [[1, 1, 1, 1, 1, 1]],
               times: [20_000, 21_000, 25_000, 26_000, 39_000, 40_000] });
             store.gap({ from: 22, to: 24, why: "sampler" });
             return store.breaks.map(({ why }) => why);"""
    ) == ["missing", "sampler", "missing"]


async def test_a_break_goes_on_until_readings_come(js: RunJs) -> None:
    assert await js(
        STORE
        + """const calm = store.openBreak(15_000); const quiet = store.openBreak(20_000);
             store.interrupted("disconnected");
             return [calm, quiet, store.openBreak(20_000).why];"""
    ) == [None, {"from": 12000, "to": 20000, "why": "missing", "open": True}, "disconnected"]


async def test_a_store_grows_with_need_and_stays_bounded(js: RunJs) -> None:
    assert await js(
        """const { StreamStore } = await load('client/store');
           const store = new StreamStore({ windowS: 900, intervalS: 1 }); const first = store.ring.capacity;
           const series = [{ name: "m", unit: "1", attributes: {} }];
           const fill = (from, count, step) => { for (let i = 0; i < count; i += 1)
             store.data({ offset: (from + i * step) / 100, time: from + i * step, values: [i] }); };
           store.ack({ interval: 1 }); store.snapshot({ offset: 0, series, times: [0], values: [[0]] });
           fill(1000, 2000, 1000); const second = [store.ring.capacity, store.ring.length];
           store.ack({ interval: 0.1 }); fill(2_001_000, 20_000, 100);
           const third = [store.ring.capacity, store.ring.length, store.breaks.length];
           store.widen(60); store.ack({ interval: 1 }); fill(4_010_000, 100, 1000);
           const kept = [store.windowS, (store.newest - store.ring.time(0)) / 1000];
           store.widen(900); for (let i = 0; i < 500; i += 1) fill(4_200_000 + i * 5000, 1, 0);
           const breaks = store.breaks.length; store.widen(86_400);
           return { first, second, third, kept, breaks, most: store.capacityMax };"""
    ) == {
        "first": 128,
        "second": [902, 902],
        "third": [9002, 9002, 0],
        "kept": [60, 902],
        "breaks": 181,
        "most": 9002,
    }


async def test_a_copy_stands_still(js: RunJs) -> None:
    assert await js(
        STORE
        + """const copy = store.copy(); store.data({ offset: 20, time: 20_000, values: [4, 4] });
             return [copy.ring.length, copy.breaks.length, copy.keys, copy.newest, copy.openBreak(20_000).why,
                     store.breaks.length];"""
    ) == [3, 0, ['cpu{mode="user"}', 'cpu{mode="idle"}'], 12000, "missing", 1]


async def test_a_gap_that_is_told_again_counts_once(js: RunJs) -> None:
    missed = await js(
        """const { StreamStore } = await load("client/store");
           const store = new StreamStore({ windowS: 60 });
           const counts = [];
           const tell = (from, to) => { store.gap({ from, to, why: "sampler" }); counts.push(store.ticksMissed); };
           store.ack({ epoch: "a" }); tell(3, 5); tell(3, 5); tell(5, 6);
           store.ack({ epoch: "a" }); tell(3, 6);
           store.ack({ epoch: "b" }); tell(3, 4);
           return counts;"""
    )
    assert missed == [3, 3, 4, 4, 6]


# --- clocks that are set -----------------------------------------------------------------------------------------

CLOCK = STORE.replace(
    "const store =", "let steady = 0; const { ServerClock } = await load('client/clock');\nconst store ="
).replace("windowS: 60 }", "windowS: 60, clock: new ServerClock({ steady: () => steady }) }")
TOLD = """const told = () => store.breaks.map(({ from, to, why }) => [from / 1000, to / 1000, why]);
const row = (offset, time, value = 0) => { steady += 1000;
  store.data({ offset, time: time * 1000, values: [value, value] }); };
const times = () => dump().map(([time]) => time);
"""


async def test_readings_go_on_where_the_clock_was_set_back(js: RunJs) -> None:
    assert await js(
        CLOCK
        + TOLD
        + """row(13, 13); row(14, 11, 7);
             const back = { rows: dump(), broken: store.ring.broken(2), told: told(), newest: store.newest };
             row(15, 12); row(15, 13); row(16, 2); row(17, 2);
             return { ...back, later: times(), setBacks: store.setBacks, missed: store.ticksMissed,
                      position: store.position.offset };"""
    ) == {
        "rows": [[10, 1, 9], [11, 7, 7]],
        "broken": False,
        "told": [[10, 11, "clock"]],
        "newest": 11_000,
        "later": [2],
        "setBacks": 3,
        "missed": 0,
        "position": 17,
    }


async def test_a_clock_that_was_ahead_for_a_moment_costs_nothing(js: RunJs) -> None:
    assert await js(
        CLOCK
        + TOLD
        + """row(13, 13);
             for (let i = 0; i < 6; i += 1) row(14 + i, 3614 + i);
             const ahead = { times: times(), told: told(), missed: store.ticksMissed };
             row(20, 20); row(21, 21);
             return { ...ahead, after: times(), left: told() };"""
    ) == {
        "times": [10, 11, 12, 13, *range(3614, 3620)],
        "told": [[13, 3614, "clock"]],
        "missed": 0,
        "after": [10, 11, 12, 13, 20, 21],
        "left": [[13, 20, "clock"]],
    }


async def test_what_was_before_a_jump_is_forgotten_once_as_much_has_come_since(js: RunJs) -> None:
    assert await js(
        CLOCK
        + TOLD
        + """const kept = [];
             for (let i = 0; i < 70; i += 1) { row(13 + i, 3613 + i); kept.push(times()[0]); }
             return [kept.slice(0, 60).every((time) => time < 100), kept.at(-1) > 3600, store.breaks];"""
    ) == [True, True, []]


async def test_a_snapshot_across_a_clock_that_was_set_back_shows_what_came_after(js: RunJs) -> None:
    assert await js(
        CLOCK
        + TOLD
        + """store.snapshot({ offset: 18, series: series("user", "idle"), times: [13, 14, 5, 6, 7].map((s) => s * 1000),
               values: [[1, 2, 3, 4, 5], [0, 0, 0, 0, 0]] });
             row(18, 8); row(19, 8);
             return [dump(), store.newest];"""
    ) == [[[5, 3, 0], [6, 4, 0], [7, 5, 0], [8, 0, 0]], 8000]


async def test_a_new_epoch_counts_from_the_beginning(js: RunJs) -> None:
    assert await js(
        CLOCK
        + TOLD
        + """store.ack({ epoch: "f", interval: 1 }); row(1, 13); row(1, 14); row(2, 14);
             return [times(), store.position];"""
    ) == [[10, 11, 12, 13, 14], {"epoch": "f", "offset": 2}]


async def test_a_server_that_has_just_begun_and_knows_no_series_yet_takes_nothing_away(js: RunJs) -> None:
    told = await js(
        STORE
        + """store.interrupted("disconnected");
             store.ack({ epoch: "f", interval: 1, recovered: false });
             store.snapshot({ offset: 1, series: [], times: [11000, 20000], values: [] });
             store.data({ offset: 2, time: 21000, values: [] });
             const began = [dump(), store.keys.length, store.position.offset];
             store.arrange({ series: series("idle", "steal") });
             store.data({ offset: 3, time: 22000, values: [6, 1] });
             store.ack({ epoch: "g", interval: 1 });
             store.arrange({ series: series("idle") });
             store.arrange({ series: [] });
             return { began, gone: store.keys, breaks: store.breaks };"""
    )
    assert told["began"] == [[[10, 1, 9], [11, 2, 8], [12, 3, 7]], 2, 2]
    assert told["gone"] == []  # a server that knew some and has them no more is believed
    assert told["breaks"] == [{"from": 12_000, "to": 22_000, "why": "disconnected"}]


async def test_how_old_readings_are_is_told_by_when_they_came(js: RunJs) -> None:
    """Whatever the clocks say: of the server, set back or ahead, and of this machine."""
    assert await js(
        CLOCK
        + TOLD
        + """const ages = []; const look = () => ages.push([store.ageS, store.stale]);
             row(13, 13); look(); row(14, 9000); look(); row(15, 3); look(); row(15, 99_999); look();
             steady += 3000; look(); row(16, 4); look();
             store.snapshot({ offset: 16, series: series("user", "idle"), times: [4000], values: [[1], [1]] }); look();
             return ages;"""
    ) == [[0, False], [0, False], [0, False], [1, False], [4, True], [0, False], [0, False]]


async def test_a_past_that_comes_late_or_from_the_future_is_not_fresh(js: RunJs) -> None:
    assert await js(
        """const { StreamStore } = await load('client/store'); const { ServerClock } = await load('client/clock');
           let steady = 0; const clock = new ServerClock({ now: () => 0, steady: () => steady });
           clock.heard(1_000_000);
           const age = (...times) => { const store = new StreamStore({ windowS: 60, clock });
             for (const time of times) store.snapshot({ offset: 1, series: [], times: [time], values: [] });
             return Number.isNaN(store.ageS) ? null : store.ageS; };
           return [age(1_000_000), age(940_000), age(4_600_000), age(999_000, 900_000)];"""
    ) == [0, 60, None, 1]
