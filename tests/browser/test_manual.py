"""The reference manual in a browser: its search while one types, its keys, and its width on a phone."""

from __future__ import annotations

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page
from tests.browser.conftest import OpenPage, Watched
from tests.e2e.server import Server

pytestmark = pytest.mark.asyncio(loop_scope="session")

PAGES = (
    "",
    "?q=origin",
    "/settings",
    "/panels",
    "/walls",
    "/embedding",
    "/metrics",
    "/wire",
    "/http",
    "/security",
    "/design",
)


async def open_manual(open_page: OpenPage, server: Server, page: str, **options: object) -> Watched:
    watched = await open_page(f"{server.url}/docs{page}", **options)
    await watched.page.wait_for_load_state()
    return watched


async def test_a_slash_goes_to_the_search_and_results_come_while_one_types(
    page_server: Server, open_page: OpenPage
) -> None:
    watched = await open_manual(open_page, page_server, "/wire")
    page = watched.page
    await page.keyboard.press("/")
    await page.keyboard.type("root_path")
    hit = page.get_by_role("link", name="server.root_path", exact=True)
    await hit.wait_for()
    assert await page.locator("mark").first.inner_text() == "root_path"
    await hit.click()
    await page.wait_for_url(f"{page_server.url}/docs/settings#server.root_path")
    await page.get_by_role("heading", name="Settings").wait_for()
    assert watched.errors == []
    assert await watched.violations() == []


async def test_escape_brings_the_page_back(page_server: Server, open_page: OpenPage) -> None:
    page = (await open_manual(open_page, page_server, "/wire")).page
    await page.keyboard.press("/")
    await page.keyboard.type("zebra")
    await page.get_by_role("heading", name="No results for “zebra”").wait_for()
    await page.keyboard.press("Escape")
    await page.get_by_role("heading", name="The wire").wait_for()
    assert await page.get_by_role("searchbox").input_value() == ""
    assert await page.locator("main").evaluate("(main) => main === document.activeElement")


async def test_arrows_lead_through_the_results_and_back(page_server: Server, open_page: OpenPage) -> None:
    page = (await open_manual(open_page, page_server, "/wire")).page
    await page.keyboard.press("/")
    await page.keyboard.type("root_path")
    await page.locator(".hits").wait_for()
    focused = page.locator(":focus")
    for key, words in (("ArrowDown", "server.root_path"), ("ArrowDown", None), ("ArrowUp", "server.root_path")):
        await page.keyboard.press(key)
        assert words is None or await focused.inner_text() == words
    await page.keyboard.press("ArrowUp")
    assert await focused.get_attribute("name") == "q"
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"{page_server.url}/docs/settings#server.root_path")


async def test_without_a_script_enter_searches(page_server: Server, open_page: OpenPage) -> None:
    page = (await open_manual(open_page, page_server, "/wire", java_script_enabled=False)).page
    await page.get_by_role("searchbox").fill("root_path")
    await page.keyboard.press("Enter")
    await page.get_by_role("heading", name="Results for “root_path”").wait_for()


async def test_every_page_is_accessible_and_fits_a_phone(page_server: Server, open_page: OpenPage) -> None:
    phone = {"width": 360, "height": 740}
    watched = await open_manual(open_page, page_server, "", viewport=phone)
    page = watched.page
    for name in PAGES:
        await page.emulate_media(color_scheme="light")
        await page.goto(f"{page_server.url}/docs{name}")
        assert await page.evaluate("document.documentElement.scrollWidth") == phone["width"], name
        await finds_nothing(page)
        await page.emulate_media(color_scheme="dark")
        await finds_nothing(page, {"runOnly": ["color-contrast"]})  # all else is the same
    assert watched.errors == []


async def finds_nothing(page: Page, options: dict[str, list[str]] | None = None) -> None:
    found = await Axe().run(page, options={"resultTypes": ["violations"], **(options or {})})
    assert found.violations_count == 0, found.generate_report()
