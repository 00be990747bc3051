"""The page on a phone: one line at the top, the sections at the foot, and all as large as a finger."""

from __future__ import annotations

import time

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page
from tests.browser.conftest import OpenPage
from tests.e2e.server import Server

pytestmark = pytest.mark.asyncio(loop_scope="session")

PHONE = {"viewport": {"width": 360, "height": 780}, "has_touch": True, "is_mobile": True}
TOPS = """() => ["vital-vitals", "vital-processes", ".charts"]
  .map((name) => document.querySelector(`main > ${name}`).getBoundingClientRect().top)"""
BAR = "() => document.querySelector('.top').getBoundingClientRect().bottom"
SMALL = """() => [...document.querySelectorAll(
    "vital-sections button, .top button, .top select, vital-menu > button, .section-head button, vital-vitals a")]
  .filter((one) => one.checkVisibility() && one.getBoundingClientRect().height < 44)
  .map((one) => one.outerHTML)"""
CUT = """() => [...document.querySelectorAll("vital-controls :is(.window, .chosen, .pause)")]
  .filter((one) => one.scrollWidth > one.clientWidth + 1 || one.getBoundingClientRect().right > innerWidth)
  .map((one) => one.innerText)"""
STALE_AND_CRITICAL = """() => {
  for (const panel of document.querySelectorAll("vital-panel")) {
    panel.classList.add("stale");
    const parts = { ".age": "12 s old", ".level": "critical", ".cause": "chromium, postgres, node-MainThread" };
    for (const [name, words] of Object.entries(parts))
      Object.assign(panel.querySelector(name), { hidden: false, textContent: words });
  }
  return document.documentElement.scrollWidth;
}"""
CURRENT = "() => document.querySelector('vital-sections [aria-current]')?.innerText"


async def swipe(page: Page, selector: str, by: float) -> None:
    """Move one finger sideways, from the middle of this element."""
    box = await page.locator(selector).bounding_box()
    assert box is not None
    session = await page.context.new_cdp_session(page)
    x, y = 180.0, box["y"] + box["height"] / 2
    began = time.time()
    # By their own times it is quick, however long a busy machine takes to tell of them.
    for i, (type_, at) in enumerate((("touchStart", x), ("touchMove", x + by / 2), ("touchMove", x + by))):
        points = [{"x": at, "y": y}]
        await session.send(
            "Input.dispatchTouchEvent", {"type": type_, "touchPoints": points, "timestamp": began + i / 20}
        )
    await session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": [], "timestamp": began + 0.15})


@pytest.mark.parametrize("scheme", ["dark", "light"])
async def test_a_phone_has_one_line_that_stays_and_its_sections_at_the_foot(
    page_server: Server, open_page: OpenPage, scheme: str
) -> None:
    watched = await open_page(page_server.url, color_scheme=scheme, charts=False, **PHONE)
    page = watched.page
    await watched.state("live")
    await watched.until("() => document.querySelectorAll('vital-sections button').length > 5")
    names = await page.locator("vital-sections button").all_inner_texts()
    assert names[:3] == ["Vitals", "Processes", "Compute"]
    assert await page.evaluate("document.documentElement.scrollWidth") == 360
    vitals, processes, charts = await page.evaluate(TOPS)
    assert vitals < processes < charts
    assert await page.evaluate(SMALL) == []
    assert 90 < await page.evaluate(BAR) < 100
    await watched.until(f"() => ({CURRENT})() === 'Vitals'")
    # Which machine it is stands behind the dots: a phone has no room for a line of it.
    await page.tap("vital-machine button")
    await watched.until("() => /memory.*up/s.test(document.querySelector('vital-machine .about').innerText)")
    await page.tap("vital-machine button")

    await page.tap("vital-sections button:has-text('Network')")
    await watched.until(f"() => ({CURRENT})() === 'Network'", within_ms=8000)
    assert await page.evaluate(BAR) < 52
    # A finger goes to the next, and not where a chart has a use of its own for it.
    await swipe(page, ".section-head:has-text('Network')", 150)
    await watched.until(f"() => ({CURRENT})() === 'Disk'", within_ms=8000)
    await swipe(page, ".section-head:has-text('Disk')", -150)
    await watched.until(f"() => ({CURRENT})() === 'Network'", within_ms=8000)

    await page.eval_on_selector("#panel-network vital-menu > button", "(button) => button.click()")
    await page.locator("#panel-network vital-menu li").first.wait_for(timeout=8000)
    assert await page.locator("kbd:visible").count() == 0
    await page.keyboard.press("Escape")
    # A moment of a window adds no line, and cuts nothing.
    dashboard = page.locator("vital-dashboard")
    await dashboard.evaluate("({ view }) => { view.pause(Date.now()); view.set({ at: Date.now() - 9000 }); }")
    assert await page.evaluate(BAR) < 52
    assert await page.evaluate(CUT) == []
    # Nor does a level with its cause, of a panel that is stale, reach beyond the screen.
    assert await page.evaluate(STALE_AND_CRITICAL) == 360
    found = await Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert watched.errors == []


async def test_a_wider_screen_builds_no_strip(page_server: Server, open_page: OpenPage) -> None:
    watched = await open_page(page_server.url, charts=False)
    await watched.state("live")
    assert await watched.page.locator("vital-sections button").count() == 0
