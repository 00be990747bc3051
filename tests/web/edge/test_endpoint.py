"""The table of endpoints, and the forms in which they turn requests away at the edge."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from starlette.routing import Match, Route
from starlette.testclient import TestClient

from vitalcast.config.schema import Settings
from vitalcast.config.server import Access, Server
from vitalcast.web.app import Application, create_app
from vitalcast.web.edge.endpoint import ANYBODY, WEBSOCKET, Endpoint, EndpointGroup, EndpointTable


@pytest.fixture
def app(tmp_path: Path) -> Application:
    return create_app(Settings(access=Access(data_dir=str(tmp_path)), server=Server(root_path="/below")))


@pytest.fixture
def client(app: Application) -> TestClient:
    return TestClient(app, base_url="http://127.0.0.1", follow_redirects=False)


def scope_of(method: str, path: str, root: str = "") -> dict[str, Any]:
    type_ = "websocket" if method == WEBSOCKET else "http"
    return {"type": type_, "method": method, "path": root + path, "root_path": root, "headers": []}


PATHS = ["/", "/ws", "/docs", "/docs/api", "/docs/wire", "/login", "/embed.js", "/static/a/b.js", "/static/"]
PATHS += ["/api/v1/panels/cpu.svg", "/api/v1/panels/cpu/figure", "/api/v1/screens/pairings", "/api/v1/screens/x"]
PATHS += ["/api/v1/screens/pairings/claim", "/api/v1/screens/pairings/ABC", "/api", "/x", "/metrics/", ""]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE"])
@pytest.mark.parametrize("root", ["", "/below"])
def test_the_table_finds_what_the_router_finds(app: Application, method: str, path: str, root: str) -> None:
    scope = scope_of(method, path, root)
    routes: list[Any] = [route for route in app.router.routes if isinstance(route, Route)]
    matched = [(route.matches(scope)[0], route.app.endpoint) for route in routes]
    full = next((endpoint for match, endpoint in matched if match is Match.FULL), None)
    found = app.endpoints.find(scope)
    if full is not None:
        assert found is full
    else:
        assert (found is None) == all(match is Match.NONE for match, _ in matched)


def test_a_socket_and_a_request_at_one_path_are_two_endpoints(app: Application) -> None:
    methods = [getattr(app.endpoints.find(scope_of(method, "/ws")), "method", None) for method in (WEBSOCKET, "GET")]
    assert methods == [WEBSOCKET, "GET"]


def test_a_path_without_parameters_goes_before_one_with_some() -> None:
    api = Endpoint("GET", "/docs/api", print, ANYBODY, "The API")
    page = Endpoint("GET", "/docs/{page}", print, ANYBODY, "A page")
    for endpoints in ((api, page), (page, api)):
        table = EndpointTable([EndpointGroup("Docs", endpoints)])
        assert table.find(scope_of("GET", "/docs/api")) is api
        assert table.in_order() == [api, page]


@pytest.mark.parametrize(
    ("method", "path", "media_type"),
    [
        ("GET", "/", "text/html"),
        ("POST", "/login", "text/html"),
        ("GET", "/embed/panel/cpu", "text/html"),
        ("GET", "/metrics", "text/plain"),
        ("GET", "/api/v1/latest", "application/json"),
        ("GET", "/api/v1/panels/cpu.svg", "application/json"),  # for nothing is drawn
        ("GET", "/badge/cpu.svg", "application/json"),
        ("GET", "/none", "application/json"),
    ],
)
@pytest.mark.parametrize(
    ("headers", "status", "words"),
    [({"Origin": "https://evil.example"}, 403, "allowed_origins"), ({"Host": "evil.example"}, 421, "allowed_hosts")],
)
def test_a_request_is_refused_in_the_form_of_what_it_asks_for(
    client: TestClient, method: str, path: str, media_type: str, headers: dict[str, str], status: int, words: str
) -> None:
    answer = client.request(method, f"/below{path}", headers=headers)
    assert answer.status_code == status
    assert answer.headers["content-type"].partition(";")[0] == media_type
    assert words in answer.text
    for name in ("content-security-policy", "x-content-type-options", "referrer-policy", "cache-control"):
        assert len(answer.headers.get_list(name)) == 1, name
    assert "access-control-allow-origin" not in answer.headers


def test_a_log_in_that_another_site_sends_is_answered_with_the_page(client: TestClient) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded", "Origin": "null"}
    answer = client.post("/below/login", content="token=x", headers=form)
    assert answer.status_code == 403
    assert "<title>Log in" in answer.text
    assert "without an origin" in answer.text
