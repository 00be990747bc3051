"""Legends: by value, without what is at zero, and lines that are shown alone."""

from __future__ import annotations

import pytest
from tests.browser.conftest import OpenPage, RunJs
from tests.e2e.server import Server

pytestmark = pytest.mark.asyncio(loop_scope="session")

# Which lines of the load are drawn: a path that is just a point is none.
DRAWN = """() => [...document.querySelectorAll("#panel-load .scatterlayer path.js-line")].slice(0, 3)
  .map((path) => path.getAttribute("d").length > 10)"""

# Whether a line is shown alone, and all are again, without a figure drawn anew. Tried again where the page drew one
# for another cause, such as a size that became known late.
BY_PATH_ALONE = """async () => {
  const plot = document.querySelector("#panel-load vital-plot");
  const entry = document.querySelector("#panel-load .legend button.entry");
  const frames = async (count) => { while (count--) await new Promise(requestAnimationFrame); };
  const full = plot.counts.full;
  for (let clicks = 0; clicks < 2; clicks += 1) { entry.click(); await frames(3); }
  return plot.counts.full === full; }"""


async def test_lines_are_listed_by_value_and_zeros_fold(js: RunJs) -> None:
    found = await js(
        """const { foldWords, listingOf, pickedAfter } = await load("charts/model/legend_model");
           const entries = (values) => Object.entries(values).map(([key, value]) =>
             ({ key, value: value ?? NaN, zero: value === 0 || value === null }));
           const listed = (values) => { const { order, folded } = listingOf(entries(values));
             return [order.join(" "), [...folded].join(" ")]; };
           const all = ["a", "b", "c"];
           const picked = (before, key, add) => [...pickedAfter(new Set(before), key, { add, all })].join(" ");
           return {
             mixed: listed({ a: 0, b: 2, c: 7, d: 0, e: null }), one: listed({ a: 0, b: 2, c: 7 }),
             words: [[7, true, false], [7, false, false], [7, true, true], [7, false, true]].map(
               ([hidden, known, unfolded]) => foldWords({ hidden, known, unfolded })),
             idle: listed({ a: 0, b: 0, c: 0 }), below: listed({ a: 1, b: -3 }),
             picked: [picked([], "a", false), picked(["a"], "a", false), picked(["a", "b"], "a", false),
                      picked(["a"], "b", true), picked(["a", "b"], "b", true), picked(["a", "b"], "c", true)] };"""
    )
    assert found["mixed"] == ["c b a d e", "a d e"]
    assert found["one"] == ["c b a", ""]  # a single one takes no more room than the word for it
    assert found["words"] == ["7 more at 0", "7 more without values", "Hide those at 0", "Show fewer"]
    assert found["idle"] == ["a b c", "b c"]
    assert found["below"] == ["b a", ""]
    assert found["picked"] == ["a", "", "a", "a b", "a", ""]


async def test_a_line_is_shown_alone_others_are_added_and_esc_shows_all(
    page_server: Server, open_page: OpenPage
) -> None:
    watched = await open_page(page_server.url)
    page = watched.page
    await watched.drawn()
    await watched.until(f"() => ({DRAWN})().join() === 'true,true,true'")

    entry = page.locator("#panel-load .legend button.entry")
    await entry.filter(has_text="15 min").click()
    await watched.until(f"() => ({DRAWN})().join() === 'false,false,true'")
    pressed = (
        "() => [...document.querySelectorAll('#panel-load .entry[aria-pressed=true]')].map((one) => one.innerText)"
    )
    assert [text.split("\n")[0] for text in await page.evaluate(pressed)] == ["15 min"]

    await entry.filter(has_text="1 min").first.click(modifiers=["Control"])
    await watched.until(f"() => ({DRAWN})().join() === 'true,false,true'")
    await page.keyboard.press("Escape")
    await watched.until(f"() => ({DRAWN})().join() === 'true,true,true'")
    assert await page.evaluate(pressed) == []
    await watched.until(BY_PATH_ALONE)
    assert watched.errors == []
