"""/docs: the manual as HTML, its links, and its search."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

import vitalcast
from vitalcast.config.schema import Settings
from vitalcast.config.server import Access, Server
from vitalcast.web.app import create_app
from vitalcast.web.pages.manual import Page, entries_of, linked, load_manual
from vitalcast.web.pages.manual_search import HITS_MAX, QUERY_CHARS_MAX, Entry, search

FOLDER = Path(vitalcast.__file__).parent / "reference"
PAGES = load_manual(FOLDER)
NAMES = [name for name in PAGES if name]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    access = Access(data_dir=str(tmp_path_factory.mktemp("data")))
    return TestClient(create_app(Settings(access=access)), base_url="http://127.0.0.1")


def made(folder: Path, **files: str) -> dict[str, Page]:
    """Load a manual of these files, all of which the index names."""
    index = "# Manual\n\n" + "".join(f"- [{name}]({name}.md)\n" for name in files)
    for name, text in (files | {"README": index}).items():
        (folder / f"{name}.md").write_text(text, encoding="utf-8")
    return load_manual(folder)


# --- pages ---------------------------------------------------------------------------------------------------------


def test_the_index_lists_every_page() -> None:
    assert set(NAMES) | {"README"} == {path.stem for path in FOLDER.glob("*.md")}


@pytest.mark.parametrize("name", NAMES)
def test_every_link_of_a_page_leads_to_something_that_is_served(client: TestClient, name: str) -> None:
    text = client.get(f"/docs/{name}").text
    for target in set(re.findall(r'(?:href|src|action)="([^"]*)"', text)):
        address, _, anchor = target.partition("#")
        if re.match("[a-z]+:", address):
            continue
        answer = client.get(f"/docs/{address}" if address else f"/docs/{name}")
        assert answer.status_code == 200, target
        assert not anchor or f'id="{anchor}"' in answer.text, target


@pytest.mark.parametrize("name", NAMES)
def test_no_anchor_stands_for_two_places(client: TestClient, name: str) -> None:
    anchors = re.findall(r' id="([^"]*)"', client.get(f"/docs/{name}").text)
    assert len(anchors) == len(set(anchors))


def test_a_page_lives_under_the_dashboards_policy_and_may_send_its_form_here(client: TestClient) -> None:
    policy = client.get("/docs").headers["content-security-policy"]
    assert "form-action 'self'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe-eval" not in policy


def test_a_page_holds_no_script_and_no_style_of_its_own(client: TestClient) -> None:
    for name in ("", *NAMES):
        text = client.get(f"/docs/{name}".rstrip("/")).text
        assert not re.search(r"<script(?![^>]*src=)|<style|<[^>]*\s(?:on\w+|style)=", text)


def test_an_unknown_page_says_so_and_lists_those_that_there_are(client: TestClient) -> None:
    answer = client.get("/docs/nothing")
    assert answer.status_code == 404
    assert "Page not found" in answer.text
    assert 'href="../docs/wire"' in answer.text


def test_below_a_root_path_every_address_is_relative() -> None:
    client = TestClient(create_app(Settings(server=Server(root_path="/vitalcast"))), base_url="http://127.0.0.1")
    text = client.get("/vitalcast/docs/wire").text
    addresses = re.findall(r'(?:href|src|action)="([^"]*)"', text)
    assert [address for address in addresses if address.startswith("/")] == []
    assert client.get("/vitalcast/docs/settings").status_code == 200


def test_html_in_a_file_is_shown_and_not_obeyed(tmp_path: Path) -> None:
    page = made(tmp_path, a="# A <b>\n\n## <img src=x>\n\n<script>alert(1)</script>\n\n[x](javascript:alert(1))\n")["a"]
    assert not re.search(r"<(?:script|img|b)\b|href=\"javascript", page.body)
    assert "&lt;script&gt;" in page.body


def test_the_marks_around_generated_tables_are_not_shown() -> None:
    assert not [name for name, page in PAGES.items() if ":begin" in page.body]


def test_a_link_to_another_page_leads_to_where_it_is_served(tmp_path: Path) -> None:
    text = "# A\n\n[there](b.md#the-end), [up](README.md), [far](https://a.example), [`file`](../../config.toml)\n"
    pages = made(tmp_path, a=text, b="# B\n\n## The end\n")
    body = linked(pages["a"], "../docs")
    assert 'href="../docs/b#the-end"' in body
    assert 'href="../docs"' in body
    assert 'href="https://a.example"' in body
    assert ", <code>file</code></p>" in body


def test_a_heading_has_the_anchor_that_a_forge_gives_it(tmp_path: Path) -> None:
    (heading,) = made(tmp_path, a="# A\n\n## What `it` is, and isn't\n")["a"].headings
    assert (heading.level, heading.text, heading.anchor) == (2, "What it is, and isn't", "what-it-is-and-isnt")


def test_a_row_that_begins_with_a_name_can_be_linked_to() -> None:
    assert '<tr id="server.port">' in PAGES["settings"].body


def test_a_cell_says_below_which_head_it_stands(tmp_path: Path) -> None:
    body = made(tmp_path, a="# A\n\n| key | what for |\n|---|---|\n| x | y |\n\n| b |\n|---|\n| z |\n")["a"].body
    assert re.findall(r'<td data-head="([^"]*)">(.)', body) == [("key", "x"), ("what for", "y"), ("b", "z")]


# --- the search ----------------------------------------------------------------------------------------------------


def found(query: str) -> list[str]:
    return [f"{hit.entry.page}#{hit.entry.anchor}" for hit in search(entries_of(PAGES), query).hits]


def test_a_name_that_is_given_in_full_comes_first() -> None:
    assert found("server.root_path")[0] == "settings#server.root_path"
    assert found("system.load.average")[0] == "metrics#system.load.average"
    assert found("SUBSCRIBE")[0] == "wire#subscribe"


def test_every_word_must_be_there() -> None:
    assert found("reverse proxy")
    assert found("reverse proxy zebra") == []


def test_of_many_hits_the_best_are_shown_and_all_are_counted() -> None:
    entries = [Entry("a", "A", f"Word {number}", "", f"{number}", "text") for number in range(HITS_MAX + 1)]
    result = search(entries, "word")
    assert (len(result.hits), result.total) == (HITS_MAX, HITS_MAX + 1)


def test_an_excerpt_is_the_text_around_the_word() -> None:
    entry = Entry("a", "A", "B", "", "", "before " * 100 + "the Needle in it" + " after" * 100)
    (hit,) = search([entry], "needle").hits
    assert hit.excerpt[1] == "Needle"
    assert hit.excerpt[0].startswith("…before")
    assert hit.excerpt[-1].endswith("after…")


@given(st.text(max_size=QUERY_CHARS_MAX + 20))
def test_any_query_gets_an_answer_whose_pieces_are_the_text(query: str) -> None:
    for hit in search(entries_of(PAGES), query).hits:
        assert "".join(hit.heading) == hit.entry.heading


def test_the_page_of_results_marks_what_was_looked_for(client: TestClient) -> None:
    text = client.get("/docs", params={"q": "root_path"}).text
    assert 'href="docs/settings#server.root_path">server.<mark>root_path</mark></a>' in text
    assert 'value="root_path"' in text


def test_a_search_without_results_says_so(client: TestClient) -> None:
    answer = client.get("/docs", params={"q": "zebra"})
    assert answer.status_code == 200
    assert "No results for “zebra”" in answer.text


def test_a_hostile_query_stays_text(client: TestClient) -> None:
    text = client.get("/docs", params={"q": '"><script>alert(1)</script>'}).text
    assert "<script>alert" not in text
    assert "&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;" in text
