"""Follows series of a server for a sink that shows them, such as a terminal, and tells it how the line stands."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
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
    idle_s: float = IDLE_S,
    monotonic: Callable[[], float] = time.monotonic,
    **internals: Any,
) -> None:
    """Feed `sink` until `count` ticks have come, for ever if None; tell it when the server falls silent.

    `options` are those of a subscription. Only the first connection must succeed: raises ClientError where that does
    not, and where trying again is useless.
    """
    asyncio.run(_Following(sink, monotonic).run(url, metrics, options or {}, count, token, idle_s, internals))


class _Following:
    def __init__(self, sink: Sink, monotonic: Callable[[], float]) -> None:
        self._sink = sink
        self._monotonic = monotonic
        self._heard_s = monotonic()
        self._status = ""
        self._down = False  # since when the client says why

    async def run(
        self,
        url: str,
        metrics: tuple[str, ...],
        options: Mapping[str, Any],
        count: int | None,
        token: str | None,
        idle_s: float,
        internals: Mapping[str, Any],
    ) -> None:
        left = count
        async with Client(url, token, on_status=self._line, **internals) as client:
            ticks = client.subscribe(*metrics, **options)
            while left is None or left > 0:
                try:
                    async with asyncio.timeout(idle_s):
                        tick = await anext(ticks)
                except TimeoutError:
                    self._idle(ticks)
                    continue
                self._tick(tick)
                left = None if left is None else left - 1

    def _line(self, text: str) -> None:
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
