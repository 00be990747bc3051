"""The ConnectionManager over writers that record, stall and resume on command."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.machine import Machine

from vitalcast.collectors.runtime_stats import RuntimeStats
from vitalcast.core.metrics.names import Selection
from vitalcast.core.stream.grants import OPEN, Caller, Grant
from vitalcast.core.stream.keys import Form, SeriesKey
from vitalcast.core.stream.table_group import TableGroup
from vitalcast.core.vocabulary import CloseCode, ErrorCode, Scope
from vitalcast.core.wire.limits import Limits
from vitalcast.errors import AccessError, TooManyConnections
from vitalcast.live.connection import INBOX_BYTES_MAX, INBOX_MESSAGES_MAX, OUTBOX_MESSAGES_MAX, Connection
from vitalcast.live.connections import TOLD_A_TURN, ConnectionManager
from vitalcast.live.token_watch import REVOKED_KEPT_S
from vitalcast.live.writer import Batch, DirectWriter, Writer

pytestmark = pytest.mark.usefixtures("each_bus")


class RecordingWriter(Writer):
    """Takes what it is given; while `stalled` its client takes nothing more after the current batch."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.batches = 0
        self.stalled = False
        self.taken = 0
        self.unread = 0
        self.closed: tuple[int, str] | None = None
        self._waiting = False

    def write(self, batch: Batch) -> bool:
        assert not self._waiting, "written to while blocked"
        assert batch.messages, "an empty write"
        self._put(batch)
        self._waiting = self.stalled
        return not self.stalled

    def _put(self, batch: Batch) -> None:
        self.batches += 1
        self.texts += [message.text for message in batch.messages]

    def progress(self) -> int:
        return self.taken

    def unread_bytes(self) -> int:
        return self.unread

    def close(self, code: int, reason: str, last: Batch) -> None:
        self._put(last)
        self.closed = (code, reason)

    def drain(self) -> None:
        """Let the client take all that was written."""
        self.stalled = self._waiting = False

    def messages(self) -> list[dict[str, Any]]:
        """Return and forget the JSON messages so far."""
        texts, self.texts = self.texts, []
        return [json.loads(text) for text in texts]

    def types(self) -> list[str]:
        return [message["type"] for message in self.messages()]


class House:
    """A machine with a manager before it, and clients to open."""

    def __init__(self, **limits: int) -> None:
        self.machine = Machine(limits=Limits(**limits))
        self.machine.tick()
        self.stats = RuntimeStats()
        self.demands = 0
        self.dashboards = "revision-1"
        self.refused: list[tuple[Caller, str]] = []
        self.manager = ConnectionManager(
            self.machine.hub,
            plain=SeriesKey("machine-1", Selection.of(["system.load"]), 1000, form=Form.SELF_DESCRIBING),
            stats=self.stats,
            now_s=lambda: self.machine.now_s,
            now_ms=lambda: self.machine.time_ms,
            on_demand=self._demanded,
            hello_s=10.0,
            verify=self._verify,
            dashboards=lambda: self.dashboards,
            on_refused=lambda caller, why: self.refused.append((caller, why)),
        )
        self.machine.hub.emitted.append(self.manager.publish)

    def _demanded(self) -> None:
        self.demands += 1

    @staticmethod
    def _verify(token: str, caller: Caller) -> Grant:
        """Tokens are good whose name is long: it is their id."""
        if len(token) < 4:
            raise AccessError(ErrorCode.UNAUTHORIZED, "token: unknown token")
        return Grant(Scope.VIEW, token)

    def open(self, *, plain: bool = False, caller: Caller = OPEN) -> tuple[Connection, RecordingWriter]:
        writer = RecordingWriter()
        return self.manager.connect(writer, plain=plain, caller=caller), writer

    def subscribed(self, caller: Caller = OPEN, **fields: Any) -> tuple[Connection, RecordingWriter]:
        connection, writer = self.open(caller=caller)
        self.ask(connection, **({"type": "subscribe", "stream": "s", "metrics": ["system.load"]} | fields))
        writer.messages()
        writer.batches = 0
        return connection, writer

    def ask(self, connection: Connection, **command: Any) -> None:
        self.manager.receive(connection, json.dumps(command))

    def tick(self, load: float = 0.0, **kwargs: Any) -> None:
        from tests.core.machine import LOAD

        from vitalcast.core.metrics.model import Series

        self.machine.take(self.machine.frame({Series(LOAD): load}, **kwargs))


@pytest.fixture
def house() -> House:
    return House()


# --- coming and going ------------------------------------------------------------------------------------------------


def test_a_protocol_socket_is_welcomed_and_a_plain_one_shown_the_metrics(house: House) -> None:
    _, protocol = house.open()
    _, plain = house.open(plain=True)
    assert protocol.types() == ["welcome"]
    assert plain.types() == ["metrics"]
    assert house.stats.sockets == 2


