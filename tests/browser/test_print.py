"""The page on paper: all of it, black on white, with its machine, its time and its zone."""

from __future__ import annotations

import re

import pytest
from tests.browser.conftest import OpenPage, RunJs
from tests.e2e.server import Server

pytestmark = pytest.mark.asyncio(loop_scope="session")

UNDRESSED = (
    "(_, { classList, dataset } = document.documentElement) => !classList.contains('printing') && !dataset.theme"
)
ASK_FOR_NO_PRINTER = "window.printed = 0; window.print = () => { window.printed += 1; };"
LOOK = """() => {
  const panels = [...document.querySelectorAll("vital-panel")].filter((panel) => panel.checkVisibility());
  const colour = (element, what) => getComputedStyle(element)[what];
  return {
    ground: colour(document.body, "backgroundColor"),
    ink: colour(panels[0].querySelector("h2"), "color"),
    wide: document.documentElement.scrollWidth,
    torn: panels.filter((panel) => colour(panel, "breakInside") !== "avoid").length,
    drawn: panels.every((panel) => panel.querySelector("vital-plot, vital-bars").counts.full > 0),
    ends: [...new Set(panels.map(({ offsetTop }) => offsetTop))].map((top) => Math.max(
      ...panels.map(({ offsetTop, offsetLeft, offsetWidth }) => (offsetTop === top ? offsetLeft + offsetWidth : 0)))),
    legends: panels.every((panel) => panel.querySelector(".legend").checkVisibility()),
    operated: [...document.querySelectorAll("vital-controls, vital-menu")].some((one) => one.checkVisibility()),
  };
}"""
CLASSES = (
    "() => [document.documentElement.classList.contains('printing'), document.documentElement.dataset.theme ?? '']"
)


async def test_paper_has_all_panels_black_on_white_whatever_was_seen(page_server: Server, open_page: OpenPage) -> None:
    watched = await open_page("about:blank", color_scheme="dark", viewport={"width": 1440, "height": 500})
    page = watched.page
    await page.add_init_script(ASK_FOR_NO_PRINTER)
    await page.goto(page_server.url)
    await watched.state("live")
    await page.keyboard.press("Control+p")
    await watched.until("() => window.printed > 0")
    await page.set_viewport_size({"width": 703, "height": 900})  # of A4 within its margins
    look = await page.evaluate(LOOK)
    assert (look["ground"], look["ink"]) == ("rgb(255, 255, 255)", "rgb(0, 0, 0)")
    assert look["wide"] == 703
    assert look["drawn"]
    assert len(set(look["ends"])) == 1, "lines without a hole"
    assert look["legends"]
    assert (look["torn"], look["operated"]) == (0, False)
    assert await page.evaluate("window.printed") == 1
    head = await page.inner_text(".printed")
    assert re.match(r"\S+\s+\d{4}-\d\d-\d\d [\d:]{8} to [\d:]{8} \([^)]+\), live\s+Vitalcast, printed ", head), head

    # And back to the screen as it was, by the browser's own way of printing too.
    pdf = await page.pdf(format="A4")
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) > 1
    await watched.until(UNDRESSED)
    assert await page.evaluate("getComputedStyle(document.body).backgroundColor") != look["ground"]
    assert await page.locator(".printed").count() == 0
    assert watched.errors == []


async def test_the_time_on_paper_names_days_and_the_moment(js: RunJs) -> None:
    words = await js(
        """const { timeWords } = await load("page/print");
        const at = (text) => new Date(text).getTime();
        const view = (from, to, live, at) => ({ window: () => ({ from, to, live }), at });
        return [
          timeWords(view(at("2026-11-28T02:00:00"), at("2026-11-28T03:00:00"), false, at("2026-11-28T02:10:05")), 0),
          timeWords(view(at("2026-11-27T02:00:00"), at("2026-11-28T02:00:00"), true, null), 0),
        ];"""
    )
    assert re.fullmatch(
        r"2026-11-28 02:00:00 to 03:00:00 \(.*(UTC|UTC[+−].*)\), values of 2026-11-28 02:10:05", words[0]
    )
    assert re.fullmatch(r"2026-11-27 02:00:00 to 2026-11-28 02:00:00 \(.*\), live", words[1])
