"""Names that others chose stand on the page as they are, and turn nothing around them."""

from __future__ import annotations

import pytest
from tests.browser.conftest import OpenPage
from tests.browser.panel_servers import built_in, serving

pytestmark = pytest.mark.asyncio(loop_scope="session")

NAMES = ["שלום2", "<img/src=x/onerror=alert(1)>", "&lt;b&gt;", "=1+1"]
LEGEND = """() => [...document.querySelectorAll("#panel-disks .legend li:has(.label)")].map((item) => {
  const [label, value] = [item.querySelector(".label"), item.querySelector(".value")];
  const [first, second] = [label, value].map((one) => one.getBoundingClientRect());
  return [label.textContent, getComputedStyle(label).unicodeBidi, first.right <= second.left + 1];
})"""


async def test_a_name_is_text_and_stands_apart(open_page: OpenPage) -> None:
    disks = {"id": "disks", "title": "Disks", "metrics": ["test.disk"], "by": ["name"], "headline": {"reduce": "max"}}
    with serving([*built_in("cpu"), disks], scripted=True) as server:
        (server.folder / "disks").write_text(" ".join(NAMES), encoding="utf-8")
        watched = await open_page(server.url, charts=False)
        await watched.until(
            "(count) => document.querySelectorAll('#panel-disks .legend .label').length === count", len(NAMES)
        )
        shown = await watched.page.evaluate(LEGEND)
        assert sorted(shown) == sorted([name, "isolate", True] for name in NAMES)
        assert await watched.page.locator("#panel-disks img").count() == 0
        await watched.until(
            "(name) => document.querySelector('#panel-disks .headline small').textContent.includes(name)", NAMES[1]
        )
        assert watched.errors == []
