"""Panels in which nothing moves: one line each, until something does or somebody asks."""

from __future__ import annotations

import pytest
from tests.browser.conftest import OpenPage, RunJs
from tests.browser.panel_heads import HEADS
from tests.browser.past import PastServer

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_what_does_not_move_is_still_and_says_at_what(js: RunJs) -> None:
    found = await js(
        HEADS
        + """const { stillnessOf, stillWords } = await load("charts/model/stillness");
             const { StreamStore } = await load("client/store");
             const still = (values, unit = "{error}/s", span_min = 1) => {
               const store = new StreamStore({ windowS: 900 });
               const series = ["a", "b"].map((d) => ({ name: "m", unit, attributes: { d } }));
               const axis = { max: null, column: null, span_min };
               const head = headOf([line(0, "a"), line(1, "b")], { unit, axis });
               const times = values.map((_, i) => 1_000_000 + i * 60_000);
               store.snapshot({ series, times, values: [values, values.map(() => 0)], offset: 0, ...head });
               const found = stillnessOf(store);
               return [(found.since - 1_000_000) / 60_000, stillWords("T", found, { now: store.newest, unit })];
             };
             return { none: still(Array(16).fill(0)), late: still([5, 0, 0, 0]), moved: still([0, 0, 0, 5]),
                      level: still(Array(6).fill(12), "{socket}"), share: still(Array(6).fill(0), "1"),
                      noise: still([0, 1e-6, 0, 2e-6]), unknown: still([null, null, null]),
                      came: still([null, null, 0, 0]), nothing: stillnessOf(new StreamStore({ windowS: 60 })) };"""
    )
    words = {name: told and (told[0], told[1].replace("\u00a0", " ")) for name, told in found.items()}
    assert words == {
        "none": (0, "T: none for 15 min"),
        "late": (1, "T: none for 2 min"),
        "moved": (3, "T: 5 /s for 1 min"),
        "level": (0, "T: 12 for 5 min"),
        "share": (0, "T: 0.0 % for 5 min"),
        "noise": (0, "T: none for 3 min"),
        "unknown": (0, "T: none for 2 min"),
        "came": (2, "T: none for 1 min"),
        "nothing": None,
    }


async def test_a_still_panel_is_a_line_that_opens(past_server: PastServer, open_page: OpenPage) -> None:
    watched = await open_page(past_server.url, charts=False, viewport={"width": 1440, "height": 3200})
    page = watched.page
    line = page.locator(".quiet-lines button", has_text="Network errors")
    await line.wait_for(state="visible")
    assert (await line.inner_text()).startswith("Network errors: none for ")
    panel = page.locator("#panel-network-errors")
    assert not await panel.is_visible()
    # It still hears whether something moves, but seldom.
    interval = "() => document.querySelector('#panel-network-errors').stream.store.intervalS"
    await watched.until(f"() => ({interval})() === 10")

    await line.click()
    await panel.wait_for(state="visible")
    assert await page.evaluate("document.activeElement.id") == "panel-network-errors"
    await watched.until(f"() => ({interval})() === 1")
    assert watched.errors == []
