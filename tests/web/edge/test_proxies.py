"""What proxies say of a request is believed where the proxy is trusted, and only as far as it can know it."""

from __future__ import annotations

from typing import Any

import pytest

from vitalcast.web.edge.proxies import UNKNOWN_PEER, TrustedProxies, is_proxied, parse_address

PROXIES = TrustedProxies(["127.0.0.1", "10.0.0.0/8", "fd00::/8"])


def scope(peer: str | None, *headers: tuple[str, str], kind: str = "http") -> dict[str, Any]:
    return {
        "type": kind,
        "scheme": "http" if kind == "http" else "ws",
        "client": None if peer is None else (peer, 5000),
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers],
    }


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("127.0.0.1", ["203.0.113.7"], "203.0.113.7"),
        ("127.0.0.1", [], "127.0.0.1"),
        ("127.0.0.1", [""], "127.0.0.1"),
        # What a client writes itself stands before what the first proxy adds.
        ("127.0.0.1", ["198.51.100.1, 203.0.113.7"], "203.0.113.7"),
        ("127.0.0.1", ["198.51.100.1", "203.0.113.7"], "203.0.113.7"),
        ("127.0.0.1", ["198.51.100.1, 203.0.113.7, 10.0.0.2"], "203.0.113.7"),
        ("127.0.0.1", ["10.0.0.9, 10.0.0.2"], "10.0.0.9"),
        ("127.0.0.1", ["198.51.100.1, evil, 10.0.0.2"], "10.0.0.2"),
        ("127.0.0.1", ["unknown"], "127.0.0.1"),
        ("127.0.0.1", ["203.0.113.7:51234"], "203.0.113.7"),
        ("127.0.0.1", ["[2001:db8::7]:443"], "2001:db8::7"),
        ("127.0.0.1", ["2001:db8::7"], "2001:db8::7"),
        ("127.0.0.1", ["::ffff:203.0.113.7"], "203.0.113.7"),
        ("::ffff:127.0.0.1", ["203.0.113.7"], "203.0.113.7"),
        ("fd00::1", ["203.0.113.7"], "203.0.113.7"),
        # Whoever is no proxy of ours may say what they like.
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),
        ("::1", ["198.51.100.1"], "::1"),
        (None, ["198.51.100.1"], UNKNOWN_PEER),
        ("a socket's name", ["198.51.100.1"], "a socket's name"),
    ],
)
def test_the_client_is_the_nearest_that_is_no_proxy_of_ours(
    peer: str | None, forwarded: list[str], client: str
) -> None:
    one = scope(peer, *(("X-Forwarded-For", value) for value in forwarded))
    assert PROXIES.believe(one) == client
    if one["client"] is not None:
        assert one["client"][0] == client


SAYS = (("Host", "127.0.0.1:8000"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "metrics.example.org"))


@pytest.mark.parametrize(("kind", "scheme"), [("http", "https"), ("websocket", "wss")])
def test_a_trusted_proxy_says_how_and_by_which_name_it_was_asked(kind: str, scheme: str) -> None:
    one = scope("10.1.2.3", *SAYS, kind=kind)
    PROXIES.believe(one)
    assert one["scheme"] == scheme
    assert [value for name, value in one["headers"] if name == b"host"] == [b"metrics.example.org"]


@pytest.mark.parametrize("proxies", [PROXIES, TrustedProxies()], ids=["others are trusted", "nobody is"])
def test_nobody_else_does(proxies: TrustedProxies) -> None:
    one = scope("203.0.113.9", *SAYS, ("X-Forwarded-For", "127.0.0.1"))
    before = {**one, "headers": list(one["headers"])}
    assert proxies.believe(one) == "203.0.113.9"
    assert one == before


@pytest.mark.parametrize("protocol", ["", "gopher", "javascript"])
def test_a_scheme_that_is_none_is_left_out(protocol: str) -> None:
    one = scope("127.0.0.1", ("X-Forwarded-Proto", protocol))
    PROXIES.believe(one)
    assert one["scheme"] == "http"


@pytest.mark.parametrize("text", ["", "unknown", "_hidden", "1.2.3", "999.1.1.1", "a" * 10_000, "1.2.3.4:5:6"])
def test_what_is_no_address_is_none(text: str) -> None:
    assert parse_address(text) is None


def test_a_client_that_a_proxy_speaks_for_is_told_from_one_that_connects() -> None:
    proxied = scope("127.0.0.1", ("X-Forwarded-For", "203.0.113.7"))
    assert not is_proxied(proxied)
    PROXIES.believe(proxied)
    assert is_proxied(proxied)
    direct = scope("203.0.113.9", ("X-Forwarded-For", "198.51.100.1"))
    PROXIES.believe(direct)
    assert not is_proxied(direct)
    assert not is_proxied(scope(None))
