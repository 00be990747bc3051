"""Host and Origin against real servers, as raw bytes: what a browser in an attacker's hands could send, and more."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Iterator

import pytest
from tests.e2e.server import Server, Variant, running
from tests.web.conftest import Answer, exchange
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from vitalcast.config.schema import Settings
from vitalcast.config.server import Access as AccessSettings
from vitalcast.core.vocabulary import Scope
from vitalcast.live.open_access import open_access

ENV = {
    "VITALCAST_SAMPLER__INTERVAL_S": "1",
    "VITALCAST_SERVER__ALLOWED_HOSTS": "metrics.example.org,proxy.example.org:8443",
    "VITALCAST_SERVER__ALLOWED_ORIGINS": "https://wiki.example.org",
}
PATHS = {"http": "/api/v1/latest?metrics=vitalcast.sampler.ticks", "ws": "/ws"}
ACCEPTED = {"http": 200, "ws": 101}
SECURITY_HEADERS = {
    "x-content-type-options",
    "referrer-policy",
    "x-frame-options",
    "content-security-policy",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
    "permissions-policy",
}


@pytest.fixture(scope="module", params=list(Variant), ids=str)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server on the loopback, published under two names to one foreign origin: read only."""
    with running(request.param, ENV) as one:
        yield one


@pytest.fixture(scope="module")
def open_server() -> Iterator[Server]:
    """A server that believes itself to be on an address which others can reach: read only."""
    env = {"VITALCAST_SERVER__HOST": "0.0.0.0", "VITALCAST_SERVER__NO_AUTH": "true"}
    with running(Variant.HYPERCORN, env) as one:
        yield one


def ask(
    server: Server,
    kind: str,
    *headers: str,
    method: str = "GET",
    path: str | None = None,
    body: str = "",
    source: str | None = None,
) -> Answer:
    """Send a request, or a handshake, with these header lines, in which `{port}` is the server's."""
    lines = [
        f"{method} {path or PATHS[kind]} HTTP/1.1",
        *(line.replace("{port}", str(server.port)) for line in headers),
    ]
    if kind == "ws":
        key = base64.b64encode(b"0123456789abcdef").decode()
        lines += ["Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13"]
    else:
        lines += ["Connection: close"]
    return exchange(server.port, "\r\n".join([*lines, "", body]).encode("latin-1"), source=source)


@pytest.mark.parametrize("kind", ["http", "ws"])
@pytest.mark.parametrize(
    "headers",
    [
        ["Host: 127.0.0.1:{port}"],
        ["Host: localhost:{port}"],
        ["Host: [::1]:{port}"],
        ["Host: 127.0.0.1"],
        ["HOST: LocalHost:{port}"],
        ["Host: metrics.example.org"],
        ["Host: 127.0.0.1:{port}", "Origin: http://127.0.0.1:{port}"],
        ["Host: localhost:{port}", "Origin: http://localhost:{port}"],
        ["Host: [::1]:{port}", "Origin: http://[::1]:{port}"],
        ["Host: localhost", "Origin: http://localhost"],
        ["Host: metrics.example.org", "Origin: https://metrics.example.org"],
        ["Host: proxy.example.org:8443", "Origin: https://proxy.example.org:8443"],
        ["Host: 127.0.0.1:{port}", "Origin: https://wiki.example.org"],
        ["Host: metrics.example.org", "Origin: https://wiki.example.org"],
    ],
    ids=" + ".join,
)
def test_who_belongs_here_is_let_in(server: Server, kind: str, headers: list[str]) -> None:
    assert ask(server, kind, *headers).status == ACCEPTED[kind]


