"""Badges and stills in a real browser: they draw, their words stay in them, and other sites get none unasked."""

from __future__ import annotations

import base64
import http.server
import json
import re
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from tests.browser.conftest import OpenPage, RunJs
from tests.core.drawn import check, texts_of
from tests.e2e.server import Server

from vitalcast.config.schema import Settings
from vitalcast.config.server import Access as AccessSettings
from vitalcast.core.drawing.axis import round_scale, ticks_of, time_ticks
from vitalcast.core.drawing.clock import stale_after_s
from vitalcast.core.drawing.format import format_age, format_tick
from vitalcast.core.drawing.svg import width_of
from vitalcast.core.panels.builtin import BUILT_IN
from vitalcast.core.vocabulary import Scope
from vitalcast.live.open_access import open_access
from vitalcast.web.panels.png import FONTS, png_of

pytestmark = pytest.mark.asyncio(loop_scope="session")

NIL = re.compile(r"0(\.0+)?(?![\d.])")  # a number that is nothing
SIZES = "width=640&height=320&theme=light", "width=320&height=240&theme=dark", "width=200&height=120&theme=light"

SHOW = """
async (addresses) => {
  const shown = [];
  for (const src of addresses) {
    const image = Object.assign(new Image(), { src });
    document.body.append(image);
    await image.decode().catch(() => {});
    shown.push([image.naturalWidth, image.naturalHeight]);
  }
  return shown;
}
"""

# Words that leave the picture, as this browser's own type has them.
OVERFLOWING = """
async (addresses) => {
  const found = [];
  for (const address of addresses) {
    const text = await (await fetch(address)).text();
    const { documentElement: svg } = new DOMParser().parseFromString(text, "image/svg+xml");
    document.body.replaceChildren(document.adoptNode(svg));
    const box = svg.getBoundingClientRect();
    for (const one of svg.querySelectorAll("text")) {
      const { left, right, top, bottom } = one.getBoundingClientRect();
      if (left < box.left - 1 || right > box.right + 1 || top < box.top - 1 || bottom > box.bottom + 1)
        found.push([address, one.textContent, left - box.left, right - box.left]);
    }
  }
  return found;
}
"""


async def test_all_stills_and_badges_are_drawn_with_their_words_within_them(
    open_page: OpenPage, page_server: Server
) -> None:
    watched = await open_page(f"{page_server.url}/static/vendor/vendor.json", charts=False)
    await watched.page.wait_for_load_state()
    stills = [f"/api/v1/panels/{panel.id}.svg?{size}" for size in SIZES for panel in BUILT_IN]
    badges = [f"/badge/{panel.id}.svg" for panel in BUILT_IN]
    sizes = [(640, 320)] * len(BUILT_IN) + [(320, 240)] * len(BUILT_IN) + [(200, 120)] * len(BUILT_IN)
    shown = [tuple(size) for size in await watched.page.evaluate(SHOW, [*stills, *badges])]
    assert shown[: len(stills)] == sizes
    assert all(width > 40 and height == 20 for width, height in shown[len(stills) :])
    assert await watched.page.evaluate(OVERFLOWING, [*stills, *badges]) == []
    assert await watched.violations() == []
    assert watched.errors == []


# How far two pictures of the same size are apart: on the mean, and the share of pixels that are clearly others.
# They are drawn large, so that edges that are smoothed in other ways are few.
APART = """
const drawn = async (src, size) => {
  const image = Object.assign(new Image(), { src });
  await image.decode();
  const { naturalWidth: width, naturalHeight: height } = image;
  const [wide, high] = size ?? [width, height];
  const context = Object.assign(document.createElement("canvas"), { width: wide, height: high }).getContext("2d");
  context.drawImage(image, 0, 0, wide, high);
  return { width, height, pixels: context.getImageData(0, 0, wide, high).data };
};
const found = [];
for (const [svg, png] of given) {
  const ours = await drawn(`data:image/png;base64,${png}`);
  const theirs = await drawn(`data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`, [ours.width, ours.height]);
  let sum = 0, others = 0;
  for (let at = 0; at < ours.pixels.length; at += 1) {
    const apart = Math.abs(ours.pixels[at] - theirs.pixels[at]);
    sum += apart;
    if (apart > 96) others += 1;
  }
  const count = ours.pixels.length;
  found.push([ours.width === 4 * theirs.width && ours.height === 4 * theirs.height, sum / count / 255, others / count]);
}
return found;
"""


