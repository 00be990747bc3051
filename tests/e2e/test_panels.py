"""A panel over a real socket: the server says what is drawn, whatever there is of it and whoever watches."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator

import httpx2
import pytest
from tests.e2e.client import Client, Json, Mirror, client
from tests.e2e.machine import DISKS
from tests.e2e.server import Server, Variant, on_every_server

from vitalcast.core.drawing.theme import THEMES
from vitalcast.core.panels.builtin import BUILT_IN

BULK = 12_000  # more than a stream of series may have
ENV = {
    "E2E_BULK": str(BULK),
    "E2E_VLANS": "10",
    "VITALCAST_SAMPLER__INTERVAL_S": "0.2",
    "VITALCAST_LIMITS__SERIES_PER_SOURCE": "20000",
}
MESSAGES_MAX = 200
INTERFACES = {"wg-home", "wg0", "eth0", "br0", "br-lan"}
CONFIG = """
[[panels]]
id = "bulk"
title = "Bulk"
metrics = ["test.bulk"]
by = ["number"]
headline = { reduce = "max", label = "highest" }

[[panels]]
id = "disks"
title = "Disks"
metrics = ["test.disk"]
by = ["name"]
span_min = 1

[[panels]]
id = "flips"
title = "Flips"
metrics = ["test.flip"]
aggregate = "max"
thresholds = { warning = 0.5, critical = 2, for = 1 }