@pytest.mark.parametrize("kind", ["http", "ws"])
@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (421, ["Host: evil.example"]),
        (421, ["Host: evil.example:{port}", "Origin: http://evil.example:{port}"]),
        (421, ["Host: localhost.evil.example:{port}"]),
        (421, ["Host: testserver"]),
        (421, ["Host: 0.0.0.0:{port}"]),
        (421, ["Host: 10.0.0.5:{port}"]),
        (421, ["Host: proxy.example.org"]),
        (400, ["Host: evil.example@127.0.0.1:{port}"]),
        (400, ["Host: 127.0.0.1:{port}/evil"]),
        (400, ["Host: 127.0.0.1:99999"]),
        (400, ["Host:"]),
        (400, []),
        (400, ["Host: 127.0.0.1:{port}", "Host: 127.0.0.1:{port}"]),
        (400, ["Host: 127.0.0.1:{port}", "Host: evil.example"]),
        (403, ["Host: 127.0.0.1:{port}", "Origin: http://evil.example"]),
        (403, ["Host: 127.0.0.1:{port}", "Origin: null"]),
        (403, ["Host: 127.0.0.1:{port}", "Origin: http://localhost:{port}"]),
        (403, ["Host: 127.0.0.1:{port}", "Origin: http://127.0.0.1:3000"]),
        (403, ["Host: 127.0.0.1:{port}", "Origin: https://127.0.0.1:{port}"]),
        (403, ["Host: 127.0.0.1:{port}", "Origin: http://wiki.example.org"]),
        (
            403,
            ["Host: 127.0.0.1:{port}", "Origin: http://127.0.0.1:{port}", "Sec-Fetch-Site: same-origin", "Origin: x"],
        ),
        (403, ["Host: 127.0.0.1:{port}", "Origin: http://evil.example", "Sec-Fetch-Site: same-origin"]),
        (403, ["Host: 127.0.0.1:{port}", "Origin: http://evil.example", "X-Forwarded-Host: evil.example"]),
        (421, ["Host: evil.example", "X-Forwarded-Host: 127.0.0.1:{port}"]),
    ],
    ids=lambda value: " + ".join(value) or "no Host" if isinstance(value, list) else str(value),
)
def test_who_does_not_is_refused(server: Server, kind: str, status: int, headers: list[str]) -> None:
    answer = ask(server, kind, *headers)
    if sum(header.startswith("Origin") for header in headers) > 1:
        status = 400
    assert answer.status == status
    assert b"ticks" not in answer.body
    assert answer.all("access-control-allow-origin") == []


@pytest.mark.parametrize("kind", ["http", "ws"])
def test_a_refusal_says_in_a_sentence_what_to_do(server: Server, kind: str) -> None:
    answer = ask(server, kind, "Host: evil.example")
    assert answer.all("content-type") == ["application/json"]
    assert json.loads(answer.body) == {
        "error": {
            "code": 103,
            "message": "this server does not answer to the host 'evil.example'; "
            "if it should, add it to server.allowed_hosts",
        }
    }
    assert {name for name, _ in answer.headers} >= SECURITY_HEADERS


@pytest.mark.parametrize(
    "path", ["/", "/static/client/store.js", "/api/v1/metrics", "/metrics", "/nothing", "/api/no", "/docs"]
)
def test_every_answer_has_each_security_header_once(server: Server, path: str) -> None:
    answer = ask(server, "http", "Host: 127.0.0.1:{port}", path=path)
    for name in SECURITY_HEADERS:
        assert len(answer.all(name)) == 1, name


def test_an_allowed_page_elsewhere_may_read(server: Server) -> None:
    answer = ask(server, "http", "Host: 127.0.0.1:{port}", "Origin: https://wiki.example.org")
    assert answer.all("access-control-allow-origin") == ["https://wiki.example.org"]
    assert "Origin" in answer.all("vary")
    preflight = ask(
        server,
        "http",
        "Host: 127.0.0.1:{port}",
        "Origin: https://wiki.example.org",
        "Access-Control-Request-Method: GET",
        method="OPTIONS",
    )
    assert preflight.status == 204
    assert preflight.all("access-control-allow-origin") == ["https://wiki.example.org"]


@pytest.mark.parametrize("kind", ["http", "ws"])
@pytest.mark.parametrize("host", ["10.1.2.3:8000", "[fd00::5]:8000", "{own}:8000", "{own}.local"])
def test_an_open_server_answers_to_addresses_and_its_own_names(open_server: Server, kind: str, host: str) -> None:
    named = host.replace("{own}", socket.gethostname().partition(".")[0])
    answer = ask(open_server, kind, f"Host: {named}", f"Origin: http://{named}")
    assert answer.status == ACCEPTED[kind]


@pytest.mark.parametrize("kind", ["http", "ws"])
def test_an_open_server_is_still_not_rebound(open_server: Server, kind: str) -> None:
    assert ask(open_server, kind, "Host: evil.example", "Origin: http://evil.example").status == 421
    assert ask(open_server, kind, "Host: 10.1.2.3", "Origin: http://evil.example").status == 403


