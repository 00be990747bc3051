"""Figures, images and badges of a range or a moment that is past."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.core.machine import START_MS, Machine
from tests.core.panel_machine import DESCRIPTORS, panel_of, series_for
from tests.web.conftest import World, make_world
from tests.web.panel_world import world_of
from tests.web.test_pictures import OWN, PROGRAM, PROGRAMS, get, said, token_of, words_of

from vitalcast.core.metrics.model import Series
from vitalcast.core.panels.builtin import BUILT_IN
from vitalcast.core.vocabulary import Scope

TICKS = 300
IMAGE, BADGE, FIGURE = "/api/v1/panels/swap.svg", "/badge/swap.svg", "/api/v1/panels/swap/figure"


def swapping(tick: int, _at: int) -> float:
    """Critical in the first minute, then little."""
    return 0.9 if tick < 60 else 0.1


@pytest.fixture
def world() -> World:
    return world_of(panel_of("cpu"), panel_of("swap"), ticks=TICKS, value=swapping)


@pytest.fixture
def locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """The same, which asks for tokens."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    panels = (panel_of("cpu"), panel_of("swap"))
    machine = world_of(*panels, ticks=TICKS, value=swapping).machine
    return make_world(machine, panels=panels, host="0.0.0.0")


# --- images and figures ----------------------------------------------------------------------------------------------


def test_an_image_shows_a_range_that_is_past(world: World) -> None:
    start, end = START_MS + 10_000, START_MS + 50_000
    answer = world.client.get(IMAGE, params={"start": start, "end": end, "tz": "Europe/Berlin"})
    assert answer.status_code == 200
    assert said(answer) == "Swap on web-1: 90.0 % used"  # and nothing of a level: what was before is not known
    words = words_of(answer)
    assert words[-2:] == ["web-1", "2026-09-21 16:13:30 to 16:14:10 CEST"]
    assert not any("stale" in word for word in words)
    assert words_of(world.client.get(IMAGE))[-1].startswith("as of")


def test_the_same_range_may_be_said_in_every_form(world: World) -> None:
    forms = (
        {"start": START_MS + 10_000, "end": START_MS + 50_000},
        {"start": "2026-09-21T14:13:30Z", "end": "2026-09-21T14:14:10Z"},
        {"start": "-290s", "end": "-250s"},
        {"at": START_MS + 50_000, "range": 40},
        {"end": "-250s", "range": 40},
    )
    answers = [world.client.get(IMAGE, params=form) for form in forms]
    assert {answer.text for answer in answers} == {answers[0].text}
    figures = [world.client.get(FIGURE, params=form) for form in forms]
    assert {answer.text for answer in figures} == {figures[0].text}


def test_a_figure_has_the_samples_of_its_range(world: World) -> None:
    figure = world.client.get(FIGURE, params={"start": START_MS + 55_000, "end": START_MS + 65_000}).json()
    [trace] = figure["data"]
    assert trace["y"] == [0.9] * 5 + [0.1] * 5
    assert trace["x"][0] == "2026-09-21T14:14:16"
    meta = figure["layout"]["meta"]
    assert (meta["start"], meta["time"], meta["level"]) == (START_MS + 55_000, START_MS + 65_000, "")


def test_every_built_in_panel_is_drawn_as_it_was() -> None:
    world = world_of(*BUILT_IN, ticks=60)
    for panel in BUILT_IN:
        for form in (".svg", "/figure"):
            answer = world.client.get(f"/api/v1/panels/{panel.id}{form}?start=-50s&end=-10s")
            assert answer.status_code == 200, panel.id
            assert "No samples from that time" not in answer.text, panel.id


def test_a_hole_in_the_past_is_a_hole_and_slow_steps_are_none() -> None:
    world = world_of(panel_of("swap"), ticks=100, value=lambda tick, at: 0.5, skip_at=50)
    figure = world.client.get(FIGURE, params={"start": "-90s", "end": "-1s"}).json()
    [trace] = figure["data"]
    assert trace["y"].count(None) == 2
    slow = world.client.get(FIGURE, params={"start": "-40s"}).json()
    assert None not in slow["data"][0]["y"]


