"""The security edge as a unit: whom the gate lets in, what the log says, what the middleware adds and leaves alone."""

from __future__ import annotations

import json
import logging
import re
from typing import Any

import pytest
from pydantic import ValidationError
from starlette.types import Message, Receive, Scope, Send

from vitalcast.access.rate_limit import Throttle
from vitalcast.config.schema import Server
from vitalcast.web.edge.proxies import UNKNOWN_PEER
from vitalcast.web.edge.security import (
    CAUSES_MAX,
    HostOriginCheck,
    Refusal,
    RefusalLog,
    SecurityEdge,
    framed_by,
    own_names,
    shown,
)

POLICY = "default-src 'none'"


# --- the gate ------------------------------------------------------------------------------------------------------

LOOPBACK_GATE = HostOriginCheck(Server())
PUBLISHED = HostOriginCheck(
    Server(
        allowed_hosts=("metrics.example.org", "proxy.example.org:8443", "fd00::1"),
        allowed_origins=("https://wiki.example.org", "http://lab.example.org:3000"),
    )
)
OPEN = HostOriginCheck(Server(host="0.0.0.0", no_auth=True), names=["web-1", "web-1.local"])


def judge(gate: HostOriginCheck, host: str | None, origin: str | None = None, scheme: str = "http") -> int | str | None:
    """Return a refusal's status, the origin that CORS lets read, or None."""
    headers = [(b"accept", b"*/*")]
    headers += [(b"host", host.encode("latin-1"))] if host is not None else []
    headers += [(b"origin", origin.encode("latin-1"))] if origin is not None else []
    verdict = gate.judge(scheme, headers)
    if isinstance(verdict, Refusal):
        return verdict.status
    return None if verdict is None else str(verdict)


@pytest.mark.parametrize(
    ("origin", "site", "refused"),
    [
        ("null", b"same-origin", False),  # a form of our own page, where a policy withholds the referrer
        ("null", b"same-site", True),
        ("null", b"cross-site", True),  # of a sandbox, a file, a data: address
        ("null", b"none", True),
        ("null", None, True),
        ("https://evil.example", b"same-origin", True),  # which no browser says
    ],
)
def test_a_page_without_an_origin_is_ours_only_where_a_browser_says_so(
    origin: str, site: bytes | None, refused: bool
) -> None:
    headers = [(b"host", b"localhost"), (b"origin", origin.encode())]
    headers += [(b"sec-fetch-site", site)] if site is not None else []
    assert isinstance(LOOPBACK_GATE.judge("http", headers), Refusal) == refused


@pytest.mark.parametrize(
    ("origin", "words"),
    [
        ("null", "a frame with sandbox needs allow-same-origin in it, and a file is to be served by HTTP"),
        ("file://", "only origins of http and https can be allowed"),
        ("chrome-extension://abcdefghijklmnop", "only origins of http and https can be allowed"),
        ("https://a.example:99999", "only origins of http and https can be allowed"),
        ("https://wiki.example", "add their origin to server.allowed_origins"),
    ],
)
def test_what_would_help_an_origin_is_said_only_where_the_settings_take_it(origin: str, words: str) -> None:
    verdict = LOOPBACK_GATE.judge("http", [(b"host", b"localhost"), (b"origin", origin.encode())])
    assert isinstance(verdict, Refusal)
    assert verdict.message.endswith(words) or f"{words} " in verdict.message
    advised = "server.allowed_origins" in verdict.message
    try:
        Server(allowed_origins=(origin,))
    except ValidationError:
        assert not advised
    else:
        assert advised


@pytest.mark.parametrize("host", ["localhost", "localhost:8443", "127.0.0.1", "[::1]:8443"])
def test_a_page_whose_tls_a_proxy_takes_off_is_no_other_sites_and_the_advice_lets_it_in(host: str) -> None:
    request = [(b"host", host.encode()), (b"origin", f"https://{host}".encode())]
    verdict = LOOPBACK_GATE.judge("http", request)
    assert isinstance(verdict, Refusal)
    advised = re.search(r"add '(.+)' to server.allowed_hosts$", verdict.message)
    assert advised
    assert HostOriginCheck(Server(allowed_hosts=(advised[1],))).judge("http", request) is None


@pytest.mark.parametrize("host", ["localhost", "localhost:1", "127.0.0.1:8000", "[::1]:8000", "LOCALHOST.", "[0::1]"])
def test_the_loopback_is_always_answered(host: str) -> None:
    for gate in (LOOPBACK_GATE, PUBLISHED, OPEN):
        assert judge(gate, host) is None


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8000",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "evillocalhost",
        "testserver",
        "10.0.0.5",
        "0.0.0.0",
        "[fd00::1]",
        "2130706433",
        "127.1",
        "metrics.example.org",
    ],
)
def test_no_other_host_is_answered_on_the_loopback(host: str) -> None:
    assert judge(LOOPBACK_GATE, host) == 421


