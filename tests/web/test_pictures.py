"""Badges and stills over HTTP: what they show and to whom, how long they may be kept, and that all are pictures."""

from __future__ import annotations

import struct
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.core.drawn import check, texts_of
from tests.core.machine import Machine
from tests.core.panel_machine import panel_of
from tests.web.conftest import World, make_world
from tests.web.panel_world import world_of

from vitalcast.access.access import Access
from vitalcast.core.drawing.theme import FONT
from vitalcast.core.metrics.model import Descriptor, Kind, Series
from vitalcast.core.panels.builtin import BUILT_IN
from vitalcast.core.panels.schema import Panel
from vitalcast.core.vocabulary import Scope
from vitalcast.web.panels.png import png_of

STILL, BADGE = "/api/v1/panels/swap.svg", "/badge/swap.svg"


@pytest.fixture
def swap() -> World:
    return world_of(panel_of("cpu"), panel_of("swap"), value=lambda tick, at: 0.55)


def words_of(answer: Any) -> list[str]:
    """Return the words of an answer that is a picture, whatever its status."""
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.headers["content-security-policy"] == "default-src 'none'; style-src 'unsafe-inline'"
    assert answer.headers["x-content-type-options"] == "nosniff"
    return [text.replace("\u00a0", " ") for text in texts_of(check(answer.text))]


def said(answer: Any) -> str:
    """Return what a picture says to those who cannot see it."""
    words_of(answer)
    return (check(answer.text).get("aria-label") or "").replace("\u00a0", " ")


# --- badges --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("swap.svg", ["Swap", "55.0 % warning"]),
        ("cpu.svg?label=web-1", ["web-1", "330.0 % critical"]),
        ("system.paging.utilization.svg", ["Swap", "55.0 % warning"]),
        ("system.cpu.utilization.svg?cpu.mode=idle", ["system.cpu.utilization idle", "55.0 %"]),
        ("system.cpu.utilization.svg?where=cpu.mode=user&reduce=max", ["system.cpu.utilization user", "55.0 %"]),
        ("system.cpu.utilization.svg?where=cpu.mode=user&where=cpu.mode=nice", ["CPU user nice", "110.0 % critical"]),
        ("swap.svg?warning=0.6&critical=0.7&style=flat-square", ["Swap", "55.0 %"]),
        ("swap.svg?critical=0.5&label=%3Cscript%3E%00", ["<script>", "55.0 % critical"]),
    ],
)
def test_a_badge_shows_what_is_asked_for(swap: World, address: str, words: list[str]) -> None:
    answer = swap.client.get(f"/badge/{address}")
    assert (answer.status_code, words_of(answer)) == (200, words)


@pytest.mark.parametrize(
    ("address", "status", "message"),
    [
        ("nothing.svg", 404, "nothing: unknown metric"),
        ("system.nothing.svg", 404, "system.nothing: unknown metric"),
        ("A%20B.svg", 404, "A B: unknown metric"),
        ("swap.svg?reduce=median", 400, "swap: reduce: 'median' is not valid; give sum, max, avg or min"),
        ("swap.svg?style=round", 400, "swap: style: 'round' is not valid; give flat or flat-square"),
        ("swap.svg?warning=high", 400, "swap: warning: 'high' is not valid; give a number in the metric's own unit"),
        ("swap.svg?critical=nan", 400, "swap: critical: 'nan' is not valid; give a number in the metric's own unit"),
        ("swap.svg?warning=2&critical=1", 400, "swap: warning: 2 is more than critical, 1; give the same or less"),
        ("swap.svg?where=used", 400, "swap: where: 'used' is not valid; give an attribute and its value"),
        ("swap.svg?cpu.mode=user", 400, "swap: no attribute is called 'cpu.mode'; there are system.paging.state"),
        ("swap.svg?system.paging.state=busy", 404, "swap: no series here matches; there are used"),
        ("swap.svg?color=red", 400, "swap: unknown parameter 'color'"),
        ("swap.svg?" + "&".join(f"a.b={at}" for at in range(17)), 400, "swap: where: 17 values are more than 16"),
    ],
)
def test_a_badge_that_cannot_be_says_why(swap: World, address: str, status: int, message: str) -> None:
    answer = swap.client.get(f"/badge/{address}")
    assert answer.status_code == status
    assert said(answer).startswith(message)
    assert answer.headers["cache-control"] == "no-store"


def test_a_badge_of_old_readings_is_stale(swap: World) -> None:
    swap.machine.wait(90_000)
    for address in ("swap", "system.paging.utilization"):
        assert words_of(swap.client.get(f"/badge/{address}.svg")) == ["Swap", "stale, 1 min 30 s old"]
    swap.machine.time_ms -= 90_000
    assert words_of(swap.client.get(BADGE)) == ["Swap", "stale, 1 min 30 s old"], "set back"


