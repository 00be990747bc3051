"""Whom the server lets in by Host and Origin."""

from __future__ import annotations

import re

import pytest
from pydantic import ValidationError

from vitalcast.config.server import Server
from vitalcast.web.edge.host_origin import HostOriginCheck, own_names
from vitalcast.web.edge.refusals import Refusal

LOOPBACK = HostOriginCheck(Server())
PUBLISHED = HostOriginCheck(
    Server(
        allowed_hosts=("metrics.example.org", "proxy.example.org:8443", "fd00::1"),
        allowed_origins=("https://wiki.example.org", "http://lab.example.org:3000"),
    )
)
OPEN = HostOriginCheck(Server(host="0.0.0.0", no_auth=True), names=["web-1", "web-1.local"])


def judge(
    check: HostOriginCheck, host: str | None, origin: str | None = None, scheme: str = "http"
) -> int | str | None:
    """Return a refusal's status, the origin that CORS lets read, or None."""
    headers = [(b"accept", b"*/*")]
    headers += [(b"host", host.encode("latin-1"))] if host is not None else []
    headers += [(b"origin", origin.encode("latin-1"))] if origin is not None else []
    verdict = check.judge(scheme, headers)
    if isinstance(verdict, Refusal):
        return verdict.status
    return None if verdict is None else str(verdict)


def test_the_public_address_needs_no_further_setting() -> None:
    check = HostOriginCheck(Server(public_url="https://vitals.example.org/x", root_path="/x"))
    assert judge(check, "vitals.example.org", "https://vitals.example.org") is None
    assert judge(check, "other.example.org") == 421
    assert judge(check, "vitals.example.org", "https://other.example.org") == 403


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
    assert isinstance(LOOPBACK.judge("http", headers), Refusal) == refused


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
    verdict = LOOPBACK.judge("http", [(b"host", b"localhost"), (b"origin", origin.encode())])
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
    verdict = LOOPBACK.judge("http", request)
    assert isinstance(verdict, Refusal)
    advised = re.search(r"add '(.+)' to server.allowed_hosts$", verdict.message)
    assert advised
    assert HostOriginCheck(Server(allowed_hosts=(advised[1],))).judge("http", request) is None


@pytest.mark.parametrize("host", ["localhost", "localhost:1", "127.0.0.1:8000", "[::1]:8000", "LOCALHOST.", "[0::1]"])
def test_the_loopback_is_always_answered(host: str) -> None:
    for check in (LOOPBACK, PUBLISHED, OPEN):
        assert judge(check, host) is None


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
    assert judge(LOOPBACK, host) == 421


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
    check = HostOriginCheck(Server(host=host))
    assert judge(check, f"[{host}]:8000" if ":" in host else f"{host}:8000") is None


def test_a_bound_name_that_others_can_reach_is_answered() -> None:
    check = HostOriginCheck(Server(host="metrics.lan", no_auth=True), names=[])
    assert judge(check, "metrics.lan:8000") is None
    assert judge(check, "evil.example") == 421


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
    assert judge(LOOPBACK, host, origin, scheme) is None


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
    assert judge(LOOPBACK, host, origin, scheme) == 403


def test_two_origins_are_no_origin() -> None:
    host, ours = (b"host", b"localhost"), (b"origin", b"http://localhost")
    verdict = LOOPBACK.judge("http", [host, ours, ours])
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
    check = HostOriginCheck(Server(), origins=lambda: frozenset(sites))
    assert judge(check, "localhost", "https://WIKI.example.org:443", "ws") == "https://wiki.example.org"
    assert judge(check, "localhost", "http://lab.example.org:3000") == "http://lab.example.org:3000"
    assert judge(check, "localhost", "http://lab.example.org") == 403
    sites.clear()
    assert judge(check, "localhost", "https://wiki.example.org") == 403


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
    verdict = LOOPBACK.judge("http", headers)
    assert isinstance(verdict, Refusal)
    assert setting in verdict.message
    assert "evil.example" in verdict.message
