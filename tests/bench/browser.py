"""What charts cost the browser's main thread, beside plain Plotly and uPlot; and how soon the page is there."""

from __future__ import annotations

import asyncio
import functools
import hashlib
import http.server
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final

from playwright.async_api import Browser, CDPSession, Page, async_playwright
from tests.bench import common
from tests.bench.common import progress, spread
from tests.browser.chromium import ARGUMENTS, find_chromium

FRONTEND: Final = common.HERE.parents[1] / "frontend"
SCRIPT: Final = common.HERE / "browser.js"
UPLOT: Final = "uplot@1.6.32"
UPLOT_SHA256: Final = "4b8a8191e425658e3ea8c8c1314b0fc679c861ee3a1af2b20c7b16ba50b5133d"
FETCH_S: Final = 120.0

NOTHING: Final = "nothing"
OURS: Final = "vitalcast"
MIXED: Final = "vitalcast, mixed"
REACT: Final = "Plotly.react"
MICRO: Final = "uPlot"
WAYS: Final = (NOTHING, OURS, MIXED, REACT, MICRO)

PANELS: Final = 12
LINES: Final = 4
POINTS: Final = 300
# Until the first drawing and what it brings with it is over.
SETTLE_S = 2.0
READY_S: Final = 30.0
VIEWPORT: Final = {"width": 1460, "height": 880}

PAGE: Final = """<!doctype html><html><head><meta charset="utf-8">
<link rel="stylesheet" href="/static/styles/base.css"><link rel="stylesheet" href="/static/styles/plot.css">
<link rel="stylesheet" href="/static/styles/plotly.css" id="plotly.js-style-global">
<style>.box { position: absolute; width: 470px; height: 205px } vital-plot { height: 100% }</style>
</head><body></body></html>"""

# Notes when the first live value is to be read and when every chart in view is drawn.
WATCH: Final = """
const seen = (window.seen = {});
const note = (name, holds) => { if (!(name in seen) && holds) seen[name] = performance.now(); };
const charts = () => [...document.querySelectorAll("vital-plot")].filter((plot) => {
  const { top, bottom, height } = plot.getBoundingClientRect();
  return height > 0 && bottom > 0 && top < innerHeight;
});
const look = () => {
  const values = document.querySelectorAll("vital-vitals b, vital-vitals .value, .headline b");
  note("first value", [...values].some((value) => /[0-9]/.test(value.textContent)));
  const plots = charts();
  note("all charts", plots.length > 2 && plots.every((plot) => plot.counts?.full > 0 && !plot.busy));
  if (Object.keys(seen).length < 2) requestAnimationFrame(look);
};
requestAnimationFrame(look);
"""


class AbsentError(Exception):
    """A reference cannot be had on this machine; the message says why."""


# --- what is served --------------------------------------------------------------------------------------------------


def fetch_uplot(cache: Path | None = None) -> Path:
    """Return the folder of uPlot's modules, from npm at first. Raises AbsentError."""
    cache = cache or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vitalcast-tests"
    folder = cache / UPLOT
    if (folder / "uPlot.esm.js").is_file():
        return folder
    npm = shutil.which("npm")
    if npm is None:
        raise AbsentError("npm is not there to fetch it")
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as place:
        command = [npm, "pack", UPLOT, "--silent", "--pack-destination", place]
        try:
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=FETCH_S)
        except subprocess.CalledProcessError as error:
            raise AbsentError(f"npm pack failed: {error.stderr.strip()[-200:]}") from error
        except subprocess.TimeoutExpired as error:
            raise AbsentError(f"npm pack took more than {FETCH_S:.0f} s") from error
        [archive] = Path(place).glob("*.tgz")
        content = archive.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        if digest != UPLOT_SHA256:
            raise AbsentError(f"{UPLOT} has the SHA-256 {digest}, expected {UPLOT_SHA256}")
        ready = Path(place) / "ready"
        ready.mkdir()
        with tarfile.open(fileobj=io.BytesIO(content)) as package:
            module = package.extractfile("package/dist/uPlot.esm.js")
            assert module is not None
            (ready / "uPlot.esm.js").write_bytes(module.read())
        if not folder.exists():
            ready.rename(folder)
    return folder


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves the frontend's files, uPlot's, and an empty page at `/`."""

    def __init__(self, *args: Any, uplot: Path | None, **kwargs: Any) -> None:
        self._uplot = uplot
        super().__init__(*args, **kwargs)

    def do_GET(self) -> None:
        if self.path != "/":
            super().do_GET()
            return
        body = PAGE.encode()
        self.send_response(http.HTTPStatus.OK)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def translate_path(self, path: str) -> str:
        for prefix, folder in (("/static/", FRONTEND), ("/uplot/", self._uplot)):
            if folder is not None and path.startswith(prefix):
                return str(folder / path.removeprefix(prefix))
        return os.devnull

    def log_message(self, *args: Any) -> None:
        """Say nothing: there is a table to read."""


@contextmanager
def files(uplot: Path | None) -> Iterator[str]:
    """Serve what the benchmark's page needs; yield its address."""
    handler = functools.partial(Handler, uplot=uplot)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    found = await asyncio.to_thread(find_chromium)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=found.executable, args=list(ARGUMENTS), env={**os.environ, **found.env}
        )
        try:
            yield browser
        finally:
            await browser.close()


