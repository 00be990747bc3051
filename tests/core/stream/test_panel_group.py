"""A panel is something to subscribe to: the server says which lines it has, and a client only draws them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.machine import LOAD as LOAD_METRIC
from tests.core.machine import Machine, ask, decode, disk

from vitalcast.core.metrics.frames import FrameBuilder
from vitalcast.core.metrics.model import Descriptor, Kind, Sample, Series
from vitalcast.core.metrics.resource import Resource, Source
from vitalcast.core.panels.schema import Panel
from vitalcast.core.panels.selection import request_selection
from vitalcast.core.stream.grants import Caller, Grant, Scope
from vitalcast.core.wire.binary import BINARY
from vitalcast.core.wire.binary import decode as decode_binary
from vitalcast.core.wire.limits import Limits
from vitalcast.dashboards.store import DashboardStore
from vitalcast.live.panel_board import PanelBoard

LOAD = Panel.model_validate(
    {
        "id": "load",
        "title": "Load",
        "metrics": ["system.load"],
        "thresholds": {"warning": 1.0, "critical": 2.0, "for": 2.0, "keep": 0.0},
    }
)
DISKS = Panel.model_validate(
    {
        "id": "disks",
        "title": "Disks",
        "metrics": ["system.disk.io"],
        "by": ["system.device"],
        "aggregate": "last",
        "lines_max": 3,
        "headline": {"reduce": "max", "label": "busiest"},
    }
)
SLOW = Panel.model_validate({"id": "slow", "title": "Slow", "metrics": ["system.load"], "interval": 5.0})
FANS = Panel.model_validate({"id": "fans", "title": "Fans", "metrics": ["hw.fan.speed"]})


class House(Machine):
    """A machine whose panels can be changed."""

    def __init__(self, *panels: Panel, limits: Limits | None = None) -> None:
        super().__init__(**({"limits": limits} if limits else {}))
        self.store = DashboardStore(panels or (LOAD, DISKS, SLOW, FANS), ())
        self.hub.panels = PanelBoard(self.store)


def watch(house: House, panel: str = "disks", **more: Any) -> tuple[Any, list[dict[str, Any]]]:
    session = house.session()
    return session, ask(session, type="subscribe", stream="p", panel=panel, **more)


def got(house: House, session: Any, out: dict[int, Any]) -> list[dict[str, Any]]:
    """Return what a session's groups were sent."""
    return [message for id_ in session.group_ids for message in decode(out.get(id_, ()))]


def drawn(message: dict[str, Any]) -> dict[str, int]:
    return {line["label"]: line["color"] for line in message["lines"]}


def test_a_panel_brings_its_lines_its_headline_and_its_past() -> None:
    house = House()
    for load in (0.5, 1.5, 1.5, 1.5):
        house.tick(load)
    _, (ack, snapshot) = watch(house, "load", interval=1, range=60, backfill=60)
    assert (ack["type"], ack["panel"], ack["range"], ack["aggregate"]) == ("ack", "load", 60.0, ["avg"])
    assert [one["name"] for one in snapshot["series"]] == ["system.load", "@value", "@level"]
    (line,) = snapshot["lines"]
    assert (line["label"], line["color"], line["direction"], line["column"]) == ("load", 1, "up", 0)
    headline = snapshot["headline"]
    assert (headline["value"], headline["level"], headline["unit"]) == (1.5, "warning", "1")
    assert snapshot["values"] == [[0.5, 1.5, 1.5, 1.5], [0.5, 1.5, 1.5, 1.5], [0.0, 0.0, 0.0, 1.0]]


def test_a_level_that_changes_comes_with_the_data() -> None:
    house = House()
    house.tick(0.5)
    session, (_, snapshot) = watch(house, "load")
    level = snapshot["headline"]["levels"]
    seen = []
    for load in (2.5, 2.5, 2.5, 0.5):
        (data,) = got(house, session, house.tick(load))
        seen.append(data["values"][level] if "values" in data else data["changed"].get(str(level), seen[-1]))
    assert seen == [0.0, 0.0, 2.0, 0.0]


