"""The security edge as a unit: what it adds to answers and leaves alone, and how it turns requests away."""

from __future__ import annotations

import json
from typing import Any

import pytest
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send
from tests.web.edge.conftest import Clock

from vitalcast.access.rate_limit import Throttle
from vitalcast.config.server import Server
from vitalcast.web.edge.endpoint import ANYBODY, Endpoint, EndpointGroup, EndpointTable
from vitalcast.web.edge.headers import framed_by
from vitalcast.web.edge.host_origin import HostOriginCheck
from vitalcast.web.edge.proxies import UNKNOWN_PEER
from vitalcast.web.edge.refusal_log import RefusalLog
from vitalcast.web.edge.refusals import Refusal, RefusalForm
from vitalcast.web.edge.security import SecurityEdge

POLICY = "default-src 'none'"
LOOPBACK_CHECK = HostOriginCheck(Server())
PUBLISHED = HostOriginCheck(Server(allowed_origins=("https://wiki.example.org",)))


class Recorder:
    """An ASGI application that keeps what it was called with and answers 200."""

    def __init__(self, headers: list[tuple[bytes, bytes]] | None = None) -> None:
        self.headers = headers or []
        self.calls: list[tuple[Scope, Receive, Send]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.calls.append((scope, receive, send))
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": self.headers})
            await send({"type": "http.response.body", "body": b"ok"})


async def no_receive() -> Message:
    raise AssertionError("nobody should ask")


def http_scope(*headers: tuple[str, str], method: str = "GET", **more: Any) -> dict[str, Any]:
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    scope = {"type": "http", "scheme": "http", "method": method, "path": "/", "query_string": b"", "headers": raw}
    return scope | {"client": ("10.0.0.9", 1), **more}


async def run(edge: SecurityEdge, scope: Scope) -> list[Message]:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    await edge(scope, no_receive, send)
    return sent


def edge_of(app: Recorder, check: HostOriginCheck = LOOPBACK_CHECK) -> SecurityEdge:
    return SecurityEdge(app, check=check, content_security_policy=POLICY, log=RefusalLog(now_s=Clock()))


def values(message: Message, name: bytes) -> list[bytes]:
    return [value for key, value in message["headers"] if key.lower() == name]


HOST = ("host", "127.0.0.1:8000")
SECURITY_HEADERS = {
    b"content-security-policy": POLICY.encode(),
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"x-frame-options": b"SAMEORIGIN",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"permissions-policy": b"camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


async def test_every_answer_gets_the_security_headers() -> None:
    for scope in (http_scope(HOST), http_scope(("host", "evil.example"))):
        start, _ = await run(edge_of(Recorder()), scope)
        for name, value in SECURITY_HEADERS.items():
            assert values(start, name) == [value]


async def test_what_an_answer_says_itself_stands() -> None:
    app = Recorder([(b"Content-Security-Policy", b"default-src 'self'"), (b"x-own", b"1")])
    start, body = await run(edge_of(app), http_scope(HOST))
    assert values(start, b"content-security-policy") == [b"default-src 'self'"]
    assert values(start, b"x-own") == [b"1"]
    assert values(start, b"x-content-type-options") == [b"nosniff"]
    assert body["body"] == b"ok"


async def test_a_refused_request_never_reaches_the_application(logged: pytest.LogCaptureFixture) -> None:
    app = Recorder()
    start, body = await run(edge_of(app), http_scope(("host", "evil.example")))
    assert app.calls == []
    assert start["status"] == 421
    assert values(start, b"content-type") == [b"application/json"]
    assert values(start, b"content-length") == [str(len(body["body"])).encode()]
    assert values(start, b"access-control-allow-origin") == []
    error = json.loads(body["body"])["error"]
    assert error["code"] == 103
    assert logged.messages == [f"refused a request from 10.0.0.9: {error['message']}"]


async def test_the_log_holds_nothing_of_the_path_and_no_control_characters(logged: pytest.LogCaptureFixture) -> None:
    scope = http_scope(HOST, ("origin", "http://evil\x1b[2J\x85"), ("authorization", "Bearer secret"))
    await run(edge_of(Recorder()), scope | {"path": "/secret", "query_string": b"token=secret"})
    assert len(logged.messages) == 1
    assert "secret" not in logged.text
    assert logged.messages[0].isascii()
    assert logged.messages[0].isprintable()


async def test_an_allowed_origin_may_read_the_answer() -> None:
    origin = ("origin", "https://wiki.example.org")
    start, _ = await run(edge_of(Recorder([(b"vary", b"Accept-Encoding")]), PUBLISHED), http_scope(HOST, origin))
    assert values(start, b"access-control-allow-origin") == [b"https://wiki.example.org"]
    assert values(start, b"vary") == [b"Accept-Encoding", b"Origin"]
    assert values(start, b"access-control-allow-credentials") == []


async def test_a_cache_learns_that_answers_depend_on_the_origin_even_from_one_without() -> None:
    for check in (PUBLISHED, LOOPBACK_CHECK):
        start, _ = await run(edge_of(Recorder(), check), http_scope(HOST))
        assert values(start, b"vary") == [b"Origin"]


async def test_a_preflight_of_an_allowed_origin_is_answered_without_the_application() -> None:
    app = Recorder()
    asked = (("origin", "https://wiki.example.org"), ("access-control-request-method", "GET"))
    start, body = await run(edge_of(app, PUBLISHED), http_scope(HOST, *asked, method="OPTIONS"))
    assert app.calls == []
    assert (start["status"], body["body"]) == (204, b"")
    assert values(start, b"access-control-allow-origin") == [b"https://wiki.example.org"]
    assert values(start, b"access-control-allow-methods") == [b"GET, HEAD"]
    assert values(start, b"vary") == [b"Origin"]


async def test_a_preflight_of_any_other_origin_is_refused() -> None:
    asked = (("origin", "https://evil.example"), ("access-control-request-method", "GET"))
    start, _ = await run(edge_of(Recorder(), PUBLISHED), http_scope(HOST, *asked, method="OPTIONS"))
    assert start["status"] == 403
    assert values(start, b"access-control-allow-origin") == []


async def test_an_options_request_that_is_no_preflight_is_the_applications() -> None:
    app = Recorder()
    await run(edge_of(app, PUBLISHED), http_scope(HOST, ("origin", "https://wiki.example.org"), method="OPTIONS"))
    assert len(app.calls) == 1


def socket_scope(*headers: tuple[str, str], extensions: dict[str, Any] | None = None) -> dict[str, Any]:
    more = {} if extensions is None else {"extensions": extensions}
    return http_scope(*headers) | {"type": "websocket", "scheme": "ws"} | more


async def test_a_websocket_that_is_let_in_is_handed_on_as_it_came() -> None:
    app = Recorder()
    scope = socket_scope(HOST, ("origin", "http://127.0.0.1:8000"), extensions={"own": object()})

    async def send(_: Message) -> None:
        raise AssertionError("nothing to send")

    under_way = edge_of(app)(scope, no_receive, send)
    assert getattr(under_way, "cr_code", None) is Recorder.__call__.__code__  # no frame of the edge lies under it
    await under_way
    ((scope_seen, receive_seen, send_seen),) = app.calls
    assert scope_seen is scope
    assert receive_seen is no_receive
    assert send_seen is send


async def test_a_refused_websocket_gets_an_http_answer_where_the_server_can_send_one() -> None:
    app = Recorder()
    scope = socket_scope(HOST, ("origin", "http://evil.example"), extensions={"websocket.http.response": {}})
    start, body = await run(edge_of(app), scope)
    assert app.calls == []
    assert (start["type"], start["status"]) == ("websocket.http.response.start", 403)
    assert body["type"] == "websocket.http.response.body"
    assert "server.allowed_origins" in json.loads(body["body"])["error"]["message"]


@pytest.mark.parametrize("extensions", [None, {}])
async def test_a_refused_websocket_is_closed_before_it_is_accepted_elsewhere(extensions: dict[str, Any] | None) -> None:
    scope = socket_scope(HOST, ("origin", "null"), extensions=extensions)
    assert await run(edge_of(Recorder()), scope) == [{"type": "websocket.close", "code": 1008}]


async def test_what_is_known_of_a_request_is_in_its_scope() -> None:
    app = Recorder()
    await run(edge_of(app, PUBLISHED), http_scope(HOST, ("origin", "https://WIKI.example.org:443")))
    await run(edge_of(app, PUBLISHED), http_scope(HOST, ("origin", "http://127.0.0.1:8000"), client=None))
    states = [scope["state"] for scope, _, _ in app.calls]
    assert states == [
        {"near": False, "address": "10.0.0.9", "origin": "https://wiki.example.org"},
        {"near": True, "address": UNKNOWN_PEER, "origin": None},
    ]


async def test_code_is_for_pages_of_every_site_and_still_for_this_host_alone() -> None:
    code = Endpoint("GET", "/static/{path:path}", print, ANYBODY, "Code", public=True)
    table = EndpointTable([EndpointGroup("Pages", [code])])
    edge = SecurityEdge(Recorder(), check=LOOPBACK_CHECK, content_security_policy=POLICY, endpoint_of=table.find)
    origin = ("origin", "https://evil.example")
    start, _ = await run(edge, http_scope(HOST, origin, path="/static/x.js"))
    assert start["status"] == 200
    assert values(start, b"access-control-allow-origin") == [b"*"]
    assert values(start, b"cross-origin-resource-policy") == [b"cross-origin"]
    assert values(start, b"vary") == []
    start, _ = await run(edge, http_scope(("host", "evil.example"), origin, path="/static/x.js"))
    assert start["status"] == 421
    start, _ = await run(edge, http_scope(HOST, origin, path="/x"))
    assert start["status"] == 403


async def test_a_header_that_an_answer_has_empty_is_left_out() -> None:
    headers = [(name.lower().encode(), value.encode()) for name, value in framed_by(POLICY, ["https://a.b"]).items()]
    start, _ = await run(edge_of(Recorder(headers)), http_scope(HOST))
    assert values(start, b"x-frame-options") == []


def test_a_page_names_who_may_frame_it() -> None:
    headers = framed_by("default-src 'none'; frame-ancestors 'self'", ["https://a.example", "https://b.example"])
    policy = headers["Content-Security-Policy"]
    assert policy == "default-src 'none'; frame-ancestors 'self' https://a.example https://b.example"


@pytest.mark.parametrize("path", ["/below", "/below/", "/below/x", "/", "/x", "/belowx"])
async def test_what_a_proxy_took_off_the_path_is_put_back(path: str) -> None:
    app = Recorder()
    await run(edge_of(app), http_scope(HOST, path=path, raw_path=path.encode(), root_path="/below"))
    ((scope, _, _),) = app.calls
    whole = path if path in ("/below", "/below/", "/below/x") else f"/below{path}"
    assert (scope["path"], scope["raw_path"]) == (whole, whole.encode())


@pytest.mark.parametrize("extensions", [{}, {"websocket.http.response": {}}])
async def test_too_many_new_sockets_are_turned_away_before_they_are_accepted(
    extensions: dict[str, Any], logged: pytest.LogCaptureFixture
) -> None:
    handshakes = Throttle(total=100, each=2, window_s=1, now_s=Clock())
    app = Recorder()
    edge = SecurityEdge(app, check=LOOPBACK_CHECK, content_security_policy=POLICY, handshakes=handshakes)
    for _ in range(2):
        assert await run(edge, socket_scope(HOST)) == []
    first, *_ = await run(edge, socket_scope(HOST, extensions=extensions))
    if extensions:
        assert (first["type"], first["status"]) == ("websocket.http.response.start", 429)
        assert values(first, b"retry-after") == [b"1"]
    else:
        assert first == {"type": "websocket.close", "code": 1008}
    assert await run(edge, http_scope(HOST)) != []
    assert len(app.calls) == 3
    assert logged.messages == ["refused a WebSocket from 10.0.0.9: too many new sockets"]


async def test_the_lifespan_passes_untouched() -> None:
    app = Recorder()
    await run(edge_of(app), {"type": "lifespan"})
    assert [scope for scope, _, _ in app.calls] == [{"type": "lifespan"}]


async def test_no_image_is_drawn_for_who_asks_too_often() -> None:
    def draw(_: Scope, refusal: Refusal) -> Response:
        raise AssertionError(refusal)

    drawn = Endpoint(
        "GET", "/x.svg", print, ANYBODY, "An image", refusal=RefusalForm("image/svg+xml", draw, drawn=True)
    )
    table = EndpointTable([EndpointGroup("Images", [drawn])])
    requests = Throttle(total=1, each=1, window_s=1, now_s=Clock())
    edge = SecurityEdge(
        Recorder(), check=LOOPBACK_CHECK, content_security_policy=POLICY, requests=requests, endpoint_of=table.find
    )
    scope = http_scope(HOST, path="/x.svg", client=("10.0.0.9", 0))  # by a proxy, so that it is not held back
    (ok, _), (start, body) = [await run(edge, scope) for _ in range(2)]
    assert (ok["status"], start["status"]) == (200, 429)
    assert json.loads(body["body"])["error"]["message"] == "too many requests; try again in 1 s"