@pytest.mark.parametrize("by_ms", [-3_600_000, 3_600_000])
def test_a_clock_that_was_set_makes_no_badge_stale(swap: World, by_ms: int) -> None:
    swap.machine.time_ms += by_ms
    assert words_of(swap.client.get(BADGE)) == ["Swap", "55.0 % warning"]


# --- stills --------------------------------------------------------------------------------------------------------


def test_a_still_shows_the_panel_as_asked(swap: World) -> None:
    asked = {"range": 60, "theme": "dark", "width": 480, "height": 240, "title": "Paging", "tz": "Europe/Berlin"}
    answer = swap.client.get(STILL, params=asked)
    assert answer.status_code == 200
    tree = check(answer.text)
    assert (tree.get("width"), tree.get("height")) == ("480", "240")
    assert said(answer) == "Paging on web-1: 55.0 % used, warning"
    words = words_of(answer)
    assert words[-2:] == ["web-1, last 1 min", "as of 2026-09-21 16:14:00 CEST"]
    assert "#141a20" in answer.text


def test_every_built_in_panel_is_a_picture() -> None:
    world = world_of(*BUILT_IN, ticks=3)
    for panel in BUILT_IN:
        answer = world.client.get(f"/api/v1/panels/{panel.id}.svg")
        assert answer.status_code == 200
        assert panel.title in words_of(answer)


@pytest.mark.parametrize(
    ("query", "status", "message"),
    [
        ("swap.svg?range=0", 400, "range: '0' is not valid; give seconds from 1 to 900"),
        ("swap.svg?theme=pink", 400, "theme: 'pink' is not valid; give dark or light"),
        ("swap.svg?width=99999", 400, "width: '99999' is not valid; give pixels from 200 to 4000"),
        ("swap.svg?height=1e3", 400, "height: '1e3' is not valid; give pixels from 120 to 3000"),
        ("swap.svg?tz=Mars/Olympus", 400, "tz: 'Mars/Olympus' is not a known time zone; give a name such as"),
        ("swap.svg?tz=../../etc/passwd", 400, "tz: '../../etc/passwd' is not a known time zone; give a name such as"),
        ("swap.svg?tz=Europe", 400, "tz: 'Europe' is not a known time zone; give a name such as"),
        ("swap.svg?colour=red", 400, "unknown parameter 'colour'; this address takes range, start, end, at, theme"),
        ("zzz.svg", 404, "no panel is called 'zzz'; there are cpu, swap"),
    ],
)
def test_a_still_that_cannot_be_says_what_would_be_right(swap: World, query: str, status: int, message: str) -> None:
    answer = swap.client.get(f"/api/v1/panels/{query}")
    assert answer.status_code == status
    assert said(answer).startswith(message)


def test_before_the_first_tick_there_is_only_a_word() -> None:
    world = make_world(Machine())
    for address in ("/api/v1/panels/cpu.svg", "/badge/cpu.svg"):
        answer = world.client.get(address)
        assert answer.status_code == 503
        assert "nothing has been sampled yet" in said(answer)


def test_a_still_of_old_readings_says_so_and_its_time_goes_on(swap: World) -> None:
    live = words_of(swap.client.get(STILL))
    swap.machine.wait(90_000)
    words = words_of(swap.client.get(STILL))
    assert "stale, 1 min 30 s old" not in live
    assert "stale, 1 min 30 s old" in words
    assert words[-1] == "as of 2026-09-21 14:15:30 UTC, newest value 14:14:00"
    swap.machine.wait(3_600_000)
    assert "No data in this window." in words_of(swap.client.get(STILL))


# --- as PNG --------------------------------------------------------------------------------------------------------