def test_a_level_that_changes_is_said_in_words_and_only_then() -> None:
    house = House()
    house.tick(0.5)
    session, (_, snapshot) = watch(house, "load")
    assert snapshot["headline"]["level"] == ""
    binary = house.session(encoding=BINARY)
    (other, _) = ask(binary, type="subscribe", stream="p", panel="load")
    said = []
    for load in (0.5, 2.5, 2.5, 2.5, 2.5, 1.5, 1.5, 0.5, 0.5):
        out = house.tick(load)
        said += [message.get("level") for message in got(house, session, out)]
        (message,) = out[other["group"]]
        decode_binary(message.payload)
    assert said == [None, None, None, "critical", None, "warning", None, "", None]


def test_who_comes_between_two_intervals_is_told_the_level_that_it_does_not_know() -> None:
    house = House(Panel.model_validate(LOAD.model_dump() | {"interval": 5.0}))
    house.tick(0.5)
    session, _ = watch(house, "load")
    while not got(house, session, house.tick(0.5)):
        pass  # until an interval begins
    for load in (2.5, 2.5, 2.5):
        house.tick(load)
    newcomer, (_, snapshot) = watch(house, "load")
    assert snapshot["headline"]["level"] == "critical"
    assert got(house, session, house.tick(0.5)) == []
    (data,) = got(house, newcomer, house.tick(0.5))
    assert data["level"] == "", "what the others know is not what the newcomer does"


def test_a_socket_that_missed_some_is_told_the_level_with_the_newest() -> None:
    house = House()
    house.tick(0.5)
    session, (ack, _) = watch(house, "load")
    for load in (2.5,) * 6:
        out = house.tick(load)
    assert [message.get("level") for message in got(house, session, out)] == [None]
    latest = house.hub.groups[ack["group"]].latest()
    assert latest is not None
    assert json.loads(latest.payload)["level"] == "critical"
    assert [message.get("level") for message in got(house, session, house.tick(2.5))] == [None]


def test_a_line_that_comes_brings_its_past_to_everybody() -> None:
    house = House()
    for _ in range(5):
        house.tick(disks=("sda",))
    session, (_, first) = watch(house, range=60, backfill=60)
    assert drawn(first) == {"sda": 1}
    snapshot, *_ = got(house, session, house.tick(disks=("sda", "sdb")))
    assert snapshot["type"] == "snapshot"
    assert drawn(snapshot) == {"sda": 1, "sdb": 2}
    assert len(snapshot["times"]) == 6
    (data,) = got(house, session, house.tick(disks=("sda", "sdb")))
    assert data["type"] == "data"


def test_a_line_that_comes_brings_its_past_in_every_encoding_and_at_every_pace() -> None:
    house = House()
    house.tick(disks=("sda",))
    sessions = [watch(house)[0], watch(house)[0], watch(house, interval=0.5)[0], house.session(encoding=BINARY)]
    ask(sessions[-1], type="subscribe", stream="p", panel="disks")
    out = house.tick(disks=("sda", "sdb"))
    assert len({session.group_ids for session in sessions}) == 3
    for session in sessions:
        snapshot, *_ = got(house, session, out)
        assert (snapshot["type"], drawn(snapshot)) == ("snapshot", {"sda": 1, "sdb": 2})


def test_a_line_that_goes_is_said_and_gets_its_colour_back() -> None:
    house = House()
    house.tick(disks=("sda", "sdb", "sdc"))
    session, (_, first) = watch(house)
    series, data = got(house, session, house.tick(disks=("sdb", "sdc")))
    assert (series["type"], data["type"]) == ("series", "data")
    assert len(data["values"]) == len(series["series"])
    again, *_ = got(house, session, house.tick(disks=("sda", "sdb", "sdc")))
    assert drawn(again) == drawn(first)
    assert drawn(series).items() <= drawn(first).items()


def test_only_what_is_drawn_is_sent_however_many_there_are() -> None:
    house = House(DISKS, limits=Limits(series=10))
    names = [f"d{at}" for at in range(50)]
    house.tick(disks=names)
    _, (ack, snapshot) = watch(house)
    assert ack["type"] == "ack"
    assert (len(snapshot["lines"]), snapshot["more"]) == (3, 47)
    assert len(snapshot["series"]) == 5


