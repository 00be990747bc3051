"""Questions about the past, and what is refused before anything is read."""

from __future__ import annotations

from typing import Any

import pytest
from tests.core.machine import START_MS, Machine, ask, decode
from tests.core.stream.keeper import settle
from tests.core.stream.talk import ALL, DISKS, LOAD_ONLY, SDA, error_of, granted, stranger

from vitalcast.core.metrics.resource import Resource, Source
from vitalcast.core.processes.snapshot import ProcessRow, ProcessSnapshot
from vitalcast.core.stream.grants import Grant
from vitalcast.core.stream.session import Session
from vitalcast.core.vocabulary import ErrorCode, Scope
from vitalcast.core.wire.limits import Limits
from vitalcast.errors import ProtocolError
from vitalcast.history.recent import Recent, RecentPast

NOTHING_KEPT = RecentPast(Recent())


def query(session: Session, past: RecentPast = NOTHING_KEPT, **fields: Any) -> dict[str, Any]:
    """Return the one answer to a query; by default for the last ten minutes of the load, a second a step."""
    asked = {"type": "query", "id": 1, "start": START_MS - 600_000, **fields}
    if not asked.keys() & {"table", "panel", "metrics"}:
        asked["metrics"] = ["system.load"]
    if not asked.keys() & {"table", "points", "step"}:
        asked["step"] = 1
    [answer] = ask(session, **asked) or settle(session, past)
    return answer


def refusal(session: Session, **fields: Any) -> tuple[int, str]:
    return error_of([query(session, **fields)])


def test_a_result_says_what_it_is_of_and_how_fine(machine: Machine) -> None:
    result = query(machine.session(), stream="chart")
    times = [machine.time_ms - 2000, machine.time_ms - 1000, machine.time_ms]
    assert result == {
        "type": "result",
        "id": 1,
        "stream": "chart",
        "source": "machine-1",
        "start": START_MS - 600_000,
        "end": machine.time_ms,
        "step": 1,
        "tiers": result["tiers"],
        "expired": result["expired"],
        "aggregate": ["avg"],
        "series": [{"name": "system.load", "unit": "1", "attributes": {}}],
        "times": times,
        "values": [[1.0, 2.0, 3.0]],
    }
    assert [tier["tier"] for tier in result["tiers"]] == ["raw"]
    assert result["expired"] == times[0] - 1


def test_aggregates_are_columns_of_each_series(machine: Machine) -> None:
    result = query(machine.session(), metrics=["system.>"], step=60, aggregate=["min", "max", "min"])
    assert result["aggregate"] == ["min", "max"]
    assert [one["name"] for one in result["series"]] == ["system.disk.io", "system.load"]
    assert [min(column) for column in result["values"]] == [3.0, 23.0, 1.0, 3.0]


def test_series_are_grouped_and_reduced(machine: Machine) -> None:
    machine.tick(4.0, ("sda", "sdb"))
    metrics = ["system.disk.io"]
    assert len(query(machine.session(), metrics=metrics)["series"]) == 2
    total = query(machine.session(), metrics=metrics, reduce="max")
    assert [one["attributes"] for one in total["series"]] == [{}]
    by_device = query(machine.session(), metrics=metrics, group_by=["system.device"])
    assert [one["attributes"] for one in by_device["series"]] == [{"system.device": "sda"}, {"system.device": "sdb"}]
    assert len(query(machine.session(), metrics=metrics, top=1)["series"]) == 1


def test_points_are_three_hundred_by_default(machine: Machine) -> None:
    for _ in range(700):
        machine.tick()
    result = query(machine.session(), start=0, points=None)
    assert (result["step"], len(result["times"])) == (2, 352), "of what is kept, however much is asked for"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"start": None}, "start: is missing"),
        ({"start": START_MS, "end": START_MS}, f"start: {START_MS} is not before end"),
        ({"points": 10, "step": 1}, "points, step: give one of them"),
        ({"metrics": ["system..load"]}, "metrics:"),
        ({"metrics": None}, "metrics: is missing; give patterns of metrics, a panel, or a table"),
        ({"sort": "cpu"}, "sort: does not go with metrics"),
        ({"panel": "cpu"}, "metrics: does not go with panel"),
        ({"table": "processes", "group_by": []}, "group_by, metrics"),
        ({"aggregate": ["median"]}, "aggregate.0"),
        ({"step": 0}, "step:"),
        ({"points": 100_001}, "points:"),
        ({"top": 0}, "top:"),
        ({"shift": -1}, "shift:"),
        ({"end": 10**18}, "end:"),
    ],
)
def test_what_makes_no_sense_is_refused_by_the_name_of_its_field(
    machine: Machine, fields: dict[str, Any], said: str
) -> None:
    asked = {"metrics": ["system.load"], **fields}
    code, message = refusal(machine.session(), **asked)
    assert code == ErrorCode.BAD_REQUEST
    assert said in message


