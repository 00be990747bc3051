"""`?kiosk`: nothing but the readings, and a way out that is told."""

from __future__ import annotations

import pytest
from tests.browser.conftest import OpenPage, RunJs
from tests.e2e.server import Server

pytestmark = pytest.mark.asyncio(loop_scope="session")

CHROME = (".top", "vital-controls", "vital-menu >> nth=0", "vital-processes input", ".notice")
IDLE = "() => document.documentElement.classList.contains('idle')"
# The status corrects its attribute at its next beat, which is not while this runs.
BAR_WHILE_STALE = """() => { const status = document.querySelector("vital-status");
  status.setAttribute("state", "stale");
  const shown = [".top", "vital-status", ".host", "vital-controls"]
    .filter((one) => document.querySelector(one).checkVisibility());
  status.setAttribute("state", "live");
  return shown; }"""


async def test_a_kiosk_shows_the_readings_alone_and_tells_the_way_out(page_server: Server, open_page: OpenPage) -> None:
    watched = await open_page(f"{page_server.url}/?range=1m&kiosk", charts=False)
    page = watched.page
    await page.wait_for_selector('vital-status[state="live"]', state="attached")
    await page.wait_for_selector("#panel-cpu .headline b")
    for selector in CHROME:
        assert not await page.locator(selector).first.is_visible(), selector
    assert await page.locator("#panel-cpu").is_visible()
    assert await page.evaluate(BAR_WHILE_STALE) == [".top", "vital-status"]

    await page.mouse.move(300, 300)
    assert not await page.evaluate(IDLE)
    await watched.until(IDLE)
    assert await page.evaluate("getComputedStyle(document.querySelector('#panel-cpu')).cursor") == "none"
    await page.mouse.move(310, 310)
    assert not await page.evaluate(IDLE)

    await page.mouse.down()
    await page.wait_for_selector(".way-out:visible")
    await page.mouse.up()
    assert "Esc again to leave" in await page.inner_text(".way-out")
    await page.keyboard.press("Escape")
    await page.wait_for_selector(".top:visible")
    assert not await page.locator(".way-out").is_visible()
    assert page.url.endswith("/?range=1m")
    assert watched.errors == []


async def test_a_kiosk_stays_one_in_its_address(js: RunJs) -> None:
    assert await js(
        """const { readView, searchOf } = await load("page/view_address");
        const again = (search) => searchOf(readView(search), search);
        return given.map(again);""",
        ["?kiosk", "?kiosk=1&range=1m", "?kiosk=true", "?kiosk=0", "?kiosk=false", "?kiosks", "?a=1&kiosk&b=2"],
    ) == ["?kiosk", "?range=1m&kiosk", "?kiosk", "", "", "?kiosks=", "?a=1&b=2&kiosk"]
