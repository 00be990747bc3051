"""Reads the tables that somebody looks at, each at the pace of its subscriptions."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable, Mapping

from vitalcast import clocks
from vitalcast.collectors.base import Table, TableQuery, TableRows
from vitalcast.core.metrics.timeline import Timeline
from vitalcast.core.stream.hub import Hub
from vitalcast.core.stream.output import Output
from vitalcast.core.stream.table_group import TableGroup
from vitalcast.core.text import printable
from vitalcast.core.wire.messages import Message
from vitalcast.live.workers import Workers

logger = logging.getLogger(__name__)

IDLE_S = 60.0
PRIME_S = 0.55  # over less, the kernel counts a share of CPU time too coarsely
FAILED_S = 1.0
ROWS_A_TURN = 2000


class TablePoller:
    """One task a table: it sleeps while nobody has subscribed, and scans once for all groups that are due."""

    def __init__(
        self,
        tables: Mapping[str, Table],
        *,
        hub: Hub,
        timeline: Timeline,
        clock_ms: Callable[[], float] = clocks.wall_ms,
        now_s: Callable[[], float] = time.monotonic,
        workers: Workers | None = None,
    ) -> None:
        self._tables = tables
        self._hub = hub
        self._timeline = timeline
        self._clock_ms = clock_ms
        self._now_s = now_s
        self._workers = workers or Workers(name="vitalcast-table")
        self._wakes = {name: asyncio.Event() for name in tables}
        self._tasks: list[asyncio.Task[None]] = []
        self._read_s: dict[str, float] = {}
        self._failures = dict.fromkeys(tables, 0)

    def start(self) -> None:
        self._tasks = [asyncio.create_task(self._run(name, table)) for name, table in self._tables.items()]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        self._workers.close()

    def wake(self) -> None:
        """Have the subscriptions looked at again."""
        for event in self._wakes.values():
            event.set()

    async def _run(self, name: str, table: Table) -> None:
        wake = self._wakes[name]
        loop = asyncio.get_running_loop()
        while True:
            wake.clear()
            groups = [
                group
                for group in self._hub.table_groups()
                if group.key.table == name and group.key.source == self._timeline.id
            ]
            now_s = self._now_s()
            due = [group for group in groups if group.due_s <= now_s]
            if due:
                await self._read(name, table, due)
                continue
            pause_s = min((group.due_s for group in groups), default=now_s) - now_s
            handle = loop.call_later(pause_s, wake.set) if groups else None
            try:
                await wake.wait()
            finally:
                if handle is not None:
                    handle.cancel()

    async def _prime(self, name: str, table: Table, due: list[TableGroup]) -> None:
        """Read once without answering where the last reading is long ago: shares are of the time since it."""
        now_s = self._now_s()
        idle_s = max(IDLE_S, 2 * min(group.interval_ms for group in due) / 1000)
        if now_s - self._read_s.get(name, -math.inf) > idle_s:
            await self._workers.run(lambda: table.read([], now_s))
            await asyncio.sleep(PRIME_S)
        self._read_s[name] = self._now_s()

    async def _read(self, name: str, table: Table, due: list[TableGroup]) -> None:
        queries = [
            TableQuery(key.sort, key.limit, key.descending, key.filter, key.keys, key.fold)
            for key in (group.key for group in due)
        ]
        try:
            await self._prime(name, table, due)
            future = self._workers.run(lambda: table.read(queries, self._now_s()))
            now_ms, now_s = self._clock_ms(), self._now_s()
            for group in due:  # again at a multiple of the interval, or as long from now as that is away
                group.due_s = now_s + (group.interval_ms - now_ms % group.interval_ms) / 1000
            done, _ = await asyncio.wait({future}, timeout=table.deadline_s)
            if not done:
                logger.warning("table %s gave no answer within %g s; waiting for it", name, table.deadline_s)
            answers = await future
            columns = [column.name for column in table.columns]
            await self._answer(int(now_ms), columns, list(zip(due, answers, strict=True)))
        except Exception as error:  # whatever a driver may raise, or fill a cell with, must not end the task
            self._failed(name, error)
            await asyncio.sleep(FAILED_S)
        else:
            self._succeeded(name)

    def _failed(self, name: str, error: Exception) -> None:
        self._failures[name] += 1
        if self._failures[name] == 1:
            why = printable(f"{type(error).__name__}: {error}")
            logger.warning("table %s failed, it is not sent until it works again: %s", name, why)

    def _succeeded(self, name: str) -> None:
        if failures := self._failures[name]:
            self._failures[name] = 0
            logger.warning("table %s works again after %d failures", name, failures)

    async def _answer(self, time_ms: int, columns: list[str], answered: list[tuple[TableGroup, TableRows]]) -> None:
        """Publish the rows of these groups, some thousands a turn of the loop: there may be many groups.

        `time_ms` is when the table began to be read: it may take long, and what is next due be there right after.
        """
        offset = self._timeline.newest.offset
        out: dict[int, list[Message]] = {}
        rows = 0
        for group, answer in answered:
            if group.id not in self._hub.groups:
                continue
            message = group.encode(
                offset,
                time_ms,
                columns,
                list(answer.rows),
                matches=answer.matches,
                total=answer.total,
                folded=answer.folded,
            )
            out[group.id] = [message]
            rows += len(answer.rows)
            if rows >= ROWS_A_TURN:
                self._hub.emit(Output(out))
                out, rows = {}, 0
                await asyncio.sleep(0)
        if out:
            self._hub.emit(Output(out))