def test_who_asks_for_all_lines_gets_those_that_nobody_draws_as_well_by_their_names() -> None:
    house = House(DISKS, limits=Limits(series=60))
    names = [f"d{at}" for at in range(50)]
    house.tick(disks=names)
    session, (_, snapshot) = watch(house)
    (_, every) = ask(session, type="subscribe", stream="file", panel="disks", lines="all")
    assert [line["name"] for line in every["lines"]] == names
    assert (every["more"], every["group"] != snapshot["group"]) == (0, True)
    assert len({line["id"] for line in every["lines"]}) == 50
    assert {line["label"]: line["id"] for line in snapshot["lines"]}.items() <= {
        line["label"]: line["id"] for line in every["lines"]
    }.items()


def test_all_lines_of_a_panel_are_no_more_than_a_stream_may_have() -> None:
    house = House(DISKS, limits=Limits(series=10))
    house.tick(disks=[f"d{at}" for at in range(50)])
    _, (error,) = watch(house, lines="all")
    assert (error["type"], error["code"]) == ("error", 106)


def test_who_watches_the_same_panel_shares_one_group_and_who_sees_further_does_not() -> None:
    house = House()
    house.tick()
    groups = [watch(house, range=range_s)[1][0]["group"] for range_s in (60, 60.2, 300)]
    assert groups[0] == groups[1] != groups[2]


def test_in_another_encoding_a_panel_is_another_group_with_the_same_values() -> None:
    house = House()
    house.tick(disks=("sda", "sdb"))
    text, (ack, snapshot) = watch(house)
    state = state_of([snapshot], {})
    binary = house.session(encoding=BINARY)
    (other, _) = ask(binary, type="subscribe", stream="p", panel="disks")
    assert other["group"] != ack["group"]
    told: list[float] = []
    for _ in range(3):
        out = house.tick(disks=("sda", "sdb"))
        state = state_of(got(house, text, out), state)
        (message,) = out[other["group"]]
        told = decode_binary(message.payload).onto(told)
        assert told == state["values"]


def test_a_range_changes_with_an_update() -> None:
    house = House()
    house.tick()
    session, (before, _) = watch(house, range=60)
    ack, snapshot = ask(session, type="update", stream="p", range=300, backfill=300)
    assert ack["range"] == 300.0
    assert ack["group"] != before["group"]
    assert snapshot["type"] == "snapshot"
    (paused,) = ask(session, type="update", stream="p", paused=True)
    assert (paused["paused"], paused["panel"], paused["series"]) == (True, "disks", 0)


def test_a_panel_has_its_own_pace_where_that_is_slower() -> None:
    house = House()
    house.tick()
    session, (ack, _) = watch(house, "slow", interval=1)
    assert ack["interval"] == 5.0
    (ack, _) = ask(session, type="update", stream="p", interval=10)
    assert ack["interval"] == 10.0


def test_a_panel_of_what_is_not_there_is_empty_until_it_comes() -> None:
    house = House()
    house.tick()
    _, (ack, snapshot) = watch(house, "fans")
    assert (ack["series"], snapshot["lines"], snapshot["headline"], snapshot["values"]) == (0, [], None, [])


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        ({"panel": "diskss"}, 102, "panel: no panel is called 'diskss'; did you mean disks?"),
        ({"panel": "disks", "metrics": ["system.load"]}, 107, "metrics: a panel brings its own"),
        ({"panel": "disks", "where": {}, "aggregate": ["last"]}, 107, "aggregate, where: a panel brings its own"),
        ({}, 107, "metrics: is missing; give patterns of metrics, or a panel"),
        ({"metrics": ["system.load"], "range": 60}, 107, "range: only the stream of a panel has one"),
        ({"metrics": ["system.load"], "lines": "all"}, 107, "lines: only a panel has them"),
        ({"panel": "disks", "range": 0}, 107, "range: should be greater than or equal to 1"),
    ],
)
def test_what_cannot_be_subscribed_to_says_what_would_be_right(command: dict[str, Any], code: int, words: str) -> None:
    house = House()
    house.tick()
    (error,) = ask(house.session(), type="subscribe", stream="p", **command)
    assert (error["type"], error["code"]) == ("error", code)
    assert error["message"].startswith(words)


def test_where_there_are_no_panels_that_is_said() -> None:
    machine = Machine()
    machine.tick()
    (error,) = ask(machine.session(), type="subscribe", stream="p", panel="cpu")
    assert (error["code"], error["message"]) == (102, "panel: there are none here; subscribe to metrics")


