"""The page, the still and the figure of a panel show the same lines, under the same names, in the same colours."""

from __future__ import annotations

import json
import re
import urllib.request
from typing import Any

import pytest
from tests.browser.conftest import OpenPage
from tests.browser.panel_servers import built_in, serving

pytestmark = pytest.mark.asyncio(loop_scope="session")

# Names that languages sort differently, and two sensors of one chip, which only their ends tell apart.
NAMES = ["br0", "br-lan", "eth0", "wg0", "wg-home", "coretemp-isa-0000-Core-1", "coretemp-isa-0000-Core-12"]
DISKS = {"id": "disks", "title": "Disks", "metrics": ["test.disk"], "by": ["name"], "headline": {"reduce": "max"}}
SWATCHES = """() => [...document.querySelectorAll("#panel-disks .legend li:has(.label)")].map((item) =>
  [item.querySelector(".label").textContent, getComputedStyle(item.querySelector(".swatch")).backgroundColor])"""
# What can be seen of each name: where its two parts are cut, the end is whole.
ENDS = """() => [...document.querySelectorAll("#panel-disks .label.cut")].map((label) => {
  const [head, end] = label.children;
  return [end.textContent, end.scrollWidth <= end.clientWidth + 1, head.scrollWidth > head.clientWidth]; })"""


def fetched(url: str) -> str:
    with urllib.request.urlopen(url, timeout=30) as answer:
        text: str = answer.read().decode()
    return text


def rgb(color: str) -> str:
    return "rgb({}, {}, {})".format(*(int(color[at : at + 2], 16) for at in (1, 3, 5)))


async def test_page_still_and_figure_agree_on_lines_and_colours(open_page: OpenPage) -> None:
    with serving([*built_in("cpu"), DISKS], scripted=True) as server:
        (server.folder / "disks").write_text(" ".join(NAMES), encoding="utf-8")
        watched = await open_page(server.url, charts=False, color_scheme="light")
        await watched.until(f"(count) => ({SWATCHES})().length === count", len(NAMES))
        page: dict[str, str] = dict(await watched.page.evaluate(SWATCHES))
        figure: dict[str, Any] = json.loads(fetched(f"{server.url}/api/v1/panels/disks/figure?theme=light"))
        still = fetched(f"{server.url}/api/v1/panels/disks.svg?theme=light&height=600")
    assert set(page) == set(NAMES)
    drawn = {trace["name"]: rgb(trace["line"]["color"]) for trace in figure["data"] if trace.get("name") in page}
    assert drawn == page
    for name, color in page.items():
        hexadecimal = "#" + "".join(f"{int(part):02x}" for part in re.findall(r"\d+", color))
        assert name in still and hexadecimal in still


async def test_names_too_long_for_a_small_legend_keep_the_ends_that_tell_them_apart(open_page: OpenPage) -> None:
    with serving([*built_in("cpu"), DISKS], scripted=True) as server:
        (server.folder / "disks").write_text(" ".join(NAMES), encoding="utf-8")
        watched = await open_page(server.url, charts=False, viewport={"width": 320, "height": 700})
        await watched.until(f"(count) => ({SWATCHES})().length === count", len(NAMES))
        await watched.until(f"() => ({ENDS})().some(([, , cut]) => cut)")  # once there are values beside them
        ends = await watched.page.evaluate(ENDS)
    assert sorted(end[:2] for end in ends) == [["-Core-1", True], ["Core-12", True]]
