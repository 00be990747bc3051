"""A stream of events."""

from __future__ import annotations

from typing import Any

from tests.core.machine import START_MS, Machine, ask, decode
from tests.core.stream.talk import DISKS, LOAD_ONLY, error_of, granted

from vitalcast.core.events.event import Event, EventKind, Severity
from vitalcast.core.metrics.names import Selection
from vitalcast.core.metrics.resource import Resource, Source
from vitalcast.core.query.past import Past
from vitalcast.core.stream.commands.events import BACKFILL_MAX
from vitalcast.core.stream.event_group import KEPT_MAX
from vitalcast.core.stream.grants import Grant
from vitalcast.core.stream.session import Session
from vitalcast.core.vocabulary import Scope
from vitalcast.errors import ProtocolError
from vitalcast.history.recent import Recent, RecentPast

NAMELESS = Grant(Scope.STREAM, "events", (Selection.of(["table.events"]),), since_s=60)


def event(machine: Machine, number: int = 1, **fields: Any) -> Event:
    known: dict[str, Any] = {"kind": EventKind.MARK, "severity": Severity.INFO, "title": f"mark {number}"}
    return Event(f"{number:04}", "machine-1", fields.pop("time_ms", machine.time_ms), **(known | fields))


def happen(machine: Machine, one: Event) -> dict[int, list[dict[str, Any]]]:
    machine._emitted = {}
    machine.hub.happen(one)
    return {group: decode(messages) for group, messages in machine._emitted.items()}


class Kept(RecentPast):
    """What a history has kept of events."""

    def __init__(self, *events: Event) -> None:
        kept = Recent()
        for one in events:
            kept.add_event(one)
        super().__init__(kept)


def answered(session: Session, past: Past | ProtocolError, **command: Any) -> list[dict[str, Any]]:
    """Return the answers to a command for which the past is read."""
    assert ask(session, **command) == []
    deferred = session.next_deferred()
    assert deferred is not None
    outcome = past if isinstance(past, ProtocolError) else deferred.work(past)
    return decode(session.settle(deferred, outcome))


def test_what_happens_comes_to_who_asked_for_it(machine: Machine) -> None:
    session = machine.session()
    [ack] = ask(session, type="events", id=3, stream="e")
    assert (ack["type"], ack["id"], ack["source"]) == ("ack", 3, "machine-1")
    assert not {"series", "interval"} & ack.keys()
    emitted = happen(machine, event(machine, names=("gzip",), attributes={"panel": "cpu"}))
    assert emitted == {
        ack["group"]: [
            {
                "type": "event",
                "group": ack["group"],
                "id": "0001",
                "source": "machine-1",
                "time": machine.time_ms,
                "end": None,
                "kind": "mark",
                "severity": "info",
                "title": "mark 1: gzip",
                "attributes": {"panel": "cpu", "names": ["gzip"]},
            }
        ]
    }
    assert session.group_ids == (ack["group"],)
    assert ask(session, type="unsubscribe", stream="e")[0]["type"] == "ack"
    assert happen(machine, event(machine, 2)) == {}
    assert machine.hub.held_bytes == 0


def test_equal_streams_share_a_group_and_others_get_what_they_asked_for(machine: Machine) -> None:
    session = machine.session()

    def group(**fields: Any) -> int:
        return int(ask(session, type="events", stream=str(len(session.streams)), **fields)[0]["group"])

    levels = group(kinds=["level", "boot"])
    assert group(kinds=["boot", "level"]) == levels
    bad = group(severity="warning")
    assert set(happen(machine, event(machine))) == set()
    assert set(happen(machine, event(machine, kind=EventKind.BOOT))) == {levels}
    assert set(happen(machine, event(machine, severity=Severity.CRITICAL))) == {bad}


def test_the_backfill_is_what_is_kept_and_what_has_happened_since_as_it_is_now(machine: Machine) -> None:
    session = machine.session()
    kept = [event(machine, number, time_ms=machine.time_ms - 9000 + number) for number in (1, 2)]
    command = {"type": "events", "stream": "e", "backfill": 10, "kinds": ["mark"]}
    assert ask(session, **command) == []
    deferred = session.next_deferred()
    assert deferred is not None
    outcome = deferred.work(Kept(*kept, event(machine, 0, time_ms=machine.time_ms - 20_000)))
    happen(machine, event(machine, 2, title="ended", time_ms=kept[1].time_ms, end_ms=machine.time_ms))
    happen(machine, event(machine, 3))
    happen(machine, event(machine, 4, kind=EventKind.BOOT))
    ack, *old = decode(session.settle(deferred, outcome))
    assert ack["type"] == "ack"
    assert [one["title"] for one in old] == ["mark 1", "ended", "mark 3"]
    assert set(happen(machine, event(machine, 5))) == {ack["group"]}


