"""The edge: lets in requests by their Host and Origin, and tells browsers what they may do with the answers.

Two attacks are met here. In DNS rebinding a page of `evil.example` makes that name point at this machine, so that the
browser takes our answers for its own: the Host header still says `evil.example`. In cross-site WebSocket hijacking a
page connects across origins, which browsers allow for WebSockets: the Origin header says whose page it is.
"""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Final

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vitalcast.core.origin import DEFAULT_PORTS, Authority, Origin, is_address, parse_authority, parse_origin
from vitalcast.core.protocol import ErrorCode
from vitalcast.settings import Server, is_loopback

logger = logging.getLogger(__name__)

Header = tuple[bytes, bytes]

SHOWN_CHARS_MAX = 100
CAUSES_MAX = 32
CAUSES_WINDOW_S = 60.0
PREFLIGHT_MAX_AGE_S = 600

LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_WEB_SCHEMES: Final = {"ws": "http", "wss": "https"}


def error_body(code: ErrorCode, message: str) -> bytes:
    """Return the JSON of an error answer, in the words of the WebSocket's `error`."""
    return orjson.dumps({"error": {"code": int(code), "message": message}})


def shown(text: str) -> str:
    """Return a stranger's text as it may stand in a log line or an answer: quoted, in ASCII, cut."""
    quoted = ascii(text)
    return quoted if len(quoted) <= SHOWN_CHARS_MAX else quoted[: SHOWN_CHARS_MAX - 1] + "…"


# --- the gate ------------------------------------------------------------------------------------------------------