@pytest.mark.parametrize("host", ["10.0.0.5", "10.0.0.5:8000", "[fd00::1]", "0.0.0.0", "web-1", "WEB-1.local:8000"])
def test_an_open_address_answers_to_any_ip_address_and_its_own_names(host: str) -> None:
    assert judge(OPEN, host) is None


@pytest.mark.parametrize("host", ["evil.example", "10.0.0.5.evil.example", "web-1.evil.example", "127.1", "0x7f000001"])
def test_an_open_address_answers_to_no_other_name(host: str) -> None:
    assert judge(OPEN, host) == 421


def test_a_configured_name_is_answered() -> None:
    assert judge(PUBLISHED, "metrics.example.org") is None
    assert judge(PUBLISHED, "metrics.example.org:12345") is None
    assert judge(PUBLISHED, "proxy.example.org:8443") is None
    assert judge(PUBLISHED, "[fd00::1]:8000") is None
    assert judge(PUBLISHED, "proxy.example.org") == 421
    assert judge(PUBLISHED, "sub.metrics.example.org") == 421


@pytest.mark.parametrize("host", ["127.0.0.7", "::1", "LocalHost"])
def test_the_bound_host_is_answered(host: str) -> None:
    gate = HostOriginCheck(Server(host=host))
    assert judge(gate, f"[{host}]:8000" if ":" in host else f"{host}:8000") is None


def test_a_bound_name_that_others_can_reach_is_answered() -> None:
    gate = HostOriginCheck(Server(host="metrics.lan", no_auth=True), names=[])
    assert judge(gate, "metrics.lan:8000") is None
    assert judge(gate, "evil.example") == 421


def test_the_host_header_must_be_there_once_and_well_formed() -> None:
    assert judge(OPEN, None) == 400
    assert judge(OPEN, "") == 400
    assert judge(OPEN, "user@127.0.0.1") == 400
    twice = OPEN.judge("http", [(b"host", b"127.0.0.1"), (b"host", b"127.0.0.1")])
    assert isinstance(twice, Refusal)
    assert twice.status == 400


def test_this_machine_is_known_by_its_own_names() -> None:
    names = own_names()
    assert names
    assert all(name == name.lower() and name for name in names)
    assert any(name.endswith(".local") for name in names)


@pytest.mark.parametrize(
    ("host", "origin", "scheme"),
    [
        ("127.0.0.1:8000", "http://127.0.0.1:8000", "http"),
        ("127.0.0.1:8000", "http://127.0.0.1:8000", "ws"),
        ("localhost", "http://localhost", "http"),
        ("localhost:80", "http://localhost", "ws"),
        ("localhost", "http://LOCALHOST:80", "http"),
        ("localhost", "https://localhost", "https"),
        ("localhost:443", "https://localhost", "wss"),
        ("[::1]:8000", "http://[::1]:8000", "ws"),
    ],
)
def test_a_page_of_ours_may_read(host: str, origin: str, scheme: str) -> None:
    assert judge(LOOPBACK_GATE, host, origin, scheme) is None


@pytest.mark.parametrize(
    ("host", "origin", "scheme"),
    [
        ("127.0.0.1:8000", "http://evil.example", "http"),
        ("127.0.0.1:8000", "http://evil.example:8000", "ws"),
        ("127.0.0.1:8000", "http://127.0.0.1:3000", "ws"),  # another program of this machine
        ("127.0.0.1:8000", "http://127.0.0.1", "ws"),
        ("127.0.0.1:8000", "http://localhost:8000", "ws"),
        ("127.0.0.1:8000", "https://127.0.0.1:8000", "ws"),
        ("localhost", "https://localhost", "ws"),
        ("localhost", "http://localhost", "wss"),
        ("127.0.0.1:8000", "null", "http"),
        ("127.0.0.1:8000", "null", "ws"),
        ("127.0.0.1:8000", "", "ws"),
        ("127.0.0.1:8000", "chrome-extension://abcdef", "ws"),
        ("127.0.0.1:8000", "http://127.0.0.1:8000.evil.example", "ws"),
        ("127.0.0.1:8000", "http://evil.example@127.0.0.1:8000", "ws"),
        ("127.0.0.1:8000", "https://wiki.example.org", "ws"),
    ],
)
def test_a_page_of_anybody_else_may_not(host: str, origin: str, scheme: str) -> None:
    assert judge(LOOPBACK_GATE, host, origin, scheme) == 403


def test_two_origins_are_no_origin() -> None:
    host, ours = (b"host", b"localhost"), (b"origin", b"http://localhost")
    verdict = LOOPBACK_GATE.judge("http", [host, ours, ours])
    assert isinstance(verdict, Refusal)
    assert verdict.status == 400


