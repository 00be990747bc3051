"""`/api/v1/history` over an imaginary machine, of which the ring knows the last minutes."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient
from tests.core.machine import LOAD, START_MS, Machine, disk
from tests.core.panel_machine import panel_of
from tests.web.conftest import World, make_world
from tests.web.panel_world import world_of

from vitalcast.core.metrics.model import Descriptor, Kind, Series
from vitalcast.core.metrics.resource import Resource, Source
from vitalcast.core.panels.schema import Panel
from vitalcast.core.query.past import Extent, Past, Reach, Ticks
from vitalcast.core.query.tier import Tier
from vitalcast.core.vocabulary import Scope
from vitalcast.core.wire.limits import Limits
from vitalcast.errors import HistoryError, ProtocolError
from vitalcast.history.recent import RecentPast

PATH = "/api/v1/history"
TICKS = 120


@pytest.fixture
def world() -> World:
    """A machine that has ticked for two minutes: its load is the number of the tick, its disks differ."""
    machine = Machine()
    for tick in range(1, TICKS + 1):
        machine.tick(float(tick), ("sda", "sdb"))
    return make_world(machine)


def rows_of(answer: Any) -> list[list[str]]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/csv; charset=utf-8; header=present"
    return list(csv.reader(io.StringIO(answer.text, newline=""), strict=True))


def refusal(world: World, query: str, **headers: str) -> tuple[int, str]:
    answer = world.client.get(f"{PATH}?{query}", headers=headers)
    return answer.status_code, answer.json()["error"]["message"]


# --- JSON ------------------------------------------------------------------------------------------------------------


def test_the_past_of_a_series_has_the_steps_that_are_asked_for(world: World) -> None:
    answer = world.get(PATH, metrics="system.load", start="-60s", step="10", aggregate="min,max", host="web-1")
    now_ms = world.machine.time_ms
    assert {key: answer[key] for key in ("source", "host", "start", "end", "step", "aggregate")} == {
        "source": "machine-1",
        "host": "web-1",
        "start": now_ms - 60_000,
        "end": now_ms,
        "step": 10,
        "aggregate": ["min", "max"],
    }
    assert answer["series"] == [{"name": "system.load", "unit": "1", "attributes": {}}]
    assert answer["times"] == [now_ms - 50_000 + 10_000 * at for at in range(6)]
    assert answer["values"] == [[61, 71, 81, 91, 101, 111], [70, 80, 90, 100, 110, 120]]
    assert [tier["tier"] for tier in answer["tiers"]] == ["raw"]


def test_without_a_range_it_is_the_last_hour_and_what_is_not_kept_is_said(world: World) -> None:
    answer = world.get(PATH, metrics="system.load")
    assert answer["start"] == answer["end"] - 3_600_000
    assert answer["expired"] == START_MS + 999
    assert [value for value in answer["values"][0] if value is not None]


@pytest.mark.parametrize(
    ("query", "names", "last"),
    [
        ("metrics=system.disk.io&where=system.device=sdb", [{"system.device": "sdb"}], [1193]),
        ("metrics=system.disk.io&group_by=", [{}], [2386]),
        ("metrics=system.disk.io&reduce=max", [{}], [1193]),
        ("metrics=system.disk.io&group_by=system.device&reduce=count", [{"system.device": d} for d in ("sda", "sdb")],
         [1, 1]),
        ("metrics=system.disk.io,system.load&top=1", [{"system.device": "sda"}], [1193]),
        ("metrics=system.load&shift=60", [{}], [60]),
        ("metrics=system.load&aggregate=p50", [{}], [120]),
        ("metrics=system.load,system.disk.io&aggregate=rate&where=system.device=sdb", [{"system.device": "sdb"}], [10]),
        ("metrics=system.disk.io&aggregate=delta&ratio_to=system.load&group_by=", [{}], [20]),
        ("metrics=system.disk.io&where=system.device=sda&ratio_to=system.disk.io&ratio_where=system.device=sdb",
         [{"system.device": "sda"}], [1]),
    ],
)  # fmt: skip
def test_series_are_chosen_grouped_ranked_and_shifted(
    world: World, query: str, names: list[dict[str, str]], last: list[float]
) -> None:
    answer = world.client.get(f"{PATH}?{query}&start=-10s&step=1").json()
    assert [one["attributes"] for one in answer["series"]] == names
    assert [column[-1] for column in answer["values"]] == last
    assert answer["times"][-1] == world.machine.time_ms


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ("ratio_where=a=b", 400, "ratio_where: is of ratio_to, which is missing"),
        ("ratio_to=system.lod", 404, "ratio_to: nothing here is called system.lod"),
        ("ratio_to=a..b", 400, "ratio_to: 'a..b'"),
        ("panel=cpu&ratio_to=system.load", 400, "ratio_to: does not go with panel"),
    ],
)
def test_what_cannot_divide_is_refused_in_words(world: World, query: str, status: int, said: str) -> None:
    code, message = refusal(world, query)
    assert (code, said in message) == (status, True), message


def test_units_of_rates_and_ratios_are_said(world: World) -> None:
    rates = world.get(PATH, metrics="system.disk.io", aggregate="rate", start="-10s", step=1)
    assert {one["unit"] for one in rates["series"]} == {"By/s"}
    ratios = world.get(PATH, metrics="system.disk.io", aggregate="rate", ratio_to="system.load", start="-10s", step=1)
    assert {one["unit"] for one in ratios["series"]} == {"By"}


def test_a_moment_may_be_iso_or_unix_or_before_now(world: World) -> None:
    asked = {"metrics": "system.load", "step": 1}
    forms = [
        {"start": START_MS + 10_000, "end": START_MS + 20_000},
        {"start": "2026-09-21T14:13:30Z", "end": "2026-09-21T16:13:40+02:00"},
        {"start": "-110s", "end": "-100s"},
    ]
    answers = [world.get(PATH, **asked, **form) for form in forms]
    assert answers[0] == answers[1] == answers[2]
    assert answers[0]["values"] == [[float(value) for value in range(11, 21)]]


def test_nothing_that_matches_is_an_empty_answer_and_no_error(world: World) -> None:
    answer = world.get(PATH, metrics="hw.fan.speed", start="-10s")
    assert (answer["series"], answer["values"]) == ([], [])
    assert world.get(PATH, metrics="system.load", start="-3h", end="-2h")["values"] == []


def test_no_reading_and_an_infinite_one_are_null() -> None:
    machine = Machine()
    for value in (1.0, math.nan, math.inf, 2.0):
        machine.tick(value)
    answer = make_world(machine).get(PATH, metrics="system.load", start="-4s", step=1, aggregate="last")
    assert answer["values"] == [[1, None, 2]]  # a step without any reading is none


def test_another_source_has_no_part_of_what_is_kept_of_this_machine(world: World) -> None:
    other = Machine(hub=world.machine.hub, source=Source(Resource("other", "db-1"), "epoch-2"))
    for load in (7.0, 8.0):
        other.tick(load)
    kept = world.service.history

    class Kept(RecentPast):
        """A file that has the same series of this machine."""

        def extent(self) -> Extent:
            return Extent((Reach(Tier.RAW, START_MS - 10_000, START_MS),))

        def series(self, *_: Any) -> list[Series]:
            return [Series(LOAD)]

        def ticks(self, *_: Any) -> Iterator[Ticks]:
            times = np.array([START_MS - 5000])
            yield Ticks(0, 0, "epoch-0", np.array([1]), times, np.array([99.0]))

    world.service.queries._open_past = lambda: Kept(kept._recent)
    wish = {"metrics": "system.load", "start": START_MS - 10_000, "step": 1, "end": START_MS + 2000}
    assert world.get(PATH, host="web-1", **wish)["values"] == [[99, 1, 2]]
    assert world.get(PATH, host="db-1", **wish)["values"] == [[7, 8]]


def test_a_long_answer_is_sent_in_parts_and_is_the_same() -> None:
    machine = Machine(window_ms=10**9)
    disks = [f"sd{at}" for at in range(40)]
    for _ in range(3000):
        machine.tick(1.0, disks)
    world = make_world(machine)
    answer = world.client.get(f"{PATH}?metrics=system.disk.io&start=-3000s&step=1")
    assert "content-length" not in answer.headers
    found = answer.json()
    assert (len(found["series"]), len(found["values"]), len(found["times"])) == (40, 40, 3000)
    assert [column[-1] for column in found["values"]] == [29990.0 + len(one) for one in sorted(disks)]
    assert "content-length" in world.client.get(f"{PATH}?metrics=system.disk.io&start=-30s&step=1").headers
    rows = rows_of(world.client.get(f"{PATH}?metrics=system.disk.io&start=-3000s&step=1&format=csv"))
    assert [list(map(float, row[2:])) for row in rows[1:]] == [list(row) for row in zip(*found["values"], strict=True)]


# --- CSV -------------------------------------------------------------------------------------------------------------


def test_csv_has_both_times_and_a_column_for_each_series(world: World) -> None:
    answer = world.client.get(f"{PATH}?metrics=system.disk.io,system.load&start=-2s&step=1&format=csv")
    head, *rows = rows_of(answer)
    assert head == [
        "time",
        "time_ms",
        'system.disk.io{system.device="sda"}',
        'system.disk.io{system.device="sdb"}',
        "system.load",
    ]
    assert rows == [
        ["2026-09-21T14:15:19.000Z", str(START_MS + 119_000), "1183.0", "1183.0", "119.0"],
        ["2026-09-21T14:15:20.000Z", str(START_MS + 120_000), "1193.0", "1193.0", "120.0"],
    ]


def test_csv_is_a_file_whose_name_any_system_takes(world: World) -> None:
    disposition = world.client.get(f"{PATH}?metrics=system.load&start=-2s&format=csv").headers["content-disposition"]
    assert disposition == 'attachment; filename="web-1-20260921T141518Z-20260921T141520Z.csv"'


def test_a_host_with_an_odd_name_is_no_header_of_its_own(world: World) -> None:
    from dataclasses import replace

    timeline = world.machine.timeline
    named = replace(timeline.source.resource, name='../"a"; b=ü')
    timeline.source = replace(timeline.source, resource=named)
    answer = world.client.get(f"{PATH}?metrics=system.load&start=-2s&format=csv")
    assert answer.headers["content-disposition"].startswith('attachment; filename="a_b-20260921T14')


def test_no_cell_is_run_by_a_spreadsheet() -> None:
    machine = Machine()
    odd = Descriptor("=cmd", "1", Kind.GAUGE, "", ("a",))  # which the grammar of names refuses; a file may be damaged
    minus = Descriptor("-cmd", "1", Kind.GAUGE, "", ("a",))
    machine.take(machine.frame({Series(minus, ("x\n=1+1",)): -5.0, disk('";=1+1'): 1.0, Series(odd, ("",)): 2.0}))
    machine.take(machine.frame({Series(minus, ("x\n=1+1",)): -5.0, disk('";=1+1'): 1.0, Series(odd, ("",)): 2.0}))
    head, row = rows_of(make_world(machine).client.get(f"{PATH}?metrics=>&start=-1s&step=1&format=csv"))
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in head)
    assert {'\'-cmd{a="x\\n=1+1"}'} < set(head)
    assert sorted(row[2:]) == ["-5.0", "1.0", "2.0"]


@pytest.mark.parametrize(
    ("accept", "type_"),
    [
        ("*/*", "application/json"),
        ("text/csv", "text/csv"),
        ("text/csv;q=0.5, application/json;q=0.4", "text/csv"),
        ("text/html, */*;q=0.1", "application/json"),
    ],
)
def test_the_header_accept_chooses_the_format(world: World, accept: str, type_: str) -> None:
    answer = world.client.get(f"{PATH}?metrics=system.load&start=-2s", headers={"Accept": accept})
    assert answer.headers["content-type"].split(";")[0] == type_
    assert "Accept" in answer.headers["vary"]
    chosen = world.client.get(f"{PATH}?metrics=system.load&start=-2s&format=json", headers={"Accept": "text/csv"})
    assert chosen.headers["content-type"] == "application/json"


def test_what_takes_neither_format_is_told_which_there_are(world: World) -> None:
    assert refusal(world, "metrics=system.load", Accept="application/json;q=0, text/*;q=0") == (
        406,
        "this address has application/json and text/csv",
    )


def test_csv_that_is_too_long_for_one_query_comes_hour_after_hour() -> None:
    machine = Machine(limits=Limits(snapshot_values=2000), window_ms=10**9)
    for tick in range(1500):
        machine.tick(float(tick), ("sda",) if tick < 700 else ("sdb",), step_ms=6000)
    world = make_world(machine)
    wish = f"metrics=>&start={machine.time_ms - 8_000_000}&end={machine.time_ms}"
    status, message = refusal(world, f"{wish}&step=1")
    assert (status, "values of 3 series" in message) == (400, True)
    head, *rows = rows_of(world.client.get(f"{PATH}?{wish}&step=1&format=csv"))
    assert len(head) == 5
    times = [int(row[1]) for row in rows]
    assert times == [at for at in range(START_MS + 6000, machine.time_ms + 1, 6000) if at > machine.time_ms - 8_000_000]
    assert [float(row[4]) for row in rows] == [float((at - START_MS) // 6000 - 1) for at in times]
    assert {bool(row[2]) for row in rows} == {bool(row[3]) for row in rows} == {True, False}
    grouped = rows_of(world.client.get(f"{PATH}?{wish}&step=1&format=csv&group_by=&reduce=count"))
    assert [len(row) for row in (grouped[0], grouped[-1])] == [4, 4]
    whole = rows_of(make_world_with(machine, 10**6).client.get(f"{PATH}?{wish}&step=1&format=csv"))
    assert whole == [head, *rows], "as one query answers"
    world.service.queries._open_past = lambda: RecentPast(world.service.history._recent)
    asked = world.client.head(f"{PATH}?{wish}&step=1&format=csv")
    assert (asked.status_code, asked.content) == (200, b"")
    assert "attachment" in asked.headers["content-disposition"]


def make_world_with(machine: Machine, values: int) -> World:
    machine.hub.limits = Limits(snapshot_values=values)
    return make_world(machine)


def test_csv_may_be_too_long_all_the_same() -> None:
    machine = Machine(limits=Limits(snapshot_values=10))
    for _ in range(30):
        machine.tick(1.0)
    world = make_world(machine)
    status, message = refusal(world, "metrics=>&start=-2h&step=1&format=csv")
    assert (status, "an answer in CSV has 1000 at most" in message) == (400, True)
    assert len(rows_of(world.client.get(f"{PATH}?metrics=>&start=-100s&step=1&format=csv"))) == 31


def test_a_long_answer_waits_its_turn_and_breaks_off_where_the_past_does() -> None:
    machine = Machine(limits=Limits(snapshot_values=100), window_ms=10**9)
    for _ in range(300):
        machine.tick(1.0, step_ms=10_000)
    world = make_world(machine)
    opened = 0

    def past() -> Past:
        nonlocal opened
        opened += 1
        if opened == 3:
            raise HistoryError("the disk is gone")
        return RecentPast(world.service.history._recent)

    world.service.queries._open_past = past
    start = START_MS // 3_600_000 * 3_600_000 + 3_600_000 - 1000
    with pytest.raises(HistoryError):
        world.client.get(f"{PATH}?metrics=system.load&start={start - 600_000}&end={start + 600_000}&step=1&format=csv")


def test_years_of_which_nothing_is_kept_take_no_time(world: World) -> None:
    opened = 0

    def past() -> Past:
        nonlocal opened
        opened += 1
        return RecentPast(world.service.history._recent)

    world.service.queries._open_past = past
    _, *rows = rows_of(world.client.get(f"{PATH}?metrics=system.load&start=0&end=9998-01-01&step=1&format=csv"))
    assert len(rows) == len(rows_of(world.client.get(f"{PATH}?metrics=system.load&step=1&format=csv"))) - 1 > 0
    assert opened < 10


# --- how long it may be kept -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("format_", ["json", "csv"])
def test_an_answer_is_sent_once(world: World, format_: str) -> None:
    path = f"{PATH}?metrics=system.load&start=-20s&end=-10s&step=1&format={format_}"
    first = world.client.get(path)
    again = world.client.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    world.machine.tick(7.0)
    other = world.client.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (other.status_code, other.headers["etag"] != first.headers["etag"]) == (200, True)


def test_what_is_over_may_be_kept_and_what_moves_is_asked_for_again(world: World) -> None:
    over = world.client.get(f"{PATH}?metrics=system.load&start={START_MS}&end={START_MS + 60_000}")
    assert over.headers["cache-control"] == "public, max-age=86400, immutable"
    for moving in ("start=-60s", "start=-60s&end=-30s", f"start={START_MS}", f"end={START_MS + 10_000_000}"):
        answer = world.client.get(f"{PATH}?metrics=system.load&{moving}")
        assert answer.headers["cache-control"] == "public, max-age=0, must-revalidate", moving


# --- what is wrong is said -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "status", "message"),
    [
        ("metrics=system..load", 400, "metrics: 'system..load': '' is not a token"),
        ("metrics=system.lod", 404, "metrics: nothing here is called system.lod; did you mean system.load?"),
        ("metrics=system.load&start=soon", 400, "start: 'soon' is no time; give Unix milliseconds, ISO 8601"),
        ("metrics=system.load&start=-1h&end=-2h", 400, "is not before end"),
        ("metrics=system.load&points=0", 400, "points: '0' is not valid; give a whole number from 1 to 100000"),
        ("metrics=system.load&step=0", 400, "step: '0' is not valid; give seconds from 0.1 to 31536000"),
        ("metrics=system.load&step=1&points=5", 400, "points, step: give one of them"),
        ("metrics=system.load&aggregate=median", 400, "aggregate: 'median' is not valid; give last, avg, min, max"),
        ("metrics=system.load&reduce=median", 400, "reduce: 'median' is not valid; give sum, avg, min"),
        ("metrics=system.load&top=0", 400, "top: '0' is not valid; give a whole number from 1 to 1000"),
        ("metrics=system.load&shift=-5", 400, "shift: '-5' is not valid; give seconds from 0 to 315360000"),
        ("metrics=system.load&where=a", 400, "where: 'a' is not valid; give an attribute and its value"),
        ("metrics=system.load&format=xml", 400, "format: 'xml' is not valid; give json or csv"),
        ("metrics=system.load&host=web-2", 404, "host: 'web-2' is not here; did you mean web-1?"),
        ("metrics=system.load&group_by=" + ",".join("abcdefghijklmnopq"), 400, "group_by: 17 attributes are more"),
        ("metric=system.load", 400, "unknown parameter 'metric'; this address takes metrics, panel, lines, host"),
        ("panel=cpu&metrics=system.load&top=3", 400, "metrics, top: does not go with panel; leave one of them out"),
        ("panel=nope", 404, "no panel is called 'nope'; there are cpu"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_what_would_be_right(world: World, query: str, status: int, message: str) -> None:
    found, said = refusal(world, query)
    assert found == status
    assert message in said


def test_an_answer_that_would_be_too_long_is_refused() -> None:
    machine = Machine(limits=Limits(snapshot_values=100))
    for _ in range(60):
        machine.tick(1.0, ("sda", "sdb"))
    world = make_world(machine)
    status, message = refusal(world, "metrics=>&start=-60s&step=1")
    assert status == 400
    assert "180 values of 3 series" in message
    assert len(world.get(PATH, metrics=">", start="-60s", step=10)["values"]) == 3


def test_a_past_that_cannot_be_read_is_said_without_where_it_lies(world: World) -> None:
    def broken() -> Past:
        raise HistoryError("/home/anna/.local/share/vitalcast/history.db: disk I/O error")

    world.service.queries._open_past = broken
    assert refusal(world, "metrics=system.load") == (503, "the past cannot be read now; the server's log says why")


def test_too_much_at_once_is_refused_for_now(world: World) -> None:
    world.service.queries._queries_max = 0
    status, message = refusal(world, "metrics=system.load")
    assert (status, "try again later" in message) == (503, True)


def test_a_long_answer_ends_with_the_token_that_it_is_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    machine = Machine(limits=Limits(snapshot_values=100), window_ms=10**9)
    for _ in range(300):
        machine.tick(1.0, step_ms=20_000)
    world = make_world(machine, host="0.0.0.0")
    token, record = world.service.access.mint(Scope.VIEW)
    opened = 0

    def past() -> Past:
        nonlocal opened
        opened += 1
        if opened == 2:  # the first was asked for the series
            world.service.access.revoke(record.id)
        return RecentPast(world.service.history._recent)

    world.service.queries._open_past = past
    wish = f"metrics=system.load&start={START_MS}&end={START_MS + 6_000_000}&step=1&format=csv"
    with pytest.raises(ProtocolError, match="has been revoked"):
        ask(world, wish, token)
    assert opened == 2


# --- panels ----------------------------------------------------------------------------------------------------------


def test_a_panel_is_all_that_it_is_about() -> None:
    world = world_of(panel_of("swap"), ticks=20)
    answer = world.get(PATH, panel="swap", start="-10s", step=1)
    names = [one["name"] for one in answer["series"]]
    assert {"system.paging.utilization", "@value", "@level"} == set(names)
    assert len(answer["values"]) == len(names)
    [line] = answer["lines"]
    assert (answer["panel"], line["label"], answer["headline"]["value"]) == ("swap", "used", answer["values"][0][-1])
    rows = rows_of(world.client.get(f"{PATH}?panel=swap&start=-10s&step=1&format=csv"))
    assert [row[0] for row in rows[1:]] and "@" not in "".join(rows[0])
    cpu = world_of(panel_of("cpu"), ticks=20)
    drawn, every = (cpu.get(PATH, panel="cpu", start="-10s", lines=lines)["lines"] for lines in ("drawn", "all"))
    assert {one["key"] for one in every} - {one["key"] for one in drawn} == {"idle"}
    several = world.get(PATH, panel="swap", start="-10s", step=5, aggregate="avg,min,max")
    assert len(several["values"]) == 3 * len(several["series"])
    assert refusal(world, "panel=swap&aggregate=min,max,avg,last") == (400, "aggregate: of a panel at most 3 at once")
    assert world.get(PATH, panel="swap", start="-9h", end="-8h")["lines"] == []


# --- to whom ---------------------------------------------------------------------------------------------------------

PROGRAM = Descriptor("process.usage", "By", Kind.GAUGE, "Memory.", ("process.executable.name",))
OWN = Descriptor("process.usage", "By", Kind.GAUGE, "Memory.", ("cpu.mode",))
USER = Descriptor("app.requests", "1", Kind.GAUGE, "Requests.")
PROGRAMS = Panel.model_validate({"id": "programs", "title": "Programs", "metrics": ["process.usage"]})
SECRETS = ("nginx", "anna")


@pytest.fixture
def locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A world that asks for tokens, in which a program and a user are named."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    machine = Machine()
    labelled = Series(USER, (), (("user.name", "anna"),))
    for tick in range(120):
        machine.take(
            machine.frame(
                {
                    Series(PROGRAM, ("nginx",)): 2.0**20,
                    Series(OWN, ("user",)): 2.0**10,
                    labelled: 1.0,
                    Series(Descriptor("system.load", "1", Kind.GAUGE, "Load.")): float(tick),
                }
            )
        )
    return make_world(machine, panels=(PROGRAMS, panel_of("load")), host="0.0.0.0")


def token_of(world: World, scope: Scope, **limits: Any) -> str:
    return world.service.access.mint(scope, **limits)[0]


def ask(world: World, query: str, token: str) -> Any:
    client: TestClient = world.client
    return client.get(f"{PATH}?{query}", headers={"Authorization": f"Bearer {token}"})


def test_a_token_gets_the_past_of_what_it_covers_and_nothing_else(locked: World) -> None:
    token = token_of(locked, Scope.EMBED, panels=["load"], metrics=["system.load", "app.>"])
    assert ask(locked, "metrics=system.load&start=-60s", token).json()["values"]
    for query in (
        "",
        "metrics=>",
        "metrics=*.load",
        "metrics=system.load&metrics=process.usage",
        "metrics=hw.fan.speed",
        "metrics=nothing",
        "panel=programs",
        "panel=no",
    ):
        answer = ask(locked, query, token)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, 103), query


@pytest.mark.parametrize(
    "query",
    [
        "metrics=process.usage",
        "metrics=process.>,app.>",
        "metrics=process.usage&group_by=process.executable.name",
        "metrics=app.requests&group_by=user.name&reduce=count",
        "metrics=process.usage&where=process.executable.name=nginx",
        "metrics=app.*&where=user.name=anna",
        "metrics=process.usage&top=1&format=csv",
        "metrics=process.usage&reduce=sum",
        "metrics=process.usage&shift=30",
        "panel=programs",
    ],
)
def test_no_wish_brings_names_to_who_may_not_see_them(locked: World, query: str) -> None:
    blind = token_of(locked, Scope.EMBED, panels=["programs"], metrics=["process.>", "app.>"])
    seeing = token_of(locked, Scope.EMBED, panels=["programs"], metrics=["process.>", "app.>", "table.processes"])
    wish = f"{query}&start=-30s&step=1"
    answer, other = ask(locked, wish, blind), ask(locked, wish, seeing)
    assert (answer.status_code, other.status_code) == (200, 200)
    assert not any(secret in answer.text for secret in SECRETS) or "where" in query
    if "where" in query and "json" in answer.headers["content-type"]:
        assert answer.json()["values"] == []
    assert answer.text != other.text  # which counts and names what the first must not
    assert "1048576" not in answer.text


def test_a_token_sees_no_further_back_than_it_may_however_it_asks(locked: World) -> None:
    brief = token_of(locked, Scope.EMBED, metrics=["system.load"], since_s=10)
    now_ms = locked.machine.time_ms

    def seen(query: str) -> list[float]:
        answer = ask(locked, f"metrics=system.load&{query}", brief)
        assert answer.status_code == 200, answer.text
        return [value for column in answer.json()["values"] for value in column if value is not None]

    assert seen("start=-60s&step=1") == [float(value) for value in range(110, 120)]
    assert min(seen("start=0&points=1&aggregate=min")) >= 110
    assert min(seen("start=-60s&step=60&aggregate=min")) >= 110
    assert max(seen("start=-60s&step=31536000&aggregate=count")) <= 10
    assert min(seen("start=-60s&step=3600&aggregate=p50,min,avg,sum")) >= 110
    assert seen("start=-60s&step=1&shift=5") == [float(value) for value in range(110, 115)]
    for query in ("start=-60s&end=-10s", "start=0&end=1", f"start=0&end={now_ms - 10_000}", "start=-5s&shift=10"):
        answer = ask(locked, f"metrics=system.load&{query}", brief)
        assert (answer.status_code, answer.json()["error"]["message"]) == (403, "this token sees 10s back")


def test_an_embed_token_in_the_address_gets_its_panel_and_is_kept_by_nobody_else(locked: World) -> None:
    token = token_of(locked, Scope.EMBED, panels=["load"])
    answer = locked.client.get(f"{PATH}?panel=load&start=-30s&token={token}")
    assert answer.status_code == 200
    assert answer.headers["cache-control"].startswith("private")
    assert locked.client.get(f"{PATH}?panel=programs&token={token}").status_code == 403
    assert locked.client.get(f"{PATH}?panel=load").status_code == 401


def test_a_source_that_is_not_there_is_named_to_nobody_who_is_limited(locked: World) -> None:
    token = token_of(locked, Scope.STREAM, metrics=["system.>"])
    answer = ask(locked, "metrics=system.load&host=web-2", token)
    assert answer.json()["error"]["message"] == "host: 'web-2' is not here"
