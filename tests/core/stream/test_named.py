"""Ticks under names: whoever comes back gets each tick that is kept and came since, once, and a gap for the rest."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.machine import LOAD, Machine
from tests.core.stream.keeper import Recorded
from tests.core.wire.test_sse import events

from vitalcast.core.metrics.model import Descriptor, Kind, Series
from vitalcast.core.stream.named import EVENTS_BYTES, NamedTicks
from vitalcast.core.vocabulary import Aggregate
from vitalcast.core.wire.limits import Limits
from vitalcast.core.wire.sse import NAMED, gap_text

TICKS = 300


def told(machine: Recorded, *, since: int | None, epoch: str = "epoch-1", **fields: Any) -> list[Any]:
    """Return the events of a stream that begins, each with its id."""
    session = machine.session(encoding=NAMED)
    position = {} if since is None else {"since": {"epoch": epoch, "offset": since}}
    command = {"type": "subscribe", "stream": "s", "metrics": ["system.load"]} | position | fields
    messages = session.receive(json.dumps(command))
    while (deferred := session.next_deferred()) is not None:
        messages += session.settle(deferred, deferred.work(machine.keeper.past()))
    session.close()
    return events(messages, NAMED)


def recorded(**kwargs: Any) -> Recorded:
    machine = Recorded(**kwargs)
    for number in range(1, TICKS + 1):
        machine.tick(float(number))
    return machine


def offsets(found: list[Any]) -> list[int]:
    return [data["offset"] for fields, data in found if fields["event"] == "metrics"]


@given(st.integers(0, TICKS), st.integers(0, TICKS), st.sampled_from([40, 1200, 10**6]), st.sampled_from([1, 3]))
@settings(max_examples=40)
def test_what_came_since_comes_once_and_what_is_lost_is_a_gap(since: int, lost: int, most: int, interval: int) -> None:
    machine = recorded(limits=Limits(snapshot_values=most))
    del machine.keeper.frames[:lost]
    found = told(machine, since=since, interval=interval)
    came = offsets(found)
    wanted = [one for one in range(since + 1, TICKS + 1) if (machine.time_ms // 1000 - TICKS + one) % interval == 0]
    assert came == wanted[len(wanted) - len(came) :], "the newest of them, in their order"
    gaps = [data for fields, data in found if fields["event"] == "gap"]
    if len(came) == len(wanted):
        assert gaps == []
    else:
        [gap] = gaps
        assert found[0][1] is gap
        assert (gap["from"], gap["why"]) == (since + 1, "expired")
        assert gap["to"] < came[0]
        kept = min(most // 11, TICKS - min(lost, machine.oldest))
        assert len(came) >= kept // interval - 2, "no more is lost than has to be"
    if came:
        assert [data["metrics"]["system.load"] for fields, data in found if "id" in fields] == [float(o) for o in came]


def test_of_another_epoch_there_is_what_was_asked_for() -> None:
    machine = recorded()
    assert offsets(told(machine, since=7, epoch="another")) == [TICKS]
    assert offsets(told(machine, since=7, epoch="another", backfill=5)) == list(range(TICKS - 4, TICKS + 1))
    assert offsets(told(machine, since=2**53)) == [TICKS]


def test_steps_of_the_past_have_no_offset_but_the_last() -> None:
    machine = recorded(limits=Limits(snapshot_values=3000))
    found = told(machine, since=None, backfill=280, interval=10, group_by=[])
    steps = [data for _, data in found]
    assert len(steps) > 20
    assert all("offset" not in one for one in steps[:-1])
    assert steps[-1]["offset"] == TICKS
    assert found[-1][0]["id"] == f"epoch-1:{TICKS}"


@pytest.mark.parametrize("value", ["100 %", "%d %b %s", '"', "\n", "é", "\\"])
def test_keys_of_any_kind_come_as_they_are(value: str) -> None:
    machine = Machine(epoch="50% of it")
    series = Series(Descriptor("system.filesystem.utilization", "1", Kind.GAUGE, "", ("system.device",)), (value,))
    machine.take(machine.frame({series: 0.5, Series(LOAD): 1.0}))
    frame = machine.timeline.newest
    known = tuple(one for one in frame.layout.series if one is not None)
    ticks = NamedTicks("50% of it", known, (Aggregate.LAST,), lambda _: {"panel": value})
    [(fields, data)] = events([ticks.event(frame.offset, frame.time_ms, frame.values)], NAMED)
    assert data["metrics"] == {one.key: 0.5 if one == series else 1.0 for one in known}
    assert data["panel"] == value
    assert fields["id"] == "50%25%20of%20it:1"


def test_what_is_long_comes_in_parts_of_whole_events() -> None:
    many = Descriptor("test.many", "1", Kind.GAUGE, "", ("n",))
    series = tuple(Series(many, (f"{number:03}",)) for number in range(500))
    ticks = NamedTicks("epoch-1", series, (Aggregate.LAST,), lambda _row: {})
    rows = np.arange(100 * len(series), dtype=float).reshape(100, -1)
    parts = [one.payload for one in ticks.events(range(1, 101), range(100), rows, missed=[(51, 51)])]
    singly = [ticks.event(at + 1, at, rows[at]).payload for at in range(100)]
    singly.insert(50, gap_text(51, 51, "sampler"))
    assert b"".join(parts) == b"".join(singly)
    assert len(parts) > 2
    assert all(part.endswith(b"\n\n") and len(part) < EVENTS_BYTES + len(singly[-1]) for part in parts)
    assert ticks.events([], [], rows[:0]) == []
