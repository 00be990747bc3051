"""One socket's conversation, text by text."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.core.machine import Machine, ask, decode
from tests.core.stream.talk import (
    ALL,
    DISKS,
    LOAD_ONLY,
    SDA,
    error_of,
    granted,
    stranger,
    subscribe,
)

from vitalcast.core.metrics.model import Descriptor, Kind, Series
from vitalcast.core.metrics.names import Selection
from vitalcast.core.stream.grants import Caller, Grant
from vitalcast.core.stream.session import Mode
from vitalcast.core.vocabulary import ErrorCode, Scope
from vitalcast.core.wire.limits import Limits

pytestmark = pytest.mark.usefixtures("each_bus")


def test_a_plain_socket_gets_the_newest_metrics_unasked(machine: Machine) -> None:
    [metrics] = decode(machine.session(plain=True).open())
    assert metrics == {
        "type": "metrics",
        "host": "web-1",
        "time": machine.time_ms,
        "offset": 3,
        "metrics": {"system.load": 3.0},
    }


def test_a_plain_socket_gets_every_tick_self_describing(machine: Machine) -> None:
    session = machine.session(plain=True)
    [group_id] = session.group_ids
    [metrics] = decode(machine.tick(4.0)[group_id])
    assert (metrics["type"], metrics["offset"], metrics["metrics"]) == ("metrics", 4, {"system.load": 4.0})


@pytest.mark.parametrize(
    "text", ["hello", "", "[1,2]", "null", '{"a":1}', '{"type":"chat"}', '{"type":7}', "héllo ✓", '{"type":"ping"']
)
def test_a_plain_socket_hears_its_text_again(machine: Machine, text: str) -> None:
    session = machine.session(plain=True)
    assert [message.text for message in session.receive(text)] == [f"Message text was: {text}"]
    assert session.mode is Mode.PLAIN


@pytest.mark.parametrize("text", ['{"type":"ping"}', '{"type":"subscribe"}'])
def test_a_command_makes_a_plain_socket_a_protocol_socket(machine: Machine, text: str) -> None:
    session = machine.session(plain=True)
    session.receive(text)
    assert session.mode is Mode.PROTOCOL
    assert session.group_ids == ()
    assert error_of(decode(session.receive("hello")))[0] == 107
    assert error_of(decode(session.receive('{"type":"chat"}')))[0] == 104


def test_ping_is_answered_with_the_servers_time(machine: Machine) -> None:
    assert ask(machine.session(), type="ping", id=9) == [{"type": "pong", "id": 9, "time": machine.time_ms}]


@pytest.mark.parametrize(
    ("command", "code", "says"),
    [
        (
            {"type": "subscribe", "stream": "s", "metrics": ["system.laod"]},
            102,
            "system.laod; did you mean system.load?",
        ),
        ({"type": "list", "metrics": ["process.nothing"]}, 102, "process.nothing; 'list' shows the metrics"),
        ({"type": "table", "stream": "t", "table": "disks"}, 102, "known: processes"),
        ({"type": "table", "stream": "t", "table": "processes", "sort": "age"}, 107, "pid, cpu"),
        ({"type": "table", "stream": "t", "table": "processes", "limit": 501}, 106, "500"),
        ({"type": "table", "stream": "t", "table": "processes", "interval": 0.5}, 106, "the shortest here is 1 s"),
        ({"type": "table", "stream": "t", "table": "processes", "keys": [*range(501)]}, 106, "keys: at most 500"),
        (
            {"type": "table", "stream": "t", "table": "processes", "keys": [1, "a"]},
            107,
            "keys: those of 'processes' are numbers, its column 'pid'",
        ),
        (
            {"type": "table", "stream": "t", "table": "units", "keys": [1]},
            107,
            "keys: those of 'units' are texts, its column 'unit'",
        ),
        ({"type": "unsubscribe", "stream": "x"}, 107, "there is no 'x'"),
        ({"type": "update", "stream": "x", "paused": True}, 107, "there is no 'x'"),
        ({"type": "subscribe", "stream": "s", "metrics": ["a..b"]}, 107, "a..b"),
        ({"type": "frobnicate"}, 104, "frobnicate"),
    ],
)
def test_a_wrong_command_is_refused_and_the_socket_lives_on(
    machine: Machine, command: dict[str, Any], code: int, says: str
) -> None:
    session = machine.session()
    got, message = error_of(ask(session, **command))
    assert got == code
    assert says in message
    assert machine.hub.groups == {}
    assert ask(session, type="ping")[0]["type"] == "pong"


def test_the_limits_are_named() -> None:
    machine = Machine(limits=Limits(streams=2, series=2, subscriptions=2, snapshot_values=4))
    for _ in range(9):
        machine.tick(1.0, ["sda", "sdb", "sdc"])
    session = machine.session()
    assert "4 series match" in error_of(subscribe(session, metrics=["system.>"]))[1]
    assert "at most" in error_of(subscribe(session, backfill=60))[1]
    subscribe(session, stream="a")
    subscribe(session, stream="b")
    assert error_of(subscribe(session, stream="c")) == (106, "a socket has 2 streams at most")
    other = machine.session()
    subscribe(other, interval=2)
    code, message = error_of(subscribe(other, stream="d", interval=3))
    assert (code, "2 different" in message) == (106, True)
    assert len(machine.hub.groups) == 2


def test_a_long_message_is_refused_by_its_bytes_not_its_characters() -> None:
    machine = Machine(limits=Limits(message_bytes=1024))
    machine.tick()
    session = machine.session()
    assert error_of(decode(session.receive("ü" * 600)))[0] == 106
    assert error_of(decode(session.receive("x" * 1025)))[0] == 106
    assert error_of(decode(session.receive("ü" * 500)))[0] == 107


def test_long_messages_are_rate_limited_too() -> None:
    machine = Machine(limits=Limits(message_bytes=1024))
    machine.tick()
    session = machine.session()
    codes = [error_of(decode(session.receive("x" * 2000)))[0] for _ in range(60)]
    assert codes == [106] * 50 + [111] * 10


def test_a_binary_message_is_refused(machine: Machine) -> None:
    assert error_of(decode(machine.session().receive_binary(12)))[0] == 107


def test_a_flood_is_answered_a_little_and_forgiven(machine: Machine) -> None:
    session = machine.session()
    answers = [answer for number in range(5000) for answer in ask(session, type="ping", id=number)]
    kinds = [answer["type"] for answer in answers]
    assert kinds[:50] == ["pong"] * 50
    assert set(kinds[50:]) == {"error"}
    assert 50 <= len(kinds[50:]) <= 60
    assert answers[50] | {"message": ""} == {
        "type": "error",
        "id": 50,
        "code": 111,
        "message": "",
        "temporary": True,
    }
    machine.now_s += 0.5
    assert [ask(session, type="ping")[0]["type"] for _ in range(26)] == ["pong"] * 25 + ["error"]


streams = st.sampled_from(["a", "b", "c"])


commands = st.one_of(
    st.fixed_dictionaries(
        {
            "type": st.just("subscribe"),
            "stream": streams,
            "metrics": st.lists(st.sampled_from(["system.>", "system.load", "hw.*.speed", "no"]), min_size=1),
        },
        optional={
            "interval": st.sampled_from([0.1, 1, 3, 9999]),
            "aggregate": st.lists(st.sampled_from(["last", "avg"]), max_size=3),
            "backfill": st.sampled_from([0, 10, -1]),
            "since": st.fixed_dictionaries({"epoch": st.sampled_from(["epoch-1", "x"]), "offset": st.integers(0, 20)}),
            "where": st.just({"system.device": ["sda"]}),
        },
    ),
    st.fixed_dictionaries(
        {"type": st.just("update"), "stream": streams},
        optional={"paused": st.booleans(), "interval": st.sampled_from([1, 2]), "backfill": st.just(5)},
    ),
    st.fixed_dictionaries({"type": st.just("unsubscribe"), "stream": streams}),
    st.fixed_dictionaries({"type": st.just("table"), "stream": streams, "table": st.sampled_from(["processes", "x"])}),
    st.fixed_dictionaries({"type": st.sampled_from(["list", "ping", "hello", "bye"])}),
)


@settings(deadline=None)
@given(st.lists(st.one_of(commands, st.just("tick")), max_size=40))
def test_any_conversation_leaves_groups_as_its_streams_need_them(plan: list[Any]) -> None:
    machine = Machine(limits=Limits(messages_per_second=1000))
    machine.tick(1.0)
    session = machine.session()
    for step in plan:
        if step == "tick":
            machine.tick(2.0)
            continue
        answers = decode(session.receive(json.dumps(step)))
        assert answers, "a command without an answer"
        assert set(session.group_ids) == set(machine.hub.groups)
        running = [stream for stream in session.streams.values() if stream.group is not None]
        assert sum(group.streams for group in machine.hub.groups.values()) == len(running)
        assert machine.hub.held_bytes >= sum(group.nbytes for group in machine.hub.groups.values())
    session.close()
    session.close()
    assert machine.hub.groups == {}
    assert machine.hub.held_bytes == 0
    assert machine.hub.tick_ms("machine-1") == 1000


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize(
    "text",
    [
        "hi",
        "{}",
        '{"type":"dance","id":1}',
        '{"type":"ping","id":1}',
        '{"type":"list","id":1}',
        '{"type":"subscribe","id":1,"stream":"s","metrics":["system.load"]}',
        '{"type":"subscribe","id":1,"stream":"s","metrics":["no.such"]}',
        '{"type":"table","id":1,"stream":"s","table":"nothing"}',
        '{"type":"hello","id":1}',
    ],
)
def test_a_stranger_gets_the_same_answer_to_everything(machine: Machine, text: str, plain: bool) -> None:
    session = stranger(machine, plain=plain)
    code, message = error_of(decode(session.receive(text)))
    assert code == 101
    assert message.startswith("this server requires a token")
    assert (session.ending, session.group_ids) == (None, ())
    assert error_of(decode(session.receive_binary(3)))[0] == 101


@pytest.mark.parametrize(
    ("grant", "metrics"), [(ALL, {"system.load"}), (LOAD_ONLY, {"system.load"}), (DISKS, None), (SDA, None)]
)
def test_a_plain_socket_gets_the_part_of_the_default_stream_that_it_may(
    machine: Machine, grant: Grant, metrics: set[str] | None
) -> None:
    session = granted(machine, grant, plain=True)
    first, *more = decode(session.open(plain=True))
    if metrics is None:
        assert (first["type"], first["code"], session.mode) == ("error", 103, Mode.PROTOCOL)
        assert [one["type"] for one in more] == ["welcome"]
        return
    assert (first["type"], set(first["metrics"]), more) == ("metrics", metrics, [])
    group = machine.hub.groups[session.group_ids[0]]
    assert group.key.interval_ms == max(1000, grant.interval_min_ms)


@settings(deadline=None)
@given(st.booleans(), st.lists(st.one_of(commands.map(json.dumps), st.text()), max_size=20))
def test_whatever_a_stranger_says_nothing_of_the_machine_comes(plain: bool, texts: list[str]) -> None:
    machine = Machine(limits=Limits(messages_per_second=1000))
    machine.tick(1.0)
    session = stranger(machine, plain=plain)
    session.open(plain=plain)
    for text in texts:
        [error] = decode(session.receive(text))
        assert (error["type"], error["code"]) in {("error", 101), ("error", 107)}
        assert "system" not in error["message"] or "system" in text
        assert machine.hub.groups == {}


SELECTIONS = st.builds(
    Selection.of,
    st.lists(st.sampled_from([">", "system.*", "system.>", "system.load", "system.disk.io", "hw.fan.*"]), max_size=2),
    st.sampled_from([{}, {"system.device": ["sda"]}, {"system.device": ["sda", "sdb"]}]),
).filter(lambda selection: selection.patterns)


GRANTS = st.builds(
    Grant,
    st.sampled_from([Scope.STREAM, Scope.EMBED]),
    st.just("some"),
    st.lists(SELECTIONS, max_size=3).map(tuple),
    interval_min_ms=st.sampled_from([0, 2000]),
)


@settings(deadline=None)
@given(GRANTS, GRANTS, st.booleans(), st.lists(st.one_of(commands, st.sampled_from(["tick", "renew"])), max_size=30))
@example(Grant(Scope.STREAM, "some"), Grant(Scope.STREAM, "some"), True, [{"type": "bye"}])
def test_whatever_is_asked_nothing_outside_the_grant_comes(
    first: Grant, second: Grant, plain: bool, plan: list[Any]
) -> None:
    machine = Machine(limits=Limits(messages_per_second=1000))
    machine.tick(1.0, disks=("sda", "sdb"))
    session = machine.session(caller=Caller(first), plain=plain, verify=lambda _token, _caller: second)
    grant, seen = first, decode(session.open(plain=plain))
    for step in plan:
        seen = [] if step == "tick" else seen
        if step == "tick":
            emitted = machine.tick(2.0, disks=("sda", "sdb", "sdc"))
            seen = [one for id_ in session.group_ids for one in decode(emitted.get(id_, []))]
        elif step == "renew":
            grant, seen = second, ask(session, type="hello", token="t")
        else:
            answers = session.receive(text := json.dumps(step))
            echoed = [one for one in answers if one.payload == f"Message text was: {text}".encode()]  # no command
            seen = decode([] if echoed else answers)
        for message in seen:
            series = message["series"] if message["type"] in ("snapshot", "series", "catalogue") else []
            assert all(grant.allows(series_of(one["name"], one["attributes"])) for one in series), (grant, message)
            for key in message.get("metrics", ()):
                assert grant.allows_name(key.partition("{")[0]), (grant, message)
            if message["type"] == "rows":
                assert grant.allows_table("processes")
        for id_ in session.group_ids:
            group = machine.hub.groups[id_]
            assert group.key.interval_ms >= grant.interval_min_ms
            if hasattr(group, "series"):
                assert all(grant.allows(one) for one in group.series)


def series_of(name: str, attributes: dict[str, str]) -> Series:
    return Series(Descriptor(name, "1", Kind.GAUGE, "", tuple(attributes)), tuple(attributes.values()))


def test_a_command_nested_deeper_than_can_be_shown_is_refused(machine: Machine) -> None:
    deep = '{"type":' + "[" * 990 + "]" * 990 + "}"
    assert error_of(decode(machine.session().receive(deep)))[0] == 104


def test_a_fault_of_the_server_costs_one_answer_and_not_the_socket(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    session = machine.session()
    machine.timeline.ring.newest = None
    assert error_of(ask(session, type="subscribe", stream="a", metrics=["system.load"])) == (
        100,
        "a fault of the server, which has logged it",
    )
    assert "a message was not answered" in caplog.text
    assert ask(session, type="ping")[0]["type"] == "pong"


def test_the_default_stream_is_there_whatever_the_limits() -> None:
    machine = Machine(limits=Limits(series=1, subscriptions=1))
    machine.tick(1.0)
    subscribe(machine.session())
    assert decode(machine.session(plain=True).open())[0]["type"] == "metrics"


def test_of_a_message_that_is_too_long_and_too_many_not_even_the_id_is_looked_for() -> None:
    machine = Machine(limits=Limits(messages_per_second=1, message_bytes=1024))
    machine.tick(1.0)
    session = machine.session()
    assert ask(session, type="ping", id=1)[0]["type"] == "pong"
    [error] = ask(session, type="ping", id=2, filler="x" * 1024)
    assert (error["code"], "id" in error) == (ErrorCode.RATE_LIMITED, False)


def test_a_plain_socket_is_not_sent_gaps(machine: Machine) -> None:
    session = machine.session(plain=True)
    [messages] = machine.tick(1.0, skip=2).values()
    assert [message["type"] for message in decode(messages)] == ["metrics"]
    session.close()