def test_more_values_than_an_answer_may_have_are_refused(machine: Machine) -> None:
    small = Machine(limits=Limits(snapshot_values=100))
    for _ in range(200):
        small.tick(1.0)
    code, message = refusal(small.session(), start=0)
    assert code == ErrorCode.LIMIT
    assert "100 at most" in message


def test_an_unknown_metric_of_ours_is_said(machine: Machine) -> None:
    code, message = refusal(machine.session(), metrics=["system.laod"])
    assert code == ErrorCode.UNKNOWN_METRIC
    assert "system.load" in message


# --- who may ask -------------------------------------------------------------------------------------------------


def test_a_stranger_asks_nothing(machine: Machine) -> None:
    assert refusal(stranger(machine))[0] == ErrorCode.UNAUTHORIZED


def test_a_token_asks_for_no_more_than_it_sees(machine: Machine) -> None:
    assert refusal(granted(machine, LOAD_ONLY), metrics=["system.>"])[0] == ErrorCode.DENIED
    assert refusal(granted(machine, SDA), metrics=["system.disk.io"])[0] == ErrorCode.DENIED
    assert refusal(granted(machine, LOAD_ONLY), table="processes", at=START_MS)[0] == ErrorCode.DENIED
    assert query(granted(machine, LOAD_ONLY), step=2, aggregate=["max"])["values"] == [[2.0, 3.0]]


def test_a_token_looks_no_further_back_than_it_may(machine: Machine) -> None:
    session = granted(machine, Grant(Scope.VIEW, "capped", since_s=2))
    result = query(session)
    assert result["start"] == machine.time_ms - 2000
    assert result["values"] == [[2.0, 3.0]]
    before = {"start": machine.time_ms - 9000, "end": machine.time_ms - 2000}
    assert refusal(session, **before)[0] == ErrorCode.DENIED
    assert refusal(session, start=machine.time_ms - 1000, shift=5)[0] == ErrorCode.DENIED
    assert refusal(session, table="processes", at=machine.time_ms - 3000, start=None)[0] == ErrorCode.DENIED


def test_a_token_for_slow_streams_gets_no_finer_past(machine: Machine) -> None:
    session = granted(machine, Grant(Scope.VIEW, "slow", interval_min_ms=5000))
    code, message = refusal(session, step=1)
    assert (code, message) == (ErrorCode.LIMIT, "step: the shortest for this token is 5 s, not 1")
    assert query(session, step=5)["step"] == 5
    assert query(session, points=1000)["step"] == 5


def test_a_token_that_changed_meanwhile_gets_nothing(machine: Machine) -> None:
    session = granted(machine, ALL)
    ask(session, type="query", id=1, metrics=["system.load"], start=0)
    ask(session, type="hello", token="disks")
    code, message = error_of(settle(session, NOTHING_KEPT))
    assert code == ErrorCode.DENIED
    assert "ask again" in message


# --- several at once ---------------------------------------------------------------------------------------------


def ask_many(session: Session, count: int, **fields: Any) -> list[dict[str, Any]]:
    said = []
    for number in range(count):
        said += ask(session, type="query", id=number, metrics=["system.load"], start=0, points=1, **fields)
    return said


def test_so_many_are_answered_at_once_and_the_others_in_turn(machine: Machine) -> None:
    session = machine.session()
    assert ask_many(session, 6) == []
    begun = [session.next_deferred() for _ in range(5)]
    assert [one is not None for one in begun] == [True, True, True, True, False]
    assert begun[1] is not None
    [result] = decode(session.settle(begun[1], begun[1].work(NOTHING_KEPT)))
    assert result["id"] == 1
    assert session.next_deferred() is not None
    assert session.next_deferred() is None


def test_more_than_may_wait_are_refused_for_now() -> None:
    machine = Machine(limits=Limits(messages_per_second=1000))
    machine.tick()
    [error] = ask_many(machine.session(), 65)
    assert (error["id"], error["code"], error["temporary"]) == (64, ErrorCode.LIMIT, True)


def test_a_later_query_of_a_stream_takes_the_place_of_the_earlier(machine: Machine) -> None:
    session = machine.session()
    assert ask_many(session, 1, stream="chart") == []
    reading = session.next_deferred()
    assert reading is not None
    cancelled: list[bool] = []
    reading.cancel = lambda: cancelled.append(True)
    [error] = ask(session, type="query", id=7, stream="chart", metrics=["system.load"], start=0, points=1)
    assert (error["id"], error["code"]) == (0, ErrorCode.DUPLICATE_STREAM)
    assert cancelled == [True]
    assert session.settle(reading, reading.work(NOTHING_KEPT)) == []
    [result] = settle(session, NOTHING_KEPT)
    assert result["id"] == 7


