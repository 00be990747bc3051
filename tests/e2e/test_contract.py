"""The contract on the wire, on every server: what a client asks and what it is told."""

from __future__ import annotations

import json
import re
import time
from itertools import pairwise

import pytest
from tests.e2e.client import Mirror, Tick, client, plain_client, witness
from tests.e2e.contract import (
    CPU,
    SERIES_FIELDS,
    TICK_S,
    assert_replayed,
    collect,
    lost,
    mirrored,
    names_of,
    said,
    steps,
    without_beats,
)
from tests.e2e.server import Server, on_every_server

# --- welcome, ping, hello, heartbeat -----------------------------------------------------------------------------


@on_every_server
async def test_the_welcome_says_what_a_client_must_know_and_nothing_follows_unasked(server: Server) -> None:
    before_ms = time.time_ns() // 1_000_000
    async with client(server) as one, client(server) as other:
        assert without_beats(await one.pong()) == []
        welcome = one.heard[0]
        assert welcome["version"] == "vitalcast.v1"
        assert welcome["schema"] == "1.44"
        assert welcome["interval"] == TICK_S
        assert welcome["heartbeat"] == 0.5
        assert isinstance(welcome["host"], str) and welcome["host"]
        assert isinstance(welcome["epoch"], str) and welcome["epoch"] == other.heard[0]["epoch"]
        assert before_ms <= welcome["time"] <= time.time_ns() // 1_000_000
        expected = {"message_bytes": 65536, "streams": 64, "series": 10_000, "messages_per_second": 50}
        assert expected.items() <= welcome["limits"].items()


@on_every_server
async def test_a_ping_is_answered_with_the_servers_time(server: Server) -> None:
    async with client(server) as one:
        before_ms = time.time_ns() // 1_000_000
        pong = await one.ask("ping", id="a string")
        assert pong == {"type": "pong", "id": "a string", "time": pong["time"]}
        assert before_ms <= pong["time"] <= time.time_ns() // 1_000_000
        await one.send_text('{"type":"ping"}')
        assert set(await one.until("pong")) == {"type", "time"}


@on_every_server
async def test_a_hello_is_welcome_where_none_is_due(server: Server) -> None:
    async with client(server) as one:
        hello = await one.ask("hello")
        assert hello == {"type": "ack", "id": hello["id"], "scope": "admin", "expires": None}
        assert without_beats(await one.pong()) == []


@on_every_server
async def test_quiet_sockets_get_a_heartbeat_and_busy_and_plain_ones_do_not(server: Server) -> None:
    async with client(server) as quiet, client(server) as paused, client(server) as busy, plain_client(server) as plain:
        await paused.subscribe("x", [CPU])
        await paused.ask("update", stream="x", paused=True)
        await busy.subscribe("x", [CPU])
        beats = [await quiet.receive() for _ in range(2)]
        assert [beat["type"] for beat in beats] == ["heartbeat", "heartbeat"]
        assert beats[1]["time"] - beats[0]["time"] >= 450
        await paused.until("heartbeat")
        await busy.pong()
        for before, message in pairwise(one for one in busy.heard if "time" in one):
            # Where the machine stood still, nothing else has come for as long.
            assert message["type"] != "heartbeat" or message["time"] - before["time"] >= 450
        await plain.send_text("end")
        while not (text := await plain.receive_text()).startswith("Message"):
            assert "heartbeat" not in text


# --- subscribe ---------------------------------------------------------------------------------------------------


@on_every_server
async def test_a_subscription_is_acknowledged_then_shown_then_streamed(server: Server) -> None:
    async with client(server) as one:
        ack, snapshot = await one.subscribe("cpu", [CPU], id=77)
        expected = {"type": "ack", "id": 77, "stream": "cpu", "interval": TICK_S, "recovered": False}
        assert expected.items() <= ack.items()
        assert isinstance(ack["group"], int)
        assert ack["epoch"] == one.heard[0]["epoch"]
        assert ack["series"] == len(snapshot["series"]) > 1
        assert {"type", "group", "source", "epoch", "offset", "time", "series", "times", "values"} == set(snapshot)
        assert all(set(series) == SERIES_FIELDS for series in snapshot["series"])
        assert names_of(snapshot["series"]) == {CPU}
        assert {series["unit"] for series in snapshot["series"]} == {"1"}
        assert all(set(series["attributes"]) == {"cpu.mode"} for series in snapshot["series"])
        assert snapshot["times"] == [snapshot["time"]]
        assert [len(column) for column in snapshot["values"]] == [1] * ack["series"]
        mirror = Mirror(ack["group"])
        mirror.feed(snapshot)
        await collect(one, [mirror], ticks=3)
        assert mirror.holes(snapshot["offset"], "slow") == []
        assert all(0 <= value <= 1 for tick in mirror.ticks for value in tick.values if value is not None)
        assert all(step % 200 == 0 for step in steps(mirror))


