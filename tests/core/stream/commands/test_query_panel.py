"""A panel over a range of the past is what its stream would have shown."""

from __future__ import annotations

from typing import Any

import pytest
from tests.core.machine import LOAD, START_MS, ask, disk
from tests.core.stream.keeper import settle
from tests.core.stream.test_panel_group import DISKS, House
from tests.core.stream.test_panel_group import LOAD as LOAD_PANEL

from vitalcast.core.metrics.model import Series
from vitalcast.core.stream.grants import Caller, Grant
from vitalcast.core.vocabulary import ErrorCode, Scope
from vitalcast.history.recent import Recent, RecentPast


def query(house: House, caller: Caller | None = None, **fields: Any) -> dict[str, Any]:
    session = house.session(**({} if caller is None else {"caller": caller}))
    asked = {"type": "query", "id": 1, "start": START_MS, "step": 1} | fields
    [answer] = ask(session, **asked) or settle(session, RecentPast(Recent()))
    return answer


def house(ticks: int = 20) -> House:
    house = House(LOAD_PANEL, DISKS)
    for number in range(ticks):
        readings = {Series(LOAD): number / 5} | {disk(name): float(number) for name in ("sda", "sdb")}
        house.take(house.frame(readings))
    return house


@pytest.mark.parametrize("panel", ["load", "disks"])
def test_it_is_what_a_stream_with_a_backfill_shows(panel: str) -> None:
    one = house()
    session = one.session()
    ack, *_, snapshot = ask(session, type="subscribe", id=1, stream="s", panel=panel, backfill=19)
    assert ack["type"] == "ack"
    result = query(one, panel=panel, start=one.time_ms - 19_000)
    for said in ("panel", "unit", "lines", "more", "axis", "reference", "headline", "series", "times", "values"):
        assert result[said] == snapshot[said], said


@pytest.mark.parametrize("panel", ["load", "disks"])
def test_each_of_several_aggregates_is_what_it_is_alone(panel: str) -> None:
    one = house()
    asked = ("avg", "min", "max")
    result = query(one, panel=panel, step=10, aggregate=list(asked))
    assert result["aggregate"] == list(asked)
    for at, aggregate in enumerate(asked):
        alone = query(one, panel=panel, step=10, aggregate=[aggregate])
        drawn = [line["column"] for line in alone["lines"]]
        assert [line["column"] for line in result["lines"]] == drawn
        for column in drawn:
            assert result["values"][column * len(asked) + at] == alone["values"][column]
    assert len(result["values"]) == len(asked) * len(result["series"])


def test_a_line_that_is_gone_is_there_again() -> None:
    one = house()
    for _ in range(4000):
        one.take(one.frame({Series(LOAD): 0.0, disk("sda"): 1.0}))
    result = query(one, panel="disks", start=one.time_ms - 60_000)
    assert [line["key"] for line in result["lines"]] == ["sda"]


def test_its_lines_keep_the_colours_that_they_have_live() -> None:
    one = house(0)
    for name in ("sdb", "sda"):
        one.take(one.frame({Series(LOAD): 0.0, disk(name): 1.0}))
        ask(one.session(), type="subscribe", id=1, stream="s", panel="disks")
    one.take(one.frame({Series(LOAD): 0.0, disk("sda"): 1.0, disk("sdb"): 2.0}))
    _, snapshot, *_ = ask(one.session(), type="subscribe", id=1, stream="s", panel="disks")
    live = {line["key"]: (line["id"], line["color"]) for line in snapshot["lines"]}
    result = query(one, panel="disks")
    assert {line["key"]: (line["id"], line["color"]) for line in result["lines"]} == live
    assert live["sdb"][0] == 1  # it came first, and would be the second of a server that has just begun


def test_of_a_time_without_anything_it_says_what_it_would_show() -> None:
    result = query(house(), panel="disks", start=START_MS - 7_200_000, end=START_MS - 3_600_000)
    assert (result["lines"], result["times"], result["panel"]) == ([], [], "disks")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"panel": "dsiks"}, ErrorCode.UNKNOWN_METRIC),
        ({"panel": "disks", "metrics": [">"]}, ErrorCode.BAD_REQUEST),
        ({"panel": "disks", "group_by": []}, ErrorCode.BAD_REQUEST),
        ({"panel": "disks", "aggregate": ["avg", "min", "max", "last"]}, ErrorCode.BAD_REQUEST),
    ],
)
def test_what_does_not_go_with_a_panel_is_refused(fields: dict[str, Any], code: ErrorCode) -> None:
    answer = query(house(), **fields)
    assert (answer["type"], answer["code"]) == ("error", code)


def test_a_token_for_one_panel_sees_no_other() -> None:
    one = house()
    panels = one.hub.panels
    assert panels is not None
    grant = Grant(Scope.EMBED, "t", (panels.selection("load"),), panels=frozenset({"load"}), since_s=5)
    result = query(one, Caller(grant), panel="load")
    assert result["start"] == one.time_ms - 5000
    assert len(result["times"]) == 5
    assert query(one, Caller(grant), panel="disks")["code"] == ErrorCode.DENIED
    assert query(one, Caller(grant), panel="load", end=one.time_ms - 5000)["code"] == ErrorCode.DENIED
