"""What reverse proxies say of the requests that they pass on: believed where the settings trust the proxy."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Final

from starlette.types import Scope

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

UNKNOWN_PEER: Final = "an unknown peer"
_SCHEMES: Final = {"http": "ws", "https": "wss"}


def parse_address(text: str) -> Address | None:
    """Return the address of an X-Forwarded-For entry, which may have a port behind it; None for what is none."""
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def is_near(scope: Scope) -> bool:
    """Say whether it is this machine that connects, be it a proxy; what has no address connects by a file."""
    near = parse_address(scope["client"][0]) if scope.get("client") else None
    return near is None or near.is_loopback


def is_proxied(scope: Scope) -> bool:
    """Say whether `TrustedProxies` has put another client into this scope: its port is known to the proxy alone."""
    client = scope.get("client")
    return client is not None and client[1] == 0


class TrustedProxies:
    """Puts into a request's scope what its proxy says: `client`, `scheme` and the Host header."""

    def __init__(self, networks: Iterable[str] = ()) -> None:
        self._networks = tuple(map(ipaddress.ip_network, networks))

    def believe(self, scope: Scope) -> str:
        """Change a scope by what trusted proxies say of it; return the client's address."""
        peer: str = scope["client"][0] if scope.get("client") else UNKNOWN_PEER
        if not self._networks:
            return peer
        near = parse_address(peer)
        if near is None or not self._trusts(near):
            return peer
        address = str(self._client(near, _entries(scope, b"x-forwarded-for")))
        scope["client"] = (address, 0)
        # Of these, each proxy knows only its own side; the nearest says what it makes of the rest.
        protocol = _last(scope, b"x-forwarded-proto").lower()
        if protocol in _SCHEMES:
            scope["scheme"] = protocol if scope["type"] == "http" else _SCHEMES[protocol]
        host = _last(scope, b"x-forwarded-host")
        if host:
            others = [header for header in scope["headers"] if header[0] != b"host"]
            scope["headers"] = [(b"host", host.encode("latin-1")), *others]
        return address

    def trusts(self, peer: str) -> bool:
        """Say whether this is the address of a proxy that is believed."""
        address = parse_address(peer) if self._networks else None
        return address is not None and self._trusts(address)

    def _client(self, near: Address, entries: list[str]) -> Address:
        """Return the nearest address that is not a trusted proxy's: what stands before it anybody can have written."""
        for entry in reversed(entries):
            address = parse_address(entry)
            if address is None:
                break
            near = address
            if not self._trusts(address):
                break
        return near

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self._networks)


def _entries(scope: Scope, name: bytes) -> list[str]:
    """Return what all headers of this name list, in order."""
    values = [value.decode("latin-1") for key, value in scope["headers"] if key == name]
    return [entry.strip() for value in values for entry in value.split(",") if entry.strip()]


def _last(scope: Scope, name: bytes) -> str:
    return next(reversed(_entries(scope, name)), "")
