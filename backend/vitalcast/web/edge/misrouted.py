"""What proxies before this server do wrong, found out by what comes through them, and said in words.

One that does not pass Upgrade on turns the opening of a WebSocket into a plain GET, of which a browser tells its page
nothing at all; one that keeps a prefix which `server.root_path` does not name asks for addresses that there are not.
"""

from __future__ import annotations

import re
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

import orjson
from starlette.responses import Response

from vitalcast.core.vocabulary import ErrorCode
from vitalcast.web.edge.addresses import path_of
from vitalcast.web.edge.endpoint import WEBSOCKET

if TYPE_CHECKING:
    from starlette.requests import Request

    from vitalcast.web.edge.refusal_log import RefusalLog

STRIPPED: Final = (
    "a proxy does not forward the headers Upgrade and Connection, which a WebSocket needs; "
    "in nginx, set proxy_http_version 1.1, proxy_set_header Upgrade $http_upgrade and "
    'proxy_set_header Connection "upgrade"'
)
PLAIN: Final = "this address is a WebSocket's; open it with ws:// or wss://"
REMEMBERED_S: Final = 60.0
ADDRESSES_MAX: Final = 256
PREFIX_PARTS_MAX: Final = 4
PREFIX_CHARS_MAX: Final = 255
# What tells that a proxy passed a request on, not all of which every proxy sends.
_FORWARDED: Final = ("via", "forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip")
_PREFIX: Final = re.compile(r"(?:/[^\s?#/\"\\]+)+")


# --- WebSockets without Upgrade ------------------------------------------------------------------------------------


class NoUpgrade:
    """Answers a GET where a WebSocket should be opened, and tells a page whether its own try came here as one."""

    def __init__(self, log: RefusalLog, *, now_s: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._now_s = now_s
        self._stripped: OrderedDict[str, float] = OrderedDict()  # when one came last, by address

    async def answer(self, request: Request) -> Response:
        """Say that this takes an upgrade; `stripped` says that one was asked for and taken off on the way."""
        address = request.scope["state"]["address"]
        if "sec-websocket-key" in request.headers:  # which no proxy takes off with it
            self._remember(address)
            self._log.add(address, "WebSocket", STRIPPED)
        stripped = self._now_s() - self._stripped.get(address, -REMEMBERED_S) < REMEMBERED_S
        message = STRIPPED if stripped else PLAIN
        body = orjson.dumps({"error": {"code": int(ErrorCode.BAD_REQUEST), "message": message}, "stripped": stripped})
        # RFC 9110, 15.5.22: the answer MUST name the protocol.
        headers = {"Upgrade": "websocket", "Connection": "Upgrade", "Cache-Control": "no-store"}
        return Response(body, 426, headers, "application/json")

    def _remember(self, address: str) -> None:
        self._stripped[address] = self._now_s()
        self._stripped.move_to_end(address)
        if len(self._stripped) > ADDRESSES_MAX:
            self._stripped.popitem(last=False)


# --- prefixes ------------------------------------------------------------------------------------------------------


def is_served(request: Request, path: str) -> bool:
    """Say whether there is a route for a path below the root path."""
    return bool(methods_at(request, path))


def methods_at(request: Request, path: str) -> set[str]:
    """Return the methods of a path below the root path."""
    methods = {one.method for one in request.app.endpoints.at(path)} - {WEBSOCKET}
    return methods | {"HEAD"} if "GET" in methods else methods


def unknown_prefix(request: Request) -> str | None:
    """Return what to say where an address would be right without its first parts; None where it would not."""
    path, root = path_of(request.scope), request.scope.get("root_path", "")
    prefix = next((one for one in _prefixes(path) if _leads_on(request, path.removeprefix(one))), None)
    if prefix is None:
        return None
    now = f'; it is "{root}" now' if root else ""
    return f'if a proxy publishes Vitalcast below {prefix}, set server.root_path = "{prefix}"{now}'


def _leads_on(request: Request, path: str) -> bool:
    """Say whether there is a route for a path, or for the one that it is sent on to."""
    return is_served(request, path) or (path.endswith("/") and is_served(request, path.removesuffix("/")))


def _prefixes(path: str) -> Iterator[str]:
    """Yield what may be a prefix of a path, the shortest first: what the setting takes."""
    ends = [at for at, char in enumerate(path[: PREFIX_CHARS_MAX + 1]) if char == "/" and at > 0]
    prefixes = (path[:end] for end in ends[:PREFIX_PARTS_MAX])
    yield from (one for one in prefixes if one.isprintable() and _PREFIX.fullmatch(one))


def came_by_proxy(request: Request) -> bool:
    return any(name in request.headers for name in _FORWARDED)
