"""The ConnectionManager over writers that record, stall and resume on command."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.live.house import House

from vitalcast.core.metrics.names import Selection
from vitalcast.core.stream.grants import Caller, Grant
from vitalcast.core.vocabulary import CloseCode, Scope
from vitalcast.live.connections import TOLD_A_TURN

pytestmark = pytest.mark.usefixtures("each_bus", "each_way_of_writing")


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


def test_nothing_is_left_of_those_who_left(house: House) -> None:
    connections = [house.subscribed(stream=str(number), interval=1 + number)[0] for number in range(5)]
    connections.append(house.open(plain=True)[0])
    for connection in connections:
        house.manager.disconnect(connection)
    assert house.machine.hub.groups == {}
    assert house.manager.active_connections == ()
    assert len(house.manager.fanout) == 0


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


def test_closing_says_bye_and_when_to_come_back(house: House) -> None:
    writers = [house.open()[1], house.open(plain=True)[1], house.subscribed()[1]]
    house.manager.close_all(CloseCode.SHUTDOWN, "the server is shutting down")
    for writer in writers:
        bye = writer.messages()[-1]
        assert (bye["type"], bye["code"]) == ("bye", 4001)
        assert 300 <= bye["reconnect_after_ms"] <= 1600
        assert writer.closed == (4001, "the server is shutting down")
    assert house.manager.active_connections == ()


def test_who_should_stay_away_is_not_asked_back(house: House) -> None:
    connection, writer = house.open()
    house.manager.close(connection, CloseCode.REVOKED, "revoked")
    assert writer.messages()[-1]["reconnect_after_ms"] is None


def test_those_who_stay_are_told_of_sockets_that_the_server_closed(house: House) -> None:
    connection, _ = house.open()
    _, stayer = house.open(plain=True)
    stayer.messages()
    house.manager.close(connection, CloseCode.NO_PONG, "no answer to a ping")
    house.manager.disconnect(connection)
    assert stayer.texts == [f"Client #{connection.id} left the chat"]
