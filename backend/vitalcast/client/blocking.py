"""The client without asyncio: the same one, in a thread that has a loop of its own.

So there is one of everything that can go wrong with a line, and it is kept up while the program does something else.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from vitalcast.client import requests
from vitalcast.client.address import LOCAL
from vitalcast.client.asyncio_client import BUFFER, Client, Subscription, Ticks
from vitalcast.client.catalogue import ListedSeries
from vitalcast.client.events import Event
from vitalcast.client.requests import Seconds, taking
from vitalcast.client.result import Result
from vitalcast.client.tables import Rows
from vitalcast.client.threads import LoopThread
from vitalcast.client.ticks import Position, Tick
from vitalcast.errors import ClientError

if TYPE_CHECKING:
    import ssl as tls
    from typing import Self

Item = TypeVar("Item")


class BlockingSubscription(Iterator[Item], Generic[Item]):
    """Items of one stream, for as long as the client is open. It ends with `close`, or when nobody holds it."""

    def __init__(self, client: BlockingClient, thread: LoopThread, stream: Subscription[Item]) -> None:
        self._client = client  # which ends when nobody holds it
        self._thread = thread
        self._stream = stream

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Item:
        """Return the next item, as soon as it comes. Raises RefusedError where the server refused the stream."""
        try:
            return self._thread.call(self._stream.__anext__())
        except StopAsyncIteration:
            raise StopIteration from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """End it. Safe to call again."""
        self._thread.soon(self._stream.close)


class BlockingTicks(BlockingSubscription[Tick]):
    """The ticks of series, or of a panel."""

    _stream: Ticks

    @property
    def position(self) -> Position | None:
        """Where this program stands: give it as `since` to go on from here, even after a restart."""
        return self._stream.position

    @property
    def interval(self) -> float:
        """How often ticks come, in seconds, as the server grants it."""
        return self._stream.interval

    @property
    def matching(self) -> bool:
        """Whether any series is there now."""
        return self._stream.matching

    def update(self, *, interval: Seconds | None = None, range: Seconds | None = None) -> None:  # noqa: A002
        """Ask for another interval, or let another range decide which lines a panel has. Raises RefusedError."""
        self._thread.call(self._stream.update(interval=interval, range=range))


class BlockingClient:
    """One server, for programs without asyncio. All that `Client` says of itself goes for this, too.

    It may be used from several threads. Ctrl-C ends a wait at once. It ends with `close`, or when nobody holds it.
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
    ) -> None:
        self._client = Client(
            url,
            token,
            reconnect=reconnect,
            wait=wait,
            binary=binary,
            buffer=buffer,
            ssl=ssl,
            on_status=on_status,
        )
        self._thread = LoopThread()
        self._left = weakref.finalize(self, self._thread.end_after, self._client.aclose)
        self._left.atexit = False  # the thread ends with the program

    def __enter__(self) -> Self:
        try:
            self._thread.call(self._client.open())
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """End all streams, and close the connection. Safe to call again."""
        self._left.detach()
        with suppress(ClientError):
            self._thread.call(self._client.aclose())
        self._thread.end()

    @taking(requests.subscription)
    def subscribe(self, *metrics: str, **options: Any) -> BlockingTicks:
        async def begin() -> Ticks:
            return self._client.subscribe(*metrics, **options)

        return BlockingTicks(self, self._thread, self._thread.call(begin()))

    @taking(requests.table)
    def table(self, *names: str, **options: Any) -> BlockingSubscription[Rows]:
        async def begin() -> Subscription[Rows]:
            return self._client.table(*names, **options)

        return BlockingSubscription(self, self._thread, self._thread.call(begin()))

    @taking(requests.events)
    def events(self, **options: Any) -> BlockingSubscription[Event]:
        async def begin() -> Subscription[Event]:
            return self._client.events(**options)

        return BlockingSubscription(self, self._thread, self._thread.call(begin()))

    @taking(requests.query)
    def query(self, *metrics: str, **options: Any) -> Result:
        return self._thread.call(self._client.query(*metrics, **options))

    @taking(requests.processes)
    def processes(self, **options: Any) -> Rows:
        return self._thread.call(self._client.processes(**options))

    @taking(requests.catalogue)
    def list(self, *metrics: str, **options: Any) -> Sequence[ListedSeries]:
        return self._thread.call(self._client.list(*metrics, **options))

    @taking(requests.subscription)
    def latest(self, *metrics: str, **options: Any) -> Tick:
        """Return the newest tick, with the options of `subscribe`."""
        return self._thread.call(self._client.latest(*metrics, **options))

    @taking(requests.mark)
    def mark(self, *title: str, **options: Any) -> Event:
        return self._thread.call(self._client.mark(*title, **options))