def test_a_series_that_is_gone_is_drawn_in_its_time() -> None:
    machine = Machine(descriptors=DESCRIPTORS.values())
    panel = panel_of("swap")
    for _ in range(30):
        machine.take(machine.frame(dict.fromkeys(series_for(panel), 0.5)))
    for _ in range(30):
        machine.take(machine.frame({}))
    world = make_world(machine, panels=(panel,))
    assert "50.0 %" in words_of(world.client.get(IMAGE, params={"start": "-60s", "end": "-40s"}))
    assert "No data for this panel." in words_of(world.client.get(IMAGE))


def test_a_range_before_all_is_an_empty_picture(world: World) -> None:
    answer = world.client.get(IMAGE, params={"start": "-3h", "end": "-2h"})
    assert answer.status_code == 200
    assert "No samples from that time." in words_of(answer)
    figure = world.client.get(FIGURE, params={"start": "-3h", "end": "-2h"}).json()
    assert figure["data"] == []
    assert figure["layout"]["annotations"][0]["text"] == "No samples from that time."


@pytest.mark.parametrize("address", [IMAGE, FIGURE])
@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("start=soon", "start: 'soon' is no time; give "),
        ("start=-1m&end=-2m", "is not before end"),
        ("at=-1m&end=now", "at: does not go with start or end"),
        ("start=-1m&range=60", "range: does not go with start"),
        ("at=-1m&range=0", "range: '0' is not valid"),
    ],
)
def test_what_is_no_range_says_what_would_be_right(world: World, address: str, query: str, message: str) -> None:
    answer = world.client.get(f"{address}?{query}")
    assert answer.status_code == 400
    text = said(answer) if address == IMAGE else answer.json()["error"]["message"]
    assert message in text


# --- badges ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("swap.svg?at=-250s", ["Swap", "90.0 % critical"]),
        ("swap.svg?at=-10s", ["Swap", "10.0 %"]),
        (f"swap.svg?at={START_MS + 50_000}", ["Swap", "90.0 % critical"]),
        ("system.paging.utilization.svg?at=2026-09-21T14:14:10Z", ["Swap", "90.0 % critical"]),
        ("swap.svg?at=-250s&warning=0.95", ["Swap", "90.0 %"]),
        ("swap.svg?at=-250s&label=then", ["then", "90.0 % critical"]),
        ("swap.svg?at=-3h", ["Swap", "no value"]),
        ("system.cpu.utilization.svg?cpu.mode=user&at=-250s", ["CPU user", "90.0 %"]),
    ],
)
def test_a_badge_shows_the_value_and_the_level_of_a_moment(world: World, address: str, words: list[str]) -> None:
    answer = world.client.get(f"/badge/{address}")
    assert (answer.status_code, words_of(answer)[:1], words_of(answer)[1].split(" warning")[0]) == (
        200,
        words[:1],
        words[1],
    )


def test_a_badge_just_after_the_change_shows_the_value_of_that_second(world: World) -> None:
    texts = [words_of(world.client.get(f"/badge/swap.svg?at={START_MS + at}"))[1] for at in (60_000, 61_000, 61_400)]
    assert [text.split(" %")[0] for text in texts] == ["90.0", "10.0", "10.0"]


def test_a_badge_of_a_bad_moment_says_so(world: World) -> None:
    answer = world.client.get("/badge/swap.svg?at=noon")
    assert answer.status_code == 400
    assert "at: 'noon' is no time" in said(answer)


