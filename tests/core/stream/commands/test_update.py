"""A stream that is there is changed, paused and resumed."""

from __future__ import annotations

import pytest
from tests.core.machine import Machine, ask
from tests.core.stream.talk import (
    error_of,
    subscribe,
)

from vitalcast.core.wire.limits import Limits

pytestmark = pytest.mark.usefixtures("each_bus")


def test_a_paused_stream_costs_nothing_and_resumes_with_what_it_missed(machine: Machine) -> None:
    session = machine.session()
    subscribe(session)
    [ack] = ask(session, type="update", id=2, stream="s", paused=True)
    assert (ack["paused"], ack["group"], ack["id"]) == (True, None, 2)
    assert session.group_ids == ()
    assert machine.hub.groups == {}
    machine.tick(4.0)
    machine.tick(5.0)
    since = {"epoch": "epoch-1", "offset": 3}
    ack, snapshot = ask(session, type="update", stream="s", paused=False, since=since)
    assert (ack["paused"], ack["recovered"]) == (False, True)
    assert snapshot["values"] == [[4.0, 5.0]]


def test_another_interval_means_another_group(machine: Machine) -> None:
    session = machine.session()
    before = subscribe(session)[0]
    ack, snapshot = ask(session, type="update", stream="s", interval=5)
    assert ack["interval"] == 5
    assert ack["group"] != before["group"]
    assert snapshot["group"] == ack["group"]
    assert session.group_ids == (ack["group"],)


def test_an_update_that_changes_nothing_is_acknowledged_alone(machine: Machine) -> None:
    session = machine.session()
    subscribe(session)
    assert [answer["type"] for answer in ask(session, type="update", stream="s", interval=1)] == ["ack"]


def test_an_update_that_fails_leaves_the_stream_as_it_was() -> None:
    machine = Machine(limits=Limits(snapshot_values=5))
    for _ in range(30):
        machine.tick(1.0)
    session = machine.session()
    subscribe(session)
    before = session.group_ids
    code, message = error_of(ask(session, type="update", stream="s", interval=2, backfill=60))
    assert code == 106
    assert "backfill" in message
    assert session.group_ids == before
    assert len(machine.hub.groups) == 1


def test_what_a_paused_stream_asked_for_counts(machine: Machine) -> None:
    session = machine.session()
    where = {f"key {key}": [f"{key} {value}" for value in range(64)] for key in range(64)}
    subscribe(session, where=where)
    ask(session, type="update", stream="s", paused=True)
    assert machine.hub.groups == {}
    assert machine.hub.held_bytes > 64 * 64 * 4
    ask(session, type="unsubscribe", stream="s")
    assert machine.hub.held_bytes == 0


def test_an_update_with_a_position_brings_what_is_missed_even_if_nothing_else_changes(machine: Machine) -> None:
    session = machine.session()
    subscribe(session)
    ack, snapshot = ask(session, type="update", stream="s", interval=1, since={"epoch": "epoch-1", "offset": 1})
    assert ack["recovered"] is True
    assert snapshot["values"] == [[2.0, 3.0]]
    assert sum(group.streams for group in machine.hub.groups.values()) == 1
