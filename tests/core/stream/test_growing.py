"""What grew in an interval: the same live, after a resumption, in a query, and as plain numpy has it."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from tests.core.machine import IO, LOAD, Machine, ask, decode, disk
from tests.core.query.recorded import Recorded
from tests.core.stream.keeper import Recorded as WithHistory
from tests.core.stream.keeper import settle
from tests.core.stream.talk import granted as with_grant

from vitalcast.core.metrics.model import Series
from vitalcast.core.metrics.names import Selection
from vitalcast.core.metrics.resource import Source
from vitalcast.core.panels.schema import Panel
from vitalcast.core.query.ask import ask as ask_past
from vitalcast.core.query.no_past import NoPast
from vitalcast.core.query.query import Query
from vitalcast.core.stream.grants import Grant
from vitalcast.core.vocabulary import Aggregate, Scope

NAMES = ["delta", "rate", "avg", "sum", "p90"]
AGGREGATES = tuple(map(Aggregate, NAMES))
SERIES = (disk("sda"), disk("sdb"), Series(LOAD))


class Point(NamedTuple):
    """What one emission said: the values of each series, by aggregate."""

    offset: int
    time_ms: int
    values: dict[str, list[float | None]]


class Listener:
    """Follows one stream and keeps what it said, in order."""

    def __init__(self, machine: Machine, **fields: Any) -> None:
        self.session = machine.session()
        asked = {"metrics": ["system.load", "system.disk.io"], "aggregate": NAMES} | fields
        self._each = len(asked["aggregate"])
        self.answers = ask(self.session, type="subscribe", stream="s", **asked)
        if not self.answers and isinstance(machine, WithHistory):
            self.answers = settle(self.session, machine.keeper.past())
        self.ack = self.answers[0]
        self.keys: list[str] = []
        self.points: list[Point] = []
        self.state: list[float | None] = []
        for message in self.answers[1:]:
            self.take(message)

    def take(self, message: dict[str, Any]) -> None:
        match message["type"]:
            case "snapshot":
                self._name(message["series"])
                for row, time in enumerate(message["times"]):
                    self._note(0, time, [column[row] for column in message["values"]])
            case "series":
                self._name(message["series"])
            case "data":
                changed = {int(place): value for place, value in message.get("changed", {}).items()}
                values = message.get("values", self.state)
                self._note(message["offset"], message["time"], [changed.get(*one) for one in enumerate(values)])

    def _name(self, series: list[dict[str, Any]]) -> None:
        self.keys = [one["name"] + "".join(one["attributes"].values()) for one in series]

    def _note(self, offset: int, time_ms: int, values: list[float | None]) -> None:
        self.state = values
        each = self._each
        named = {key: values[at * each : (at + 1) * each] for at, key in enumerate(self.keys)}
        self.points.append(Point(offset, time_ms, named))


class Tick(NamedTuple):
    """A tick to be taken: how many were missed before it, how far the clock was set back, and what was read."""

    missed: int
    back_s: int
    values: tuple[float | None, ...]  # None for a series that is not there


VALUES = st.one_of(st.none(), st.just(math.nan), st.integers(0, 50).map(float), st.floats(0, 1e6, allow_nan=False))
TICKS = st.lists(
    st.builds(
        Tick,
        st.sampled_from([0, 0, 0, 0, 1, 7]),
        st.sampled_from([0, 0, 0, 0, 0, 3, 11]),
        st.tuples(VALUES, VALUES, VALUES),
    ),
    min_size=2,
    max_size=40,
)


def tell(machine: Machine, listener: Listener, readings: dict[Series, float], *, missed: int = 0) -> None:
    """Have a machine take a tick, and a listener what it brings."""
    for message in decode(machine.take(machine.frame(readings, skip=missed)).get(listener.ack["group"], [])):
        listener.take(message)


def run(machine: Machine, ticks: list[Tick], listener: Listener) -> Recorded:
    """Have a machine take ticks, and a listener what they bring; return what was recorded, the first tick too."""
    times, values = [machine.time_ms], [[0.0] * len(SERIES)]
    offsets = [machine.offset]
    for tick in ticks:
        machine.time_ms -= 1000 * tick.back_s
        readings = {one: value for one, value in zip(SERIES, tick.values, strict=True) if value is not None}
        tell(machine, listener, readings, missed=tick.missed)
        times.append(machine.time_ms)
        offsets.append(machine.offset)
        values.append([math.nan if value is None else value for value in tick.values])
    return Recorded(SERIES, np.array(times), np.array(values), offsets=np.array(offsets))


def check_same(points: list[Point], others: list[Point]) -> None:
    """Hold points against those of a stream that may have had fewer series by then."""
    assert [one.time_ms for one in points] == [one.time_ms for one in others]
    for one, other in zip(points, others, strict=True):
        common = one.values.keys() & other.values.keys()
        assert [one.values[key] for key in common] == [other.values[key] for key in common]


def begun(machine: Machine) -> Machine:
    machine.take(machine.frame(dict.fromkeys(SERIES, 0.0)))
    return machine


def key_of(series: Series) -> str:
    return series.name + "".join(series.values)


@settings(max_examples=40, phases=[Phase.explicit, Phase.generate])
@given(TICKS, st.sampled_from([1, 2, 5]), st.data())
def test_live_resumed_queried_and_plain_are_the_same_to_the_bit(
    ticks: list[Tick], interval: int, data: st.DataObject
) -> None:
    machine = begun(Machine(window_ms=10**9))
    live = Listener(machine, interval=interval)
    recorded = run(machine, ticks, live)
    told = live.points[1:] if not live.points[0].offset else live.points

    since = data.draw(st.integers(1, machine.offset))
    resumed = Listener(machine, interval=interval, since={"epoch": "epoch-1", "offset": since})
    assert resumed.ack["recovered"] is True
    missed = [one for one in told if one.offset > since]
    check_same(resumed.points, missed)

    step_ms = 1000 * interval
    query = Query(Selection.of([">"]), 0, 2**42, step_ms=step_ms, aggregates=AGGREGATES)
    found = ask_past(machine.timeline, query)(NoPast())
    steps, plain = recorded.answer(query, step_ms)
    assert found.times_ms.tolist() == [end for _, end in steps]
    values = found.values.reshape(len(steps), len(found.series), len(AGGREGATES))
    for place, one in enumerate(found.series):
        for column, aggregate in enumerate(AGGREGATES):
            np.testing.assert_allclose(values[:, place, column], plain[one.key, aggregate], rtol=1e-9, atol=1e-9)

    stretch_of = dict(zip(recorded.offsets.tolist(), recorded.stretches.tolist(), strict=True))
    rows = {step: row for row, step in enumerate(steps)}
    ends = [(recorded.stretches[0], int(recorded.times_ms[0]))] * 2
    for point in told:  # between ends of steps of the clock there are just the ticks of that step
        ends.append((stretch_of[point.offset], point.time_ms))
        stretches, times = zip(*ends[-3:], strict=True)
        whole = not any(time % step_ms for time in times) and (interval == 1 or len(set(stretches)) == 1)
        if whole and ends[-1] in rows:
            row = rows[ends[-1]]
            of_query = {key_of(one): values[row, place] for place, one in enumerate(found.series)}
            for key, value in point.values.items():
                assert value == [None if math.isnan(one) else one for one in of_query[key]]


@pytest.mark.parametrize("interval", [1, 2, 7])
@pytest.mark.parametrize("since", [20, 150, 290])
def test_what_the_ring_has_no_longer_is_resumed_from_the_history(interval: int, since: int) -> None:
    machine = WithHistory()
    begun(machine)
    asked = {"interval": interval, "aggregate": ["delta", "rate", "avg"]}
    live = Listener(machine, **asked)
    counter = np.cumsum(np.random.default_rng(interval).integers(0, 9, 300)) % 400
    run(
        machine, [Tick(0, 0, (float(one), float(at) if at % 11 else None, 0.0)) for at, one in enumerate(counter)], live
    )
    assert machine.oldest > 150
    resumed = Listener(machine, since={"epoch": "epoch-1", "offset": since}, **asked)
    assert resumed.ack["recovered"] is True
    missed = [one for one in live.points if one.offset > since]
    check_same(resumed.points, missed)


def test_counter_that_fell_began_anew_and_a_gauge_may_fall() -> None:
    machine = begun(Machine())
    live = Listener(machine, interval=1, aggregate=["delta", "rate"], metrics=["system.disk.io", "system.load"])
    for reading in (100.0, 130.0, 20.0, 25.0):
        tell(machine, live, {disk("sda"): reading, Series(LOAD): reading})
    state = [one.values for one in live.points[-4:]]
    assert [one["system.disk.iosda"][:1] for one in state] == [[100.0], [30.0], [20.0], [5.0]]
    assert [one["system.load"][:1] for one in state] == [[100.0], [30.0], [-110.0], [5.0]]


def test_a_rate_is_by_the_time_between_the_two_readings() -> None:
    machine = begun(Machine())
    machine.wait(-(machine.time_ms % 10_000))
    live = Listener(machine, interval=10, aggregate=["rate"], metrics=["system.disk.io"])
    for second in range(1, 31):
        tell(machine, live, {disk("sda"): 10.0 * second if second != 20 else math.nan})
    assert live.state == [10.0]  # 30 s less 19 s, and 110 bytes


def test_unit_of_rates_alone_is_a_second() -> None:
    machine = begun(Machine())
    session = machine.session()
    fields = {"type": "subscribe", "metrics": ["system.disk.io"]}
    units = {}
    for names in (["rate"], ["delta"], ["last", "rate"], ["count"]):
        _, snapshot = ask(session, stream=str(names), aggregate=names, **fields)
        units[tuple(names)] = {one["unit"] for one in snapshot["series"]}
    assert units == {("rate",): {"By/s"}, ("delta",): {"By"}, ("last", "rate"): {"By"}, ("count",): {""}}
    _, snapshot = ask(session, stream="how many had one", aggregate=["rate"], reduce="count", **fields)
    assert [one["unit"] for one in snapshot["series"]] == ["{series}"]
    assert IO.unit == "By"


def test_a_snapshot_brings_the_newest_whole_interval() -> None:
    machine = begun(Machine())
    for second in range(2, 26):
        machine.take(machine.frame({disk("sda"): float(second)}))
    _, snapshot = ask(
        machine.session(), type="subscribe", stream="s", metrics=["system.disk.io"], interval=10, aggregate=["delta"]
    )
    assert snapshot["times"] == [machine.time_ms // 10_000 * 10_000]
    assert snapshot["values"] == [[10.0]]


def test_one_evaluation_serves_all_equal_subscribers(monkeypatch: pytest.MonkeyPatch) -> None:
    from vitalcast.core.stream import growing

    calls = []
    real = growing.Growing.end

    def counted(self: growing.Growing) -> Any:
        calls.append(self)
        return real(self)

    monkeypatch.setattr(growing.Growing, "end", counted)
    machine = begun(Machine())
    sessions = [machine.session() for _ in range(1000)]
    groups = {
        ask(one, type="subscribe", stream="s", metrics=["system.>"], aggregate=["rate"])[0]["group"] for one in sessions
    }
    calls.clear()
    machine.tick(1.0)
    assert (len(groups), len(calls)) == (1, 1)


@pytest.mark.parametrize("since_s", [25, 35])
def test_a_token_gets_no_growth_since_a_time_that_it_may_not_see(since_s: int) -> None:
    machine = begun(Machine())
    for second in range(2, 62):
        machine.take(machine.frame({disk("sda"): float(second)}))
    machine.wait(-(machine.time_ms % 10_000))
    everything = (Selection.of([">"]),)
    session = with_grant(machine, Grant(Scope.EMBED, "some", everything, since_s=since_s))
    fields = {"metrics": ["system.disk.io"], "interval": 10, "aggregate": ["delta"], "backfill": 60}
    _, snapshot = ask(session, type="subscribe", stream="s", **fields)
    oldest_ms = min(snapshot["times"]) - 20_000  # where the interval before the first began
    assert oldest_ms >= machine.timeline.newest.time_ms - 1000 * since_s


def test_panels_have_no_growth_and_say_so() -> None:
    with pytest.raises(ValidationError, match="'avg', 'last', 'min' or 'max'"):
        Panel.model_validate({"id": "a", "title": "A", "metrics": ["system.disk.io"], "aggregate": "rate"})


def test_the_highest_rates_are_sent_and_not_the_highest_counters() -> None:
    machine = begun(Machine())
    for number in range(1, 4):
        machine.take(machine.frame({disk("sda"): 1e9 + number, disk("sdb"): 50.0 * number}))
    fields = {"metrics": ["system.disk.io"], "aggregate": ["rate"], "top": 1}
    _, snapshot = ask(machine.session(), type="subscribe", stream="s", **fields)
    assert [one["attributes"]["system.device"] for one in snapshot["series"]] == ["sdb"]
    assert snapshot["values"] == [[50.0]]


def test_a_source_that_began_anew_has_grown_from_its_second_tick_on() -> None:
    machine = begun(Machine())
    live = Listener(machine, interval=1, aggregate=["delta"], metrics=["system.disk.io"])
    tell(machine, live, {disk("sda"): 100.0})
    machine.source = Source(machine.source.resource, "epoch-2")
    told = []
    for reading in (7.0, 9.0):
        frame = machine.frame({disk("sda"): reading})
        machine._emitted = {}
        machine.hub.take(machine.source, frame)
        told += decode(machine._emitted.get(live.ack["group"], []))
    snapshot, *others = [one for one in told if one["type"] in ("snapshot", "data")]
    assert (snapshot["epoch"], snapshot["values"], others[-1]["values"]) == ("epoch-2", [[None]], [2.0])
