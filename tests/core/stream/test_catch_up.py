"""What a stream gets of the past, and what that costs."""

from __future__ import annotations

import pytest
from tests.core.machine import Machine, ask
from tests.core.stream.talk import (
    ALL,
    error_of,
    granted,
    subscribe,
)

from vitalcast.core.metrics.names import Selection
from vitalcast.core.stream.grants import Grant
from vitalcast.core.vocabulary import ErrorCode, Scope
from vitalcast.core.wire.limits import Limits

pytestmark = pytest.mark.usefixtures("each_bus")


def test_backfill_brings_the_past(machine: Machine) -> None:
    _, snapshot = subscribe(machine.session(), backfill=2)
    assert snapshot["values"] == [[2.0, 3.0]]
    assert snapshot["times"] == [machine.time_ms - 1000, machine.time_ms]


def test_since_brings_exactly_what_was_missed(machine: Machine) -> None:
    ack, snapshot = subscribe(machine.session(), since={"epoch": "epoch-1", "offset": 1})
    assert ack["recovered"] is True
    assert snapshot["values"] == [[2.0, 3.0]]


def test_since_with_nothing_missed_brings_nothing(machine: Machine) -> None:
    ack, snapshot = subscribe(machine.session(), since={"epoch": "epoch-1", "offset": 3})
    assert ack["recovered"] is True
    assert (snapshot["times"], snapshot["values"]) == ([], [[]])


def test_since_of_another_epoch_brings_a_full_snapshot(machine: Machine) -> None:
    ack, snapshot = subscribe(machine.session(), since={"epoch": "epoch-0", "offset": 1}, backfill=60)
    assert ack["recovered"] is False
    assert snapshot["values"] == [[1.0, 2.0, 3.0]]


def test_since_from_the_future_is_not_recovered(machine: Machine) -> None:
    ack, _ = subscribe(machine.session(), since={"epoch": "epoch-1", "offset": 99})
    assert ack["recovered"] is False


def test_since_too_old_says_what_is_lost() -> None:
    machine = Machine(window_ms=1000)
    for _ in range(300):
        machine.tick(1.0)
    ack, gap, snapshot = subscribe(machine.session(), since={"epoch": "epoch-1", "offset": 5})
    assert ack["recovered"] is False
    assert gap == {"type": "gap", "group": ack["group"], "from": 6, "to": 299, "why": "expired"}
    assert snapshot["offset"] == 300


def test_a_grant_may_end_sooner_than_what_is_kept() -> None:
    machine = Machine(window_ms=3_600_000)
    for _ in range(1000):
        machine.tick(1.0)
    session = granted(machine, Grant(Scope.EMBED, "some", (Selection.of(["system.load"]),), since_s=900))
    assert len(subscribe(session, backfill=3600)[1]["times"]) == 900
    assert len(subscribe(granted(machine, ALL), backfill=3600)[1]["times"]) == 1000
    ack, snapshot = subscribe(session, stream="kept", since={"epoch": "epoch-1", "offset": 100})
    assert (ack["recovered"], len(snapshot["times"])) == (True, 900)
    ack, gap, snapshot = subscribe(session, stream="lost", since={"epoch": "epoch-1", "offset": 98}, backfill=3600)
    assert (ack["recovered"], len(snapshot["times"])) == (False, 900)
    assert (gap["from"], gap["to"], gap["why"]) == (99, 100, "expired")


@pytest.fixture(scope="module")
def long_machine() -> Machine:
    """A thousand ticks of a hundred series: sessions alone may be opened."""
    machine = Machine()
    for _ in range(1000):
        machine.tick(1.0, [f"sd{number}" for number in range(99)])
    return machine


def test_large_snapshots_count_as_many_messages(long_machine: Machine) -> None:
    session = long_machine.session()
    answers = [subscribe(session, stream=str(number), metrics=["system.>"], backfill=900)[0] for number in range(20)]
    kinds = [answer["type"] for answer in answers]
    assert kinds[0] == "ack"
    assert kinds[-1] == "error"
    assert 5 <= kinds.count("ack") <= 15


def test_what_is_read_for_a_long_interval_counts_and_not_what_comes_of_it(long_machine: Machine) -> None:
    session = long_machine.session()
    kinds = []
    for number in range(20):
        ack, *_ = subscribe(
            session, stream=str(number), metrics=["system.>"], backfill=900, interval=300, aggregate=["max"]
        )
        kinds.append(ack["type"])
    assert kinds[-1] == "error"
    assert 5 <= kinds.count("ack") <= 15


def test_only_the_newest_tick_of_an_interval_is_read_where_no_other_counts(long_machine: Machine) -> None:
    session = long_machine.session()
    long = {"metrics": ["system.>"], "backfill": 900, "interval": 300}
    assert {subscribe(session, stream=str(number), **long)[0]["type"] for number in range(20)} == {"ack"}


def test_more_is_not_read_than_a_few_times_what_a_snapshot_may_hold() -> None:
    machine = Machine(limits=Limits(snapshot_values=1000))
    for _ in range(100):
        machine.tick(1.0, [f"sd{number}" for number in range(99)])
    session = machine.session()
    wide = {"metrics": ["system.>"], "interval": 30, "backfill": 900}
    assert subscribe(session, **wide)[0]["type"] == "ack"
    code, message = error_of(subscribe(session, **wide, stream="t", aggregate=["avg"]))
    assert (code, "a snapshot reads 4000 at most" in message) == (ErrorCode.LIMIT, True)
    assert len(machine.hub.groups) == 1


def test_where_there_is_no_room_large_answers_are_put_off(machine: Machine) -> None:
    asked: list[int] = []
    session = machine.session(room=lambda nbytes: bool(asked.append(nbytes)))
    for answer in (subscribe(session, backfill=900), ask(session, type="list")):
        [error] = answer
        assert (error["code"], error["temporary"]) == (ErrorCode.LIMIT, True)
    assert min(asked) > 0
    assert (session.streams, machine.hub.groups) == ({}, {})


def test_ticks_missed_in_the_interval_under_way_are_said_to_a_newcomer() -> None:
    machine = Machine()
    machine.time_ms = 0
    for _ in range(12):
        machine.tick(1.0)
    machine.tick(1.0, skip=3)
    ack, snapshot, gap = subscribe(machine.session(), interval=10, since={"epoch": "epoch-1", "offset": 10})
    assert (ack["recovered"], snapshot["times"]) == (True, [])
    assert (gap["from"], gap["to"], gap["why"]) == (13, 15, "sampler")
    assert (snapshot["offsets"], snapshot["gaps"]) == ([], [[13, 15]])


def test_a_snapshot_says_where_ticks_are_missing_in_it() -> None:
    machine = Machine()
    for number in range(3):
        machine.tick(float(number), skip=2 * number)
    _, whole = subscribe(machine.session(), stream="newest")
    assert "offsets" not in whole
    _, holed, *gaps = subscribe(machine.session(), stream="past", backfill=60)
    assert (holed["offsets"], holed["gaps"]) == ([1, 4, 9], [[2, 3], [5, 8]])
    assert [[gap["from"], gap["to"]] for gap in gaps] == holed["gaps"]
    _, missed, _ = subscribe(machine.session(), stream="again", since={"epoch": "epoch-1", "offset": 4})
    assert (missed["offsets"], missed["gaps"]) == ([9], [[5, 8]])
