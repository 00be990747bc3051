"""Many sources in one hub: each has its own clock, epoch and pace, and none is told what another measured."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.machine import LOAD, START_MS, Client, Machine, ask, decode, null

from vitalcast.core.metrics.model import Frame, Series
from vitalcast.core.metrics.names import Selection
from vitalcast.core.metrics.resource import Resource, Source
from vitalcast.core.metrics.timeline import Timeline
from vitalcast.core.stream.grants import OPEN, Caller, Grant
from vitalcast.core.stream.hub import Hub
from vitalcast.core.stream.session import Session
from vitalcast.core.vocabulary import Scope

pytestmark = pytest.mark.usefixtures("each_bus")

WEB = Source(Resource("aaaa", "web-1"), "epoch-web")
DB = Source(Resource("bbbb", "db-1"), "epoch-db", interval_ms=5000, interval_min_ms=1000)
TWIN = Source(Resource("cccc", "web-1"), "epoch-twin", interval_ms=500)


class Fleet:
    """Three sources in one hub: another hour on each clock, other offsets, other paces."""

    def __init__(self, hub: Hub | None = None) -> None:
        self.hub = hub or Hub()
        self.machines = {source.id: Machine(hub=self.hub, source=source) for source in (WEB, DB, TWIN)}
        self.demands: list[tuple[str, int]] = []
        self.hub.demanded.append(lambda id_, tick_ms: self.demands.append((id_, tick_ms)))
        for number, machine in enumerate(self.machines.values()):
            machine.offset = number * 1000
            machine.time_ms += number * 3_600_000

    def tick(self, id_: str, load: float = 1.0, *, skip: int = 0) -> dict[int, list[Any]]:
        machine = self.machines[id_]
        out = machine.take(machine.frame({Series(LOAD): load}, step_ms=machine.source.interval_ms, skip=skip))
        return {group: decode(messages) for group, messages in out.items()}

    def tick_all(self, times: int = 1) -> None:
        for _ in range(times):
            for id_ in self.machines:
                self.tick(id_)

    def session(self, caller: Caller = OPEN) -> Session:
        return Session(self.hub, plain=None, now_ms=lambda: START_MS, now_s=lambda: 0.0, caller=caller)


@pytest.fixture
def fleet() -> Fleet:
    fleet = Fleet()
    fleet.tick_all(3)
    return fleet


def subscribe(session: Session, **fields: Any) -> list[dict[str, Any]]:
    return ask(session, **({"type": "subscribe", "stream": "s", "metrics": ["system.load"]} | fields))


def refusal(messages: list[dict[str, Any]]) -> tuple[int, str]:
    [error] = messages
    assert error["type"] == "error", error
    return error["code"], error["message"]


# --- which source is meant -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["bbbb", "db-1"])
def test_a_source_is_named_by_its_id_or_its_name(fleet: Fleet, host: str) -> None:
    ack, snapshot = subscribe(fleet.session(), host=host)
    assert (ack["source"], ack["epoch"], ack["offset"], ack["interval"]) == ("bbbb", "epoch-db", 1003, 5.0)
    assert (snapshot["source"], snapshot["epoch"], snapshot["offset"]) == ("bbbb", "epoch-db", 1003)


@pytest.mark.parametrize(
    "command",
    [
        {"type": "subscribe", "stream": "s", "metrics": ["system.load"]},
        {"type": "list"},
        {"type": "table", "stream": "t", "table": "processes"},
    ],
)
def test_where_several_are_there_one_has_to_be_named(fleet: Fleet, command: dict[str, Any]) -> None:
    session = fleet.session()
    code, message = refusal(ask(session, **command))
    assert (code, message) == (107, "host: is missing, and there are 3 sources: name one")
    assert refusal(ask(session, **command, host="db-2")) == (107, "host: 'db-2' is not here; did you mean db-1?")
    code, message = refusal(ask(session, **command, host="web-1"))
    assert (code, message) == (107, "host: 2 sources are called 'web-1'; give an id: aaaa, cccc")
    assert session.streams == {}


def test_who_may_not_see_everything_is_not_told_which_other_sources_there_are(fleet: Fleet) -> None:
    session = fleet.session(caller=Caller(Grant(Scope.EMBED, "t", (Selection.of(["system.load"]),))))
    assert refusal(subscribe(session, host="db-2")) == (107, "host: 'db-2' is not here")
    assert refusal(subscribe(session, host="web-1")) == (107, "host: 2 sources are called 'web-1'; give an id")
    assert refusal(ask(session, type="list", host="zzz")) == (107, "host: 'zzz' is not here")


def test_where_there_is_one_it_need_not_be_named() -> None:
    fleet = Fleet()
    session = fleet.session()
    assert refusal(subscribe(session)) == (107, "host: is missing, and there is no source yet")
    fleet.tick("bbbb")
    assert subscribe(session)[0]["source"] == "bbbb"
    [welcome] = decode(session.open())
    assert (welcome["source"], welcome["host"], welcome["interval"]) == ("bbbb", "db-1", 5.0)


def test_the_machine_itself_is_meant_where_none_is_named() -> None:
    home = Timeline(WEB)
    fleet = Fleet(Hub(home=home))
    fleet.tick_all()
    session = fleet.session()
    assert subscribe(session)[0]["source"] == "aaaa"
    assert decode(session.open())[0]["host"] == "web-1"


def test_a_welcome_among_many_names_no_source(fleet: Fleet) -> None:
    [welcome] = decode(fleet.session().open())
    assert welcome["host"] is None
    assert "epoch" not in welcome
    assert welcome["limits"]


def test_list_and_table_are_of_the_source_that_is_named(fleet: Fleet) -> None:
    fleet.machines["bbbb"].take(fleet.machines["bbbb"].frame({Series(LOAD): 1.0}))
    [catalogue] = ask(fleet.session(), type="list", host="bbbb")
    assert [one["name"] for one in catalogue["series"]] == ["system.load"]
    code, message = refusal(ask(fleet.session(), type="table", stream="t", table="processes", host="bbbb"))
    assert (code, message) == (102, "table: 'processes' is not here; known: none")


def test_intervals_are_those_of_the_source(fleet: Fleet) -> None:
    session = fleet.session()
    code, message = refusal(subscribe(session, host="db-1", interval=0.5))
    assert (code, message) == (106, "interval: the shortest here is 1 s, got 0.5")
    assert subscribe(session, host="cccc", interval=0.5)[0]["interval"] == 0.5


# --- what is told ----------------------------------------------------------------------------------------------------


@given(
    st.lists(
        st.tuples(st.sampled_from(["aaaa", "bbbb", "cccc"]), st.sampled_from([1.0, 2.5, math.nan]), st.integers(0, 2)),
        max_size=60,
    ),
    st.data(),
)
def test_each_client_hears_its_own_source_whole_whatever_the_others_do(
    plan: list[tuple[str, float, int]], data: st.DataObject
) -> None:
    fleet = Fleet()
    fleet.tick_all()
    clients = {id_: (fleet.session(), Client()) for id_ in fleet.machines}
    positions: dict[str, tuple[str, int]] = {}
    log: dict[str, dict[int, float | None]] = {id_: {} for id_ in clients}
    for id_, (session, client) in clients.items():
        _, snapshot = subscribe(session, host=id_)
        client.take(snapshot)
        log[id_][fleet.machines[id_].time_ms] = 1.0
    away = data.draw(st.sampled_from([None, *clients]))
    for number, (id_, load, skip) in enumerate(plan):
        out = fleet.tick(id_, load, skip=skip)
        log[id_][fleet.machines[id_].time_ms] = null(load)
        if id_ == away and number < len(plan) // 2:
            continue  # its client is not there, and comes back with its position
        for client_id, (session, client) in clients.items():
            if client_id == away and client_id not in positions and number >= len(plan) // 2:
                positions[client_id] = (fleet.hub.timelines[client_id].epoch, client.offset)
                ask(session, type="unsubscribe", stream="s")
                since = dict(zip(("epoch", "offset"), positions[client_id], strict=True)) | {"source": client_id}
                ack, *rest = subscribe(session, host=client_id, since=since)
                assert ack["recovered"] is True
                for message in rest:
                    client.take(message)
                continue
            for group in session.group_ids:
                for message in out.get(group, []):
                    client.take(message)
    for id_, (_, client) in clients.items():
        if id_ != away or id_ in positions:
            points = client.points["system.load#0"]
            assert points == log[id_]


def test_a_position_of_another_source_recovers_nothing(fleet: Fleet) -> None:
    for since in ({"epoch": "epoch-web", "offset": 1002}, {"epoch": "epoch-db", "offset": 1002, "source": "aaaa"}):
        ack, snapshot = subscribe(fleet.session(), host="bbbb", since=since)
        assert ack["recovered"] is False
        assert len(snapshot["times"]) == 1
    ack, _ = subscribe(fleet.session(), host="bbbb", since={"epoch": "epoch-db", "offset": 1002, "source": "bbbb"})
    assert ack["recovered"] is True


def test_a_source_that_begins_anew_is_told_to_those_who_follow_it_and_to_nobody_else(fleet: Fleet) -> None:
    session, other = fleet.session(), fleet.session()
    subscribe(session, host="bbbb", aggregate=["avg"], interval=10)
    subscribe(other, host="cccc")
    machine = fleet.machines["bbbb"]
    fleet.tick("bbbb", 100.0)
    machine.source, machine.offset = replace(DB, epoch="epoch-new"), 0
    out = fleet.tick("bbbb", 7.0)
    assert set(out) == set(session.group_ids)
    [[snapshot]] = out.values()
    assert (snapshot["type"], snapshot["epoch"], snapshot["offset"]) == ("snapshot", "epoch-new", 1)
    assert snapshot["values"] == [[7.0]], "what was before the restart is no part of it"
    ack, _ = subscribe(fleet.session(), host="bbbb", since={"epoch": "epoch-db", "offset": 1003})
    assert ack["recovered"] is False
    ack, _ = subscribe(fleet.session(), host="bbbb", since={"epoch": "epoch-new", "offset": 1})
    assert ack["recovered"] is True


# --- demand ----------------------------------------------------------------------------------------------------------


def test_a_fast_subscription_quickens_its_source_alone(fleet: Fleet) -> None:
    session = fleet.session()
    subscribe(session, host="bbbb", stream="a", interval=1)
    subscribe(session, host="bbbb", stream="b", interval=2)
    subscribe(session, host="cccc", stream="c")
    ask(session, type="unsubscribe", stream="a")
    ask(session, type="unsubscribe", stream="b")
    assert fleet.demands == [("bbbb", 1000), ("bbbb", 5000)]
    assert fleet.hub.tick_ms("cccc") == 500


# --- what comes in ---------------------------------------------------------------------------------------------------


def test_observers_see_each_frame_with_its_source_and_one_that_fails_costs_nobody_anything(
    fleet: Fleet, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[tuple[str, int]] = []

    def broken(_timeline: Timeline, _frame: Frame) -> None:
        raise RuntimeError("broken on purpose")

    fleet.hub.advanced += [broken, lambda timeline, frame: seen.append((timeline.name, frame.offset))]
    session = fleet.session()
    subscribe(session, host="aaaa")
    assert fleet.tick("aaaa")[session.group_ids[0]]
    fleet.tick("bbbb")
    assert seen == [("web-1", 4), ("db-1", 1004)]
    assert "an observer failed at offset 4" in caplog.text


def test_a_frame_that_comes_again_is_counted_and_taken_once(fleet: Fleet) -> None:
    timeline, machine = fleet.hub.timelines["aaaa"], fleet.machines["aaaa"]
    frame = machine.frame({Series(LOAD): 1.0})
    for _ in range(3):
        fleet.hub.take(WEB, frame)
    assert fleet.hub.frames_refused == 2
    assert timeline.ring.end_row == 4


def test_there_are_only_so_many_sources(caplog: pytest.LogCaptureFixture) -> None:
    fleet = Fleet(Hub(sources_max=2))
    fleet.tick_all(2)
    assert list(fleet.hub.timelines) == ["aaaa", "bbbb"]
    assert fleet.hub.frames_refused == 2
    assert [record.getMessage() for record in caplog.records if "sources" in record.getMessage()] == [
        "there are more than 2 sources: those that come later are refused"
    ]


def test_a_source_that_is_renamed_is_found_by_its_new_name(fleet: Fleet) -> None:
    machine = fleet.machines["bbbb"]
    machine.source = replace(DB, resource=replace(DB.resource, name="db-new"), interval_ms=2000)
    fleet.tick("bbbb")
    assert fleet.hub.timelines["bbbb"].ring.interval_ms == 2000
    ack, _ = subscribe(fleet.session(), host="db-new", since={"epoch": "epoch-db", "offset": 1003})
    assert ack["recovered"] is True
