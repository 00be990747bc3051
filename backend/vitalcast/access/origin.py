"""Hosts and origins, as the Host and Origin headers write them."""

from __future__ import annotations

import ipaddress
import re
from typing import Final, NamedTuple

DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_AUTHORITY: Final = re.compile(r"(?:\[(?P<v6>[0-9a-f:.]+)\]|(?P<name>[a-z0-9._-]+))(?::(?P<port>[0-9]{0,5}))?")
_ORIGIN: Final = re.compile(r"(?P<scheme>https?)://(?P<authority>.+)")


class Authority(NamedTuple):
    """A host and a port: names in lower case, addresses in their shortest form; the port is None where left out."""

    host: str
    port: int | None


class Origin(NamedTuple):
    """Whose page a request comes from; the port is always set. Its `str` is what browsers write."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}"


def parse_authority(text: str) -> Authority | None:
    """Return what a Host header says, None where it is malformed (RFC 9112, 3.2)."""
    match = _AUTHORITY.fullmatch(text.lower())
    if match is None:
        return None
    port = int(match["port"]) if match["port"] else None
    if port is not None and port > 65535:
        return None
    if match["v6"] is None:
        return Authority(match["name"].removesuffix("."), port)
    try:
        return Authority(str(ipaddress.IPv6Address(match["v6"])), port)
    except ValueError:
        return None


def parse_origin(text: str) -> Origin | None:
    """Return what an Origin header says, None for `null` and whatever else is no web page's (RFC 6454, 7)."""
    match = _ORIGIN.fullmatch(text.lower())
    authority = parse_authority(match["authority"]) if match is not None else None
    if match is None or authority is None:
        return None
    return Origin(match["scheme"], authority.host, authority.port or DEFAULT_PORTS[match["scheme"]])


def is_address(host: str) -> bool:
    """Say whether a host is an IP address and not a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
