"""Who may ask for what: every route, by every way in, with every kind of token. Run as a program, it prints the table.

`ROWS` is complete by construction: a route without a row fails, and so does a row without a route.
"""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import jwt
import pytest
from starlette.routing import Route
from starlette.testclient import TestClient

from vitalcast.config.limits import Limits
from vitalcast.config.machine import Sampler
from vitalcast.config.schema import Settings
from vitalcast.config.server import Access as AccessSettings
from vitalcast.config.server import Server
from vitalcast.core.vocabulary import Scope
from vitalcast.live.open_access import open_access
from vitalcast.web.app import create_app
from vitalcast.web.edge.endpoint import WEBSOCKET, Endpoint
from vitalcast.web.edge.guard import RouteGuard
from vitalcast.web.edge.refusals import JSON
from vitalcast.web.pages.login_page import PAGE

# --- the table -----------------------------------------------------------------------------------------------------

SCOPES = tuple(scope.value for scope in Scope)
LOG_IN = 303
PAIRING = "/api/v1/screens/pairings"


class Row(NamedTuple):
    """The statuses of one route: for nobody, and for each scope, by Bearer and by cookie alike.

    `url` is the status where a token for embedding stands in the address. What is asked for is `at`, with `body`. Of an
    answer that is `endless` only the head is asked for.
    """

    at: str
    nobody: int
    view: int
    embed: int
    stream: int
    admin: int
    url: int = 400
    body: object = None
    endless: bool = False

    def of(self, scope: str) -> int:
        return int(getattr(self, scope))


