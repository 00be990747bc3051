"""The client for asyncio: streams and answers of one server, over one WebSocket that comes back by itself."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from vitalcast.client import requests
from vitalcast.client.address import LOCAL, socket_url
from vitalcast.client.api import ApiRequest, HttpAnswer, base_url, json_of
from vitalcast.client.catalogue import ListedSeries, read_catalogue
from vitalcast.client.events import Event, EventStream, read_event
from vitalcast.client.link import Link, connector
from vitalcast.client.mailbox import Latest, Mailbox
from vitalcast.client.protocol import Answer, Changed, Ended, Happening, News, Protocol, Question
from vitalcast.client.reading import Json
from vitalcast.client.requests import Seconds, given, seconds, taking
from vitalcast.client.result import Result, read_result
from vitalcast.client.streams import MetricStream, Stream
from vitalcast.client.tables import Rows, TableStream, read_rows
from vitalcast.client.threads import CLOSED, in_thread, settle
from vitalcast.client.ticks import Position, Tick
from vitalcast.errors import ClientError, UnreachableError

if TYPE_CHECKING:
    import ssl as tls
    from types import TracebackType
    from typing import Self

BUFFER: Final = 256
ANSWER_S: Final = 60.0  # a server answers within its own limits, which are shorter

Item = TypeVar("Item")
AStream = TypeVar("AStream", bound=Stream)

logger = logging.getLogger("vitalcast.client")


class Subscription(AsyncIterator[Item], Generic[Item]):
    """Items of one stream, for as long as the client is open. It ends with `aclose`, or when nobody holds it."""

    def __init__(self, client: Client, stream: Stream, mailbox: Mailbox[Item]) -> None:
        self._client = client
        self._stream = stream
        self._mailbox = mailbox

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Item:
        """Return the next item. Raises RefusedError where the server refused it."""
        if self._mailbox.bare:
            await self._client.open()
        return await self._mailbox.get()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.aclose()

    def __del__(self) -> None:
        with suppress(RuntimeError):  # of a loop that is closed
            self.close()

    def close(self) -> None:
        """End it. Safe to call again."""
        self._client._drop(self._stream)

    async def aclose(self) -> None:
        """End it. Safe to call again."""
        self.close()


class Ticks(Subscription[Tick]):
    """The ticks of series, or of a panel."""

    _stream: MetricStream

    def __init__(self, client: Client, stream: MetricStream, mailbox: Mailbox[Tick]) -> None:
        super().__init__(client, stream, mailbox)
        self._position = stream.position

    async def __anext__(self) -> Tick:
        tick = await super().__anext__()
        self._position = tick.position or self._position
        return tick

    @property
    def position(self) -> Position | None:
        """Where this program stands: give it as `since` to go on from here, even after a restart."""
        return self._position

    @property
    def interval(self) -> float:
        """How often ticks come, in seconds, as the server grants it."""
        return self._stream.interval_s

    @property
    def matching(self) -> bool:
        """Whether any series is there now."""
        return self._stream.matching

    async def update(self, *, interval: Seconds | None = None, range: Seconds | None = None) -> None:  # noqa: A002
        """Ask for another interval, or let another range decide which lines a panel has. Raises RefusedError."""
        changes = given(interval=seconds(interval), range=seconds(range))
        await self._client._change(self._stream, changes)


class Client:
    """One server, whatever it is asked for. A context manager; without that it connects when it is first used.

    `url` is any address of the server. A connection that is lost is made anew, after pauses, and streams go on from
    where they stood; with `reconnect=False` that raises UnreachableError. The first connection must succeed, unless
    `wait`. A stream keeps `buffer` items for a program that is slower; then the server is not read any more, and tells
    by a `Gap` what it could not send. `on_status` is told of the line, in words: `connected`, or why it is not.
    """

    def __init__(
        self,
        url: str = LOCAL,
        token: str | None = None,
        *,
        reconnect: bool = True,
        wait: bool = False,
        binary: bool = True,
        buffer: int = BUFFER,
        ssl: tls.SSLContext | None = None,
        on_status: Callable[[str], None] | None = None,
        make_link: Callable[..., Link] = Link,
    ) -> None:
        self._url = url
        self._token = token
        self._ssl = ssl
        self._buffer = max(1, buffer)
        self._on_status = on_status or logger.info
        self._protocol = Protocol()
        self._boxes: dict[Stream, Mailbox[Any]] = {}
        self._answers: dict[Question, asyncio.Future[Json]] = {}
        self._changes: dict[Stream, list[asyncio.Future[None]]] = {}
        self._link = make_link(
            socket_url(url),
            self._protocol,
            connect=connector(token=token, context=ssl, binary=binary),
            deliver=self._deliver,
            crowded=lambda: any(box.full for box in self._boxes.values()),
            readable=self._readable,
            status=self._on_status,
            reconnect=reconnect,
            wait=wait,
        )
        self._running: asyncio.Task[None] | None = None
        self._closed = False

    async def __aenter__(self) -> Self:
        try:
            await self.open()
        except BaseException:
            await self.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def open(self) -> None:
        """Connect, and return once the server has answered. Raises ClientError where it does not."""
        if self._closed:
            raise ClientError(CLOSED)
        if self._running is not None and self._running.cancelled():
            raise ClientError("the event loop that this client was of has ended; make another")
        if self._running is None:
            self._running = asyncio.create_task(self._link.run())
            self._running.add_done_callback(self._ran)
        if not self._link.stood.is_set():
            standing = asyncio.create_task(self._link.stood.wait())
            try:
                await asyncio.wait((standing, self._running), return_when=asyncio.FIRST_COMPLETED)
            finally:
                standing.cancel()
        if self._running.cancelled():
            raise ClientError(CLOSED)
        if self._running.done():
            self._running.result()  # which raises why there will be no other connection

    async def aclose(self) -> None:
        """End all streams, and close the connection. Safe to call again."""
        self._closed = True
        if self._running is not None and not self._running.done():
            self._running.cancel()
            await asyncio.wait((self._running,))
        self._end(None)

    # --- streams -----------------------------------------------------------------------------------------------------

    @taking(requests.subscription)
    def subscribe(self, *metrics: str, **options: Any) -> Ticks:
        fields, position = requests.subscription(*metrics, **options)
        stream = self._protocol.add(MetricStream, fields, position=position)
        return Ticks(self, stream, self._begun(stream, Mailbox(self._buffer, self._link.stir)))

    @taking(requests.table)
    def table(self, *names: str, **options: Any) -> Subscription[Rows]:
        stream = self._protocol.add(TableStream, requests.table(*names, **options))
        return Subscription(self, stream, self._begun(stream, Latest(self._link.stir)))

    @taking(requests.events)
    def events(self, **options: Any) -> Subscription[Event]:
        stream = self._protocol.add(EventStream, requests.events(**options))
        return Subscription(self, stream, self._begun(stream, Mailbox(self._buffer, self._link.stir)))

    def _begun(self, stream: Stream, mailbox: Mailbox[Item]) -> Mailbox[Item]:
        self._boxes[stream] = mailbox
        if self._closed:
            mailbox.end(ClientError(CLOSED))
        self._link.stir()
        return mailbox

    def _drop(self, stream: Stream) -> None:
        mailbox = self._boxes.pop(stream, None)
        if mailbox is not None:
            mailbox.end()
            self._protocol.remove(stream)
            self._link.stir()

    async def _change(self, stream: Stream, changes: Json) -> None:
        await self.open()
        if self._protocol.change(stream, changes):
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._changes.setdefault(stream, []).append(future)
            self._link.stir()
            await future

    # --- questions ---------------------------------------------------------------------------------------------------

    @taking(requests.query)
    async def query(self, *metrics: str, **options: Any) -> Result:
        ratios = options.get("ratio_to") is not None
        return read_result(await self._ask(requests.query(*metrics, **options)), ratios=ratios)

    @taking(requests.processes)
    async def processes(self, **options: Any) -> Rows:
        return read_rows(await self._ask(requests.processes(**options)))

    @taking(requests.catalogue)
    async def list(self, *metrics: str, **options: Any) -> Sequence[ListedSeries]:
        return read_catalogue(await self._ask(requests.catalogue(*metrics, **options)))

    @taking(requests.subscription)
    async def latest(self, *metrics: str, **options: Any) -> Tick:
        """Return the newest tick, with the options of `subscribe`."""
        async with self.subscribe(*metrics, **options) as ticks:
            return await anext(ticks)

    @taking(requests.mark)
    async def mark(self, *title: str, **options: Any) -> Event:
        request = ApiRequest("/api/v1/events", {}, method="POST", body=requests.mark(*title, **options))
        try:
            async with asyncio.timeout(ANSWER_S):
                return read_event(await in_thread(lambda: self._http(request)))
        except TimeoutError:
            raise UnreachableError(f"{base_url(self._url)}: no answer in time") from None

    def _http(self, request: ApiRequest) -> Json:
        url = base_url(self._url)
        with HttpAnswer(url, request, token=self._token, timeout_s=ANSWER_S, context=self._ssl) as answer:
            return json_of(answer)

    async def _ask(self, fields: Json) -> Json:
        """Return the message that answers. Raises RefusedError."""
        await self.open()
        question = self._protocol.ask(fields)
        future: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        self._answers[question] = future
        self._link.stir()
        try:
            return await future
        finally:
            self._answers.pop(question, None)
            self._protocol.forget(question)

    # --- what the link tells -----------------------------------------------------------------------------------------

    def _readable(self) -> bool:
        """Say whether the line is to be read: while there is room, or somebody waits for what may come."""
        full = [box for box in self._boxes.values() if box.full]
        if not full:
            return True
        if not (self._answers or self._changes or any(box.hungry for box in self._boxes.values())):
            return False
        for box in full:
            box.overflow()
        return True

    def _deliver(self, happening: Happening) -> None:
        match happening:
            case News():
                if (mailbox := self._boxes.get(happening.stream)) is not None:
                    mailbox.put(happening.item)
            case Answer():
                if (future := self._answers.get(happening.question)) is not None:
                    settle(future, happening.message, happening.error)
            case Changed():
                waiting = self._changes.get(happening.stream)
                if waiting:
                    settle(waiting.pop(0), None, happening.error)
                if not waiting:
                    self._changes.pop(happening.stream, None)
            case Ended():
                if (mailbox := self._boxes.pop(happening.stream, None)) is not None:
                    mailbox.end(happening.error)

    def _ran(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            error = task.exception()
            if not isinstance(error, ClientError):
                fault = ClientError(f"a fault in the client: {error!r}")
                fault.__cause__, error = error, fault
            self._end(error)

    def _end(self, error: ClientError | None) -> None:
        for mailbox in self._boxes.values():
            mailbox.end(error)
        closed = error or ClientError("this client was closed before the answer came")
        for future in self._answers.values():
            settle(future, None, closed)
        for futures in self._changes.values():
            for one in futures:
                settle(one, None, closed)
        self._changes.clear()
