"""Series that are reduced before they are sent: once for all equal subscribers, and as a query has them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from tests.core.machine import Client, Machine, ask, decode, disk
from tests.core.query.recorded import HandPast, Recorded

from vitalcast.core.metrics.model import Descriptor, Kind, Series
from vitalcast.core.metrics.names import Selection
from vitalcast.core.query.ask import ask as ask_past
from vitalcast.core.query.query import Query
from vitalcast.core.stream.reduced_group import STAY_MS
from vitalcast.core.stream.session import Session
from vitalcast.core.vocabulary import Aggregate, ErrorCode, Reduce
from vitalcast.core.wire import binary
from vitalcast.core.wire.encodings import JSON, Encoding
from vitalcast.core.wire.limits import Limits

CPU = Descriptor("process.cpu", "1", Kind.GAUGE, "CPU.", ("program", "user"))
NOTHING = HandPast(Recorded((), np.zeros(0, dtype=np.int64), np.zeros((0, 0))), written=0)
PROGRAMS = [("gzip", "ann"), ("gzip", "bob"), ("make", "ann"), ("vim", "bob")]


def cpu(program: str, user: str) -> Series:
    return Series(CPU, (program, user))


@pytest.fixture
def machine() -> Machine:
    return Machine(descriptors=(CPU,))


def tick(machine: Machine, *values: float, load: float | None = None) -> dict[int, list[Any]]:
    """Take one tick in which the first programs have these values."""
    readings = {cpu(*one): value for one, value in zip(PROGRAMS, values, strict=False)}
    if load is not None:
        readings[disk("sda")] = load
    return machine.take(machine.frame(readings))


def subscribe(session: Session, **fields: Any) -> list[dict[str, Any]]:
    return ask(session, type="subscribe", stream="s", metrics=["process.>"], **fields)


# --- what is sent --------------------------------------------------------------------------------------------------


def test_groups_have_the_attributes_they_are_grouped_by_alone(machine: Machine) -> None:
    tick(machine, 1, 2, 4, 8)
    ack, snapshot = subscribe(machine.session(), group_by=["program"])
    assert ack["series"] == 3
    assert [one["attributes"] for one in snapshot["series"]] == [{"program": name} for name in ("gzip", "make", "vim")]
    assert {one["unit"] for one in snapshot["series"]} == {"1"}
    assert snapshot["values"] == [[3.0], [4.0], [8.0]]


def test_reduce_alone_makes_one_series_of_a_metric(machine: Machine) -> None:
    tick(machine, 1, 2, 4, 9)
    _, snapshot = subscribe(machine.session(), reduce="max")
    assert ([one["attributes"] for one in snapshot["series"]], snapshot["values"]) == ([{}], [[9.0]])


def test_series_without_the_attribute_are_a_group_of_their_own(machine: Machine) -> None:
    tick(machine, 1, 2, load=7)
    _, snapshot = ask(machine.session(), type="subscribe", stream="s", metrics=[">"], group_by=["user"])
    found = {(one["name"], one["attributes"]["user"]): value for one, (value,) in zip_series(snapshot)}
    assert found == {("process.cpu", "ann"): 1.0, ("process.cpu", "bob"): 2.0, ("system.disk.io", ""): 7.0}


def zip_series(snapshot: dict[str, Any]) -> Iterator[tuple[dict[str, Any], list[float]]]:
    return zip(snapshot["series"], snapshot["values"], strict=True)


@pytest.mark.parametrize("encoding", [JSON, binary.BINARY])
def test_each_tick_brings_the_reduced_values(machine: Machine, encoding: Encoding) -> None:
    tick(machine, 1, 2, 4, 8)
    subscribe(machine.session(encoding=encoding), group_by=["program"])
    (message,) = tick(machine, 10, 20, 4, math.nan)[1]
    if encoding is JSON:
        (data,) = decode([message])
        assert data.get("values") == [30.0, 4.0, None]
    else:
        assert binary.decode(message.payload).onto([0.0] * 3)[:2] == [30.0, 4.0]


def test_equal_subscribers_share_a_group_and_others_do_not(machine: Machine) -> None:
    tick(machine, 1, 2)
    same = [subscribe(machine.session(), group_by=["program"])[0]["group"] for _ in range(2)]
    assert same[0] == same[1]
    others = [{"group_by": ["user"]}, {"group_by": ["program"], "reduce": "avg"}, {"top": 1}, {}]
    assert len({subscribe(machine.session(), **fields)[0]["group"] for fields in others} | set(same)) == 5


def test_series_that_comes_into_a_group_changes_no_list_and_a_new_group_does(machine: Machine) -> None:
    tick(machine, 1)
    subscribe(machine.session(), group_by=["program"])
    assert [one["type"] for one in decode(tick(machine, 1, 2)[1])] == ["data"]
    series, data = decode(tick(machine, 1, 2, 4)[1])
    assert [one["attributes"]["program"] for one in series["series"]] == ["gzip", "make"]
    assert data["values"] == [3.0, 4.0]


def test_aggregates_come_before_the_reduction(machine: Machine) -> None:
    wait_for_a_minute(machine)
    tick(machine, 0, 0)  # the first tick ever ends an interval
    subscribe(machine.session(), reduce="sum", aggregate=["max", "count", "p50"], interval=4)
    assert not tick(machine, 1, 8).get(1)
    assert not tick(machine, 2, 6).get(1)
    (data,) = decode(tick(machine, 3, 5)[1])
    assert data["values"] == [3 + 8, 3 + 3, 2 + 6]


def test_metric_that_comes_later_is_told_then(machine: Machine) -> None:
    machine.take(machine.frame({disk("sda"): 1.0}))
    ack, snapshot = subscribe(machine.session(), group_by=["program"], top=3, backfill=10)
    assert (ack["series"], snapshot["series"], snapshot["values"]) == (0, [], [])
    series, data = decode(tick(machine, 1, 2)[1])
    assert ([one["attributes"] for one in series["series"]], data["values"]) == ([{"program": "gzip"}], [3.0])


def test_column_that_another_series_got_is_not_taken_for_one_that_is_gone() -> None:
    machine = Machine(descriptors=(CPU,), window_ms=60_000)
    tick(machine, 1, 2, load=7)
    subscribe(machine.session(), group_by=[])
    tick(machine, 1, load=7)  # the second ends
    for _ in range(300):
        tick(machine, 1, load=7)
    said = decode(machine.take(machine.frame({cpu("gzip", "ann"): 1.0, disk("sda"): 7.0, disk("sdb"): 50.0}))[1])
    assert [one["type"] for one in said] == ["data"]
    later = Client()
    for message in subscribe(machine.session(), group_by=[], backfill=10):
        later.take(message)
    assert set(later.points["process.cpu#0"].values()) == {1.0}


# --- the highest ---------------------------------------------------------------------------------------------------


def test_top_sends_the_highest_by_their_newest_value(machine: Machine) -> None:
    tick(machine, 1, 2, 4, 8)
    ack, snapshot = subscribe(machine.session(), top=2)
    assert ack["series"] == 2
    assert [one["attributes"]["program"] for one in snapshot["series"]] == ["make", "vim"]
    assert snapshot["values"] == [[4.0], [8.0]]


def test_members_of_the_top_stay_for_a_while_and_a_change_is_said(machine: Machine) -> None:
    tick(machine, 1, 2, 4, 8)
    subscribe(machine.session(), top=1)
    changes = []
    for second in range(1, 30):
        said = decode(tick(machine, 9, 2, 4, 8)[1])
        if [one["type"] for one in said] == ["series", "data"]:
            changes.append(second)
            assert said[0]["series"][0]["attributes"] == {"program": "gzip", "user": "ann"}
            assert said[1]["values"] == [9.0]
        else:
            assert [one["type"] for one in said] == ["data"]
    assert changes == [STAY_MS // 1000]


def test_top_of_groups_ranks_what_was_reduced(machine: Machine) -> None:
    tick(machine, 3, 3, 4, 5)
    _, snapshot = subscribe(machine.session(), group_by=["program"], top=1)
    assert (snapshot["series"][0]["attributes"], snapshot["values"]) == ({"program": "gzip"}, [[6.0]])


# --- the past ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reduce", list(Reduce))
@pytest.mark.parametrize("interval", [1, 5])
def test_backfill_is_what_a_query_answers(machine: Machine, reduce: Reduce, interval: int) -> None:
    rng = np.random.default_rng(1)
    wait_for_a_minute(machine)
    for second in range(240):
        values = np.where(rng.random(4) < 0.1, math.nan, rng.random(4) * 100)
        tick(machine, *values[: 3 if second > 150 else 4])  # vim ends, and its past counts
    aggregates = ["avg", "max", "sum", "count", "p90"]
    fields: dict[str, Any] = {"group_by": ["user"], "reduce": reduce.value, "aggregate": aggregates}
    _, snapshot = subscribe(machine.session(), interval=interval, backfill=180, **fields)
    result = ask_past(
        machine.timeline,
        Query(
            Selection.of(["process.>"]),
            machine.time_ms - 180_000,
            machine.time_ms,
            step_ms=interval * 1000,
            aggregates=tuple(map(Aggregate, aggregates)),
            group_by=("user",),
            reduce=reduce,
        ),
    )(NOTHING)
    assert [one.attributes for one in result.series] == [one["attributes"] for one in snapshot["series"]]
    assert snapshot["times"] == result.times_ms.tolist()
    got = np.array([[math.nan if value is None else value for value in column] for column in snapshot["values"]])
    np.testing.assert_allclose(got.T, result.values, rtol=1e-12)


def wait_for_a_minute(machine: Machine) -> None:
    machine.wait(60_000 - machine.time_ms % 60_000)


def test_live_data_and_backfill_are_the_same_series(machine: Machine) -> None:
    rng = np.random.default_rng(2)
    wait_for_a_minute(machine)
    tick(machine, 1, 2, 3, 4)
    fields: dict[str, Any] = {"group_by": ["program"], "reduce": "p90", "aggregate": ["sum", "p50"], "interval": 5}
    live = Client()
    for message in subscribe(machine.session(), **fields):
        live.take(message)
    for _ in range(100):
        for message in decode(tick(machine, *rng.random(4)).get(1, [])):
            live.take(message)
    later = Client()
    for message in subscribe(machine.session(), backfill=60, **fields):
        later.take(message)
    for name, points in later.points.items():
        assert len(points) == 12
        for time, value in points.items():
            assert live.points[name][time] == pytest.approx(value)


def test_stream_goes_on_where_it_was_lost(machine: Machine) -> None:
    for value in range(10):
        tick(machine, value, value)
    since = {"epoch": "epoch-1", "offset": 6}
    ack, snapshot = subscribe(machine.session(), reduce="sum", since=since)
    assert ack["recovered"]
    assert snapshot["values"] == [[12.0, 14.0, 16.0, 18.0]]


# --- what is refused -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"reduce": "last"}, "reduce"),
        ({"group_by": "program"}, "group_by"),
        ({"group_by": [""]}, "group_by"),
        ({"top": 0}, "top"),
        ({"aggregate": ["p42"]}, "aggregate"),
    ],
)
def test_what_cannot_be_is_refused_by_name(machine: Machine, fields: dict[str, Any], named: str) -> None:
    tick(machine, 1)
    (error,) = subscribe(machine.session(), **fields)
    assert error["code"] == ErrorCode.BAD_REQUEST
    assert named in error["message"]


def test_panel_brings_its_own_series(machine: Machine) -> None:
    (error,) = ask(machine.session(), type="subscribe", stream="s", panel="cpu", group_by=[])
    assert error["code"] == ErrorCode.BAD_REQUEST
    assert error["message"].startswith("group_by")


def test_percentiles_of_more_than_memory_has_are_refused(machine: Machine) -> None:
    tick(machine, 1, 2)
    (error,) = subscribe(machine.session(), aggregate=["p99"], interval=1000)
    assert (error["code"], error["message"].startswith("interval: ")) == (ErrorCode.LIMIT, True)
    machine.ring.memory_max_bytes = 6_000
    (error,) = subscribe(machine.session(), aggregate=["p99"], interval=500)
    assert (error["code"], "memory has 128 s" in error["message"]) == (ErrorCode.LIMIT, True)
    machine.hub.limits = Limits(snapshot_values=100)
    (error,) = subscribe(machine.session(), aggregate=["p99"], interval=60)
    assert error["code"] == ErrorCode.LIMIT


def test_percentiles_count_a_series_that_left_within_the_interval(machine: Machine) -> None:
    wait_for_a_minute(machine)
    tick(machine, 0, 0)
    ack, _ = subscribe(machine.session(), group_by=[], aggregate=["p50", "max"], interval=4)
    for values in ((1, 8), (2, 6)):
        tick(machine, *values)
    (data,) = decode(tick(machine, 4)[ack["group"]])
    assert data["values"] == [2 + 7, 4 + 8]
