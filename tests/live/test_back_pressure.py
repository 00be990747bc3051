"""Sockets whose clients do not take what they are given: what waits, what is missed, and who has to go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.machine import disk
from tests.live.house import House, RecordingWriter

from vitalcast.core.events.event import Event, EventKind, Severity
from vitalcast.core.panels.schema import Panel
from vitalcast.core.stream.event_group import KEPT_MAX
from vitalcast.core.vocabulary import CloseCode, ErrorCode
from vitalcast.dashboards.store import DashboardStore
from vitalcast.live.connection import INBOX_BYTES_MAX, INBOX_MESSAGES_MAX, OUTBOX_MESSAGES_MAX, Connection
from vitalcast.live.panel_board import PanelBoard

pytestmark = pytest.mark.usefixtures("each_bus", "each_way_of_writing")


def test_texts_for_a_blocked_socket_wait_up_to_a_bound_and_are_counted_past_it(house: House) -> None:
    connection, writer = house.open()
    writer.stalled = True
    for number in range(OUTBOX_MESSAGES_MAX + 11):
        house.manager.send_personal_message(f"n{number}", connection)
    assert house.stats.frames_conflated == 10
    writer.texts.clear()
    writer.drain()
    house.manager.resume(connection)
    assert writer.texts == [f"n{number}" for number in range(1, OUTBOX_MESSAGES_MAX + 1)]


def test_a_slow_socket_is_told_once_it_takes_bytes_again(house: House) -> None:
    connection, writer = house.subscribed()
    writer.stalled = True
    house.tick()
    house.manager.dashboards_changed(lambda grant: grant)
    writer.messages()
    writer.drain()
    house.manager.resume(connection)
    assert "dashboards" in writer.types()


@pytest.mark.parametrize(("count", "lost"), [(3, 0), (KEPT_MAX + 5, 5)])
def test_a_slow_socket_gets_the_events_that_it_missed_as_far_as_they_are_kept(
    house: House, count: int, lost: int
) -> None:
    connection, writer = house.open()
    house.ask(connection, type="events", stream="e")
    writer.stalled = True

    def happen(number: int) -> None:
        house.machine.hub.happen(Event(f"{number:03}", "machine-1", 0, EventKind.MARK, Severity.INFO, "mark"))
        house.tick()

    for number in range(count + 1):  # the first is on its way when the socket stalls
        happen(number)
    writer.messages()
    writer.drain()
    house.manager.resume(connection)
    happen(count + 1)
    messages = writer.messages()
    gaps = [(one["from"], one["to"], one["why"]) for one in messages if one["type"] == "gap"]
    assert gaps == ([(2, 2 + lost, "slow")] if lost else [])
    assert [one["id"] for one in messages[bool(lost) :]] == [f"{number:03}" for number in range(1 + lost, count + 2)]
    assert house.stats.frames_conflated == lost


def test_a_slow_socket_is_told_what_it_missed_and_gets_the_newest_state(house: House) -> None:
    connection, writer = house.subscribed()
    _, witness = house.subscribed()
    writer.stalled = True
    for load in range(2, 8):
        house.tick(float(load))
    first = writer.messages()
    assert [message["offset"] for message in first] == [2]
    writer.drain()
    house.manager.resume(connection)
    gap, data = writer.messages()
    assert gap == {"type": "gap", "group": 1, "from": 3, "to": 6, "why": "slow"}
    assert (data["offset"], data["values"]) == (7, [7.0])
    house.tick(8.0)
    assert [message["offset"] for message in writer.messages()] == [8]
    assert [message["offset"] for message in witness.messages()] == list(range(2, 9))
    assert (house.stats.gaps, house.stats.frames_conflated) == (1, 4)


def test_a_socket_that_was_slow_for_one_tick_misses_nothing(house: House) -> None:
    connection, writer = house.subscribed()
    writer.stalled = True
    house.tick(1.0)
    house.tick(2.0)
    writer.drain()
    house.manager.resume(connection)
    assert [(message["type"], message["offset"]) for message in writer.messages()] == [("data", 2), ("data", 3)]


def test_a_device_that_came_while_a_socket_was_slow_is_told_first(house: House) -> None:
    connection, writer = house.subscribed(metrics=["system.>"])
    writer.stalled = True
    house.tick(1.0)
    writer.messages()
    house.machine.take(house.machine.frame(dict.fromkeys(house.machine.timeline.series(), 1.0) | {disk("sdz"): 2.0}))
    house.tick(3.0)
    writer.drain()
    house.manager.resume(connection)
    assert [message["type"] for message in writer.messages()] == ["gap", "series", "data"]


def test_a_line_of_a_panel_that_came_while_a_socket_was_slow_comes_with_its_past(house: House) -> None:
    panel = Panel(id="all", title="All", metrics=("system.>",))
    house.machine.hub.panels = PanelBoard(DashboardStore((panel,), ()))
    connection, writer = house.open()
    house.ask(connection, type="subscribe", stream="p", panel="all", backfill=60)
    writer.messages()
    writer.stalled = True
    house.tick(1.0)
    writer.messages()
    series = dict.fromkeys(house.machine.timeline.series(), 1.0)
    house.machine.take(house.machine.frame(series | {disk("sdz"): 2.0}))
    house.machine.take(house.machine.frame(series | {disk("sdz"): 3.0}))
    writer.drain()
    house.manager.resume(connection)
    gap, snapshot = writer.messages()
    assert (gap["type"], gap["from"], gap["to"]) == ("gap", 3, 3)
    assert snapshot["type"] == "snapshot"
    column = next(line["column"] for line in snapshot["lines"] if "sdz" in line["key"])
    assert snapshot["values"][column] == [None, None, 2.0, 3.0]
    house.machine.take(house.machine.frame(series | {disk("sdz"): 4.0}))
    (data,) = writer.messages()
    assert (data["offset"], len(data["values"])) == (5, len(snapshot["series"]))


def test_commands_of_a_blocked_socket_wait_and_are_answered_in_order(house: House) -> None:
    connection, writer = house.open()
    writer.messages()
    writer.stalled = True
    for number in range(5):
        house.ask(connection, type="ping", id=number)
    assert [message["id"] for message in writer.messages()] == [0]
    writer.drain()
    house.manager.resume(connection)
    assert [message["id"] for message in writer.messages()] == [1, 2, 3, 4]


def test_a_socket_that_subscribes_and_stalls_is_in_step_afterwards(house: House) -> None:
    connection, writer = house.open()
    writer.messages()
    writer.stalled = True
    house.ask(connection, type="subscribe", stream="s", metrics=["system.load"])
    house.tick(4.0)
    assert writer.types() == ["ack", "snapshot"]
    writer.drain()
    house.manager.resume(connection)
    [data] = writer.messages()
    assert (data["offset"], data["values"]) == (2, [4.0])


def test_a_client_cannot_pile_up_commands_while_it_takes_nothing(house: House) -> None:
    connection, writer = house.subscribed()
    writer.stalled = True
    house.tick()
    for _ in range(INBOX_MESSAGES_MAX):
        house.ask(connection, type="ping")
    assert writer.closed is None
    house.ask(connection, type="ping")
    assert writer.closed is not None and writer.closed[0] == CloseCode.TOO_FAST


def test_what_a_client_piles_up_is_bounded_in_bytes_too_but_one_message_may_always_wait(house: House) -> None:
    connection, writer = house.subscribed()
    writer.stalled = True
    house.tick()
    house.manager.receive(connection, "x" * (INBOX_BYTES_MAX + 1))
    assert writer.closed is None
    house.manager.receive(connection, "x")
    assert writer.closed is not None and writer.closed[0] == CloseCode.TOO_FAST


def test_what_waits_to_be_answered_counts_as_unread_until_it_is() -> None:
    house = House(unread_mib=1)
    for sockets in range(1, 5):
        connection, writer = house.subscribed()
        writer.stalled = True
        house.ask(connection, type="ping")
        house.manager.receive(connection, "x" * (INBOX_BYTES_MAX - 10))
        assert house.manager.back_pressure.has_room(70_000) is (sockets < 4)
    writer.drain()
    house.manager.resume(connection)
    assert house.manager.back_pressure.has_room(70_000)


def test_what_clients_have_yet_to_take_bounds_the_answers_that_are_made() -> None:
    house = House(unread_mib=1)
    for _ in range(200):
        house.machine.tick(1.0, [f"sd{number}" for number in range(50)])
    (slow, writer), (quick, other) = house.subscribed(), house.subscribed()
    writer.stalled, writer.unread = True, 2**20 - 100
    house.ask(slow, type="ping")
    assert slow.blocked
    other.messages()
    wide = {"type": "subscribe", "metrics": ["system.>"]}
    house.ask(quick, stream="wide", backfill=900, **wide)
    [error] = other.messages()
    assert (error["code"], error["temporary"]) == (ErrorCode.LIMIT, True)
    house.ask(quick, stream="small", **wide)
    assert other.types() == ["ack", "snapshot"]
    writer.drain()
    house.manager.resume(slow)
    house.ask(quick, stream="wide", backfill=900, **wide)
    assert other.types() == ["ack", "snapshot"]


def test_one_alone_may_have_an_answer_larger_than_the_bound() -> None:
    house = House(unread_mib=1)
    calls: list[Callable[[], None]] = []
    house.manager.call_soon = calls.append
    connection, writer = house.subscribed()
    assert house.manager.back_pressure.has_room(2**30)
    writer.stalled, writer.unread = True, 2**22
    house.tick()
    [shed] = calls
    shed()
    assert (connection.blocked, writer.closed) == (True, None)
    assert not house.manager.back_pressure.has_room(2**17)


def test_those_with_most_to_take_are_closed_when_all_have_too_much() -> None:
    house = House(unread_mib=1)
    calls: list[Callable[[], None]] = []
    house.manager.call_soon = calls.append
    sockets = [house.subscribed() for _ in range(4)]
    for number, (_, writer) in enumerate(sockets):
        writer.stalled, writer.unread = True, [100_000, 400_000, 600_000, 50_000][number]
    house.tick()
    assert len(calls) == 1
    calls.pop()()
    assert [writer.closed[0] if writer.closed else None for _, writer in sockets] == [None, None, 4008, None]
    sockets[0][1].unread = 900_000
    sockets[0][1].taken += 1
    house.manager.sweep()
    for call in calls:
        call()
    assert [writer.closed is None for _, writer in sockets] == [False, True, False, True]


def test_one_stalled_socket_changes_nothing_for_the_others(house: House) -> None:
    _, stalled = house.subscribed()
    stalled.stalled = True
    writers = [house.subscribed()[1] for _ in range(20)]
    for load in range(50):
        house.tick(float(load))
    for writer in writers:
        assert [message["offset"] for message in writer.messages()] == list(range(2, 52))
    assert len(stalled.messages()) == 1


def test_a_socket_that_takes_nothing_for_long_is_closed_with_4008(house: House) -> None:
    _, writer = house.subscribed()
    writer.stalled = True
    house.tick()
    for _ in range(29):
        house.machine.now_s += 1
        house.manager.sweep()
    assert writer.closed is None
    house.machine.now_s += 1
    house.manager.sweep()
    assert writer.closed == (4008, "no byte taken for 30 s")
    bye = writer.messages()[-1]
    assert (bye["type"], bye["code"]) == ("bye", 4008)
    assert bye["reconnect_after_ms"] > 0
    assert house.stats.sockets_closed_slow == 1


def test_a_socket_that_takes_a_little_is_never_closed(house: House) -> None:
    _, writer = house.subscribed()
    writer.stalled = True
    house.tick()
    for _ in range(100):
        house.machine.now_s += 20
        writer.taken += 1
        house.manager.sweep()
    assert writer.closed is None


SOCKETS = st.integers(0, 2)


STEPS = st.one_of(
    st.tuples(st.just("tick"), st.integers(0, 2)),  # the sampler missed so many before it
    st.tuples(st.sampled_from(["stall", "drain", "ask", "pause", "go on", "quicken", "leave"]), SOCKETS),
    st.tuples(st.just("sweep"), st.just(0)),
)


@settings(deadline=None)
@given(st.lists(STEPS, max_size=60))
def test_whatever_happens_each_client_gets_every_tick_or_is_told_that_it_did_not(plan: list[tuple[str, int]]) -> None:
    house = House(messages_per_second=1000)
    sockets = [house.subscribed() for _ in range(3)]
    got: list[list[dict[str, Any]]] = [[] for _ in sockets]
    paused: list[set[int]] = [set() for _ in sockets]
    for step, number in [*plan, *(("drain", one) for one in range(3)), ("tick", 0)]:
        if step == "tick":
            house.tick(1.0, skip=number)
        elif step == "sweep":
            house.manager.sweep()
        else:
            act(house, step, *sockets[number])
        for one, (connection, writer) in enumerate(sockets):
            got[one] += writer.messages()
            if 1 not in connection.session.group_ids and not connection.closed:
                paused[one].add(house.machine.offset)
        blocked = [connection for connection, _ in sockets if connection.blocked and not connection.closed]
        assert house.stats.sockets_blocked == len(blocked)
    for (connection, _), messages, left_out in zip(sockets, got, paused, strict=True):
        if not connection.closed and not left_out:
            assert told(messages) == set(range(2, house.machine.offset + 1))
    for connection, _ in sockets:
        house.manager.disconnect(connection)
    assert house.manager.back_pressure.has_room(2**40)
    assert (len(house.manager.fanout), house.stats.sockets_blocked) == (0, 0)


def act(house: House, step: str, connection: Connection, writer: RecordingWriter) -> None:
    match step:
        case "stall":
            writer.stalled = True
        case "drain":
            writer.drain()
            house.manager.resume(connection)
        case "ask":
            house.ask(connection, type="ping")
        case "pause" | "go on":
            house.ask(connection, type="update", stream="s", paused=step == "pause")
        case "quicken":
            house.ask(connection, type="subscribe", stream="fast", metrics=["system.disk.io"], interval=0.5)
        case "leave":
            house.manager.disconnect(connection)


def told(messages: list[dict[str, Any]]) -> set[int]:
    """Return the ticks of the first stream that a client got or was told it will not get: no tick is both."""
    got: list[int] = []
    missed: set[int] = set()
    for message in messages:
        if message.get("group") == 1:
            if message["type"] == "data":
                got.append(message["offset"])
            elif message["type"] == "gap":
                missed |= set(range(message["from"], message["to"] + 1))
    assert len(got) == len(set(got)) and not missed & set(got), messages
    return missed | set(got)


def test_after_a_device_came_in_mid_interval_a_resumed_socket_gets_nothing_twice_or_in_the_old_order(
    house: House,
) -> None:
    connection, writer = house.subscribed(metrics=["system.>"], interval=10)
    for _ in range(11):
        house.tick(1.0)
    writer.messages()
    writer.stalled = True
    house.manager.send_personal_message('{"type":"heartbeat","time":0}', connection)
    disks = dict.fromkeys(house.machine.timeline.series(), 1.0) | {disk("sdz"): 2.0}
    house.machine.take(house.machine.frame(disks))
    writer.messages()
    writer.drain()
    house.manager.resume(connection)
    assert writer.types() == ["series"]
    for _ in range(10):
        house.machine.take(house.machine.frame(disks))
    [data] = writer.messages()
    assert len(data["values"]) == len(disks)


def test_a_plain_socket_that_was_slow_gets_the_newest_metrics_and_no_gap(house: House) -> None:
    connection, writer = house.open(plain=True)
    writer.stalled = True
    for load in range(5):
        house.tick(float(load))
    writer.messages()
    writer.drain()
    house.manager.resume(connection)
    [metrics] = writer.messages()
    assert (metrics["type"], metrics["offset"]) == ("metrics", 6)