def test_a_refusal_is_logged_with_its_cause_and_nothing_secret() -> None:
    with running(Variant.FAST) as one:
        for _ in range(3):
            for kind in ("http", "ws"):
                answer = ask(
                    one,
                    kind,
                    "Host: evil.example",
                    "Authorization: Bearer secret",
                    path=f"{PATHS[kind].partition('?')[0]}?token=secret",
                )
                assert answer.status == 421
        ask(one, "http", "Host: 127.0.0.1:{port}", "Origin: http://x\xff\x85" + "y" * 5000)
        one.stop()
        lines = [line for line in one.errors().splitlines() if "refused" in line]
        assert len(lines) == 2, one.errors()
        assert "evil.example" in lines[0]
        assert "only origins of http and https can be allowed" in lines[1]
        assert all(line.isprintable() and len(line) < 300 for line in lines)
        assert "secret" not in one.errors() + one.output()


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, str, str]]:
    """A server that asks for a token, writes all down and lets in few sockets a second; a token of two scopes."""
    folder = str(tmp_path_factory.mktemp("data"))
    access = open_access(Settings(access=AccessSettings(data_dir=folder)))
    view, embed = access.mint(Scope.VIEW)[0], access.mint(Scope.EMBED, panels=["cpu"])[0]
    access.close()
    env = {
        "VITALCAST_ACCESS__DATA_DIR": folder,
        "VITALCAST_SERVER__LOG_LEVEL": "debug",
        "VITALCAST_LIMITS__HANDSHAKES_PER_SECOND_PER_ADDRESS": "4",
        "VITALCAST_LIMITS__HANDSHAKES_PER_SECOND": "1000",
    }
    with running(Variant.FAST, env) as one:
        yield one, view, embed


def test_new_sockets_of_one_address_are_bounded_before_they_are_accepted(asking: tuple[Server, str, str]) -> None:
    server, view, _ = asking
    bearer = f"Authorization: Bearer {view}"
    answers = [ask(server, "ws", "Host: 127.0.0.1:{port}", bearer) for _ in range(40)]
    statuses = [answer.status for answer in answers]
    assert statuses[:4] == [101] * 4
    assert 429 in statuses
    refused = answers[statuses.index(429)]
    assert refused.all("retry-after") == ["1"]
    assert json.loads(refused.body)["error"]["code"] == 111
    assert ask(server, "ws", "Host: 127.0.0.1:{port}", bearer, source="127.0.0.9").status == 101
    assert ask(server, "http", "Host: 127.0.0.1:{port}", bearer).status == 200
    lines = [line for line in server.errors().splitlines() if "too many new sockets" in line]
    assert lines == ["refused a WebSocket from 127.0.0.1: too many new sockets"]


def test_no_token_is_written_down_however_it_comes(asking: tuple[Server, str, str]) -> None:
    server, view, embed = asking
    host = "Host: 127.0.0.1:{port}"
    for name in ("token", "%74oken", "tok%65n"):
        assert ask(server, "http", host, path=f"/badge/cpu.svg?label=x&{name}={embed}&style=flat").status == 200
        assert ask(server, "http", host, path=f"/?{name}={view}").status == 400
        assert ask(server, "ws", host, path=f"/ws?{name}={view}", source="127.0.0.8").status == 400
    for header in (f"Authorization: Bearer {view}", f"Cookie: vitalcast={view}"):
        assert ask(server, "http", host, header).status == 200
        assert ask(server, "ws", host, header, source="127.0.0.7").status == 101
    with connect(
        server.ws_url, subprotocols=[Subprotocol("vitalcast.v1.json")], source_address=("127.0.0.6", 0), proxy=None
    ) as socket_:
        socket_.send(json.dumps({"type": "hello", "token": view}))
        assert json.loads(socket_.recv())["auth"] == "required"
        assert json.loads(socket_.recv())["scope"] == "view"
    form = f"token={view}x"
    head = ["Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(form)}"]
    assert ask(server, "http", host, *head, method="POST", path="/login", body=form).status == 401
    said = server.output() + server.errors()
    assert "GET /badge/cpu.svg?label=x&token=…&style=flat HTTP/1.1" in said
    assert not [token for token in (view, embed) if token in said or token[-20:] in said]
