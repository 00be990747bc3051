"""Charts: each kind is drawn, the short cut draws what a full drawing would, and nothing upsets them."""

from __future__ import annotations

import base64
import itertools
import math
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, Route
from tests.browser.conftest import OpenPage, Watched
from tests.e2e.server import Server

pytestmark = pytest.mark.asyncio(loop_scope="session")

LAB = Path(__file__).with_name("lab.js").read_text()

# What a chart shows, as numbers and texts that can be compared.
READ = """
const pathOf = (trace) => {
  const paths = trace.querySelectorAll(/area/.test(trace.classList) ? ".js-fill" : ".js-line");
  return [[...trace.classList].at(-1), Array.from(paths, (path) => path.getAttribute("d")).join("")];
};
const read = (plot) => ({
  paths: Object.fromEntries(Array.from(plot.querySelectorAll(".scatterlayer .trace"), pathOf)),
  labels: [...plot.querySelectorAll(".axes text")].filter((text) => text.textContent).map((text) => {
    const { left, top } = text.getBoundingClientRect();
    return [text.textContent, left, top];
  }),
  grid: [...plot.querySelectorAll(".axes path")].map((path) => {
    const { left, top, width, height } = path.getBoundingClientRect();
    return [left, top, width, height];
  }),
  counts: { ...plot.counts },
});
"""

Point = tuple[float, float]


async def open_lab(open_page: OpenPage, server: Server, **options: Any) -> Watched:
    """Open a page with nothing in it but what a test puts there; `window.lab` makes charts and pictures."""
    watched = await open_page(f"{server.url}/static/vendor/vendor.json", **options)
    await watched.page.wait_for_load_state()
    await watched.page.evaluate(LAB)
    return watched


def stretches(path: str) -> list[list[Point]]:
    """The points of each stretch of a path made of M, L, H, V and Z; a closed one ends where it began."""
    found: list[list[Point]] = []
    for part in path.split("M"):
        points: list[Point] = []
        for command in (
            part.replace("Z", "").replace("L", " L").replace("H", " H").replace("V", " V").replace("h", " h").split()
        ):
            numbers = command.lstrip("LHVh")
            if command[0] == "H":
                points.append((float(numbers), points[-1][1]))
            elif command[0] == "h":
                points.append((points[-1][0] + float(numbers), points[-1][1]))
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


def assert_same_path(live: str, full: str, what: str) -> None:
    """Assert that no point of either path is as far as a seventh of a pixel from the other path."""
    ours, theirs = stretches(live), stretches(full)
    assert len(ours) == len(theirs) >= 1, what
    for a, b in zip(ours, theirs, strict=True):
        for points, other in ((a, b), (b, a)):
            lines = list(itertools.pairwise(other))
            for point in points:
                assert min(distance(point, *line) for line in lines) < 0.15, f"{what}: {point}"


@pytest.mark.parametrize("kind", ["lines", "bands"])
async def test_lines_move_to_where_a_full_drawing_would_put_them(
    page_server: Server, open_page: OpenPage, kind: str
) -> None:
    watched = await open_lab(open_page, page_server)
    live, full = await watched.page.evaluate(
        """async (kind) => {"""
        + READ
        + """
        const [moved, redrawn] = [lab.chart(), lab.chart()];
        const picture = (last) => lab[kind](last, { high: last > 300 ? 2 : 1, reference: last > 300 ? 1.5 : 0.75 });
        moved.draw(picture(280));
        await lab.settled(moved, 1, 0);
        // The times slide, their ticks change, the range of values grows, and the reference with it.
        for (const last of [281, 290, 340]) moved.draw(picture(last));
        redrawn.draw(picture(340));
        await lab.settled(redrawn, 1, 0);
        return [read(moved), read(redrawn)];
    }""",
        kind,
    )
    assert live["counts"] == {"full": 1, "live": 3}
    assert full["counts"] == {"full": 1, "live": 0}
    assert set(live["paths"]) == set(full["paths"])
    assert "tracereference" in live["paths"]
    for name, path in live["paths"].items():
        assert_same_path(path, full["paths"][name], name)
        assert name == "tracereference" or len(stretches(path)) == 2
    assert_same_places(live, full)
    assert watched.errors == []


