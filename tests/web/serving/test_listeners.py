"""Where the server listens: on every address of a name, on one port, and how those are written."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import psutil
import pytest

from vitalcast.config.loopback import is_loopback
from vitalcast.errors import ConfigError
from vitalcast.web.serving import listeners
from vitalcast.web.serving.listeners import bracketed, hosts_of, listen, written

V4, V6 = (socket.AF_INET, ("127.0.0.1", 0)), (socket.AF_INET6, ("::1", 0, 0, 0))
MISSING = (socket.AF_INET, ("192.0.2.1", 0))  # RFC 5737: nobody's


@pytest.fixture
def means(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Have every name stand for these addresses, as /etc/hosts can."""

    def set_to(*addresses: tuple[int, tuple[Any, ...]]) -> None:
        found = [(family, socket.SOCK_STREAM, 6, "", address) for family, address in addresses]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)

    return set_to


@contextmanager
def listening(host: str, port: int = 0) -> Iterator[list[socket.socket]]:
    sockets = listen(host, port)
    try:
        yield sockets
    finally:
        for one in sockets:
            one.close()


def test_all_addresses_of_a_name_are_listened_on_with_one_port(means: Any) -> None:
    means(V6, V4, V4)
    with listening("localhost") as both:
        assert list(hosts_of(both)) == ["[::1]", "127.0.0.1"]
        (port,) = {one.getsockname()[1] for one in both}
        for family, address in (V4, V6):
            with closing(socket.socket(family)) as client:
                client.connect((address[0], port))


def test_only_a_name_that_may_stand_in_an_address_does(monkeypatch: pytest.MonkeyPatch) -> None:
    with listening("0.0.0.0") as everywhere:
        monkeypatch.setattr(socket, "gethostname", lambda: "web-1")
        assert list(hosts_of(everywhere)) == ["127.0.0.1", "web-1"]
        monkeypatch.setattr(socket, "gethostname", lambda: "web\udcff")
        assert list(hosts_of(everywhere)) == ["127.0.0.1"]


def test_a_port_that_is_free_for_one_address_only_is_not_taken(means: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    means(V4, V6)
    with closing(socket.socket(socket.AF_INET6)) as other:
        other.bind(("::1", 0))
        other.listen()
        taken = other.getsockname()[1]
        with pytest.raises(ConfigError, match="is taken by another program"):
            listen("localhost", taken)
        with closing(socket.socket()) as free:  # nothing is left open by the refusal
            free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            free.bind(("127.0.0.1", taken))
        ports = iter([taken, 0])
        plain = listeners._listen_on_all
        monkeypatch.setattr(listeners, "_listen_on_all", lambda addresses, _: plain(addresses, next(ports)))
        with listening("localhost") as both:
            assert {one.getsockname()[1] for one in both} != {taken}


def test_an_address_that_this_machine_does_not_have_is_left_out_where_there_is_another(means: Any) -> None:
    means(MISSING, V4)
    with listening("localhost") as one:
        assert list(hosts_of(one)) == ["127.0.0.1"]
    means(MISSING)
    with pytest.raises(ConfigError, match="is not an address of this machine"):
        listen("localhost", 0)


@pytest.mark.parametrize("host", ["no.such.host.invalid", "x" * 64 + ".example", "a..b", "::1%nowhere"])
def test_what_is_no_address_is_said_by_its_setting(host: str) -> None:
    with pytest.raises(ConfigError) as refused:
        listen(host, 0)
    assert refused.value.key == "server.host"


@pytest.mark.parametrize(
    ("host", "names"),
    [
        ("127.0.0.1", ["127.0.0.1"]),
        ("::1", ["[::1]"]),
        ("0.0.0.0", ["127.0.0.1", socket.gethostname()]),
        ("::", ["[::1]", socket.gethostname()]),
    ],
)
def test_hosts_are_written_as_they_can_be_opened(host: str, names: list[str]) -> None:
    with listening(host) as one:
        assert list(hosts_of(one)) == names


def test_accepted_connections_do_not_wait_for_acknowledgements() -> None:
    with listening("127.0.0.1") as (one,):
        assert one.proto == socket.IPPROTO_TCP  # by which asyncio goes


def test_a_link_local_address_keeps_its_zone() -> None:
    (number, name), *_ = socket.if_nameindex()
    assert written(("fe80::1", 8000, 0, number)) == f"fe80::1%{name}"
    assert written(("fe80::1", 8000, 0, 99_999)) == "fe80::1%99999"
    assert written(("fe80::1%eth0", 8000, 0, number)) == "fe80::1%eth0"
    assert written(("::1", 8000, 0, 0)) == "::1"
    assert bracketed("fe80::1%eth0") == "[fe80::1%25eth0]"


def test_link_local_addresses_of_this_machine_are_listened_on() -> None:
    every = [one.address for interface in psutil.net_if_addrs().values() for one in interface]
    for host in (address for address in every if address.startswith("fe80:")):
        with listening(host) as one:
            assert list(hosts_of(one)) == [f"[{host.replace('%', '%25')}]"]


@pytest.mark.parametrize(
    ("addresses", "near"),
    [
        ((V4,), True),
        ((V4, V6), True),
        ((V4, (socket.AF_INET, ("192.0.2.1", 0))), False),
        (((socket.AF_INET6, ("2001:db8::1", 0, 0, 0)),), False),
        (((socket.AF_INET6, ("fe80::1%eth0", 0, 0, 2)),), False),
    ],
)
def test_localhost_is_as_near_as_all_that_it_stands_for(means: Any, addresses: Any, near: bool) -> None:
    means(*addresses)
    assert is_loopback("localhost") is near
    assert not is_loopback("other.example")
