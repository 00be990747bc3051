"""Charts: each kind is drawn, and the short cut draws what a full drawing would."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from tests.browser.conftest import Watched

pytestmark = pytest.mark.asyncio(loop_scope="session")

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


def distances(points: list[Point], path: list[Point]) -> npt.NDArray[np.float64]:
    """How far each point is from the straight lines that a path is made of."""
    at, start = np.array(points)[:, None], np.array(path)[None, :-1]
    way = np.diff(np.array(path), axis=0)[None]
    length = (way**2).sum(axis=2)
    along = np.divide(
        ((at - start) * way).sum(axis=2), length, out=np.zeros((len(points), len(path) - 1)), where=length > 0
    )
    nearest = start + np.clip(along, 0, 1)[..., None] * way
    least: npt.NDArray[np.float64] = np.linalg.norm(at - nearest, axis=2).min(axis=1)
    return least


def assert_same_path(live: str, full: str, what: str) -> None:
    """Assert that no point of either path is as far as a seventh of a pixel from the other path."""
    ours, theirs = stretches(live), stretches(full)
    assert len(ours) == len(theirs) >= 1, what
    for a, b in zip(ours, theirs, strict=True):
        assert distances(a, b).max() < 0.15, what
        assert distances(b, a).max() < 0.15, what


@pytest.mark.parametrize("kind", ["lines", "bands"])
async def test_lines_move_to_where_a_full_drawing_would_put_them(lab: Watched, kind: str) -> None:
    live, full = await lab.page.evaluate(
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
    assert lab.errors == []


def assert_same_places(live: dict[str, Any], full: dict[str, Any]) -> None:
    """Assert that grid and labels are where they would be in a new chart, to half a pixel."""
    assert sorted(text for text, *_ in live["labels"]) == sorted(text for text, *_ in full["labels"])
    for ours, theirs in zip(sorted(live["labels"]), sorted(full["labels"]), strict=True):
        assert ours[1:] == pytest.approx(theirs[1:], abs=0.6), ours
    for ours, theirs in zip(live["grid"], full["grid"], strict=True):
        assert ours == pytest.approx(theirs, abs=0.6)


async def test_names_of_rows_stay_within_the_chart_and_differ(lab: Watched) -> None:
    names = ["CPU 0", "/dev/vda1 / ext4 / home", "/dev/vda1 / ext4 / usr/local"]
    told = await lab.page.evaluate(
        f"""async (names) => {{ {READ}
        const plot = lab.chart();
        const picture = lab.heatmap(280, {{ rows: names.length }});
        plot.draw({{ ...picture, rows: picture.rows.map((row, i) => ({{ ...row, label: names[i] }})) }});
        await lab.settled(plot, 1, 0);
        const {{ left }} = plot.getBoundingClientRect();
        return {{ left, labels: read(plot).labels }}; }}""",
        names,
    )
    shown = [(text, left) for text, left, _ in told["labels"]]
    assert names[0] in [text for text, _ in shown]
    cut = [text for text, _ in shown if "…" in text]
    assert len(set(cut)) == 2
    assert all(left >= told["left"] for _, left in shown)
    for text, name in zip(cut, names[1:], strict=True):
        head, tail = text.split("…")
        assert name.startswith(head)
        assert name.endswith(tail)


async def test_a_heatmap_moves_to_where_a_full_drawing_would_put_it(lab: Watched) -> None:
    page = lab.page
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


async def test_only_what_plotly_must_know_costs_a_full_drawing(lab: Watched) -> None:
    counts = await lab.page.evaluate("""async () => {
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
