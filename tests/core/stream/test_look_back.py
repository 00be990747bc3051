"""What the ring no longer has comes from the history: a stream that joins cannot tell the two apart."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from tests.core.machine import LOAD, Machine, ask, decode, disk
from tests.core.stream.keeper import Recorded, settle
from tests.core.stream.talk import ALL, error_of, granted, subscribe
from tests.core.stream.test_panel_group import DISKS as DISKS_PANEL
from tests.core.stream.test_panel_group import LOAD as LOAD_PANEL

from vitalcast.core.metrics.model import Series
from vitalcast.core.metrics.resource import Source
from vitalcast.core.stream.deferred import Deferred
from vitalcast.core.stream.grants import Grant
from vitalcast.core.stream.session import Session
from vitalcast.core.vocabulary import ErrorCode, Scope
from vitalcast.core.wire.limits import Limits
from vitalcast.dashboards.store import DashboardStore
from vitalcast.errors import ProtocolError
from vitalcast.live.panel_board import PanelBoard

AnyMachine = TypeVar("AnyMachine", bound=Machine)
UNREADABLE = ProtocolError(ErrorCode.INTERNAL, "the history cannot be read")


def since(offset: int, epoch: str = "epoch-1") -> dict[str, Any]:
    return {"since": {"epoch": epoch, "offset": offset}}


def ticked(machine: AnyMachine, ticks: int = 300, **kwargs: Any) -> AnyMachine:
    for number in range(ticks):
        machine.tick(float(number), **kwargs)
    return machine


def recorded(ticks: int = 300, **kwargs: Any) -> Recorded:
    machine = Recorded(**kwargs)
    ticked(machine, ticks)
    assert machine.oldest > 100
    return machine


def reading(machine: Recorded) -> tuple[Session, Deferred, object]:
    """Have a session ask for more than the ring has; return what was read of the history, not yet answered."""
    session = machine.session()
    subscribe(session, **since(10))
    deferred = session.next_deferred()
    assert deferred is not None
    return session, deferred, deferred.work(machine.keeper.past())


def test_since_before_the_ring_is_replayed_from_the_history() -> None:
    machine = recorded()
    session = machine.session()
    assert subscribe(session, **since(10)) == []
    ack, snapshot = settle(session, machine.keeper.past())
    assert ack["recovered"] is True
    assert snapshot["values"] == [[float(number) for number in range(10, 300)]]
    assert snapshot["times"] == [machine.time_ms - 1000 * (299 - number) for number in range(10, 300)]


def test_what_the_ring_has_is_answered_at_once() -> None:
    machine = recorded()
    ack, _ = subscribe(machine.session(), **since(machine.oldest + 1), backfill=20)
    assert ack["recovered"] is True


def test_without_a_history_the_ring_answers_at_once() -> None:
    machine = recorded()
    machine.timeline.recorded = False
    ack, *_ = subscribe(machine.session(), **since(10))
    assert ack["recovered"] is False


def test_what_the_history_has_no_longer_is_a_gap_and_never_a_part() -> None:
    machine = recorded()
    del machine.keeper.frames[:50]
    session = machine.session()
    subscribe(session, **since(10))
    ack, gap, snapshot = settle(session, machine.keeper.past())
    assert ack["recovered"] is False
    assert (gap["from"], gap["to"], gap["why"]) == (11, 299, "expired")
    assert snapshot["values"] == [[299.0]]


def test_what_was_not_flushed_when_the_ring_forgot_it_is_a_gap() -> None:
    machine = recorded()
    session = machine.session()
    subscribe(session, **since(10), backfill=10_000)
    ack, gap, snapshot = settle(session, machine.keeper.past(flushed=machine.oldest - 3))
    assert ack["recovered"] is False
    assert (gap["from"], gap["to"]) == (11, machine.oldest + 1)  # up to the first interval that is there whole
    assert snapshot["values"][0][0] == float(machine.oldest + 1)


def test_a_history_that_cannot_be_read_leaves_what_the_ring_has() -> None:
    machine = recorded()
    session = machine.session()
    subscribe(session, backfill=10_000)
    ack, snapshot = settle(session, UNREADABLE)
    assert ack["type"] == "ack"
    assert snapshot["values"][0][-1] == 299.0
    assert session.group_ids == (ack["group"],)


def test_ticks_meanwhile_are_told_once() -> None:
    machine = recorded()
    session, deferred, kept = reading(machine)
    machine.tick(300.0)
    machine.tick(301.0)
    ack, snapshot = decode(session.settle(deferred, kept))
    assert ack["recovered"] is True
    assert snapshot["values"] == [[float(number) for number in range(10, 302)]]
    assert ack["offset"] == snapshot["offset"] == 302
    assert session.group_ids == (ack["group"],)


def test_a_ring_that_forgot_meanwhile_what_was_not_read_is_no_recovery() -> None:
    machine = recorded()
    session, deferred, kept = reading(machine)
    ticked(machine, 400)
    ack, gap, _ = decode(session.settle(deferred, kept))
    assert ack["recovered"] is False
    assert gap["why"] == "expired"


def test_backfill_reaches_into_the_history() -> None:
    machine = recorded()
    session = machine.session()
    assert subscribe(session, backfill=250) == []
    _, snapshot = settle(session, machine.keeper.past())
    assert snapshot["values"] == [[float(number) for number in range(50, 300)]]


def test_backfill_goes_back_beyond_the_epoch_and_says_no_gap_for_it() -> None:
    machine = recorded()
    machine.source = Source(machine.source.resource, "epoch-2")
    machine.timeline.restart(machine.source)
    machine.offset = 0
    machine.wait(60_000)
    for number in (7.0, 8.0):
        machine.tick(number)
    session = machine.session()
    subscribe(session, backfill=70)
    ack, snapshot = settle(session, machine.keeper.past())
    assert ack["epoch"] == "epoch-2"
    assert snapshot["values"][0][-3:] == [299.0, 7.0, 8.0]
    assert snapshot["times"][-2] - snapshot["times"][-3] == 61_000
    assert "offsets" not in snapshot


def test_ticks_of_another_epoch_have_no_number_in_this_one() -> None:
    machine = recorded()
    machine.source = Source(machine.source.resource, "epoch-2")
    machine.timeline.restart(machine.source)
    machine.offset = 0
    machine.wait(60_000)
    machine.tick(7.0)
    machine.tick(8.0, skip=2)
    session = machine.session()
    subscribe(session, backfill=70)
    _, snapshot, _ = settle(session, machine.keeper.past())
    assert snapshot["values"][0][-3:] == [299.0, 7.0, 8.0]
    assert (snapshot["offsets"][-3:], snapshot["gaps"]) == ([None, 1, 4], [[2, 3]])


def test_of_a_backfill_that_is_too_much_the_newest_comes() -> None:
    machine = recorded(limits=Limits(snapshot_values=1000))
    session = machine.session()
    subscribe(session, metrics=["system.>"], backfill=10_000)
    _, snapshot = settle(session, machine.keeper.past())
    assert len(snapshot["values"]) == 2
    assert len(snapshot["times"]) == 300  # of 1000
    narrow = recorded(limits=Limits(snapshot_values=400))
    session = narrow.session()
    subscribe(session, metrics=["system.>"], backfill=10_000)
    _, snapshot = settle(session, narrow.keeper.past())
    assert snapshot["values"][1] == [float(number) for number in range(100, 300)]


def test_since_that_is_more_than_a_snapshot_holds_is_not_recovered() -> None:
    machine = recorded(limits=Limits(snapshot_values=250))
    ack, gap, snapshot = subscribe(machine.session(), **since(10))
    assert ack["recovered"] is False
    assert gap["why"] == "expired"
    assert snapshot["times"] == [machine.time_ms]


def test_a_token_sees_no_further_back_than_it_may() -> None:
    machine = recorded()
    capped = Grant(Scope.VIEW, "capped", since_s=200)
    session = granted(machine, capped)
    subscribe(session, **since(10))
    ack, gap, _ = settle(session, machine.keeper.past())
    assert ack["recovered"] is False
    assert gap["why"] == "expired"
    session = granted(machine, capped)
    subscribe(session, stream="backfill", backfill=10_000)
    _, snapshot = settle(session, machine.keeper.past())
    assert snapshot["values"][0][0] == 100.0


# --- commands meanwhile ------------------------------------------------------------------------------------------


def test_commands_for_the_stream_wait_and_are_answered_in_order() -> None:
    machine = recorded()
    session = machine.session()
    assert subscribe(session, backfill=250) == []
    assert ask(session, type="update", id=2, stream="s", interval=5) == []
    assert ask(session, type="unsubscribe", id=3, stream="s") == []
    assert subscribe(session, id=4, backfill=250) == []
    assert [one["type"] for one in ask(session, type="ping", id=5)] == ["pong"]
    said = settle(session, machine.keeper.past())
    assert [one.get("id") for one in said if one["type"] == "ack"] == [1, 2, 3, 4]
    assert said[-1]["type"] == "snapshot"
    assert list(session.streams) == ["s"]


def test_commands_for_other_streams_do_not_wait() -> None:
    machine = recorded()
    session = machine.session()
    subscribe(session, backfill=250)
    ack, _ = subscribe(session, id=2, stream="other")
    assert ack["stream"] == "other"


def test_a_stream_that_is_being_joined_counts_and_keeps_its_name() -> None:
    machine = recorded(limits=Limits(streams=1))
    session = machine.session()
    subscribe(session, backfill=250)
    assert error_of(subscribe(session, id=2, stream="other"))[0] == ErrorCode.LIMIT
    assert subscribe(session, id=3) == []
    said = settle(session, machine.keeper.past())
    assert [one["type"] for one in said] == ["ack", "snapshot", "error"]
    assert said[2]["code"] == ErrorCode.DUPLICATE_STREAM


def test_so_many_commands_wait_for_a_stream() -> None:
    machine = recorded()
    session = machine.session()
    subscribe(session, backfill=250)
    for number in range(16):
        assert ask(session, type="update", id=number, stream="s", paused=False) == []
    code, message = error_of(ask(session, type="update", id=99, stream="s", paused=False))
    assert code == ErrorCode.LIMIT
    assert "16 commands" in message


def test_a_token_that_no_longer_covers_the_stream_joins_nothing() -> None:
    machine = recorded()
    session = granted(machine, ALL)
    subscribe(session, backfill=250)
    ask(session, type="hello", token="disks")
    [error] = settle(session, machine.keeper.past())
    assert error["code"] == ErrorCode.DENIED
    assert session.group_ids == ()
    assert machine.hub.groups == {}


def test_a_socket_that_went_joins_nothing_and_cancels() -> None:
    machine = recorded()
    session = machine.session()
    subscribe(session, backfill=250)
    deferred = session.next_deferred()
    assert deferred is not None
    cancelled: list[bool] = []
    deferred.cancel = lambda: cancelled.append(True)
    session.close()
    assert cancelled == [True]
    assert session.settle(deferred, UNREADABLE) == []
    assert machine.hub.groups == {}


def test_an_update_can_catch_up_from_the_history() -> None:
    machine = recorded()
    session = machine.session()
    subscribe(session)
    ask(session, type="update", id=2, stream="s", paused=True)
    assert ask(session, type="update", id=3, stream="s", paused=False, **since(10)) == []
    ack, snapshot = settle(session, machine.keeper.past())
    assert ack["recovered"] is True
    assert snapshot["values"][0] == [float(number) for number in range(10, 300)]
    assert session.group_ids == (ack["group"],)


# --- both as one -------------------------------------------------------------------------------------------------

TICKS = st.lists(
    st.tuples(
        st.sampled_from([1000, 1000, 1000, 1000, 100, 400]),
        st.sampled_from([0] * 30 + [3, 60]),
        st.sampled_from([("sda",), ("sda",), ("sda", "sdb"), ()]),
    ),
    min_size=230,
    max_size=330,
)


@settings(max_examples=30, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(
    TICKS,
    st.integers(0, 250),
    st.sampled_from([0.1, 1.0, 7.0, 60.0]),
    st.sampled_from([["last"], ["avg"], ["min", "max", "last"]]),
    st.booleans(),
)
def test_a_short_ring_with_a_history_says_what_a_long_ring_says(
    ticks: list[tuple[int, int, tuple[str, ...]]], at: int, interval: float, aggregate: list[str], resumes: bool
) -> None:
    short, long = Recorded(), Machine(window_ms=10**9)
    for number, (step_ms, skip, disks) in enumerate(ticks):
        for machine in (short, long):
            readings = {Series(LOAD): float(number)} | {disk(name): number * 10.0 for name in disks}
            missed = skip if number else 0  # before the first tick ever there is none to miss
            machine.take(machine.frame(readings, step_ms=step_ms, skip=missed))
    wanted = {"metrics": ["system.>"], "interval": interval, "aggregate": aggregate}
    if resumes:
        wanted |= since(short.keeper.frames[min(at, len(ticks) - 1)].offset)
    else:
        wanted |= {"backfill": at * 4}
    session = short.session()
    said = subscribe(session, **wanted) or settle(session, short.keeper.past())
    expected = subscribe(long.session(), **wanted)
    if said[0].get("recovered") is False and expected[0].get("recovered") is True:
        assert aggregate != ["last"]  # more faster ticks than it reads before the position
        return
    for message in (*said, *expected):
        del message["group"]  # the number of one that was given up while the history was read is not given again
    assert said == expected


# --- panels ------------------------------------------------------------------------------------------------------


def with_panels(machine: Recorded) -> PanelBoard:
    """Give a machine the panels of a server that has just begun."""
    board = PanelBoard(DashboardStore((LOAD_PANEL, DISKS_PANEL), ()))
    machine.hub.panels = board
    return board


def watch(machine: Recorded, panel: str = "load", **fields: Any) -> list[dict[str, Any]]:
    session = machine.session()
    asked = {"type": "subscribe", "id": 1, "stream": "s", "panel": panel} | fields
    return ask(session, **asked) or settle(session, machine.keeper.past())


def test_a_panel_goes_on_after_a_restart_of_the_server() -> None:
    machine = recorded()
    with_panels(machine)
    ack, snapshot = watch(machine, **since(machine.oldest + 20))
    assert ack["recovered"] is True
    assert snapshot["values"][0] == [float(number) for number in range(machine.oldest + 20, 300)]


def test_a_panel_goes_on_from_before_the_ring() -> None:
    machine = recorded()
    with_panels(machine)
    ack, snapshot = watch(machine, **since(10))
    assert ack["recovered"] is True
    assert snapshot["values"][0] == [float(number) for number in range(10, 300)]
    assert [one["name"] for one in snapshot["series"]] == ["system.load", "@value", "@level"]
    assert snapshot["values"][1] == snapshot["values"][0]


def test_a_line_that_came_meanwhile_brings_the_whole_range() -> None:
    machine = Recorded()
    ticked(machine, 60)
    ticked(machine, 240, disks=("sda", "sdb"))
    with_panels(machine)
    ack, *_ = watch(machine, "disks", **since(10))
    assert ack["recovered"] is False
    with_panels(machine)
    assert watch(machine, "disks", **since(70))[0]["recovered"] is True


def test_a_backfill_of_a_panel_reaches_into_the_history() -> None:
    machine = recorded()
    with_panels(machine)
    _, snapshot = watch(machine, backfill=250)
    assert snapshot["values"][0] == [float(number) for number in range(50, 300)]


# --- more than ticks -----------------------------------------------------------------------------------------------


def test_a_long_backfill_is_evaluated_as_a_query_is() -> None:
    machine = recorded(1000, limits=Limits(snapshot_values=200))
    session = machine.session()
    subscribe(session, interval=60, aggregate=["avg", "max"], backfill=10_000)
    _, snapshot = settle(session, machine.keeper.past())
    question = {"metrics": ["system.load"], "start": snapshot["times"][0] - 60_000, "step": 60}
    asked = ask(session, type="query", id=2, aggregate=["avg", "max"], end=snapshot["times"][-1], **question)
    [result] = asked or settle(session, machine.keeper.past())
    assert snapshot["times"] == result["times"]
    assert snapshot["values"] == result["values"]
    assert len(snapshot["times"]) >= 16


def test_intervals_that_end_meanwhile_are_in_it() -> None:
    machine = recorded(1000, limits=Limits(snapshot_values=200))
    session = machine.session()
    subscribe(session, interval=60, aggregate=["max"], backfill=10_000)
    deferred = session.next_deferred()
    assert deferred is not None
    kept = deferred.work(machine.keeper.past())
    for _ in range(61):
        machine.tick(5000.0)
    _, snapshot = decode(session.settle(deferred, kept))
    assert snapshot["times"] == sorted(set(snapshot["times"]))
    assert set(map(int, np.diff(snapshot["times"]))) == {60_000}
    assert snapshot["times"][-1] == machine.time_ms // 60_000 * 60_000
    assert snapshot["values"][0][-1] == 5000.0


def test_where_the_ring_forgot_what_ended_meanwhile_it_is_read_once_more() -> None:
    machine = recorded(1000, limits=Limits(snapshot_values=200))
    session = machine.session()
    subscribe(session, interval=60, aggregate=["max"], backfill=10_000)
    deferred = session.next_deferred()
    assert deferred is not None
    kept = deferred.work(machine.keeper.past())
    for _ in range(400):
        machine.tick(5000.0)
    assert session.settle(deferred, kept) == []
    _, snapshot = settle(session, machine.keeper.past())
    assert set(map(int, np.diff(snapshot["times"]))) == {60_000}
    assert snapshot["times"][-1] == machine.time_ms // 60_000 * 60_000


def test_a_reduced_backfill_counts_what_is_gone_since() -> None:
    machine = Recorded()
    ticked(machine, 100, disks=("sda", "gone"))
    ticked(machine, 300)
    session = machine.session()
    subscribe(session, metrics=["system.disk.io"], reduce="count", aggregate=["avg"], backfill=1000)
    _, snapshot = settle(session, machine.keeper.past())
    assert snapshot["values"][0][0] == 2.0
    assert snapshot["values"][0][-1] == 1.0


def test_no_step_of_a_long_backfill_tells_a_token_of_what_was_before() -> None:
    machine = recorded(1000, limits=Limits(snapshot_values=200))
    session = granted(machine, Grant(Scope.VIEW, "capped", since_s=490))
    subscribe(session, interval=60, aggregate=["min"], backfill=10_000)
    _, snapshot = settle(session, machine.keeper.past())
    assert snapshot["values"][0][0] >= 1000 - 490
    brief = granted(machine, Grant(Scope.VIEW, "brief", since_s=5))
    reduced = {"interval": 60, "aggregate": ["min"], "reduce": "min", "backfill": 10_000}
    said = subscribe(brief, **reduced) or settle(brief, machine.keeper.past())
    assert [one["type"] for one in said] == ["ack", "snapshot"]


def test_what_wants_no_past_is_answered_at_once() -> None:
    machine = recorded()
    ack, snapshot = subscribe(machine.session(), interval=3600, aggregate=["avg"])
    assert ack["type"] == "ack"
    assert len(snapshot["times"]) == 1


DISK_IO: dict[str, Any] = {"metrics": ["system.disk.io"], "aggregate": ["last", "rate", "p90"]}


@pytest.mark.parametrize("fields", [{"group_by": []}, {"group_by": [], "ratio_to": {"metrics": ["system.load"]}}])
def test_what_goes_on_from_the_history_counts_what_is_gone_since(fields: dict[str, Any]) -> None:
    machine, memory = ticked(Recorded(), 1), ticked(Machine(window_ms=10**9), 1)
    live = subscribe(memory.session(), **DISK_IO, **fields)
    told: list[list[float]] = [[], [], []]
    for number in range(2, 600):
        disks = ("sda", "b" * (number // 50 + 2)) if number % 3 else ("sda",)  # which come and go
        machine.tick(float(number), disks)
        [data] = decode(memory.tick(float(number), disks)[live[0]["group"]])
        for at, column in enumerate(told):
            column.append(data["values"][at] if "values" in data else data["changed"].get(str(at), column[-1]))
    session = machine.session()
    assert subscribe(session, **DISK_IO, **fields, **since(20)) == []
    ack, snapshot = settle(session, machine.keeper.past())
    assert ack["recovered"] is True
    assert snapshot["values"] == [column[19:] for column in told]


def test_a_series_that_comes_back_while_the_history_is_read_brings_its_past() -> None:
    machine = ticked(Recorded(), 300, disks=("sda", "sdb"))
    ticked(machine, 400)
    session = machine.session()
    assert subscribe(session, metrics=["system.disk.io"], **since(10)) == []
    deferred = session.next_deferred()
    assert deferred is not None
    outcome = deferred.work(machine.keeper.past())
    machine.tick(disks=("sda", "sdb"))
    _, snapshot = decode(session.settle(deferred, outcome))
    assert [one["attributes"]["system.device"] for one in snapshot["series"]] == ["sda", "sdb"]
    assert snapshot["values"][1][:2] == [103.0, 113.0]


def test_where_too_much_is_gone_to_be_counted_nothing_goes_on() -> None:
    machine = Recorded(limits=Limits(snapshot_values=1500))
    for number in range(600):
        machine.tick(disks=("sda", "b" * (number // 20 + 2)))
    session = machine.session()
    assert subscribe(session, metrics=["system.disk.io"], group_by=[], **since(20)) == []
    assert settle(session, machine.keeper.past())[0]["recovered"] is False
    assert subscribe(session, stream="alone", metrics=["system.disk.io"], **since(20)) == []
    assert settle(session, machine.keeper.past())[0]["recovered"] is True
