"""Sockets of several sources: each gets its own, and one blocked while its source began anew is made whole."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.core.machine import LOAD, Machine
from tests.live.house import House

from vitalcast.core.metrics.model import Series
from vitalcast.core.metrics.resource import Resource, Source

pytestmark = pytest.mark.usefixtures("each_bus")

DB = Source(Resource("bbbb", "db-1"), "epoch-db", interval_ms=500)
WEB = Source(Resource("cccc", "web-2"), "epoch-web", interval_ms=5000)


class Hall(House):
    """A house whose hub hears of two more sources."""

    def __init__(self) -> None:
        super().__init__()
        self.others = {source.id: Machine(hub=self.machine.hub, source=source) for source in (DB, WEB)}
        self.others["bbbb"].offset = 500
        self.others["cccc"].time_ms -= 3_600_000
        for id_ in self.others:
            self.tick_other(id_)

    def tick_other(self, id_: str, load: float = 1.0) -> None:
        machine = self.others[id_]
        machine.take(machine.frame({Series(LOAD): load}, step_ms=machine.source.interval_ms))

    def restart(self, id_: str, epoch: str) -> None:
        machine = self.others[id_]
        machine.source, machine.offset = replace(machine.source, epoch=epoch), 0


@pytest.fixture
def hall() -> Hall:
    return Hall()


def test_each_socket_gets_what_its_source_says_and_nothing_else(hall: Hall) -> None:
    _, here = hall.subscribed()
    _, there = hall.subscribed(host="db-1")
    both, writer = hall.subscribed(host="cccc")
    hall.ask(both, type="subscribe", stream="t", metrics=["system.load"], host="bbbb")
    writer.messages()
    hall.tick(3.0)
    assert (here.types(), there.types(), writer.types()) == (["data"], [], [])
    hall.tick_other("bbbb", 4.0)
    assert (here.types(), there.types(), writer.types()) == ([], ["data"], ["data"])
    hall.tick_other("cccc", 5.0)
    assert (here.types(), there.types(), writer.types()) == ([], [], ["data"])


def test_a_blocked_socket_is_told_what_it_missed_of_its_own_source(hall: Hall) -> None:
    connection, writer = hall.subscribed(host="db-1")
    writer.stalled = True
    hall.tick_other("bbbb")
    for _ in range(3):
        hall.tick()
        hall.tick_other("bbbb", 7.0)
    writer.messages()
    writer.drain()
    hall.manager.resume(connection)
    gap, data = writer.messages()
    assert (gap["type"], gap["from"], gap["to"], gap["why"]) == ("gap", 503, 504, "slow")
    assert (data["offset"], data["values"]) == (505, [7.0])


@pytest.mark.parametrize("ticks_after", [1, 3])
def test_a_socket_that_was_blocked_while_its_source_began_anew_gets_its_new_epoch(hall: Hall, ticks_after: int) -> None:
    connection, writer = hall.subscribed(host="db-1")
    writer.stalled = True
    for _ in range(3):
        hall.tick_other("bbbb")
    hall.restart("bbbb", "epoch-new")
    for tick in range(ticks_after):
        hall.tick_other("bbbb", 10.0 + tick)
    writer.messages()
    writer.drain()
    hall.manager.resume(connection)
    *gaps, snapshot = writer.messages()
    assert [(gap["from"], gap["to"]) for gap in gaps] == ([(1, 2)] if ticks_after == 3 else [])
    assert (snapshot["type"], snapshot["epoch"], snapshot["offset"]) == ("snapshot", "epoch-new", ticks_after)
    assert snapshot["values"] == [[9.0 + ticks_after]]
    hall.tick_other("bbbb", 20.0)
    [data] = writer.messages()
    assert (data["offset"], data["values"]) == (ticks_after + 1, [20.0])


def test_when_its_source_begins_anew_a_socket_gets_a_snapshot(hall: Hall) -> None:
    _, writer = hall.subscribed(host="db-1")
    hall.restart("bbbb", "epoch-new")
    hall.tick_other("bbbb", 2.0)
    [snapshot] = writer.messages()
    assert (snapshot["type"], snapshot["epoch"], snapshot["values"]) == ("snapshot", "epoch-new", [[2.0]])
