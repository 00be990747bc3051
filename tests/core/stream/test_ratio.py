"""Ratios of two selections: the same live, after a resumption and in a query, and once for all who want them."""

from __future__ import annotations

import itertools
import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from tests.core.machine import Client, Machine, ask, decode, disk
from tests.core.stream.talk import error_of
from tests.core.stream.talk import granted as with_grant
from tests.examples import examples
from tests.reference.tables import page

from vitalcast.core.metrics.model import Descriptor, Kind, Series
from vitalcast.core.metrics.names import Selection
from vitalcast.core.query.ask import ask as ask_past
from vitalcast.core.query.no_past import NoPast
from vitalcast.core.query.query import Query
from vitalcast.core.stream.grants import Grant
from vitalcast.core.vocabulary import Aggregate, ErrorCode, Reduce, Scope
from vitalcast.core.wire import binary

KEYS = ("node", "kind")
HITS = Descriptor("cache.hits", "{hit}", Kind.COUNTER, "Hits.", KEYS)
LOOKUPS = Descriptor("cache.lookups", "{lookup}", Kind.COUNTER, "Lookups.", KEYS)
PLACES = [(node, kind) for node in ("a", "b") for kind in ("page", "file")]
SERIES = [Series(descriptor, place) for descriptor in (HITS, LOOKUPS) for place in PLACES]
RATIO: dict[str, Any] = {"metrics": ["cache.hits"], "ratio_to": {"metrics": ["cache.lookups"]}}


def tick(machine: Machine, *values: float | None) -> dict[int, list[Any]]:
    """Take a tick with these hits, then lookups; None for a series that is not there."""
    readings = {one: value for one, value in zip(SERIES, values, strict=False) if value is not None}
    return machine.take(machine.frame(readings))


@pytest.fixture
def machine() -> Machine:
    machine = Machine(descriptors=(HITS, LOOKUPS))
    tick(machine, 1, 2, 3, 4, 2, 4, 12, 0)
    return machine


def subscribe(machine: Machine, **fields: Any) -> list[dict[str, Any]]:
    return ask(machine.session(), type="subscribe", stream="s", **(RATIO | fields))


def test_each_series_is_divided_by_that_of_the_same_attributes(machine: Machine) -> None:
    ack, snapshot = subscribe(machine)
    assert [one["name"] for one in snapshot["series"]] == ["cache.hits"] * 4
    assert {one["unit"] for one in snapshot["series"]} == {"{hit}/{lookup}"}
    assert snapshot["values"] == [[0.5], [None], [0.5], [0.25]]  # of kinds, then nodes: b's file is divided by 0
    [data] = decode(tick(machine, 1, 2, 3, 4, 1, 1, 1, 1)[ack["group"]])
    assert data["values"] == [2.0, 4.0, 1.0, 3.0]


def test_both_are_reduced_before_and_the_highest_ratios_are_sent(machine: Machine) -> None:
    _, grouped = subscribe(machine, group_by=["node"])
    assert grouped["values"] == [[3 / 6], [7 / 12]]
    _, highest = subscribe(machine, group_by=["node"], top=1)
    assert [one["attributes"] for one in highest["series"]] == [{"node": "b"}]


def test_a_divisor_that_is_alone_divides_all(machine: Machine) -> None:
    alone = {"metrics": ["cache.lookups"], "where": {"node": ["a"], "kind": ["page"]}}
    _, snapshot = subscribe(machine, ratio_to=alone)
    assert sorted(value for (value,) in snapshot["values"]) == [0.5, 1.0, 1.5, 2.0]


def test_series_that_come_and_go_are_told(machine: Machine) -> None:
    ack, _ = subscribe(machine)
    series, data = decode(tick(machine, 1, 2, 3, 4, 2, 4)[ack["group"]])
    assert len(series["series"]) == len(data["values"]) == 2
    series, data = decode(tick(machine, 1, 2, 3, 4, 2, 4, 6)[ack["group"]])
    assert (len(series["series"]), sorted(data["values"])) == (3, [0.5, 0.5, 0.5])


