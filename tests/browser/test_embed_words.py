"""What may be asked of a panel elsewhere, and the lines that show it there."""

from __future__ import annotations

from typing import Any

import pytest
from tests.browser.conftest import RunJs

pytestmark = pytest.mark.asyncio(loop_scope="session")

LOOKS = ["theme", "range", "interval", "title"]
BASE = "https://m.example.org/prefix/"
WANTED = {"base": BASE, "panel": {"id": "cpu", "title": "CPU"}, "width": 640, "height": 360}


async def read(js: RunJs, given: dict[str, Any], known: list[str]) -> dict[str, Any]:
    body = "return (await load('page/options')).readOptions(Object.entries(given.given), given.known);"
    found: dict[str, Any] = await js(body, {"given": given, "known": known})
    return found


async def test_reads_options_as_texts_and_as_what_a_script_would_give(js: RunJs) -> None:
    for given in (
        {"theme": "dark", "range": "15m", "interval": "0.5", "title": "0"},
        {"theme": " dark ", "range": "15m", "interval": 0.5, "title": False},
    ):
        assert await read(js, given, LOOKS) == {
            "options": {"theme": "dark", "range": 900, "interval": 0.5, "title": False},
            "problems": [],
        }


async def test_reads_which_series_are_meant(js: RunJs) -> None:
    given = {"metric": "a.b", "where": "cpu.mode=user; cpu.mode = a=b;", "critical": "-1.5e3", "panels": "a, b-1,a"}
    assert (await read(js, given, list(given)))["options"] == {
        "metric": "a.b",
        "where": {"cpu.mode": ["user", "a=b"]},
        "critical": -1500,
        "panels": ["a", "b-1"],
    }


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("theme", "blue", "theme cannot be “blue”; give system, dark, light."),
        ("range", "constructor", "range cannot be “constructor”; give 1m, 5m, 15m, 1h, 6h, 24h, 7d, 30d, 1y."),
        ("interval", "0", "interval cannot be “0”; give seconds from 0.1 to 3600."),
        ("interval", "1e3", "interval cannot be “1e3”; give seconds from 0.1 to 3600."),
        ("title", None, "title cannot be “null”; give 0 or 1."),
        ("panel", "../x", "panel cannot be “../x”; give a panel id, such as cpu."),
        ("panels", "", "panels cannot be “”; give panel ids separated by commas, such as cpu,memory."),
        ("where", "user", "where cannot be “user”; give attributes and values separated by semicolons"),
        ("reduce", "median", "reduce cannot be “median”; give sum, avg, min, max."),
        ("warning", "80 %", "warning cannot be “80 %”; give a number in the base unit, such as 0.8 for 80 %."),
        ("metric", "a..b", "metric cannot be “a..b”; give the name of a metric"),
    ],
)
async def test_says_what_would_be_right(js: RunJs, name: str, value: object, problem: str) -> None:
    found = await read(js, {name: value}, [name])
    assert found["options"] == {}
    assert found["problems"][0].startswith(problem)


async def test_repeats_only_the_beginning_of_what_is_long(js: RunJs) -> None:
    found = await read(js, {"x" * 9999: "1", "theme": "y" * 9999}, LOOKS)
    assert all(len(problem) < 200 for problem in found["problems"])
    assert len(found["problems"]) == 2


async def test_leaves_alone_what_is_no_message_of_ours(js: RunJs) -> None:
    body = """const { readMessage } = await load("page/frame_messages");
      return given.map((data) => readMessage(data, ["theme"]));"""
    strangers = [None, 1, "vitalcast:set", [], {}, {"type": 3}, {"type": "other:set", "theme": "dark"}]
    assert await js(body, strangers) == [None] * len(strangers)
    ours = [{"type": "vitalcast:set", "theme": "dark"}, {"type": "vitalcast:" + "x" * 999}]
    read, wrong = await js(body, ours)
    assert read == {"options": {"theme": "dark"}, "problems": []}
    assert wrong["problems"][0].endswith("”; there is vitalcast:set, with theme.")
    assert len(wrong["problems"][0]) < 200


async def test_the_lines_to_copy_say_no_more_than_they_must(js: RunJs) -> None:
    lines = await js("return (await load('page/snippets')).snippetsOf(given);", WANTED)
    assert {line["name"]: line["text"] for line in lines} == {
        "Frame": f'<iframe src="{BASE}embed/panel/cpu" width="640" height="360" title="CPU" loading="lazy" '
        'style="border: 0; max-width: 100%"></iframe>',
        "Element": f'<script type="module" src="{BASE}embed.js"></script>\n'
        '<vitalcast-panel panel="cpu" style="height: 360px"></vitalcast-panel>',
        "Number": f'<script type="module" src="{BASE}embed.js"></script>\n'
        '<vitalcast-value panel="cpu"></vitalcast-value>',
        "Badge, Markdown": f"![CPU]({BASE}badge/cpu.svg)",
        "Badge, HTML": f'<img src="{BASE}badge/cpu.svg" alt="CPU">',
        "Image": f"![CPU]({BASE}api/v1/panels/cpu.svg?width=640&height=360)",
        "Image, PNG": f"{BASE}api/v1/panels/cpu.png?width=640&height=360&scale=2",
        "API": f"curl '{BASE}api/v1/panels/cpu/figure'",
    }


