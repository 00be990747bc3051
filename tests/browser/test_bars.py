"""What fills as a list: bars and words that are written only where they change, and an image of them."""

from __future__ import annotations

import pytest
from tests.browser.conftest import Watched

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_list_is_written_only_where_something_changes(lab: Watched) -> None:
    told = await lab.page.evaluate("""async () => {
        const list = lab.chart({ tag: "vital-bars" });
        const all = (selector) => [...list.querySelectorAll(selector)];
        const color = (element) => getComputedStyle(element).backgroundColor;
        const width = (element) => parseFloat(element.style.width);
        const seen = () => ({ words: all(".text").map((text) => text.textContent), window: list.window,
          widths: all(".track").map(({ children: [used, more] }) => width(used) + width(more)),
          fills: [...new Set(all("i").map(color))], meters: all("[role=meter]").map((one) => one.ariaValueNow) });
        list.draw(lab.bars(0, { used: 0.5 }));
        const first = seen(), row = list.querySelector("li");
        let writes = 0;
        const watch = new MutationObserver((records) => { writes += records.length; });
        watch.observe(list, { subtree: true, childList: true, characterData: true, attributes: true });
        list.draw(lab.bars(0, { used: 0.50001 }));
        await null;
        const calm = writes;
        list.draw(lab.bars(0, { used: 0.6 }));
        const same = list.querySelector("li") === row;
        list.draw(lab.bars(0, { bars: 1 }));
        list.parentElement.append(list);
        return { first, calm, same, left: seen().words };
    }""")
    first = told["first"]
    assert first["words"] == ["20.0 GiB free of 40 GiB", "11.2 GiB free of 40 GiB", "2.4 GiB free of 40 GiB"]
    assert first["widths"] == pytest.approx([50, 72, 94], abs=0.2)
    assert first["meters"] == ["50", "72", "94"]
    # Its own colours while all is well; the third is nearly full and says so.
    assert set(first["fills"]) == {"rgb(47, 111, 208)", "rgb(66, 82, 0)", "rgb(150, 86, 10)"}
    assert first["window"] is None
    assert told["calm"] == 0
    assert told["same"]
    assert told["left"] == ["20.0 GiB free of 40 GiB"]


async def test_more_than_fit_are_scrolled_to_and_long_paths_keep_their_end(lab: Watched) -> None:
    few, many, name = await lab.page.evaluate("""async () => {
        const list = lab.chart({ tag: "vital-bars", width: 320, height: 160 });
        const seen = () => [list.tabIndex, list.scrollHeight > list.clientHeight + 1];
        list.draw(lab.bars(0, { bars: 2 }));
        const few = seen();
        list.draw(lab.bars(0, { bars: 9 }));
        const name = list.querySelectorAll(".name")[1];
        const [box, words] = [name, name.firstChild].map((one) => one.getBoundingClientRect());
        return [few, seen(), [words.left < box.left, Math.abs(words.right - box.right) < 1]];
    }""")
    assert few == [-1, False]
    assert many == [0, True]
    assert name == [True, True]


async def test_a_list_is_saved_as_an_opaque_image_in_the_pages_colours(lab: Watched) -> None:
    await lab.page.emulate_media(color_scheme="dark")
    told = await lab.page.evaluate("""async () => {
        const list = lab.chart({ tag: "vital-bars" });
        const early = await list.png({ title: "Early" }).catch((error) => error.message);
        list.draw(lab.bars(0));
        const blob = await list.png({ title: "Filesystems", host: "web-1", scale: 2 });
        const image = await createImageBitmap(blob);
        const canvas = Object.assign(document.createElement("canvas"), { width: image.width, height: image.height });
        const context = canvas.getContext("2d");
        context.drawImage(image, 0, 0);
        const { data } = context.getImageData(0, 0, image.width, image.height);
        const at = (x, y) => [...data.slice(4 * (y * image.width + x), 4 * (y * image.width + x) + 3)].join(", ");
        const colors = new Set();
        let least = 255;
        for (let i = 0; i < data.length; i += 4) {
          least = Math.min(least, data[i + 3]);
          colors.add(`rgb(${data[i]}, ${data[i + 1]}, ${data[i + 2]})`);
        }
        const own = [...list.querySelectorAll("i")].slice(0, 2).map((one) => getComputedStyle(one).backgroundColor);
        return { early, type: blob.type, width: image.width, least, corner: `rgb(${at(0, 0)})`,
          surface: getComputedStyle(list).getPropertyValue("--surface"), drawn: own.every((one) => colors.has(one)) };
    }""")
    assert told.pop("surface") == told.pop("corner")
    assert told == {
        "early": "there is nothing to save yet",
        "type": "image/png",
        "width": 1400,
        "least": 255,
        "drawn": True,
    }
