"""The strip of the whole kept time: where one looks, what happened, and ways to get there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, FloatRect
from tests.browser.conftest import Watched, opening
from tests.browser.past import PastServer

pytestmark = pytest.mark.asyncio(loop_scope="session")

X_OF = """(time) => { const strip = document.querySelector("vital-overview .strip").getBoundingClientRect();
  return strip.left + 1 + document.querySelector("vital-overview").placeOf(time); }"""
VIEW = """() => { const { frozen, at, range } = document.querySelector("vital-dashboard").view;
  return { frozen: frozen && [frozen.from, frozen.to], at, range }; }"""
DRAWN = """() => document.querySelector("vital-overview .mean")?.getAttribute("d").length > 1000"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def _page(browser: Browser, past_server: PastServer) -> AsyncIterator[Watched]:
    async with opening(browser) as open_page:
        watched = await open_page(past_server.url, charts=False)
        await watched.state("live")
        await watched.until(DRAWN)
        yield watched


@pytest_asyncio.fixture(loop_scope="session")
async def strip(_page: Watched) -> Watched:
    await _page.page.evaluate(
        "document.querySelector('vital-dashboard').view.set({ range: 3600, frozen: null, at: null })"
    )
    await _page.settled()
    return _page


async def test_the_strip_shows_the_whole_past_and_what_happened(strip: Watched, past_server: PastServer) -> None:
    page = strip.page
    words = await page.locator("vital-overview text.part").all_text_contents()
    assert [text.replace("\u00a0", " ") for text in words[1:]] == ["7 d ago", "24 h ago", "1 h ago"]
    await strip.until("() => document.querySelector('vital-overview rect.hole') !== null")
    await strip.until("() => document.querySelector('vital-overview .stroke.critical').getAttribute('d').length > 20")
    happened = past_server.happened
    strip_box = await page.locator("vital-overview .strip").bounding_box()
    assert strip_box is not None
    x = await page.evaluate(X_OF, happened.oom_ms)
    await page.mouse.move(x, strip_box["y"] + 10)
    assert "java" in await page.locator("vital-overview .tip").inner_text()
    found = await Axe().run(page, {"include": [["vital-overview"]]}, {"rules": {"region": {"enabled": False}}})
    assert found.violations_count == 0, found.generate_report()

    # What is far away is shown with as much around it as the page shows now.
    await page.mouse.click(x, strip_box["y"] + 10)
    view = await page.evaluate(VIEW)
    assert view["at"] == happened.oom_ms
    assert view["frozen"][0] < happened.oom_ms < view["frozen"][1]
    assert view["frozen"][1] - view["frozen"][0] == pytest.approx(3600_000, abs=2)


async def test_the_frame_is_dragged_and_goes_back_to_live(strip: Watched) -> None:
    page = strip.page

    async def box() -> FloatRect:
        await strip.settled()
        found = await page.locator("vital-overview .frame").bounding_box()
        assert found is not None
        return found

    async def drag(start: float, by: float) -> Any:
        frame = await box()
        y = frame["y"] + frame["height"] / 2
        await page.mouse.move(start, y)
        await page.mouse.down()
        await page.mouse.move(start + by, y, steps=3)
        await page.mouse.up()
        return (await page.evaluate(VIEW))["frozen"]

    live = await box()
    middle = live["x"] + live["width"] / 2
    frozen = await drag(middle, -200)
    assert frozen[1] - frozen[0] == pytest.approx(3600_000, abs=2), "as long as before"
    moved = await box()
    assert moved["x"] <= middle - 200 <= moved["x"] + moved["width"], "below the hand, narrower as the time is there"
    longer = await drag(moved["x"], -150)
    assert longer[0] < frozen[0]
    assert longer[1] == frozen[1], "the other edge stays"
    assert await drag(moved["x"] + 2, 900) is None, "at the end of the strip the page is live"


async def test_keys_move_the_window_and_its_edges(strip: Watched) -> None:
    page = strip.page
    frame = page.get_by_role("slider", name="Window shown")
    assert "live" in (await frame.get_attribute("aria-valuetext") or "")
    await frame.focus()
    await page.keyboard.press("ArrowLeft")
    view = await page.evaluate(VIEW)
    now = await page.evaluate("document.querySelector('vital-dashboard').client.clock.now()")
    assert view["frozen"][1] == pytest.approx(now - 900_000, abs=30_000)
    await strip.until("() => / to /.test(document.querySelector('vital-overview .frame').ariaValueText)")
    await page.get_by_role("slider", name="Start of the window").focus()
    await page.keyboard.press("ArrowLeft")
    assert (await page.evaluate(VIEW))["frozen"][0] == pytest.approx(view["frozen"][0] - 360_000, abs=2)
    await page.keyboard.press("End")
    assert (await page.evaluate(VIEW))["frozen"] is None