def in_our_fonts(svg: str) -> str:
    """Return a picture of ours with the fonts in it that PNG images are drawn in."""
    faces = "".join(
        f"@font-face {{ font-family: ours; font-weight: {weight};"
        f" src: url(data:font/ttf;base64,{base64.b64encode(Path(file).read_bytes()).decode()}) }}"
        for weight, file in zip((400, 700), FONTS, strict=True)
    )
    return re.sub(r'font-family="[^"]*"([^>]*>)', rf'font-family="ours"\1<style>{faces}</style>', svg, count=1)


async def test_a_png_is_what_a_browser_draws_of_the_same_still(js: RunJs, page_server: Server) -> None:
    size = "width=400&height=240"
    queries = (f"cpu.svg?{size}", f"network.svg?theme=dark&{size}", f"filesystems.svg?{size}")
    pairs = []
    for query in queries:
        with urllib.request.urlopen(f"{page_server.url}/api/v1/panels/{query}") as answer:
            svg = answer.read().decode()
        pairs.append((in_our_fonts(svg), base64.b64encode(png_of(svg, 4)).decode()))
    for query, (same_size, mean, others) in zip(queries, await js(APART, pairs), strict=True):
        assert same_size, query
        assert mean < 0.003, (query, mean)
        assert others < 0.0015, (query, others)


async def test_a_still_that_is_opened_by_itself_keeps_its_policy(open_page: OpenPage, page_server: Server) -> None:
    watched = await open_page(f"{page_server.url}/api/v1/panels/cpu.svg", charts=False)
    await watched.until("() => document.documentElement?.tagName === 'svg' && document.querySelector('text') !== null")
    assert await watched.violations() == []
    assert watched.errors == []


