"""Keeps the history: goes on where the last run ended, writes what is new now and then, and closes it in time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from vitalcast.core.events.event import Event
from vitalcast.core.metrics.model import Frame
from vitalcast.core.metrics.timeline import Timeline
from vitalcast.history.base import History
from vitalcast.history.refill import refill
from vitalcast.live.workers import Workers

logger = logging.getLogger(__name__)

CLOSE_S = 2.0
EVENT_PAUSE_S = 5.0  # after a write, until an event brings the next

T = TypeVar("T")


class Recorder:
    """Records one timeline in a history, with a thread for what may block."""

    def __init__(self, history: History, timeline: Timeline) -> None:
        self.history = history
        self._timeline = timeline
        self._disk = Workers(name="vitalcast-history")
        self._task: asyncio.Task[None] | None = None
        self._noted = asyncio.Event()
        self._resumed: int | None = None
        self.left_ms: int | None = None  # when the newest tick of the run before was, as far as it is known

    async def resume(self) -> int:
        """Go on where an earlier run ended; return the last offset that it may have given out. Once is enough.

        Raises ConfigError where the history cannot be opened.
        """
        if self._resumed is None:
            self._resumed = await self._resume()
        return self._resumed

    async def _resume(self) -> int:
        timeline, history = self._timeline, self.history
        resumed = await self._off_loop(lambda: history.open(epoch=timeline.epoch, interval_ms=timeline.interval_ms))
        timeline.recorded = history.pause_s is not None
        timeline.recorded_before = resumed is not None
        if resumed is None:
            return 0
        self.left_ms = max((int(rows.times_ms[-1]) for rows in resumed.rows if len(rows.times_ms)), default=None)
        refill(resumed, timeline)
        return resumed.offset

    def start(self) -> None:
        """Write from now on what `remember` is given."""
        self._task = asyncio.create_task(self._run())

    def remember(self, timeline: Timeline, frame: Frame) -> None:
        """Take a frame, if it is of the source that is recorded; never waits."""
        if timeline is self._timeline:
            self.history.append(frame)

    def note(self, event: Event) -> None:
        """Take an event, if it is of the source that is recorded; never waits."""
        if event.source == self._timeline.id:
            self.history.append_event(event)
            self._noted.set()

    async def _run(self) -> None:
        while (pause_s := self.history.pause_s) is not None:
            await self._wait(pause_s)
            try:
                await self._off_loop(self.history.flush)
            except Exception:  # a fault of ours must not end the keeping for good
                logger.exception("the history was not flushed")

    async def _wait(self, pause_s: float) -> None:
        """Wait until it is time to write: soon after an event, which is often the last before something breaks."""
        least_s = min(EVENT_PAUSE_S, pause_s)
        await asyncio.sleep(least_s)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._noted.wait(), pause_s - least_s)
        self._noted.clear()

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