async def test_the_lines_to_copy_take_no_markup_from_titles(js: RunJs) -> None:
    look = {"theme": "dark", "range": 60, "title": False, "token": "t"}
    wanted = WANTED | look | {"panel": {"id": "x", "title": 'a"><b>&[c]'}}
    snippets = "return (await load('page/snippets')).snippetsOf(given);"
    lines = {line["name"]: line["text"] for line in await js(snippets, wanted)}
    assert 'title="a&quot;>&lt;b>&amp;[c]"' in lines["Frame"]
    query = "theme=dark&amp;range=1m&amp;title=0&amp;token=t"
    assert f'src="{BASE}embed/panel/x?{query}"' in lines["Frame"]
    assert '<vitalcast-panel panel="x" theme="dark" range="1m" heading="0" token="t"' in lines["Element"]
    assert lines["Badge, Markdown"] == f'![a"><b>&\\[c\\]]({BASE}badge/x.svg?token=t)'
    assert lines["API"].startswith("curl -H 'Authorization: Bearer t' ")
    [frame] = await js(snippets, wanted | {"panel": None})
    assert "/embed/dashboard?" in frame["text"]


async def test_what_this_server_does_not_show_elsewhere_is_offered_with_what_it_takes(js: RunJs) -> None:
    body = """const { offerOf } = await load("page/elsewhere");
      const snippets = (await load("page/snippets")).snippetsOf(given);
      const offer = (access) => { const { works, needs } =
          offerOf(snippets, access, { panel: "cpu", site: "https://a.example" });
        return [works.map(({ name }) => name), needs.map(({ name, text }) => [name, text.split("\\n").at(-1)])]; };
      return [offer({ required: false, png: true }), offer({ required: true, png: false })];"""
    (open_works, open_needs), (works, needs) = await js(body, WANTED)
    assert open_works == ["Badge, Markdown", "Image", "Image, PNG", "API"]
    assert [name for name, _ in open_needs] == ["Frames", "Elements and numbers", "Images in web pages"]
    assert "Frame" in works
    assert "Image, PNG" not in works
    assert needs == [["Images as PNG", "pip install 'vitalcast[png]'"]]


async def test_an_embed_compares_as_the_page_does(js: RunJs) -> None:
    body = """const { readOptions } = await load("page/options");
      const { viewOf } = await load("page/view_address");
      return ["24h", "none", "toString"].map((text) => {
        const { options, problems } = readOptions([["compare", text]], ["compare"]);
        return [viewOf(options).compare, problems]; });"""
    wrong = "compare cannot be “toString”; give 1h, 24h, 7d or none."
    assert await js(body) == [[86_400, []], [0, []], [0, [wrong]]]


@pytest.mark.parametrize(
    ("origin", "protocol", "words"),
    [
        ("https://wiki.example", "https:", ""),
        ("null", "https:", "This page is in a frame with the attribute sandbox"),
        ("null", "about:", "This page is in a frame with the attribute sandbox"),
        ("null", "file:", "This page was opened as a file"),
    ],
)
async def test_a_page_without_an_origin_says_why(js: RunJs, origin: str, protocol: str, words: str) -> None:
    page = {"origin": origin, "location": {"protocol": protocol}}
    said = await js("return (await load('page/opaque')).opaqueWords(given);", page)
    assert said.startswith(words)
    assert bool(said) == bool(words)


async def test_a_page_that_may_keep_nothing_keeps_it_until_it_is_loaded_anew(js: RunJs) -> None:
    body = """const { storageOf } = await load('page/storage');
              const denied = { get sessionStorage() { throw new DOMException("denied", "SecurityError"); } };
              const kept = storageOf(denied);
              const seen = [kept.getItem("a")];
              kept.setItem("a", 1); seen.push(kept.getItem("a"));
              kept.removeItem("a"); seen.push(kept.getItem("a"));
              return [...seen, storageOf() === sessionStorage];"""
    assert await js(body) == [None, "1", None, True]


async def test_addresses_end_neither_in_a_shell_nor_in_markdown_where_their_path_has_quotes(js: RunJs) -> None:
    base = "https://m.example.org/it's (ours)/"
    body = "return (await load('page/snippets')).snippetsOf(given).map(({ text }) => text);"
    texts = await js(body, WANTED | {"base": base})
    published = "https://m.example.org/it%27s%20%28ours%29/"
    assert all(text.count(published) == text.count("m.example.org") > 0 for text in texts)
