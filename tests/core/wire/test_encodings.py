"""An emission is written as it always was, however many share it; another encoding has a place beside JSON."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.machine import Machine, ask

from vitalcast.core.metrics.choices import Chosen
from vitalcast.core.metrics.names import Selection
from vitalcast.core.stream.keys import SeriesKey
from vitalcast.core.vocabulary import Aggregate
from vitalcast.core.wire.emission import Emission, TickValues
from vitalcast.core.wire.encodings import JSON, Encoding

numbers = st.one_of(st.just(math.nan), st.sampled_from([0.0, -0.0, 1.0, 1e16, 1e-7, 5e-324, 0.1 + 0.2]), st.floats())


@dataclass(frozen=True)
class Case:
    values: list[float]
    before: list[float] | None
    columns: list[int]
    each: int


@st.composite
def cases(draw: st.DrawFn) -> Case:
    width, each = draw(st.integers(1, 12)), draw(st.sampled_from([1, 1, 2, 4]))
    values = draw(st.lists(numbers, min_size=width * each, max_size=width * each))
    before = [draw(st.sampled_from([one, one, 7.0])) for one in values] if draw(st.booleans()) else None
    columns = draw(st.lists(st.integers(0, width - 1), unique=True, max_size=width))
    return Case(values, before, columns, each)


def emission_of(case: Case, *, shared: bool = False) -> Emission:
    columns = np.array(case.columns, dtype=np.intp)
    before = None if case.before is None else np.array(case.before)
    tick = TickValues(7, 1_790_000_000_123, np.array(case.values), before=before, shared=shared)
    return tick.emission(Chosen((), columns, columns.tobytes()), case.each)


def by_definition(case: Case, *, whole: bool) -> bytes:
    """Encode each message for itself, with nothing shared, as version 0.1 did."""
    places = [column * case.each + one for column in case.columns for one in range(case.each)]
    head = {"type": "data", "group": 3, "offset": 7, "time": 1_790_000_000_123}
    values = np.array([case.values[place] for place in places])
    all_ = orjson.dumps(head | {"values": values}, option=orjson.OPT_SERIALIZE_NUMPY)
    if whole or case.before is None:
        return all_
    before = np.array([case.before[place] for place in places])
    changed = [at for at in range(len(places)) if values[at].tobytes() != before[at].tobytes()]
    if len(changed) * 2 > len(places):
        return all_
    part = orjson.dumps(head | {"changed": {str(at): float(values[at]) for at in changed}})
    return part if len(part) < len(all_) else all_


@given(cases(), st.booleans(), st.booleans())
def test_json_is_what_each_message_alone_would_be(case: Case, shared: bool, whole: bool) -> None:
    emission = emission_of(case, shared=shared)
    assert JSON.head(3) + JSON.body(emission, whole=whole) == by_definition(case, whole=whole)


@given(cases())
def test_an_emission_can_be_had_whole_after_its_tick_has_settled(case: Case) -> None:
    emission = emission_of(case, shared=True)
    JSON.body(emission, whole=False)
    emission.tick.settle()
    late = Emission(emission.tick, Chosen((), np.array(case.columns, dtype=np.intp), b"").places(case.each))
    assert JSON.head(3) + JSON.body(late, whole=True) == by_definition(case, whole=True)


class Counting(Encoding):
    """Writes lines for a person, and counts how often."""

    name = "counting"

    def __init__(self) -> None:
        self.written = 0

    def head(self, group: int) -> bytes:
        return b"group %d " % group

    def _whole(self, emission: Emission) -> bytes:
        self.written += 1
        return b"is %b" % emission.joined()

    def _least(self, emission: Emission) -> bytes:
        return self.body(emission, whole=True)


@pytest.mark.parametrize("aggregates", [(Aggregate.LAST,), (Aggregate.AVG, Aggregate.MAX)])
def test_groups_in_several_encodings_have_the_same_values_and_each_is_written_once(
    aggregates: tuple[Aggregate, ...],
) -> None:
    machine, lines = Machine(), Counting()
    machine.time_ms -= machine.time_ms % 2000 - 1000  # so that the first tick ends an interval
    machine.tick(1.0)
    # Two patterns that mean the same series are two groups, and share what is written all the same.
    keys = [
        SeriesKey("machine-1", Selection.of([pattern]), 2000, aggregates, encoding=encoding)
        for pattern in ("system.load", "*.load")
        for encoding in (JSON, lines)
    ]
    groups = {key: machine.hub.join(key) for key in keys}
    assert len({group.id for group in groups.values()}) == len(keys)
    machine.tick(2.0)
    out = machine.tick(4.0)
    expected = [4.0] if aggregates == (Aggregate.LAST,) else [3.0, 4.0]
    for key, group in groups.items():
        [message] = out[group.id]
        if key.encoding is lines:
            text = message.text.removeprefix(f"group {group.id} is ")
            assert [float(one) for one in text.split(",")] == expected
        else:
            assert json.loads(message.payload)["values"] == expected
        assert group.latest() is not None
    assert lines.written == 2, "once at the tick, and once for all that are behind"


def test_subscriptions_in_another_encoding_leave_those_in_json_as_they_are() -> None:
    machine = Machine()
    machine.tick(0.0)
    session = machine.session()
    ask(session, type="subscribe", stream="s", metrics=["system.>"])
    alone = [machine.tick(load)[1][0].payload for load in (1.0, 1.0)]
    other = Machine()
    other.tick(0.0)
    session = other.session()
    ask(session, type="subscribe", stream="s", metrics=["system.>"])
    other.hub.join(SeriesKey("machine-1", Selection.of(["system.>"]), 1000, encoding=Counting()))
    assert [other.tick(load)[1][0].payload for load in (1.0, 1.0)] == alone
