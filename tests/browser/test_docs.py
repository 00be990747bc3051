"""The page that describes the interface, in a browser."""

from __future__ import annotations

import json

import pytest
from tests.browser.conftest import OpenPage
from tests.e2e.server import Server

from vitalcast.config.schema import Settings
from vitalcast.web.app import create_app

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_it_shows_itself_and_asks_for_answers_without_asking_anybody_else(
    page_server: Server, open_page: OpenPage
) -> None:
    watched = await open_page("about:blank")
    page = watched.page
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    await page.goto(f"{page_server.url}/docs/api")
    await page.locator(".opblock-summary", has_text="/readyz").click()
    await page.locator(".execute").click()
    answer = await page.locator(".live-responses-table .microlight").first.inner_text()
    assert json.loads(answer) == {"status": "ok"}
    documented = [endpoint for endpoint in create_app(Settings()).endpoints if endpoint.documented]
    assert await page.locator(".opblock").count() == len(documented)
    assert said == []
    assert watched.errors == []
    fetched = [url for url in watched.requests if not url.startswith(("data:", "about:"))]
    assert [url for url in fetched if not url.startswith(f"{page_server.url}/")] == []
    await watched.holds(lambda: f"{page_server.url}/readyz" in watched.requests)
