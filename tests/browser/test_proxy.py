"""Behind a real reverse proxy, with TLS and below a path: the page, the socket, the log-in, and who is who."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

import pytest
from tests.browser.conftest import SERVER_ENV, OpenPage
from tests.e2e.caddy import FROM, caddy
from tests.e2e.client import PROTOCOL, TIMEOUT_S
from tests.e2e.server import Server, running
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from vitalcast.config.schema import Settings
from vitalcast.config.server import Access as AccessSettings
from vitalcast.core.vocabulary import Scope
from vitalcast.live.open_access import open_access

pytestmark = pytest.mark.asyncio(loop_scope="session")

ENV = SERVER_ENV | {
    "VITALCAST_SERVER__ROOT_PATH": "/below",
    "VITALCAST_SERVER__TRUSTED_PROXIES": FROM,
    "VITALCAST_LIMITS__FAILED_TOKENS_PER_MINUTE_PER_ADDRESS": "3",
}
UNVERIFIED = ssl.create_default_context()
UNVERIFIED.check_hostname = False
UNVERIFIED.verify_mode = ssl.CERT_NONE


class House(NamedTuple):
    """A server, a token of it, and its addresses behind the proxy: one takes the path off, the other leaves it."""

    server: Server
    token: str
    stripped: str
    whole: str


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    server = Server(env=ENV)
    access = open_access(Settings(access=AccessSettings(data_dir=str(server.data_folder))))
    token, _ = access.mint(Scope.VIEW)
    access.close()
    try:
        server.start()
        with caddy(server.port, "handle_path /below/*", "handle") as (stripped, whole):
            yield House(server, token, stripped, whole)
    finally:
        server.close()


class Answer(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: str


def ask(url: str, *, method: str = "GET", body: str | None = None, source: str | None = None, **headers: str) -> Answer:
    """Send a request, from an address of this machine."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    given: Any = {"timeout": TIMEOUT_S, "source_address": (source, 0) if source else None}
    if parts.scheme == "https":
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            parts.hostname, parts.port, context=UNVERIFIED, **given
        )
    else:
        connection = http.client.HTTPConnection(parts.hostname, parts.port, **given)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, f"{parts.path}?{parts.query}" if parts.query else parts.path, body, named)
        answer = connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read().decode())
    finally:
        connection.close()


def refused_addresses(server: Server) -> list[str]:
    """Return from whom requests were refused, in order."""
    lines = [line for line in server.errors().splitlines() if line.startswith("refused a ")]
    return [line.partition(" from ")[2].partition(":")[0] for line in lines]


async def test_a_page_is_logged_in_and_live_behind_the_proxy(house: House, open_page: OpenPage) -> None:
    for base in (house.stripped, house.whole):
        watched = await open_page(f"{base}/below/", charts=False, ignore_https_errors=True)
        page = watched.page
        await page.get_by_label("Token").fill(house.token)
        assert page.url == f"{base}/below/login"
        await page.get_by_role("button", name="Log in").click()
        await watched.state("live")
        assert page.url == f"{base}/below/"
        [cookie] = await page.context.cookies()
        assert (cookie["name"], cookie["path"], cookie["secure"]) == ("vitalcast", "/below", True)
        assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Lax")
        [socket] = watched.sockets
        assert socket.url == f"{base.replace('https', 'wss')}/below/ws"
        assert await watched.violations() == []
        assert watched.errors == []


async def test_redirects_stay_below_the_path(house: House) -> None:
    for base in (house.stripped, house.whole):
        assert ask(f"{base}/below/").headers["Location"] == "login"
        assert ask(f"{base}/below/docs").headers["Location"] == "login?next=%2Fdocs"
        assert ask(f"{base}/below/docs/").headers["Location"] == "../docs"
    assert ask(f"{house.whole}/below").headers["Location"] == "below/"


async def test_a_program_is_served_with_a_token(house: House) -> None:
    bearer = {"Authorization": f"Bearer {house.token}"}
    for base in (house.stripped, house.whole):
        assert ask(f"{base}/below/api/v1/latest").status == 401
        assert json.loads(ask(f"{base}/below/api/v1/latest", **bearer).body)["metrics"]
        async with connect(
            f"{base.replace('https', 'wss')}/below/ws",
            subprotocols=[Subprotocol(PROTOCOL)],
            additional_headers=bearer,
            ssl=UNVERIFIED,
            open_timeout=TIMEOUT_S,
            proxy=None,
        ) as socket:
            assert json.loads(await socket.recv())["type"] == "welcome"


async def test_another_sites_page_is_told_from_ours_by_the_public_address(house: House) -> None:
    login = {"method": "POST", "body": urlencode({"token": house.token}), "source": "127.0.0.8"}
    form = {"Content_Type": "application/x-www-form-urlencoded"}
    port = urlsplit(house.stripped).port
    ours = ask(f"{house.stripped}/below/login", **login, **form, Origin=f"https://localhost:{port}")
    assert ours.status == 303
    for origin in (f"http://localhost:{port}", f"http://127.0.0.1:{house.server.port}", "https://evil.example", "null"):
        theirs = ask(f"{house.stripped}/below/login", **login, **form, Origin=origin)
        assert theirs.status == 403, origin
        assert "Set-Cookie" not in theirs.headers


