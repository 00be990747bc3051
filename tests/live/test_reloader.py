"""What a reload reports and applies, over a file of the test's own."""

from __future__ import annotations

import asyncio
import logging
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from vitalcast.config.load import Loaded, load_settings
from vitalcast.config.schema import RELOADABLE, Settings
from vitalcast.core.panels.builtin import BUILT_IN
from vitalcast.dashboards.store import DashboardStore
from vitalcast.errors import ConfigError
from vitalcast.live.reloader import Reloader, needs_restart

ONE = '[[panels]]\nid = "{0}"\ntitle = "A"\nmetrics = ["system.load.average"]\n'


class House:
    """A file, and the reloader of a server that was started with it."""

    def __init__(self, folder: Path, text: str) -> None:
        self.path = folder / "config.toml"
        self.path.write_text(text)
        self.loaded = load_settings(self.path, environ={}, cwd=folder)
        self.store = DashboardStore(self.loaded.settings.panels, self.loaded.settings.playlists)
        self.reloader = Reloader(self.loaded, self.store)

    async def reload(self, text: str) -> str:
        self.path.write_text(text)
        done, lines = await self.reloader.reload()
        assert done, lines
        return "\n".join(lines)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path, ONE.format("a") + ONE.format("b"))


async def test_what_came_changed_and_went_is_named(house: House) -> None:
    changed = ONE.format("b").replace('"A"', '"B"')
    assert "panels added c, changed b, removed a; playlists unchanged" in await house.reload(ONE.format("c") + changed)
    assert list(house.store.panels) == ["c", "b"]


async def test_another_order_is_a_change(house: House) -> None:
    assert "panels in another order" in await house.reload(ONE.format("b") + ONE.format("a"))
    assert list(house.store.panels) == ["b", "a"]


async def test_the_same_file_changes_nothing(house: House) -> None:
    assert "panels unchanged; playlists unchanged" in await house.reload(house.path.read_text())


async def test_a_long_list_of_changes_is_cut(house: House) -> None:
    text = "".join(ONE.format(f"p{number}") for number in range(25))
    assert "panels added p0, p1, p2, p3, p4, p5, p6, p7, p8, p9 and 15 more, removed a, b" in await house.reload(text)


async def test_without_panels_in_the_file_the_built_in_ones_are_back(house: House) -> None:
    await house.reload("")
    assert tuple(house.store.panels.values()) == BUILT_IN


async def test_what_could_not_be_served_changes_nothing(house: House, caplog: pytest.LogCaptureFixture) -> None:
    def refuse(_: Settings) -> None:
        raise ConfigError("panels[0].metrics", "matches no metric")

    house.path.write_text(ONE.format("c"))
    reloader = Reloader(house.loaded, house.store, check=refuse)
    assert await reloader.reload() == (False, ["panels[0].metrics: matches no metric"])
    assert list(house.store.panels) == ["a", "b"]
    assert caplog.messages == ["the settings in force stay: panels[0].metrics: matches no metric"]


async def test_several_requests_while_one_is_under_way_are_a_single_further_one(house: House) -> None:
    reads: list[int] = []
    go_on = threading.Event()

    def again() -> Loaded:
        reads.append(1)
        assert go_on.wait(60)
        return house.loaded.again()

    reloader = Reloader(replace(house.loaded, again=again), house.store)
    first = asyncio.create_task(reloader.reload())
    while not reads:
        await asyncio.sleep(0)
    for _ in range(5):
        reloader.reload_soon()
        await asyncio.sleep(0)
    go_on.set()
    await first
    await reloader.close()
    assert len(reads) == 2


def test_every_section_that_a_reload_applies_needs_no_restart_and_all_other_keys_do() -> None:
    before = Settings()
    assert {key.partition(".")[0] for key, _ in before.items()}.isdisjoint(RELOADABLE)
    after = Settings.model_validate({"limits": {"streams": 3}, "server": {"port": 1}, "panels": ()})
    assert needs_restart(before, after) == ["server.port", "limits.streams"]


async def test_a_name_of_before_is_warned_of(house: House) -> None:
    assert "limits.groups: is called limits.subscriptions now" in await house.reload("[limits]\ngroups = 20000\n")


async def test_success_is_told_to_who_wants_to_hear_it(house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "vitalcast")
    await house.reload("[limits]\nstreams = 3\n" + ONE.format("a") + ONE.format("b"))
    assert [record.levelname for record in caplog.records] == ["INFO", "WARNING"]
    assert caplog.messages[1] == "restart the server to apply limits.streams"
