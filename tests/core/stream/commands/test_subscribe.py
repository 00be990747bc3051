"""A stream of series: what is begun, shared and refused."""

from __future__ import annotations

import pytest
from tests.core.machine import Machine, ask, decode
from tests.core.stream.talk import (
    ALL,
    LOAD_ONLY,
    OTHERS,
    PROGRAM,
    SDA,
    error_of,
    granted,
    subscribe,
)

from vitalcast.core.metrics.names import Selection
from vitalcast.core.stream.grants import Grant
from vitalcast.core.vocabulary import ErrorCode, Scope
from vitalcast.core.wire.limits import Limits

pytestmark = pytest.mark.usefixtures("each_bus")


def test_subscribe_is_answered_by_ack_and_the_newest_tick(machine: Machine) -> None:
    ack, snapshot = subscribe(machine.session())
    assert ack == {
        "type": "ack",
        "id": 1,
        "stream": "s",
        "group": 1,
        "source": "machine-1",
        "epoch": "epoch-1",
        "offset": 3,
        "interval": 1.0,
        "series": 1,
        "recovered": False,
        "paused": False,
    }
    assert snapshot == {
        "type": "snapshot",
        "group": 1,
        "source": "machine-1",
        "epoch": "epoch-1",
        "offset": 3,
        "time": machine.time_ms,
        "series": [{"name": "system.load", "unit": "1", "attributes": {}}],
        "times": [machine.time_ms],
        "values": [[3.0]],
    }


def test_two_streams_with_one_group_are_told_apart_by_name(machine: Machine) -> None:
    session = machine.session()
    first, second = subscribe(session)[0], subscribe(session, stream="t")[0]
    assert first["group"] == second["group"]
    ask(session, type="unsubscribe", stream="s")
    assert session.group_ids == (first["group"],)


def test_a_faster_subscription_quickens_the_ticks_and_leaving_slows_them(machine: Machine) -> None:
    session = machine.session()
    assert machine.hub.tick_ms("machine-1") == 1000
    for stream, interval, tick_ms in (("a", 0.5, 500), ("b", 0.3, 100), ("c", 5, 100)):
        subscribe(session, stream=stream, interval=interval)
        assert machine.hub.tick_ms("machine-1") == tick_ms
    session.close()
    assert machine.hub.tick_ms("machine-1") == 1000


def test_a_metric_that_may_come_can_be_subscribed_to_before_it_does(machine: Machine) -> None:
    ack, snapshot = subscribe(machine.session(), metrics=["hw.fan.speed"])
    assert ack["series"] == 0
    assert (snapshot["series"], snapshot["values"]) == ([], [])


def test_a_stream_name_is_taken_once(machine: Machine) -> None:
    session = machine.session()
    subscribe(session)
    assert error_of(subscribe(session))[0] == 105


@pytest.mark.parametrize("metrics", [["system.disk.io"], [">"], ["system.load", "system.*"], ["no.such.metric"]])
def test_what_lies_outside_is_denied_whether_it_is_there_or_not(machine: Machine, metrics: list[str]) -> None:
    session = granted(machine, LOAD_ONLY)
    for command in ("subscribe", "list"):
        fields = {"stream": "s"} if command == "subscribe" else {}
        if command == "list" and metrics == [">"]:
            continue
        code, message = error_of(ask(session, type=command, metrics=metrics, **fields))
        assert (code, message) == (103, f"metrics: {metrics[-1]} is more than this token may see")
    assert session.group_ids == ()


def test_a_where_may_be_what_makes_it_fit(machine: Machine) -> None:
    session = granted(machine, SDA)
    wanted = {"metrics": ["system.disk.io"]}
    assert "with this 'where'" not in error_of(subscribe(session, **wanted))[1]
    assert "with this 'where'" in error_of(subscribe(session, **wanted, where={"system.device": ["sda", "sdb"]}))[1]
    ack, _ = subscribe(session, **wanted, where={"system.device": ["sda"]})
    assert ack["series"] == 1


def test_a_subscription_may_span_what_is_granted_apart(machine: Machine) -> None:
    both = Grant(Scope.EMBED, "both", (Selection.of(["system.load"]), Selection.of(["system.disk.*"])))
    assert subscribe(granted(machine, both), metrics=["system.load", "system.disk.io"])[0]["type"] == "ack"


@pytest.mark.parametrize("table", [False, True])
def test_a_stream_names_no_program_to_who_may_not_see_the_processes(machine: Machine, table: bool) -> None:
    within = Selection.of(["process.>", *(["table.processes"] if table else [])])
    machine.take(machine.frame({PROGRAM: 1.0, OTHERS: 2.0}))
    session, viewer = granted(machine, Grant(Scope.STREAM, "some", (within,))), granted(machine, ALL)
    seen = [PROGRAM.attributes] if table else []
    for answers in (subscribe(session, metrics=["process.>"])[1:], ask(session, type="list")):
        [message] = answers
        assert [one["attributes"] for one in message["series"]] == [OTHERS.attributes, *seen]
    assert len(subscribe(viewer, metrics=["process.>"])[1]["series"]) == 2
    emitted = machine.take(machine.frame({PROGRAM: 3.0, OTHERS: 4.0}))
    [data] = [one for id_ in session.group_ids for one in decode(emitted[id_]) if one["type"] == "data"]
    assert data["values"] == [4.0, 3.0][: 1 + table]


def test_subscriptions_have_a_bound_of_memory_together(machine: Machine) -> None:
    machine = Machine(limits=Limits(subscriptions_mib=1, series=100_000, streams=10_000, messages_per_second=10_000))
    machine.tick(1.0, [f"sd{number}" for number in range(5000)])
    session = machine.session()
    wide = {"metrics": ["system.>"], "aggregate": ["avg"]}
    answers = [subscribe(session, stream=str(number), interval=number + 1, **wide)[0] for number in range(10)]
    taken = sum(answer["type"] == "ack" for answer in answers)
    assert 1 <= taken < 10
    assert answers[-1]["code"] == ErrorCode.LIMIT
    assert answers[-1]["temporary"]
    assert subscribe(machine.session(), interval=1, **wide)[0]["type"] == "ack", "which is there already"
    ask(session, type="unsubscribe", stream="0")
    held = machine.hub.held_bytes
    ask(session, type="update", stream="1", paused=True)
    assert 0 < machine.hub.held_bytes < held
    assert subscribe(session, stream="new", interval=99, **wide)[0]["type"] == "ack"
