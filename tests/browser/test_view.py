"""What the reader looks at, and its address."""

from __future__ import annotations

from typing import Any

import pytest
from tests.browser.conftest import RunJs

pytestmark = pytest.mark.asyncio(loop_scope="session")

FIELDS = """const fields = ({ range, interval, frozen, at, compare, panel, theme, sort, filter, group }) =>
  ({ range, interval, frozen, at, compare, panel, theme, sort, filter, group });
"""
ADDRESS = 'const { View } = await load("page/view"); const { readView, searchOf } = await load("page/view_address");\n'
USUAL = {
    "range": 300,
    "interval": 1,
    "frozen": None,
    "at": None,
    "compare": 0,
    "panel": None,
    "theme": "system",
    "sort": "cpu",
    "filter": "",
    "group": "",
}


async def parsed(js: RunJs, search: str) -> dict[str, Any]:
    fields: dict[str, Any] = await js(
        FIELDS + 'const { readView } = await load("page/view_address"); return fields(readView(given));', search
    )
    return fields


async def test_an_empty_address_is_the_usual_view_and_the_usual_view_has_none(js: RunJs) -> None:
    assert await parsed(js, "") == USUAL
    assert await js(ADDRESS + "return searchOf(new View());") == ""


async def test_an_address_says_all_that_is_looked_at(js: RunJs) -> None:
    search = (
        "?range=15m&interval=0.1&from=1790000000000&to=1790000060000&at=1790000030000&compare=24h"
        "&panel=cpu&theme=dark&sort=-memory&filter=py+3%26&group=program"
    )
    assert await parsed(js, search) == {
        "range": 900,
        "interval": 0.1,
        "frozen": {"from": 1790000000000, "to": 1790000060000},
        "at": 1790000030000,
        "compare": 86400,
        "panel": "cpu",
        "theme": "dark",
        "sort": "-memory",
        "filter": "py 3&",
        "group": "program",
    }
    assert await js(ADDRESS + "return searchOf(readView(given));", search) == search


@pytest.mark.parametrize(
    ("search", "problems"),
    [
        (
            "?range=7m&interval=2&compare=7s&group=pid&theme=pink&nothing=at-all&kiosk=maybe",
            [
                "range cannot be “7m”; give 1m, 5m, 15m, 1h, 6h, 24h, 7d, 30d, 1y.",
                "interval cannot be “2”; give 0.1, 0.5, 1, 5.",
                "compare cannot be “7s”; give 1h, 24h, 7d or none.",
                "group cannot be “pid”; give program, unit, tree.",
                "theme cannot be “pink”; give system, dark, light.",
                "There is no option “nothing” here; there are range, interval, from, to, at, compare, panel, theme, ",
                "kiosk cannot be “maybe”; give 0 or 1.",
            ],
        ),
        (
            "?range=constructor&interval=__proto__&compare=toString&theme=toString&kiosk=constructor&__proto__=1",
            ["range ", "interval ", "compare ", "theme ", "kiosk ", "There is no option “__proto__” here"],
        ),
        ("?rate=0.1e0x&range=", ["interval cannot be “0.1e0x”", "range cannot be “”"]),
        ("?from=1790000060000&to=1790000000000", ["from: 1790000000000 is not after 1790000060000."]),
        ("?to=1790000000000", ["There is no window without from."]),
        ("?from=-5&to=10", ["from: “-5” is no time; give 02:00, yesterday 14:00, "]),
        ("?from=02:00&to=99:00", ["from: “99:00” is no time; give 02:00, "]),
        ("?from=02:00&to=%00", ["from: “"]),
        ("?at=1790000000", ["at: 1790000000 looks like seconds; give milliseconds, 1790000000000."]),
        ("?at=99999999999999999999", ["at: “99999999999999999999” is no time; "]),
        ("?panel=<script>&sort=%00&sort=a b", ["panel cannot be ", "sort cannot be “a b”; give the name of a column"]),
        ("?%E0%A4%A&&&=&?", ["There is no option “", "There is no option “"]),
    ],
)
async def test_what_cannot_be_is_as_usual_and_told(js: RunJs, search: str, problems: list[str]) -> None:
    assert await parsed(js, search) == USUAL
    told = await js(ADDRESS + "return readView(given).problems;", search)
    for one, expected in zip(told, problems, strict=True):
        assert one.startswith(expected), (one, expected)


NOW = 1795832225000  # 2026-11-28 03:17:05 in Berlin, where the browser is