def test_only_panels_have_a_range_to_update() -> None:
    house = House()
    house.tick()
    session = house.session()
    ask(session, type="subscribe", stream="s", metrics=["system.load"])
    (error,) = ask(session, type="update", stream="s", range=60)
    assert error["code"] == 107


def granted(*panels: Panel, scope: Scope = Scope.EMBED) -> Caller:
    within = tuple(map(request_selection, panels))
    return Caller(Grant(scope, within=within, panels=frozenset(panel.id for panel in panels)))


def test_a_token_for_a_panel_may_subscribe_to_it_and_to_no_other() -> None:
    house = House()
    house.tick()
    session = house.session(caller=granted(DISKS))
    ack, _ = ask(session, type="subscribe", stream="p", panel="disks")
    assert ack["type"] == "ack"
    for panel in ("load", "nothing"):
        (error,) = ask(session, type="subscribe", stream="q", panel=panel)
        assert (error["code"], error["message"]) == (103, f"panel: {panel!r} is more than this token may see")


def test_a_token_that_shows_less_ends_the_stream_of_a_panel() -> None:
    house = House()
    house.tick()
    session = house.session(verify=lambda _token, _caller: granted(LOAD).grant)
    ask(session, type="subscribe", stream="p", panel="disks")
    _, error = ask(session, type="hello", token="t")
    assert (error["code"], error["stream"]) == (103, "p")


@pytest.mark.parametrize(("range_s", "ends"), [(60, True), (5, False)])
def test_a_token_that_sees_less_far_back_ends_the_stream_of_a_longer_range(range_s: float, ends: bool) -> None:
    house = House()
    house.tick()
    grant = granted(DISKS).grant
    assert grant is not None
    session = house.session(verify=lambda _token, _caller: replace(grant, since_s=5.0))
    ask(session, type="subscribe", stream="p", panel="disks", range=range_s)
    _, *errors = ask(session, type="hello", token="t")
    told = [(error["code"], error["stream"], error["message"]) for error in errors]
    assert told == [(103, "p", "range: this token sees 5 s back")] * ends


def test_who_may_not_see_names_has_the_panel_without_the_series_that_have_one() -> None:
    named = Descriptor("myapp.requests", "1", Kind.GAUGE, "", ("user.name",))
    plain = Descriptor("myapp.load", "1", Kind.GAUGE, "")
    panel = Panel.model_validate({"id": "app", "title": "App", "metrics": ["myapp.>"]})
    house = House(panel)
    house.take(house.frame({Series(named, ("ann",)): 1.0, Series(plain): 2.0}))
    assert [line["key"] for line in watch(house, "app")[1][1]["lines"]] == ["myapp.load", "myapp.requests ann"]
    session = house.session(caller=granted(panel))
    _, snapshot = ask(session, type="subscribe", stream="p", panel="app")
    assert [line["key"] for line in snapshot["lines"]] == ["myapp.load"]
    assert "ann" not in json.dumps(snapshot)


def test_who_may_look_back_only_so_far_is_shown_no_more() -> None:
    house = House()
    for _ in range(20):
        house.tick()
    grant = granted(DISKS).grant
    assert grant is not None
    session = house.session(caller=Caller(replace(grant, since_s=5.0)))
    ack, snapshot = ask(session, type="subscribe", stream="p", panel="disks", range=60, backfill=60)
    assert (ack["range"], len(snapshot["times"])) == (5.0, 5)


def test_each_source_has_the_panel_for_itself() -> None:
    house, frames = House(), FrameBuilder()
    other = Source(Resource("machine-2", "web-2"), "epoch-9")
    house.tick(disks=("sda", "sdb"))
    for offset in range(1, 4):
        samples = [Sample(disk(name), 1.0) for name in ("nvme0n1", "sda")]
        house.bus.publish(other, frames.frame(offset, house.time_ms, samples))
    acks, drawings = [], []
    for host in ("web-1", "web-2"):
        _, (ack, snapshot) = watch(house, host=host)
        acks.append((ack["source"], ack["epoch"], ack["offset"]))
        drawings.append(drawn(snapshot))
    assert acks == [("machine-1", "epoch-1", 1), ("machine-2", "epoch-9", 3)]
    assert drawings == [{"sda": 1, "sdb": 2}, {"nvme0n1": 1, "sda": 2}]