def assert_same_places(live: dict[str, Any], full: dict[str, Any]) -> None:
    """Assert that grid and labels are where they would be in a new chart, to half a pixel."""
    assert sorted(text for text, *_ in live["labels"]) == sorted(text for text, *_ in full["labels"])
    for ours, theirs in zip(sorted(live["labels"]), sorted(full["labels"]), strict=True):
        assert ours[1:] == pytest.approx(theirs[1:], abs=0.6), ours
    for ours, theirs in zip(live["grid"], full["grid"], strict=True):
        assert ours == pytest.approx(theirs, abs=0.6)


async def test_a_heatmap_moves_to_where_a_full_drawing_would_put_it(page_server: Server, open_page: OpenPage) -> None:
    watched = await open_lab(open_page, page_server)
    page = watched.page
    counts = await page.evaluate("""async () => {
        // Grid and labels are left out: here the cells are compared, pixel by pixel.
        const box = "--grid: #0000; --axis: #0000; --ink-soft: #0000";
        const [moved, redrawn] = [lab.chart({ box }), lab.chart({ top: 380, box })];
        moved.draw(lab.heatmap(280));
        await lab.settled(moved, 1, 0);
        for (const last of [281, 290, 340]) moved.draw(lab.heatmap(last));
        redrawn.draw(lab.heatmap(340));
        await lab.settled(redrawn, 1, 0);
        return [moved.counts, redrawn.counts];
    }""")
    assert counts == [{"full": 1, "live": 3}, {"full": 1, "live": 0}]
    shots = [
        await page.screenshot(clip={"x": 40.0, "y": top, "width": 700.0, "height": 300.0}) for top in (40.0, 380.0)
    ]
    told = await page.evaluate(COMPARE, [base64.b64encode(shot).decode() for shot in shots])
    assert told["colors"] > 100
    assert told["different"] < 0.01
    # The hole, and the part of a row without readings, show what is behind the chart.
    assert told["clear"] > 0.02


# The share of pixels of two pictures that differ visibly, how many colours there are, and the share of the ground's.
COMPARE = """async (shots) => {
  const pixels = async (shot) => {
    const image = Object.assign(new Image(), { src: `data:image/png;base64,${shot}` });
    await image.decode();
    const canvas = Object.assign(document.createElement("canvas"), { width: image.width, height: image.height });
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0);
    return context.getImageData(90, 40, image.width - 120, image.height - 80).data;
  };
  const [one, other] = [await pixels(shots[0]), await pixels(shots[1])];
  const colors = new Set();
  let different = 0;
  let clear = 0;
  for (let i = 0; i < one.length; i += 4) {
    if ([0, 1, 2].some((c) => Math.abs(one[i + c] - other[i + c]) > 6)) different += 1;
    if ([0, 1, 2].every((c) => one[i + c] === 255)) clear += 1;
    colors.add((one[i] << 16) + (one[i + 1] << 8) + one[i + 2]);
  }
  return { colors: colors.size, different: (4 * different) / one.length, clear: (4 * clear) / one.length };
}"""


