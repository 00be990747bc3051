"""One real browser for all tests here, one real server to look at, and a page that tells what went wrong in it."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Error, Page, Route, WebSocket, async_playwright
from tests.browser.chromium import ARGUMENTS, find_chromium
from tests.browser.lab import cleared, open_lab
from tests.browser.past import PastServer, made_in
from tests.e2e.server import Server
from tests.schemas import check_message, is_command

# The server reads twice a second, so that a page has something to show soon; the page asks for whole seconds.
# It names no programs: CPU by mode is shown at once then, and not only until programs are known.
SERVER_ENV = {"VITALCAST_SAMPLER__INTERVAL_S": "0.5", "VITALCAST_COLLECTORS__DISABLED": '["programs"]'}
WITHIN_MS = 60_000  # only so that a failure ends: where the machine is very busy a page takes many seconds

COLLECT_VIOLATIONS = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => {
  window.violations.push(`${event.violatedDirective}: ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`);
});
"""
COUNT_FRAMES = """
window.framesDue = new Set();
(() => {
  const { requestAnimationFrame: ask, cancelAnimationFrame: cancel } = window;
  window.requestAnimationFrame = (draw) => {
    const id = ask((time) => { try { draw(time); } finally { framesDue.delete(id); } });
    framesDue.add(id);
    return id;
  };
  window.cancelAnimationFrame = (id) => { framesDue.delete(id); cancel(id); };
})();
"""

# What a page elsewhere was told, which tests ask for before the page's own script has run.
TOLD = "window.told = [];"

OpenPage = Callable[..., Awaitable["Watched"]]
ChangePanels = Callable[[list[dict[str, Any]]], None]


@dataclass
class Watched:
    """A page with all that it reported: what its console said, what it asked for, what went over its sockets."""

    page: Page
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    sockets: list[WebSocket] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    received: list[str] = field(default_factory=list)

    def watch(self) -> None:
        page = self.page
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(f"uncaught: {error}"))
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("websocket", self._opened)

    def _opened(self, socket: WebSocket) -> None:
        self.sockets.append(socket)
        socket.on("framesent", lambda frame: self.sent.append(str(frame)))
        socket.on("framereceived", lambda frame: self.received.append(str(frame)))

    def keeps_to_the_contract(self) -> None:
        """Hold what went over its sockets to the schemas: what the server said, and what it did not refuse."""
        messages = [json.loads(text) for text in self.received if text.startswith("{")]  # else it is binary
        for message in messages:
            check_message(message)
        refused = [message.get("id") for message in messages if message["type"] == "error"]
        for command in map(json.loads, self.sent):
            assert is_command(command) or command.get("id") in refused, f"the page sent {command}"

    async def violations(self) -> list[str]:
        found: list[str] = await self.page.evaluate("window.violations")
        return found

    async def state(self, state: str, *, within_ms: int = WITHIN_MS) -> None:
        """Wait until the page says that it is in this state."""
        await self.page.wait_for_selector(f'vital-status[state="{state}"]', timeout=within_ms)

    async def holds(self, condition: Callable[[], object], *, within_ms: int = WITHIN_MS) -> None:
        """Wait until what was reported of the page is so: the reports come a little after what they tell of."""
        deadline_s = time.monotonic() + within_ms / 1000
        while not condition():
            assert time.monotonic() < deadline_s, f"did not come true within {within_ms} ms"
            await asyncio.sleep(0.02)

    async def until(self, expression: str, argument: object = None, *, within_ms: int = WITHIN_MS) -> None:
        """Wait until this holds. Playwright's own `wait_for_function` needs eval, which the policy forbids.

        A document that is still coming may have nothing yet to look at.
        """
        deadline_s = time.monotonic() + within_ms / 1000
        complete = False
        while True:
            try:
                if await self.page.evaluate(expression, argument):
                    return
            except Error:
                if complete:
                    raise
                complete = await self.page.evaluate("document.readyState === 'complete'")
            assert time.monotonic() < deadline_s, f"did not come true within {within_ms} ms: {expression} {argument}"
            await asyncio.sleep(0.05)

    async def settled(self) -> None:
        """Wait until all that changes so far ask to be drawn is drawn: a page draws in frames to come."""
        await self.until("() => framesDue.size === 0")

    async def drawn(self) -> None:
        """Wait until every chart in view shows something."""
        await self.until(
            """() => { const plots = [...document.querySelectorAll("vital-plot")].filter((plot) => {
                   const { top, bottom } = plot.getBoundingClientRect();
                   return plot.checkVisibility() && bottom > 0 && top < innerHeight; });
                 return plots.length > 0 && plots.every(({ counts, busy }) => counts.full > 0 && !busy); }"""
        )


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    chromium = await asyncio.to_thread(find_chromium)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium.executable,
            args=list(ARGUMENTS),
            env={**os.environ, **chromium.env},
        )
        yield browser
        await browser.close()


@pytest.fixture(scope="package")
def page_server() -> Iterator[Server]:
    """A server that all tests share: look, do not touch."""
    server = Server(env=SERVER_ENV)
    try:
        yield server.start()
    finally:
        server.close()


