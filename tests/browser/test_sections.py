"""The page's order: sections that fold, and rows in which no room is left over."""

from __future__ import annotations

import pytest
from tests.browser.conftest import OpenPage, RunJs
from tests.browser.past import PastServer
from tests.e2e.server import Server

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_rows_are_full_and_about_equal_whatever_there_is(js: RunJs) -> None:
    found = await js(
        """const { balanced } = await load("page/balance");
           const sizes = ["", "small", "wide"];
           const all = [];
           // Every mixture of up to six panels, in as many columns as there may be.
           for (let count = 1; count <= 6; count += 1)
             for (let code = 0; code < 3 ** count; code += 1)
               for (let columns = 1; columns <= 5; columns += 1)
                 all.push([Array.from({ length: count }, (_, i) => sizes[Math.floor(code / 3 ** i) % 3]), columns]);
           const wrong = [];
           for (const [given, columns] of all) {
             const { places, columns: across, rows } = balanced(given, columns);
             const cells = new Set();
             let overlaps = false;
             for (const { column, span, row, rows: down } of places)
               for (let x = column; x < column + span; x += 1)
                 for (let y = row; y < row + down; y += 1) {
                   overlaps ||= cells.has(`${x} ${y}`);
                   cells.add(`${x} ${y}`);
                 }
             const follows = (one, before) => !before || one.row > before.row || one.column >= before.column;
             const order = places.every((one, i) => follows(one, places[i - 1]));
             if (overlaps || !order || cells.size !== across * rows.length) wrong.push([given, columns, places]);
           }
           const page = ["wide", "", "", "small", "small"];
           return { tried: all.length, wrong: wrong.slice(0, 3), five: balanced(page, 5),
                    three: balanced(page, 3).places.map(({ row, column, span }) => [row, column, span]),
                    odd: balanced(["", "small", "small", "small"], 3).places.map((at) => [at.row, at.column, at.rows]),
                    few: await (async () => {
                      const { fewBars } = await load("page/panel_words");
                      const lines = (count) => Array.from({ length: count }, (_, i) => ({ key: `/${i >> 1}` }));
                      const tried = [["bar", 4], ["bar", 5], ["line", 1]];
                      return tried.map(([chart, count]) => fewBars({ chart }, { lines: lines(count) }));
                    })(),
                    phone: balanced(["small", "small"], 1).rows };"""
    )
    assert found["tried"] > 5000
    assert found["wrong"] == []
    # A wide one and another; then one beside a pair, which stand above each other.
    assert found["three"] == [[1, 1, 4], [1, 5, 2], [2, 1, 3], [2, 4, 3], [3, 4, 3]]
    assert found["five"]["rows"] == ["half", "half"]
    assert [place["rows"] for place in found["five"]["places"]] == [2, 2, 2, 1, 1]
    assert found["phone"] == ["low", "low"]
    # Of three small ones the first has the height of two, so that there is no hole below the last.
    assert found["odd"] == [[1, 1, 2], [1, 2, 2], [1, 3, 1], [2, 3, 1]]
    # Two bars of two parts each need no more room than a small panel has; what is no bar does not count.
    assert found["few"] == [True, False, False]


async def test_sections_fold_and_stay_so_until_a_panel_is_asked_for(page_server: Server, open_page: OpenPage) -> None:
    watched = await open_page(page_server.url)
    page = watched.page
    await watched.drawn()
    assert await page.locator(".section-head:visible button").all_text_contents() == [
        "Compute", "Memory", "Disk", "Network", "System", "Vitalcast"
    ]  # fmt: skip
    # No hole: in each section the panels in view reach from its left end to its right one.
    edges = """() => [...document.querySelectorAll(".panels")].filter((body) => body.checkVisibility()).map((body) => {
        const seen = [...body.children].filter((one) => one.checkVisibility());
        const places = seen.map((one) => one.getBoundingClientRect());
        const own = body.getBoundingClientRect();
        const area = places.reduce((sum, { width, height }) => sum + (width + 20) * (height + 20), 0);
        const [left, right] = [Math.min(...places.map((one) => one.left)), Math.max(...places.map((one) => one.right))];
        return [own.left - left, own.right - right, area > 0.97 * own.width * own.height]; })"""
    for left, right, filled in await page.evaluate(edges):
        assert abs(left) < 1 and abs(right) < 1 and filled

    memory = page.locator(".charts").get_by_role("button", name="Memory", exact=True)
    await memory.click()
    assert await memory.get_attribute("aria-expanded") == "false"
    assert not await page.locator("#panel-memory").is_visible()
    assert (await page.locator(".section-head .count:visible").text_content() or "").endswith((" panels", " panel"))

    await page.reload()
    await watched.drawn()
    assert not await page.locator("#panel-memory").is_visible()
    await page.locator('vital-vitals a[href="#panel-memory"]').click()
    await page.locator("#panel-memory").wait_for(state="visible")
    assert watched.errors == []


@pytest.mark.parametrize("width", [1440, 1920, 3840])
async def test_no_title_is_cut(width: int, past_server: PastServer, open_page: OpenPage) -> None:
    size = {"width": width, "height": 3000}
    watched = await open_page(past_server.url, charts=False, viewport=size)
    heads = """() => [...document.querySelectorAll("vital-panel > header")].filter((head) => head.checkVisibility())"""
    await watched.until(f"() => ({heads})().filter((head) => /\\d/.test(head.innerText)).length >= 10")
    titles = f"({heads})().map((head) => head.querySelector('h2'))"
    cut = f"() => {titles}.filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.textContent)"
    assert await watched.page.evaluate(cut) == []