async def test_bars_are_drawn_again_only_where_a_pixel_changes(page_server: Server, open_page: OpenPage) -> None:
    watched = await open_lab(open_page, page_server)
    told = await watched.page.evaluate("""async () => {
        const plot = lab.chart();
        const bars = (more) => [...plot.querySelectorAll(`.barlayer ${more} path`)];
        const seen = () => ({
          counts: { ...plot.counts },
          words: [...plot.querySelectorAll(".annotation-text")].map((text) => text.textContent),
          fills: [...new Set(bars(".point").map((path) => path.style.fill))],
          widths: bars(".trace:nth-child(2)").map((path) => path.getBoundingClientRect().width),
          window: plot.window });
        plot.draw(lab.bars(0, { used: 0.5 }));
        await lab.settled(plot, 1, 0);
        const first = seen();
        plot.draw(lab.bars(0, { used: 0.50001 }));
        const same = seen();
        plot.draw(lab.bars(0, { used: 0.6 }));
        await lab.settled(plot, 2, 0);
        return { first, same, other: seen(), area: plot.area };
    }""")
    first, other = told["first"], told["other"]
    assert first["words"][:2] == ["/disk0", "20.0 GiB free of 40 GiB"]
    assert first["widths"] == pytest.approx([told["area"]["width"] * 0.9 * used for used in (0.5, 0.72, 0.94)], abs=1)
    assert told["same"] == first
    assert other["counts"]["full"] == 2
    assert other["words"][1] == "16.0 GiB free of 40 GiB"
    # The track, and its own colours while all is well; the third bar is nearly full and says so.
    assert first["fills"] == ["rgb(232, 236, 239)", "rgb(47, 111, 208)", "rgb(150, 86, 10)", "rgb(200, 98, 27)"]
    assert first["window"] is None


async def test_more_bars_than_fit_are_scrolled_to(page_server: Server, open_page: OpenPage) -> None:
    watched = await open_lab(open_page, page_server)
    few, many = await watched.page.evaluate("""async () => {
        const plot = lab.chart({ height: 160 });
        const seen = () => [plot.tabIndex, plot.scrollHeight > plot.clientHeight + 1];
        plot.draw(lab.bars(0, { bars: 2 }));
        await lab.settled(plot, 1, 0);
        const few = seen();
        plot.draw(lab.bars(0, { bars: 9 }));
        await lab.settled(plot, 2, 0);
        return [few, seen()];
    }""")
    assert few == [-1, False]
    assert many == [0, True]


async def test_only_what_plotly_must_know_costs_a_full_drawing(page_server: Server, open_page: OpenPage) -> None:
    watched = await open_lab(open_page, page_server)
    counts = await watched.page.evaluate("""async () => {
        const plot = lab.chart();
        const draw = async (picture, full) => {
          plot.draw(picture);
          await lab.settled(plot, full, 0);
          return { ...plot.counts };
        };
        const found = [await draw(lab.lines(300), 1)];
        found.push(await draw(lab.lines(301, { seconds: 60 }), 1), await draw(lab.lines(301, { high: 8 }), 1));
        found.push(await draw(lab.bands(301), 2), await draw(lab.heatmap(301), 3));
        found.push(await draw(lab.heatmap(302, { rows: 5 }), 4));
        plot.invalidate();
        found.push(await draw(lab.heatmap(303, { rows: 5 }), 5));
        plot.parentElement.style.width = "500px";
        await new Promise((resume) => plot.addEventListener("resized", resume));
        found.push(await draw(lab.heatmap(304, { rows: 5 }), 6));
        return found.map(({ full, live }) => `${full} ${live}`);
    }""")
    assert counts == ["1 0", "1 1", "1 2", "2 2", "3 2", "4 2", "5 2", "6 2"]


async def test_a_chart_without_readings_is_empty_and_fills_later(page_server: Server, open_page: OpenPage) -> None:
    watched = await open_lab(open_page, page_server)
    empty, filled, heat = await watched.page.evaluate("""async () => {
        const plot = lab.chart();
        const all = () => [...plot.querySelectorAll(".scatterlayer path")];
        const paths = () => all().filter((path) => path.getTotalLength() > 1);
        const cut = (picture) => ({ ...picture, times: new Float64Array(), breaks: [],
          shapes: picture.shapes?.map((shape) => ({ ...shape, top: new Float64Array(), base: new Float64Array() })),
          rows: picture.rows?.map((row) => ({ ...row, value: new Float64Array() })) });
        plot.draw(cut(lab.lines(300)));
        await lab.settled(plot, 1, 0);
        const empty = paths().length;
        plot.draw(lab.lines(301));
        const filled = [paths().length, { ...plot.counts }];
        plot.draw(cut(lab.lines(302)));
        plot.draw({ ...cut(lab.lines(302)), shapes: [] });
        await lab.settled(plot, 2, 2);
        plot.draw(cut(lab.heatmap(300)));
        await lab.settled(plot, 3, 2);
        plot.draw({ ...lab.heatmap(301), rows: [] });
        await lab.settled(plot, 4, 2);
        plot.draw({ kind: "bars", bars: [] });
        await lab.settled(plot, 5, 2);
        return [empty, filled, paths().length];
    }""")
    assert empty == 0
    assert filled == [6, {"full": 1, "live": 1}]
    assert heat == 0
    assert watched.errors == []


