"""Everything over HTTP that shows panels or playlists follows the store, without a new start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.web.panel_world import World, world_of

from vitalcast.config.schema import Settings
from vitalcast.core.panels.builtin import BUILT_IN
from vitalcast.core.panels.playlist import BUILT_IN_PLAYLISTS
from vitalcast.core.panels.schema import Panel
from vitalcast.core.vocabulary import Scope
from vitalcast.live.open_access import open_access
from vitalcast.web.app import create_app

CPU, MEMORY = (next(one for one in BUILT_IN if one.id == id_) for id_ in ("cpu", "memory"))
RENAMED = CPU.model_copy(update={"title": "Processor", "vital": "Processor"})


@pytest.fixture
def world() -> World:
    return world_of(CPU, MEMORY)


def change(world: World, *panels: Panel) -> None:
    world.service.dashboards.replace(panels, ())


def test_the_list_of_panels_and_its_revision_follow(world: World) -> None:
    before = world.get("/api/v1/panels")
    change(world, MEMORY, RENAMED)
    after = world.get("/api/v1/panels")
    assert [(one["id"], one["title"]) for one in after["panels"]] == [("memory", "Memory"), ("cpu", "Processor")]
    assert before["revision"] != after["revision"] == world.service.dashboards.revision


def test_a_figure_follows_within_the_same_tick(world: World) -> None:
    before = world.get("/api/v1/panels/cpu/figure")
    change(world, RENAMED)
    after = world.get("/api/v1/panels/cpu/figure")
    assert before["layout"]["title"]["text"] != after["layout"]["title"]["text"] == "Processor"


def test_a_still_follows_within_the_same_tick(world: World) -> None:
    assert "Processor" not in world.client.get("/api/v1/panels/cpu.svg").text
    change(world, RENAMED)
    assert "Processor" in world.client.get("/api/v1/panels/cpu.svg").text


def test_lines_follow_where_a_panel_shows_other_series(world: World) -> None:
    names = {trace["name"] for trace in world.get("/api/v1/panels/cpu/figure")["data"]}
    change(world, CPU.model_copy(update={"where": {"cpu.mode": ("user",)}}))
    assert {trace["name"] for trace in world.get("/api/v1/panels/cpu/figure")["data"]} == {"user"} < names


def test_a_badge_follows(world: World) -> None:
    change(world, RENAMED)
    assert "Processor" in world.client.get("/badge/cpu.svg").text
    change(world, MEMORY)
    assert world.client.get("/badge/cpu.svg").status_code == 404


def test_a_panel_that_went_is_unknown_and_one_that_came_is_there(world: World) -> None:
    change(world, MEMORY)
    answer = world.client.get("/api/v1/panels/cpu/figure")
    assert answer.status_code == 404
    assert answer.json()["error"]["message"] == "no panel is called 'cpu'; there are memory"
    change(world, CPU)
    assert world.client.get("/api/v1/panels/cpu/figure").status_code == 200


# --- what asks for tokens ------------------------------------------------------------------------------------------


class House:
    """A server that asks for tokens, with a token for embedding one panel."""

    def __init__(self, folder: Path) -> None:
        settings = Settings.model_validate(
            {"access": {"data_dir": str(folder)}, "sampler": {"interval_s": 3600}, "panels": (CPU, MEMORY)}
        )
        access = open_access(settings)
        self.token, _ = access.mint(Scope.EMBED, panels=["cpu"])
        self.dashboard, _ = access.mint(Scope.EMBED, dashboard=True)
        self.view, _ = access.mint(Scope.VIEW)
        self.app = create_app(settings)
        self.store = self.app.state.service.dashboards
        self.client = TestClient(self.app, base_url="http://127.0.0.1")

    def get(self, path: str, token: str) -> Any:
        return self.client.get(path, headers={"Authorization": f"Bearer {token}"})

    def panels(self, token: str) -> list[str]:
        return [one["id"] for one in self.get("/api/v1/panels", token).json()["panels"]]


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path / "data")


def test_panels_that_name_programs_are_absent_for_those_who_may_not_see_names(house: House) -> None:
    by_program = {"cpu-programs", "memory-programs", "disk-programs"}
    house.store.replace(BUILT_IN, ())
    assert by_program <= set(house.panels(house.view))
    assert by_program.isdisjoint(house.panels(house.dashboard))
    assert "cpu" in house.panels(house.dashboard)


def test_a_token_is_resolved_against_the_panels_there_are_now(house: House) -> None:
    assert house.panels(house.token) == ["cpu"]
    house.store.replace((MEMORY,), ())
    assert house.panels(house.token) == []
    assert house.panels(house.dashboard) == ["memory"]
    house.store.replace((MEMORY, RENAMED), ())
    assert house.panels(house.token) == ["cpu"]
    assert house.panels(house.dashboard) == ["memory", "cpu"]


def test_a_token_covers_the_metrics_that_its_panel_has_now(house: House) -> None:
    with house.client:  # which has the first values read
        assert house.get("/api/v1/panels/cpu/figure", house.token).status_code == 200
        house.store.replace((CPU.model_copy(update={"metrics": ("system.memory.usage",)}),), ())
        assert house.get("/api/v1/panels/cpu/figure", house.token).status_code == 200
        house.store.replace((MEMORY,), ())
        assert house.get("/badge/system.cpu.utilization.svg", house.token).status_code == 403


def test_who_has_a_token_for_a_panel_that_went_is_told_so_and_others_are_not(house: House) -> None:
    house.store.replace((MEMORY,), ())
    gone, never = (house.get(f"/api/v1/panels/{id_}/figure", house.token) for id_ in ("cpu", "disk"))
    assert gone.status_code == 404
    assert gone.json()["error"]["message"] == "the panel 'cpu' was removed from this server"
    assert never.status_code == 403
    assert "does not cover" in never.json()["error"]["message"]


def test_the_page_of_an_embedded_panel_follows(house: House) -> None:
    assert house.get("/embed/panel/cpu", house.token).status_code == 200
    house.store.replace((MEMORY,), ())
    assert house.get("/embed/panel/cpu", house.token).status_code == 404


def test_a_wall_gets_the_playlist_that_there_is_now(house: House) -> None:
    before = house.get("/api/v1/screen?playlist=all", house.view)
    house.store.replace((CPU,), [one.model_copy(update={"title": "Now"}) for one in BUILT_IN_PLAYLISTS])
    after = house.get("/api/v1/screen?playlist=all", house.view)
    assert after.json()["playlist"]["title"] == "Now"
    assert before.headers["etag"] != after.headers["etag"]
    house.store.replace((CPU,), BUILT_IN_PLAYLISTS[:1])
    gone = house.get("/api/v1/screen?playlist=all", house.view).json()
    assert (gone["playlist"], gone["playlists"]) == (None, ["default"])


def test_a_wall_is_told_when_panels_alone_have_changed(house: House) -> None:
    before = house.get("/api/v1/screen", house.view).json()["revision"]
    house.store.replace((RENAMED, MEMORY), house.store.playlists.values())
    assert house.get("/api/v1/screen", house.view).json()["revision"] != before
