"""The fan-out: who gets what, in how many writes."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator

import pytest
from tests.live.house import House

from vitalcast.core.stream.table_group import TableGroup
from vitalcast.live.writer import Batch, DirectWriter

pytestmark = pytest.mark.usefixtures("each_bus")


def test_equal_subscriptions_get_the_same_bytes_in_one_write(house: House) -> None:
    writers = [house.subscribed()[1] for _ in range(3)]
    seen: list[bytes] = []
    for writer in writers:
        put = writer.write

        def write(batch: Batch, put: Callable[[Batch], bool] = put) -> bool:
            seen.append(batch.joined)
            return put(batch)

        connection = next(one for one in house.manager.active_connections if one.writer is writer)
        connection.write = write
    house.tick(5.0)
    assert len(seen) == 3
    assert seen[0] is seen[1] is seen[2]
    assert [writer.batches for writer in writers] == [1, 1, 1]


def test_all_streams_of_a_socket_that_are_due_go_out_in_one_write(house: House) -> None:
    connection, writer = house.subscribed()
    house.ask(connection, type="subscribe", stream="t", metrics=["system.load"], interval=2)
    writer.messages()
    writer.batches = 0
    house.tick(1.0)
    house.tick(2.0)
    assert writer.batches == 2
    assert sorted(writer.types()) == ["data", "data", "data"]


def test_only_those_get_data_for_whom_it_is_due(house: House) -> None:
    _, fast = house.subscribed()
    _, slow = house.subscribed(interval=5)
    for _ in range(10):
        house.tick()
    assert (len(fast.messages()), len(slow.messages())) == (10, 2)


def test_demand_is_announced_when_subscriptions_change(house: House) -> None:
    connection, _ = house.subscribed(interval=0.1)
    assert house.demands
    assert house.machine.hub.tick_ms("machine-1") == 100
    before = house.demands
    house.manager.disconnect(connection)
    assert house.demands > before
    assert house.machine.hub.tick_ms("machine-1") == 1000


def test_quiet_protocol_sockets_get_a_heartbeat_every_ten_seconds(house: House) -> None:
    _, idle = house.open()
    _, plain = house.open(plain=True)
    _, busy = house.subscribed()
    for writer in (idle, plain):
        writer.messages()
    beats = []
    for second in range(1, 31):
        house.tick()
        house.manager.sweep()
        beats += [(second, kind) for kind in idle.types()]
    assert beats == [(10, "heartbeat"), (20, "heartbeat"), (30, "heartbeat")]
    assert set(busy.types()) == {"data"}
    assert set(plain.types()) == {"metrics"}


def test_a_slow_stream_has_heartbeats_between_its_data(house: House) -> None:
    _, writer = house.subscribed(interval=60)
    for _ in range(60):
        house.tick()
        house.manager.sweep()
    kinds = writer.types()
    assert kinds.count("data") == 1
    assert 4 <= kinds.count("heartbeat") <= 5


def test_rows_go_to_those_who_look_at_the_table(house: House) -> None:
    connection, writer = house.open()
    house.ask(connection, type="table", stream="top", table="processes")
    writer.messages()
    [group_id] = connection.session.group_ids
    group = house.machine.hub.groups[group_id]
    assert isinstance(group, TableGroup)
    house.machine.hub.emit({group_id: [group.encode(1, 5, ["pid", "cpu"], [(1, 0.5)], matches=7, total=9)]})
    [rows] = writer.messages()
    assert (rows["type"], rows["columns"], rows["rows"]) == ("rows", ["pid", "cpu"], [[1, 0.5]])
    assert (rows["matches"], rows["total"]) == (7, 9)


class Pipe(DirectWriter):
    """A writer over a real descriptor, whose overflow may be taken at once, as a client that has just read would."""

    __slots__ = ("closed", "taken_at_once")

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.taken_at_once = True
        self.closed = False

    def write(self, batch: Batch) -> bool:
        return True

    def overflow(self, rest: bytes) -> bool:
        return self.taken_at_once

    def fail(self) -> None:
        self.closed = True

    def progress(self) -> int:
        return 0

    def close(self, code: int, reason: str, last: Batch) -> None:
        self.closed = True


@pytest.fixture
def full_pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writing, b"x" * 65536)
    yield reading, writing
    with contextlib.suppress(OSError):
        os.close(reading)
    os.close(writing)


@pytest.mark.parametrize("taken_at_once", [True, False])
def test_what_the_kernel_did_not_take_blocks_a_socket_only_if_the_transport_keeps_it(
    house: House, full_pipe: tuple[int, int], *, taken_at_once: bool
) -> None:
    writer = Pipe(full_pipe[1])
    writer.taken_at_once = taken_at_once
    connection = house.manager.connect(writer, plain=True)
    house.tick()
    assert connection.blocked is not taken_at_once
    assert house.stats.sockets_blocked == int(not taken_at_once)


def test_a_socket_whose_peer_is_gone_is_given_up(house: House, full_pipe: tuple[int, int]) -> None:
    reading, writing = full_pipe
    writer = Pipe(writing)
    house.manager.connect(writer, plain=True)
    os.close(reading)
    house.tick()
    assert writer.closed


def test_a_socket_that_is_blocked_in_the_midst_of_a_fan_out_costs_the_others_nothing(house: House) -> None:
    writers = [house.subscribed()[1] for _ in range(3)]
    connection = house.manager.active_connections[0]
    put = connection.write

    def write(batch: Batch) -> bool:
        writers[0].stalled = True
        put(batch)
        house.manager.block(connection)
        return False

    connection.write = write
    house.tick()
    assert [len(writer.messages()) for writer in writers] == [1, 1, 1]
