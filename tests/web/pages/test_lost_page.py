"""What a browser sees where nothing is, and that all the pages beside the dashboard look like one product."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from vitalcast.config.schema import Settings
from vitalcast.web.app import create_app

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    data = tmp_path_factory.mktemp("data")
    settings = Settings.model_validate({"access": {"data_dir": str(data)}, "sampler": {"interval_s": 3600}})
    yield TestClient(create_app(settings), base_url="http://127.0.0.1", raise_server_exceptions=False)


@pytest.mark.parametrize(("path", "up"), [("/nope", ""), ("/a/b/nope", "../../")])
def test_a_browser_that_finds_nothing_gets_a_page_that_leads_back(client: TestClient, path: str, up: str) -> None:
    answer = client.get(path, headers=BROWSER)
    assert (answer.status_code, answer.headers["cache-control"]) == (404, "no-store")
    assert "<h1>Page not found</h1>" in answer.text
    assert f'<a href="{up or "./"}">Open the dashboard</a>' in answer.text
    assert f'href="{up}static/styles/pages.css"' in answer.text


@pytest.mark.parametrize("accept", ["*/*", "text/plain", "application/json", ""])
def test_a_program_that_finds_nothing_gets_plain_words(client: TestClient, accept: str) -> None:
    answer = client.get("/nope", headers={"Accept": accept})
    assert (answer.status_code, answer.text) == (404, "Not Found\n")


def test_the_api_answers_a_browser_in_json_and_a_prefix_nobody_named_in_words(client: TestClient) -> None:
    assert client.get("/api/v1/nope", headers=BROWSER).headers["content-type"] == "application/json"
    assert "server.root_path" in client.get("/below/docs", headers=BROWSER).text


def test_a_method_that_an_address_has_not_is_said_on_a_page(client: TestClient) -> None:
    answer = client.post("/screens", headers=BROWSER)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
    assert "Not possible at this address" in answer.text


@pytest.mark.parametrize("path", ["/login", "/screens", "/docs", "/docs/walls", "/docs/api", "/docs/nope", "/nope"])
def test_pages_beside_the_dashboard_have_one_header_and_one_sheet(client: TestClient, path: str) -> None:
    text = client.get(path, headers=BROWSER).text
    up = "../" * (path.count("/") - 1)
    assert text.count('<header class="site">') == 1
    assert f'<a class="home" href="{up or "./"}"><img class="logo" src="{up}static/styles/icon.svg"' in text
    assert [text.count(f'href="{up}static/styles/{name}.css"') for name in ("base", "pages")] == [1, 1]


def test_a_refusal_in_a_frame_has_no_header(tmp_path: Path) -> None:
    settings = {"access": {"data_dir": str(tmp_path)}, "server": {"allowed_hosts": ["m.example.org"]}}
    app = create_app(Settings.model_validate(settings | {"sampler": {"interval_s": 3600}}))
    answer = TestClient(app, base_url="http://evil.example").get("/embed/panel/cpu", headers=BROWSER)
    assert answer.status_code == 421
    assert '<p class="problem">' in answer.text
    assert "<header" not in answer.text
