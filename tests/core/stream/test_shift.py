"""Streams of what was so long before: each tick tells of another, as if that were now."""

from __future__ import annotations

from typing import Any

import pytest
from tests.core.machine import Client, Machine, ask, decode
from tests.core.stream.keeper import settle
from tests.core.stream.talk import error_of, granted

from vitalcast.core.query.past import Past
from vitalcast.core.stream.ahead import LookAhead
from vitalcast.core.stream.grants import Grant
from vitalcast.core.stream.session import Session
from vitalcast.core.vocabulary import ErrorCode, Scope
from vitalcast.core.wire.limits import Limits
from vitalcast.errors import ProtocolError
from vitalcast.history.recent import Recent, RecentPast

NOTHING_KEPT = RecentPast(Recent())


class Shown(Machine):
    """A machine with a past of some minutes, whose wishes are read at once unless they are `kept_waiting`."""

    def __init__(self, *, ticks: int = 300, **kwargs: Any) -> None:
        super().__init__(window_ms=10**9, **kwargs)
        self.wanted: list[LookAhead] = []
        self.kept_waiting = False
        self.reads = 0
        self.hub.past_wanted.append(self._read)
        for _ in range(ticks):
            self.next()

    def _read(self, wanted: LookAhead) -> None:
        self.wanted.append(wanted)
        if not self.kept_waiting:
            self.read(NOTHING_KEPT)

    def read(self, past: Past) -> None:
        for wanted in self.wanted:
            self.reads += 1
            wanted.done(wanted.prepare()(past))
        self.wanted = []

    def next(self, **kwargs: Any) -> dict[int, Any]:
        """Tick with the number of the tick as the load."""
        return self.tick(float(self.offset + 1), ("sda", "sdb"), **kwargs)


def subscribe(session: Session, **fields: Any) -> list[dict[str, Any]]:
    asked = {"type": "subscribe", "id": 1, "stream": "s", "metrics": ["system.load"], "shift": 60} | fields
    return ask(session, **asked) or settle(session, NOTHING_KEPT)


def shown(machine: Shown, group: int, ticks: int = 1, **kwargs: Any) -> list[Any]:
    """Return the values of the next ticks, as a client has them."""
    client = Client()
    client.keys, client.state = ["load"], [None]
    for _ in range(ticks):
        for message in decode(machine.next(**kwargs).get(group, [])):
            client.take(message)
    return list(client.points["load#0"].items())


def test_each_tick_tells_what_was_so_long_before() -> None:
    machine = Shown()
    ack, snapshot = subscribe(machine.session())
    assert ack["shift"] == 60
    assert (snapshot["times"], snapshot["values"]) == ([machine.time_ms], [[240.0]])
    begin = machine.time_ms
    points = shown(machine, ack["group"], 200)
    assert points == [(begin + 1000 * number, 240.0 + number) for number in range(1, 201)]
    assert machine.reads < 10  # some ticks ahead each


def test_backfill_is_shifted_too() -> None:
    machine = Shown()
    _, snapshot = subscribe(machine.session(), backfill=5)
    assert snapshot["values"] == [[236.0, 237.0, 238.0, 239.0, 240.0]]
    assert snapshot["times"][-1] == machine.time_ms


def test_intervals_are_aggregated_as_they_were() -> None:
    machine = Shown()
    ack, _ = subscribe(machine.session(), interval=10, aggregate=["avg", "max"], shift=100)
    messages = [message for _ in range(10) for message in machine.next().get(ack["group"], [])]
    [data] = decode(messages)
    first = (data["time"] - 1_790_000_000_000) // 1000 - 100 - 9
    assert data["values"] == [first + 4.5, first + 9.0]


def test_equal_subscriptions_share_a_group_and_what_is_read() -> None:
    machine = Shown()
    session = machine.session()
    one, two = (subscribe(session, stream=name)[0] for name in ("a", "b"))
    now, other = subscribe(session, stream="c", shift=0)[0], subscribe(session, stream="d", shift=61)[0]
    assert one["group"] == two["group"]
    assert len({one["group"], now["group"], other["group"]}) == 3
    before = machine.reads
    machine.next()
    assert machine.reads - before <= 2


def test_series_are_reduced_as_they_were() -> None:
    machine = Shown()
    ack, snapshot = subscribe(machine.session(), metrics=["system.disk.io"], reduce="sum")
    assert [one["attributes"] for one in snapshot["series"]] == [{}]
    total = snapshot["values"][0][0]
    [data] = decode(machine.next()[ack["group"]])
    assert data["values"] == [total + 20.0]


def test_what_grew_and_its_share_are_as_they_were() -> None:
    machine = Shown()
    ack, snapshot = subscribe(machine.session(), interval=10, aggregate=["delta", "rate"], shift=100)
    assert snapshot["values"] == [[10.0], [1.0]]
    [data] = decode([message for _ in range(10) for message in machine.next().get(ack["group"], [])])
    assert data["values"] == [10.0, 1.0]
    disks = {
        "metrics": ["system.disk.io"],
        "where": {"system.device": ["sda"]},
        "ratio_to": {"metrics": ["system.load"]},
    }
    ack, snapshot = subscribe(machine.session(), **disks)
    [data] = decode(machine.next()[ack["group"]])
    number = machine.offset - 60
    assert data["values"] == [(10.0 * (number - 1) + 3) / number]