def test_those_who_stay_are_told_who_left_and_protocol_sockets_are_not(house: House) -> None:
    leaver, _ = house.open(plain=True)
    _, stayer = house.open(plain=True)
    _, protocol = house.open()
    for writer in (stayer, protocol):
        writer.messages()
    house.manager.disconnect(leaver)
    assert stayer.texts == [f"Client #{leaver.id} left the chat"]
    assert protocol.texts == []


def test_leaving_twice_is_leaving_once(house: House) -> None:
    leaver, _ = house.open(plain=True)
    _, stayer = house.open(plain=True)
    stayer.messages()
    house.manager.disconnect(leaver)
    house.manager.disconnect(leaver)
    assert len(stayer.texts) == 1
    assert house.stats.sockets == 1


def test_many_departures_at_once_are_told_in_one_write(house: House) -> None:
    soon: list[Callable[[], None]] = []
    house.manager.call_soon = soon.append
    leavers = [house.open()[0] for _ in range(100)]
    _, stayer = house.open(plain=True)
    stayer.batches = 0
    for leaver in leavers:
        house.manager.disconnect(leaver)
    for call in soon:
        call()
    assert (len(soon), stayer.batches, len(stayer.texts)) == (1, 1, 1 + 100)


def test_what_was_a_plain_socket_hears_no_more_of_the_chat(house: House) -> None:
    connection, writer = house.open(plain=True)
    other, _ = house.open(plain=True)
    house.ask(connection, type="ping")
    writer.messages()
    house.manager.disconnect(other)
    house.tick()
    assert writer.texts == []


def test_past_the_limit_nobody_is_let_in() -> None:
    house = House(connections=2)
    house.open()
    second, _ = house.open()
    with pytest.raises(TooManyConnections):
        house.open()
    house.manager.disconnect(second)
    house.open()


def test_nothing_is_left_of_those_who_left(house: House) -> None:
    connections = [house.subscribed(stream=str(number), interval=1 + number)[0] for number in range(5)]
    connections.append(house.open(plain=True)[0])
    for connection in connections:
        house.manager.disconnect(connection)
    assert house.machine.hub.groups == {}
    assert house.manager.active_connections == ()
    assert len(house.manager.fanout) == 0


# --- texts -----------------------------------------------------------------------------------------------------------


def test_broadcast_reaches_everybody_and_personal_messages_one(house: House) -> None:
    one, first = house.open(plain=True)
    _, second = house.open()
    for writer in (first, second):
        writer.messages()
    house.manager.broadcast("to all")
    house.manager.send_personal_message("to one", one)
    assert first.texts == ["to all", "to one"]
    assert second.texts == ["to all"]


def test_a_message_to_somebody_gone_goes_nowhere(house: House) -> None:
    connection, writer = house.open()
    writer.messages()
    house.manager.disconnect(connection)
    house.manager.send_personal_message("anyone?", connection)
    house.manager.receive(connection, '{"type":"ping"}')
    assert writer.texts == []


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


# --- tokens ----------------------------------------------------------------------------------------------------------


def holder(token_id: str, *, expires_ms: int | None = None) -> Caller:
    return Caller(Grant(Scope.VIEW, token_id, expires_ms=expires_ms))


STRANGER = Caller(None, "192.0.2.1")


def test_a_revoked_tokens_sockets_are_told_and_closed_and_no_others(house: House) -> None:
    gone = [house.open(caller=holder("gone"), plain=True), house.subscribed(holder("gone"))]
    _, stayer = house.subscribed(holder("stays"))
    _, nobodys = house.subscribed()
    gone[0][1].messages()
    house.manager.revoke({"gone", "unknown"})
    for _, writer in gone:
        error, bye = writer.messages()
        assert (error["code"], error["message"]) == (101, "the token has been revoked")
        assert (bye["code"], bye["reconnect_after_ms"]) == (4509, None)
        assert writer.closed == (4509, "the token has been revoked")
    house.tick()
    assert stayer.types() == nobodys.types() == ["data"]
    assert len(house.manager.active_connections) == 2


def test_a_token_that_is_revoked_in_the_midst_of_a_handshake_is_not_missed(house: House) -> None:
    assert house.manager.revoked(holder("gone")) is None
    house.manager.revoke({"gone"})
    refusal = house.manager.revoked(holder("gone"))
    assert refusal is not None and refusal.revoked
    assert house.manager.revoked(holder("stays")) is None
    assert house.manager.revoked(Caller(None)) is None


