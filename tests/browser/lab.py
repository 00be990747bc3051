"""A page with nothing in it but the charts that a test makes; `window.lab` makes them, and pictures for them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.browser.conftest import OpenPage, Watched
    from tests.e2e.server import Server

LAB = Path(__file__).with_name("lab.js").read_text()


async def open_lab(open_page: OpenPage, server: Server, **options: Any) -> Watched:
    watched = await open_page(f"{server.url}/static/vendor/vendor.json", **options)
    await watched.page.wait_for_load_state()
    await watched.page.evaluate(LAB)
    return watched


async def cleared(lab: Watched) -> Watched:
    """The same page without the charts of the test before."""
    await lab.page.mouse.move(1, 1)
    await lab.page.emulate_media(color_scheme="light")
    await lab.page.evaluate("() => { document.body.replaceChildren(); delete document.documentElement.dataset.theme; }")
    lab.errors.clear()
    return lab
