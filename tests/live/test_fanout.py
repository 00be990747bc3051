"""The fan-out: who gets what, in how many writes."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.core.machine import disk
from tests.live.house import House

from vitalcast.core.stream.output import Output
from vitalcast.core.stream.table_group import TableGroup
from vitalcast.live.writer import Batch, DirectWriter

pytestmark = pytest.mark.usefixtures("each_bus", "each_way_of_writing")


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
    house.machine.hub.emit(Output({group_id: [group.encode(1, 5, ["pid", "cpu"], [(1, 0.5)], matches=7, total=9)]}))
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


def read_frames(fd: int) -> list[dict[str, Any]]:
    """Return the messages that a pipe holds."""
    data, messages = os.read(fd, 1 << 20), []
    while data:
        size, begin = (data[1], 2) if data[1] < 126 else (int.from_bytes(data[2:4], "big"), 4)
        messages.append(json.loads(data[begin : begin + size]))
        data = data[begin + size :]
    return messages


def test_sockets_with_a_descriptor_and_a_subscription_of_their_own_get_it_and_are_counted(house: House) -> None:
    pipes = [os.pipe() for _ in range(20)]
    for number, (reading, writing) in enumerate(pipes):
        os.set_blocking(writing, False)
        os.set_blocking(reading, False)
        connection = house.manager.connect(Pipe(writing), plain=False)
        where = {"system.device": [f"sd{letter}" for at, letter in enumerate("abcde") if (number + 1) >> at & 1]}
        house.ask(connection, type="subscribe", stream="s", metrics=["system.disk.io"], where=where)
    disks = {disk(f"sd{letter}"): 1.0 for letter in "abcde"}
    house.machine.take(house.machine.frame(disks))
    before = house.stats.frames_sent, house.stats.bytes_sent
    for tick in (2.0, 3.0, 3.0):
        house.machine.take(house.machine.frame(disks | {disk("sda"): tick, disk("sdc"): tick * 2}))
    sent = frames = 0
    for number, (reading, _) in enumerate(pipes):
        got = [message for message in read_frames(reading) if message["type"] == "data"]
        frames += len(got) - 1
        sent += sum(len(json.dumps(message, separators=(",", ":"))) for message in got[1:])
        wanted = [letter for at, letter in enumerate("abcde") if (number + 1) >> at & 1]
        state: list[float] = []
        for message in got:
            state = message.get("values", state)
            for position, value in message.get("changed", {}).items():
                state[int(position)] = value
        assert state == [{"a": 3.0, "c": 6.0}.get(letter, 1.0) for letter in wanted]
    assert (house.stats.frames_sent - before[0], house.stats.bytes_sent - before[1]) == (frames, sent) and frames == 60
    for connection in house.manager.active_connections:
        house.manager.disconnect(connection)
    for pipe in pipes:
        for fd in pipe:
            os.close(fd)


def test_a_full_pipe_among_those_written_at_one_go_is_set_aside_and_made_whole(
    house: House, full_pipe: tuple[int, int]
) -> None:
    others = [house.subscribed(metrics=["*.load"] if number else ["system.load"])[1] for number in range(2)]
    writer = Pipe(full_pipe[1])
    writer.taken_at_once = False
    connection = house.manager.connect(writer, plain=False)
    house.manager.resume(connection)
    house.ask(connection, type="subscribe", stream="s", metrics=["system.>"])
    for load in (1.0, 2.0, 3.0):
        house.tick(load)
    assert connection.blocked
    [group_id] = connection.session.group_ids
    writer.taken_at_once = True
    told: list[dict[str, Any]] = []
    connection.write = lambda batch: bool(told.extend(json.loads(one.payload) for one in batch.messages)) or True
    house.manager.resume(connection)
    assert [message["type"] for message in told if message.get("group") == group_id] == ["gap", "data"]
    assert told[-1]["values"] == [3.0]
    assert [len(other.messages()) for other in others] == [3, 3]