async def test_a_chart_outlives_being_moved_hidden_and_flooded(page_server: Server, open_page: OpenPage) -> None:
    watched = await open_lab(open_page, page_server)
    told = await watched.page.evaluate("""async () => {
        const plot = lab.chart({ box: "display: none" });
        const box = plot.parentElement;
        plot.draw(lab.lines(300));
        // Long enough for the library to be there: what has no size is not drawn.
        const other = lab.chart({ left: 760 });
        for (const last of [300, 301, 302]) other.draw(lab.lines(last));
        await lab.settled(other, 1, 0);
        const hidden = [{ ...plot.counts }, plot.window, { ...plot.area }.width];
        box.style.display = "";
        await lab.settled(plot, 1, 0);
        const shown = plot.window.to;
        box.remove();
        const removed = [plot.childElementCount, plot.window];
        document.body.append(box);
        await lab.settled(plot, 2, 0);
        // Removed and added again in the midst of a drawing.
        plot.invalidate();
        plot.draw(lab.lines(310));
        box.remove();
        document.body.append(box);
        await lab.settled(plot, 4, 0);
        plot.draw(lab.lines(311));
        return { hidden, shown, removed, again: plot.window.to, last: other.window.to, busy: plot.busy,
          graphs: plot.querySelectorAll(".graph").length, children: plot.childElementCount };
    }""")
    start = 1790000000000
    assert told["hidden"] == [{"full": 0, "live": 0}, None, 1]
    assert told["shown"] == start + 300_000
    assert told["removed"] == [0, None]
    assert told["again"] == start + 311_000
    assert told["last"] == start + 302_000
    assert (told["busy"], told["graphs"], told["children"]) == (False, 1, 4)
    assert watched.errors == []


async def test_a_chart_says_that_plotly_did_not_load_and_tries_again(page_server: Server, open_page: OpenPage) -> None:
    watched = await open_lab(open_page, page_server)
    page: Page = watched.page
    tried = []

    async def refuse(route: Route) -> None:
        tried.append(route.request.url)
        await route.abort()

    await page.route("**/plotly-cartesian-*", refuse)
    said = await page.evaluate("""async () => {
        window.plot = lab.chart();
        const failed = () => new Promise((resume) =>
          plot.addEventListener("failed", ({ detail }) => resume(detail.message), { once: true }));
        const said = [];
        for (let last = 300; last < 310; last += 1) {
          const next = failed();
          plot.draw(lab.lines(last));
          said.push(await next);
        }
        return said;
    }""")
    assert said == ["the charting library could not be loaded"] * 10
    # The charts go on asking with each reading; the network is not bothered as often.
    assert len(tried) <= 2
    await page.unroute("**/plotly-cartesian-*")
    await watched.until("() => { plot.draw(lab.lines(301)); return plot.counts.full > 0 && !plot.busy; }")


@pytest.mark.parametrize("kind", ["lines", "heatmap"])
async def test_a_chart_does_not_grow_with_time(page_server: Server, open_page: OpenPage, kind: str) -> None:
    watched = await open_lab(open_page, page_server)
    before, after = await watched.page.evaluate(
        """async (kind) => {
        const plot = lab.chart({ view: new lab.View() });
        const nodes = () => plot.parentElement.querySelectorAll("*").length;
        plot.draw(lab[kind](300));
        await lab.settled(plot, 1, 0);
        const drawTo = (last) => {
          for (let i = plot.counts.live; i < last; i += 1) plot.draw(lab[kind](301 + i, { seconds: 60 + (i % 7) }));
          return nodes();
        };
        return [drawTo(100), drawTo(500)];
    }""",
        kind,
    )
    assert after == before


