"""The HTTP API for commands of the server's own user, who are its admin and come by the control socket.

What is answered, and how, is what the same endpoints answer by HTTP: they are asked in the same process.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

from starlette.routing import Router
from starlette.types import ASGIApp, Message, Scope

from vitalcast.access.control import write_head, write_part
from vitalcast.core.stream.grants import OPEN
from vitalcast.core.vocabulary import ErrorCode
from vitalcast.web.edge.endpoint import Endpoint, EndpointTable
from vitalcast.web.edge.errors import error_body
from vitalcast.web.edge.guard import guarded_routes
from vitalcast.web.edge.refusal_log import RefusalLog
from vitalcast.web.edge.refusals import Refusal

logger = logging.getLogger(__name__)

PREFIX: Final = "/api/"
METHODS: Final = ("GET", "POST")
ADDRESS: Final = "the control socket"
UNREAD_S: Final = 60.0  # how long a command may leave its answer unread


class LocalApi:
    """Answers one request at a time of each command, from `endpoints`, under the name of this server."""

    def __init__(self, endpoints: EndpointTable, *, server: Callable[[], str], log: RefusalLog) -> None:
        self._endpoints = endpoints
        self._server = server
        self._log = log
        self._app: ASGIApp | None = None

    async def __call__(
        self, request: Mapping[str, Any], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Answer a request. Raises ValueError where it is none, with what would be one."""
        scope, body = read_request(request)
        exchange = _Exchange(body, reader, writer, self._server())
        try:
            await self._routes()(scope, exchange.receive, exchange.send)
        except (ConnectionError, TimeoutError):  # the command has gone, or does not read
            return
        except Exception:  # a fault of ours, which the command is told instead of an end without a word
            logger.exception("the answer to %s failed", scope["path"])
            await exchange.fail()

    async def answer(self, request: Mapping[str, Any]) -> tuple[int, str, bytes]:
        """Return the whole answer to a request: its status, media type and body. Raises ValueError where it is none."""
        scope, body = read_request(request)
        status, kind, parts = HTTPStatus.INTERNAL_SERVER_ERROR.value, "", list[bytes]()
        sent = False

        async def receive() -> Message:
            nonlocal sent
            if sent:  # whoever waits for the whole answer stays
                await asyncio.Event().wait()
            sent = True
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            nonlocal status, kind
            if message["type"] == "http.response.start":
                status, kind = message["status"], _type_of(message)
            else:
                parts.append(message.get("body", b""))

        await self._routes()(scope, receive, send)
        return status, kind, b"".join(parts)

    def _routes(self) -> ASGIApp:
        """Return what routes, made when it is first needed: most servers are never asked."""
        if self._app is None:
            endpoints = [one for one in self._endpoints.in_order() if one.path.startswith(PREFIX)]
            self._app = Router(guarded_routes(endpoints, authenticator=_Admin(), log=self._log, requests=None))
        return self._app


class _Admin:
    """Lets everybody in, as who may read the folder in which the secret of all tokens is."""

    def judge(self, scope: Scope, _: Endpoint, /) -> Refusal | None:
        scope["state"] |= {"grant": OPEN.grant, "refusal": None, "credential_source": None}
        return None


def read_request(request: Mapping[str, Any]) -> tuple[Scope, bytes]:
    """Return the ASGI scope of a request and its body. Raises ValueError."""
    texts = {name: request.get(name, "") for name in ("method", "path", "query", "accept", "body")}
    if not all(isinstance(text, str) for text in texts.values()):
        raise ValueError("method, path, query, accept and body are strings")
    method, path = texts["method"], texts["path"]
    if method not in METHODS or not path.startswith(PREFIX) or not path.isascii():
        raise ValueError(f"give method, {' or '.join(METHODS)}, and path, such as {PREFIX}v1/history")
    body = texts["body"].encode()
    headers = [
        (b"host", b"localhost"),
        (b"accept", texts["accept"].encode("latin-1", "replace") or b"*/*"),
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
    ]
    scope: Scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "scheme": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode("ascii"),
        "root_path": "",
        "query_string": texts["query"].encode("ascii", "replace"),
        "headers": headers,
        "client": None,
        "server": None,
        "extensions": {},
        "state": {"near": True, "address": ADDRESS, "origin": None},
    }
    return scope, body


def _type_of(start: Message) -> str:
    headers = {key.lower(): value for key, value in start.get("headers", ())}
    kind: bytes = headers.get(b"content-type", b"")
    return kind.decode("latin-1")


class _Exchange:
    """One request and its answer, between ASGI and the control socket."""

    def __init__(self, body: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, server: str) -> None:
        self._body: bytes | None = body
        self._reader = reader
        self._writer = writer
        self._server = server
        self._begun = False

    async def receive(self) -> Message:
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        while await self._reader.read(4096):  # until the command goes
            pass
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._begun = True
            self._writer.write(write_head(self._server, message["status"], _type_of(message)))
            return
        if body := message.get("body", b""):
            self._writer.write(write_part(body))
        if not message.get("more_body", False):
            self._writer.write(write_part(b""))
        async with asyncio.timeout(UNREAD_S):
            await self._writer.drain()

    async def fail(self) -> None:
        """Say that the server has failed, where the answer has not begun; one that has stays incomplete."""
        if not self._begun:
            start = {"type": "http.response.start", "status": HTTPStatus.INTERNAL_SERVER_ERROR, "headers": []}
            await self.send(start)
            body = error_body(ErrorCode.INTERNAL, "the server failed; its log says how")
            await self.send({"type": "http.response.body", "body": body})