class _Blank(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[int]:
    """The port of a server of someone else's, whose pages are empty."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Blank) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


async def test_a_page_of_another_site_gets_pictures_by_a_token_alone(
    open_page: OpenPage, own_server: Server, elsewhere: int
) -> None:
    access = open_access(Settings(access=AccessSettings(data_dir=str(own_server.data_folder))))
    token, _ = access.mint(Scope.EMBED, panels=["cpu"])
    access.close()
    stranger = await open_page(f"http://localhost:{elsewhere}/", charts=False)
    await stranger.page.wait_for_load_state()
    addresses = [f"{own_server.url}/badge/cpu.svg", f"{own_server.url}/api/v1/panels/cpu.svg"]
    assert await stranger.page.evaluate(SHOW, addresses) == [[0, 0], [0, 0]]
    assert any("ERR_BLOCKED_BY_RESPONSE" in error for error in stranger.errors), stranger.errors
    shown = await stranger.page.evaluate(SHOW, [f"{address}?token={token}" for address in addresses])
    assert [height for _, height in shown] == [20, 320]
    refused = await stranger.page.evaluate(SHOW, [f"{own_server.url}/badge/memory.svg?token={token}"])
    assert [height for _, height in refused] == [20]  # which says that there is no access


def answer(server: Server, path: str) -> str:
    with urllib.request.urlopen(f"{server.url}{path}") as response:
        return str(response.read(), "utf-8")


def of_one_tick(server: Server, id_: str) -> tuple[Any, str]:
    """Return the figure and the still of one panel that have the same readings."""
    for _ in range(100):
        figure = json.loads(answer(server, f"/api/v1/panels/{id_}/figure"))
        still = answer(server, f"/api/v1/panels/{id_}.svg?height=1200")
        again = json.loads(answer(server, f"/api/v1/panels/{id_}/figure"))
        if figure["layout"]["meta"]["time"] == again["layout"]["meta"]["time"]:
            return figure, still
    raise AssertionError(f"{id_} changed between any two requests")


async def test_a_still_says_what_the_figure_says(page_server: Server) -> None:
    for panel in BUILT_IN:
        figure, still = of_one_tick(page_server, panel.id)
        texts = texts_of(check(still))
        assert panel.title in texts
        if not figure["data"]:
            assert "No data for this panel." in texts
            continue
        for words in figure["layout"]["title"]["subtitle"]["text"].split(" · "):
            number = words.split(" ")[0]
            assert any(number in text for text in texts), (panel.id, words)
        if panel.chart == "line":
            own = [trace for trace in figure["data"] if "dash" not in trace["line"]]
            values = {trace["text"][-1] for trace in own if not NIL.match(trace["text"][-1])}  # which it folds
            assert {one for one in values if not any(text.endswith(one) for text in texts)} == set(), panel.id


# --- what the page and the server must agree on --------------------------------------------------------------------


async def test_axes_and_ages_are_the_same_on_the_page(js: RunJs) -> None:
    spans = [
        [low, high, unit, least, ticks]
        for low, high in ((0, 0.37), (0, 3000), (-1500, 3000), (0, 0), (-7, 0), (-18, 12), (0, 12.5), (-3e9, 9.9e9))
        for unit in ("1", "By", "By/s", "s", "{thread}", "Cel")
        for least, ticks in ((0.1, 4), (10, 6), (0.1, 2), (0, 4))
    ]
    ages = [0, 0.4, 3.9, 61, 4000]
    to_ms = 1_790_000_000_000
    windows = [[to_ms - span, to_ms, most] for span in (10_000, 60_000, 300_000, 900_000, 7_200_000) for most in (3, 8)]
    page = await js(
        """const { roundRange, ticksOf, timeTicks } = await load("charts/model/axis");
           const { formatAge, formatClock } = await load("charts/model/format");
           const { staleAfterS } = await load("client/status");
           return {
             axes: given.spans.map(([low, high, unit, least, ticks]) => [false, true].map((mirrored) =>
               ticksOf(roundRange({ low, high, unit, least, ticks }), unit, { mirrored }).map(({ text }) => text))),
             ages: given.ages.map(formatAge),
             stale: [0.5, 1, 5].map(staleAfterS),
             times: given.windows.map(([from, to, most]) =>
               timeTicks({ from, to, most, clock: formatClock }).map(({ value, text }) => [value, text])),
           };""",
        {"spans": spans, "ages": ages, "windows": windows},
    )
    berlin = ZoneInfo("Europe/Berlin")  # which the page has, too
    expected = {
        "axes": [
            [
                [tick.text for tick in ticks_of(scale, unit, mirrored=way)]
                for scale in [round_scale(low, high, unit, least=least, ticks=ticks)]
                for way in (False, True)
            ]
            for low, high, unit, least, ticks in spans
        ],
        "ages": [format_age(age) for age in ages],
        "stale": [stale_after_s(interval) for interval in (0.5, 1, 5)],
        "times": [
            [[tick.value, tick.text] for tick in time_ticks(from_, to, most, berlin)] for from_, to, most in windows
        ],
    }
    for span, ours, theirs in zip(spans, expected.pop("axes"), page.pop("axes"), strict=True):
        assert theirs == ours, span
    assert page == expected


async def test_labels_of_axes_are_the_same_on_the_page(js: RunJs) -> None:
    pairs = [
        [value, unit]
        for size in (0, 0.0005, 0.05, 0.25, 1, 1.5, 20, 1000, 1024, 2560, 3e6, 1.5e9)
        for value in (size, -size)
        for unit in ("1", "By", "By/s", "s", "{operation}/s", "Cel", "rpm", "V", "")
    ]
    body = 'const { formatTick } = await load("charts/model/format"); return given.map((one) => formatTick(...one));'
    written = await js(body, pairs)
    assert written == [format_tick(*pair) for pair in pairs]


async def test_words_are_measured_rather_too_wide_than_too_narrow(js: RunJs) -> None:
    texts = ["system.cpu.utilization", "Logical CPUs", "12.3 MiB/s", "as of 2026-09-21 14:13:20 UTC", "nvme0n1 WQ@%"]
    measured = await js(
        """const context = document.createElement("canvas").getContext("2d");
           return ["Verdana, DejaVu Sans", "system-ui"].map((family) => given.map((text) =>
             { context.font = `100px ${family}`; return context.measureText(text).width; }));""",
        texts,
    )
    for family in measured:
        for text, width in zip(texts, family, strict=True):
            assert width <= width_of(text, 100) * 1.01, text
