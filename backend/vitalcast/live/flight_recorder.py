"""The flight recorder: every few seconds it takes down who uses the machine."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Protocol

from vitalcast.core.processes.snapshot import ProcessSnapshot
from vitalcast.core.text import printable
from vitalcast.live.workers import Workers

logger = logging.getLogger(__name__)

DEADLINE_S = 5.0


class Taker(Protocol):
    """What looks at the processes."""

    def take(self, now_s: float, *, max_age_s: float = 0.0) -> tuple[float, ProcessSnapshot | None]:
        """Return when it looked, and what it saw since it last did."""


class FlightRecorder:
    """Gives a snapshot of the processes to each of `taken`, every `interval_s`, and keeps the `newest`.

    Others scan the processes too: it uses their scan where one is young enough, and falls into step with them.
    """

    def __init__(
        self,
        taker: Taker,
        *,
        interval_s: float,
        now_s: Callable[[], float] = time.monotonic,
        workers: Workers | None = None,
    ) -> None:
        self.newest: ProcessSnapshot | None = None
        self.taken: list[Callable[[ProcessSnapshot], None]] = []
        self._taker = taker
        self._interval_s = interval_s
        self._now_s = now_s
        self._workers = workers or Workers(name="vitalcast-flight")
        self._task: asyncio.Task[None] | None = None
        self._failures = 0

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """End it; a thread that hangs is left behind."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._workers.close()

    async def _run(self) -> None:
        while True:
            looked_s = await self._take()
            await asyncio.sleep(max(self._interval_s / 2, looked_s + self._interval_s - self._now_s()))

    async def _take(self) -> float:
        """Take one snapshot and hand it on; return when the processes were looked at."""
        begin_s = self._now_s()
        future = self._workers.run(lambda: self._taker.take(begin_s, max_age_s=self._interval_s / 2))
        done, _ = await asyncio.wait({future}, timeout=DEADLINE_S)
        if not done:
            logger.warning("the processes could not be looked at within %g s; waiting", DEADLINE_S)
        try:
            looked_s, snapshot = await future
            if snapshot is not None:
                self.newest = snapshot
                for taken in self.taken:
                    taken(snapshot)
        except Exception as error:  # whatever a system may raise must not end the recording for good
            self._failed(error)
            return begin_s
        if self._failures:
            logger.warning("processes are recorded again after %d failures", self._failures)
            self._failures = 0
        return looked_s

    def _failed(self, error: Exception) -> None:
        self._failures += 1
        if self._failures == 1:
            why = printable(f"{type(error).__name__}: {error}")
            logger.warning("processes are not recorded until it works again: %s", why)