def size_of(answer: Any) -> tuple[int, int]:
    """Return how large an answer is that is a PNG image."""
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.content[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", answer.content[16:24])
    return width, height


@pytest.mark.parametrize(
    ("query", "size"),
    [("", (640, 320)), ("?scale=2", (1280, 640)), ("?width=300&height=150&scale=0.5&theme=dark", (150, 75))],
)
def test_a_still_is_drawn_as_png_too(swap: World, query: str, size: tuple[int, int]) -> None:
    assert size_of(swap.client.get(f"/api/v1/panels/swap.png{query}")) == size


def test_a_png_has_what_its_still_has_and_is_another_where_that_is(swap: World) -> None:
    first = swap.client.get("/api/v1/panels/swap.png")
    assert first.content == swap.client.get("/api/v1/panels/swap.png").content
    assert first.headers["cache-control"] == "public, max-age=1, must-revalidate"
    known = {"If-None-Match": first.headers["etag"]}
    assert swap.client.get("/api/v1/panels/swap.png", headers=known).status_code == 304
    assert swap.client.get("/api/v1/panels/swap.png?title=Other", headers=known).status_code == 200
    swap.machine.wait(90_000)
    assert swap.client.get("/api/v1/panels/swap.png", headers=known).content != first.content


@pytest.mark.parametrize(
    ("query", "status", "message"),
    [
        ("scale=9", 400, "scale: '9' is not valid; give a number from 0.5 to 4"),
        ("width=4000&height=3000&scale=2", 400, "scale: 8000 x 6000 is more than 12 million pixels"),
        ("tz=Nowhere", 400, "tz: 'Nowhere' is not a known time zone; give a name such as Europe/Berlin"),
    ],
)
def test_what_cannot_be_drawn_as_png_is_said(swap: World, query: str, status: int, message: str) -> None:
    answer = swap.client.get(f"/api/v1/panels/swap.png?{query}")
    assert (answer.status_code, answer.json()["error"]["message"]) == (status, message)


def test_a_server_that_draws_no_png_says_what_to_install(swap: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    answer = swap.client.get("/api/v1/panels/swap.png")
    assert answer.status_code == 501
    assert "pip install 'vitalcast[png]'" in answer.json()["error"]["message"]


# --- how long, and where -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", [STILL, BADGE])
def test_a_picture_may_be_kept_until_the_next_reading_and_is_sent_once(swap: World, address: str) -> None:
    first = swap.client.get(address)
    assert first.headers["cache-control"] == "public, max-age=1, must-revalidate"
    again = swap.client.get(address, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    other = swap.client.get(address, headers={"If-None-Match": '"x"'})
    assert (other.status_code, other.headers["etag"]) == (200, first.headers["etag"])


def test_where_nobody_needs_a_token_other_sites_get_no_picture(swap: World) -> None:
    for address in (STILL, BADGE):
        assert swap.client.get(address).headers["cross-origin-resource-policy"] == "same-origin"


def test_where_all_are_served_every_site_gets_pictures() -> None:
    machine = world_of(panel_of("swap")).machine
    world = make_world(machine, panels=(panel_of("swap"),), host="0.0.0.0", no_auth=True)
    for address in (STILL, BADGE):
        answer = world.client.get(address)
        assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
        assert answer.headers["cache-control"].startswith("public")


# --- to whom -------------------------------------------------------------------------------------------------------


@pytest.fixture
def locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A world that asks for tokens, which has panels of CPU, memory and swap."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    panels = tuple(panel_of(id_) for id_ in ("cpu", "memory", "swap"))
    return make_world(world_of(*panels, value=lambda tick, at: 0.55).machine, panels=panels, host="0.0.0.0")


def token_of(world: World, scope: Scope, **limits: Any) -> str:
    access: Access = world.service.access
    return access.mint(scope, **limits)[0]


def get(world: World, address: str, token: str, *, in_url: bool = True) -> Any:
    if in_url:
        mark = "&" if "?" in address else "?"
        return world.client.get(f"{address}{mark}token={token}")
    return world.client.get(address, headers={"Authorization": f"Bearer {token}"})


@pytest.mark.parametrize("address", [STILL, BADGE, "/badge/nothing.svg", "/api/v1/panels/nothing.svg"])
def test_without_a_token_there_is_a_picture_that_says_so(locked: World, address: str) -> None:
    answer = locked.client.get(address)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert "this needs a token" in said(answer)
    assert words_of(answer)[-1] == "no access" or "badge" not in address


def test_a_token_for_a_panel_shows_that_panel_and_its_metrics(locked: World) -> None:
    token = token_of(locked, Scope.EMBED, panels=["memory"])
    for address in ("/api/v1/panels/memory.svg", "/badge/memory.svg", "/badge/system.memory.usage.svg"):
        answer = get(locked, address, token)
        assert answer.status_code == 200, address
        assert answer.headers["cache-control"] == "private, max-age=1, must-revalidate"
        assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
        assert answer.headers["referrer-policy"] == "no-referrer"


def test_what_is_outside_a_token_is_refused_whether_it_exists_or_not(locked: World) -> None:
    embed = token_of(locked, Scope.EMBED, panels=["memory"])
    stream = token_of(locked, Scope.STREAM, metrics=["system.memory.>"])
    for token, in_url in ((embed, True), (stream, False)):
        for form, there, missing in (
            ("/api/v1/panels/{}.svg", "swap", "nope"),
            ("/badge/{}.svg", "swap", "nope"),
            ("/badge/{}.svg", "system.cpu.utilization", "system.cpu.utilizatian"),
        ):
            answers = [get(locked, form.format(name), token, in_url=in_url) for name in (there, missing)]
            texts = [said(answer).replace(name, "…") for answer, name in zip(answers, (there, missing), strict=True)]
            assert [answer.status_code for answer in answers] == [403, 403]
            assert texts[0] == texts[1]
            assert "cpu" not in texts[0].lower()


PROGRAM = Descriptor("process.usage", "By", Kind.GAUGE, "Memory.", ("process.executable.name",))
OWN = Descriptor("process.usage", "By", Kind.GAUGE, "Memory.", ("cpu.mode",))
PROGRAMS = Panel.model_validate({"id": "programs", "title": "Programs", "metrics": ["process.usage"]})


def test_a_panel_names_programs_only_to_who_may_see_the_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    machine = Machine()
    machine.take(machine.frame({Series(PROGRAM, ("nginx",)): 2.0**20, Series(OWN, ("user",)): 2.0**10}))
    world = make_world(machine, panels=(PROGRAMS,), host="0.0.0.0")
    blind = token_of(world, Scope.EMBED, panels=["programs"])
    seeing = token_of(world, Scope.EMBED, panels=["programs"], metrics=["table.processes"])
    view = token_of(world, Scope.VIEW)
    for token, named in ((blind, False), (seeing, True), (view, True), (blind, False)):
        figure, still, badge = (
            get(world, address, token, in_url=False)
            for address in ("/api/v1/panels/programs/figure", "/api/v1/panels/programs.svg", "/badge/programs.svg")
        )
        assert ("nginx" in figure.text, "nginx" in still.text) == (named, named)
        assert len(figure.json()["data"]) == 1 + named
        [listed] = get(world, "/api/v1/panels", token, in_url=False).json()["panels"]
        assert listed["series"] == 1 + named
        assert words_of(badge)[-1] == ("1.00 MiB" if named else "1.00 KiB")


def test_a_token_for_embedding_draws_no_further_back_than_it_may_look(locked: World) -> None:
    brief = token_of(locked, Scope.EMBED, panels=["memory"], since_s=10)
    lengths = [
        len(get(locked, "/api/v1/panels/memory/figure?range=30", token, in_url=False).json()["data"][0]["x"])
        for token in (brief, token_of(locked, Scope.EMBED, panels=["memory"]), brief)
    ]
    assert lengths[0] == lengths[2] <= 11 < 30 <= lengths[1]


def test_a_token_for_streams_shows_what_its_patterns_cover(locked: World) -> None:
    token = token_of(locked, Scope.STREAM, metrics=["system.memory.usage"])
    answer = get(locked, "/badge/system.memory.usage.svg?system.memory.state=used", token, in_url=False)
    assert words_of(answer) == ["system.memory.usage used", "1 B"]  # of which its panel's whole is no part
    assert get(locked, "/badge/memory.svg", token, in_url=False).status_code == 403


def test_a_token_that_was_taken_back_is_no_access(locked: World) -> None:
    token = token_of(locked, Scope.EMBED, panels=["swap"])
    assert get(locked, BADGE, token).status_code == 200
    locked.service.access.revoke(locked.service.access.records()[0].id)
    answer = get(locked, BADGE, token)
    assert (answer.status_code, words_of(answer)) == (401, ["swap", "no access"])
    assert "it has been revoked" in said(answer)


def test_a_token_of_another_scope_does_not_belong_in_an_address(locked: World) -> None:
    answer = get(locked, STILL, token_of(locked, Scope.VIEW))
    assert answer.status_code == 401
    assert "revoke it" in said(answer)
    assert get(locked, STILL, token_of(locked, Scope.VIEW), in_url=False).status_code == 200


def test_the_form_that_there_is_not_tells_nothing_either(locked: World) -> None:
    token = token_of(locked, Scope.EMBED, panels=["memory"])
    for id_ in ("swap", "nope"):
        answer = get(locked, f"/api/v1/panels/{id_}.png", token)
        assert answer.json()["error"]["code"] == 103


def test_a_word_that_the_own_fonts_do_not_have_leaves_the_others_as_they_are() -> None:
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="200" height="40" font-family="{FONT}">'
        '<text x="4" y="24">Vital signs</text><text x="-900" y="24">{}</text></svg>'
    )
    assert png_of(svg.replace("{}", "\u706b"), 1.0) == png_of(svg.replace("{}", "x"), 1.0)
