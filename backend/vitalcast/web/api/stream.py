"""`/api/v1/stream`: what a subscription brings, as server-sent events."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import Response

from vitalcast.access.rate_limit import network_of
from vitalcast.core.stream.grants import Caller
from vitalcast.core.vocabulary import ErrorCode, GapReason
from vitalcast.core.wire.messages import Message
from vitalcast.core.wire.sse import EVENT_STREAM, Event, gap_text, retry_text, type_of
from vitalcast.errors import ApiError, ProtocolError, TooManyConnections
from vitalcast.live.connections import RECONNECT_MS
from vitalcast.live.writer import Batch, Writer
from vitalcast.web.api.stream_query import HOST, PARAMETERS, command_of, encoding_of, since_asked
from vitalcast.web.edge.caller import grant_of
from vitalcast.web.edge.endpoint import PANELS, Endpoint, EndpointGroup
from vitalcast.web.edge.errors import api_error
from vitalcast.web.edge.waiting import unless_gone

if TYPE_CHECKING:
    from vitalcast.core.wire.commands import Since
    from vitalcast.live.connection import Connection
    from vitalcast.live.connections import ConnectionManager

REQUEST_BYTES: Final = 65_536  # of a past count as one request more, as long as a small file takes
_RANDOM: Final = random.SystemRandom()
HEADERS: Final = {
    # RFC 9111, 5.2.2.6: no-transform keeps proxies from compressing it, for which they would gather events first.
    "Cache-Control": "no-store, no-transform",
    "X-Accel-Buffering": "no",  # which has nginx pass on at once what comes
}


class Opening(Writer):
    """Gathers what a connection gets before it is known whether there is a stream for it; it takes all.

    `answered` is done with the ack or the error, as a dict, or with None where the connection was closed before.
    """

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.answered: asyncio.Future[dict[str, Any] | None] = asyncio.get_running_loop().create_future()

    @property
    def nbytes(self) -> int:
        return sum(len(one.payload) for one in self.messages)

    def write(self, batch: Batch) -> bool:
        self.messages += batch.messages
        if not self.answered.done():
            answers = (one.payload for one in batch.messages if type_of(one.payload) in (b"ack", b"error"))
            if (answer := next(answers, None)) is not None:
                self.answered.set_result(orjson.loads(answer))
        return True

    def progress(self) -> int:
        return 0

    def close(self, _code: int, _reason: str, last: Batch) -> None:
        self.messages += last.messages
        if not self.answered.done():
            self.answered.set_result(None)


Respond = Callable[["ConnectionManager", "Connection", Opening, dict[str, str]], Response]


class Streams:
    """Begins streams. `respond` makes the response that goes on with a connection after its opening.

    `charge` is told the address of who asked for a long past, and as how many requests more that counts.
    """

    def __init__(
        self,
        manager: ConnectionManager,
        respond: Respond,
        charge: Callable[[str, int], object] = lambda _address, _cost: None,
    ) -> None:
        self._manager = manager
        self._respond = respond
        self._charge = charge

    async def stream(self, request: Request) -> Response:
        """Begin the stream that is asked for, or say why there is none."""
        since = since_asked(request)
        command = orjson.dumps(command_of(request, since)).decode()
        manager, opening, state = self._manager, Opening(), request.scope["state"]
        caller = Caller(grant_of(request), network_of(state["address"]), state["origin"])
        try:
            connection = manager.connect(opening, plain=False, encoding=encoding_of(request), caller=caller)
        except TooManyConnections as error:
            manager.on_refused(caller, str(error))
            raise ApiError(503, ErrorCode.LIMIT, str(error)) from None
        try:
            manager.receive(connection, command)
            if not opening.answered.done():
                await unless_gone(request, opening.answered)
            if cost := opening.nbytes // REQUEST_BYTES:
                self._charge(state["address"], cost)
            self._check(request, opening, since)
        except BaseException:
            manager.disconnect(connection)
            raise
        if request.method == "HEAD":
            manager.disconnect(connection)
            head = Response(None, 200, HEADERS, EVENT_STREAM)
            del head.headers["content-length"]  # which GET has not
            return head
        return self._respond(manager, connection, opening, HEADERS)

    def _check(self, request: Request, opening: Opening, since: Since | None) -> None:
        """Raise ApiError where there is no stream; say what is lost where it cannot go on in the epoch of before."""
        answer = opening.answered.result()
        if answer is None:
            raise ApiError(503, ErrorCode.INTERNAL, "the server is ending; try again in a few seconds")
        if answer["type"] == "error":
            if answer["code"] == ErrorCode.BAD_REQUEST:
                self._check_host(request)
            raise api_error(ProtocolError(answer["code"], answer["message"], temporary=answer["temporary"]))
        opening.messages.insert(0, Event(b"%b\n" % retry_text(_RANDOM.randint(*RECONNECT_MS))))
        # In columns the ack says so. An offset that is ahead is of ticks whose history was put back to an older one.
        begun_anew = since is not None and (answer["epoch"] != since.epoch or answer["offset"] < since.offset)
        if since is not None and begun_anew and encoding_of(request).named:
            opening.messages.insert(1, Event(gap_text(since.offset + 1, None, GapReason.EXPIRED)))

    def _check_host(self, request: Request) -> None:
        """Raise ApiError where it is the source that is not there, which HTTP says by a status of its own."""
        try:
            self._manager.hub.sources.find(HOST.of(request), advised=grant_of(request).within is None)
        except ProtocolError as error:
            raise ApiError(503 if error.temporary else 404, ErrorCode.BAD_REQUEST, error.message) from None


def stream_endpoints(streams: Streams) -> EndpointGroup:
    """Return the address of the stream for programs that speak HTTP alone."""
    return EndpointGroup(
        "Server-sent events",
        (
            Endpoint(
                "GET",
                "/api/v1/stream",
                streams.stream,
                PANELS,
                "Live values, as server-sent events",
                "A subscription as on the WebSocket, to `metrics` or a `panel`, for programs that only read. An event "
                "`metrics` has the values of a tick by the keys of their series, `gap` says which ticks are missing "
                "and why, and `bye` that the server ends the stream. The id of an event is a position: a client that "
                "comes back with it in the header Last-Event-ID gets what it missed, as far as that is kept. A "
                "comment comes where nothing else does for some seconds.",
                parameters=lambda: PARAMETERS,
                answers={
                    200: {"description": "The events.", "content": {EVENT_STREAM: {"schema": {"type": "string"}}}},
                },
                errors={
                    400: "A parameter is unknown or not valid, or the past would be too much at once.",
                    404: "No metric that can exist here has such a name, or there is no such panel or source.",
                    503: "There are too many connections or subscriptions, or the past cannot be read.",
                },
                # No more than a small file, but for a long past: all viewers of a server that was restarted come back
                # at once, and to an EventSource 429 is the end.
                url_token=True,
            ),
        ),
    )