# --- how long, and to whom -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "fixed"),
    [
        (f"{IMAGE}?start={START_MS}&end={START_MS + 60_000}", True),
        (f"{FIGURE}?start={START_MS}&end={START_MS + 60_000}", True),
        (f"{BADGE}?at={START_MS + 60_000}", True),
        (f"{IMAGE}?start=-200s&end=-100s", False),
        (f"{IMAGE}?start={START_MS}", False),
        (f"{FIGURE}?end=-100s", False),
        (f"{BADGE}?at=-100s", False),
        (f"{BADGE}?at={START_MS + 290_000}", False),
    ],
)
def test_what_is_over_may_be_kept_for_long(world: World, address: str, fixed: bool) -> None:
    first = world.client.get(address)
    assert ("immutable" in first.headers["cache-control"]) is fixed
    again = world.client.get(address, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["cache-control"] == first.headers["cache-control"]
    assert {"Authorization", "Cookie"} <= set(first.headers["vary"].split(", ")), "a log-out ends it"


def test_a_past_that_was_drawn_is_not_read_again_until_panels_change(world: World) -> None:
    asked = {"start": START_MS, "end": START_MS + 60_000}
    first = world.client.get(IMAGE, params=asked)
    world.service.queries._queries_max = 0
    assert world.client.get(IMAGE, params=asked).text == first.text
    assert world.client.get(IMAGE, params=asked | {"width": 500}).status_code == 503
    world.service.dashboards.replace((panel_of("swap").model_copy(update={"title": "Paging"}),), ())
    assert world.client.get(IMAGE, params=asked).status_code == 503


@pytest.mark.parametrize("form", ["/api/v1/panels/swap.svg?{}", "/api/v1/panels/swap/figure?{}", "/badge/swap.svg?{}"])
def test_a_token_draws_nothing_of_before_it_may_look(locked: World, form: str) -> None:
    brief = token_of(locked, Scope.EMBED, panels=["swap"], since_s=100)
    long = token_of(locked, Scope.EMBED, panels=["swap"], since_s=1000)
    for wish in ("at=-150s", f"at={START_MS + 50_000}", "at=-100s"):
        answer = get(locked, form.format(wish), brief, in_url=False)
        assert (answer.status_code, "this token sees 100s back" in answer.text) == (403, True), wish
        assert get(locked, form.format(wish), long, in_url=False).status_code == 200
    if "badge" not in form:
        assert get(locked, form.format("start=-250s&end=-150s"), brief, in_url=False).status_code == 403
        cut = get(locked, form.format("start=-290s&end=-50s"), brief, in_url=False)
        assert cut.status_code == 200
        assert cut.headers["cache-control"].startswith("private") and "immutable" not in cut.headers["cache-control"]
        if "figure" in form:
            assert set(cut.json()["data"][0]["y"]) == {0.1}
            assert len(cut.json()["data"][0]["y"]) == 50
    early = get(locked, form.format("at=-99s"), brief, in_url=False)
    assert early.status_code == 200


def test_a_badge_is_judged_by_nothing_before_its_token_may_look(locked: World) -> None:
    brief = token_of(locked, Scope.EMBED, panels=["swap"], since_s=242)
    answer = get(locked, f"/badge/swap.svg?at={START_MS + 60_000}", brief, in_url=False)
    assert words_of(answer) == ["Swap", "90.0 %"]  # two seconds of which are no reason for a level


def test_a_past_outside_a_token_is_denied_whether_there_is_one_or_not(locked: World) -> None:
    token = token_of(locked, Scope.EMBED, panels=["swap"])
    for form in ("/api/v1/panels/{}.svg?start=-60s", "/api/v1/panels/{}/figure?at=-60s", "/badge/{}.svg?at=-60s"):
        texts = []
        for name in ("cpu", "nope"):
            answer = get(locked, form.format(name), token, in_url=False)
            assert answer.status_code == 403
            texts.append(answer.text.replace(name, "…") if "svg" not in form else said(answer).replace(name, "…"))
        assert texts[0] == texts[1]


def test_the_past_names_programs_only_to_who_may_see_the_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    machine = Machine()
    for _ in range(20):
        machine.take(machine.frame({Series(PROGRAM, ("nginx",)): 2.0**20, Series(OWN, ("user",)): 2.0**10}))
    for _ in range(5):
        machine.take(machine.frame({Series(OWN, ("user",)): 2.0**10}))
    world = make_world(machine, panels=(PROGRAMS,), host="0.0.0.0")
    blind = token_of(world, Scope.EMBED, panels=["programs"])
    seeing = token_of(world, Scope.EMBED, panels=["programs"], metrics=["table.processes"])
    for token, named in ((blind, False), (seeing, True), (token_of(world, Scope.VIEW), True), (blind, False)):

        def of(address: str, token: str = token) -> Any:
            return get(world, address, token, in_url=False)

        start, end = START_MS, START_MS + 18_000
        figure = of(f"/api/v1/panels/programs/figure?start={start}&end={end}")
        still = of(f"/api/v1/panels/programs.svg?start={start}&end={end}")
        badge = of("/badge/programs.svg?at=-8s")
        assert ("nginx" in figure.text, "nginx" in still.text) == (named, named)
        assert words_of(badge)[-1] == ("1.00 MiB" if named else "1.00 KiB")