[[panels]]
id = "mounts"
title = "Mounts"
metrics = ["system.filesystem.usage"]
where = { "system.filesystem.type" = ["x"] }
chart = "bar"
by = ["system.filesystem.mountpoint"]
parts = "system.filesystem.state"
rest = ["free"]
thresholds = { warning = 0.7, critical = 0.9, for = 1 }
"""


@pytest.fixture(scope="module")
def house() -> Iterator[Server]:
    """A server with more series than a stream may have, and panels of a file."""
    server = Server(Variant.FAST, ENV, scripted=True)
    (server.folder / "config.toml").write_text(CONFIG)
    try:
        yield server.start()
    finally:
        server.close()


def set_disks(server: Server, *names: str) -> None:
    draft = server.folder / "disks.new"
    draft.write_text(" ".join(names))
    draft.replace(server.folder / DISKS)


async def watch(one: Client, panel: str, stream: str = "p", **fields: object) -> tuple[Mirror, Json]:
    ack = await one.ask("subscribe", stream=stream, panel=panel, **fields)
    assert ack["type"] == "ack", ack
    snapshot = await one.snapshot(ack)
    mirror = Mirror(ack["group"])
    mirror.feed(snapshot)
    return mirror, snapshot


def labels(message: Json) -> set[str]:
    return {line["label"] for line in message.get("lines", ())}


async def until(one: Client, mirror: Mirror, names: set[str]) -> Json:
    """Feed the mirror until the panel has just these lines; return the message that says so."""
    for _ in range(MESSAGES_MAX):
        message = await one.receive()
        mirror.feed(message)
        if labels(message) == names:
            return message
    raise AssertionError(f"the lines never were {names}")


async def test_a_panel_of_more_series_than_a_stream_may_have_is_watched_like_any_other(house: Server) -> None:
    async with client(house) as one:
        await one.refused("subscribe", 106, stream="s", metrics=["test.bulk"])
        mirror, snapshot = await watch(one, "bulk", interval=0.2, backfill=2)
        assert (len(snapshot["lines"]), snapshot["more"]) == (8, BULK - 8)
        assert len(snapshot["series"]) == 8 + 2
        names = {line["id"]: line["label"] for line in snapshot["lines"]}
        while len(mirror.ticks) < 3:
            mirror.feed(await one.receive())
        headline = snapshot["headline"]
        assert names[mirror.values[headline["which"]]] == f"{BULK - 1:05}"
        assert mirror.values[headline["column"]] == max(value for value in mirror.values[:8] if value is not None)


async def test_lines_come_and_go_under_two_who_watch_and_keep_their_colours(house: Server) -> None:
    set_disks(house, "sda", "sdb")
    async with client(house) as one, client(house) as other:
        mirrors = [(await watch(each, "disks", interval=0.2, range=60, backfill=60))[0] for each in (one, other)]
        assert mirrors[0].group == mirrors[1].group
        colors: dict[str, int] = {}
        for names in (("sdb", "sdc"), ("sda", "sdb", "sdc"), ("sda", "sdb")):
            set_disks(house, *names)
            for each, mirror in zip((one, other), mirrors, strict=True):
                for line in (await until(each, mirror, set(names)))["lines"]:
                    assert colors.setdefault(line["label"], line["color"]) == line["color"]
        ticks = len(mirrors[0].ticks)
        while len(mirrors[0].ticks) < ticks + 2:
            mirrors[0].feed(await one.receive())
        assert mirrors[0].values[:2] == [3.0] * 2


async def test_the_page_the_picture_the_figure_and_the_badge_agree_on_colours_and_level(house: Server) -> None:
    set_disks(house, *INTERFACES)
    async with client(house) as one:
        mirror, snapshot = await watch(one, "disks", interval=0.2, range=300)
        if labels(snapshot) != INTERFACES:
            snapshot = await until(one, mirror, INTERFACES)
        colors = {line["label"]: line["color"] for line in snapshot["lines"]}
    figure = httpx2.get(f"{house.url}/api/v1/panels/disks/figure").json()
    shades = figure["layout"]["template"]["layout"]["colorway"]
    assert {trace["name"]: shades.index(trace["line"]["color"]) + 1 for trace in figure["data"]} == colors
    svg = httpx2.get(f"{house.url}/api/v1/panels/disks.svg").text
    assert {shades[color - 1] for color in colors.values()} <= set(re.findall(r"#[0-9a-f]{6}", svg))


async def test_a_level_lasts_and_every_view_of_the_panel_says_the_same(house: Server) -> None:
    async with client(house) as one:
        mirror, snapshot = await watch(one, "flips", interval=0.2)
        headline = snapshot["headline"]
        assert (
            headline["rule"].replace("\u00a0", " ")
            == "warning from 50 % for 1 s, critical from 200 % for 1 s; over after 20 s below"
        )
        while len(mirror.ticks) < 8:
            mirror.feed(await one.receive())
        assert mirror.values[headline["levels"]] == 0  # it is 0 by turns, and never lasts
    assert httpx2.get(f"{house.url}/api/v1/panels/flips/figure").json()["layout"]["meta"]["level"] == ""


async def test_a_filesystem_past_its_threshold_has_its_level_though_another_is_fuller(house: Server) -> None:
    async with client(house) as one:
        mirror, snapshot = await watch(one, "mounts", interval=0.2)
        levels = {line["label"]: line["levels"] for line in snapshot["lines"]}
        for _ in range(MESSAGES_MAX):
            if mirror.values[snapshot["headline"]["levels"]] == 2:
                break
            mirror.feed(await one.receive())
        full = {name: mirror.values[at] for name, at in levels.items() if mirror.values[at]}
    assert full == {"/srv/9": 2, "/srv/8": 1, "/srv/7": 1}
    svg = httpx2.get(f"{house.url}/api/v1/panels/mounts.svg").text
    bars = re.findall(r'<rect [^>]*fill="(#[0-9a-f]{6})"', svg)
    colors = THEMES["light"]
    assert [bars.count(color) for color in (colors.bad, colors.warn)] == [2, 4]  # of two parts each


async def test_a_panel_that_is_changed_is_so_for_who_watches_it(house: Server) -> None:
    set_disks(house, "sda", "sdb")
    async with client(house) as one:
        mirror, snapshot = await watch(one, "disks", interval=0.2)
        if labels(snapshot) != {"sda", "sdb"}:
            await until(one, mirror, {"sda", "sdb"})
        config = CONFIG.replace('metrics = ["test.disk"]', 'metrics = ["test.disk"]\nwhere = { name = ["sdb"] }')
        (house.folder / "config.toml").write_text(config)
        os.kill(house.pid, signal.SIGHUP)
        await until(one, mirror, {"sdb"})
        (house.folder / "config.toml").write_text(CONFIG)
        os.kill(house.pid, signal.SIGHUP)
        await until(one, mirror, {"sda", "sdb"})


@on_every_server
async def test_every_built_in_panel_can_be_watched_or_says_that_there_is_nothing(server: Server) -> None:
    async with client(server) as one:
        for panel in BUILT_IN:
            mirror, snapshot = await watch(one, panel.id, panel.id, backfill=5)
            assert all(line["column"] < len(snapshot["series"]) for line in snapshot["lines"])
            assert (snapshot["headline"] is None) == (snapshot["lines"] == [])
            assert mirror.started
        refused = await one.refused("subscribe", 102, stream="x", panel="cpuu")
        assert refused["message"] == "panel: no panel is called 'cpuu'; did you mean cpu?"
