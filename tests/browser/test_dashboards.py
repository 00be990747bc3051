"""Panels and playlists that are changed while pages, embeds and walls are open: these follow, and lose nothing else."""

from __future__ import annotations

import asyncio
import re
import signal
from collections.abc import Callable, Iterator

import pytest
from playwright.async_api import expect
from tests.browser.conftest import SERVER_ENV, OpenPage
from tests.browser.elsewhere import Elsewhere
from tests.e2e.server import Server

pytestmark = pytest.mark.asyncio(loop_scope="session")

CPU = '[[panels]]\nid = "cpu"\ntitle = "CPU"\nmetrics = ["system.cpu.utilization"]\nvital = "CPU"\n'
LOAD = '[[panels]]\nid = "load"\ntitle = "Load"\nmetrics = ["system.load.average"]\n'
MEMORY = '[[panels]]\nid = "memory"\ntitle = "Memory"\nmetrics = ["system.memory.usage"]\n'
WALL = '[[playlists]]\nid = "ops"\ntitle = "{title}"\nentries = [{{ panels = [{panels}] }}]\n'

TITLES = "() => [...document.querySelectorAll('vital-panel h2')].map(({ textContent }) => textContent).join()"
FILLED = "() => [...document.querySelectorAll('vital-panel')].every(({ stream: { store } }) => store.ring.length > 1)"
SHOWN = "() => [...document.querySelectorAll('.page.shown h2')].map(({ textContent }) => textContent).join()"

Configure = Callable[[str], None]


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Elsewhere]:
    site = Elsewhere()
    yield site
    site.close()


@pytest.fixture
def server(elsewhere: Elsewhere) -> Iterator[Server]:
    server = Server(env=SERVER_ENV | {"VITALCAST_SERVER__ALLOWED_ORIGINS": elsewhere.origin})
    (server.folder / "config.toml").write_text(CPU + LOAD + WALL.format(title="One", panels='"cpu"'))
    try:
        yield server.start()
    finally:
        server.close()


@pytest.fixture
def configure(server: Server) -> Configure:
    """Put another file in the place of the one that the server has, and have it read."""

    def configure(text: str) -> None:
        draft = server.folder / "config.new"
        draft.write_text(text)
        draft.replace(server.folder / "config.toml")
        server.signal(signal.SIGHUP)

    return configure


async def test_a_page_takes_other_panels_and_keeps_those_that_stay(
    server: Server, configure: Configure, open_page: OpenPage
) -> None:
    watched = await open_page(server.url, charts=False)
    await watched.state("live")
    await watched.until(f"() => ({TITLES})() === 'CPU,Load' && ({FILLED})()")
    await watched.page.evaluate("() => { document.querySelector('#panel-load').kept = true; }")
    await asyncio.to_thread(configure, MEMORY + CPU.replace('"CPU"', '"Processor"', 1) + LOAD)
    await watched.until(f"() => ({TITLES})() === 'Memory,Processor,Load' && ({FILLED})()")
    assert await watched.page.evaluate("document.querySelector('#panel-load').kept")
    assert len(watched.sockets) == 1
    await watched.state("live")
    await asyncio.to_thread(configure, LOAD)
    await watched.until(f"() => ({TITLES})() === 'Load'")
    assert watched.errors == []


async def test_a_page_shows_the_others_again_once_the_panel_at_full_size_is_removed(
    server: Server, configure: Configure, open_page: OpenPage
) -> None:
    watched = await open_page(f"{server.url}/?panel=load", charts=False)
    cpu, load = watched.page.locator("#panel-cpu"), watched.page.locator("#panel-load")
    await load.wait_for(state="visible")
    await cpu.wait_for(state="hidden")
    await asyncio.to_thread(configure, CPU)
    await watched.page.get_by_text("There is no panel “load” here.").wait_for()
    await cpu.wait_for(state="visible")
    await asyncio.to_thread(configure, CPU + LOAD)
    await load.wait_for(state="visible")
    await cpu.wait_for(state="hidden")


async def test_an_embedded_number_says_that_its_panel_is_gone_and_goes_on_once_it_is_back(
    server: Server, configure: Configure, open_page: OpenPage, elsewhere: Elsewhere
) -> None:
    script = f'<script type="module" src="{server.url}/embed.js"></script>'
    body = '<vitalcast-value id="load" panel="load"></vitalcast-value>'
    watched = await open_page(elsewhere.origin + elsewhere.page(body, script), charts=False)
    number, words = watched.page.locator("#load b"), watched.page.locator("#load .words")
    await expect(number).to_have_text(re.compile("[0-9]"))
    await asyncio.to_thread(configure, CPU)
    await words.get_by_text("there is no panel “load” here; there are cpu").wait_for()
    assert await number.inner_text() == "–"
    await asyncio.to_thread(configure, CPU + LOAD)
    await expect(number).to_have_text(re.compile("[0-9]"))
    assert await words.inner_text() == ""


async def test_an_embedded_dashboard_follows(server: Server, configure: Configure, open_page: OpenPage) -> None:
    watched = await open_page(f"{server.url}/embed/dashboard?panels=cpu,load", charts=False)
    await watched.until(f"() => ({TITLES})() === 'CPU,Load' && ({FILLED})()")
    await asyncio.to_thread(configure, CPU.replace('"CPU"', '"Processor"', 1) + LOAD)
    await watched.until(f"() => ({TITLES})() === 'Processor,Load' && ({FILLED})()")
    await asyncio.to_thread(configure, LOAD)
    problem = watched.page.locator(".problem[role=alert]")
    await problem.wait_for(state="visible")
    assert "There is no panel “cpu” here." in await problem.inner_text()


async def test_an_embedded_panel_says_that_it_is_gone_and_is_shown_again_once_it_is_back(
    server: Server, configure: Configure, open_page: OpenPage
) -> None:
    watched = await open_page(f"{server.url}/embed/panel/cpu", charts=False)
    await watched.until(f"() => ({TITLES})() === 'CPU' && ({FILLED})()")
    await asyncio.to_thread(configure, LOAD)
    problem = watched.page.locator(".problem[role=alert]")
    await problem.wait_for(state="visible")
    await asyncio.to_thread(configure, LOAD + CPU.replace('"CPU"', '"Processor"', 1))
    await watched.until(f"() => ({TITLES})() === 'Processor' && ({FILLED})()")
    await problem.wait_for(state="hidden")
    assert watched.errors == []


async def test_a_wall_takes_another_playlist_at_once(server: Server, configure: Configure, open_page: OpenPage) -> None:
    watched = await open_page(f"{server.url}/wall/ops", charts=False)
    await watched.until(f"() => ({TITLES})() === 'CPU' && document.title.startsWith('One')")
    await asyncio.to_thread(configure, CPU + LOAD + WALL.format(title="Two", panels='"load", "cpu"'))
    await watched.until("() => document.title.startsWith('Two')")
    await watched.until(f"() => ({SHOWN})() === 'Load,CPU'")
