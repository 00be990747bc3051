"""The edge: lets in requests by their Host and Origin, and tells browsers what they may do with the answers.

Two attacks are met here. In DNS rebinding a page of `evil.example` makes that name point at this machine, so that the
browser takes our answers for its own: the Host header still says `evil.example`. In cross-site WebSocket hijacking a
page connects across origins, which browsers allow for WebSockets: the Origin header says whose page it is.
"""

from __future__ import annotations

import logging
import math
import random
import socket
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Final, NamedTuple
from urllib.parse import quote

import orjson
from starlette._utils import get_route_path
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vitalcast.access.origin import DEFAULT_PORTS, Authority, Origin, is_address, parse_authority, parse_origin
from vitalcast.access.rate_limit import Throttle
from vitalcast.config.schema import Server, is_loopback
from vitalcast.core.text import from_system
from vitalcast.core.vocabulary import ErrorCode
from vitalcast.web.edge.lost import lost_within
from vitalcast.web.edge.proxies import TrustedProxies, is_near, is_proxied

logger = logging.getLogger(__name__)

Header = tuple[bytes, bytes]

SHOWN_CHARS_MAX = 100
CAUSES_MAX = 32
CAUSES_WINDOW_S = 60.0
PREFLIGHT_MAX_AGE_S = 600
HELD_BACK_S = 1.0

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
    name = from_system(socket.gethostname()).lower().removesuffix(".")
    short = name.partition(".")[0]
    return frozenset({name, short, f"{short}.local"} - {"", ".local"})


class Refusal(NamedTuple):
    """Why a request is turned away: an HTTP status, and a sentence that may be shown to anybody."""

    status: int
    message: str
    code: ErrorCode = ErrorCode.DENIED
    headers: Mapping[str, str] | None = None


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
        self._published = frozenset(filter(None, map(_configured_host, server.allowed_hosts)))
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
                400, f"a request has exactly one Host header, this one has {len(hosts)}", ErrorCode.BAD_REQUEST
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
                400, f"a request has one Origin header at most, this one has {len(origins)}", ErrorCode.BAD_REQUEST
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


# --- the log -------------------------------------------------------------------------------------------------------


