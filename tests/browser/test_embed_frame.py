"""A panel in a frame on a page of another site: what it shows, and what the two say to each other."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator

import pytest
from playwright.async_api import Frame
from tests.browser.conftest import SERVER_ENV, OpenPage, Watched
from tests.browser.elsewhere import Elsewhere
from tests.browser.past import PastServer
from tests.e2e.server import Server

pytestmark = pytest.mark.asyncio(loop_scope="session")

SANDBOXED = (
    "This page is in a frame with the attribute sandbox, so it has no origin that the server could allow. "
    "Add allow-same-origin to that attribute."
)
BOX = """(name) => {
  const { width, height } = document.querySelector(name).getBoundingClientRect();
  return [width, height]; }"""
VIEW = """() => {
  const { theme, range, interval } = document.querySelector("vital-embed").view;
  return [theme, range, interval]; }"""


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Elsewhere]:
    site = Elsewhere()
    yield site
    site.close()


@pytest.fixture(scope="module")
def server(elsewhere: Elsewhere) -> Iterator[Server]:
    server = Server(env=SERVER_ENV | {"VITALCAST_SERVER__FRAME_ANCESTORS": elsewhere.origin})
    try:
        yield server.start()
    finally:
        server.close()


def framed(url: str, *, width: int = 480, height: int = 300) -> str:
    return f'<iframe src="{url}" width="{width}" height="{height}" style="border:0"></iframe>'


async def told(watched: Watched, type_: str, where: str = "true") -> dict[str, object]:
    """Wait for the frame to say this, and return it."""
    found = f"() => told.findLast((one) => one.type === 'vitalcast:{type_}' && {where})"
    await watched.until(f"() => Boolean(({found})())")
    answer: dict[str, object] = await watched.page.evaluate(found)
    return answer


async def frame_of(watched: Watched, at: int = 0) -> Frame:
    await watched.until(f"() => frames.length > {at}")
    return watched.page.frames[at + 1]


async def until(frame: Frame, expression: str, argument: object = None) -> None:
    deadline = asyncio.get_running_loop().time() + 15
    while not await frame.evaluate(expression, argument):
        assert asyncio.get_running_loop().time() < deadline, f"did not come true: {expression}"
        await asyncio.sleep(0.05)


async def words(frame: Frame) -> str:
    return await frame.inner_text("vital-embed")


async def test_shows_one_panel_that_fills_its_frame_and_tells_the_page_around(
    server: Server, elsewhere: Elsewhere, open_page: OpenPage
) -> None:
    path = elsewhere.page(framed(f"{server.url}/embed/panel/cpu?range=1m&theme=dark", width=200, height=120))
    watched = await open_page(elsewhere.origin + path)
    ready = await told(watched, "ready")
    assert (ready["panel"], ready["origin"]) == ("cpu", server.url)
    assert (await told(watched, "live"))["panel"] == "cpu"
    frame = await frame_of(watched)
    await until(frame, "() => document.querySelector('vital-plot').counts.full > 0")
    assert await frame.evaluate(BOX, "vital-panel") == [200, 120]
    assert await frame.evaluate("document.documentElement.scrollHeight") == 120
    width, height = await frame.evaluate(BOX, "vital-plot")
    assert width > 180
    assert height > 60
    assert await frame.evaluate("document.documentElement.dataset.theme") == "dark"
    assert await frame.evaluate("document.querySelector('vital-panel').view.range") == 60
    assert await frame.locator("vital-menu, vital-status, vital-controls").count() == 0
    assert await frame.inner_text("h2") == "CPU"


async def test_does_what_the_page_around_asks_and_says_what_cannot_be(
    server: Server, elsewhere: Elsewhere, open_page: OpenPage
) -> None:
    script = "<script>onmessage = ({ data }) => parent.frames[0].postMessage(data, '*')</script>"
    sibling = f'<iframe srcdoc="{script}"></iframe>'
    path = elsewhere.page(framed(f"{server.url}/embed/panel/cpu?title=0") + sibling)
    watched = await open_page(elsewhere.origin + path, charts=False)
    await told(watched, "ready")
    frame = await frame_of(watched)
    assert (await frame.locator("h2").bounding_box() or {"height": 0})["height"] <= 1

    async def ask(message: object, *, of: int = 0) -> None:
        await watched.page.evaluate(
            "([message, of]) => { window.told = []; frames[of].postMessage(message, '*'); }", [message, of]
        )

    # Who is not around the frame has nothing to say: of two messages the second alone is heard.
    await ask({"type": "vitalcast:set", "theme": "dark", "range": "5m"}, of=1)
    await ask({"type": "vitalcast:set", "theme": "light", "range": "15m", "interval": 2, "panel": "memory"})
    assert (await told(watched, "ready"))["panel"] == "memory"
    assert await frame.evaluate(VIEW) == ["light", 900, 2]
    assert await frame.evaluate("document.documentElement.dataset.theme") == "light"
    assert await frame.inner_text("h2") == "Memory"

    for message, problem in [
        ({"type": "vitalcast:set", "range": "2m"}, "range cannot be “2m”; give 1m, 5m, 15m"),
        ({"type": "vitalcast:set", "theme": ["dark"]}, 'theme cannot be “["dark"]”'),
        ({"type": "vitalcast:set", "colour": "dark"}, "no option “colour” here; there are theme, range"),
        ({"type": "vitalcast:set", "at": "soon"}, "at: “soon” is"),
        ({"type": "vitalcast:set", "panel": "nope"}, "no panel “nope” here; there are cpu-programs, cpu,"),
        ({"type": "vitalcast:go"}, "no message “vitalcast:go”; there is vitalcast:set"),
    ]:
        await ask(message)
        error = await told(watched, "error")
        assert problem in str(error["message"])
        assert error["panel"] == "memory"
    assert await frame.evaluate(VIEW) == ["light", 900, 2]
    # What is none of ours is left alone.
    await ask({"type": "webpackOk"})
    await ask("vitalcast:set")
    await ask({"type": "vitalcast:set", "theme": "dark"})
    await until(frame, "() => document.documentElement.dataset.theme === 'dark'")
    assert await watched.page.evaluate("told.filter(({ type }) => type === 'vitalcast:error')") == []


async def test_only_sites_that_are_named_may_frame_it(
    server: Server, elsewhere: Elsewhere, open_page: OpenPage
) -> None:
    path = elsewhere.page(framed(f"{server.url}/embed/panel/cpu") + framed(f"{server.url}/"))
    watched = await open_page(elsewhere.stranger + path, charts=False)
    await watched.until("() => document.readyState === 'complete'")
    assert all("frame-ancestors" in error for error in watched.errors) and len(watched.errors) == 2
    assert watched.sockets == []
    # The dashboard itself is for nobody to frame.
    watched = await open_page(elsewhere.origin + path, charts=False)
    await told(watched, "ready")
    assert len([error for error in watched.errors if "frame-ancestors" in error]) == 1


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("panel/cpu?theme=blue&range=5m", "theme cannot be “blue”; give system, dark, light."),
        ("dashboard?panels=cpu,nope", "There is no panel “nope” here. There are cpu-programs, cpu, cpus"),
        ("panel/nope", "There is no panel “nope” here. There are cpu-programs, cpu, cpus"),
    ],
)
async def test_says_what_is_wrong_with_its_address(
    server: Server, open_page: OpenPage, path: str, problem: str
) -> None:
    watched = await open_page(f"{server.url}/embed/{path}", charts=False)
    await watched.page.wait_for_selector(".problem[role=alert]")
    assert problem in await watched.page.inner_text(".problem[role=alert]")


async def test_shows_the_dashboard_or_some_of_its_panels(server: Server, open_page: OpenPage) -> None:
    watched = await open_page(f"{server.url}/embed/dashboard?panels=memory,cpu", charts=False)
    ids = "() => [...document.querySelectorAll('vital-panel')].map(({ definition }) => definition.id)"
    await watched.until(f"() => ({ids})().length > 0")
    assert await watched.page.evaluate(ids) == ["memory", "cpu"]
    watched = await open_page(f"{server.url}/embed/dashboard", viewport={"width": 900, "height": 700})
    await watched.drawn()
    await watched.page.wait_for_selector("vital-vitals li:not([hidden])")
    assert len(await watched.page.evaluate(ids)) > 10
    assert await watched.page.locator("vital-processes, vital-menu").count() == 0
    assert not any(name.startswith("@processes") for name in watched.sent)
    assert await watched.violations() == []


async def test_asks_for_nothing_while_it_is_out_of_view(
    server: Server, elsewhere: Elsewhere, open_page: OpenPage
) -> None:
    path = elsewhere.page('<div style="height:5000px"></div>' + framed(f"{server.url}/embed/panel/cpu"))
    watched = await open_page(elsewhere.origin + path, charts=False)
    frame = await frame_of(watched)
    await until(frame, "() => document.querySelector('vital-panel')?.stream.held === true")
    asked = "() => document.querySelector('vital-panel').stream.asked"
    assert not await frame.evaluate(asked)
    await watched.page.evaluate("scrollTo(0, 5000)")
    await told(watched, "ready")
    assert await frame.evaluate(asked)
    await watched.page.evaluate("scrollTo(0, 0)")
    await until(frame, "() => document.querySelector('vital-panel').stream.askedToPause")


async def test_says_that_it_is_stale_and_that_it_comes_back(elsewhere: Elsewhere, open_page: OpenPage) -> None:
    server = Server(env=SERVER_ENV | {"VITALCAST_SERVER__FRAME_ANCESTORS": elsewhere.origin})
    try:
        server.start()
        path = elsewhere.page(framed(f"{server.url}/embed/panel/cpu"))
        watched = await open_page(elsewhere.origin + path, charts=False)
        await told(watched, "live")
        frame = await frame_of(watched)
        server.signal(signal.SIGSTOP)
        stale = await told(watched, "stale")
        assert float(str(stale["age"])) >= 2
        assert "the server is silent" in await words(frame)
        await watched.page.evaluate("window.told = []")
        server.signal(signal.SIGCONT)
        await told(watched, "live")
        await until(frame, "() => document.querySelector('.note').hidden")
        await asyncio.to_thread(server.stop)
        await until(frame, "() => document.querySelector('.note').innerText.startsWith('Reconnecting')")
        assert "trying again" in await words(frame)
    finally:
        server.close()


@pytest.mark.parametrize("path", ["embed/panel/cpu", "embed/dashboard", "wall"])
async def test_a_sandbox_without_its_origin_is_told_what_it_lacks(
    server: Server, elsewhere: Elsewhere, open_page: OpenPage, path: str
) -> None:
    def sandboxed(what: str) -> str:
        return f'<iframe src="{server.url}/{path}" sandbox="{what}" width="480" height="300"></iframe>'

    watched = await open_page(elsewhere.origin + elsewhere.page(sandboxed("allow-scripts")))
    frame = await frame_of(watched)
    problem = await frame.wait_for_selector("[role=alert]")
    assert problem is not None
    assert await problem.inner_text() == SANDBOXED
    assert await problem.is_visible()
    if path != "wall":
        assert (await told(watched, "error"))["message"] == SANDBOXED
    watched = await open_page(elsewhere.origin + elsewhere.page(sandboxed("allow-scripts allow-same-origin")))
    frame = await frame_of(watched)
    await frame.wait_for_selector("vital-panel", state="attached")


async def test_the_log_gives_a_sandbox_no_advice_that_the_settings_refuse(server: Server) -> None:
    assert "allowed_origins" not in server.errors()


DRAWN = """() => {
  const { window } = document.querySelector("vital-plot") ?? {};
  return window && [window.from, window.to]; }"""
FLAGS = "() => document.querySelectorAll('vital-flags .flag').length > 0"


async def test_shows_the_past_that_its_address_names_with_flags_of_what_happened(
    past_server: PastServer, open_page: OpenPage
) -> None:
    spike = past_server.happened.spike_ms
    address = f"{past_server.url}/embed/panel/cpu-programs?from={spike - 300_000}&to={spike + 300_000}&events=1"
    watched = await open_page(address, viewport={"width": 640, "height": 360})
    page = watched.page
    await watched.until(f"() => JSON.stringify(({DRAWN})()) === '[{spike - 300_000},{spike + 300_000}]'")
    await watched.until(FLAGS)
    assert (await page.inner_text(".note strong")) in ("Paused", "Past")
    assert not await page.is_visible(".note button")
    # Who looks elsewhere comes back to what the address names.
    await page.evaluate(
        "(from) => document.querySelector('vital-embed').view.set({ frozen: { from, to: from + 60000 } })", spike
    )
    await page.click(".note button:has-text('Back')")
    await watched.until(f"() => JSON.stringify(({DRAWN})()) === '[{spike - 300_000},{spike + 300_000}]'")
    await page.goto(f"{past_server.url}/embed/panel/memory?range=30d")
    await watched.until(f"() => {{ const [from, to] = ({DRAWN})() ?? [0, 0]; return to - from > 20 * 86_400_000; }}")
    await page.goto(f"{past_server.url}/embed/panel/cpu?at=never&range=2m")
    assert "at: “never”" in await page.inner_text("vital-embed")
    assert watched.errors == []
