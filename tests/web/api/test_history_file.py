"""The past over HTTP where most of it is in a file: ten hours of ticks, of which the ring has a quarter of an hour."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from tests.core.drawn import check, texts_of
from tests.core.machine import START_MS, Machine
from tests.core.panel_machine import DESCRIPTORS, panel_of, series_for
from tests.web.conftest import World, make_world

from vitalcast.core.metrics.resource import Resource, Source
from vitalcast.core.vocabulary import Scope
from vitalcast.core.wire.limits import Limits
from vitalcast.history.sqlite import SqliteHistory

PATH = "/api/v1/history"
STEP_MS = 10_000
TICKS = 3600  # ten hours
SWAP = "system.paging.utilization"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A server that asks for tokens; swap is used by a ten-thousandth more with each tick."""
    folder = tmp_path_factory.mktemp("history")
    source = Source(Resource("machine-1", "web-1"), "epoch-1", interval_ms=STEP_MS, interval_min_ms=STEP_MS)
    machine = Machine(descriptors=DESCRIPTORS.values(), limits=Limits(snapshot_values=5000), source=source)
    history = SqliteHistory(
        folder / "history.db",
        clock_ms=lambda: machine.time_ms,
        steady_ms=lambda: machine.steady_ms,
        boot=lambda: "boot-1",
    )
    history.open(epoch="epoch-1", interval_ms=STEP_MS)
    machine.hub.advanced.append(lambda _timeline, frame: history.append(frame))
    panel = panel_of("swap")
    for tick in range(1, TICKS + 1):
        machine.take(machine.frame(dict.fromkeys(series_for(panel), tick / 10_000), step_ms=STEP_MS))
        if tick % 30 == 0:
            history.flush()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(folder))
        world = make_world(machine, panels=(panel,), host="0.0.0.0")
    world.service.queries._open_past = history.past
    yield world
    history.close()


@pytest.fixture(scope="module")
def view(world: World) -> str:
    token: str = world.service.access.mint(Scope.VIEW)[0]
    return token