@pytest.fixture(scope="package")
def past_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PastServer]:
    """A server that all tests share and that seems to have run for a month: `happened` says when what happened."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # which all workers of this run share
    server = PastServer(made_in(folder))
    try:
        yield server.start()
    finally:
        server.close()


@pytest.fixture(scope="module")
def _restless_server() -> Iterator[Server]:
    server = Server(env=SERVER_ENV)
    try:
        yield server
    finally:
        server.close()


@pytest.fixture
def own_server(_restless_server: Server) -> Server:
    """A server that no other test looks at meanwhile, to stop and to stall."""
    if not _restless_server.running:
        _restless_server.port = 0
        _restless_server.start()
    return _restless_server


@asynccontextmanager
async def opening(browser: Browser) -> AsyncIterator[OpenPage]:
    """Pages that are open for as long as the block lasts, each in a profile of its own.

    Without `charts` the charting library is awaited in vain: it is half of what a page costs, and many tests are of
    other parts.
    """
    contexts = []
    pages = []

    async def open_page(url: str, *, charts: bool = True, **options: Any) -> Watched:
        context = await browser.new_context(**{"viewport": {"width": 1440, "height": 900}, **options})
        contexts.append(context)
        context.set_default_timeout(WITHIN_MS)
        page = await context.new_page()
        if not charts:
            await page.route("**/vendor/plotly*", lambda _: None)  # no answer, and so no error
        await page.add_init_script(COLLECT_VIOLATIONS + COUNT_FRAMES + TOLD)
        watched = Watched(page)
        watched.watch()
        pages.append(watched)
        await page.goto(url, wait_until="commit")
        return watched

    try:
        yield open_page
        for one in pages:
            one.keeps_to_the_contract()
    finally:
        for context in contexts:
            await context.close()


@pytest_asyncio.fixture(loop_scope="session")
async def open_page(browser: Browser) -> AsyncIterator[OpenPage]:
    """Open an address, with Playwright's options for its profile."""
    async with opening(browser) as open_page:
        yield open_page


def answering(change: ChangePanels) -> Callable[[Route], Awaitable[None]]:
    """The server's panels, changed by the test on their way to the page."""

    async def fulfil(route: Route) -> None:
        body = await (await route.fetch()).json()
        change(body["panels"])
        await route.fulfill(json=body)

    return fulfil


async def open_with(
    open_page: OpenPage, url: str, change: ChangePanels, *, charts: bool = False, **options: Any
) -> Watched:
    """Open an address with other panels than the server's."""
    watched = await open_page("about:blank", charts=charts, **options)
    await watched.page.route("**/api/v1/panels", answering(change))
    await watched.page.goto(url, wait_until="commit")
    return watched


AS_AT_FIRST = """() => {
  document.querySelector("dialog[open]")?.close();
  document.activeElement?.blur();
  scrollTo(0, 0);
  document.querySelector("vital-dashboard").view.set({
    range: 300, interval: 1, frozen: null, at: null, compare: 0, panel: null, theme: "system", sort: "cpu",
    filter: "", group: "", show: "", hover: null });
}"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def _dashboard(browser: Browser, page_server: Server) -> AsyncIterator[Watched]:
    async with opening(browser) as open_page:
        watched = await open_page(page_server.url)
        await watched.state("live")
        yield watched


@pytest_asyncio.fixture(loop_scope="session")
async def dashboard(_dashboard: Watched) -> Watched:
    """A page with all charts that the tests of a module share, as it is at first, whatever the one before has left."""
    page = _dashboard.page
    await page.mouse.move(1, 1)
    await page.emulate_media(color_scheme="light")
    await page.evaluate(AS_AT_FIRST)
    await _dashboard.until("() => location.search === '' && !document.querySelector('.full')")
    await _dashboard.state("live")
    await _dashboard.drawn()
    await _dashboard.settled()
    _dashboard.errors.clear()
    return _dashboard


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def _shared_lab(browser: Browser, page_server: Server) -> AsyncIterator[Watched]:
    async with opening(browser) as open_page:
        yield await open_lab(open_page, page_server)


@pytest_asyncio.fixture(loop_scope="session")
async def lab(_shared_lab: Watched) -> Watched:
    """A page that is a lab, as good as new, though the library for charts is there already."""
    return await cleared(_shared_lab)


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def bare_page(browser: Browser, page_server: Server) -> AsyncIterator[Page]:
    """A page of the server's origin on which nothing runs, to import modules in."""
    context = await browser.new_context(timezone_id="Europe/Berlin")
    page = await context.new_page()
    await page.goto(f"{page_server.url}/static/vendor/vendor.json")
    yield page
    await context.close()


RunJs = Callable[..., Awaitable[Any]]


@pytest.fixture
def js(bare_page: Page) -> RunJs:
    """Run the body of an async function in the browser; `load(name)` imports a module of the frontend."""

    async def run(body: str, argument: object = None) -> Any:
        code = f"async (given) => {{ const load = (name) => import(`/static/${{name}}.js`);\n{body}\n}}"
        return await bare_page.evaluate(code, argument)

    return run
