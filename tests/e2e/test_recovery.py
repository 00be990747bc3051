"""The contract on the wire: clients that come back, and series that come and go, on every server."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.e2e.client import Mirror, client
from tests.e2e.conftest import StartServer
from tests.e2e.contract import CPU, assert_replayed, collect, lost, mirrored, said
from tests.e2e.machine import DISKS
from tests.e2e.server import Server, Variant, on_every_server

# --- recovery ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fields", [{}, {"interval": 0.4, "aggregate": ["avg", "max"]}], ids=["last", "aggregates"])
@on_every_server
async def test_a_client_that_comes_back_misses_nothing_and_gets_nothing_twice(
    server: Server, fields: dict[str, Any]
) -> None:
    metrics = [CPU, "vitalcast.sampler.ticks"]
    async with client(server) as stays:
        witnessed, *_ = await mirrored(stays, "witness", metrics, **fields)
        async with client(server) as leaves:
            seen, ack, _ = await mirrored(leaves, "cpu", metrics, **fields)
            await collect(leaves, [seen], ticks=2)
            leaves.connection.transport.abort()
        await collect(stays, [witnessed], ticks=5)
        since = {"epoch": ack["epoch"], "offset": seen.offset}
        async with client(server) as back:
            again = await back.ask("subscribe", stream="cpu", metrics=metrics, since=since, **fields)
            assert again["recovered"] is True
            replay = await back.snapshot(again)
            after = Mirror(again["group"])
            after.feed(replay)
            await collect(back, [after], ticks=2)
        while witnessed.offset < after.offset:
            await collect(stays, [witnessed], ticks=1)
    missed = [tick for tick in witnessed.ticks if seen.offset < tick.offset <= replay["offset"]]
    assert len(missed) >= 2
    assert_replayed(replay, missed, unseen=lost(witnessed))
    unseen = lost(witnessed, after)
    following, came = (
        {tick.offset: tick.values for tick in ticks if tick.offset > replay["offset"] and tick.offset not in unseen}
        for ticks in (witnessed.ticks, after.ticks)
    )
    assert {offset: values for offset, values in following.items() if offset <= after.offset} == came


@on_every_server
async def test_a_client_that_missed_nothing_gets_an_empty_replay(server: Server) -> None:
    async with client(server) as one:
        ack, snapshot = await one.subscribe("a", [CPU])
        since = {"epoch": ack["epoch"], "offset": snapshot["offset"]}
        again = await one.ask("subscribe", stream="b", metrics=[CPU], interval=3600, since=since)
        assert again["recovered"] is True
        replay = await one.snapshot(again)
        assert replay["times"] == []
        assert [column for column in replay["values"] if column] == []
        assert len(replay["series"]) == again["series"]


@pytest.mark.parametrize("why", ["another epoch", "an offset to come"])
@on_every_server
async def test_a_position_that_means_nothing_here_is_not_recovered(server: Server, why: str) -> None:
    async with client(server) as one:
        epoch = one.heard[0]["epoch"]
        clock, _ = await one.subscribe("clock", [CPU])
        await one.data(clock["group"], 2)
        since = {"epoch": "another", "offset": 1} if why == "another epoch" else {"epoch": epoch, "offset": 2**53}
        ack, snapshot = await one.subscribe("cpu", ["system.load.average"], since=since, backfill=5)
        assert ack["recovered"] is False
        assert len(snapshot["times"]) >= 2, "as if it had not been asked"
        data = await one.data(ack["group"], 2)
        assert snapshot["offset"] < data[0]["offset"] < data[1]["offset"]


# --- series that come and go -------------------------------------------------------------------------------------


async def test_a_newcomer_between_two_messages_of_a_group_sees_what_its_elders_see(
    scripted_servers: dict[Variant, Server],
) -> None:
    await on_every_server(join_between)(scripted_servers)


async def join_between(server: Server) -> None:
    async with client(server) as elder, client(server) as newcomer:
        slow, *_ = await mirrored(elder, "slow", ["test.flip"], interval=0.4)
        every, *_ = await mirrored(elder, "every", ["test.flip"], slow, interval=0.1)
        for number in range(3):
            await collect(elder, [slow, every], ticks=1)
            await collect(elder, [every, slow], ticks=2)  # the next tick, whose value the slow group never shows
            late, *_ = await mirrored(newcomer, f"late {number}", ["test.flip"], interval=0.4)
            assert late.group == slow.group
            await collect(newcomer, [late], ticks=1)
            while every.offset < late.offset:
                await collect(elder, [every, slow], ticks=1)
            truth = {tick.offset: tick.values for tick in every.ticks}
            for tick in (late.ticks[-1], *slow.ticks[1:]):
                assert tick.offset in lost(every) or tick.values == truth[tick.offset]
            await newcomer.ask("unsubscribe", stream=f"late {number}")


async def test_a_disk_that_comes_or_goes_changes_the_series(scripted_servers: dict[Variant, Server]) -> None:
    await on_every_server(plug_and_unplug)(scripted_servers)


async def plug_and_unplug(server: Server) -> None:
    def plug(*disks: str) -> None:
        (server.folder / "new").write_text("\n".join(disks))
        (server.folder / "new").replace(server.folder / DISKS)

    async with client(server) as one:
        disks, ack, snapshot = await mirrored(one, "disks", ["test.disk"])
        assert (ack["series"], snapshot["series"]) == (0, [])
        wanted = ["min", "max"]
        folded, *_ = await mirrored(one, "folded", ["test.disk"], disks, interval=0.3, aggregate=wanted)
        for names in (["sda"], ["nvme0", "sda"], ["nvme0"], ["nvme0", "sda", "sdb"], [], ["sdb"]):
            plug(*names)
            one.heard.clear()
            await collect(one, [disks, folded], ticks=1)
            while [series["attributes"]["name"] for series in disks.series] != names:
                await collect(one, [disks, folded], ticks=1)
            own = [message for message in said(one) if message["group"] == disks.group]
            (position,) = [index for index, message in enumerate(own) if message["type"] == "series"]
            assert "values" in own[position + 1], "the first data in the new order is whole"
            assert disks.values == [float(len(name)) for name in names]
            expected = [float(len(name)) for name in names for _ in range(2)]
            while folded.values != expected:
                await collect(one, [folded, disks], ticks=1)
        fresh, shown = await one.subscribe("fresh", ["test.disk"])
        assert fresh["group"] == disks.group
        assert shown["series"] == disks.series
        assert [column[-1] for column in shown["values"]] == disks.values
    assert "Traceback" not in server.errors()


# --- what is forgotten -------------------------------------------------------------------------------------------


async def test_a_position_that_is_forgotten_is_said_to_be(start_server: StartServer) -> None:
    """Where nothing but memory is kept, and little of it."""
    env = {"SAMPLER__INTERVAL_S": "0.1", "MEMORY__WINDOW_S": "1", "HISTORY__ENABLED": "false"}
    server = await asyncio.to_thread(start_server, **env)
    async with client(server) as one:
        ack, _ = await one.subscribe("clock", ["system.load.average"], interval=0.1)
        for _ in range(140):  # more than are ever kept; ticks that a busy machine missed are none
            await one.data(ack["group"])
        for stream, fields in (("last", {}), ("avg", {"aggregate": ["avg"]})):
            since = {"epoch": ack["epoch"], "offset": 1}
            late = await one.ask("subscribe", stream=stream, metrics=[CPU], since=since, **fields)
            assert late["recovered"] is False
            gap = await one.until("gap", group=late["group"])
            snapshot = await one.snapshot(late)
            assert (gap["from"], gap["why"]) == (2, "expired")
            assert gap["to"] == snapshot["offset"] - 1, "all that the snapshot does not show"
            assert snapshot["times"] == [snapshot["time"]]