def test_a_source_that_begins_anew_goes_on_with_the_panel() -> None:
    house = House()
    house.tick(disks=("sda",))
    session, _ = watch(house, "load", range=60)
    house.offset = 0
    restarted = replace(house.timeline.source, epoch="epoch-2")
    house._emitted = {}
    house.bus.publish(restarted, house.frame({Series(LOAD_METRIC): 3.0}))
    messages = got(house, session, house._emitted)
    state = state_of(messages, {})
    assert state["values"][0] == 3.0
    (data,) = got(house, session, house.tick(4.0))
    assert state_of([data], state)["values"][0] == 4.0


def test_a_panel_that_is_changed_or_removed_is_so_for_who_watches_it() -> None:
    house = House(DISKS)
    house.tick(disks=("sda", "sdb"))
    session, _ = watch(house)
    only = Panel.model_validate(DISKS.model_dump() | {"where": {"system.device": ["sdb"]}})
    house.store.replace((only,), ())
    changed, *_ = got(house, session, house.tick(disks=("sda", "sdb")))
    assert list(drawn(changed)) == ["sdb"]
    house.store.replace((), ())
    removed, *_ = got(house, session, house.tick(disks=("sda", "sdb")))
    assert removed["lines"] == []
    (error,) = ask(session, type="update", stream="p", interval=2)
    assert error["code"] == 102


def test_a_panel_of_another_pace_moves_the_streams_that_are_open_to_it() -> None:
    house = House(SLOW)
    for load in range(10):
        house.tick(float(load))
    sessions = {asked: watch(house, "slow", interval=asked, range=4)[0] for asked in (1, 3)}
    paused, _ = watch(house, "slow", range=4)
    ask(paused, type="update", stream="p", paused=True)
    assert len(house.hub.groups) == 1
    house.store.replace((SLOW.model_copy(update={"interval": 2.0, "aggregate": "max"}),), ())
    for asked, session in sessions.items():
        _, ack, snapshot = decode(session.dashboards_changed(session.caller.grant))
        assert "id" not in ack
        assert (ack["type"], ack["stream"], ack["interval"]) == ("ack", "p", float(max(asked, 2)))
        assert (ack["aggregate"], (ack["group"],)) == (["max"], session.group_ids)
        assert (snapshot["type"], snapshot["group"]) == ("snapshot", ack["group"])
        assert len(snapshot["times"]) >= 1
    _, ack = decode(paused.dashboards_changed(paused.caller.grant))
    assert (ack["paused"], ack["interval"]) == (True, 2.0)
    assert len(house.hub.groups) == 2, "nobody is left at the pace of before"
    told = [got(house, sessions[1], house.tick(1.0)) for _ in range(6)]
    assert [len(messages) for messages in told] in ([0, 1] * 3, [1, 0] * 3)
    assert [decode(one.dashboards_changed(one.caller.grant))[1:] for one in (*sessions.values(), paused)] == [[]] * 3
    for one in (*sessions.values(), paused):
        one.close()
    assert (house.hub.groups, house.hub.held_bytes) == ({}, 0)


def test_a_stream_that_has_no_room_at_its_new_pace_goes_on_as_it_was() -> None:
    house = House(SLOW, limits=Limits(subscriptions=1))
    house.tick()
    session, (ack, _) = watch(house, "slow", interval=1)
    house.store.replace((SLOW.model_copy(update={"interval": 2.0}),), ())
    assert decode(session.dashboards_changed(session.caller.grant))[1:] == []
    assert session.group_ids == (ack["group"],)
    told = [bool(got(house, session, house.tick())) for _ in range(10)]
    assert sum(told) == 2


def test_who_comes_back_goes_on_unless_a_line_came_meanwhile() -> None:
    house = House()
    house.tick(disks=("sda",))
    session, (ack, _) = watch(house)
    session.close()
    since = {"epoch": ack["epoch"], "offset": ack["offset"]}
    house.tick(disks=("sda",))
    house.tick(disks=("sda",))
    session, (ack, snapshot) = watch(house, since=since, backfill=60)
    assert (ack["recovered"], len(snapshot["times"])) == (True, 2)
    house.tick(disks=("sda", "sdb"))
    _, (ack, snapshot) = watch(house, since=since, backfill=60)
    assert (ack["recovered"], len(snapshot["times"])) == (False, 4)