def test_a_revoked_token_is_forgotten_when_no_handshake_from_before_can_be_under_way(house: House) -> None:
    house.manager.revoke({"gone"})
    house.machine.now_s += REVOKED_KEPT_S - 1
    house.manager.revoke({"later"})
    house.manager.sweep()
    assert house.manager.revoked(holder("gone")) is not None
    house.machine.now_s += 1
    house.manager.sweep()
    assert house.manager.revoked(holder("gone")) is None
    assert house.manager.revoked(holder("later")) is not None


def test_a_revoked_token_closes_a_socket_that_takes_nothing(house: House) -> None:
    connection, writer = house.subscribed(holder("gone"))
    writer.stalled = True
    house.tick()
    assert connection.blocked
    house.manager.revoke({"gone"})
    assert writer.closed == (4509, "the token has been revoked")


def test_a_socket_ends_with_its_token(house: House) -> None:
    _, writer = house.subscribed(holder("short", expires_ms=house.machine.time_ms + 2000))
    _, stayer = house.subscribed(holder("long", expires_ms=house.machine.time_ms + 60_000))
    house.tick()
    house.manager.sweep()
    assert writer.types() == ["data"]
    house.tick()
    house.manager.sweep()
    data, error, bye = writer.messages()
    assert (data["type"], error["code"], bye["code"]) == ("data", 109, 4500)
    assert writer.closed == (4500, "the token has expired")
    assert stayer.types() == ["data", "data"]


def test_a_renewed_socket_belongs_to_its_new_token_alone(house: House) -> None:
    connection, writer = house.subscribed(holder("first", expires_ms=house.machine.time_ms + 1000))
    house.ask(connection, type="hello", token="second")
    house.tick()
    house.manager.sweep()
    house.manager.revoke({"first"})
    assert writer.types() == ["ack", "data"]
    house.manager.revoke({"second"})
    assert writer.closed is not None


def test_a_stranger_gets_nothing_and_has_to_go_unless_a_token_comes_in_time(house: House) -> None:
    (_, late), (quick, known) = house.open(caller=STRANGER, plain=True), house.open(caller=STRANGER)
    house.ask(quick, type="hello", token="good")
    house.tick()
    house.manager.broadcast('{"type":"note"}')
    house.machine.now_s += 8
    house.manager.sweep()
    assert [one["type"] for one in late.messages()] == ["welcome"]
    assert known.types() == ["welcome", "ack", "welcome", "note"]
    house.machine.now_s += 1
    house.manager.sweep()
    error, bye = late.messages()
    assert (error["code"], error["message"], bye["code"]) == (101, "no token came within 10 s", 4500)
    assert known.closed is None
    assert house.refused == [(STRANGER, "no token came within 10 s")]


def test_a_wrong_hello_is_answered_and_then_closed(house: House) -> None:
    connection, writer = house.open(caller=STRANGER)
    house.ask(connection, type="hello", id=7, token="bad")
    _, error, bye = writer.messages()
    assert (error["id"], error["code"], bye["code"]) == (7, 101, 4500)
    assert writer.closed == (4500, "token: unknown token")
    assert house.refused == [(STRANGER, "token: unknown token")]
    assert house.manager.active_connections == ()


def test_after_a_wrong_hello_nothing_more_is_read(house: House) -> None:
    connection, writer = house.open(caller=STRANGER)
    writer.stalled = True
    house.manager.send_personal_message('{"type":"note"}', connection)
    house.ask(connection, type="hello", token="bad")
    house.ask(connection, type="hello", token="good")
    writer.drain()
    house.manager.resume(connection)
    assert writer.types() == ["welcome", "note", "error", "bye"]


def test_an_address_has_no_more_sockets_than_the_limit() -> None:
    house = House(connections_per_address=2)
    callers = [Caller(Grant(Scope.VIEW), address) for address in ("192.0.2.1", "192.0.2.2")]
    first, _ = house.open(caller=callers[0])
    house.open(caller=callers[0])
    with pytest.raises(TooManyConnections, match=r"^all 2 connections of 192\.0\.2\.1 are taken$"):
        house.open(caller=callers[0])
    house.open(caller=callers[1])
    house.manager.disconnect(first)
    house.manager.disconnect(first)
    house.open(caller=callers[0])
    for _ in range(3):
        house.open()


# --- panels and playlists --------------------------------------------------------------------------------------------


def test_other_panels_are_told_to_those_who_speak_the_protocol_and_are_let_in(house: House) -> None:
    _, protocol = house.open()
    _, plain = house.open(plain=True)
    _, unknown = house.open(caller=Caller(None))
    assert protocol.messages()[0]["dashboards"] == "revision-1"
    for writer in (plain, unknown):
        writer.messages()
    house.dashboards = "revision-2"
    house.manager.dashboards_changed(lambda grant: grant)
    assert protocol.messages() == [{"type": "dashboards", "revision": "revision-2"}]
    assert (plain.messages(), unknown.messages()) == ([], [])


