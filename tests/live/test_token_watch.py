"""Sockets end with their tokens, and those that show none in time."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.live.house import House

from vitalcast.core.stream.grants import Caller, Grant
from vitalcast.core.vocabulary import CloseCode, Scope
from vitalcast.live import token_watch
from vitalcast.live.token_watch import REVOKED_KEPT_S, TokenWatch

pytestmark = pytest.mark.usefixtures("each_bus")


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
    house.manager.broadcast('{"type":"heartbeat","time":0}')
    house.machine.now_s += 8
    house.manager.sweep()
    assert [one["type"] for one in late.messages()] == ["welcome"]
    assert known.types() == ["welcome", "ack", "welcome", "heartbeat"]
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
    house.manager.send_personal_message('{"type":"heartbeat","time":0}', connection)
    house.ask(connection, type="hello", token="bad")
    house.ask(connection, type="hello", token="good")
    writer.drain()
    house.manager.resume(connection)
    assert writer.types() == ["welcome", "heartbeat", "error", "bye"]


def test_no_more_revoked_tokens_are_remembered_than_may_be_and_that_is_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(token_watch, "REVOKED_MAX", 3)
    watch = TokenWatch(hello_s=10, now_s=lambda: 0.0, now_ms=lambda: 0)
    for token_id in ("a", "b", "a", "c"):
        watch.note_revoked(token_id)
    assert caplog.text == ""
    watch.note_revoked("d")
    assert "more than 3 tokens were revoked at once: b is no longer watched" in caplog.text
    gone = {one: watch.revoked(Caller(Grant(Scope.VIEW, one))) is not None for one in "abcd"}
    assert gone == {"a": True, "b": False, "c": True, "d": True}


MOVES = st.one_of(
    st.tuples(st.just("come"), st.sampled_from(["", "anna", "bert"])),
    st.tuples(st.sampled_from(["hello anna", "hello bert", "hello no", "leave"]), st.integers(0, 5)),
    st.tuples(st.sampled_from(["revoke"]), st.sampled_from(["anna", "bert"])),
    st.tuples(st.just("wait"), st.integers(0, 12)),
)


@settings(deadline=None)
@given(st.lists(MOVES, max_size=40))
def test_whatever_happens_each_open_socket_is_its_tokens_and_nobody_elses(plan: list[tuple[str, Any]]) -> None:
    house = House(messages_per_second=1000)
    for move, what in plan:
        open_ = house.manager.active_connections
        if move == "come":
            house.open(caller=holder(what) if what else STRANGER)
        elif move == "revoke":
            house.manager.revoke({what})
            assert house.manager.tokens.holders(what) == []
        elif move == "wait":
            house.machine.now_s += what
            house.manager.sweep()
        elif what < len(open_) and move == "leave":
            house.manager.disconnect(open_[what])
        elif what < len(open_):
            house.ask(open_[what], type="hello", token=move.removeprefix("hello "))
        remain = house.manager.active_connections
        for token in ("anna", "bert"):
            theirs = [one for one in remain if one.session.caller.grant and one.session.caller.grant.token_id == token]
            assert set(house.manager.tokens.holders(token)) == set(theirs)
        strangers = {one for one in remain if one.session.caller.grant is None}
        assert {one for one in remain if house.manager.tokens.unauthenticated(one)} == strangers
    house.manager.close_all(CloseCode.SHUTDOWN, "the end")
    house.machine.now_s += 100
    assert house.manager.tokens.silent() == house.manager.tokens.expired() == []