def own_names() -> frozenset[str]:
    """Return the names under which others on the network find this machine, as far as it knows without asking them."""
    name = socket.gethostname().lower().removesuffix(".")
    short = name.partition(".")[0]
    return frozenset({name, short, f"{short}.local"} - {"", ".local"})


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is turned away: an HTTP status, and a sentence that may be shown to anybody."""

    status: int
    message: str


class Gate:
    """Decides about requests by their Host and Origin headers.

    An address that others can reach answers to any IP address as Host, since rebinding needs a name, and to
    `names`, which are this machine's own.
    """

    def __init__(self, server: Server, *, names: Iterable[str] | None = None) -> None:
        bound = _configured_host(server.host)
        hosts = LOOPBACK | ({bound.host} if bound is not None else set())
        self._any_address = not is_loopback(server.host)
        if self._any_address:
            hosts |= own_names() if names is None else set(names)
        self._hosts = hosts
        self._published = frozenset(filter(None, map(_configured_host, server.allowed_hosts)))
        self._origins = frozenset(filter(None, map(parse_origin, server.allowed_origins)))

    @property
    def knows_foreign_origins(self) -> bool:
        return bool(self._origins)

    def judge(self, scheme: str, headers: Iterable[Header]) -> Refusal | Header | None:
        """Return a refusal, or the CORS header that lets a foreign page read the answer, or None to just answer."""
        hosts, origins = [], []
        for name, value in headers:
            if name == b"host":
                hosts.append(value.decode("latin-1"))
            elif name == b"origin":
                origins.append(value.decode("latin-1"))
        host = self._host(hosts)
        if isinstance(host, Refusal):
            return host
        if not origins:
            return None
        return self._origin(_WEB_SCHEMES.get(scheme, scheme), host, origins)

    def _host(self, hosts: list[str]) -> Authority | Refusal:
        # RFC 9112, 3.2: a server MUST answer 400 where Host is missing, twice there, or malformed.
        if len(hosts) != 1:
            return Refusal(400, f"a request has exactly one Host header, this one has {len(hosts)}")
        host = parse_authority(hosts[0])
        if host is None:
            return Refusal(400, f"the Host header {shown(hosts[0])} is malformed")
        if host.host in self._hosts or self._is_published(host) or (self._any_address and is_address(host.host)):
            return host
        return Refusal(
            421,
            f"this server does not answer to the host {shown(host.host)}; if it should, add it to server.allowed_hosts",
        )

    def _is_published(self, host: Authority) -> bool:
        return host in self._published or Authority(host.host, None) in self._published

    def _origin(self, scheme: str, host: Authority, origins: list[str]) -> Refusal | Header | None:
        if len(origins) > 1:
            return Refusal(400, f"a request has one Origin header at most, this one has {len(origins)}")
        origin = parse_origin(origins[0])
        if origin is not None:
            if origin == Origin(scheme, host.host, host.port or DEFAULT_PORTS.get(scheme, 0)):
                return None
            # A proxy that publishes us takes TLS off and leaves the Host as the browser sent it.
            if self._is_published(host) and origin == Origin("https", host.host, host.port or 443):
                return None
            if origin in self._origins:
                return (b"access-control-allow-origin", origins[0].encode("latin-1"))
        return Refusal(
            403,
            f"pages of {shown(origins[0])} may not read from this server; "
            "if they should, add their origin to server.allowed_origins",
        )


def _configured_host(text: str) -> Authority | None:
    """Return a host as the settings have it, where an IPv6 address may stand without its brackets."""
    return parse_authority(f"[{text}]" if text.count(":") > 1 and not text.startswith("[") else text)


# --- the log -------------------------------------------------------------------------------------------------------


class RefusalLog:
    """Logs every cause of refusals once a minute, and few enough of them that nobody can fill a disk this way."""

    def __init__(self, *, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._causes: set[tuple[str, str]] = set()
        self._until_s = 0.0
        self._held_back = 0

    def add(self, peer: str, what: str, why: str) -> None:
        now_s = self._now_s()
        if now_s >= self._until_s:
            if self._held_back:
                logger.warning("refused %d more requests in the minute before", self._held_back)
            self._causes.clear()
            self._held_back = 0
            self._until_s = now_s + CAUSES_WINDOW_S
        if (peer, why) in self._causes or len(self._causes) >= CAUSES_MAX:
            self._held_back += 1
            return
        self._causes.add((peer, why))
        logger.warning("refused a %s from %s: %s", what, peer, why)


# --- the middleware ------------------------------------------------------------------------------------------------


class SecurityEdge:
    """Wraps an ASGI application: `gate` decides who gets in, and every HTTP answer gets the security headers.

    A header that the answer has already is left alone, so that one page may loosen what it must. A WebSocket that is
    let in costs nothing from here on: its `receive` and `send` are the server's own, and no frame of this class stays.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        gate: Gate,
        content_security_policy: str,
        log: RefusalLog | None = None,
    ) -> None:
        self._app = app
        self._gate = gate
        self._log = log or RefusalLog()
        self._headers: tuple[Header, ...] = (
            (b"content-security-policy", content_security_policy.encode("ascii")),
            (b"x-content-type-options", b"nosniff"),
            (b"referrer-policy", b"no-referrer"),
            (b"x-frame-options", b"SAMEORIGIN"),  # `frame-ancestors 'self'` for browsers that do not know it
            (b"cross-origin-opener-policy", b"same-origin"),
            (b"cross-origin-resource-policy", b"same-origin"),
            (
                b"permissions-policy",
                b"camera=(), geolocation=(), microphone=(), payment=(), usb=()",
            ),
        )
        # Where an answer depends on the Origin, a cache must know it of every answer.
        self._vary: tuple[Header, ...] = ((b"vary", b"Origin"),) if gate.knows_foreign_origins else ()

    # Not a coroutine function, so that no frame of it lies under an open WebSocket.
    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        kind = scope["type"]
        if kind not in ("http", "websocket"):
            return self._app(scope, receive, send)
        verdict = self._gate.judge(scope.get("scheme", "http"), scope["headers"])
        if isinstance(verdict, Refusal):
            return self._refuse(scope, send, verdict)
        if kind == "websocket":
            return self._app(scope, receive, send)
        cors = () if verdict is None else (verdict,)
        if cors and scope["method"] == "OPTIONS" and _has(scope, b"access-control-request-method"):
            return self._answer_preflight(send, cors)
        return self._app(scope, receive, self._with_headers(send, cors))

    def _with_headers(self, send: Send, cors: tuple[Header, ...]) -> Send:
        ours = (*self._headers, *cors)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = message.get("headers", ())
                names = {name.lower() for name, _ in given}
                added = [header for header in ours if header[0] not in names]
                message = {**message, "headers": [*given, *added, *self._vary]}
            await send(message)

        return send_with_headers

    async def _answer_preflight(self, send: Send, cors: tuple[Header, ...]) -> None:
        headers = (
            *cors,
            (b"access-control-allow-methods", b"GET, HEAD"),
            (b"access-control-allow-headers", b"Authorization, Content-Type, Last-Event-ID"),
            (b"access-control-max-age", str(PREFLIGHT_MAX_AGE_S).encode()),
        )
        await _send_http(send, "http", 204, (*headers, *self._headers, *self._vary), b"")

    async def _refuse(self, scope: Scope, send: Send, refusal: Refusal) -> None:
        kind = scope["type"]
        peer = scope["client"][0] if scope.get("client") else "an unknown peer"
        self._log.add(peer, "WebSocket" if kind == "websocket" else "request", refusal.message)
        if kind == "websocket":
            if "websocket.http.response" not in scope.get("extensions", {}):
                await send({"type": "websocket.close", "code": 1008})  # before the accept: the server answers 403
                return
            kind = "websocket.http"
        code = ErrorCode.BAD_REQUEST if refusal.status == 400 else ErrorCode.DENIED
        body = error_body(code, refusal.message)
        headers = (
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
            *self._headers,
            *self._vary,
        )
        await _send_http(send, kind, refusal.status, headers, body)


def _has(scope: Scope, name: bytes) -> bool:
    return any(header == name for header, _ in scope["headers"])


async def _send_http(send: Send, kind: str, status: int, headers: Iterable[Header], body: bytes) -> None:
    await send({"type": f"{kind}.response.start", "status": status, "headers": list(headers)})
    await send({"type": f"{kind}.response.body", "body": body})
