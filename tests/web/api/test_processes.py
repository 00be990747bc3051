"""Who used the machine, over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from vitalcast import clocks
from vitalcast.config.machine import Collectors, Sampler
from vitalcast.config.schema import Settings
from vitalcast.config.server import Access, Server
from vitalcast.core.processes.snapshot import ENDED, ProcessRow, ProcessSnapshot
from vitalcast.core.vocabulary import Scope
from vitalcast.live.open_access import open_access
from vitalcast.live.service import Service
from vitalcast.web.app import create_app

PATH = "/api/v1/processes"
NOW_MS = clocks.wall_ms() // 5000 * 5000


@pytest.fixture
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(access=Access(data_dir=str(tmp_path_factory.mktemp("data"))), sampler=Sampler(interval_s=3600))


def recorded(settings: Settings) -> Service:
    """Return the service of a machine on which gzip worked for ten seconds an hour ago, and python ever since."""
    service = Service(settings, collectors=[], tables={})
    hour_ago_ms, now_ms = NOW_MS - 3_600_000, clocks.wall_ms() // 5000 * 5000  # a run of all tests takes minutes
    for time_ms, *rows in (
        (hour_ago_ms, row(7, "gzip", cpu=0.5), row(8, "python", cpu=0.25)),
        (hour_ago_ms + 5000, row(7, "gzip", cpu=1.5, write=1000.0), row(8, "python", cpu=0.25)),
        (hour_ago_ms + 10_000, row(7, "gzip", state=ENDED, cpu=None), row(8, "python", cpu=0.25)),
        (now_ms, row(8, "python", cpu=0.125)),
    ):
        service.history.append_processes(ProcessSnapshot(time_ms, 5000, tuple(rows), 2.0))
    return service


def row(pid: int, name: str, *, cpu: float | None, write: float | None = None, state: str = "running") -> ProcessRow:
    started_ms = NOW_MS - 3_605_000
    return ProcessRow(
        pid, started_ms, 1, name, "ann", "backup.service", 1, state, cpu, 4096, None, write, f"{name} --secret"
    )


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(service=recorded(settings)), base_url="http://127.0.0.1") as client:
        yield client


def table(client: TestClient, **params: Any) -> list[dict[str, Any]]:
    answer = client.get(PATH, params=params)
    assert answer.status_code == 200, answer.text
    names = [column["name"] for column in answer.json()["columns"]]
    return [dict(zip(names, cells, strict=True)) for cells in answer.json()["rows"]]


def test_a_moment_has_the_processes_of_its_interval(client: TestClient) -> None:
    at_ms = NOW_MS - 3_600_000 + 3000
    answer = client.get(PATH, params={"at": at_ms}).json()
    assert (answer["start"], answer["end"], answer["interval"]) == (at_ms - 3000, at_ms + 2000, 5.0)
    gzip, python = table(client, at=at_ms)
    assert (gzip["name"], gzip["cpu"], gzip["write"], gzip["unit"]) == ("gzip", 1.5, 1000.0, "backup.service")
    assert (python["name"], python["pid"], python["state"]) == ("python", 8, "running")
    assert "command" not in gzip


def test_without_a_moment_it_is_now(client: TestClient) -> None:
    assert [(one["name"], one["cpu"]) for one in table(client)] == [("python", 0.125)]


def test_a_range_says_what_each_used_in_all_and_what_became_of_it(client: TestClient) -> None:
    start_ms = NOW_MS - 3_605_000
    gzip, python = table(client, start=start_ms, end=start_ms + 15_000)
    assert (gzip["cpu"], gzip["cpu_peak"], gzip["write"], gzip["ended"]) == (pytest.approx(10 / 15), 1.5, 5000, True)
    assert (gzip["first"], gzip["last"]) == (start_ms, start_ms + 15_000)
    assert (python["cpu"], python["ended"]) == (0.25, False)
    assert len(table(client, start="-2h")) == 2


def test_one_process_is_shown_over_time(client: TestClient) -> None:
    start_ms = NOW_MS - 3_610_000
    rows = table(client, pid=7, start=start_ms, end=start_ms + 100_000, points=20)
    assert [(one["cpu"], one["write"], one["state"]) for one in rows] == [
        (0.5, None, "running"), (1.5, 1000.0, "running"), (None, None, "ended"),
    ]  # fmt: skip
    assert client.get(PATH, params={"pid": 7, "sort": "cpu"}).json()["error"]["message"].startswith("sort: does not go")


def test_rows_are_filtered_sorted_and_cut(client: TestClient) -> None:
    at_ms = NOW_MS - 3_600_000
    assert [one["name"] for one in table(client, at=at_ms, sort="name", order="descending")] == ["python", "gzip"]
    assert [one["name"] for one in table(client, at=at_ms, filter="PYTH")] == ["python"]
    answer = client.get(PATH, params={"at": at_ms, "limit": 1}).json()
    assert (len(answer["rows"]), answer["matches"]) == (1, 2)


def test_a_time_of_which_nothing_was_recorded_has_no_processes(client: TestClient) -> None:
    answer = client.get(PATH, params={"at": "2001-01-01"}).json()
    assert (answer["rows"], answer["interval"], answer["matches"]) == ([], 0, 0)


@pytest.mark.parametrize(
    ("params", "why"),
    [
        ({"at": "-1h", "start": "-2h"}, "start: at is given too; give either a moment or a range"),
        ({"at": "lunch"}, "at: "),
        ({"start": "-1h", "end": "-2h"}, "start: "),
        ({"sort": "size"}, "sort: 'size' is not valid; give one of cpu, memory"),
        ({"limit": "0"}, "limit: "),
        ({"order": "up"}, "order: "),
        ({"when": "now"}, "unknown parameter"),
    ],
)
def test_what_is_wrong_is_said_with_what_would_be_right(client: TestClient, params: dict[str, str], why: str) -> None:
    answer = client.get(PATH, params=params)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 107)
    assert answer.json()["error"]["message"].lower().startswith(why.lower()), answer.text


def test_command_lines_are_shown_only_where_they_are_wanted_now(settings: Settings) -> None:
    wanted = settings.model_copy(update={"collectors": Collectors(process_command_line=True)})
    with TestClient(create_app(service=recorded(wanted)), base_url="http://127.0.0.1") as client:
        assert [one["command"] for one in table(client)] == ["python --secret"]
        assert [one["command"] for one in table(client, start="-2h", filter="gzip")] == ["gzip --secret"]


def test_who_may_see_processes_and_how_far_back(settings: Settings) -> None:
    open_ = open_access(settings)
    tokens = {
        "all": open_.mint(Scope.VIEW)[0],
        "processes": open_.mint(Scope.STREAM, metrics=["table.processes"])[0],
        "minutes": open_.mint(Scope.STREAM, metrics=["table.processes"], since_s=600)[0],
        "none": open_.mint(Scope.STREAM, metrics=["system.>", "process.>"])[0],
        "embed": open_.mint(Scope.EMBED, dashboard=True)[0],
    }
    closed = settings.model_copy(update={"server": Server(host="0.0.0.0")})
    with TestClient(create_app(service=recorded(closed)), base_url="http://127.0.0.1") as client:

        def seen(name: str, **params: Any) -> Any:
            answer = client.get(PATH, params=params, headers={"Authorization": f"Bearer {tokens[name]}"})
            return len(answer.json()["rows"]) if answer.status_code == 200 else answer.status_code

        assert {name: seen(name) for name in tokens} == {
            "all": 1,
            "processes": 1,
            "minutes": 1,
            "none": 403,
            "embed": 403,
        }
        hour_ago_ms = NOW_MS - 3_600_000
        assert (seen("all", at=hour_ago_ms), seen("minutes", at=hour_ago_ms)) == (2, 403)
        assert (seen("all", start="-2h"), seen("minutes", start="-2h")) == (2, 1)
        assert seen("minutes", start="-2h", end="-1h") == 403
    open_.close()