@pytest.mark.parametrize("kind", ["lines", "bands", "heatmap", "bars"])
async def test_a_chart_is_saved_as_an_opaque_picture_in_the_pages_colours(
    page_server: Server, open_page: OpenPage, kind: str
) -> None:
    watched = await open_lab(open_page, page_server, color_scheme="dark")
    told = await watched.page.evaluate(
        """async (kind) => {
        const plot = lab.chart();
        const early = await plot.png({ title: "Early" }).catch((error) => error.message);
        plot.draw(lab[kind](300));
        await lab.settled(plot, 1, 0);
        const blob = await plot.png({ title: "Disk & <more>", scale: 2 });
        const image = Object.assign(new Image(), { src: URL.createObjectURL(blob) });
        await image.decode();
        const canvas = Object.assign(document.createElement("canvas"), { width: image.width, height: image.height });
        const context = canvas.getContext("2d");
        context.drawImage(image, 0, 0);
        const { data } = context.getImageData(0, 0, image.width, image.height);
        let least = 255;
        for (let i = 3; i < data.length; i += 4) least = Math.min(least, data[i]);
        return { early, type: blob.type, width: image.width, corner: [...data.slice(0, 3)], least, surface:
          getComputedStyle(plot).getPropertyValue("--surface"), counts: plot.counts };
    }""",
        kind,
    )
    assert told["early"] == "there is nothing to save yet"
    assert told["type"] == "image/png"
    assert told["width"] == 1400
    assert told["least"] == 255
    assert f"rgb({', '.join(map(str, told['corner']))})" == told["surface"]
    assert told["counts"] == {"full": 1, "live": 0}
    assert await watched.page.evaluate("document.querySelectorAll('.modebar-btn, .hoverlayer *').length") == 0


async def test_colours_are_read_in_every_notation(page_server: Server, open_page: OpenPage) -> None:
    watched = await open_lab(open_page, page_server)
    colors = await watched.page.evaluate("""async () => {
        const { parse, colorsOf, cssOf, mixed } = await import("/static/elements/colors.js");
        const box = document.createElement("div");
        box.style.cssText = "--a: light-dark(#102030, red); --b: color-mix(in srgb, white, black); --c: nonsense";
        document.body.append(box);
        return { read: colorsOf(box, ["a", "b", "c"]), mixed: mixed([[0, 0, 0, 1], [200, 100, 0, 1]], 0.5),
          css: cssOf([10, 20, 30, 0.5], 0.5),
          parsed: ["#abc", "#aabbcc80", "rgb(1, 2, 3)", "rgb(1 2 3 / 50%)", "color(srgb 1 0 0.5)", "hsl(0 0% 0%)",
            ""].map(parse) };
    }""")
    assert colors["parsed"] == [
        [170, 187, 204, 1],
        [170, 187, 204, 128 / 255],
        [1, 2, 3, 1],
        [1, 2, 3, 0.5],
        [255, 0, 127.5, 1],
        None,
        None,
    ]
    assert colors["read"]["a"] == [16, 32, 48, 1]
    assert colors["read"]["b"] == pytest.approx([127.5, 127.5, 127.5, 1])
    assert len(colors["read"]["c"]) == 4
    assert colors["mixed"] == [100, 50, 0, 1]
    assert colors["css"] == "rgba(10,20,30,0.25)"


async def test_a_chart_takes_on_the_theme_that_is_chosen(page_server: Server, open_page: OpenPage) -> None:
    watched = await open_lab(open_page, page_server, color_scheme="light")
    before, after = await watched.page.evaluate("""async () => {
        const plot = lab.chart();
        const fill = () => plot.querySelector(".js-fill").style.fill;
        plot.addEventListener("resized", () => plot.draw(lab.lines(300)));
        plot.draw(lab.lines(300));
        await lab.settled(plot, 1, 0);
        const before = fill();
        document.documentElement.dataset.theme = "dark";
        await lab.settled(plot, 2, 0);
        return [before, fill()];
    }""")
    assert before == "rgb(47, 111, 208)"
    assert after == "rgb(110, 168, 254)"
