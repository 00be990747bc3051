"""What has come for one stream and waits for who iterates over it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from vitalcast.client.events import Event
from vitalcast.client.ticks import Gap, Tick, follow_lost
from vitalcast.errors import ClientError

Item = TypeVar("Item")


class Mailbox(Generic[Item]):
    """Items in their order, about `most` of them: what one message brings comes whole.

    While it is full the line is not read, so that the server knows. Where something else has to be read meanwhile, the
    oldest go, which the next one tells. `stirred` is called when somebody begins to wait or something was taken.
    """

    def __init__(self, most: int, stirred: Callable[[], None]) -> None:
        self._waiting = 0
        self._most = most
        self._stirred = stirred
        self._items: deque[Item] = deque()
        self._news = asyncio.Event()
        self._ended = False
        self._error: ClientError | None = None
        self._overflowing = False

    @property
    def full(self) -> bool:
        return len(self._items) >= self._most and not self._ended

    @property
    def hungry(self) -> bool:
        """Whether somebody waits, and has nothing to take."""
        return self._waiting > 0 and not self._items

    @property
    def bare(self) -> bool:
        """Whether nothing is there, neither an item nor the end."""
        return not self._items and not self._ended

    def overflow(self) -> None:
        """Let the oldest go for what comes from now on, until there is room."""
        self._overflowing = self.full

    def put(self, item: Item) -> None:
        if self._overflowing and self.full:
            lost = self._items.popleft()
            self._items.append(item)
            self._items[0] = after_lost(lost, self._items[0])
        else:
            self._items.append(item)
        self._news.set()

    def end(self, error: ClientError | None = None) -> None:
        """Let what is there be taken, and then end, with an error if there is one. The first end counts."""
        if not self._ended:
            self._ended, self._error = True, error
            self._news.set()

    async def get(self) -> Item:
        """Return the next item, in time. Raises StopAsyncIteration at the end, or the error that it ended with."""
        while not self._items:
            if self._error is not None:
                raise self._error
            if self._ended:
                raise StopAsyncIteration
            self._news.clear()
            await self._wait()
        return self._take()

    def _take(self) -> Item:
        item = self._items.popleft()
        if not self.full:
            self._overflowing = False
            self._stirred()
        return item

    async def _wait(self) -> None:
        self._waiting += 1
        self._stirred()
        try:
            await self._news.wait()
        finally:
            self._waiting -= 1


class Latest(Mailbox[Item]):
    """Keeps the newest item alone: where each says all, the older ones are of no use."""

    def __init__(self, stirred: Callable[[], None]) -> None:
        super().__init__(2, stirred)

    def put(self, item: Item) -> None:
        self._items.clear()
        super().put(item)


def after_lost(lost: Item, after: Item) -> Item:
    """Return an item as it is to be given where the one before it was let go."""
    if isinstance(after, Tick) and isinstance(lost, Tick):
        follow_lost(lost, after)
    elif isinstance(after, Event):
        return after._replace(gap=Gap(None, None, "slow"))
    return after
