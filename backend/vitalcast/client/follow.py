"""Follows series of a server for a sink that shows them, such as a terminal, and tells it how the line stands."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

from vitalcast.client.asyncio_client import Client, Ticks
from vitalcast.client.link import CONNECTED
from vitalcast.client.ticks import Gap, Tick
from vitalcast.core.drawing.clock import stale_after_s

IDLE_S: Final = 0.5

LIVE: Final = "live"  # the status while ticks come
SILENT: Final = "stale: the server is silent"
NONE_YET: Final = "no series match yet; waiting for one"


class Sink(Protocol):
    """Where it goes."""

    def tick(self, tick: Tick) -> None: ...

    def gap(self, gap: Gap) -> None: ...

    def status(self, text: str) -> None:
        """Take news about the connection."""

    def idle(self) -> None:
        """Be told that nothing came for a while."""


def follow(
    url: str,
    sink: Sink,
    *metrics: str,
    options: Mapping[str, Any] | None = None,
    count: int | None = None,
    token: str | None = None,
    monotonic: Callable[[], float] = time.monotonic,
    **client: Any,
) -> None:
    """Feed `sink` until `count` ticks have come, for ever if None; tell it when the server falls silent.

    `options` are those of a subscription, `client` those of a client. Only the first connection must succeed: raises
    ClientError where that does not, and where trying again is useless.
    """
    following = _Following(sink, monotonic)
    one = Client(url, token, on_status=following.line, **client)
    asyncio.run(following.run(one, metrics, options or {}, count))


class _Following:
    def __init__(self, sink: Sink, monotonic: Callable[[], float]) -> None:
        self._sink = sink
        self._monotonic = monotonic
        self._heard_s = monotonic()
        self._status = ""
        self._down = False  # since when the client says why

    async def run(self, client: Client, metrics: Sequence[str], options: Mapping[str, Any], count: int | None) -> None:
        left = count
        async with client:
            ticks = client.subscribe(*metrics, **options)
            while left is None or left > 0:
                try:
                    async with asyncio.timeout(IDLE_S):
                        tick = await anext(ticks)
                except TimeoutError:
                    self._idle(ticks)
                    continue
                self._tick(tick)
                left = None if left is None else left - 1

    def line(self, text: str) -> None:
        self._down = text != CONNECTED
        if self._down:
            self._status = ""
            self._sink.status(text)
        else:
            self._heard_s = self._monotonic()

    def _tick(self, tick: Tick) -> None:
        # By when they come, for the times in them are of a clock that may be set.
        self._heard_s = self._monotonic()
        if not self._down:
            self._turn(LIVE if tick.series else NONE_YET)
        for gap in tick.gaps:
            self._sink.gap(gap)
        self._sink.tick(tick)

    def _idle(self, ticks: Ticks) -> None:
        if not self._down and self._monotonic() - self._heard_s > stale_after_s(ticks.interval):
            self._turn(SILENT)
        self._sink.idle()

    def _turn(self, status: str) -> None:
        if status != self._status:
            self._status = status
            self._sink.status(status)
