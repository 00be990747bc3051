"""When tables are read: at the pace of their subscriptions, whatever the clock is set to."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest
from tests.core.machine import Machine
from tests.live.virtual import InlineWorkers, VirtualLoop, run

from vitalcast.collectors.base import Column, Table, TableQuery, TableRows
from vitalcast.core.groups import TableKey
from vitalcast.live.tables import Tables


class Counting(Table):
    name = "processes"
    columns = (Column("pid", "1", "The number of the read."),)

    def __init__(self) -> None:
        self.reads = 0

    def read(self, queries: list[TableQuery], now_s: float) -> list[TableRows]:
        self.reads += 1
        return [TableRows([(self.reads,)], 1, 1) for _ in queries]


@pytest.mark.parametrize("by_s", [0, 3600, -3600, 0.7, -0.7])
def test_a_clock_that_is_set_neither_stops_a_table_nor_hurries_it(by_s: float) -> None:
    async def body(loop: VirtualLoop) -> None:
        machine = Machine()
        machine.tick()
        read_s: list[float] = []
        tables = Tables(
            {"processes": Counting()},
            hub=machine.hub,
            publish=lambda messages: read_s.append(loop.time()),
            clock_ms=loop.wall_ms,
            now_s=loop.time,
            workers=InlineWorkers(),  # type: ignore[arg-type]
        )
        machine.hub.join(TableKey("processes", "pid", 10, 2000))
        tables.start()
        await asyncio.sleep(7)
        loop.wall_offset_s += by_s
        await asyncio.sleep(14)
        await tables.stop()
        assert len(read_s) >= 9
        assert all(later - earlier <= 4 for earlier, later in pairwise(read_s))
        assert all(later - earlier >= 0.5 for earlier, later in pairwise(read_s[1:]))

    run(body)