@on_every_server
async def test_patterns_choose_by_token(server: Server) -> None:
    async with client(server) as one:
        catalogue = (await one.ask("list"))["series"]
        for number, (patterns, regex) in enumerate(
            [
                (["system.cpu.*"], r"system\.cpu\.[^.]+"),
                (["system.cpu.>"], r"system\.cpu\..+"),
                (["*.memory.usage", "system.load.average"], r"[^.]+\.memory\.usage|system\.load\.average"),
                (["system.*.*.*"], r"system\.[^.]+\.[^.]+\.[^.]+"),
                ([">"], r".+"),
            ]
        ):
            _, snapshot = await one.subscribe(f"s{number}", patterns)
            expected = {series["name"] for series in catalogue if re.fullmatch(regex, series["name"])}
            assert names_of(snapshot["series"]) == expected != set()


@on_every_server
async def test_where_keeps_the_series_with_one_of_the_values(server: Server) -> None:
    async with client(server) as one:
        where = {"cpu.mode": ["user", "system", "no such mode"]}
        ack, snapshot = await one.subscribe("both", [CPU], where=where)
        assert [series["attributes"]["cpu.mode"] for series in snapshot["series"]] == ["system", "user"]
        (data,) = await one.data(ack["group"])
        assert len(data["values"]) == 2
        for number, nothing in enumerate(({"cpu.mode": ["no such mode"]}, {"no.such.key": ["user"]})):
            ack, snapshot = await one.subscribe(f"none {number}", [CPU], where=nothing)
            assert (ack["series"], snapshot["series"], snapshot["values"]) == (0, [], [])
        _, snapshot = await one.subscribe(
            "two keys", ["system.network.io"], where={"network.io.direction": ["receive"], "system.device": ["x"]}
        )
        assert snapshot["series"] == []


