"""Names that others chose stand on the page as they are, and turn nothing around them."""

from __future__ import annotations

from typing import Any

import pytest
from tests.browser.conftest import SERVER_ENV, OpenPage, open_with
from tests.e2e.server import running

pytestmark = pytest.mark.asyncio(loop_scope="session")

NAMES = ["שלום2", "<img/src=x/onerror=alert(1)>", "&lt;b&gt;", "=1+1"]
LEGEND = """() => [...document.querySelectorAll("#panel-disks .legend li:has(.label)")].map((item) => {
  const [label, value] = [item.querySelector(".label"), item.querySelector(".value")];
  const [first, second] = [label, value].map((one) => one.getBoundingClientRect());
  return [label.textContent, getComputedStyle(label).unicodeBidi, first.right <= second.left + 1];
})"""


async def test_a_name_is_text_and_stands_apart(open_page: OpenPage) -> None:
    def only(panels: list[dict[str, Any]]) -> None:
        panels[:] = [panel for panel in panels if panel["id"] == "cpu"]
        disks = {"id": "disks", "title": "Disks", "metrics": ["test.disk"], "by": ["name"], "max": None, "stack": False}
        panels.append(panels[0] | disks | {"rest": [], "order": [], "headline": {"reduce": "max"}})

    with running(env=SERVER_ENV, scripted=True) as server:
        (server.folder / "disks").write_text(" ".join(NAMES), encoding="utf-8")
        watched = await open_with(open_page, server.url, only)
        await watched.until(
            "(count) => document.querySelectorAll('#panel-disks .legend .label').length === count", len(NAMES)
        )
        shown = await watched.page.evaluate(LEGEND)
        assert sorted(shown) == sorted([name, "isolate", True] for name in NAMES)
        assert await watched.page.locator("#panel-disks img").count() == 0
        head = await watched.page.evaluate("() => document.querySelector('#panel-disks .headline small').textContent")
        assert NAMES[1] in head
        assert watched.errors == []
