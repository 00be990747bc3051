"""When tables are read, and how many groups are answered: at their pace whatever the clock is set to, over turns."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import ClassVar

import pytest
from tests.core.machine import Machine
from tests.live.virtual import InlineWorkers, VirtualLoop, run

from vitalcast.collectors.base import Table, TableQuery, TableRows
from vitalcast.core.metrics.table_info import Column
from vitalcast.core.stream.keys import TableKey
from vitalcast.core.stream.output import Output
from vitalcast.core.wire.messages import Message
from vitalcast.live.table_poller import ROWS_A_TURN, TablePoller

pytestmark = pytest.mark.usefixtures("each_bus")

ROWS = 500
GROUPS = 3 * ROWS_A_TURN // ROWS


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
        tables = TablePoller(
            {"processes": Counting()},
            hub=machine.hub,
            timeline=machine.timeline,
            clock_ms=loop.wall_ms,
            now_s=loop.time,
            workers=InlineWorkers(),  # type: ignore[arg-type]
        )
        machine.hub.emitted.append(lambda _messages: read_s.append(loop.time()))
        machine.hub.join(TableKey("machine-1", "processes", "pid", 10, 2000))
        tables.start()
        await asyncio.sleep(7)
        loop.wall_offset_s += by_s
        await asyncio.sleep(14)
        await tables.stop()
        assert len(read_s) >= 9
        assert all(later - earlier <= 4 for earlier, later in pairwise(read_s))
        assert all(later - earlier >= 0.5 for earlier, later in pairwise(read_s[1:]))

    run(body)


class Numbers(Table):
    """As many rows as are wanted."""

    name: ClassVar[str] = "processes"

    def __init__(self) -> None:
        self.columns = (Column("pid", "1", "A number."),)
        self.scans = 0

    def read(self, queries: list[TableQuery], now_s: float) -> list[TableRows]:
        self.scans += 1 if queries else 0
        return [TableRows([(number,) for number in range(query.limit)], query.limit, query.limit) for query in queries]


async def test_many_groups_are_read_at_once_and_answered_over_several_turns() -> None:
    machine = Machine()
    machine.tick()
    for number in range(GROUPS):
        machine.hub.join(TableKey("machine-1", "processes", "pid", ROWS, 3_600_000, filter=str(number)))
    published: list[tuple[int, int]] = []
    turn, done = 0, asyncio.Event()

    def count_turns() -> None:
        nonlocal turn
        turn += 1
        if not done.is_set():
            asyncio.get_running_loop().call_soon(count_turns)

    def publish(out: Output) -> None:
        if not published:
            count_turns()
        published.append((turn, len(out.messages)))
        if sum(groups for _, groups in published) == GROUPS:
            done.set()

    table = Numbers()
    tables = TablePoller({"processes": table}, hub=machine.hub, timeline=machine.timeline)
    machine.hub.emitted.append(publish)
    tables.start()
    try:
        await asyncio.wait_for(done.wait(), 60)
    finally:
        await tables.stop()
    assert table.scans == 1
    assert [groups for _, groups in published] == [ROWS_A_TURN // ROWS] * 3
    assert len({turn for turn, _ in published}) == 3


class Unsendable(Table):
    """Its first answers cannot be sent: a number past what JSON's readers take."""

    name: ClassVar[str] = "processes"
    columns = (Column("pid", "1", "A number."),)

    def __init__(self) -> None:
        self.scans = 0

    def read(self, queries: list[TableQuery], now_s: float) -> list[TableRows]:
        self.scans += 1 if queries else 0
        return [TableRows([(2**64 if self.scans <= 3 else self.scans,)], 1, 1) for _ in queries]


def test_an_answer_that_cannot_be_sent_is_told_once_and_ends_no_table(caplog: pytest.LogCaptureFixture) -> None:
    async def body(loop: VirtualLoop) -> None:
        machine = Machine()
        machine.tick()
        sent: list[Message] = []
        tables = TablePoller(
            {"processes": Unsendable()},
            hub=machine.hub,
            timeline=machine.timeline,
            clock_ms=loop.wall_ms,
            now_s=loop.time,
            workers=InlineWorkers(),  # type: ignore[arg-type]
        )
        machine.hub.emitted.append(lambda out: sent.extend(*out.messages.values()))
        machine.hub.join(TableKey("machine-1", "processes", "pid", 10, 1000))
        tables.start()
        await asyncio.sleep(20)
        await tables.stop()
        assert len(sent) >= 3

    run(body)
    assert [record.getMessage() for record in caplog.records] == [
        "table processes failed, it is not sent until it works again: TypeError: Integer exceeds 64-bit range",
        "table processes works again after 3 failures",
    ]