def test_the_backfill_has_the_newest_of_many(machine: Machine) -> None:
    kept = Kept(*(event(machine, number) for number in range(BACKFILL_MAX + 5)))
    _, *old = answered(machine.session(), kept, type="events", stream="e", backfill=100 * 365 * 86_400)
    assert [old[0]["id"], old[-1]["id"], len(old)] == ["0005", f"{BACKFILL_MAX + 4:04}", BACKFILL_MAX]


def test_where_what_is_kept_cannot_be_read_no_stream_begins(machine: Machine) -> None:
    session = machine.session()
    why = ProtocolError(100, "the history cannot be read")
    [error] = answered(session, why, type="events", id=7, stream="e", backfill=60)
    assert (error["code"], error["id"], session.group_ids) == (100, 7, ())


def test_of_another_source_memory_has_the_newest(machine: Machine) -> None:
    other = Machine(hub=machine.hub, source=Source(Resource("machine-2", "web-2"), "epoch-2"))
    other.tick()
    machine.hub.happen(Event("1", "machine-2", other.time_ms, EventKind.MARK, Severity.INFO, "elsewhere"))
    ack, old = ask(machine.session(), type="events", stream="e", host="web-2", backfill=60)
    assert (ack["source"], old["title"]) == ("machine-2", "elsewhere")


def test_who_may_not_see_names_gets_events_without_them(machine: Machine) -> None:
    kept = Kept(
        event(machine, 1, names=("gzip",), time_ms=START_MS - 60_000),
        event(machine, 2, names=("gzip",)),
    )
    _, old = answered(granted(machine, NAMELESS), kept, type="events", stream="e", backfill=3600)
    assert old["title"] == "mark 2"
    assert old["attributes"] == {}


def test_events_need_a_pattern_of_their_own_and_those_of_embeds_their_name(machine: Machine) -> None:
    for scope, pattern in ((Scope.STREAM, "table.>"), (Scope.EMBED, "table.events")):
        grant = Grant(scope, "some", (Selection.of(["system.load"]), Selection.of([pattern])))
        assert ask(granted(machine, grant), type="events", stream="e")[0]["type"] == "ack"
    everything = Grant(Scope.EMBED, "wide panel", (Selection.of([">"]),))
    for grant in (LOAD_ONLY, DISKS, everything):
        code, message = error_of(ask(granted(machine, grant), type="events", stream="e"))
        assert (code, "token" in message) == (103, True)


def test_a_token_that_sees_less_ends_the_stream_of_more(machine: Machine) -> None:
    session = machine.session(verify=lambda token, caller: NAMELESS if token == "less" else LOAD_ONLY)
    ask(session, type="events", stream="e")
    _, error = ask(session, type="hello", token="less")
    assert (error["code"], error["stream"]) == (103, "e")
    ask(session, type="events", stream="e")
    assert len(ask(session, type="hello", token="less")) == 1
    _, error = ask(session, type="hello", token="none")
    assert (error["code"], session.group_ids) == (103, ())


def test_what_is_wrong_is_named(machine: Machine) -> None:
    session = machine.session()
    for fields, code, word in (
        ({"kinds": ["levels"]}, 107, "did you mean level?"),
        ({"severity": "bad"}, 107, "severity"),
        ({"kinds": []}, 107, "kinds"),
        ({"host": "nowhere"}, 107, "host"),
        ({"backfill": -1}, 107, "backfill"),
    ):
        found, message = error_of(ask(session, type="events", stream="e", **fields))
        assert (found, word in message) == (code, True), message
    ask(session, type="events", stream="e")
    assert error_of(ask(session, type="events", stream="e"))[0] == 105
    code, message = error_of(ask(session, type="update", stream="e", paused=True))
    assert (code, "unsubscribe" in message) == (107, True)


def test_an_event_of_a_source_that_is_not_here_is_nobodys(machine: Machine) -> None:
    ask(machine.session(), type="events", stream="e")
    assert happen(machine, Event("1", "elsewhere", 0, EventKind.MARK, Severity.INFO, "mark")) == {}


def test_an_observer_that_fails_costs_the_others_nothing(machine: Machine) -> None:
    told: list[Event] = []

    def fail(_: Event) -> None:
        raise RuntimeError

    machine.hub.happened[:] = [fail, told.append]
    ack = ask(machine.session(), type="events", stream="e")[0]
    assert set(happen(machine, event(machine))) == {ack["group"]}
    assert len(told) == 1


def test_a_group_keeps_its_newest_events_for_who_could_not_take_them(machine: Machine) -> None:
    ack = ask(machine.session(), type="events", stream="e")[0]
    group = machine.hub.groups[ack["group"]]
    for number in range(KEPT_MAX + 5):
        happen(machine, event(machine, number))
    messages, lost, _ = group.missed(KEPT_MAX + 2)  # type: ignore[union-attr]
    assert [one["id"] for one in decode(messages)] == [f"{number:04}" for number in range(5, KEPT_MAX + 5)]
    assert lost == 2
    assert len(group.missed(1)[0]) == 1  # type: ignore[union-attr]
