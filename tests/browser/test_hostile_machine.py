"""The page of a machine whose devices are called anything: all of it is text, and turns nothing around it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.browser.conftest import SERVER_ENV, OpenPage
from tests.e2e.hostile_machine import FORBIDDEN, HostileMachine
from tests.e2e.server import running

pytestmark = pytest.mark.asyncio(loop_scope="session")

TEXTS = """() => [...document.querySelectorAll("*")].flatMap((one) => [
  ...[...one.childNodes].filter(({ nodeType }) => nodeType === Node.TEXT_NODE).map(({ data }) => data),
  ...[...one.attributes].map(({ value }) => value)]).join("\\n")"""
SAID = f"(words) => {{ const text = ({TEXTS})(); return words.every((one) => text.includes(one)); }}"
WORDS = (r"\u202egnp.exe", r"\x1b]0;owned\x07", "=cmd|calc!A0")


async def test_no_name_is_more_than_text(open_page: OpenPage, tmp_path: Path) -> None:
    machine = HostileMachine(tmp_path)
    with machine.going_on(), running(env=SERVER_ENV | machine.env) as server:
        watched = await open_page(server.url, charts=False, viewport={"width": 1440, "height": 3000})
        await watched.until(
            f"(words) => {{ const text = ({TEXTS})(); return words.every((one) => text.includes(one)); }}", WORDS
        )
        await watched.settled()
        text = await watched.page.evaluate(TEXTS)
        assert not FORBIDDEN & set(text)
        assert await watched.page.locator("img[src=x], script:not([src])").count() == 0
        assert await watched.page.evaluate("document.documentElement.scrollWidth") == 1440
        assert watched.errors == []
        assert await watched.violations() == []
