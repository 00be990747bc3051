"""Keeps the history: goes on where the last run ended, writes what is new now and then, and closes it in time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TypeVar

from vitalcast.core.metrics.model import Frame
from vitalcast.core.stream.hub import Hub
from vitalcast.history.base import History
from vitalcast.history.refill import refill
from vitalcast.live.workers import Workers

logger = logging.getLogger(__name__)

CLOSE_S = 2.0

T = TypeVar("T")


class Recorder:
    """The one who speaks to a history, in a thread of its own where the history may block."""

    def __init__(self, history: History, hub: Hub) -> None:
        self.history = history
        self._hub = hub
        self._disk = Workers(name="vitalcast-history")
        self._task: asyncio.Task[None] | None = None
        self._resumed: int | None = None

    async def resume(self) -> int:
        """Go on where an earlier run ended; return the last offset that it may have given out. Once is enough.

        Raises ConfigError where the history cannot be opened.
        """
        if self._resumed is None:
            self._resumed = await self._resume()
        return self._resumed

    async def _resume(self) -> int:
        hub, history = self._hub, self.history
        resumed = await self._off_loop(lambda: history.open(epoch=hub.epoch, interval_ms=hub.interval_ms))
        if resumed is None:
            return 0
        hub.epoch = resumed.epoch
        refill(resumed, hub.catalogue, hub.ring)
        return resumed.offset

    def start(self) -> None:
        """Write from now on what `remember` is given."""
        self._task = asyncio.create_task(self._run())

    def remember(self, frame: Frame) -> None:
        """Take a frame; never waits."""
        self.history.append(frame)

    async def _run(self) -> None:
        while (pause_s := self.history.pause_s) is not None:
            await asyncio.sleep(pause_s)
            try:
                await self._off_loop(self.history.flush)
            except Exception:  # a fault of ours must not end the keeping for good
                logger.exception("the history was not flushed")

    async def stop(self) -> None:
        """Write what is left and close, or say that it took too long."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        try:
            async with asyncio.timeout(CLOSE_S):
                await self._off_loop(self.history.close)
        except TimeoutError:
            logger.warning("the history took more than %g s to close; its newest ticks may be lost", CLOSE_S)
        self._disk.close()

    async def _off_loop(self, job: Callable[[], T]) -> T:
        """Run what may block; a history that never does stays here."""
        return job() if self.history.pause_s is None else await self._disk.run(job)
