"""Which requests are let in by their Host and Origin headers.

Two attacks are met here. In DNS rebinding a page of `evil.example` makes that name point at this machine, so that the
browser takes our answers for its own: the Host header still says `evil.example`. In cross-site WebSocket hijacking a
page connects across origins, which browsers allow for WebSockets: the Origin header says whose page it is.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from typing import Final
from urllib.parse import urlsplit

from vitalcast.access.origin import DEFAULT_PORTS, Authority, Origin, is_address, parse_authority, parse_origin
from vitalcast.config.loopback import is_loopback
from vitalcast.config.server import Server
from vitalcast.core.text import from_system
from vitalcast.core.vocabulary import ErrorCode
from vitalcast.web.edge.errors import shown
from vitalcast.web.edge.refusals import Refusal

Header = tuple[bytes, bytes]

LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_WEB_SCHEMES: Final = {"ws": "http", "wss": "https"}


def own_names() -> frozenset[str]:
    """Return the names under which others on the network find this machine, as far as it knows without asking them."""
    name = from_system(socket.gethostname()).lower().removesuffix(".")
    short = name.partition(".")[0]
    return frozenset({name, short, f"{short}.local"} - {"", ".local"})


class HostOriginCheck:
    """Decides about requests by their Host and Origin headers.

    An address that others can reach answers to any IP address as Host, since rebinding needs a name, and to
    `names`, which are this machine's own. `origins` returns further sites whose pages may read, as of now.
    """

    def __init__(
        self,
        server: Server,
        *,
        names: Iterable[str] | None = None,
        origins: Callable[[], frozenset[str]] = frozenset,
    ) -> None:
        bound = _configured_host(server.host)
        hosts = LOOPBACK | ({bound.host} if bound is not None else set())
        self._any_address = not is_loopback(server.host)
        if self._any_address:
            hosts |= own_names() if names is None else set(names)
        self._hosts = hosts
        published = (*server.allowed_hosts, urlsplit(server.public_url).netloc)
        self._published = frozenset(filter(None, map(_configured_host, published)))
        self._origins = frozenset(filter(None, map(parse_origin, server.allowed_origins)))
        self._further = origins

    def judge(self, scheme: str, headers: Iterable[Header], *, any_origin: bool = False) -> Refusal | Origin | None:
        """Return a refusal, or the other site whose page may read the answer, or None to just answer.

        With `any_origin` it does not matter whose page asks.
        """
        hosts, origins, own = [], [], False
        for name, value in headers:
            if name == b"host":
                hosts.append(value.decode("latin-1"))
            elif name == b"origin":
                origins.append(value.decode("latin-1"))
            elif name == b"sec-fetch-site":
                own = value == b"same-origin"
        host = self._host(hosts)
        if isinstance(host, Refusal):
            return host
        # A page of ours under `Referrer-Policy: no-referrer` sends forms with `Origin: null` (Fetch, 3.1). That it is
        # ours a browser says beside it, and no page can: one that has no origin is cross-site to everybody.
        if not origins or any_origin or (own and origins == ["null"]):
            return None
        return self._origin(_WEB_SCHEMES.get(scheme, scheme), host, origins)

    def _host(self, hosts: list[str]) -> Authority | Refusal:
        # RFC 9112, 3.2: a server MUST answer 400 where Host is missing, twice there, or malformed.
        if len(hosts) != 1:
            return Refusal(
                400, f"a request has exactly one Host header, this request has {len(hosts)}", ErrorCode.BAD_REQUEST
            )
        host = parse_authority(hosts[0])
        if host is None:
            return Refusal(400, f"the Host header {shown(hosts[0])} is malformed", ErrorCode.BAD_REQUEST)
        if host.host in self._hosts or self._is_published(host) or (self._any_address and is_address(host.host)):
            return host
        return Refusal(
            421,
            f"this server does not answer to the host {shown(host.host)}; if it should, add it to server.allowed_hosts",
        )

    def _is_published(self, host: Authority) -> bool:
        return host in self._published or Authority(host.host, None) in self._published

    def _origin(self, scheme: str, host: Authority, origins: list[str]) -> Refusal | Origin | None:
        if len(origins) > 1:
            return Refusal(
                400, f"a request has at most one Origin header, this request has {len(origins)}", ErrorCode.BAD_REQUEST
            )
        origin = parse_origin(origins[0])
        if origin is not None:
            if origin == Origin(scheme, host.host, host.port or DEFAULT_PORTS.get(scheme, 0)):
                return None
            # A proxy that publishes us takes TLS off and leaves the Host as the browser sent it.
            if self._is_published(host) and origin == Origin("https", host.host, host.port or 443):
                return None
            if origin in self._origins or str(origin) in self._further():
                return origin
            if scheme == "http" and origin.scheme == "https" and origin.host == host.host:
                return Refusal(403, _proxy_words(origins[0], host.host))
        return Refusal(403, _origin_words(origins[0], known=origin is not None))


def _proxy_words(text: str, host: str) -> str:
    """Say why a page is taken for another site's although its host is the one that was asked."""
    return (
        f"pages of {shown(text)} may not read from this server, which is asked by HTTP; if a proxy in front of it "
        f"serves them, add {shown(host)} to server.allowed_hosts"
    )


def _origin_words(text: str, *, known: bool) -> str:
    """Say why a page may not read, and what would help: only what the settings take can be added to them."""
    if text == "null":
        return (
            "a page without an origin may not read from this server, since it could be anybody's; a frame with sandbox "
            "needs allow-same-origin in it, and a file is to be served by HTTP"
        )
    if not known:
        return f"pages of {shown(text)} may not read from this server; only origins of http and https can be allowed"
    return (
        f"pages of {shown(text)} may not read from this server; if they should, add their origin to "
        "server.allowed_origins"
    )


def _configured_host(text: str) -> Authority | None:
    """Return a host as the settings have it, where an IPv6 address may stand without its brackets."""
    return parse_authority(f"[{text}]" if text.count(":") > 1 and not text.startswith("[") else text)
