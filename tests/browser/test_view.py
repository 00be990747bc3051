"""What the reader looks at, and its address."""

from __future__ import annotations

from typing import Any

import pytest
from tests.browser.conftest import RunJs

pytestmark = pytest.mark.asyncio(loop_scope="session")

FIELDS = """const fields = ({ range, interval, frozen, at, compare, panel, theme, sort, filter, group }) =>
  ({ range, interval, frozen, at, compare, panel, theme, sort, filter, group });
"""
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
        FIELDS + 'const { View } = await load("page/view"); return fields(View.parse(given));', search
    )
    return fields


async def test_an_empty_address_is_the_usual_view_and_the_usual_view_has_none(js: RunJs) -> None:
    assert await parsed(js, "") == USUAL
    assert await js('const { View } = await load("page/view"); return new View().toSearch();') == ""


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
    assert await js('const { View } = await load("page/view"); return View.parse(given).toSearch();', search) == search


@pytest.mark.parametrize(
    "search",
    [
        "?range=7m&interval=2&at=02:00&compare=7s&group=pid&theme=pink&nothing=at-all",
        "?range=constructor&interval=__proto__&compare=toString&theme=toString",
        "?interval=&rate=0.1e0x&range=",
        "?from=1790000060000&to=1790000000000",
        "?from=1790000000000",
        "?from=-5&to=10",
        "?from=NaN&to=Infinity",
        "?from=1&to=99999999999999999999",
        "?from=1&to=8640000000000001",
        "?panel=<script>&sort=%00&sort=a",
        "?panel=../../etc&sort=a%20b",
        "?%E0%A4%A&&&=&?",
    ],
)
async def test_what_cannot_be_is_as_usual(js: RunJs, search: str) -> None:
    assert await parsed(js, search) == USUAL


async def test_a_rate_is_taken_for_the_interval_that_it_is_called_now(js: RunJs) -> None:
    assert await parsed(js, "?rate=0.1") == USUAL | {"interval": 0.1}


async def test_a_long_filter_is_cut(js: RunJs) -> None:
    assert len((await parsed(js, "?filter=" + "x" * 5000))["filter"]) == 100
    assert (await parsed(js, "?filter=x" + "👍" * 5000))["filter"] == "x" + "👍" * 99


async def test_every_view_comes_back_from_its_address(js: RunJs) -> None:
    wrong = await js(
        FIELDS
        + """const { View, RANGES, INTERVALS, COMPARISONS, GROUPS, THEMES } = await load("page/view");
        const pick = (values) => values[Math.floor(Math.random() * values.length)];
        const wrong = [];
        for (let i = 0; i < 500; i += 1) {
          const from = Math.floor(Math.random() * 2e12);
          const view = new View({
            range: pick(Object.values(RANGES)), interval: pick(INTERVALS), theme: pick(THEMES),
            at: pick([null, from]), compare: pick([0, ...Object.values(COMPARISONS)]), group: pick([...GROUPS]),
            frozen: pick([null, { from, to: from + 1 + Math.floor(Math.random() * 1e6) }]),
            panel: pick([null, "cpu", "disk-busy"]), sort: pick(["cpu", "memory", "-name"]),
            filter: pick(["", "a&b=c", "#?%", "ü 漢 👍", "+ "]),
          });
          const again = View.parse(view.toSearch());
          if (JSON.stringify(fields(view)) !== JSON.stringify(fields(again)) || again.toSearch() !== view.toSearch())
            wrong.push([fields(view), fields(again)]);
        }
        return wrong;"""
    )
    assert wrong == []


async def test_what_others_put_into_the_address_stays(js: RunJs) -> None:
    search = await js(
        """const { View } = await load("page/view");
        return new View({ interval: 5 }).toSearch("?lang=de&interval=0.1&rate=1&from=1&to=2");"""
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
        return steps;"""
    )
    assert steps == [
        {"from": 940_000, "to": 1_000_000, "live": True},
        {"from": 940_000, "to": 1_000_000, "live": False},
        True,
        {"from": 950_000, "to": 960_000, "live": False},
        False,
        {"from": 660_000, "to": 960_000, "live": False},
        True,
        {"from": 1_700_000, "to": 2_000_000, "live": True},
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
