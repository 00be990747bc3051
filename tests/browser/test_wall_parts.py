"""A wall screen's places, turns and words."""

from __future__ import annotations

from typing import Any

import pytest
from tests.browser.conftest import RunJs

pytestmark = pytest.mark.asyncio(loop_scope="session")

SCREENS = [[1920, 1000], [3840, 2070], [1080, 1840], [800, 480]]


async def test_every_layout_fills_the_screen_and_overlaps_nowhere(js: RunJs) -> None:
    wrong = await js(
        """const { tilesOf } = await load("page/wall_layout");
        const wrong = [];
        for (const [width, height] of given) for (const layout of ["grid", "columns", "rows", "focus"])
          for (let count = 0; count <= 20; count += 1) {
            const tiles = tilesOf({ layout, count, width, height, gap: 0 });
            const inside = tiles.every((t) => t.left >= -1e-6 && t.top >= -1e-6 &&
              t.left + t.width <= width + 1e-6 && t.top + t.height <= height + 1e-6);
            const area = tiles.reduce((sum, t) => sum + t.width * t.height, 0);
            const apart = (a, b) => a.left + a.width <= b.left + 1e-6 || b.left + b.width <= a.left + 1e-6 ||
              a.top + a.height <= b.top + 1e-6 || b.top + b.height <= a.top + 1e-6;
            const clear = tiles.every((a, i) => tiles.slice(i + 1).every((b) => apart(a, b)));
            const legible = tiles.every(({ em }) => em >= Math.min(width, height) / 50 - 1e-6);
            const full = Math.abs(area - (count && width * height)) <= 1;
            if (tiles.length !== count || !inside || !clear || !legible || !full)
              wrong.push([layout, count, width, height, tiles.length, inside, clear, legible, area]);
          }
        return wrong;""",
        SCREENS,
    )
    assert wrong == []


async def test_a_layout_is_what_it_is_called(js: RunJs) -> None:
    places = await js(
        """const { tilesOf } = await load("page/wall_layout");
        const of = (layout, count, width, height) => tilesOf({ layout, count, width, height, gap: 10 })
          .map(({ left, top, width, height }) => [left, top, width, height].map(Math.round));
        return [of("columns", 2, 1010, 600), of("rows", 2, 1000, 610), of("grid", 4, 1610, 810),
          of("grid", 2, 600, 1010), of("focus", 3, 1510, 810), of("focus", 2, 600, 910), of("focus", 1, 600, 900)];"""
    )
    assert places == [
        [[0, 0, 500, 600], [510, 0, 500, 600]],
        [[0, 0, 1000, 300], [0, 310, 1000, 300]],
        [[0, 0, 800, 400], [810, 0, 800, 400], [0, 410, 800, 400], [810, 410, 800, 400]],
        [[0, 0, 600, 500], [0, 510, 600, 500]],
        [[0, 0, 1000, 810], [1010, 0, 500, 400], [1010, 410, 500, 400]],
        [[0, 0, 600, 600], [0, 610, 600, 300]],
        [[0, 0, 600, 900]],
    ]


async def test_pages_take_turns_stay_while_held_and_pass_over_those_with_nothing_to_show(js: RunJs) -> None:
    told: list[Any] = await js(
        """const { Rotation } = await load("page/wall_layout");
        const told = [];
        const turns = new Rotation([10, 20, 30]);
        told.push(turns.leftMs(0), turns.share(0));
        turns.show(0, 1000); told.push(turns.leftMs(6000), turns.share(6000));
        turns.hold(6000); told.push(turns.held, turns.leftMs(9000), turns.share(9000));
        turns.hold(16_000); told.push(turns.held, turns.leftMs(16_000), turns.share(99_000));
        told.push(turns.next(1, () => false), turns.next(-1, () => false), turns.next(1, (index) => index === 1),
          turns.next(1, () => true));
        turns.hold(20_000); turns.show(2, 30_000); told.push(turns.held, turns.share(40_000));
        const alone = new Rotation([5]); alone.show(0, 0); told.push(alone.leftMs(1e9), new Rotation([5, 5], 7).index);
        return told.map((one) => one === Infinity ? "for ever" : one);"""
    )
    assert told == [
        *("for ever", 0),
        *(5000, 0.5),
        *(True, "for ever", 0.5),
        *(False, 5000, 1),
        *(1, 2, 2, 0),
        *(True, 0),
        *("for ever", 0),
    ]


async def test_the_address_says_how_pages_look_whatever_their_playlist_says(js: RunJs) -> None:
    found = await js(
        """const { readWall, lookOf } = await load("page/wall_address");
           const entry = { range: "5m", compare: "7d", events: true };
           const of = (search) => { const { look, memoryMaxMib = null, problems } = readWall(search);
             return [Object.values(lookOf(entry, look)), memoryMaxMib, problems]; };
           return [of(""), of("?range=6h&compare=none&events=0&memory=256"), of("?rnge=6h&memory=-1&range=6d")];"""
    )
    assert found[:2] == [[[300, 604_800, True], None, []], [[21_600, 0, False], 256, []]]
    look, memory, problems = found[2]
    assert (look, memory) == ([300, 604_800, True], None)
    assert [text.split(";")[0] for text in problems] == [
        "There is no option “rnge” here",
        "memory cannot be “-1”",
        "range cannot be “6d”",
    ]