@pytest.mark.parametrize("origin", ["https://wiki.example.org", "https://WIKI.example.org:443"])
@pytest.mark.parametrize("scheme", ["http", "ws"])
def test_a_page_of_a_configured_origin_may_read(origin: str, scheme: str) -> None:
    assert judge(PUBLISHED, "127.0.0.1:8000", origin, scheme) == "https://wiki.example.org"


@pytest.mark.parametrize(
    "origin",
    [
        "http://wiki.example.org",
        "https://wiki.example.org:8443",
        "https://sub.wiki.example.org",
        "https://lab.example.org",
    ],
)
def test_a_configured_origin_is_no_other_scheme_port_or_name(origin: str) -> None:
    assert judge(PUBLISHED, "127.0.0.1:8000", origin) == 403


def test_a_site_that_a_token_names_may_ask_for_as_long_as_there_is_one() -> None:
    sites = {"https://wiki.example.org", "http://lab.example.org:3000"}
    gate = HostOriginCheck(Server(), origins=lambda: frozenset(sites))
    assert judge(gate, "localhost", "https://WIKI.example.org:443", "ws") == "https://wiki.example.org"
    assert judge(gate, "localhost", "http://lab.example.org:3000") == "http://lab.example.org:3000"
    assert judge(gate, "localhost", "http://lab.example.org") == 403
    sites.clear()
    assert judge(gate, "localhost", "https://wiki.example.org") == 403


def test_a_published_name_may_have_a_proxy_that_takes_tls_off() -> None:
    assert judge(PUBLISHED, "metrics.example.org", "https://metrics.example.org", "ws") is None
    assert judge(PUBLISHED, "proxy.example.org:8443", "https://proxy.example.org:8443", "ws") is None
    assert judge(PUBLISHED, "metrics.example.org", "https://metrics.example.org:8443", "ws") == 403
    assert judge(PUBLISHED, "metrics.example.org", "https://proxy.example.org:8443", "ws") == 403


def test_a_foreign_host_is_refused_whatever_its_origin() -> None:
    assert judge(PUBLISHED, "evil.example", "http://evil.example", "ws") == 421
    assert judge(PUBLISHED, "evil.example", "https://wiki.example.org", "ws") == 421


@pytest.mark.parametrize(
    ("host", "origin", "setting"),
    [("evil.example", None, "server.allowed_hosts"), ("localhost", "http://evil.example", "server.allowed_origins")],
)
def test_a_refusal_names_the_setting_that_would_allow_it(host: str, origin: str | None, setting: str) -> None:
    headers = [(b"host", host.encode())] + ([(b"origin", origin.encode())] if origin else [])
    verdict = LOOPBACK_GATE.judge("http", headers)
    assert isinstance(verdict, Refusal)
    assert setting in verdict.message
    assert "evil.example" in verdict.message


def test_a_strangers_text_is_shown_quoted_escaped_and_cut() -> None:
    assert shown("evil.example") == "'evil.example'"
    assert shown("a\r\nb\x1b[31m\xff") == r"'a\r\nb\x1b[31m\xff'"
    assert len(shown("x" * 10_000)) == 100


# --- the log -------------------------------------------------------------------------------------------------------


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.WARNING, "vitalcast.web.edge.security")
    return caplog


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_a_cause_is_logged_once_a_minute_and_the_rest_is_counted(logged: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    log = RefusalLog(now_s=clock)
    for _ in range(3):
        log.add("10.0.0.9", "WebSocket", "no")
    log.add("10.0.0.8", "request", "no")
    assert logged.messages == ["refused a WebSocket from 10.0.0.9: no", "refused a request from 10.0.0.8: no"]
    clock.now_s = 60.0
    log.add("10.0.0.9", "WebSocket", "no")
    assert logged.messages[2:] == [
        "refused 2 more requests in the minute before",
        "refused a WebSocket from 10.0.0.9: no",
    ]


def test_nobody_can_flood_the_log(logged: pytest.LogCaptureFixture) -> None:
    log = RefusalLog(now_s=Clock())
    for number in range(10_000):
        log.add("10.0.0.9", "request", f"host {number}")
    assert len(logged.messages) == CAUSES_MAX


# --- the middleware ------------------------------------------------------------------------------------------------


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


def edge_of(app: Recorder, gate: HostOriginCheck = LOOPBACK_GATE) -> SecurityEdge:
    return SecurityEdge(app, gate=gate, content_security_policy=POLICY, log=RefusalLog(now_s=Clock()))


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
    for gate in (PUBLISHED, LOOPBACK_GATE):
        start, _ = await run(edge_of(Recorder(), gate), http_scope(HOST))
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
    edge = SecurityEdge(
        Recorder(), gate=LOOPBACK_GATE, content_security_policy=POLICY, is_code=lambda path: path.startswith("/static/")
    )
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
    edge = SecurityEdge(app, gate=LOOPBACK_GATE, content_security_policy=POLICY, handshakes=handshakes)
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