async def test_wrong_tokens_are_counted_by_the_clients_own_address(house: House) -> None:
    def ask_wrongly(source: str, url: str, **headers: str) -> Answer:
        return ask(f"{url}/below/api/v1/latest", source=source, Authorization="Bearer wrong", **headers)

    def attempt(source: str, url: str, **headers: str) -> int:
        return ask_wrongly(source, url, **headers).status

    # What the client says of itself is not what the proxy says of it.
    spoofed = [attempt("127.0.0.3", house.stripped, X_Forwarded_For=f"9.9.9.{number}") for number in range(4)]
    assert spoofed == [401, 401, 401, 429]
    assert attempt("127.0.0.4", house.stripped) == 401
    late = ask_wrongly("127.0.0.3", house.stripped)
    assert (late.status, json.loads(late.body)["error"]["code"]) == (429, 111)
    assert 0 < int(late.headers["Retry-After"]) <= 20
    right = {"Authorization": f"Bearer {house.token}"}
    for source in ("127.0.0.5", "127.0.0.3"):  # one that was right before is right among wrong ones too
        assert ask(f"{house.stripped}/below/api/v1/latest", source=source, **right).status == 200
    # Nobody but the proxy is believed.
    direct = [attempt("127.0.0.6", house.server.url, X_Forwarded_For=f"9.9.9.{number}") for number in range(4)]
    assert direct == [401, 401, 401, 429]
    seen = refused_addresses(house.server)
    assert {"127.0.0.3", "127.0.0.4", "127.0.0.6"} <= set(seen)
    assert not {one for one in seen if one.startswith("9.") or one == FROM}
    assert house.token not in house.server.errors() + house.server.output()


# --- proxies that are set up wrong ---------------------------------------------------------------------------------


class Misrouted(NamedTuple):
    """A server that knows of no path, behind a proxy that takes Upgrade off, and behind one that keeps a path."""

    server: Server
    stripping: str
    keeping: str


@pytest.fixture(scope="module")
def misrouted() -> Iterator[Misrouted]:
    server = Server(env=SERVER_ENV | {"VITALCAST_SERVER__TRUSTED_PROXIES": FROM})
    try:
        server.start()
        handles = "request_header -Upgrade\n\thandle", "redir /below /below/\n\thandle"
        with caddy(server.port, *handles) as (stripping, keeping):
            yield Misrouted(server, stripping, keeping)
    finally:
        server.close()


async def test_the_page_says_that_a_proxy_passes_no_upgrade_on(misrouted: Misrouted, open_page: OpenPage) -> None:
    watched = await open_page(f"{misrouted.stripping}/", charts=False, ignore_https_errors=True)
    await watched.state("reconnecting")
    await watched.until(
        """(words) => document.querySelector("vital-status .why").textContent.startsWith(words)""",
        "a proxy between here and the server does not forward the headers Upgrade and Connection",
    )
    await watched.holds(lambda: len(watched.sockets) > 2)  # it goes on trying, and the log does not grow with that
    lines = [line for line in misrouted.server.errors().splitlines() if "Upgrade" in line]
    assert len(lines) == 1
    assert lines[0].startswith("refused a WebSocket from 127.0.0.1: a proxy does not forward the headers Upgrade")


async def test_the_page_says_what_lets_it_in_where_nothing_tells_of_the_proxys_tls(open_page: OpenPage) -> None:
    with running(env=SERVER_ENV) as server, caddy(server.port, "handle") as (base,):
        watched = await open_page(f"{base}/", charts=False, ignore_https_errors=True)
        await watched.state("reconnecting")
        await watched.until(
            """(words) => document.querySelector("vital-status .why").textContent.startsWith(words)""",
            f"the server refuses this page: pages of '{base}' may not read from this server, which is asked by HTTP; "
            "if a proxy in front of it serves them, add 'localhost' to server.allowed_hosts",
        )


async def test_a_path_that_the_proxy_keeps_is_named_with_its_setting(misrouted: Misrouted, open_page: OpenPage) -> None:
    hint = 'f a proxy publishes Vitalcast below /below, set server.root_path = "/below"'
    watched = await open_page(f"{misrouted.keeping}/below", charts=False, ignore_https_errors=True)
    assert watched.page.url == f"{misrouted.keeping}/below/"
    assert f"I{hint}." in await watched.page.inner_text("body")
    assert ask(f"{misrouted.keeping}/below/login").status == 404
    lines = [line for line in misrouted.server.errors().splitlines() if "root_path" in line]
    assert lines == [f"refused a request from 127.0.0.1: nothing here; i{hint}"]
