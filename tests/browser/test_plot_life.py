"""Charts over time: nothing upsets them, they take on the page's colours, and they can be saved."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Page, Route
from tests.browser.conftest import OpenPage, Watched
from tests.browser.lab import open_lab
from tests.e2e.server import Server

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_labels_of_time_never_touch_each_other_or_what_stands_in_the_corner(lab: Watched) -> None:
    gaps, counts, lefts = await lab.page.evaluate("""async () => {
        const narrow = lab.chart({ width: 240 });
        const gaps = [];
        const counts = [];
        for (const last of [340, 343, 347, 349]) {
          narrow.draw(lab.lines(last, { seconds: 60 }));
          await lab.settled(narrow, 1, 0);
          const boxes = [...narrow.querySelectorAll(".xtick")].filter((text) => text.textContent);
          const edges = boxes.map((text) => text.getBoundingClientRect());
          counts.push(edges.length);
          for (let i = 1; i < edges.length; i += 1) gaps.push(edges[i].left - edges[i - 1].right);
        }
        const wide = lab.chart({ top: 400 });
        const lefts = [];
        for (let last = 340; last < 400; last += 5) {
          wide.draw(lab.lines(last));
          await lab.settled(wide, 1, 0);
          const boxes = [...wide.querySelectorAll(".xtick")].filter((text) => text.textContent);
          const edge = wide.getBoundingClientRect().left + wide.area.left;
          lefts.push(Math.min(...boxes.map((text) => text.getBoundingClientRect().left)) - edge);
        }
        return [gaps, counts, lefts];
    }""")
    assert min(lefts) > -4
    assert min(counts) >= 1
    assert len(gaps) >= 2
    assert min(gaps) > 3


async def test_a_chart_without_readings_is_empty_and_fills_later(lab: Watched) -> None:
    empty, filled, heat = await lab.page.evaluate("""async () => {
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
        return [empty, filled, paths().length];
    }""")
    assert empty == 0
    assert filled == [6, {"full": 1, "live": 1}]
    assert heat == 0
    assert lab.errors == []


async def test_a_chart_outlives_being_moved_hidden_and_flooded(lab: Watched) -> None:
    told = await lab.page.evaluate("""async () => {
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
    assert lab.errors == []


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
async def test_a_chart_does_not_grow_with_time(lab: Watched, kind: str) -> None:
    before, after = await lab.page.evaluate(
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


@pytest.mark.parametrize("kind", ["lines", "bands", "heatmap"])
async def test_a_chart_is_saved_as_an_opaque_picture_in_the_pages_colours(lab: Watched, kind: str) -> None:
    await lab.page.emulate_media(color_scheme="dark")
    told = await lab.page.evaluate(
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
    assert await lab.page.evaluate("document.querySelectorAll('.modebar-btn, .hoverlayer *').length") == 0


async def test_a_saved_picture_says_of_what_it_is_and_from_when(lab: Watched) -> None:
    title, names = await lab.page.evaluate(
        """async () => {
        const { pngFigureOf } = await import("/static/charts/png_figure.js");
        const colors = new Proxy({}, { get: () => [10, 20, 30] });
        const top = Float64Array.of(1, 2, NaN);
        const common = { key: "eth0", label: "eth0 <x>", color: 1, width: 1, fill: 0, top, base: top };
        const below = Float64Array.of(5, 4, 3);
        const shapes = [{ ...common, value: top, down: false }, { ...common, value: below, down: true }];
        const model = { kind: "lines", from: 0, to: 60000, times: Float64Array.of(0, 30000, 60000), shapes,
          low: -5, high: 5, xTicks: [], yTicks: [], unit: "By/s", reference: NaN, breaks: [], extras: [] };
        const look = { width: 600, height: 300, margin: { l: 0, r: 0, t: 0, b: 0 }, rem: 14, family: "sans-serif",
          colors };
        const numbers = [{ text: "2 B/s", label: "sent", mark: "up", down: false },
          { text: "3 B/s", label: "received", mark: "down", down: true }];
        const { data, layout } = pngFigureOf(model, look, { title: "Network", host: "web-<1>", numbers });
        return [layout.title.text, data.filter(({ showlegend }) => showlegend).map(({ name }) => name)];
    }"""
    )
    words = title.replace("\u00a0", " ")
    assert words.startswith("<b>Network</b>  ▲ 2 B/s sent  ▼ 3 B/s received<br>")
    assert re.search(r">web-&lt;1> · \d{4}-\d\d-\d\d \d\d:\d\d:\d\d – .*(UTC|GMT)", words)
    assert [name.replace("\u00a0", " ") for name in names] == ["eth0 &lt;x> ▲ 2 B/s ▼ 3 B/s"]


async def test_colours_are_read_in_every_notation(lab: Watched) -> None:
    colors = await lab.page.evaluate("""async () => {
        const { parse, colorsOf, cssOf, mixed } = await import("/static/charts/colors.js");
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


async def test_a_chart_takes_on_the_theme_that_is_chosen(lab: Watched) -> None:
    before, after = await lab.page.evaluate("""async () => {
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
