"""Charts: the short cut that rewrites paths draws what Plotly would draw."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
from tests.browser.conftest import OpenPage
from tests.e2e.server import Server

pytestmark = pytest.mark.asyncio(loop_scope="session")

DRAW_BOTH_WAYS = """async (shape) => {
  const load = (name) => import(new URL(`static/${name}.js`, document.baseURI).href);
  const { StreamStore } = await load("core/store");
  const { CalmRange } = await load("core/scale");
  const { linesOf, pictureOf, wholeOf } = await load("core/picture");
  const stack = shape === "stack";
  const panel = { id: "x", title: "X", unit: stack ? "1" : "By/s", shape, metrics: ["m"], by: "of", headline: "busy",
    direction: stack ? undefined : "way", down: "out", top: stack ? 1 : undefined };
  const attributes = stack ? [{ of: "a" }, { of: "b" }, { of: "c" }]
    : [{ of: "a", way: "in" }, { of: "a", way: "out" }, { of: "b", way: "in" }];
  const series = attributes.map((one) => ({ name: "m", unit: panel.unit, attributes: one }));
  const start = 1790000000000;
  const value = (column, i) => (column === 2 && i % 40 === 7 ? null
    : (stack ? 0.3 : 90000) * (0.6 + 0.4 * Math.sin(i / (5 + column)) * Math.cos(i)));
  // A hole of eleven ticks, and a stretch that is flat, where a library may leave points out.
  const ticks = Array.from({ length: 260 }, (_, i) => i).filter((i) => i < 120 || i > 130);
  const store = new StreamStore({ windowS: 300 });
  store.snapshot({ offset: 0, series, times: ticks.map((i) => start + i * 1000),
    values: series.map((_, column) => ticks.map((i) => value(column, i > 200 && i < 220 ? 200 : i))) });
  const range = new CalmRange();
  const holder = document.createElement("div");
  holder.style.cssText = "position: fixed; top: 40px; left: 40px; width: 700px; height: 300px; background: #000";
  const plot = document.createElement("vital-plot");
  plot.style.cssText = "position: absolute; inset: 0";
  holder.append(plot);
  document.body.append(holder);
  const read = linesOf(panel, series, new Map());
  const picture = () => pictureOf({ panel, store, lines: read.lines, whole: wholeOf(panel, store.ring, read), range,
    to: store.newest, ...plot.area });
  const pause = (ms) => new Promise((resume) => setTimeout(resume, ms));
  const settled = async (full, live) => {
    const end = performance.now() + 10_000;
    while (plot.counts.full < full || plot.counts.live < live || plot.busy) {
      if (performance.now() > end) throw new Error(`drew ${JSON.stringify(plot.counts)}, not ${full} and ${live}`);
      await pause(20);
    }
  };
  const paths = () => [...plot.querySelectorAll(".scatterlayer .trace")].map((trace) => ({
    name: [...trace.classList].at(-1),
    line: [...trace.querySelectorAll("path.js-line")].map((path) => path.getAttribute("d")).join(""),
    area: [...trace.querySelectorAll("path.js-fill")].map((path) => path.getAttribute("d")).join("") }));
  const labels = () => [...plot.querySelectorAll(".xtick text")].map((text) =>
    [text.textContent, Math.round(text.getBoundingClientRect().left * 10) / 10]);
  plot.draw(picture());
  await settled(1, 0);
  for (let i = 260; i < 270; i += 1) {
    store.data({ offset: i, time: start + i * 1000, values: series.map((_, column) => value(column, i)) });
    plot.draw(picture());
  }
  await settled(1, 10);
  const live = { paths: paths(), labels: labels(), counts: { ...plot.counts } };
  window.drawInFull = () => {
    plot.invalidate();
    plot.draw(picture());
    return settled(2, 10);
  };
  return { live, size: plot.area };
}"""

FULL = """async () => {
  await window.drawInFull();
  const plot = [...document.querySelectorAll("vital-plot")].at(-1);
  return {
    paths: [...plot.querySelectorAll(".scatterlayer .trace")].map((trace) => ({
      name: [...trace.classList].at(-1),
      line: [...trace.querySelectorAll("path.js-line")].map((path) => path.getAttribute("d")).join(""),
      area: [...trace.querySelectorAll("path.js-fill")].map((path) => path.getAttribute("d")).join("") })),
    labels: [...plot.querySelectorAll(".xtick text")].map((text) =>
      [text.textContent, Math.round(text.getBoundingClientRect().left * 10) / 10]),
    counts: plot.counts };
}"""

Point = tuple[float, float]


def stretches(path: str) -> list[list[Point]]:
    """The points of each stretch of a path made of M, L, H, V and Z; a closed one ends where it began."""
    found: list[list[Point]] = []
    for part in path.split("M"):
        points: list[Point] = []
        for command in part.replace("Z", "").replace("L", " L").replace("H", " H").replace("V", " V").split():
            numbers = command.lstrip("LHV")
            if command[0] == "H":
                points.append((float(numbers), points[-1][1]))
            elif command[0] == "V":
                points.append((points[-1][0], float(numbers)))
            else:
                x, y = numbers.split(",")
                points.append((float(x), float(y)))
        if len(points) > 1:
            found.append([*points, points[0]] if part.endswith("Z") else points)
    return found


def distance(point: Point, start: Point, end: Point) -> float:
    """From a point to the straight line between two others."""
    (x, y), (x0, y0), (x1, y1) = point, start, end
    length = (x1 - x0) ** 2 + (y1 - y0) ** 2
    along = 0.0 if length == 0 else max(0.0, min(1.0, ((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / length))
    return math.hypot(x - x0 - along * (x1 - x0), y - y0 - along * (y1 - y0))


def assert_same(live: str, full: str, what: str) -> None:
    """Assert that no point of either path is as far as a seventh of a pixel from the other path."""
    ours, theirs = stretches(live), stretches(full)
    assert len(ours) == len(theirs), what
    for a, b in zip(ours, theirs, strict=True):
        for points, other in ((a, b), (b, a)):
            lines = list(itertools.pairwise(other))
            for point in points:
                assert min(distance(point, *line) for line in lines) < 0.15, f"{what}: {point}"


@pytest.mark.parametrize("shape", ["stack", "mirror"])
async def test_the_live_path_draws_what_a_full_redraw_draws(
    page_server: Server, open_page: OpenPage, shape: str
) -> None:
    watched = await open_page(page_server.url)
    await watched.drawn()
    # The page's own charts would take the pointer's and the processor's attention.
    drawn: dict[str, Any] = await watched.page.evaluate(DRAW_BOTH_WAYS, shape)
    live = drawn["live"]
    assert live["counts"] == {"full": 1, "live": 10}
    full = await watched.page.evaluate(FULL)
    assert full["counts"]["full"] == 2
    theirs = {one["name"]: one for one in full["paths"]}
    for one in live["paths"]:
        other = theirs[one["name"]]
        # Areas have lines without width and bands lines that are hidden: neither is rewritten.
        if one["name"].startswith("traceline"):
            assert_same(one["line"], other["line"], f"line of {one['name']}")
        if one["name"].startswith("tracearea"):
            assert len(stretches(one["area"])) >= 2
            assert_same(one["area"], other["area"], f"area of {one['name']}")
    assert [text for text, _ in live["labels"]] == [text for text, _ in full["labels"]]
    for (_, ours), (_, other_left) in zip(live["labels"], full["labels"], strict=True):
        assert abs(ours - other_left) < 0.6


async def test_hovering_shows_the_values_of_that_moment(page_server: Server, open_page: OpenPage) -> None:
    watched = await open_page(page_server.url)
    page = watched.page
    await watched.drawn()
    box = await page.locator("#panel-memory vital-plot").bounding_box()
    assert box is not None
    await page.mouse.move(box["x"] + box["width"] - 40, box["y"] + 60)
    await page.mouse.move(box["x"] + box["width"] - 16, box["y"] + 60)
    await page.wait_for_selector("#panel-memory .hoverlayer text", state="attached")
    await watched.until("() => /used.*iB/.test(document.querySelector('#panel-memory .hoverlayer')?.textContent ?? '')")
    assert watched.errors == []
