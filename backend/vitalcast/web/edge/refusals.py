"""How a request is turned away: why, in which form, and no sooner than it may ask again."""

from __future__ import annotations

import math
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, NamedTuple

from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from vitalcast.core.vocabulary import ErrorCode
from vitalcast.web.edge.errors import error_body
from vitalcast.web.edge.lost import lost_within
from vitalcast.web.edge.proxies import is_proxied

HELD_BACK_S: Final = 1.0
_RANDOM: Final = random.SystemRandom()
TOO_LITTLE: Final = {"WWW-Authenticate": 'Bearer error="insufficient_scope"'}  # RFC 6750, 3.1


class Refusal(NamedTuple):
    """Why a request is turned away: an HTTP status, and a sentence that may be shown to anybody.

    `why` is what the log-in says of the token that was refused. `token_misplaced` says that one was shown where it does
    not belong: to a person who has one, the log-in is the right place.
    """

    status: int
    message: str
    code: ErrorCode = ErrorCode.DENIED
    headers: Mapping[str, str] | None = None
    why: str | None = None
    token_misplaced: bool = False

    def all_headers(self) -> dict[str, str]:
        return {"Cache-Control": "no-store", **(self.headers or {})}


class RefusalForm(NamedTuple):
    """In which form an endpoint says no: the media type, and what makes the response.

    `leads_to_login` says that who has shown no token is sent on to where one is asked for. What is `drawn` takes a
    hundred times as long as JSON, and so is not for those whom the edge refuses.
    """

    media_type: str
    respond: Callable[[Scope, Refusal], Response]
    leads_to_login: bool = False
    drawn: bool = False


def _as_json(_: Scope, refusal: Refusal) -> Response:
    body = error_body(refusal.code, refusal.message)
    return Response(body, refusal.status, refusal.all_headers(), "application/json")


def _as_text(_: Scope, refusal: Refusal) -> Response:
    return PlainTextResponse(f"{refusal.message}\n", refusal.status, refusal.all_headers())


JSON: Final = RefusalForm("application/json", _as_json)
TEXT: Final = RefusalForm("text/plain", _as_text)


def too_many_requests(wait_s: float) -> Refusal:
    return too_many("requests", wait_s)


def too_many(what: str, wait_s: float) -> Refusal:
    after_s = max(1, math.ceil(wait_s))
    return Refusal(
        429,
        f"too many {what}; try again in {after_s} s",
        ErrorCode.RATE_LIMITED,
        {"Retry-After": str(after_s)},
    )


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
    if not is_proxied(scope) and await lost_within(scope, HELD_BACK_S * _RANDOM.uniform(1, 2)):
        return
    await refusal()
