"""Events over HTTP, and marks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from vitalcast.config.machine import Sampler
from vitalcast.config.schema import Settings
from vitalcast.config.server import Access, Server
from vitalcast.core.events.event import Event, EventKind, Severity
from vitalcast.core.vocabulary import Scope
from vitalcast.errors import HistoryError
from vitalcast.live.open_access import open_access
from vitalcast.live.service import Service
from vitalcast.web.app import create_app

PATH = "/api/v1/events"
HOUR_MS = 3_600_000


@pytest.fixture
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(access=Access(data_dir=str(tmp_path_factory.mktemp("data"))), sampler=Sampler(interval_s=3600))


@pytest.fixture
def service(settings: Settings) -> Service:
    return Service(settings, collectors=[], tables={})


@pytest.fixture
def client(service: Service) -> Iterator[TestClient]:
    with TestClient(create_app(service=service), base_url="http://127.0.0.1") as client:
        yield client


def mark(client: TestClient, status: int = 201, **fields: Any) -> Any:
    answer = client.post(PATH, json=fields)
    assert answer.status_code == status, answer.text
    return answer.json()


def events(client: TestClient, **params: Any) -> list[Any]:
    answer = client.get(PATH, params={"kind": "mark"} | params)
    assert answer.status_code == 200, answer.text
    found: list[Any] = answer.json()["events"]
    return found


def test_a_mark_is_an_event_as_soon_as_it_is_made(client: TestClient, service: Service) -> None:
    told: list[Event] = []
    service.hub.happened.append(told.append)
    made = mark(client, title="deploy 1.4", attributes={"version": "1.4", "count": 3})
    assert (made["kind"], made["severity"], made["end"]) == ("mark", "info", None)
    assert made["attributes"] == {"version": "1.4", "count": 3}
    assert made["source"] == service.timeline.id
    assert [event.shown(named=True) for event in told if event.kind == "mark"] == [made]
    assert events(client) == [made]


def test_a_span_ends_under_its_own_id(client: TestClient) -> None:
    begun = mark(client, title="backup", ongoing=True, attributes={"to": "s3"})
    assert begun["attributes"] == {"to": "s3", "ongoing": 1}
    ended = mark(client, 200, id=begun["id"], severity="warning", attributes={"exit_code": 1})
    assert (ended["id"], ended["title"], ended["severity"]) == (begun["id"], "backup", "warning")
    assert ended["attributes"] == {"to": "s3", "exit_code": 1}
    assert ended["end"] >= ended["time"]
    assert events(client) == [ended]
    assert "no mark" in mark(client, 404, id=begun["id"])["error"]["message"]


def test_a_mark_may_have_been_before(client: TestClient, service: Service) -> None:
    made = mark(client, title="was", time="-2h", end="-1h")
    assert made["end"] - made["time"] == pytest.approx(HOUR_MS, abs=1000)
    assert mark(client, title="then", time="2026-01-01T00:00:00Z")["time"] == 1_767_225_600_000
    assert [one["title"] for one in events(client)] == ["was"]
    assert [one["title"] for one in events(client, start="-90m")] == ["was"]
    assert events(client, start="-30m") == []


def test_the_newest_of_a_range_are_found_by_kind_and_severity(client: TestClient) -> None:
    for number, severity in enumerate(("info", "warning", "critical")):
        mark(client, title=str(number), severity=severity, time=f"-{3 - number}m")
    assert [one["title"] for one in events(client)] == ["0", "1", "2"]
    assert [one["title"] for one in events(client, limit=2)] == ["1", "2"]
    assert [one["title"] for one in events(client, severity="warning", kind="mark,boot")] == ["1", "2"]
    assert events(client, kind="level") == []


def test_what_was_noted_while_the_clock_was_ahead_is_listed_unless_an_end_is_asked_for(
    client: TestClient, service: Service
) -> None:
    service.events.note(EventKind.CLOCK, "Clock set", time_ms=4_000_000_000_000)
    assert [one["title"] for one in events(client, kind="clock")] == ["Clock set"]
    assert events(client, kind="clock", end="now") == []


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({}, "title"),
        ({"title": ""}, "title"),
        ({"title": " "}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"title": "a\x1b[2J"}, "title"),
        ({"title": "a\u202eb"}, "title"),
        ({"title": "x", "time": "+1h"}, "time"),
        ({"title": "x", "time": 4_000_000_000_000}, "time: is yet to come"),
        ({"title": "x", "time": -5}, "time"),
        ({"title": "x", "time": 1.5}, "time"),
        ({"title": "x", "time": "-1h", "end": "-2h"}, "end: is before"),
        ({"title": "x", "end": "-2h", "ongoing": True}, "ongoing"),
        ({"title": "x", "severity": "bad"}, "severity"),
        ({"title": "x", "attributes": {"a b": 1}}, "attributes: 'a b'"),
        ({"title": "x", "attributes": {"a": "\x00"}}, "attributes: a"),
        ({"title": "x", "attributes": [1]}, "attributes"),
        ({"title": "x", "kind": "boot"}, "unknown field 'kind'"),
    ],
)
def test_a_mark_that_is_wrong_is_refused_by_name(client: TestClient, fields: dict[str, Any], word: str) -> None:
    answer = mark(client, 400, **fields)
    assert word in answer["error"]["message"]
    assert events(client, start="2000-01-01") == []


def test_what_does_not_change_when_a_mark_ends_is_refused(client: TestClient) -> None:
    begun = mark(client, title="backup", ongoing=True)
    for fields, word in (({"time": "-1h"}, "time"), ({"ongoing": True}, "ongoing"), ({"end": "-1h"}, "end")):
        assert word in mark(client, 400, id=begun["id"], **fields)["error"]["message"]
    assert mark(client, 200, id=begun["id"])["id"] == begun["id"]


def test_no_client_changes_an_event_that_it_did_not_make(client: TestClient, service: Service) -> None:
    event = service.events.note(EventKind.LEVEL, "CPU", ongoing=True)
    assert event is not None
    mark(client, 404, id=event.id, title="mine")


def test_marks_that_come_too_fast_are_refused(client: TestClient, service: Service) -> None:
    for _ in range(1000):
        if service.events.note(EventKind.MARK, "mark") is None:
            break
    assert mark(client, 429, title="one more")["error"]["code"] == 111


@pytest.mark.parametrize(
    ("params", "word"),
    [
        ({"kind": "levels"}, "did you mean level?"),
        ({"severity": "bad"}, "severity"),
        ({"limit": 0}, "limit"),
        ({"start": "soon"}, "start"),
        ({"nothing": 1}, "nothing"),
    ],
)
def test_what_is_wrong_with_a_question_is_named(client: TestClient, params: dict[str, Any], word: str) -> None:
    answer = client.get(PATH, params=params)
    assert answer.status_code == 400
    assert word in answer.json()["error"]["message"]


def test_a_history_that_cannot_be_read_is_said(client: TestClient, service: Service) -> None:
    def broken() -> Any:
        raise HistoryError("history.db: damaged")

    service.queries._open_past = broken
    answer = client.get(PATH)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, 100)


def test_who_may_see_events_and_who_their_names(settings: Settings) -> None:
    open_ = open_access(settings)
    tokens = {
        "all": open_.mint(Scope.VIEW)[0],
        "events": open_.mint(Scope.STREAM, metrics=["table.events"])[0],
        "none": open_.mint(Scope.STREAM, metrics=["system.>"])[0],
        "embed": open_.mint(Scope.EMBED, dashboard=True)[0],
    }
    closed = settings.model_copy(update={"server": Server(host="0.0.0.0")})
    service = Service(closed, collectors=[], tables={})
    with TestClient(create_app(service=service), base_url="http://127.0.0.1") as client:
        service.events.note(EventKind.LEVEL, "CPU 98 %", severity=Severity.CRITICAL, names=["gzip"])
        answers = {
            name: client.get(PATH, params={"kind": "level"}, headers={"Authorization": f"Bearer {token}"})
            for name, token in tokens.items()
        }
        assert {name: answer.status_code for name, answer in answers.items()} == {
            "all": 200,
            "events": 200,
            "none": 403,
            "embed": 403,
        }
        assert answers["all"].json()["events"][0]["title"] == "CPU 98 %: gzip"
        assert "gzip" not in answers["events"].text
        assert answers["events"].json()["events"][0]["title"] == "CPU 98 %"
    open_.close()