def get(world: World, token: str, address: str, **params: Any) -> Any:
    answer = world.client.get(address, params=params, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200, answer.text
    return answer


def asked(world: World, token: str, **params: Any) -> Any:
    """Return the times and the values of the one series that is asked for."""
    wish = {"metrics": SWAP, "where": "system.paging.state=used"} | params
    return get(world, token, PATH, **wish).json()


def ticks(start_ms: int, end_ms: int) -> np.ndarray:
    """Return the values of (start_ms, end_ms]."""
    times = START_MS + STEP_MS * np.arange(1, TICKS + 1)
    return (np.arange(1, TICKS + 1) / 10_000)[(times > start_ms) & (times <= end_ms)]


@pytest.mark.parametrize("step", [60, 600, 3600])
def test_file_and_ring_answer_as_one(world: World, view: str, step: int) -> None:
    now_ms = world.machine.time_ms
    answer = asked(world, view, start="-5h", step=step, aggregate="min,max,avg,count")
    medians = asked(world, view, start="-5h", step=step, aggregate="p50")
    assert answer["step"] == medians["step"] == step
    assert answer["tiers"][0]["tier"] == {60: "1m", 600: "10m", 3600: "1h"}[step]
    assert answer["tiers"][-1]["tier"] == "raw"
    for at, end_ms in enumerate(answer["times"]):
        own = ticks(max(end_ms - step * 1000, now_ms - 5 * 3_600_000), end_ms)
        lowest, highest, mean, count = (column[at] for column in answer["values"])
        assert (lowest, highest, count) == (own.min(), own.max(), len(own)), end_ms
        assert mean == pytest.approx(own.mean())
        assert medians["values"][0][at] == pytest.approx(np.median(own), rel=0.02)


def test_a_long_export_is_what_one_query_would_be(world: World, view: str) -> None:
    wish = {"metrics": SWAP, "start": "-9h", "step": 1, "format": "csv"}
    head, *rows = csv.reader(io.StringIO(get(world, view, PATH, **wish).text, newline=""), strict=True)
    assert len(head) == 2 + len(series_for(panel_of("swap")))
    assert len(rows) == 9 * 360
    assert len(rows) * (len(head) - 2) > world.machine.hub.limits.snapshot_values
    assert [float(row[2]) for row in rows] == ticks(world.machine.time_ms - 9 * 3_600_000, 2**60).tolist()


def test_a_past_that_was_seconds_is_drawn_with_the_values_of_then(world: World, view: str) -> None:
    start, end = START_MS + 3_600_000, START_MS + 7_200_000
    figure = get(world, view, "/api/v1/panels/swap/figure", start=start, end=end).json()
    [trace] = figure["data"]
    assert min(trace["y"]) == pytest.approx(0.0361, abs=0.001) and max(trace["y"]) == pytest.approx(0.072, abs=0.001)
    image = get(world, view, "/api/v1/panels/swap.svg", start="-10h", end="-30m")
    words = [text.replace("\u00a0", " ") for text in texts_of(check(image.text))]
    assert "2026-09-21 14:13:20 to 23:43:20 UTC" in words
    badge = get(world, view, "/badge/swap.svg", at=START_MS + 20_000_000)
    assert "20.0 %" in badge.text.replace("\u00a0", " ")


def test_a_token_for_slow_streams_gets_no_finer_past(world: World) -> None:
    token = world.service.access.mint(Scope.STREAM, metrics=[SWAP], interval_s=60)[0]
    asked = {"metrics": SWAP, "start": "-1h", "step": 1}
    refused = world.client.get(PATH, params=asked, headers={"Authorization": f"Bearer {token}"})
    assert refused.status_code == 400
    assert "step: the shortest for this token is 60 s, not 1" in refused.text
    assert get(world, token, PATH, metrics=SWAP, start="-1h", step=60).json()["step"] == 60
    assert get(world, token, PATH, metrics=SWAP, start="-1h", points=3600).json()["step"] == 60


@pytest.mark.parametrize("reach_s", [600, 3000, 9000, 12_345])
@pytest.mark.parametrize("wish", [
    {"step": 1}, {"step": 60}, {"step": 600}, {"step": 3600}, {"step": 86_400}, {"points": 1}, {"points": 7},
    {"step": 3600, "aggregate": "min,p50,avg,last"}, {"step": 600, "aggregate": "p50,min"},
    {"step": 600, "reduce": "min"}, {"step": 3600, "top": 1}, {"step": 3600, "shift": 600}, {"step": 60, "end": "-1m"},
    {"step": 60, "format": "csv"}, {"step": 1, "format": "csv"},
], ids=str)  # fmt: skip
def test_no_wish_brings_anything_of_before_a_token_may_look(world: World, reach_s: int, wish: dict[str, Any]) -> None:
    token = world.service.access.mint(Scope.STREAM, metrics=[SWAP], since_s=reach_s)[0]
    first = ticks(world.machine.time_ms - reach_s * 1000, 2**60)[0]
    for start in ("-10h", f"-{reach_s}s", f"-{reach_s - 1}s"):
        if wish.get("shift", 0) >= reach_s:
            continue
        answer = get(world, token, PATH, **({"metrics": SWAP, "start": start, "aggregate": "min,avg"} | wish))
        if "format" in wish:
            rows = list(csv.reader(io.StringIO(answer.text, newline="")))[1:]
            values = [float(cell) for row in rows for cell in row[2:] if cell]
        else:
            values = [value for column in answer.json()["values"] for value in column if value is not None]
            times = answer.json()["times"]
            assert all(time > world.machine.time_ms - reach_s * 1000 for time in times)
        assert values
        assert min(values) >= first * 0.99


def test_pictures_of_before_a_token_may_look_are_denied(world: World) -> None:
    token = world.service.access.mint(Scope.EMBED, panels=["swap"], since_s=7200)[0]
    headers = {"Authorization": f"Bearer {token}"}
    for address in (
        "/api/v1/panels/swap.svg?start=-10h&end=-2h",
        "/api/v1/panels/swap/figure?at=-2h",
        "/badge/swap.svg?at=-3h",
        f"/badge/swap.svg?at={START_MS + 1000}",
        f"{PATH}?panel=swap&start=-10h&end=-3h",
        f"{PATH}?panel=swap&start=-1h&shift=7200&format=csv",
    ):
        assert world.client.get(address, headers=headers).status_code == 403, address
    figure = get(world, token, "/api/v1/panels/swap/figure", start="-10h").json()
    assert min(figure["data"][0]["y"]) >= ticks(world.machine.time_ms - 7_200_000, 2**60)[0]