def test_why_it_could_not_be_read_is_the_answer(machine: Machine) -> None:
    session = machine.session()
    ask_many(session, 1)
    deferred = session.next_deferred()
    assert deferred is not None
    [error] = decode(session.settle(deferred, ProtocolError(ErrorCode.INTERNAL, "the history cannot be read")))
    assert (error["id"], error["message"]) == (0, "the history cannot be read")


def test_answers_count_as_what_they_are_worth() -> None:
    machine = Machine(limits=Limits(messages_per_second=2), window_ms=10**9)
    for number in range(12_000):
        machine.tick(number / 7)
    session = machine.session()
    result = query(session, start=0)
    assert len(result["times"]) == 12_000
    assert refusal(session)[0] == ErrorCode.RATE_LIMITED


def test_there_is_room_for_an_answer_or_it_is_not_sent(machine: Machine) -> None:
    session = machine.session(room=lambda _nbytes: False)
    code, message = refusal(session)
    assert code == ErrorCode.LIMIT
    assert "try again later" in message


# --- processes ---------------------------------------------------------------------------------------------------


def recorded() -> RecentPast:
    recent = Recent()
    for at, cpu in ((START_MS - 5000, 0.5), (START_MS, 1.5)):
        row = ProcessRow(7, START_MS - 60_000, 1, "gzip", "root", None, 1, "R", cpu, 4096, 0.0, 0.0)
        recent.add_processes(ProcessSnapshot(at, 5000, (row,)))
    return RecentPast(recent)


def test_processes_of_a_moment(machine: Machine) -> None:
    result = query(machine.session(), recorded(), table="processes", at=START_MS - 1000, start=None)
    names = [column["name"] for column in result["columns"]]
    row = dict(zip(names, result["rows"][0], strict=True))
    assert (row["name"], row["cpu"]) == ("gzip", 1.5)
    assert (result["table"], result["interval"], result["end"]) == ("processes", 5, START_MS)


def test_processes_of_a_moment_are_none_of_before_a_token_may_look(machine: Machine) -> None:
    token = Grant(Scope.VIEW, "capped", since_s=(machine.time_ms - START_MS) / 1000 + 2)
    named = query(granted(machine, token), recorded(), table="processes", at=START_MS, start=None)
    assert named["rows"][0][named_at(named, "cpu")] == 1.5
    early = query(granted(machine, token), recorded(), table="processes", at=START_MS - 1500, start=None)
    assert [row[named_at(early, "cpu")] for row in early["rows"]] != [0.5]


def named_at(result: dict[str, Any], name: str) -> int:
    return [column["name"] for column in result["columns"]].index(name)


def test_processes_of_another_source_are_not_those_of_this_machine(machine: Machine) -> None:
    other = Machine(hub=machine.hub, source=Source(Resource("other", "db-1"), "epoch-2"))
    other.tick()
    code, message = refusal(machine.session(), table="processes", host="db-1", at=START_MS, start=None)
    assert (code, "only of this machine" in message) == (ErrorCode.UNKNOWN_METRIC, True)


def test_processes_of_a_window(machine: Machine) -> None:
    result = query(granted(machine, DISKS), recorded(), table="processes")
    names = [column["name"] for column in result["columns"]]
    assert dict(zip(names, result["rows"][0], strict=True))["cpu_peak"] == 1.5
    assert result["matches"] == 1


def test_one_process_over_time(machine: Machine) -> None:
    window = query(granted(machine, DISKS), recorded(), table="processes")
    pid = window["rows"][0][named_at(window, "pid")]
    result = query(granted(machine, DISKS), recorded(), table="processes", keys=[pid], points=1)
    assert result["rows"][0][named_at(result, "cpu_peak")] == 1.5
    assert query(granted(machine, DISKS), recorded(), table="processes", keys=[999_999])["rows"] == []


@pytest.mark.parametrize(
    ("fields", "code", "said"),
    [
        ({"table": "processes", "keys": ["x"]}, ErrorCode.BAD_REQUEST, "keys: those of 'processes' are numbers"),
        ({"table": "processes", "keys": [1], "sort": "cpu"}, ErrorCode.BAD_REQUEST, "sort: does not go with keys"),
        ({"table": "processes", "keys": [1, 2], "points": 2000}, ErrorCode.LIMIT, "points: at most 1500 for 2 keys"),
        ({"table": "units"}, ErrorCode.UNKNOWN_METRIC, "only 'processes' is recorded"),
        ({"table": "processes", "at": START_MS}, ErrorCode.BAD_REQUEST, "start: does not go with at"),
        ({"table": "processes", "sort": "beauty"}, ErrorCode.BAD_REQUEST, "sort: 'beauty' is not one of pid, name"),
        ({"table": "processes", "limit": 501}, ErrorCode.LIMIT, "limit: at most 500 rows"),
    ],
)
def test_tables_that_cannot_be_are_refused(
    machine: Machine, fields: dict[str, Any], code: ErrorCode, said: str
) -> None:
    refused, message = refusal(machine.session(), **fields)
    assert refused == code
    assert said in message