def test_who_turns_to_another_range_goes_on_only_with_lines_that_it_has() -> None:
    house = House(Panel.model_validate(DISKS.model_dump() | {"lines_max": 1, "headline": {"reduce": "sum"}}))
    later = {disk("old"): 0.0, disk("new"): 1.0}
    house.take(house.frame({disk("old"): 9.0, disk("new"): 1.0}))
    for _ in range(20):
        house.take(house.frame(later))
    _, (_, snapshot) = watch(house, range=60, backfill=60)
    assert list(drawn(snapshot)) == ["old"]
    session, (ack, snapshot) = watch(house, range=5)
    assert list(drawn(snapshot)) == ["new"]
    house.take(house.frame(later))
    since = {"epoch": ack["epoch"], "offset": house.offset}
    ack, snapshot = ask(session, type="update", stream="p", range=60, backfill=60, since=since)
    assert (ack["recovered"], list(drawn(snapshot)), len(snapshot["times"])) == (False, ["old"], 22)
    ack, snapshot = ask(session, type="update", stream="p", range=61, backfill=60, since=since)
    assert (ack["recovered"], snapshot["times"]) == (True, [])
    ask(session, type="update", stream="p", paused=True)
    ack, snapshot = ask(session, type="update", stream="p", range=60, paused=False, backfill=60, since=since)
    assert (ack["recovered"], len(snapshot["times"])) == (False, 22), "what a paused one has is not known"


def test_what_is_computed_of_thousands_of_series_has_a_shorter_past(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vitalcast.core.stream.panel_group.READS_MAX", 6)
    house = House(Panel.model_validate(DISKS.model_dump() | {"lines_max": 1}))
    for _ in range(5):
        house.tick(disks=("sda", "sdb", "sdc"))
    _, (_, snapshot) = watch(house, backfill=60)
    value = snapshot["values"][snapshot["headline"]["column"]]
    assert value[:3] == [None] * 3
    assert None not in value[3:]
    assert None not in snapshot["values"][0]


def test_who_has_lines_chosen_pays_for_the_values_that_are_looked_at() -> None:
    house = House(DISKS, limits=Limits(messages_per_second=10))
    names = [f"d{at}" for at in range(600)]
    for _ in range(100):
        house.tick(disks=names)
    house.wait(2000)
    session = house.session()
    answers = [ask(session, type="subscribe", stream=f"s{at}", panel="disks", range=at)[0] for at in range(60, 70)]
    assert [answer["type"] for answer in answers].count("ack") < 8
    assert answers[-1]["code"] == 111


# --- whatever happens, a client that keeps the score has what a fresh one is told ------------------------------------


def state_of(messages: list[dict[str, Any]], state: dict[str, Any]) -> dict[str, Any]:
    """Return what a client knows after these messages: the newest value of each column, by what it is."""
    for message in messages:
        if message["type"] in ("snapshot", "series"):
            state = {"keys": [json.dumps(one) for one in message["series"]], "lines": message["lines"]}
            state["values"] = [column[-1] for column in message["values"]] if message.get("times") else None
        elif message["type"] == "data":
            if "values" in message:
                state["values"] = message["values"]
            for at, value in message.get("changed", {}).items():
                state["values"][int(at)] = value
    return state


DEVICES = st.lists(st.sampled_from([f"d{at}" for at in range(6)]), unique=True, max_size=6)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(DEVICES, st.sampled_from([1000, 1000, 6000])), min_size=1, max_size=12))
def test_a_client_that_keeps_the_score_knows_what_a_fresh_one_is_told(ticks: list[tuple[list[str], int]]) -> None:
    house = House()
    house.tick(disks=("d0",))
    session, messages = watch(house, range=60)
    state = state_of(messages, {})
    for devices, step_ms in ticks:
        values = {disk(name): float(house.offset * 7 % (at + 3)) for at, name in enumerate(devices)}
        out = house.take(house.frame(values, step_ms=step_ms))
        state = state_of(got(house, session, out), state)
        fresh = state_of(watch(house, range=60)[1], {})
        assert state == fresh
