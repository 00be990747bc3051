"""What a client puts together from the messages is what the machine read, however it joined and whatever it lost."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.machine import Client, Machine, ask, decode, disk, null

from vitalcast.core.stream.groups import Group
from vitalcast.core.stream.session import Session
from vitalcast.core.wire.emission import TickValues
from vitalcast.core.wire.json_bulk import JsonBulk

pytestmark = pytest.mark.usefixtures("each_bus", "each_way_of_writing")

AGGREGATES = ("last", "avg", "min", "max")


@dataclass
class Log:
    """The reference: every tick's reading of one series, and what whole intervals of them come to."""

    ticks: list[tuple[int, int, float]] = field(default_factory=list)  # offset, time, load

    def intervals(self, interval_ms: int, aggregates: tuple[str, ...]) -> dict[int, list[float | None]]:
        """Return, by the time of its last tick, the aggregates of each interval that has ended."""
        ended: dict[int, list[float | None]] = {}
        run: list[float] = []
        previous = None
        for _, time, value in self.ticks:
            run.append(value)
            if previous is None or time // interval_ms != previous // interval_ms:
                ended[time] = [null(one) for one in aggregate(run, aggregates)]
                run = []
            previous = time
        return ended


def aggregate(run: list[float], aggregates: tuple[str, ...]) -> list[float]:
    seen = [value for value in run if not math.isnan(value)]
    table = {
        "last": run[-1],
        "avg": sum(seen) / len(seen) if seen else math.nan,
        "min": min(seen, default=math.nan),
        "max": max(seen, default=math.nan),
    }
    return [table[name] for name in aggregates]


ticks = st.lists(
    st.tuples(
        st.sampled_from([1.0, 2.0, 3.5, math.nan]),
        st.sampled_from([100, 100, 500, 1000]),  # the pace changes as watchers come and go
        st.sampled_from([0, 0, 0, 0, 2]),  # missed ticks
        st.sampled_from([("sda",), ("sda",), ("sda", "sdb"), ()]),  # devices come and go
    ),
    min_size=1,
    max_size=60,
)
asked = st.lists(st.sampled_from(AGGREGATES), min_size=1, max_size=4, unique=True).map(tuple)
intervals = st.sampled_from([0.1, 0.5, 1, 2, 7])


def deliver(client: Client, session: Session, out: dict[int, list[object]]) -> None:
    for group_id in session.group_ids:
        for message in decode(out.get(group_id, [])):  # type: ignore[arg-type]
            client.take(message)


@settings(max_examples=200, deadline=None)
@given(ticks, intervals, asked, st.data())
def test_snapshot_and_data_join_without_a_seam(
    plan: list[tuple[float, int, int, tuple[str, ...]]],
    interval: float,
    aggregates: tuple[str, ...],
    data: st.DataObject,
) -> None:
    machine, log, client = Machine(), Log(), Client()
    session = machine.session()
    joins = data.draw(st.integers(0, len(plan) - 1))
    drops = sorted(data.draw(st.sets(st.integers(0, len(plan) - 1), max_size=2)))
    backfill = data.draw(st.sampled_from([0, 3600]))
    joined_ms = None
    since: dict[str, object] | None = None
    away = False
    for position, (load, step_ms, skip, disks) in enumerate(plan):
        out = machine.tick(load, disks, step_ms=step_ms, skip=skip)
        log.ticks.append((machine.offset, machine.time_ms, load))
        if not away:
            deliver(client, session, out)
        if position == joins or (away and data.draw(st.booleans())):
            command = {"type": "subscribe", "stream": "s", "metrics": ["system.>"], "interval": interval}
            extra = {"since": since} if since else {"backfill": backfill}
            ack, *rest = ask(session, **command, aggregate=list(aggregates), **extra)
            assert ack["type"] == "ack", ack
            assert ack["recovered"] is (since is not None)
            for message in rest:
                client.take(message)
            joined_ms = joined_ms or machine.time_ms
            away = False
        elif position in drops and joined_ms is not None and not away:
            since = {"epoch": machine.timeline.epoch, "offset": client.offset}
            session.close()
            session = machine.session()
            away = True
    if joined_ms is None or away:
        return
    want = log.intervals(round(interval * 1000), aggregates)
    first_ms = 0 if backfill else joined_ms + 1
    for column, _ in enumerate(aggregates):
        got = client.points.get(f"system.load#{column}", {})
        for time, values in want.items():
            if time < first_ms:
                continue
            assert time in got, f"the interval that ended at {time} is missing"
            assert got[time] == values[column] or math.isclose(got[time] or 0, values[column] or 0, rel_tol=1e-9)
        assert {time for time in got if time > joined_ms} <= set(want), "a point came that no interval ended with"


