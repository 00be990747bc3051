"""A machine of hundreds of VLANs and mounts, and of more: every viewer shows the first, and says how many more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from tests.browser.conftest import SERVER_ENV, OpenPage
from tests.e2e.server import Server, running

pytestmark = pytest.mark.asyncio(loop_scope="session")

# 620 VLANs and 620 mounts are 2,480 series of errors; 1,250 of each are 5,000, and more values than a snapshot takes.
MACHINES = {620: {}, 1250: {"VITALCAST_LIMITS__SNAPSHOT_VALUES": "15000"}}
PATHS = [f"/api/v1/panels/{id_}{kind}" for id_ in ("network-errors", "filesystems") for kind in (".svg", "/figure")]


@dataclass
class Crowd:
    server: Server
    vlans: int


@pytest.fixture(scope="module", params=MACHINES)
def crowd(request: pytest.FixtureRequest) -> Iterator[Crowd]:
    env = {**SERVER_ENV, "E2E_VLANS": str(request.param), **MACHINES[request.param]}
    with running(env=env, scripted=True) as server:
        yield Crowd(server, request.param)


LEGENDS = """() => [...document.querySelectorAll("vital-panel")].map((panel) => [panel.definition.id,
  [...panel.querySelectorAll(".legend .label")].map((one) => one.textContent),
  panel.querySelector(".legend .others")?.textContent ?? "", panel.querySelector("header").textContent,
  panel.querySelector(".problem").textContent])"""


async def test_a_dashboard_shows_the_first_and_says_how_many_more(crowd: Crowd, open_page: OpenPage) -> None:
    watched = await open_page(crowd.server.url, charts=False, viewport={"width": 1440, "height": 4000})
    last = f"vlan{crowd.vlans - 1} sent errors"
    await watched.until(
        "(last) => [...document.querySelectorAll('.legend .label')].some((one) => one.textContent === last)", last
    )
    await watched.until("() => document.querySelector('#panel-filesystems .legend .others')?.textContent")
    await watched.settled()
    shown = {id_: rest for id_, *rest in await watched.page.evaluate(LEGENDS)}
    labels, more, _, problem = shown["network-errors"]
    others = int(more.split()[0])
    assert others >= 4 * crowd.vlans - 8
    assert (len(labels), last in labels, problem) == (8, True, "")
    _, more, head, problem = shown["filesystems"]
    assert int(more.split()[0]) >= crowd.vlans - 8
    assert (f"fullest /srv/{crowd.vlans - 1}" in head, problem) == (True, "")
    assert [error for error in watched.errors if "plotly" not in error] == []


@pytest.mark.parametrize("width", [1440, 360])
async def test_a_full_size_legend_writes_every_name_out(width: int, crowd: Crowd, open_page: OpenPage) -> None:
    size = {"width": width, "height": 900}
    watched = await open_page(f"{crowd.server.url}/?panel=network-errors", charts=False, viewport=size)
    await watched.until("() => document.querySelectorAll('.full .legend .label').length === 8")
    cut = """() => [...document.querySelectorAll(".full .legend .label")]
      .filter((one) => one.scrollWidth > one.clientWidth || one.scrollHeight > one.clientHeight + 1)
      .map((one) => one.textContent)"""
    assert await watched.page.evaluate(cut) == []
    # In a narrow window the heading is as large as in a small panel, and as whole.
    await watched.page.goto(f"{crowd.server.url}/?panel=network")
    await watched.until("() => document.querySelectorAll('.full .headline b').length === 2")
    await watched.until(
        "() => { const { scrollWidth, clientWidth } = document.querySelector('.full h2');"
        " return scrollWidth <= clientWidth; }"
    )


async def test_a_frame_shows_them_as_well(crowd: Crowd, open_page: OpenPage) -> None:
    watched = await open_page(f"{crowd.server.url}/embed/panel/network-errors", charts=False)
    last = f"vlan{crowd.vlans - 1} sent errors"
    await watched.until("(last) => document.body.textContent.includes(last)", last)


async def test_pictures_are_drawn_of_them(crowd: Crowd, open_page: OpenPage) -> None:
    client = (await open_page("about:blank", charts=False)).page.request
    for path in PATHS:
        answer = await client.get(crowd.server.url + path)
        assert answer.status == 200, await answer.text()
        name = f"vlan{crowd.vlans - 1}" if "network" in path else f"/srv/{crowd.vlans - 1}"
        assert name in await answer.text(), path
    for id_ in ("network-errors", "filesystems"):
        answer = await client.get(f"{crowd.server.url}/badge/{id_}.svg")
        assert (answer.status, "unknown" in await answer.text()) == (200, False)