@on_every_server
async def test_every_client_picks_its_interval(server: Server) -> None:
    async with client(server) as one:
        fine, *_ = await mirrored(one, "fine", [CPU], interval=0.1)
        middle, *_ = await mirrored(one, "middle", [CPU], fine, interval=0.3)
        coarse, ack, _ = await mirrored(one, "coarse", [CPU], fine, middle, interval=1)
        assert ack["interval"] == 1.0
        await collect(one, [coarse, fine, middle], ticks=2)
        quick = fine.ticks[2].offset  # by then ticks come as often as they are wanted
        while len(steps(fine, quick)) < 4 or len(steps(middle, quick)) < 2:
            await collect(one, [coarse, fine, middle], ticks=1)
        assert all(tick.time % 100 == 0 for tick in fine.ticks[2:])
        assert min(steps(fine, quick)) == 100
        assert min(steps(middle, quick)) == 300
        assert fine.holes(quick, "slow") == [], "every tick is due"
        for mirror, step_ms in ((middle, 300), (coarse, 1000)):
            slots = [tick.time // step_ms for tick in mirror.ticks]
            assert all(a < b for a, b in pairwise(slots)), "one message an interval"
        known = {tick.offset: tick.values for tick in fine.ticks}
        for tick in (*middle.ticks[1:], *coarse.ticks[1:]):
            assert tick.offset in lost(fine) or tick.values == known[tick.offset]


@on_every_server
async def test_a_backfill_is_what_was_streamed(server: Server) -> None:
    async with client(server) as one:
        live, *_ = await mirrored(one, "live", [CPU, "vitalcast.sampler.>"])
        await collect(one, [live], ticks=6)
        since_s = (time.time_ns() // 1_000_000 - live.ticks[0].time) / 1000 + 1
        ack = await one.ask("subscribe", stream="again", metrics=["vitalcast.sampler.>", CPU], backfill=since_s)
        snapshot = await one.snapshot(ack)
        for message in one.heard:
            live.feed(message) if message["type"] == "data" and message["offset"] > live.offset else None
        times = snapshot["times"]
        assert 6 <= len(times) <= since_s * 10 + 1
        assert all(a < b for a, b in pairwise(times))
        assert snapshot["time"] - since_s * 1000 < times[0] and times[-1] <= snapshot["time"]
        rows = {at: list(row) for at, row in zip(times, zip(*snapshot["values"], strict=True), strict=True)}
        streamed = {tick.time: tick.values for tick in live.ticks}
        common = rows.keys() & streamed.keys()
        assert len(common) >= 6
        assert {at: rows[at] for at in common} == {at: streamed[at] for at in common}
        assert streamed.keys() & set(range(times[0], times[-1] + 1)) <= rows.keys()


def torn(before: Tick, tick: Tick, unseen: set[int]) -> bool:
    return any(before.offset < offset <= tick.offset for offset in unseen)


@on_every_server
async def test_aggregates_fold_every_tick_of_their_interval(server: Server) -> None:
    wanted = ["max", "avg", "min", "last"]
    metrics = [CPU, "vitalcast.sampler.ticks"]
    async with client(server) as one:
        every, _, shown = await mirrored(one, "every", metrics, interval=0.1)
        folded, ack, _ = await mirrored(one, "folded", metrics, every, interval=0.5, aggregate=wanted)
        assert ack["aggregate"] == wanted
        await collect(one, [folded, every], ticks=4)
        while len(whole := [pair for pair in pairwise(folded.ticks) if not torn(*pair, lost(every, folded))]) < 2:
            await collect(one, [folded, every], ticks=1)
        again = await one.ask("subscribe", stream="again", metrics=metrics, interval=0.5, aggregate=wanted, backfill=5)
        assert again["group"] == ack["group"]
        past = await one.snapshot(again)
    width = len(shown["series"])
    for before, tick in whole:
        within = [one.values for one in every.ticks if before.offset < one.offset <= tick.offset]
        assert len(tick.values) == width * len(wanted)
        for index in range(width):
            readings = [values[index] for values in within if values[index] is not None]
            largest, mean, smallest, last = tick.values[index * 4 : index * 4 + 4]
            assert (largest, smallest, last) == (max(readings), min(readings), within[-1][index])
            assert mean == pytest.approx(sum(readings) / len(readings))
    replayed = {at: list(row) for at, row in zip(past["times"], zip(*past["values"], strict=True), strict=True)}
    assert len(past["values"]) == width * len(wanted)
    for tick in folded.ticks[1:]:
        assert replayed[tick.time] == pytest.approx(tick.values), "a replay falls into the same intervals"


@on_every_server
async def test_equal_subscriptions_share_one_group_and_its_bytes(server: Server) -> None:
    async with client(server) as one, client(server) as other:
        ack, _ = await one.subscribe("a", [CPU, "system.load.average"], where={"cpu.mode": ["user", "system"]})
        same, _ = await other.subscribe(
            "b", ["system.load.average", CPU, CPU], where={"cpu.mode": ["system", "user"]}, aggregate=["last"]
        )
        assert same["group"] == ack["group"]
        for number, fields in enumerate(
            ({"interval": 0.4}, {"aggregate": ["avg"]}, {"where": {"cpu.mode": ["user"]}}, {"metrics": [CPU]})
        ):
            given = {"metrics": [CPU, "system.load.average"], "where": {"cpu.mode": ["user", "system"]}} | fields
            different, _ = await other.subscribe(f"c{number}", **given)
            assert different["group"] != ack["group"]
            await other.ask("unsubscribe", stream=f"c{number}")
        texts: list[dict[int, str]] = [{}, {}]
        slow = [False, False]
        while len(common := texts[0].keys() & texts[1].keys()) < 2:
            for index, reader in enumerate((one, other)):
                message = json.loads(text := await reader.receive_text())
                if message.get("group") != ack["group"]:
                    continue
                # One that was too slow for a tick gets the next as a whole.
                if message["type"] == "data" and not slow[index]:
                    texts[index][message["offset"]] = text
                slow[index] = message.get("why") == "slow"
        assert {offset: texts[0][offset] for offset in common} == {offset: texts[1][offset] for offset in common}


@on_every_server
async def test_two_equal_streams_of_one_socket_get_each_tick_once(server: Server) -> None:
    async with client(server) as one:
        mirror, ack, _ = await mirrored(one, "a", [CPU])
        same, _ = await one.subscribe("b", [CPU])
        assert same["group"] == ack["group"]
        await collect(one, [mirror], ticks=3)  # which fails for an offset that comes again
        assert (await one.ask("unsubscribe", stream="b"))["type"] == "ack"
        await one.data(ack["group"], 2)


@on_every_server
async def test_changes_add_up_to_the_whole(server: Server) -> None:
    async with client(server) as one:
        mirror, _, shown = await mirrored(one, "long", ["system.>"], interval=0.1)
        await collect(one, [mirror], ticks=12)
        assert mirror.changed_messages > 0
        # The same series as another group, so that this snapshot leaves the first group alone.
        given = {"metrics": ["system.>", "system.cpu.>"], "interval": 0.1, "backfill": 10}
        ack = await one.ask("subscribe", stream="fresh", **given)
        fresh = await one.snapshot(ack)
    assert ack["group"] != mirror.group
    assert fresh["series"] == shown["series"] == mirror.series
    rows = {at: list(row) for at, row in zip(fresh["times"], zip(*fresh["values"], strict=True), strict=True)}
    compared = [tick for tick in mirror.ticks if tick.time in rows]
    assert len(compared) >= 12
    for tick in compared:
        assert tick.values == rows[tick.time]


# --- update and unsubscribe --------------------------------------------------------------------------------------


@on_every_server
async def test_an_update_changes_the_interval_with_a_new_group_and_snapshot(server: Server) -> None:
    async with client(server) as one:
        ack, _ = await one.subscribe("cpu", [CPU])
        changed = await one.ask("update", stream="cpu", interval=0.4)
        assert (changed["type"], changed["stream"], changed["interval"]) == ("ack", "cpu", 0.4)
        assert changed["group"] != ack["group"]
        await one.snapshot(changed)
        one.heard.clear()
        first, second = await one.data(changed["group"], 2)
        assert first["time"] // 400 < second["time"] // 400
        assert {message["group"] for message in said(one)} == {changed["group"]}, "the old group is left"
        same = await one.ask("update", stream="cpu", interval=0.4)
        assert same["group"] == changed["group"]


@on_every_server
async def test_a_paused_stream_is_silent_and_resumes_without_a_hole(server: Server) -> None:
    async with client(server) as one, witness(server, metrics=CPU) as watching:
        mirror, ack, _ = await mirrored(one, "cpu", [CPU], interval=0.1)
        await collect(one, [mirror], ticks=2)
        await one.ask("subscribe", stream="other", metrics=["system.load.average"])
        paused = await one.ask("update", stream="cpu", paused=True)
        assert paused["type"] == "ack"
        for message in one.heard:
            if message["type"] == "data" and message["offset"] > mirror.offset:
                mirror.feed(message)
        one.heard.clear()
        await watching.ticks(3)
        await one.pong()
        assert said(one)[0]["type"] == "data", "the other stream goes on"
        assert ack["group"] not in {message["group"] for message in one.heard if message["type"] == "data"}
        since = {"epoch": ack["epoch"], "offset": mirror.offset}
        resumed = await one.ask("update", stream="cpu", paused=False, since=since)
        assert resumed["recovered"] is True
        snapshot = await one.snapshot(resumed)
        await watching.ticks(1)
        missed = [tick for tick in watching.mirror.ticks if mirror.offset < tick.offset <= snapshot["offset"]]
        assert len(missed) >= 3
        assert_replayed(snapshot, missed, unseen=lost(watching.mirror))
        (data,) = await one.data(resumed["group"])
        assert data["offset"] > snapshot["offset"]
        await one.ask("update", stream="cpu", paused=True)
        filled = await one.ask("update", stream="cpu", paused=False, backfill=5)
        assert filled["recovered"] is False
        assert len((await one.snapshot(filled))["times"]) >= 3


@on_every_server
async def test_a_paused_stream_can_change_its_interval(server: Server) -> None:
    async with client(server) as one:
        await one.subscribe("cpu", [CPU])
        await one.ask("update", stream="cpu", paused=True)
        assert (await one.ask("update", stream="cpu", interval=0.6))["interval"] == 0.6
        resumed = await one.ask("update", stream="cpu", paused=False)
        assert resumed["interval"] == 0.6
        await one.snapshot(resumed)
        await one.data(resumed["group"])


@on_every_server
async def test_an_unsubscribed_stream_is_silent_and_its_name_is_free(server: Server) -> None:
    async with client(server) as one:
        ack, _ = await one.subscribe("cpu", [CPU])
        other, _ = await one.subscribe("load", ["system.load.average"])
        gone = await one.ask("unsubscribe", stream="cpu")
        assert (gone["type"], gone["stream"]) == ("ack", "cpu")
        one.heard.clear()
        await one.data(other["group"], 2)
        assert {message["group"] for message in said(one)} == {other["group"]}
        await one.refused("unsubscribe", 107, stream="cpu")
        await one.refused("update", 107, stream="cpu", interval=1)
        again, _ = await one.subscribe("cpu", [CPU])
        await one.data(again["group"])
        assert ack["stream"] == again["stream"]