@settings(deadline=None)
@given(ticks)
def test_changed_and_whole_data_lead_to_the_same_state(plan: list[tuple[float, int, int, tuple[str, ...]]]) -> None:
    machine, client = Machine(), Client()
    session = machine.session()
    machine.tick(0.0)
    for message in ask(session, type="subscribe", stream="s", metrics=["system.>"])[1:]:
        client.take(message)
    for load, _, skip, disks in plan:
        deliver(client, session, machine.tick(load, disks, skip=skip))
    fresh = Client()
    for message in ask(machine.session(), type="subscribe", stream="s", metrics=["system.>"])[1:]:
        fresh.take(message)
    assert (client.keys, client.state) == (fresh.keys, fresh.state)


def test_few_changes_are_sent_as_changes() -> None:
    machine = Machine()
    machine.tick(0.0, [f"sd{letter}" for letter in "abcdefgh"])
    session = machine.session()
    ask(session, type="subscribe", stream="s", metrics=["system.>"])
    [group_id] = session.group_ids
    steady = dict.fromkeys(machine.timeline.series(), 5.0)
    kinds = []
    for load in (1.0, 1.0, 2.0):
        changed = {one: load if one.name == "system.load" else value for one, value in steady.items()}
        [message] = decode(machine.take(machine.frame(changed))[group_id])
        kinds.append({key: value for key, value in message.items() if key in ("values", "changed")})
    assert list(kinds[0]) == ["values"], "the first after a join is whole"
    assert kinds[1] == {"changed": {}}
    assert kinds[2] == {"changed": {"8": 2.0}}


def test_missed_ticks_are_said_before_the_next_data() -> None:
    machine = Machine()
    machine.tick()
    session = machine.session()
    ask(session, type="subscribe", stream="s", metrics=["system.load"])
    [messages] = machine.tick(1.0, skip=3).values()
    gap, data = decode(messages)
    assert gap == {"type": "gap", "group": 1, "from": 2, "to": 4, "why": "sampler"}
    assert data["offset"] == 5


def test_a_device_that_comes_or_goes_is_told_once() -> None:
    machine = Machine()
    machine.tick()
    session = machine.session()
    ask(session, type="subscribe", stream="s", metrics=["system.disk.>"])
    types = []
    for disks in (["sda"], ["sda", "sdb"], ["sda", "sdb"], ["sdb"], ["sdb"]):
        [messages] = machine.tick(0.0, disks).values()
        types.append([message["type"] for message in decode(messages)])
    assert types == [["data"], ["series", "data"], ["data"], ["series", "data"], ["data"]]


def test_a_long_interval_survives_a_ring_that_is_shorter() -> None:
    machine = Machine(window_ms=10_000)
    machine.time_ms = 0
    machine.tick(0.0)
    session = machine.session()
    ask(session, type="subscribe", stream="s", metrics=["system.load"], interval=3600, aggregate=["max", "min", "avg"])
    seen = []
    for tick in range(2, 3602):
        out = machine.tick(float(tick))
        seen += [message for messages in out.values() for message in decode(messages)]
    assert machine.ring.end_row - machine.ring.first_row < 200
    [data] = seen
    assert data["values"] == [3600.0, 2.0, sum(range(2, 3601)) / 3599]


def test_equal_subscriptions_share_a_group_and_its_bytes() -> None:
    machine = Machine()
    machine.tick()
    sessions = [machine.session() for _ in range(3)]
    for number, session in enumerate(sessions):
        ask(session, type="subscribe", stream=f"mine-{number}", metrics=["system.load"])
    assert len({session.group_ids for session in sessions}) == 1
    assert len(machine.hub.groups) == 1
    for session in sessions:
        session.close()
    assert machine.hub.groups == {}


HOUR_MS = 3_600_000
jumps = st.lists(
    st.tuples(
        st.sampled_from([100, 500, 1000]),
        st.sampled_from([0] * 8 + [HOUR_MS, -HOUR_MS, 6000, -6000, 400, -400]),  # by which the clock is set before
        st.sampled_from([0, 0, 0, 2]),
    ),
    min_size=2,
    max_size=60,
)