class RefusalLog:
    """Logs every cause of refusals once a minute, and few enough of them that nobody can fill a disk this way."""

    def __init__(self, *, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._causes: set[tuple[str, str]] = set()
        self._until_s = 0.0
        self._held_back = 0

    def add(self, peer: str, what: str, why: str) -> None:
        why = why.partition("; try again in ")[0]  # when differs each time
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


# --- framing ---------------------------------------------------------------------------------------------------------


def framed_by(policy: str, ancestors: Iterable[str]) -> dict[str, str]:
    """Return the headers of a page with this policy that, besides our own, pages of these sites may frame.

    X-Frame-Options cannot name sites; being empty it is left out.
    """
    sources = " ".join(["frame-ancestors 'self'", *ancestors])
    return {"Content-Security-Policy": policy.replace("frame-ancestors 'self'", sources), "X-Frame-Options": ""}


# --- the middleware --------------------------------------------------------------------------------------------------


class SecurityEdge:
    """Wraps an ASGI application: `gate` decides who gets in, and every HTTP answer gets the security headers.

    A header that the answer has already is left alone, so that one page may loosen what it must, and one that it has
    empty is left out. A WebSocket that is let in costs nothing from here on: its `receive` and `send` are the server's
    own, and no frame of this class stays. What is found out about a request is in `scope["state"]` from here on:
    `address`, which is the client's, `near`, whether this machine connects, and `origin`, which is the other site's
    whose page asks, or None.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        gate: HostOriginCheck,
        content_security_policy: str,
        proxies: TrustedProxies | None = None,
        handshakes: Throttle | None = None,
        requests: Throttle | None = None,
        is_code: Callable[[str], bool] = lambda _: False,
        log: RefusalLog | None = None,
    ) -> None:
        self._app = app
        self._gate = gate
        self._proxies = proxies or TrustedProxies()
        self._handshakes = handshakes
        self._requests = requests
        self._is_code = is_code
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

    # Not a coroutine function, so that no frame of it lies under an open WebSocket.
    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        kind = scope["type"]
        if kind not in ("http", "websocket"):
            return self._app(scope, receive, send)
        _put_below_root(scope)
        state = scope.setdefault("state", {})
        state["near"] = is_near(scope)
        state["address"] = address = self._proxies.believe(scope)
        state["origin"] = None
        if kind == "http" and self._requests is not None and (wait_s := self._requests.take(address)):
            return hold_back(scope, lambda: self._refuse(scope, receive, send, too_many_requests(wait_s)))
        code = kind == "http" and self._is_code(get_route_path(scope))
        verdict = self._gate.judge(scope.get("scheme", "http"), scope["headers"], any_origin=code)
        state["origin"] = str(verdict) if isinstance(verdict, Origin) else None
        if isinstance(verdict, Refusal):
            return self._refuse(scope, receive, send, verdict)
        if kind == "websocket":
            wait_s = self._handshakes.take(address) if self._handshakes is not None else 0
            return (
                self._refuse(scope, receive, send, _too_many("new sockets", wait_s))
                if wait_s
                else self._app(scope, receive, send)
            )
        cors = _FOR_ALL if code else _for_origin(state["origin"])
        if scope["method"] == "OPTIONS" and (code or verdict) and _has(scope, b"access-control-request-method"):
            return self._answer_preflight(send, cors)
        return self._app(scope, receive, self._with_headers(send, cors))

    def _with_headers(self, send: Send, cors: tuple[Header, ...]) -> Send:
        ours = dict((*self._headers, *cors))

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = message.get("headers", ())
                names = {name.lower() for name, _ in given}
                added = [header for header in ours.items() if header[0] not in names or header[0] == b"vary"]
                message = {**message, "headers": [*(header for header in given if header[1]), *added]}
            await send(message)

        return send_with_headers

    async def _answer_preflight(self, send: Send, cors: tuple[Header, ...]) -> None:
        headers = [
            *cors,
            (b"access-control-allow-methods", b"GET, HEAD"),
            (b"access-control-allow-headers", b"Authorization, Last-Event-ID"),
            (b"access-control-max-age", str(PREFLIGHT_MAX_AGE_S).encode()),
        ]
        await send({"type": "http.response.start", "status": 204, "headers": [*headers, *self._headers]})
        await send({"type": "http.response.body", "body": b""})

    def _refuse(self, scope: Scope, receive: Receive, send: Send, refusal: Refusal) -> Awaitable[None]:
        self._log.add(scope["state"]["address"], kind_of(scope), refusal.message)
        headers = {"Cache-Control": "no-store", **(refusal.headers or {})}
        response = Response(error_body(refusal.code, refusal.message), refusal.status, headers, "application/json")
        response.raw_headers += [*_for_origin(None), *self._headers]
        return refuse(response, scope, receive, send)


# A page that may load code need not say who it is. Of every other answer a cache must know that it may depend on that.
_FOR_ALL: Final = ((b"access-control-allow-origin", b"*"), (b"cross-origin-resource-policy", b"cross-origin"))
_VARY: Final = (b"vary", b"Origin")


def _for_origin(origin: str | None) -> tuple[Header, ...]:
    """Return the headers that let a page of this origin read the answer, and nobody else."""
    return (_VARY,) if origin is None else ((b"access-control-allow-origin", origin.encode("ascii")), _VARY)


def too_many_requests(wait_s: float) -> Refusal:
    return _too_many("requests", wait_s)


def _too_many(what: str, wait_s: float) -> Refusal:
    after_s = max(1, math.ceil(wait_s))
    return Refusal(
        429,
        f"too many {what}; try again in {after_s} s",
        ErrorCode.RATE_LIMITED,
        {"Retry-After": str(after_s)},
    )


def _put_below_root(scope: Scope) -> None:
    """Have the path begin with the root path, as ASGI has it, where a proxy has taken that off."""
    root: str = scope.get("root_path", "")
    path: str = scope["path"]
    if root and path != root and not path.startswith(f"{root}/"):
        scope["path"] = root + path
        if scope.get("raw_path") is not None:
            scope["raw_path"] = quote(root).encode("ascii") + scope["raw_path"]


def kind_of(scope: Scope) -> str:
    return "WebSocket" if scope["type"] == "websocket" else "request"


async def refuse(response: Response, scope: Scope, receive: Receive, send: Send) -> None:
    """Send an answer instead of what was asked for, to a WebSocket before it is accepted."""
    if scope["type"] == "websocket" and "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 1008})  # before the accept: the server answers 403
        return
    await response(scope, receive, send)


async def hold_back(scope: Scope, refusal: Callable[[], Awaitable[None]]) -> None:
    """Refuse in a moment: who asks too much gets one refusal a second down each connection, not thousands.

    Not all in the same moment, and nothing where the client has left meanwhile. Not later where a proxy asks for others
    too, who would have to wait for its connections.
    """
    if not is_proxied(scope) and await lost_within(scope, HELD_BACK_S * random.uniform(1, 2)):  # noqa: S311 (jitter)
        return
    await refusal()


def _has(scope: Scope, name: bytes) -> bool:
    return any(header == name for header, _ in scope["headers"])