def test_equal_subscribers_share_one_evaluation_and_others_do_not(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vitalcast.core.query import ratio

    divided = []
    real = ratio.Ratio.apply
    monkeypatch.setattr(ratio.Ratio, "apply", lambda *args: (divided.append(1), real(*args))[1])
    groups = {subscribe(machine)[0]["group"] for _ in range(1000)}
    divided.clear()
    tick(machine, *range(1, 9))
    assert (len(groups), len(divided)) == (1, 1)
    others = [{"ratio_to": {"metrics": ["cache.>"]}}, {"ratio_to": None}, {"group_by": []}]
    assert len(groups | {subscribe(machine, **fields)[0]["group"] for fields in others}) == 4


def test_binary_says_the_same(machine: Machine) -> None:
    session = machine.session(encoding=binary.BINARY)
    ack, _ = ask(session, type="subscribe", stream="s", **RATIO)
    (message,) = tick(machine, 1, 2, 3, 4, 1, 1, 1, 1)[ack["group"]]
    assert sorted(binary.decode(message.payload).onto([0.0] * 4)) == [1.0, 2.0, 3.0, 4.0]


# --- what is refused -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "code", "said"),
    [
        ({"ratio_to": {}}, ErrorCode.BAD_REQUEST, "ratio_to.metrics: is missing"),
        ({"ratio_to": {"metrics": ["a..b"]}}, ErrorCode.BAD_REQUEST, "ratio_to.metrics: 'a..b'"),
        (
            {"ratio_to": {"metrics": ["system.lod"]}},
            ErrorCode.UNKNOWN_METRIC,
            "ratio_to.metrics: nothing here is called",
        ),
        ({"metrics": None, "panel": "cpu"}, ErrorCode.BAD_REQUEST, "ratio_to: a panel brings its own"),
    ],
)
def test_bad_divisors_are_refused_in_words(machine: Machine, fields: dict[str, Any], code: int, said: str) -> None:
    asked = {name: value for name, value in (RATIO | fields).items() if value is not None}
    found, message = error_of(ask(machine.session(), type="subscribe", stream="s", **asked))
    assert (found, said in message) == (code, True), message


def test_a_token_has_to_cover_both(machine: Machine) -> None:
    grant = Grant(Scope.STREAM, "hits", (Selection.of(["cache.hits"]),))
    session = with_grant(machine, grant)
    assert ask(session, type="subscribe", stream="own", metrics=["cache.hits"])[0]["type"] == "ack"
    code, message = error_of(ask(session, type="subscribe", stream="s", **RATIO))
    assert (code, message) == (ErrorCode.DENIED, "ratio_to.metrics: cache.lookups is more than this token may see")
    code, message = error_of(ask(session, type="query", start=1, **RATIO))
    assert (code, "ratio_to.metrics" in message) == (ErrorCode.DENIED, True)


# --- the past ------------------------------------------------------------------------------------------------------


ALL_THERE = st.tuples(*[st.one_of(st.just(math.nan), st.integers(0, 9).map(float))] * len(SERIES))