# --- charts ----------------------------------------------------------------------------------------------------------


async def metrics(cdp: CDPSession) -> dict[str, float]:
    answer = await cdp.send("Performance.getMetrics")
    return {one["name"]: one["value"] for one in answer["metrics"]}


async def measure(
    page: Page, cdp: CDPSession, way: str, hz: float, *, window_s: float, settle_s: float
) -> dict[str, float]:
    """Return the share of the main thread in percent while twelve charts are fed, and what was drawn meanwhile."""
    await page.evaluate("([way, hz]) => bench.start(way, hz)", [way, hz])
    try:
        if way != NOTHING:
            await _until(page, f"{way} has not drawn {PANELS} charts", lambda now: now["drawn"] >= PANELS)
        await asyncio.sleep(settle_s)
        await cdp.send("HeapProfiler.collectGarbage")
        before, drawn = await metrics(cdp), await page.evaluate("bench.counts()")
        await asyncio.sleep(window_s)
        if way != NOTHING:
            await _until(page, f"{way} has drawn nothing more", lambda now: now["drawn"] > drawn["drawn"])
        after, drawn_after = await metrics(cdp), await page.evaluate("bench.counts()")
    finally:
        await page.evaluate("bench.stop()")
    seconds = after["Timestamp"] - before["Timestamp"]
    share = {
        name: 100 * (after[key] - before[key]) / seconds
        for name, key in (("task", "TaskDuration"), ("cpu", "ThreadTime"), ("script", "ScriptDuration"))
    }
    charts = {name: drawn_after[name] - drawn[name] for name in ("drawn", "full")}
    return {**share, **charts, "lines": drawn_after["lines"], "seconds": seconds}


async def _until(page: Page, what_else: str, holds: Callable[[dict[str, int]], bool]) -> None:
    due_s = time.monotonic() + READY_S
    while not holds(await page.evaluate("bench.counts()")):
        if time.monotonic() > due_s:
            raise RuntimeError(f"{what_else} within {READY_S:.0f} s")
        await asyncio.sleep(0.05)


async def charts(
    rates: Sequence[float],
    *,
    window_s: float,
    rounds: int,
    settle_s: float = SETTLE_S,
    ways: Sequence[str] = WAYS,
    points: int = POINTS,
) -> Table:
    """Return a row for each rate and way, and notes."""
    absent = ""
    uplot = None
    if MICRO in ways:
        try:
            uplot = fetch_uplot()
        except AbsentError as error:
            absent = f"{MICRO} is absent: {error}"
            ways = [way for way in ways if way != MICRO]
    results: dict[tuple[float, str], list[dict[str, float]]] = {}
    with files(uplot) as url:
        async with chromium() as browser:
            page = await browser.new_page(viewport=VIEWPORT, locale="en-US")
            page.on("pageerror", lambda error: progress(f"  error in the page: {error}"))
            await page.goto(url)
            given = {"panels": PANELS, "lines": LINES, "points": points, "uplot": uplot is not None}
            await page.evaluate(SCRIPT.read_text(), given)
            cdp = await page.context.new_cdp_session(page)
            await cdp.send("Performance.enable")
            for number in range(rounds):
                for hz in rates:
                    for way in ways:
                        one = await measure(page, cdp, way, hz, window_s=window_s, settle_s=settle_s)
                        results.setdefault((hz, way), []).append(one)
                        shares = f"{one['task']:.1f} %, CPU {one['cpu']:.1f} %"
                        progress(f"  round {number + 1} of {rounds}, {hz:g} Hz, {way}: {shares}")
    rows = [chart_row(hz, way, results[hz, way]) for hz in rates for way in ways]
    notes = [
        f"{PANELS} charts of {LINES} series and {points} points; share of the main thread by the browser's task time",
        "CPU is the processor time of that thread, without what it waited for others on a busy machine",
        f"{rounds} rounds of {window_s:g} s each, all ways in turn on one page: median [least–greatest]",
        f"'{NOTHING}' is the same page without charts; '{MIXED}': half lines, a third bands, a sixth heatmaps",
    ]
    if uplot is not None:
        notes.append(f"{MICRO} paints canvases; a browser without a graphics processor does that on this thread")
    return rows, [*notes, *filter(None, [absent])]