async def test_an_address_takes_times_as_people_say_them(js: RunJs) -> None:
    told = await js(
        ADDRESS
        + """return given.texts.map((search) => {
          const view = readView(search, { now: given.now });
          return [view.frozen && [view.frozen.from, view.frozen.to].map((one) => given.now - one),
            view.at && given.now - view.at, view.problems.length]; });""",
        {
            "now": NOW,
            "texts": [
                "?from=02:00&to=02:30",
                "?from=yesterday 14:00&to=15:00",
                "?from=14:00–15:00",
                "?from=-3h",
                "?from=2026-11-27T14:00:00+01:00&to=now",
                "?at=02:00",
                "?at=03:16",
                "?at=03:17&range=1h",
                "?from=02:00&to=03:00&at=02:30",
                "?from=02:00&to=03:00&at=01:30",
                "?at=1795832300000",
            ],
        },
    )
    hour, minute = 3_600_000, 60_000
    two = hour + 17 * minute + 5000  # how long 02:00 is ago
    assert told == [
        [[two, two - 30 * minute], None, 0],
        [[two + 12 * hour, two + 11 * hour], None, 0],
        [[two + 12 * hour, two + 11 * hour], None, 0],
        [[3 * hour, 0], None, 0],
        [[two + 12 * hour, 0], None, 0],
        # Half the range before it and half after.
        [[two + 150_000, two - 150_000], two, 0],
        [None, 65_000, 0],
        [None, 5000, 0],
        [[two, two - hour], two - hour // 2, 0],
        [[two, two - hour], None, 1],
        [None, -75_000, 0],
    ]


async def test_a_range_may_be_any_number_of_seconds(js: RunJs) -> None:
    assert await parsed(js, "?range=437s") == USUAL | {"range": 437}
    assert await js(ADDRESS + "return searchOf(readView('?range=437s'));") == "?range=437s"
    assert await parsed(js, "?range=0s") == await parsed(js, "?range=199999999s") == USUAL


async def test_a_rate_is_taken_for_the_interval_that_it_is_called_now(js: RunJs) -> None:
    assert await parsed(js, "?rate=0.1") == USUAL | {"interval": 0.1}


async def test_a_long_filter_is_cut(js: RunJs) -> None:
    assert len((await parsed(js, "?filter=" + "x" * 5000))["filter"]) == 100
    assert (await parsed(js, "?filter=x" + "👍" * 5000))["filter"] == "x" + "👍" * 99


async def test_every_view_comes_back_from_its_address(js: RunJs) -> None:
    wrong = await js(
        FIELDS
        + ADDRESS
        + """const { RANGES, INTERVALS, COMPARISONS, GROUPS, THEMES } = await load("page/choices");
        const pick = (values) => values[Math.floor(Math.random() * values.length)];
        const wrong = [];
        for (let i = 0; i < 500; i += 1) {
          const from = Math.floor(1e11 + Math.random() * 2e12);
          const frozen = pick([null, { from, to: from + 1 + Math.floor(Math.random() * 1e6) }]);
          const view = new View({
            frozen, at: frozen && pick([null, from]),
            range: pick(Object.values(RANGES)), interval: pick(INTERVALS), theme: pick(THEMES),
            compare: pick([0, ...Object.values(COMPARISONS)]), group: pick([...GROUPS]),
            panel: pick([null, "cpu", "disk-busy"]), sort: pick(["cpu", "memory", "-name"]),
            filter: pick(["", "a&b=c", "#?%", "ü 漢 👍", "+ "]),
          });
          const again = readView(searchOf(view));
          if (JSON.stringify(fields(view)) !== JSON.stringify(fields(again)) || searchOf(again) !== searchOf(view))
            wrong.push([fields(view), fields(again)]);
        }
        return wrong;"""
    )
    assert wrong == []


async def test_what_others_put_into_the_address_stays(js: RunJs) -> None:
    search = await js(
        ADDRESS + 'return searchOf(new View({ interval: 5 }), "?lang=de&interval=0.1&rate=1&from=1&to=2");'
    )
    assert search == "?lang=de&interval=5"


async def test_tells_once_which_keys_changed(js: RunJs) -> None:
    told = await js(
        """const { View } = await load("page/view");
        const view = new View();
        const told = [];
        view.addEventListener("change", (event) => told.push([...event.detail]));
        view.set({ range: 60, interval: 1, theme: "dark" });
        view.set({ range: 60 });
        view.set({ frozen: { from: 1, to: 2 } });
        view.set({ frozen: { from: 1, to: 2 } });
        view.set({ hover: 5 });
        view.live();
        view.live();
        return told;"""
    )
    assert told == [["range", "theme"], ["frozen"], ["hover"], ["frozen"]]


async def test_refuses_what_it_does_not_have(js: RunJs) -> None:
    words = await js(
        """const { View } = await load("page/view");
        try { new View().set({ zoom: 3 }); return ""; } catch (error) { return error.message; }"""
    )
    assert words == "a view has no zoom"


async def test_a_pause_keeps_the_moment_and_a_range_reaches_back_from_it(js: RunJs) -> None:
    steps = await js(
        """const { View } = await load("page/view");
        const view = new View({ range: 60 });
        const steps = [view.window(1e6)];
        view.pause(1e6);
        steps.push(view.window(2e6), view.paused);
        view.set({ frozen: { from: 950_000, to: 960_000 } });
        steps.push(view.window(2e6), view.paused);
        view.reach(300);
        steps.push(view.window(2e6), view.paused);
        view.live();
        steps.push(view.window(2e6));
        view.pause(2e6);
        view.reach(60);
        steps.push(view.window(3e6), view.paused);
        return steps;"""
    )
    assert steps == [
        {"from": 940_000, "to": 1_000_000, "live": True},
        {"from": 940_000, "to": 1_000_000, "live": False},
        True,
        {"from": 950_000, "to": 960_000, "live": False},
        False,
        {"from": 660_000, "to": 960_000, "live": False},
        False,
        {"from": 1_700_000, "to": 2_000_000, "live": True},
        {"from": 1_940_000, "to": 2_000_000, "live": False},
        True,
    ]


async def test_a_pointer_over_a_paused_page_asks_for_no_other_past(js: RunJs) -> None:
    assert await js(
        """const { Subscriptions } = await load('page/subscriptions');
           const { View } = await load('page/view');
           const asked = []; let now = 1_000_000;
           const client = { subscribe: (request, { windowS }) => ({ store: { windowS },
             update({ windowS }) { asked.push(windowS); this.store.windowS = windowS; } }) };
           const view = new View();
           const subscriptions = new Subscriptions({ client, view, clock: { now: () => now } });
           subscriptions.open({ id: "cpu" });
           view.pause(now); now += 20_000; view.set({ hover: 900_000 }); now += 2000; view.set({ hover: 901_000 });
           const pointed = asked.length;
           view.set({ frozen: { from: 500_000, to: 800_000 } });
           return [pointed, asked];"""
    ) == [0, [522]]


async def test_a_still_view_stays_where_the_clock_was_set_back(js: RunJs) -> None:
    assert await js(
        """const { FrozenStore } = await load('charts/frozen_store');
           const { StreamStore } = await load('client/store');
           const store = new StreamStore({ windowS: 60 });
           store.snapshot({ series: [{ name: "a", unit: "1", attributes: {} }], times: [5000, 6000, 7000],
             values: [[1, 1, 1]], offset: 7 });
           const still = new FrozenStore(); const frozen = { from: 1000, to: 7500 };
           const first = still.of(store, frozen); const same = [];
           for (const time of [2000, 3000, 4000, 5000, 6000, 7000, 8000]) {
             store.data({ time, offset: 6 + time / 1000, values: [2] }); same.push(still.of(store, frozen) === first); }
           return [new Set(same).size, same[0], first.ring.length, store.setBacks];"""
    ) == [1, True, 3, 1]


async def test_a_still_view_is_copied_again_only_for_what_it_lacks(js: RunJs) -> None:
    assert await js(
        """const { FrozenStore } = await load('charts/frozen_store');
           const { StreamStore } = await load('client/store');
           const store = new StreamStore({ windowS: 60 });
           const snapshot = (times) => store.snapshot({ series: [{ name: "a", unit: "1", attributes: {} }], times,
             values: [times.map(() => 1)], offset: 1, time: times.at(-1) });
           const still = new FrozenStore(); const frozen = { from: 1000, to: 10_000 };
           snapshot([5000, 6000, 7000]);
           const copies = [still.of(store, frozen)];
           for (const time of [8000, 9000, 10_000, 11_000, 12_000]) {
             store.data({ time, offset: time / 1000, values: [1] }); copies.push(still.of(store, frozen)); }
           snapshot([1000, 2000, 12_000]);
           copies.push(still.of(store, frozen));
           return [copies.map((copy) => copies.indexOf(copy)), copies.map(({ newest }) => newest)];"""
    ) == [[0, 1, 2, 3, 3, 3, 6], [7000, 8000, 9000, 10_000, 10_000, 10_000, 12_000]]