def test_streams_end_that_a_token_covers_no_more_and_others_go_on(house: House) -> None:
    before = Grant(Scope.EMBED, "a", within=(Selection.of(["system.load"]), Selection.of(["system.cpu.>"])))
    after = Grant(Scope.EMBED, "a", within=(Selection.of(["system.cpu.>"]),))
    connection, writer = house.subscribed(Caller(before))
    _, other = house.subscribed(Caller(Grant(Scope.VIEW, "b")))
    house.manager.dashboards_changed(lambda grant: after if grant.token_id == "a" else grant)
    news, error = writer.messages()
    assert (news["type"], error["type"], error["stream"], error["code"]) == ("dashboards", "error", "s", 103)
    assert other.types() == ["dashboards"]
    house.tick()
    assert (writer.types(), other.types()) == ([], ["data"])
    assert house.stats.streams == 1
    house.ask(connection, type="subscribe", stream="t", metrics=["system.load"])
    assert [one["code"] for one in writer.messages()] == [103]


def test_many_sockets_are_told_over_several_turns_and_none_twice_or_never(house: House) -> None:
    opened = [house.open() for _ in range(TOLD_A_TURN + 20)]
    turns: list[Callable[[], None]] = []
    house.manager.call_soon = turns.append
    house.manager.dashboards_changed(lambda grant: grant)
    gone, _ = opened.pop()
    house.manager.disconnect(gone)
    for turn in turns:
        turn()
    assert {writer.types().count("dashboards") for _, writer in opened} == {1}


def test_a_slow_socket_is_told_once_it_takes_bytes_again(house: House) -> None:
    connection, writer = house.subscribed()
    writer.stalled = True
    house.tick()
    house.manager.dashboards_changed(lambda grant: grant)
    writer.messages()
    writer.drain()
    house.manager.resume(connection)
    assert "dashboards" in writer.types()


# --- fan-out ---------------------------------------------------------------------------------------------------------


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


# --- sockets that cannot take more -----------------------------------------------------------------------------------


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
    house.machine.take(house.machine.frame(dict.fromkeys(house.machine.timeline.series(), 1.0) | {_disk("sdz"): 2.0}))
    house.tick(3.0)
    writer.drain()
    house.manager.resume(connection)
    assert [message["type"] for message in writer.messages()] == ["gap", "series", "data"]


def _disk(name: str) -> Any:
    from tests.core.machine import disk

    return disk(name)


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


# --- signs of life and the end ---------------------------------------------------------------------------------------


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


def test_closing_says_bye_and_when_to_come_back(house: House) -> None:
    writers = [house.open()[1], house.open(plain=True)[1], house.subscribed()[1]]
    house.manager.close_all(CloseCode.SHUTDOWN, "the server is shutting down")
    for writer in writers:
        bye = writer.messages()[-1]
        assert (bye["type"], bye["code"]) == ("bye", 4001)
        assert 500 <= bye["reconnect_after_ms"] <= 3000
        assert writer.closed == (4001, "the server is shutting down")
    assert house.manager.active_connections == ()


def test_who_should_stay_away_is_not_asked_back(house: House) -> None:
    connection, writer = house.open()
    house.manager.close(connection, CloseCode.REVOKED, "revoked")
    assert writer.messages()[-1]["reconnect_after_ms"] is None


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


# --- everything at once ----------------------------------------------------------------------------------------------

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


# --- faults of other days --------------------------------------------------------------------------------------------


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


def test_after_a_device_came_in_mid_interval_a_resumed_socket_gets_nothing_twice_or_in_the_old_order(
    house: House,
) -> None:
    connection, writer = house.subscribed(metrics=["system.>"], interval=10)
    for _ in range(11):
        house.tick(1.0)
    writer.messages()
    writer.stalled = True
    house.manager.send_personal_message('{"type":"note"}', connection)
    disks = dict.fromkeys(house.machine.timeline.series(), 1.0) | {_disk("sdz"): 2.0}
    house.machine.take(house.machine.frame(disks))
    writer.messages()
    writer.drain()
    house.manager.resume(connection)
    assert writer.types() == ["series"]
    for _ in range(10):
        house.machine.take(house.machine.frame(disks))
    [data] = writer.messages()
    assert len(data["values"]) == len(disks)


def test_those_who_stay_are_told_of_sockets_that_the_server_closed(house: House) -> None:
    connection, _ = house.open()
    _, stayer = house.open(plain=True)
    stayer.messages()
    house.manager.close(connection, CloseCode.NO_PONG, "no answer to a ping")
    house.manager.disconnect(connection)
    assert stayer.texts == [f"Client #{connection.id} left the chat"]


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
