"""The dialog with the lines that show a panel elsewhere."""

from __future__ import annotations

import pytest
from axe_playwright_python.async_playwright import Axe
from tests.browser.conftest import SERVER_ENV, OpenPage
from tests.e2e.server import Server, running

pytestmark = pytest.mark.asyncio(loop_scope="session")

LINES = """() => Object.fromEntries([...document.querySelectorAll("vital-embedding section")]
  .map((one) => [one.querySelector("h3").innerText, one.querySelector("pre").innerText]))"""


async def test_shows_the_lines_as_they_are_wanted_and_copies_them(page_server: Server, open_page: OpenPage) -> None:
    watched = await open_page(page_server.url, charts=False, permissions=["clipboard-read", "clipboard-write"])
    page = watched.page
    await watched.state("live")
    menu = page.locator("#panel-memory vital-menu > button")
    await menu.click()
    await page.get_by_role("button", name="Embed").click()
    dialog = page.get_by_role("dialog", name="Embed Memory")
    await dialog.get_by_text("No token is needed here. Only this machine reaches these addresses").wait_for()
    # What browsers keep other sites from is not offered, but what to do for it.
    lines = await page.evaluate(LINES)
    assert list(lines)[:4] == ["Badge, Markdown", "Image", "Image, PNG", "API"]
    assert list(lines)[4:] == ["Frames", "Elements and numbers", "Images in web pages"]
    assert lines["Frames"] == '[server]\nframe_ancestors = ["https://wiki.example.org"]'
    assert lines["Images in web pages"].endswith("--scope embed --panel memory --origin https://wiki.example.org")
    # The preview is what it will be.
    frame = page.frame_locator("vital-embedding iframe")
    await frame.locator("vital-panel h2", has_text="Memory").wait_for()

    await dialog.get_by_label("Theme").select_option("dark")
    await dialog.get_by_label("Range").select_option("15 minutes")
    await dialog.get_by_label("Size").select_option("small")
    lines = await page.evaluate(LINES)
    assert "memory.svg?theme=dark&range=900&width=320" in lines["Image"]
    await dialog.get_by_role("button", name="Copy: Image", exact=True).click()
    await dialog.get_by_text("Copied.").wait_for()
    assert await page.evaluate("navigator.clipboard.readText()") == lines["Image"]

    # What no server surely has in memory is asked of the history.
    await dialog.get_by_label("Range").select_option("7 days")
    assert "memory.svg?theme=dark&start=-7d&end=now&width=320" in (await page.evaluate(LINES))["Image"]

    await dialog.get_by_label("What").select_option("The dashboard")
    assert list(await page.evaluate(LINES)) == ["Frames"]
    assert await watched.violations() == []
    assert watched.errors == []
    await page.keyboard.press("Escape")
    await watched.until("() => document.querySelector('vital-embedding').childElementCount === 0")
    assert await menu.evaluate("(button) => document.activeElement === button")


async def test_the_lines_name_the_public_address_and_the_preview_does_not(open_page: OpenPage) -> None:
    public = {
        "VITALCAST_SERVER__PUBLIC_URL": "https://metrics.example.org",
        "VITALCAST_SERVER__FRAME_ANCESTORS": '["https://wiki.example.org"]',
        "VITALCAST_SERVER__ALLOWED_ORIGINS": '["https://wiki.example.org"]',
    }
    with running(env=SERVER_ENV | public) as server:
        watched = await open_page(server.url, charts=False)
        await watched.state("live")
        await watched.page.focus("#panel-cpu")
        await watched.page.keyboard.press("e")
        dialog = watched.page.get_by_role("dialog", name="Embed CPU")
        await dialog.get_by_text('src="https://metrics.example.org/embed/panel/cpu').wait_for()
        for label, value in (("Theme", "dark"), ("Range", "15 minutes"), ("Size", "small")):
            await dialog.get_by_label(label).select_option(value)
        await dialog.get_by_label("Title").uncheck()
        lines = await watched.page.evaluate(LINES)
        assert 'cpu?theme=dark&amp;range=15m&amp;title=0" width="320" height="200"' in lines["Frame"]
        assert '<vitalcast-panel panel="cpu" theme="dark" range="15m" heading="0"' in lines["Element"]
        assert list(lines)[-1] == "Images in web pages"
        assert not [text for text in lines.values() if "127.0.0.1" in text]
        frame = watched.page.frame_locator("vital-embedding iframe")
        await frame.locator("vital-panel h2", has_text="CPU").wait_for()
        assert await watched.violations() == []


@pytest.mark.parametrize("scheme", ["dark", "light"])
async def test_is_for_everybody_on_a_phone_too(page_server: Server, open_page: OpenPage, scheme: str) -> None:
    watched = await open_page(
        page_server.url, charts=False, color_scheme=scheme, viewport={"width": 360, "height": 700}
    )
    page = watched.page
    await watched.state("live")
    await page.focus("#panel-cpu")
    await page.keyboard.press("e")
    dialog = page.get_by_role("dialog", name="Embed CPU")
    await dialog.get_by_text("No token is needed here.").wait_for()
    assert await dialog.evaluate("(dialog) => dialog.scrollWidth <= dialog.clientWidth")
    # Without the clipboard, which a page over plain HTTP does not have, it copies by hand.
    await page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    await dialog.get_by_role("button", name="Copy: API").click()
    await dialog.get_by_text("Copied.").wait_for()
    found = await Axe().run(page, context="vital-embedding", options={"iframes": False})
    assert found.violations_count == 0, found.generate_report()