async def test_what_is_shown_moves_by_one_pixel_a_minute_and_comes_back(js: RunJs) -> None:
    steps, far, again = await js(
        """const { shiftOf } = await load("page/wall_layout");
        const all = Array.from({ length: 49 }, (_, minute) => shiftOf(29_000_000 + minute));
        const steps = new Set(all.slice(1).map(({ x, y }, i) => Math.abs(x - all[i].x) + Math.abs(y - all[i].y)));
        return [[...steps], Math.max(...all.flatMap(({ x, y }) => [Math.abs(x), Math.abs(y)])),
          new Set(all.map(({ x, y }) => `${x} ${y}`)).size];"""
    )
    assert (steps, far, again) == ([1], 3, 24)


async def test_what_is_not_live_is_said_with_how_long_it_is_so(js: RunJs) -> None:
    told = await js(
        """const { warningOf } = await load("page/wall_layout");
        const since = new Date(2026, 10, 22, 14, 3, 5).getTime();
        const usual = { since, forS: 125.9, host: "web-1", why: "" };
        const of = (state, more = {}) => warningOf({ ...usual, state, ...more });
        const plain = (text) => text.replaceAll("\\u00a0", " ");
        const words = (warning) => warning && [warning.title, warning.words].map(plain);
        return [of("live"), of("paused"), of("stale"), of("reconnecting", { why: "the connection was lost" }),
          of("stopped", { why: "access was revoked" }), of("connecting", { host: "" })].map(words);"""
    )
    assert told == [
        None,
        None,
        ["Stale for 2 min 5 s", "No new data from web-1 since 14:03:05."],
        [
            "No connection to web-1",
            "For 2 min 5 s, since 14:03:05: the connection was lost. This screen keeps trying.",
        ],
        [
            "web-1 turns this screen away",
            "For 2 min 5 s, since 14:03:05: access was revoked. This screen keeps trying.",
        ],
        ["Connecting to the server", "For 2 min 5 s, since 14:03:05."],
    ]


async def test_a_page_is_outgrown_by_memory_by_nodes_or_where_neither_is_told_by_age(js: RunJs) -> None:
    assert await js(
        """const { outgrown } = await load("page/reload");
        const day = 86_400_000, of = (bytes, nodes, ageMs, more) => outgrown({ bytes, nodes, ageMs }, more);
        const mib = 2 ** 20;
        return [of(10 * mib, 9000, 99 * day), of(600 * mib, 9000, 0), of(3 * mib, 9000, 0, { memoryMaxMib: 2 }),
          of(NaN, 70_000, 0), of(NaN, 9000, day - 1), of(NaN, 9000, day + 1)];"""
    ) == ["", "it takes 600 MiB", "it takes 3 MiB", "it has 70000 nodes", "", "it is a day old"]


async def test_a_page_is_given_up_only_for_another_version_when_the_server_is_well_and_not_in_circles(
    js: RunJs,
) -> None:
    reloads = await js(
        """const { Reload } = await load("page/reload");
        const kept = new Map(); let now = 1e12; let reloads = 0; const told = [];
        const storage = { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value) };
        const page = (needs) => new Reload({ needs, storage, now: () => now, reload: () => { reloads += 1; } });
        const good = new URL("/healthz", location.href), bad = new URL("/static/none.js", location.href);
        const first = page([good]), broken = page([good, bad]), second = page([good]);
        for (const version of ["1", "1"]) await first.heard(version);
        await first.quiet(); told.push(reloads);
        for (const version of ["1", "2"]) await broken.heard(version);
        told.push(reloads);
        await first.heard("2"); told.push(reloads);
        for (const version of ["2", "1"]) await second.heard(version);
        told.push(reloads);
        now += 61_000; await second.quiet(); told.push(reloads);
        return told;"""
    )
    assert reloads == [0, 0, 1, 1, 2]


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36", "Chrome on Linux"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 15_0) AppleWebKit/605.1 Version/18.0 Safari/605.1", "Safari on a Mac"),
        ("Mozilla/5.0 (Web0S; Linux/SmartTV) AppleWebKit/537.36 Chrome/120.0 Safari/537.36", "Chrome on an LG TV"),
        ("curl/8", "curl/8"),
        ("", "an unknown browser"),
    ],
)  # fmt: skip
async def test_a_browser_is_named_as_people_would(js: RunJs, agent: str, words: str) -> None:
    assert await js('const { agentWords } = await load("page/user_agent"); return agentWords(given);', agent) == words