# fmt: off
ROWS: Mapping[tuple[str, str], Row] = {
    #                                        asked for                         nobody view embed stream admin url
    ("GET", "/"):                          Row("/",                                303, 200, 403, 403, 200),
    ("GET", "/docs"):                      Row("/docs",                            303, 200, 403, 403, 200),
    ("GET", "/docs/api"):                  Row("/docs/api",                        303, 200, 403, 403, 200),
    ("GET", "/docs/{page}"):               Row("/docs/wire",                       303, 200, 403, 403, 200),
    ("GET", "/openapi.json"):              Row("/openapi.json",                    401, 200, 403, 200, 200),
    ("GET", "/asyncapi.json"):             Row("/asyncapi.json",                   401, 200, 403, 200, 200),
    ("GET", "/metrics"):                   Row("/metrics",                         401, 200, 403, 200, 200),
    ("GET", "/api/v1/metrics"):            Row("/api/v1/metrics",                  401, 200, 403, 200, 200),
    ("GET", "/api/v1/latest"):             Row("/api/v1/latest",                   401, 200, 403, 200, 200),
    ("GET", "/api/v1/history"):            Row("/api/v1/history?panel=cpu",        401, 200, 200, 200, 200, 200),
    ("GET", "/api/v1/stream"):             Row("/api/v1/stream?panel=cpu", 401, 200, 200, 200, 200, 200, endless=True),
    ("GET", "/api/v1/events"):             Row("/api/v1/events",                   401, 200, 403, 403, 200),
    ("POST", "/api/v1/events"):            Row("/api/v1/events",                   401, 403, 403, 403, 400, body={}),
    ("GET", "/api/v1/processes"):          Row("/api/v1/processes",                401, 200, 403, 403, 200),
    ("GET", "/api/v1/panels"):             Row("/api/v1/panels",                   401, 200, 200, 200, 200),
    ("GET", "/api/v1/panels/{id}/figure"): Row("/api/v1/panels/cpu/figure",        401, 200, 200, 200, 200),
    ("GET", "/api/v1/panels/{id}.svg"):    Row("/api/v1/panels/cpu.svg",           401, 200, 200, 200, 200, 200),
    ("GET", "/api/v1/panels/{id}.png"):    Row("/api/v1/panels/cpu.png",           401, 200, 200, 200, 200, 200),
    ("GET", "/badge/{metric}.svg"):        Row("/badge/cpu.svg",                   401, 200, 200, 200, 200, 200),
    ("GET", "/embed/panel/{id}"):          Row("/embed/panel/cpu",                 401, 200, 200, 200, 200, 200),
    ("GET", "/embed/dashboard"):           Row("/embed/dashboard",                 401, 200, 200, 200, 200, 200),
    ("GET", "/api/v1/access"):             Row("/api/v1/access",                   401, 200, 200, 200, 200),
    ("POST", "/api/v1/tokens"):            Row("/api/v1/tokens",                   401, 403, 403, 403, 400, body={}),
    ("GET", "/wall"):                      Row("/wall",                            200, 200, 200, 200, 200),
    ("GET", "/wall/{name}"):               Row("/wall/lobby",                      200, 200, 200, 200, 200),
    ("GET", "/api/v1/screen"):             Row("/api/v1/screen",                   401, 200, 403, 403, 200),
    ("POST", PAIRING):                     Row(PAIRING,                            400, 400, 400, 400, 400, body=[]),
    ("POST", f"{PAIRING}/claim"):          Row(f"{PAIRING}/claim",                 400, 400, 400, 400, 400, body={}),
    ("GET", f"{PAIRING}/{{code}}"):        Row(f"{PAIRING}/NONE",                  401, 403, 403, 403, 404),
    ("POST", f"{PAIRING}/{{code}}"):       Row(f"{PAIRING}/NONE",                  401, 403, 403, 403, 404, body={}),
    ("GET", "/screens"):                   Row("/screens",                         303, 403, 403, 403, 200),
    ("GET", "/api/v1/screens"):            Row("/api/v1/screens",                  401, 403, 403, 403, 200),
    ("POST", "/api/v1/screens/{id}"):      Row("/api/v1/screens/none",             401, 403, 403, 403, 404, body={}),
    ("DELETE", "/api/v1/screens/{id}"):    Row("/api/v1/screens/none",             401, 403, 403, 403, 404),
    ("GET", "/login"):                     Row("/login",                           200, 200, 200, 200, 200),
    ("POST", "/login"):                    Row("/login",                           401, 401, 401, 401, 401, body="x=y"),
    ("POST", "/logout"):                   Row("/logout",                          303, 303, 303, 303, 303, body=""),
    ("GET", "/static/{path:path}"):        Row("/static/client/store.js",            200, 200, 200, 200, 200, 200),
    ("GET", "/embed.js"):                  Row("/embed.js",                        200, 200, 200, 200, 200, 200),
    ("GET", "/client.js"):                 Row("/client.js",                       200, 200, 200, 200, 200, 200),
    ("GET", "/client.d.ts"):               Row("/client.d.ts",                     200, 200, 200, 200, 200, 200),
    ("GET", "/healthz"):                   Row("/healthz",                         200, 200, 200, 200, 200),
    ("GET", "/readyz"):                    Row("/readyz",                          200, 200, 200, 200, 200),
}
# fmt: on
SOCKET = "/ws"  # which has a table of its own
# What a token for one panel, or for some metrics, gets a part of; and what is none of theirs.
PARTS = (
    "/metrics",
    "/api/v1/metrics",
    "/api/v1/latest",
    "/api/v1/history",
    "/api/v1/stream",
    "/api/v1/panels",
    "/badge/",
    "/embed/",
)
OUTSIDE = re.compile(r"system[._](memory|disk|network|filesystem|paging|load)|vitalcast[._]socket|\"id\":\"memory\"")


def markdown() -> str:
    """Return the table as the manual has it."""
    public = {one.path for one in create_app(Settings()).endpoints if one.public}
    head = ["address", "no token", *(f"`{scope}`" for scope in SCOPES), "token in the address"]
    lines = [head, ["---"] * len(head)]
    for (method, path), row in ROWS.items():
        limited = any(path.startswith(part) for part in PARTS)
        cells = [f"`{path}`" if method == "GET" else f"`{method} {path}`", _cell(row, row.nobody, limited=False)]
        cells += [_cell(row, row.of(scope), limited=limited and scope in ("embed", "stream")) for scope in SCOPES]
        url = "ignored" if path in public else "no" if row.url == 400 else "`embed`"
        lines.append([*cells, url])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(row: Row, status: int, *, limited: bool) -> str:
    if row.nobody == row.admin:
        return "yes"
    if status == LOG_IN:
        return "log-in"
    return str(status) if status in (401, 403) else "its part" if limited else "yes"


