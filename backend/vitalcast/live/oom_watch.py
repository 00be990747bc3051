"""Notes the processes that the kernel kills because memory ran out."""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

from vitalcast.collectors.oom import OomKills, Victim
from vitalcast.core.drawing.format import format_value
from vitalcast.core.events.event import EventKind, Severity
from vitalcast.core.events.kills import KillLedger
from vitalcast.live.event_log import EventLog
from vitalcast.live.workers import Workers

logger = logging.getLogger(__name__)

INTERVAL_S = 2.0
VICTIMS_MAX = 5  # each in an event of its own; more are counted in one


class Reader(Protocol):
    """What reads the kernel, in a thread."""

    def read(self) -> OomKills: ...

    def close(self) -> None: ...


class OomWatch:
    """Asks a reader for kills, again and again."""

    def __init__(
        self, log: EventLog, reader: Reader, *, interval_s: float = INTERVAL_S, workers: Workers | None = None
    ) -> None:
        self._log = log
        self._reader = reader
        self._interval_s = interval_s
        self._ledger = KillLedger()
        self._workers = workers or Workers(name="vitalcast-oom")
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """End it; a thread that hangs is left behind."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._workers.close()
        self._reader.close()

    async def _run(self) -> None:
        failed = False
        while True:
            await asyncio.sleep(self._interval_s)
            try:
                self.note(await self._workers.run(self._reader.read))
                failed = False
            except OSError as error:
                if not failed:
                    logger.warning("processes that the kernel kills are not noted: %s", error.strerror or error)
                failed = True

    def note(self, kills: OomKills) -> None:
        """Note these kills, of which those with an unknown victim wait for the next call: who it was may follow."""
        unknown = self._ledger.take(kills.counted, len(kills.victims))
        for victim in kills.victims[:VICTIMS_MAX]:
            self._killed(victim)
        if more := kills.victims[VICTIMS_MAX:]:
            self._several(len(more), names=[victim.name for victim in more])
        if unknown:
            self._several(unknown, unknown=True)

    def _killed(self, victim: Victim) -> None:
        where = "of its control group" if victim.group else "of the machine"
        self._log.note(
            EventKind.OOM_KILL,
            f"Memory {where} ran out: a process was killed, which had {format_value(victim.memory, 'By')}",
            severity=Severity.CRITICAL,
            names=[victim.name],
            attributes={"process.pid": victim.pid, "memory": victim.memory, "count": 1},
        )

    def _several(self, count: int, *, names: list[str] | None = None, unknown: bool = False) -> None:
        what = "a process was" if count == 1 else f"{count} processes were"
        tail = "; the kernel's log, which says which, cannot be read" if unknown else ""
        self._log.note(
            EventKind.OOM_KILL,
            f"Memory ran out: {what} killed{tail}",
            severity=Severity.CRITICAL,
            names=names or (),
            attributes={"count": count},
        )