def test_what_could_not_be_read_in_time_is_no_value() -> None:
    machine = Shown()
    machine.kept_waiting = True
    ack, _ = subscribe(machine.session())
    values = [value for _, value in shown(machine, ack["group"], 80)]
    assert values[:60] == [240.0 + number for number in range(1, 61)]
    assert values[61:] == [None] * 19
    machine.kept_waiting = False
    machine.read(NOTHING_KEPT)
    machine.next()
    assert shown(machine, ack["group"])[0][1] == 322.0


def test_what_cannot_be_read_is_tried_again_later() -> None:
    machine = Shown()
    machine.kept_waiting = True
    ack, _ = subscribe(machine.session())
    while not machine.wanted:
        machine.next()
    machine.wanted.pop().done(None)
    machine.next()
    assert machine.wanted == []
    for _ in range(10):
        machine.next()
    assert len(machine.wanted) == 1
    assert ack["group"] in machine.hub.groups


def test_a_clock_that_is_set_begins_anew() -> None:
    machine = Shown()
    ack, _ = subscribe(machine.session())
    shown(machine, ack["group"], 3)
    machine.wait(3_600_000)
    assert shown(machine, ack["group"], 3)[-1][1] is None
    machine.wait(-7_200_000)
    machine.next()
    assert ack["group"] in machine.hub.groups


def test_who_leaves_takes_it_all_away() -> None:
    machine = Shown()
    held = machine.hub.held_bytes
    session = machine.session()
    subscribe(session)
    machine.next()
    session.close()
    assert machine.hub.held_bytes == held
    assert machine.hub.groups == {}


@pytest.mark.parametrize(
    ("fields", "code", "said"),
    [
        ({"shift": 5}, ErrorCode.BAD_REQUEST, "shift: at least 10 s at this interval, got 5"),
        ({"shift": 60, "interval": 60}, ErrorCode.BAD_REQUEST, "shift: at least 120 s"),
        ({"shift": -1}, ErrorCode.BAD_REQUEST, "shift:"),
        ({"backfill": 300}, ErrorCode.LIMIT, "100 at most"),
    ],
)
def test_what_cannot_be_shown_is_refused(fields: dict[str, Any], code: ErrorCode, said: str) -> None:
    machine = Shown(limits=Limits(snapshot_values=100))
    refused, message = error_of(subscribe(machine.session(), **fields))
    assert refused == code
    assert said in message
    assert machine.hub.groups == {}


def test_a_token_sees_no_further_back_by_a_shift() -> None:
    machine = Shown()
    capped = Grant(Scope.VIEW, "capped", since_s=50)
    assert error_of(subscribe(granted(machine, capped)))[0] == ErrorCode.DENIED
    just = {"interval": 20, "shift": 60}
    assert error_of(subscribe(granted(machine, Grant(Scope.VIEW, "t", since_s=70)), **just))[0] == ErrorCode.DENIED
    session = granted(machine, Grant(Scope.VIEW, "capped", since_s=70))
    _, snapshot = subscribe(session, backfill=60)
    assert snapshot["values"][0][0] >= 231.0


def test_why_it_could_not_be_read_is_the_answer() -> None:
    session = Shown().session()
    ask(session, type="subscribe", id=1, stream="s", metrics=["system.load"], shift=60)
    code, message = error_of(settle(session, ProtocolError(ErrorCode.INTERNAL, "the history cannot be read")))
    assert (code, message) == (ErrorCode.INTERNAL, "the history cannot be read")


def test_a_paused_stream_goes_on_shifted() -> None:
    machine = Shown()
    session = machine.session()
    subscribe(session)
    ask(session, type="update", id=2, stream="s", paused=True)
    machine.next()
    assert ask(session, type="update", id=3, stream="s", paused=False) == []
    ack, snapshot = settle(session, NOTHING_KEPT)
    assert ack["shift"] == 60
    assert snapshot["values"] == [[241.0]]


def test_times_are_those_of_the_steps_of_a_query_whatever_the_shift() -> None:
    machine = Shown()
    session = machine.session()
    wish: dict[str, Any] = {"metrics": ["system.load"], "shift": 15, "aggregate": ["avg", "count"]}
    ack, snapshot = subscribe(session, interval=4, backfill=20, **wish)
    emitted = [message for _ in range(9) for message in machine.next().get(ack["group"], [])]
    client = Client()
    for message in (snapshot, *decode(emitted)):
        client.take(message)
    start_ms = snapshot["times"][0] - 4000
    ask(session, type="query", id=2, start=start_ms, end=start_ms + 28_000, step=4, **wish)
    [result] = settle(session, NOTHING_KEPT)
    assert result["times"] == list(range(start_ms + 4000, start_ms + 28_001, 4000))
    assert result["times"][0] % 4000 == 0
    for place, values in enumerate(result["values"]):
        assert client.points[f"system.load#{place}"] == dict(zip(result["times"], values, strict=True))