# --- the world -----------------------------------------------------------------------------------------------------


class House(NamedTuple):
    """Two applications over one folder of tokens: one asks for tokens, and one on the loopback, open."""

    closed: TestClient
    open: TestClient
    tokens: Mapping[str, str]
    endpoints: Mapping[tuple[str, str], Endpoint]


BAD = {"expired": 109, "revoked": 101, "forged": 101, "unsigned": 101, "nonsense": 101}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = AccessSettings(data_dir=str(tmp_path_factory.mktemp("data")))
    many = 10**6
    settings = Settings(
        access=folder,
        sampler=Sampler(interval_s=3600),
        limits=Limits(failed_tokens_per_minute=many, failed_tokens_per_minute_per_address=many),
    )
    open_app = create_app(settings)  # before there are tokens
    access = open_access(settings)
    tokens = {
        "view": access.mint(Scope.VIEW)[0],
        "embed": access.mint(Scope.EMBED, panels=["cpu"])[0],
        "stream": access.mint(Scope.STREAM, metrics=["system.cpu.>"])[0],
        "admin": access.mint(Scope.ADMIN)[0],
    }
    long_ago = open_access(settings, now_ms=lambda: (time.time_ns() - 10**12) // 10**6)
    tokens["expired"], _ = long_ago.mint(Scope.ADMIN, expires_s=60)
    tokens["revoked"], record = access.mint(Scope.ADMIN)
    assert access.revoke(record.id)
    claims = jwt.decode(tokens["admin"], options={"verify_signature": False})
    tokens["forged"] = jwt.encode(claims, b"another secret, of thirty-two bytes", algorithm="HS256")
    tokens["unsigned"] = jwt.encode(claims, None, algorithm="none")
    tokens["nonsense"] = "a.b.c"
    closed_app = create_app(settings.model_copy(update={"server": Server(host="0.0.0.0")}))
    with _client(closed_app) as closed, _client(open_app) as opened:
        yield House(closed, opened, tokens, {(one.method, one.path): one for one in closed_app.endpoints})
    access.close()
    long_ago.close()


def _client(app: Any) -> TestClient:
    return TestClient(app, base_url="http://127.0.0.1", follow_redirects=False)


def ask(client: TestClient, method: str, path: str, row: Row, **more: str) -> Any:
    """Send a row's request. `bearer`, `cookie` and `url` give a token its way in."""
    client.cookies.clear()
    headers = {}
    if "bearer" in more:
        headers["Authorization"] = f"Bearer {more['bearer']}"
    if "cookie" in more:
        headers["Cookie"] = f"other=1; vitalcast={more['cookie']}"
    if isinstance(row.body, str):
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    elif method == "POST":
        headers["Content-Type"] = "application/json"
    content = row.body if isinstance(row.body, str | None) else json.dumps(row.body)
    at = f"{row.at}{'&' if '?' in row.at else '?'}token={more['url']}" if "url" in more else row.at
    return client.request("HEAD" if row.endless else method, at, headers=headers, content=content)


def check_refusal(endpoint: Endpoint, answer: Any, status: int, code: int) -> None:
    """A refusal says why, in the endpoint's own form, and is kept by nobody."""
    assert answer.status_code == status, (endpoint.path, answer.status_code, answer.text)
    assert answer.headers["cache-control"] == "no-store"
    assert ("www-authenticate" in answer.headers) == (status in (401, 403)) or endpoint.refusal is PAGE
    assert answer.headers["content-type"].startswith(endpoint.refusal.media_type)
    if endpoint.refusal is JSON and answer.request.method != "HEAD":
        assert answer.json()["error"]["code"] == code, answer.text


# --- every route ---------------------------------------------------------------------------------------------------


def test_every_route_has_a_row_and_every_row_a_route(house: House) -> None:
    assert set(house.endpoints) == {*ROWS, (WEBSOCKET, SOCKET), ("GET", SOCKET)}
    app: Any = house.closed.app
    assert [route.app.endpoint for route in app.router.routes] == app.endpoints.in_order()
    assert len(app.router.routes) == len(house.endpoints)
    assert all(isinstance(route.app, RouteGuard) for route in app.router.routes)


@pytest.mark.parametrize("key", ROWS, ids=" ".join)
def test_who_may_ask_and_who_may_not(house: House, key: tuple[str, str], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    (method, path), row, tokens, endpoint = key, ROWS[key], house.tokens, house.endpoints[key]
    everybody = row.nobody == row.admin

    answer = ask(house.closed, method, path, row)
    if everybody or row.nobody == LOG_IN:
        assert answer.status_code == row.nobody, answer.text
    else:
        check_refusal(endpoint, answer, row.nobody, 101)
    for scope in SCOPES:
        for way in ("bearer", "cookie"):
            answer = ask(house.closed, method, path, row, **{way: tokens[scope]})
            if row.of(scope) == 403:
                check_refusal(endpoint, answer, 403, 103)
            assert answer.status_code == row.of(scope), (scope, way, answer.text)
            if scope in ("embed", "stream") and any(path.startswith(part) for part in PARTS):
                assert not OUTSIDE.search(answer.text), (scope, way)

    for name, code in BAD.items():
        for way in ("bearer", "cookie"):
            answer = ask(house.closed, method, path, row, **{way: tokens[name]})
            if everybody or row.nobody == LOG_IN:
                assert answer.status_code == row.nobody, (name, way)
            else:
                check_refusal(endpoint, answer, 401, code)

    answer = ask(house.closed, method, path, row, url=tokens["embed"])
    assert answer.status_code == row.url, answer.text
    assert answer.headers["referrer-policy"] in ("no-referrer", "same-origin")
    if not endpoint.public:
        assert re.match("private|no-store", answer.headers["cache-control"])
        for name in ("view", "stream", "admin", *BAD):
            answer = ask(house.closed, method, path, row, url=tokens[name])
            check_refusal(
                endpoint, answer, 400 if row.url == 400 else 401, 107 if row.url == 400 else BAD.get(name, 101)
            )

    logged = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("vitalcast"))
    assert not [token for token in tokens.values() if token in logged or token[-20:] in logged]


@pytest.mark.parametrize("key", ROWS, ids=" ".join)
def test_where_no_token_is_needed_one_is_checked_all_the_same(house: House, key: tuple[str, str]) -> None:
    (method, path), row, tokens = key, ROWS[key], house.tokens
    everybody = row.nobody == row.admin
    assert ask(house.open, method, path, row).status_code == row.admin
    for scope in ("view", "embed"):
        assert ask(house.open, method, path, row, bearer=tokens[scope]).status_code == row.of(scope)
        assert ask(house.open, method, path, row, cookie=tokens[scope]).status_code == row.of(scope)
    refused = row.admin if everybody else LOG_IN if house.endpoints[key].refusal is PAGE else 401
    assert ask(house.open, method, path, row, bearer=tokens["expired"]).status_code == refused
    # A browser sends what it has, be it another server's of this machine.
    assert ask(house.open, method, path, row, cookie=tokens["forged"]).status_code == row.admin
    assert ask(house.open, method, path, row, url=tokens["embed"]).status_code == row.url


def test_what_is_for_this_machine_alone_no_other_gets(house: House) -> None:
    """Another ASGI server may be bound to more than `server.host` says."""
    far, near = ("192.0.2.7", "fd00::7", "::ffff:192.0.2.7"), ("127.0.0.9", "::1", "::ffff:127.0.0.1")
    for peer, status in [*((one, 401) for one in far), *((one, 200) for one in near)]:
        client = TestClient(house.open.app, base_url="http://127.0.0.1", client=(peer, 5000))
        assert client.get("/api/v1/screens").status_code == status, peer
        assert client.get("/api/v1/access", headers={"X-Forwarded-For": "127.0.0.1"}).status_code == status, peer
        cookie = {"Cookie": f"vitalcast={house.tokens['forged']}"}
        assert client.get("/api/v1/access", headers=cookie).status_code == status, peer
        bearer = {"Authorization": f"Bearer {house.tokens['view']}"}
        assert client.get("/api/v1/access", headers=bearer).json()["scope"] == "view"


# --- one route -----------------------------------------------------------------------------------------------------


def test_with_a_route_that_has_no_record_an_application_does_not_start() -> None:
    app = create_app(Settings())
    app.router.routes.append(Route("/api/v1/forgotten", lambda _: None))
    with pytest.raises(LookupError, match="/api/v1/forgotten"), TestClient(app):
        pass


def test_a_cookie_counts_on_our_own_pages_alone(house: House) -> None:
    cookie = {"Cookie": f"vitalcast={house.tokens['view']}"}
    for site, mode, status in (
        ("same-origin", "cors", 200),
        ("none", "navigate", 200),
        ("cross-site", "navigate", 200),  # a link
        ("cross-site", "no-cors", 401),  # an image, a script
        ("same-site", "no-cors", 401),  # another port of this host
    ):
        sent = cookie | {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode}
        assert house.closed.get("/api/v1/panels", headers=sent).status_code == status, (site, mode)


def test_nothing_is_changed_by_what_a_page_can_send_unasked(house: House) -> None:
    bearer = {"Authorization": f"Bearer {house.tokens['admin']}"}
    json_type = {"Content-Type": "application/json"}
    for headers, status in (
        (json_type, 400),
        (json_type | {"Content-Type": "application/json; charset=utf-8"}, 400),
        ({}, 415),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content-Type": "multipart/form-data; boundary=x"}, 415),
        (json_type | {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"}, 403),
        (json_type | {"Origin": "https://evil.example"}, 403),
    ):
        answer = house.closed.post("/api/v1/tokens", content="{}", headers=bearer | headers)
        assert answer.status_code == status, headers


def test_the_ways_of_a_token_have_an_order(house: House) -> None:
    tokens = house.tokens
    cookie, bearer = {"Cookie": f"vitalcast={tokens['admin']}"}, {"Authorization": f"bearer  {tokens['stream']} "}
    assert house.closed.get("/api/v1/access", headers=cookie | bearer).json()["scope"] == "stream"
    # What a proxy asks for is none of ours.
    basic = {"Authorization": "Basic dXNlcjpwYXNz"}
    assert house.closed.get("/api/v1/access", headers=cookie | basic).json()["scope"] == "admin"
    assert house.closed.get("/badge/cpu.svg?token=x", headers=cookie).status_code == 401


@pytest.mark.parametrize("limited", ["stream", "embed"])
def test_what_lies_outside_is_refused_whether_there_is_such_a_thing_or_not(house: House, limited: str) -> None:
    bearer = {"Authorization": f"Bearer {house.tokens[limited]}"}
    there, none = "memory", "yromem"  # as wide as the other in a picture
    paths = ["/api/v1/panels/{}/figure", "/api/v1/panels/{}.svg", "/badge/{}.svg", "/badge/system.{}.usage.svg"]
    if limited == "stream":
        paths += ["/api/v1/latest?metrics=system.{}.usage", "/api/v1/metrics?metrics=system.{}.>"]
    for path in paths:
        answers = [house.closed.get(path.format(name), headers=bearer) for name in (there, none)]
        assert [answer.status_code for answer in answers] == [403, 403], path
        assert answers[0].text.replace(there, none) == answers[1].text, path


if __name__ == "__main__":
    print(markdown())
