"""What happens on a machine reaches every socket that asked for it, from real servers."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import AsyncExitStack, closing, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.request import Request, urlopen

import numpy as np
import pytest
from tests.e2e.client import TIMEOUT_S, Client, Json, client
from tests.e2e.machine import CLOCK, METRICS
from tests.e2e.server import Server, Variant

from vitalcast.config.schema import Settings
from vitalcast.core.metrics.names import Selection
from vitalcast.core.vocabulary import Scope
from vitalcast.history.reader import FilePast
from vitalcast.history.recent import Recent, RecentPast
from vitalcast.live.open_access import open_access

PANEL = """
[[panels]]
id = "level"
title = "Level"
metrics = ["test.level"]
thresholds = { warning = 0.5, critical = 0.9, for = 0 }

[[panels]]
id = "busy"
title = "Busy"
metrics = ["system.cpu.utilization"]
rest = ["idle"]
by = ["cpu.mode"]
thresholds = { warning = 1e-9, critical = 2, for = 0 }
"""


@pytest.fixture
def server() -> Iterator[Server]:
    """A machine whose panel `level` shows what its file says; `busy` is never good. Nobody asks for fast ticks."""
    env = {
        "HISTORY__PATH": "history.db",
        "SAMPLER__BURST_ENABLED": "true",
        "SAMPLER__BURST_S": "3",
        "RECORDER__INTERVAL_S": "1",
    }
    one = Server(env={f"VITALCAST_{name}": value for name, value in env.items()}, scripted=True)
    (one.folder / "config.toml").write_text(PANEL)
    set_level(one, 0.1)
    try:
        yield one.start()
    finally:
        one.close()


def set_level(server: Server, value: float) -> None:
    draft = server.folder / "metrics.new"
    draft.write_text(f"test.level 1 {value} a\n")
    draft.replace(server.folder / METRICS)


def post(server: Server, token: str | None = None, **fields: Any) -> Json:
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    request = Request(f"{server.url}/api/v1/events", json.dumps(fields).encode(), headers)
    with urlopen(request, timeout=TIMEOUT_S) as answer:
        made: Json = json.load(answer)
        return made


async def follow(one: Client, **fields: Any) -> int:
    ack = await one.ask("events", stream="e", **fields)
    assert ack["type"] == "ack", ack
    return int(ack["group"])


@pytest.mark.parametrize("variant", Variant)
async def test_a_mark_is_on_every_socket_within_a_second(variant: Variant) -> None:
    server = await asyncio.to_thread(Server(variant).start)
    try:
        async with AsyncExitStack() as stack:
            clients = [await stack.enter_async_context(client(server)) for _ in range(3)]
            for one in clients:
                await follow(one)
                await one.subscribe("ticks", ["system.load.average"], interval=1)
            made = await asyncio.to_thread(post, server, title="deploy 1.4", attributes={"version": "1.4"})
            for one in clients:
                begin = len(one.heard)
                event = await one.until("event", kind="mark")
                assert event.items() >= made.items()
                ticks = [message for message in one.heard[begin:] if message["type"] == "data"]
                assert len([one for one in ticks if one["time"] > made["time"]]) <= 1
            late = await stack.enter_async_context(client(server))
            await follow(late, backfill=60, kinds=["mark"])
            assert (await late.until("event"))["id"] == made["id"]
    finally:
        await asyncio.to_thread(server.close)


async def test_a_critical_level_is_told_and_brings_ticks_in_tenths_for_a_while(server: Server) -> None:
    async with client(server) as one:
        ack, _ = await one.subscribe("slow", ["test.level"], interval=1)
        calm = [message["offset"] for message in await one.data(ack["group"], 3)]
        assert calm[2] - calm[0] < 8
        await follow(one, kinds=["level"])
        await asyncio.to_thread(set_level, server, 0.95)
        begun = await one.until("event", lambda event: "burst_s" in event["attributes"])
        assert begun["attributes"]["panel"] == "level"
        assert (begun["severity"], begun["end"]) == ("critical", None)
        assert begun["title"] == "Level 95 %"
        assert begun["attributes"].items() >= {"panel": "level", "burst_s": 3, "burst_interval_s": 0.1}.items()
        fast = [message["offset"] for message in await one.data(ack["group"], 3)]
        assert fast[2] - fast[0] > 10
        await asyncio.to_thread(set_level, server, 0.2)
        ended = await one.until("event", lambda event: event["end"] is not None and event["id"] == begun["id"])
        assert "ongoing" not in ended["attributes"]
        after = [message["offset"] for message in await one.data(ack["group"], 3)]
        assert after[2] - after[0] < 8
    assert await asyncio.to_thread(server.stop) == 0
    steps = np.diff(ticks_in_file(server.folder / "history.db"))
    assert np.count_nonzero(steps == 100) > 10, "the tenths are kept"
    assert np.count_nonzero(steps == 1000) > 3


def ticks_in_file(path: Path) -> np.ndarray[Any, Any]:
    """Return the times of all ticks that a history has of `test.level`."""
    past = FilePast(path, RecentPast(Recent()))
    [series] = past.series(Selection.of(["test.level"]), 0, 2**60)
    times = np.concatenate([ticks.times_ms for ticks in past.ticks([series], 0, 2**60)])
    past.close()
    return times


async def test_programs_that_use_the_cpu_are_named_to_who_may_know_them(server: Server) -> None:
    async with client(server) as one:
        await follow(one, kinds=["level"], backfill=60)
        event = await one.until("event", lambda event: event["attributes"].get("names"))
    assert event["attributes"]["panel"] == "busy"
    assert event["title"].endswith(": " + ", ".join(event["attributes"]["names"]))


async def test_a_clock_that_is_set_is_an_event_and_ids_still_grow(server: Server) -> None:
    async with client(server) as one:
        await follow(one, kinds=["clock", "mark"])
        before = await asyncio.to_thread(post, server, title="before")
        (server.folder / CLOCK).write_text("-7200")
        event = await one.until("event", kind="clock")
        assert (event["title"], event["severity"]) == ("Clock set back by 2 h", "warning")
        after = await asyncio.to_thread(post, server, title="after")
        assert before["id"] < event["id"] < after["id"]
        assert after["time"] < before["time"]


async def test_a_run_begins_with_its_start(server: Server) -> None:
    async with client(server) as one:
        await follow(one, backfill=365 * 86_400)
        start = await one.until("event", kind="start")
        assert start["title"].startswith("Vitalcast ")
        assert start["attributes"]["boot.id"]


async def test_a_token_for_some_series_sees_no_events_and_one_for_events_no_names(tmp_path: Path) -> None:
    access = open_access(Settings(access={"data_dir": str(tmp_path)}))
    admin, _ = access.mint(Scope.ADMIN)
    events, _ = access.mint(Scope.STREAM, metrics=["table.events"])
    series, _ = access.mint(Scope.STREAM, metrics=["system.>"])
    access.close()
    server = await asyncio.to_thread(Server(env={"VITALCAST_ACCESS__DATA_DIR": str(tmp_path)}).start)
    try:
        async with client(server) as allowed, client(server) as denied:
            assert (await denied.ask("hello", token=series))["type"] == "ack"
            await denied.refused("events", 103, stream="e")
            await allowed.ask("hello", token=events)
            await follow(allowed)
            made = await asyncio.to_thread(post, server, token=admin, title="deploy")
            assert (await allowed.until("event"))["id"] == made["id"]
    finally:
        await asyncio.to_thread(server.close)


async def test_events_are_there_after_a_restart_and_a_run_that_was_killed_is_said() -> None:
    env = {"VITALCAST_HISTORY__PATH": "history.db", "VITALCAST_HISTORY__FLUSH_S": "0.2"}
    server = await asyncio.to_thread(Server(env=env).start)
    try:
        mark = await asyncio.to_thread(post, server, title="deploy")
        span = await asyncio.to_thread(post, server, title="backup", ongoing=True)
        assert await asyncio.to_thread(server.stop) == 0
        await asyncio.to_thread(server.start)
        await until_told(server, "start", 2)
        found = await asyncio.to_thread(listed, server)
        assert [event["kind"] for event in found if event["kind"] in ("start", "stop", "mark")] == [
            *("start", "mark", "mark"),
            *("stop", "start"),
        ]
        assert [event for event in found if event["kind"] == "mark"] == [mark, span]
        ended = await asyncio.to_thread(post, server, id=span["id"])
        await until_written(server, ended["id"])
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)
        await until_told(server, "start", 3)
        *_, cut_off, start = [event for event in await asyncio.to_thread(listed, server) if event["kind"] != "level"]
        assert (cut_off["kind"], cut_off["attributes"], start["kind"]) == ("stop", {"clean": 0}, "start")
        assert start["time"] >= cut_off["time"] >= ended["end"] - 2000
    finally:
        await asyncio.to_thread(server.close)


def listed(server: Server) -> list[Json]:
    with urlopen(f"{server.url}/api/v1/events?limit=1000", timeout=TIMEOUT_S) as answer:
        found: list[Json] = json.load(answer)["events"]
        return found


async def until_told(server: Server, kind: str, count: int) -> None:
    """Wait until there are so many events of a kind; the start is noted a moment after it."""
    async with asyncio.timeout(TIMEOUT_S):
        while sum(event["kind"] == kind for event in await asyncio.to_thread(listed, server)) < count:
            await asyncio.sleep(0.05)


async def until_written(server: Server, id_: str) -> None:
    """Wait until the file has the end of an event. The server locks others out of it, so it is looked for in a copy."""
    async with asyncio.timeout(TIMEOUT_S):
        while not await asyncio.to_thread(ended_in_file, server, id_):
            await asyncio.sleep(0.05)


def ended_in_file(server: Server, id_: str) -> bool:
    with TemporaryDirectory() as copies, suppress(sqlite3.DatabaseError):  # the two may be of different moments
        for name in ("history.db-wal", "history.db"):
            shutil.copy(server.folder / name, copies)
        with closing(sqlite3.connect(Path(copies) / "history.db")) as file:
            return file.execute("SELECT 1 FROM event WHERE id = ? AND end_ms", (id_,)).fetchone() is not None
    return False
