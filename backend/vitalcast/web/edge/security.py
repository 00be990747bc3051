"""The edge: lets in requests by their Host and Origin, and tells browsers what they may do with the answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Final
from urllib.parse import quote

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vitalcast.access.origin import Origin
from vitalcast.access.rate_limit import Throttle
from vitalcast.web.edge.endpoint import Endpoint
from vitalcast.web.edge.host_origin import Header, HostOriginCheck
from vitalcast.web.edge.proxies import TrustedProxies, is_near
from vitalcast.web.edge.refusal_log import RefusalLog
from vitalcast.web.edge.refusals import JSON, Refusal, hold_back, kind_of, refuse, too_many, too_many_requests

PREFLIGHT_MAX_AGE_S: Final = 600


class SecurityEdge:
    """Wraps an ASGI application: `check` decides who gets in, and every HTTP answer gets the security headers.

    `endpoint_of` returns the endpoint that a request is for, in whose form it is refused.

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
        check: HostOriginCheck,
        content_security_policy: str,
        proxies: TrustedProxies | None = None,
        handshakes: Throttle | None = None,
        requests: Throttle | None = None,
        endpoint_of: Callable[[Scope], Endpoint | None] = lambda _: None,
        log: RefusalLog | None = None,
    ) -> None:
        self._app = app
        self._check = check
        self._proxies = proxies or TrustedProxies()
        self._handshakes = handshakes
        self._requests = requests
        self._endpoint_of = endpoint_of
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
        endpoint = self._endpoint_of(scope)
        code = kind == "http" and endpoint is not None and endpoint.public
        verdict = self._check.judge(scope.get("scheme", "http"), scope["headers"], any_origin=code)
        state["origin"] = str(verdict) if isinstance(verdict, Origin) else None
        if isinstance(verdict, Refusal):
            return self._refuse(scope, receive, send, verdict)
        if kind == "websocket":
            wait_s = self._handshakes.take(address) if self._handshakes is not None else 0
            return (
                self._refuse(scope, receive, send, too_many("new sockets", wait_s))
                if wait_s
                else self._app(scope, receive, send)
            )
        cors = _FOR_ALL if code else _for_origin(state["origin"])
        if scope["method"] == "OPTIONS" and (code or verdict) and _has(scope, b"access-control-request-method"):
            return self._answer_preflight(send, cors)
        return self._app(scope, receive, self._with_headers(send, cors))

    def _with_headers(self, send: Send, cors: tuple[Header, ...]) -> Send:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": self._added_to(message.get("headers", ()), cors)}
            await send(message)

        return send_with_headers

    def _added_to(self, given: Iterable[Header], cors: tuple[Header, ...]) -> list[Header]:
        """Return an answer's headers with ours, which do not replace those that it has."""
        given = list(given)
        names = {name.lower() for name, _ in given}
        ours = dict((*self._headers, *cors))
        added = [header for header in ours.items() if header[0] not in names or header[0] == b"vary"]
        return [*(header for header in given if header[1]), *added]

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
        endpoint = self._endpoint_of(scope)
        form = JSON if endpoint is None or endpoint.refusal.drawn else endpoint.refusal
        response = form.respond(scope, refusal)
        response.raw_headers = self._added_to(response.raw_headers, _for_origin(None))
        return refuse(response, scope, receive, send)


# A page that may load code need not say who it is. Of every other answer a cache must know that it may depend on that.
_FOR_ALL: Final = ((b"access-control-allow-origin", b"*"), (b"cross-origin-resource-policy", b"cross-origin"))
_VARY: Final = (b"vary", b"Origin")


def _for_origin(origin: str | None) -> tuple[Header, ...]:
    """Return the headers that let a page of this origin read the answer, and nobody else."""
    return (_VARY,) if origin is None else ((b"access-control-allow-origin", origin.encode("ascii")), _VARY)


def _put_below_root(scope: Scope) -> None:
    """Have the path begin with the root path, as ASGI has it, where a proxy has taken that off."""
    root: str = scope.get("root_path", "")
    path: str = scope["path"]
    if root and path != root and not path.startswith(f"{root}/"):
        scope["path"] = root + path
        if scope.get("raw_path") is not None:
            scope["raw_path"] = quote(root).encode("ascii") + scope["raw_path"]


def _has(scope: Scope, name: bytes) -> bool:
    return any(header == name for header, _ in scope["headers"])