@settings(max_examples=60, phases=[Phase.explicit, Phase.generate])
@given(
    st.lists(ALL_THERE, min_size=3, max_size=12),
    st.sampled_from([None, [], ["node"]]),
    st.sampled_from(["sum", "max"]),
    st.sampled_from(["last", "delta", "avg"]),
)
def test_live_resumed_and_queried_are_the_same(
    ticks: list[tuple[float, ...]], group_by: list[str] | None, reduce: str, aggregate: str
) -> None:
    machine = Machine(descriptors=(HITS, LOOKUPS))
    tick(machine, *[1.0] * len(SERIES))
    fields = {"aggregate": [aggregate]} | ({} if group_by is None else {"group_by": group_by, "reduce": reduce})
    live, resumed = Client(), Client()
    ack, snapshot = subscribe(machine, **fields)
    for message in [snapshot, *itertools.chain(*(decode(tick(machine, *one).get(ack["group"], [])) for one in ticks))]:
        live.take(message)
    _, again = subscribe(machine, since={"epoch": "epoch-1", "offset": 1}, **fields)
    resumed.take(again)
    for key, points in resumed.points.items():
        common = points.keys() & live.points.get(key, {}).keys()
        assert {time: points[time] for time in common} == {time: live.points[key][time] for time in common}

    query = Query(
        Selection.of(["cache.hits"]),
        0,
        2**42,
        step_ms=1000,
        aggregates=(Aggregate(aggregate),),
        group_by=None if group_by is None else tuple(group_by),
        reduce=Reduce(reduce),
        ratio_to=Selection.of(["cache.lookups"]),
    )
    found = ask_past(machine.timeline, query)(NoPast())
    for one, column in zip(found.series, found.values.T, strict=True):
        told = live.points.get(one.name + "".join(sorted(one.values)) + "#0", {})
        of_query = dict(zip(found.times_ms.tolist(), column.tolist(), strict=True))
        assert {time: value for time, value in told.items() if value is not None and time in of_query} == {
            time: value for time, value in of_query.items() if not math.isnan(value) and time in told
        }


@pytest.mark.parametrize("aggregate", ["avg", "rate"])
def test_a_query_is_what_plain_numpy_makes_of_it(aggregate: str) -> None:
    machine = Machine(descriptors=(HITS, LOOKUPS))
    values = np.cumsum(np.random.default_rng(4).integers(1, 9, (40, len(SERIES))), axis=0).astype(float)
    for row in values:
        tick(machine, *row.tolist())
    query = Query(
        Selection.of(["cache.hits"]), 0, 2**42, step_ms=5000, aggregates=(Aggregate(aggregate),),
        group_by=("node",), ratio_to=Selection.of(["cache.lookups"]), top=1,
    )  # fmt: skip
    found = ask_past(machine.timeline, query)(NoPast())
    times = machine.time_ms - 1000 * np.arange(39, -1, -1)
    ends = -(-times // 5000) * 5000
    steps = [values[ends == end] for end in np.unique(ends)]
    last, means = np.array([one[-1] for one in steps]), np.array([one.mean(axis=0) for one in steps])
    each = (
        means
        if aggregate == "avg"
        else np.diff(last, axis=0) / np.diff([times[ends == e][-1] for e in np.unique(ends)])[:, None] * 1000
    )
    hits, lookups = each[:, :4], each[:, 4:]
    nodes = np.stack([hits[:, :2].sum(1) / lookups[:, :2].sum(1), hits[:, 2:].sum(1) / lookups[:, 2:].sum(1)], axis=1)
    best = int(np.argmax(nodes.mean(axis=0)))
    assert [one.attributes["node"] for one in found.series] == ["ab"[best]]
    np.testing.assert_allclose(found.values[-len(nodes) :, 0], nodes[:, best], rtol=1e-12)


# --- the manual ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "before", "after"), [("### Growth", (6000.0,), (7200.0,)), ("### Ratios", (100.0, 50.0), (400.0, 150.0))]
)
def test_examples_of_the_manual_are_true(head: str, before: tuple[float, ...], after: tuple[float, ...]) -> None:
    machine = Machine()
    section = page("wire.md").partition(head)[2].partition("\n##")[0]
    decoder, text, said = json.JSONDecoder(), examples(section, "json")[0].strip(), []
    while text:
        one, end = decoder.raw_decode(text)
        said.append(one)
        text = text[end:].lstrip()
    command, data = said
    names = ("sda", "sdb")
    machine.wait(9_000 - machine.time_ms % 10_000)
    machine.take(machine.frame(dict(zip(map(disk, names), before, strict=False))))
    ack, _ = ask(machine.session(), **command)
    told = []
    for second in range(int(command.get("interval", 1))):
        at_end = second == command.get("interval", 1) - 1
        readings = after if at_end else before
        told = decode(
            machine.take(machine.frame(dict(zip(map(disk, names), readings, strict=False)))).get(ack["group"], [])
        )
    assert told[-1]["values"] == data["values"]
    assert data.keys() <= told[-1].keys()
