"""Panels and numbers as elements on a page of another site, which has styles and scripts of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from tests.browser.conftest import SERVER_ENV, OpenPage, RunJs, Watched
from tests.browser.elsewhere import Elsewhere
from tests.e2e.server import Server

pytestmark = pytest.mark.asyncio(loop_scope="session")

HOSTILE = """<style>
* { all: revert; box-sizing: content-box; font-size: 30px; color: magenta; letter-spacing: 4px; --ink: red; }
svg { display: none; } p, h2, div, ul, header { border: 9px solid red; margin: 40px; background: yellow; }
.frame, .embed-view, .canvas, .note { display: none !important; } [hidden] { display: block !important; }
html { font-size: 62.5%; }
</style><script>window.Plotly = { theirs: true };</script>"""
IN = "const shadow = (id) => document.getElementById(id).shadowRoot;"


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Elsewhere]:
    site = Elsewhere()
    yield site
    site.close()


@pytest.fixture(scope="module")
def server(elsewhere: Elsewhere) -> Iterator[Server]:
    server = Server(env=SERVER_ENV | {"VITALCAST_SERVER__ALLOWED_ORIGINS": elsewhere.origin})
    try:
        yield server.start()
    finally:
        server.close()


def page_with(server: Server, elsewhere: Elsewhere, body: str, head: str = "") -> str:
    script = f'<script type="module" src="{server.url}/embed.js"></script>'
    return elsewhere.page(body, head + script)


async def told(watched: Watched, type_: str, element: str) -> dict[str, object]:
    """Wait for the element to say this, and return it."""
    found = "([type, element]) => told.findLast((one) => one.type === type && one.element === element)"
    await watched.until(f"(given) => Boolean(({found})(given))", [type_, element])
    answer: dict[str, object] = await watched.page.evaluate(found, [type_, element])
    return answer


async def drawn(watched: Watched, *ids: str) -> None:
    for id_ in ids:
        counts = "document.getElementById(id)?.shadowRoot?.querySelector('vital-plot, vital-bars')?.counts.full > 0"
        await watched.until(f"(id) => {counts}", id_)


def open_sockets(watched: Watched) -> int:
    return sum(not socket.is_closed() for socket in watched.sockets)


async def sockets_become(watched: Watched, count: int) -> None:
    deadline = asyncio.get_running_loop().time() + 15
    while open_sockets(watched) != count:
        assert asyncio.get_running_loop().time() < deadline, f"{open_sockets(watched)} sockets, not {count}"
        await asyncio.sleep(0.05)


async def test_many_share_one_socket_which_closes_with_the_last(
    server: Server, elsewhere: Elsewhere, open_page: OpenPage
) -> None:
    body = """<div id=one><vitalcast-panel id=cpu panel=cpu></vitalcast-panel></div><div id=other></div>
      <vitalcast-panel id=again panel=cpu range=1m></vitalcast-panel>
      <p>At <vitalcast-value id=value metric="system.cpu.utilization" where="cpu.mode=user"></vitalcast-value></p>"""
    watched = await open_page(elsewhere.origin + page_with(server, elsewhere, body), charts=False)
    for id_ in ("cpu", "again", "value"):
        await told(watched, "live", id_)
    assert [socket.url for socket in watched.sockets] == [server.ws_url]

    # Moved, it is there again at once, over the same socket.
    await watched.page.evaluate("told = []; other.append(document.getElementById('cpu'))")
    await told(watched, "live", "cpu")
    assert len(watched.sockets) == 1
    names = "[...document.getElementById('again').server.client.streams].map(({ name }) => name)"
    assert len(await watched.page.evaluate(names)) == 3

    await watched.page.evaluate(
        """for (const one of document.querySelectorAll("vitalcast-panel, vitalcast-value"))
             (window.kept ??= []).push(one), one.remove()"""
    )
    await sockets_become(watched, 0)
    assert await watched.page.evaluate("kept.every(({ server, shadowRoot }) => server === null)")

    await watched.page.evaluate("told = []; other.append(...kept)")
    await told(watched, "live", "cpu")
    await told(watched, "live", "value")
    assert open_sockets(watched) == 1


async def test_neither_the_pages_styles_nor_its_plotly_meet_ours(
    server: Server, elsewhere: Elsewhere, open_page: OpenPage
) -> None:
    body = "<p id=text>Text</p>" + "".join(
        f'<vitalcast-panel id="{id_}" panel="{id_}"></vitalcast-panel>' for id_ in ("cpu", "filesystems", "cpus")
    )
    watched = await open_page(
        elsewhere.origin + page_with(server, elsewhere, body, HOSTILE), viewport={"width": 800, "height": 1100}
    )
    await drawn(watched, "cpu", "filesystems")
    # Its cells are hidden while it is drawn in full, and words say where values are late, as on a busy machine.
    await watched.until(
        f"""() => {{ {IN} const plot = shadow("cpus").querySelector("vital-plot");
          const shown = (element) => getComputedStyle(element).display !== "none";
          return plot.counts.live > 0 && shown(plot.querySelector(".heat"))
            && !shown(shadow("cpu").querySelector(".note")); }}"""
    )
    seen = await watched.page.evaluate(
        f"""() => {{ {IN} const style = (id, name) => getComputedStyle(shadow(id).querySelector(name));
          const box = (id) => document.getElementById(id).getBoundingClientRect();
          const title = style("cpu", "h2");
          const small = parseFloat(title.fontSize) < 20;
          return {{ title: [title.color, title.letterSpacing, title.borderWidth, title.marginTop, small],
            ground: style("cpu", ".embed-view").backgroundColor, height: Math.round(box("cpu").height),
            chart: style("cpu", ".main-svg").display, position: style("cpu", ".main-svg").position }}; }}"""
    )
    assert seen["title"] == ["rgb(22, 32, 42)", "normal", "0px", "0px", True]
    assert seen["ground"] == "rgb(255, 255, 255)"
    assert seen["height"] == 260
    assert seen["position"] == "absolute"
    assert seen["chart"] != "none"
    # The list of filesystems is as the page has it: one line of words over its bar, and no marks of a list.
    style, ends = await watched.page.evaluate(
        f"""() => {{ {IN} const list = shadow("filesystems").querySelector("vital-bars > ul");
          const box = (name) => list.querySelector(name).getBoundingClientRect();
          const own = getComputedStyle(list), [text, track] = [box(".text"), box(".track")];
          return [[own.listStyleType, own.paddingLeft, own.marginTop],
            [text.right - track.right, text.bottom <= track.top + 1]]; }}"""
    )
    assert style == ["none", "0px", "0px"]
    assert ends == [pytest.approx(0, abs=1), True]
    left = await watched.page.evaluate(
        """() => ({ plotly: JSON.stringify(Plotly), styles: document.querySelectorAll("style, link").length,
             adopted: document.adoptedStyleSheets.length, color: getComputedStyle(text).color,
             ids: document.querySelectorAll("[id^=plotly]").length })"""
    )
    assert left == {"plotly": '{"theirs":true}', "styles": 1, "adopted": 0, "color": "rgb(255, 0, 255)", "ids": 0}


async def test_takes_the_pages_scheme_and_the_colours_it_is_given(
    server: Server, elsewhere: Elsewhere, open_page: OpenPage
) -> None:
    body = '<vitalcast-panel id="load" panel="load"></vitalcast-panel>'
    watched = await open_page(elsewhere.origin + page_with(server, elsewhere, body), color_scheme="dark")
    await drawn(watched, "load")
    look = f"""() => {{ {IN} const root = shadow("load");
      return [getComputedStyle(root.querySelector(".embed-view")).backgroundColor,
              getComputedStyle(root.querySelector(".js-line")).stroke]; }}"""
    # A page that says nothing of dark is light, whatever the system is.
    assert await watched.page.evaluate(look) == ["rgb(255, 255, 255)", "rgb(47, 111, 208)"]
    await watched.page.evaluate("document.documentElement.style.colorScheme = 'dark'")
    await watched.until(f"() => ({look})().join() === 'rgb(20, 26, 32),rgb(110, 168, 254)'")
    await watched.page.evaluate("document.getElementById('load').setAttribute('theme', 'light')")
    await watched.until(f"() => ({look})().join() === 'rgb(255, 255, 255),rgb(47, 111, 208)'")
    await watched.page.evaluate("document.body.style.cssText = '--vitalcast-c1: #b00020; --vitalcast-surface: #fff7ea'")
    await watched.until(f"() => ({look})().join() === 'rgb(255, 247, 234),rgb(176, 0, 32)'")


async def test_its_attributes_may_change_and_be_wrong(
    server: Server, elsewhere: Elsewhere, open_page: OpenPage
) -> None:
    body = '<vitalcast-panel id="it" panel="cpu"></vitalcast-panel>'
    watched = await open_page(elsewhere.origin + page_with(server, elsewhere, body), charts=False)
    ready = await told(watched, "ready", "it")
    assert ready["panel"] == "cpu"
    text = f"() => {{ {IN} return shadow('it').querySelector('.frame').innerText; }}"

    async def give(name: str, value: str) -> None:
        await watched.page.evaluate("([name, value]) => { told = []; it.setAttribute(name, value); }", [name, value])

    await give("panel", "memory")
    assert (await told(watched, "ready", "it"))["panel"] == "memory"
    assert "Memory" in await watched.page.evaluate(text)
    await give("range", "15m")
    await watched.until("() => it.view.range === 900")
    for name, value, problem in [
        ("range", "2m", "range cannot be “2m”; give 1m, 5m, 15m"),
        ("src", "ftp:", "src cannot be “ftp:”; give the address of a Vitalcast server."),
        ("panel", "nope", "There is no panel “nope” here. There are cpu-programs, cpu, cpus"),
    ]:
        before = await watched.page.evaluate("(name) => it.getAttribute(name)", name)
        await give(name, value)
        assert problem in str((await told(watched, "error", "it"))["message"])
        await watched.until(f"(problem) => ({text})().includes(problem)", problem)
        await watched.page.evaluate(
            "([name, value]) => value === null ? it.removeAttribute(name) : it.setAttribute(name, value)",
            [name, before],
        )
        await watched.until(f"() => ({text})().startsWith('Memory')")
    await sockets_become(watched, 1)


async def test_shows_one_number_in_the_text_of_the_page(
    server: Server, elsewhere: Elsewhere, open_page: OpenPage
) -> None:
    cpu = 'metric="system.cpu.utilization"'
    body = f"""<style>p {{ font: 20px serif; color: rgb(1, 2, 3); }}</style><p>
      <vitalcast-value id=user {cpu} where="cpu.mode=user" label="user" critical=0></vitalcast-value>
      <vitalcast-value id=all {cpu} reduce=sum></vitalcast-value>
      <vitalcast-value id=memory panel=memory></vitalcast-value>
      <vitalcast-value id=gone panel=cpu src="http://127.0.0.1:1/"></vitalcast-value>
      <vitalcast-value id=several {cpu}></vitalcast-value>
      <vitalcast-value id=none metric=system.no.such></vitalcast-value>
      <vitalcast-value id=what></vitalcast-value> <vitalcast-value id=wrong panel=nope></vitalcast-value></p>"""
    watched = await open_page(elsewhere.origin + page_with(server, elsewhere, body), charts=False)
    for id_ in ("user", "all", "memory"):
        await told(watched, "live", id_)
    text = f"(id) => {{ {IN} return shadow(id).querySelector('.frame').innerText; }}"
    # All modes together are all there is, but for rounding.
    await watched.until(
        f"() => ['100.0 %', '99.9 %', '100.1 %'].includes(({text})('all').replace(/\\s+/g, ' ').trim())"
    )
    await watched.until(f"() => /^user\\s+[\\d.]+\\s%\\s+critical$/.test(({text})('user').trim())")
    assert "Memory" in await watched.page.evaluate(text, "memory")
    assert (await told(watched, "stale", "gone"))["age"] is None
    style = f"""() => {{ {IN} const style = getComputedStyle(shadow("all").querySelector("b"));
      return [style.fontSize, style.fontFamily, style.color]; }}"""
    assert await watched.page.evaluate(style) == ["20px", "serif", "rgb(1, 2, 3)"]
    assert await watched.page.evaluate(
        f"() => {{ {IN} return shadow('all').querySelector('.spark .line').getAttribute('d'); }}"
    )
    for id_, problem in [
        ("several", 'series of system.cpu.utilization; give where="cpu.mode='),
        ("none", "no such metric"),
        ("what", "metric is missing; give the name of a metric"),
        ("wrong", "there is no panel “nope” here; there are cpu-programs, cpu,"),
    ]:
        assert problem in str((await told(watched, "error", id_))["message"])
        assert problem in await watched.page.evaluate(text, id_)


async def test_reads_the_moment_that_is_pointed_at(server: Server, elsewhere: Elsewhere, open_page: OpenPage) -> None:
    body = '<vitalcast-panel id="cpu" panel="cpu" range="1m"></vitalcast-panel>'
    watched = await open_page(elsewhere.origin + page_with(server, elsewhere, body))
    await drawn(watched, "cpu")
    page = watched.page
    await watched.until(
        f"() => {{ {IN} return shadow('cpu').querySelector('vital-panel').stream.store.ring.length > 2; }}"
    )
    box = await page.locator("#cpu vital-crosshair").bounding_box()
    assert box is not None
    await page.mouse.move(box["x"] + box["width"] - 30, box["y"] + 40)
    await page.wait_for_selector("#cpu vital-crosshair .moment:not([hidden])")
    # A part that is picked stands still, and says how to go on.
    await page.mouse.down()
    await page.mouse.move(box["x"] + box["width"] - 200, box["y"] + 40, steps=4)
    await page.mouse.up()
    await page.get_by_role("button", name="Back to live").click()
    await watched.until("() => document.getElementById('cpu').view.frozen === null")


async def test_a_site_that_is_not_named_gets_nothing_and_is_told_so(
    server: Server, elsewhere: Elsewhere, open_page: OpenPage
) -> None:
    body = (
        """<vitalcast-panel id=it panel=cpu></vitalcast-panel><vitalcast-value id=value panel=cpu></vitalcast-value>"""
    )
    watched = await open_page(elsewhere.stranger + page_with(server, elsewhere, body), charts=False)
    error = await told(watched, "error", "it")
    wanted = f"the server lets no page of {elsewhere.stranger} read from it"
    assert wanted in str(error["message"]).replace("The server", "the server")
    await told(watched, "error", "value")
    await sockets_become(watched, 0)
    assert watched.received == []


async def test_says_that_the_pages_own_policy_forbids_it(
    server: Server, elsewhere: Elsewhere, open_page: OpenPage
) -> None:
    rules = f"connect-src 'self'; script-src 'unsafe-inline' {server.url}"
    policy = f'<meta http-equiv="Content-Security-Policy" content="{rules}">'
    body = "<vitalcast-panel id=it panel=cpu></vitalcast-panel>"
    watched = await open_page(elsewhere.origin + page_with(server, elsewhere, body, policy), charts=False)
    await watched.until(
        "() => document.getElementById('it')?.shadowRoot?.textContent.includes('Content-Security-Policy forbids it')"
    )


async def test_two_servers_scripts_on_one_page_do_not_clash(
    server: Server, page_server: Server, elsewhere: Elsewhere, open_page: OpenPage
) -> None:
    second = f'<script type="module" src="{page_server.url}/embed.js"></script>'
    body = "<vitalcast-panel id=it panel=cpu></vitalcast-panel>"
    watched = await open_page(elsewhere.origin + page_with(server, elsewhere, body + second), charts=False)
    await told(watched, "live", "it")
    assert watched.errors == []


async def test_every_property_a_page_may_set_is_named(js: RunJs) -> None:
    names = await js("return (await load('page/shadow_styles')).THEMED;")
    assert {"--vitalcast-surface", "--vitalcast-ink", "--vitalcast-c8", "--vitalcast-font"} <= set(names)
    assert "--vitalcast-rem" not in names
