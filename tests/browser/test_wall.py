"""A wall screen as it hangs there: a real server that comes and goes, the real command, an operator's real page."""

from __future__ import annotations

import asyncio
import re
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import zxingcpp
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page
from tests.browser.conftest import SERVER_ENV, OpenPage, Watched
from tests.command import run
from tests.e2e.server import CHECKOUT, Server
from websockets.asyncio.client import connect

from vitalcast.config.schema import Settings
from vitalcast.core.vocabulary import Scope
from vitalcast.live.open_access import open_access

pytestmark = pytest.mark.asyncio(loop_scope="session")

PLAYLISTS = """
[[playlists]]
id = "ops"
title = "Operations"
theme = "light"
entries = [
  { panels = ["cpu"], seconds = 4, range = "1m" },
  { panels = ["memory", "load"], seconds = 4, layout = "columns" },
]

[[playlists]]
id = "alone"
title = "All alone"
entries = [{ panels = ["memory"] }]
"""
KEEP_WAKES = """window.wakes = [];
const { request } = WakeLock.prototype;
WakeLock.prototype.request = function (...given) {
  const asked = request.apply(this, given);
  window.wakes.push(asked);
  return asked;
};"""
WAKES = "() => window.wakes.length"
# Some browsers without a screen grant the lock, and some refuse it. The page asks again for one that is taken away, and
# where it has none whenever it comes into view.
LET_GO = """async () => {
  const lock = await window.wakes.at(-1).catch(() => null);
  if (lock) await lock.release();
  else document.dispatchEvent(new Event("visibilitychange"));
}"""
LIVE = "() => document.querySelector('vital-wall')?.dataset.state === 'live'"
SHOWN = (
    """() => [...document.querySelectorAll(".page.shown vital-panel")].map(({ definition }) => definition.id).join()"""
)
# Of the streams of the page that is not shown.
HELD = """(name) => [...document.querySelector("vital-wall").client.streams]
  .find((stream) => stream.name === name).askedToPause"""
FILLED = """() => { const panels = [...document.querySelectorAll(".page.shown vital-panel")];
  return panels.every(({ stream: { store } }) => store.breaks.length === 0 && store.ring.length > 5) &&
    panels.every((panel) => panel.querySelector("vital-plot, vital-bars").counts.full > 0); }"""
FITS = """() => { const stage = document.querySelector(".pages").getBoundingClientRect();
  const tiles = [...document.querySelectorAll(".page.shown vital-panel")].map((one) => one.getBoundingClientRect());
  const root = document.documentElement;
  return Math.abs(Math.max(...tiles.map(({ right }) => right)) - stage.right) < 2 &&
    Math.abs(Math.max(...tiles.map(({ bottom }) => bottom)) - stage.bottom) < 2 &&
    root.scrollHeight <= innerHeight && root.scrollWidth <= innerWidth; }"""
SHIFTED = """async () => { const { shiftOf } = await import("/static/page/wall_layout.js");
  const { x, y } = shiftOf(Math.floor(Date.now() / 60_000));
  return getComputedStyle(document.querySelector(".frame")).translate === (y ? `${x}px ${y}px` : `${x}px`); }"""
PIXELS = "(element) => parseFloat(getComputedStyle(element).fontSize)"
DIM = "() => getComputedStyle(document.querySelector('.pages')).opacity < 0.5"
MARK = "() => { window.marked = true; }"
MARKED = "() => window.marked === true"