@settings(deadline=None)
@given(plan=jumps, interval=st.sampled_from([0.1, 1, 7, 600]), asked=asked, data=st.data())
def test_however_the_clock_is_set_a_replay_is_what_the_live_stream_was_and_neither_stops(
    plan: list[tuple[int, int, int]], interval: float, asked: tuple[str, ...], data: st.DataObject
) -> None:
    machine = Machine()
    machine.tick()
    live = machine.session()
    ack, *_ = ask(live, type="subscribe", stream="a", metrics=["system.load"], interval=interval, aggregate=asked)
    emitted: list[tuple[int, int, float]] = []  # offset, time, and when it was
    back_s = 0.0  # by how much the clock was set back: so much later an interval of it ends
    for number, (step_ms, set_ms, skip) in enumerate(plan):
        machine.time_ms += set_ms
        back_s += min(max(0, -set_ms), step_ms * (skip + 1)) / 1000  # by more, it ends at once
        told = decode(machine.tick(float(number), step_ms=step_ms, skip=skip).get(ack["group"], []))
        emitted += [(one["offset"], one["time"], machine.now_s - back_s) for one in told if one["type"] == "data"]
    whens = [1001.0, *(when for _, _, when in emitted), machine.now_s - back_s]
    longest_s = max(later - earlier for earlier, later in pairwise(whens))
    assert longest_s <= interval + 3.0 + 1e-6, "an interval and a tick with those missed before it"
    since = data.draw(st.integers(1, machine.offset))
    replayed, snapshot, *_ = ask(
        machine.session(),
        type="subscribe",
        stream="b",
        metrics=["system.load"],
        interval=interval,
        aggregate=asked,
        since={"epoch": "epoch-1", "offset": since},
    )
    assert replayed["recovered"] is True
    assert snapshot["times"] == [time for offset, time, _ in emitted if offset > since]


def test_a_backfill_reaches_back_over_a_clock_that_was_set() -> None:
    for set_ms in (HOUR_MS, -HOUR_MS):
        machine = Machine()
        for _ in range(20):
            machine.tick()
        machine.time_ms += set_ms
        for _ in range(5):
            machine.tick()
        _, snapshot = ask(machine.session(), type="subscribe", stream="a", metrics=["system.load"], backfill=15)
        assert len(snapshot["times"]) in (15, 16)
        assert snapshot["times"] == machine.ring.times()[-len(snapshot["times"]) :].tolist()


def test_many_different_subscriptions_each_lead_to_the_newest_values() -> None:
    disks = [f"sd{letter}" for letter in "abcdefghij"]
    machine, watching = Machine(), []
    machine.tick(0.0, disks)
    for number in range(40):
        where = {"system.device": [disks[number % 10], disks[(number * 3 + 1) % 10], disks[number // 10]]}
        session, client = machine.session(), Client()
        command = {"type": "subscribe", "stream": "s", "metrics": ["system.>"], "where": where}
        for message in ask(session, **command, aggregate=["last", "max"])[1:]:
            client.take(message)
        watching.append((session, client))
    kinds = set()
    for load, skip, gone in ((1.0, 0, 0), (1.0, 0, 0), (2.0, 3, 0), (2.0, 0, 4), (2.0, 0, 0), (3.0, 0, 0)):
        readings = {disk(name): float(at % 3 and load) for at, name in enumerate(disks[gone:])}
        out = machine.take(machine.frame(readings, skip=skip))
        for session, client in watching:
            deliver(client, session, out)
            [group_id] = session.group_ids
            kinds |= {key for key in decode(out[group_id])[-1] if key in ("values", "changed")}
            group = machine.hub.groups[group_id]
            assert isinstance(group, Group)
            newest = machine.timeline.newest.values[group.chosen.columns].repeat(2)
            assert client.state == newest.tolist()
    assert kinds == {"values", "changed"}


def test_a_fault_in_what_is_written_at_one_go_costs_nobody_the_tick(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    disks = [f"sd{letter}" for letter in "abcdefghijklmnopqrstuvwx"]
    machine, watching = Machine(), []
    machine.tick(0.0, disks)
    for name in disks:
        session, client = machine.session(), Client()
        where = {"system.device": [name, disks[0]]}
        for message in ask(session, type="subscribe", stream="s", metrics=["system.disk.io"], where=where)[1:]:
            client.take(message)
        watching.append((session, client))
    real = JsonBulk.frames
    for tick in range(5):
        faults = [] if tick == 2 else None

        def frames(bulk: JsonBulk, values: TickValues, faults: list[int] | None = faults) -> list[bytes]:
            if faults is not None:
                faults.append(1)
                raise ZeroDivisionError
            return real(bulk, values)

        monkeypatch.setattr(JsonBulk, "frames", frames)
        out = machine.tick(0.0, disks)
        for session, client in watching:
            deliver(client, session, out)
        assert faults is None or faults == [1], "the fault came, and once"
    assert [record.getMessage() for record in caplog.records] == ["nothing was written at one go at offset 4"]
    for _, client in watching:
        assert client.offset == machine.offset
        assert set(client.state) == {(machine.offset - 1) * 10.0 + 3}
