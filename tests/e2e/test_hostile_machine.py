"""A real server that watches a machine of noise: its levels are calm, its sums are true, its names are only text."""

from __future__ import annotations

import asyncio
import csv
import io
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from itertools import groupby
from urllib.request import urlopen

import pytest
from tests.browser.panel_servers import built_in, panels_toml
from tests.command import Terminal
from tests.e2e.client import TIMEOUT_S, Client, Mirror, client
from tests.e2e.hostile_machine import DRIVES, FORBIDDEN, WIRES, HostileMachine
from tests.e2e.server import Server, running

FOR_S, KEEP_S = 1.5, 2
LIMITS = {"thresholds": {"warning": 2.0, "critical": 40.0, "for": FOR_S, "keep": KEEP_S}}
NOISE = (2.1, 1.9, 2.3, 1.8, 2.05, 1.95, 1.7)
READ = r"\u202egnp.exe"


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostileMachine]:
    machine = HostileMachine(tmp_path_factory.mktemp("machine"))
    with machine.going_on():
        yield machine


@pytest.fixture(scope="module")
def server(machine: HostileMachine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    config = tmp_path_factory.mktemp("config") / "vitalcast" / "config.toml"
    config.parent.mkdir()
    config.write_text(panels_toml(built_in("load", "disk", "network", "filesystems", load=LIMITS)))
    settings = {
        "XDG_CONFIG_HOME": str(config.parents[1]),
        "VITALCAST_SAMPLER__INTERVAL_S": "0.1",
        "VITALCAST_HISTORY__FLUSH_S": "0.2",
    }
    with running(env=machine.env | settings) as server:
        yield server
        assert server.errors() == ""


# --- noise -------------------------------------------------------------------------------------------------------


async def test_a_load_that_hovers_about_its_limit_has_one_level_and_one_event(
    machine: HostileMachine, server: Server
) -> None:
    async with client(server) as one:
        await one.ask("events", stream="e", kinds=["level"])
        load = await watched(one, "load")
        column = [series["name"] for series in load.series].index("@level")

        def levels() -> list[float | None]:
            return [level for level, _ in groupby(tick.values[column] for tick in load.ticks)]

        machine.loads(*NOISE)
        await feed(one, load, lambda: len(load.ticks) >= 30)
        assert levels() == [0], "a spike is no warning"
        machine.loads(3.0)
        await feed(one, load, lambda: load.values[column] == 1)
        machine.loads(*NOISE)
        begun = len(load.ticks)
        await feed(one, load, lambda: len(load.ticks) >= begun + 10 * (KEEP_S + 1))
        assert levels() == [0, 1], "a dip is no end"
        machine.loads(0.5)
        await feed(one, load, lambda: load.values[column] == 0)
        assert levels() == [0, 1, 0]
        await one.pong()
        events = [message for message in one.heard if message["type"] == "event"]
    assert {event["attributes"]["panel"] for event in events} == {"load"}
    assert len({event["id"] for event in events}) == 1
    assert "times" not in events[-1]["attributes"]


async def watched(one: Client, panel: str) -> Mirror:
    ack = await one.ask("subscribe", stream=panel, panel=panel, interval=0.1, backfill=0)
    mirror = Mirror(ack["group"])
    await feed(one, mirror, lambda: mirror.started)
    return mirror


async def feed(one: Client, mirror: Mirror, so: Callable[[], object]) -> None:
    """Let messages come until it is so."""
    async with asyncio.timeout(TIMEOUT_S):
        while not so():
            mirror.feed(await one.receive())


# --- layers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("panel", "attribute", "below"),
    [("network", "network.interface.name", WIRES), ("disk", "system.device", DRIVES)],
    ids=["bond, VLAN and bridge", "MD, LUKS and LVM"],
)
async def test_what_goes_over_a_device_is_counted_once(
    server: Server, panel: str, attribute: str, below: tuple[str, ...]
) -> None:
    metric = f"system.{panel}.io.rate"
    async with client(server) as one:
        shown = await watched(one, panel)
        ack, snapshot = await one.subscribe("parts", [metric], where={attribute: list(below)}, interval=0.1)
        parts = Mirror(ack["group"])
        parts.feed(snapshot)
        while len(parts.ticks) < 12:
            message = await one.receive()
            shown.feed(message)
            parts.feed(message)
    value = [series["name"] for series in shown.series].index("@value")
    numbers = {tick.offset: tick.values[value] for tick in shown.ticks}
    sums = {tick.offset: sum(tick.values) for tick in parts.ticks if None not in tick.values}
    both = sorted(numbers.keys() & sums.keys())
    assert len(both) >= 5
    assert [numbers[offset] for offset in both] == pytest.approx([sums[offset] for offset in both])
    assert max(sums.values()) > 0


# --- names -------------------------------------------------------------------------------------------------------


def test_no_answer_lets_a_name_be_anything_but_text(server: Server) -> None:
    for path in ("panels/network.svg", "panels/filesystems.svg", "panels/network/figure", "latest", "metrics"):
        text = get(server, f"/api/v1/{path}" if path != "metrics" else "/metrics")
        assert not FORBIDDEN & set(text), path
        assert READ in text.replace("\\\\", "\\") or path.startswith("panels/network"), path
        if path.endswith(".svg"):
            tags = {element.tag.rpartition("}")[2] for element in ElementTree.fromstring(text).iter()}
            assert not tags & {"img", "script", "foreignObject"}, path


def test_a_table_for_a_spreadsheet_has_no_formula_and_no_more_cells(server: Server) -> None:
    asked = "metrics=system.network.io,system.filesystem.limit&start=-1m&step=1&format=csv"
    text = get(server, f"/api/v1/history?{asked}")
    assert not FORBIDDEN & set(text)
    head, *rows = csv.reader(io.StringIO(text))
    assert {len(row) for row in rows} == {len(head)}
    assert not [cell for row in (head, *rows) for cell in row if cell[:1] in ("=", "+", "@", "\t")]
    assert [cell for cell in head if "=cmd|calc!A0" in cell]


def test_a_terminal_is_told_nothing_by_them(server: Server) -> None:
    arguments = ("history", "system.network.io", "--url", server.url, "--since", "-1m")
    terminal = Terminal(*arguments, cwd=server.folder, size=(100, 50))
    try:
        text = terminal.read_all()
    finally:
        terminal.close()
    assert "owned" in text
    assert not {"\x07", "\u202e"} & set(text)
    assert "\x1b]" not in text


def get(server: Server, path: str) -> str:
    with urlopen(server.url + path, timeout=TIMEOUT_S) as answer:
        text: str = answer.read().decode()
    return text