Serve = Callable[..., Server]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Start servers with these playlists, one after the other on the same port."""
    (tmp_path / "vitalcast").mkdir()
    (tmp_path / "vitalcast" / "config.toml").write_text(PLAYLISTS, encoding="utf-8")
    started: list[Server] = []

    def start(**env: str) -> Server:
        common = {**SERVER_ENV, "XDG_CONFIG_HOME": str(tmp_path), "VITALCAST_ACCESS__DATA_DIR": str(tmp_path / "data")}
        started.append(Server(env=common | env, port=started[0].port if started else 0))
        return started[-1].start()

    yield start
    for server in started:
        server.close()


async def shown(watched: Watched, *panels: str) -> None:
    await watched.until(f"() => ({SHOWN})() === {','.join(panels)!r}")


async def warned(watched: Watched, words: str) -> None:
    """Wait until something is said in large words."""
    await watched.page.wait_for_selector(f".warning:visible strong:has-text('{words}')", timeout=20_000)
    assert await watched.page.eval_on_selector(".warning strong", PIXELS) >= 0.08 * 720


async def test_a_wall_takes_turns_says_when_it_is_not_live_and_outlives_restarts_and_upgrades(
    serve: Serve, open_page: OpenPage, tmp_path: Path
) -> None:
    for part in ("backend", "frontend"):
        shutil.copytree(CHECKOUT / part, tmp_path / part)
    installed = {"PYTHONPATH": str(tmp_path / "backend")}
    server = await asyncio.to_thread(serve, **installed)
    watched = await open_page("about:blank", viewport={"width": 1280, "height": 720})
    page = watched.page
    await page.add_init_script(KEEP_WAKES)
    await page.goto(f"{server.url}/wall/ops")

    # It takes turns. What is not shown waits, and comes back filled.
    await watched.until(LIVE)
    await shown(watched, "cpu")
    await shown(watched, "memory", "load")
    await watched.until(FILLED)
    await watched.until(FITS)
    await watched.until(HELD, "cpu")
    await shown(watched, "cpu")
    await watched.until(FILLED)
    assert [socket.url for socket in watched.sockets] == [server.ws_url]
    assert await page.evaluate("document.documentElement.dataset.theme") == "light"
    await watched.until(SHIFTED)
    await watched.until("() => document.documentElement.classList.contains('idle')")
    before = await page.evaluate(WAKES)
    assert before >= 1
    await page.evaluate(LET_GO)
    await watched.until("(before) => window.wakes.length > before", before)

    # It obeys who puts it up.
    await page.keyboard.press(" ")
    await page.wait_for_selector(".sign:has-text('Held')")
    first = await page.evaluate(SHOWN)
    await page.keyboard.press("ArrowRight")
    await watched.until(f"() => ({SHOWN})() !== {first!r}")
    await page.keyboard.press("?")
    assert "playlist ops" in await page.inner_text("dialog")
    await page.keyboard.press("Escape")

    # A server that is silent, and one that is gone.
    await page.evaluate(MARK)
    server.signal(signal.SIGSTOP)
    await warned(watched, "Stale for")
    await watched.until(DIM)
    server.signal(signal.SIGCONT)
    await page.wait_for_selector(".warning", state="hidden")
    server.kill()
    await warned(watched, "No connection to")
    assert "keeps trying" in await page.inner_text(".warning p")
    await asyncio.to_thread(serve, **installed)
    await page.wait_for_selector(".warning", state="hidden", timeout=40_000)
    await watched.until(LIVE)
    assert await page.evaluate(MARKED)

    # An upgrade loads it anew, and it goes on where it was.
    async with page.expect_event("domcontentloaded", timeout=40_000):
        with (tmp_path / "frontend" / "styles" / "wall.css").open("a", encoding="utf-8") as file:
            file.write("\n/* newer */\n")
    await watched.until(LIVE)
    await page.wait_for_selector(".sign:has-text('Held')")
    await shown(watched, *({"cpu": "memory,load", "memory,load": "cpu"}[first].split(",")))
    assert [error for error in watched.errors if "net::" not in error and "WebSocket" not in error] == []


async def test_a_wall_goes_on_trying_where_it_is_turned_away_and_says_that_its_playlist_is_gone(
    serve: Serve, open_page: OpenPage
) -> None:
    server = await asyncio.to_thread(serve, VITALCAST_LIMITS__CONNECTIONS="1")
    async with connect(server.ws_url):
        watched = await open_page(f"{server.url}/wall/nope", charts=False, viewport={"width": 1280, "height": 720})
        await warned(watched, "turns this screen away")
    await watched.until(LIVE, within_ms=40_000)
    await warned(watched, "There is no playlist “nope”")
    assert await watched.page.inner_text(".warning p") == "There are: ops, alone."


def screens(folder: Path, *arguments: str) -> str:
    """Run `vitalcast screens` beside the server, and return what it prints."""
    done = run("screens", *arguments, cwd=folder, VITALCAST_ACCESS__DATA_DIR=str(folder / "data"))
    assert done.returncode == 0, done.stderr
    return done.stdout


async def code_of(page: Page) -> str:
    await page.wait_for_selector(".pairing:visible strong", timeout=20_000)
    code = await page.inner_text(".pairing strong")
    assert re.fullmatch("[A-Z0-9]{3}-[A-Z0-9]{3}", code)
    return code


# As it is drawn, in grey: rows of one number a pixel.
DRAWN = """async (image) => {
  await image.decode();
  const [width, height] = [image.clientWidth, image.clientHeight];
  const context = new OffscreenCanvas(width, height).getContext("2d");
  context.drawImage(image, 0, 0, width, height);
  const { data } = context.getImageData(0, 0, width, height);
  return Array.from({ length: height }, (_, y) => Array.from({ length: width }, (_, x) => data[4 * (y * width + x)]));
}"""


async def scanned(page: Page) -> str:
    """Return what a phone reads in the QR code on the page."""
    pixels = np.array(await page.eval_on_selector(".pairing img.qr", DRAWN), np.uint8)
    return "".join(found.text for found in zxingcpp.read_barcodes(pixels))


async def test_a_wall_is_paired_by_command_and_by_page_sent_elsewhere_and_turned_out(
    serve: Serve, open_page: OpenPage, tmp_path: Path
) -> None:
    access = open_access(Settings.model_validate({"access": {"data_dir": str(tmp_path / "data")}}))
    admin = {"Authorization": f"Bearer {access.mint(Scope.ADMIN)[0]}"}
    server = await asyncio.to_thread(serve, VITALCAST_SERVER__PUBLIC_URL="https://m.example.org")
    watched = await open_page(f"{server.url}/wall?memory=1", viewport={"width": 1280, "height": 720})
    page = watched.page
    code = await code_of(page)
    assert await page.eval_on_selector(".pairing strong", PIXELS) > 130
    assert f"vitalcast screens approve {code}" in await page.inner_text(".pairing")
    assert await scanned(page) == f"https://m.example.org/screens?code={code}"
    assert watched.sockets == []

    # Approved by the command, it comes on; it has grown past the megabyte that it may take, and is loaded anew, once.
    async with page.expect_event("domcontentloaded", timeout=40_000):
        await asyncio.to_thread(screens, tmp_path, "approve", code, "--name", "Hall", "--playlist", "alone")
    await watched.until(LIVE)
    await shown(watched, "memory")
    await page.evaluate(MARK)
    _, state, name, playlist, *_ = (await asyncio.to_thread(screens, tmp_path)).split("\t")
    assert (state, name, playlist) == ("online", "Hall", "alone")
    await asyncio.to_thread(screens, tmp_path, "send", "Hall", "ops")
    await watched.until("() => document.querySelector('.title').textContent === 'Operations'", within_ms=10_000)

    # The operator's page, on a phone.
    phone = await open_page(
        f"{server.url}/screens", charts=False, extra_http_headers=admin, viewport={"width": 390, "height": 844}
    )
    desk = phone.page
    await desk.wait_for_selector("li.online")
    assert await desk.evaluate("document.documentElement.scrollWidth") == 390
    results = await Axe().run(desk)
    assert results.violations_count == 0, results.generate_report()
    await desk.fill("li input", "Foyer")
    await desk.press("li input", "Enter")
    await desk.wait_for_selector(".said:has-text('Renamed to Foyer.')")
    await desk.click("li .revoke")
    await desk.click("li .revoke:has-text('Press again')")
    other = await code_of(page)
    assert other != code
    assert any('"bye"' in text and "4509" in text for text in watched.received)

    # By a link, as a QR code holds it: looked up once, and let in by nobody but who presses the button.
    await desk.goto(f"{server.url}/screens?code=%3Cb%3E{other}")
    await desk.wait_for_selector(".said:has-text('The link holds no code of a screen.')")
    assert await desk.input_value("#code") == ""
    await desk.goto(f"{server.url}/screens?code={other.lower()}&x=1")
    await desk.wait_for_selector(".request:visible")
    assert desk.url == f"{server.url}/screens?x=1"
    assert await desk.input_value("#code") == other
    assert await code_of(page) == other

    await desk.click(".request button:has-text('Not my screen')")
    await desk.fill("#code", other.lower())
    await desk.press("#code", "Enter")
    await desk.wait_for_selector(".request:visible")
    assert "127.0.0.1" in await desk.inner_text(".request")
    await desk.fill("#name", "Lobby")
    await desk.select_option("#playlist", "alone")
    await desk.click(".request button.wanted")
    await desk.wait_for_selector("li.online")
    await watched.until(LIVE)
    await shown(watched, "memory")
    assert await page.evaluate(MARKED)
    assert phone.errors == []