def chart_row(hz: float, way: str, results: list[dict[str, float]]) -> dict[str, Any]:
    per_s = [one["drawn"] / one["seconds"] for one in results]
    each_ms = [10 * one["cpu"] * one["seconds"] / one["drawn"] for one in results if one["drawn"]]
    return {
        "Hz": hz,
        "charts": way,
        "main thread %": spread((one["task"] for one in results), 2),
        "CPU %": spread((one["cpu"] for one in results), 2),
        "script %": spread((one["script"] for one in results), 2),
        "drawings/s": spread(per_s, 1),
        "CPU ms each": spread(each_ms, 2) if each_ms else None,
        "in full": int(sum(one["full"] for one in results)),
        "lines": int(results[-1]["lines"]),
    }


Table = tuple[list[dict[str, Any]], list[str]]


# --- load ------------------------------------------------------------------------------------------------------------


async def load(*, rounds: int, settle_s: float = 5.0) -> Table:
    """Return one row: from opening the page to what is on it, with nothing in the browser's cache; and notes."""
    opened = []
    with common.vitalcast() as server:
        server.wait()
        await asyncio.sleep(settle_s)  # so that there is something to fill the charts with
        async with chromium() as browser:
            for number in range(rounds):
                opened.append(await open_once(browser, f"http://127.0.0.1:{server.port}/"))
                progress(f"  run {number + 1} of {rounds}: {opened[-1]}")
    row: dict[str, Any] = {"page": OURS}
    for name, digits in (("first value, s", 3), ("all charts, s", 3), ("kB over the wire", 1), ("requests", 0)):
        row[name] = spread((one[name] for one in opened), digits)
    return [row], [f"{rounds} openings with an empty cache: median [least–greatest]; the first may have a cold server"]


async def open_once(browser: Browser, url: str) -> dict[str, float]:
    context = await browser.new_context(viewport={"width": 1440, "height": 900})
    try:
        page = await context.new_page()
        cdp = await context.new_cdp_session(page)
        await cdp.send("Network.enable")
        sizes: list[float] = []
        cdp.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
        await page.add_init_script(WATCH)
        await page.goto(url, wait_until="commit")
        due_s = time.monotonic() + READY_S
        while len(seen := await page.evaluate("window.seen ?? {}")) < 2:
            if time.monotonic() > due_s:
                raise RuntimeError(f"the page has not shown everything within {READY_S:.0f} s, only {list(seen)}")
            await asyncio.sleep(0.05)
        return {
            "first value, s": seen["first value"] / 1000,
            "all charts, s": seen["all charts"] / 1000,
            "kB over the wire": sum(sizes) / 1000,
            "requests": len(sizes),
        }
    finally:
        await context.close()


def main(argv: Sequence[str] | None = None) -> int:
    parser = common.parser(__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round, to see that it works")
    parser.add_argument("--only", choices=("charts", "load"), help="leave out the other part")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10.0, help="length of each measurement")
    parser.add_argument("--rates", type=float, nargs="+", default=[1.0, 10.0], metavar="HZ")
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=WAYS, help="what draws the charts")
    parser.add_argument("--points", type=int, default=POINTS, help="of each series")
    options = parser.parse_args(argv)
    rounds, seconds = (1, 3.0) if options.quick else (options.rounds, options.seconds)
    tables: list[Table] = []
    if options.only != "load":
        progress("charts")
        given = {"ways": options.ways, "points": options.points}
        tables.append(asyncio.run(charts(options.rates, window_s=seconds, rounds=rounds, **given)))
    if options.only != "charts":
        progress("load")
        tables.append(asyncio.run(load(rounds=rounds)))
    for rows, notes in tables:
        common.report("browser", rows, notes, None)
    if options.json is not None:
        results = [row for rows, _ in tables for row in rows]
        document = {"program": "browser", "machine": common.machine(), "results": results}
        options.json.write_text(json.dumps(document, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
