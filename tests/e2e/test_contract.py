"""The contract on the wire, held by every server that may carry it."""

from __future__ import annotations

import asyncio
import json
import re
import time
from itertools import pairwise
from typing import Any

import pytest
from tests.e2e.client import PROTOCOL, Client, Json, Mirror, Tick, client, plain_client, witness
from tests.e2e.conftest import StartServer
from tests.e2e.machine import DISKS
from tests.e2e.raw import raw, text_frame
from tests.e2e.server import Server, Variant, on_every_server
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

CPU = "system.cpu.utilization"
TICK_S = 0.2  # of the shared servers
SERIES_FIELDS = {"name", "unit", "attributes"}


def names_of(series: list[Json]) -> set[str]:
    return {one["name"] for one in series}


async def collect(one: Client, mirrors: list[Mirror], *, ticks: int) -> None:
    """Feed the mirrors until the first of them has so many ticks more."""
    goal = len(mirrors[0].ticks) + ticks
    while len(mirrors[0].ticks) < goal:
        message = await one.receive()
        for mirror in mirrors:
            mirror.feed(message)


def without_beats(messages: list[Json]) -> list[Json]:
    """Leave out the heartbeats: they come whenever nothing else has for a while."""
    return [message for message in messages if message["type"] != "heartbeat"]


def said(one: Client) -> list[Json]:
    """Return what a client has heard, without heartbeats, and without what was missed by a machine that is busy."""
    return [message for message in without_beats(one.heard) if message["type"] != "gap"]


def steps(mirror: Mirror, after: int = 0) -> list[int]:
    """Return the times between ticks after this one in ms, but where the server has missed some."""
    missed = {offset for gap in mirror.gaps for offset in (gap["from"], gap["to"])}
    ticks = [tick for tick in mirror.ticks if tick.offset > after]
    pairs = [(a, b) for a, b in pairwise(ticks) if not missed & {*range(a.offset, b.offset + 1)}]
    return [b.time - a.time for a, b in pairs]


async def mirrored(
    one: Client, stream: str, metrics: list[str], *elders: Mirror, **fields: Any
) -> tuple[Mirror, Json, Json]:
    """Subscribe; return the mirror of the group, the ack and the snapshot. What comes meanwhile is for the elders."""
    begin = len(one.heard)
    ack, snapshot = await one.subscribe(stream, metrics, **fields)
    for message in one.heard[begin:]:
        for elder in elders:
            elder.feed(message)
    mirror = Mirror(ack["group"])
    mirror.feed(snapshot)
    return mirror, ack, snapshot


def lost(*mirrors: Mirror) -> set[int]:
    """Return the ticks that a socket was told to be too slow for.

    An application by ASGI is told late what is out: one tick is too many where its process had no time between two.
    """
    gaps = [gap for mirror in mirrors for gap in mirror.gaps if gap["why"] == "slow"]
    return {offset for gap in gaps for offset in range(gap["from"], gap["to"] + 1)}


def assert_replayed(snapshot: Json, ticks: list[Tick], *, unseen: set[int]) -> None:
    """Hold a snapshot to show these ticks, and no others but those that nobody has seen."""
    rows = dict(zip(snapshot["times"], zip(*snapshot["values"], strict=True), strict=True))
    assert all(a < b for a, b in pairwise(snapshot["times"]))
    assert {tick.time for tick in ticks} <= rows.keys()
    assert len(rows) - len(ticks) <= len(unseen)
    for tick in ticks:
        assert list(rows[tick.time]) == pytest.approx(tick.values)


KINDS = {"metrics": r'\{"type":"metrics",', "echo": r"Message text was: ", "leave": r"Client #\d+ left the chat\Z"}


async def next_plain(one: Client, *kinds: str) -> str:
    """Return the next text of one of these kinds that a plain socket gets; there are no others than KINDS."""
    while True:
        text = await one.receive_text()
        (kind,) = [name for name, regex in KINDS.items() if re.match(regex, text)]
        if kind in kinds:
            return text


async def alone(one: Client, sockets: int) -> None:
    """Wait until the server has no more sockets than these: those of tests before are gone."""
    ack, snapshot = await one.subscribe("sockets", ["vitalcast.socket.count"])
    count = snapshot["values"][0][0]
    while count != sockets:
        message = await one.until("data", group=ack["group"])
        count = message.get("changed", {}).get("0", count) if "changed" in message else message["values"][0]
    await one.ask("unsubscribe", stream="sockets")


# --- plain sockets -----------------------------------------------------------------------------------------------


@on_every_server
async def test_a_plain_socket_gets_the_default_stream_at_once_and_every_second(server: Server) -> None:
    async with client(server) as other, plain_client(server) as one:
        before, _ = await other.subscribe("before", [CPU])
        async with plain_client(server) as newcomer:
            first = await newcomer.receive()
        after, _ = await other.subscribe("after", [CPU])
        assert before["offset"] <= first["offset"] <= after["offset"], "the first message is the newest tick"
        messages = [json.loads(await next_plain(one, "metrics")) for _ in range(3)]
    for message in (first, *messages):
        assert set(message) == {"type", "host", "time", "offset", "metrics"}
        assert message["type"] == "metrics"
        assert message["host"] == other.heard[0]["host"]
        names = {key.partition("{")[0] for key in message["metrics"]}
        assert {CPU, "system.memory.usage", "system.load.average"} <= names
        assert all(isinstance(value, int | float | None) for value in message["metrics"].values())
    assert 'system.cpu.utilization{cpu.mode="user"}' in first["metrics"]
    offsets = [message["offset"] for message in messages]
    assert all(a < b for a, b in pairwise(offsets)), offsets
    seconds = [message["time"] // 1000 for message in messages[1:]]
    assert all(a < b for a, b in pairwise(seconds)), "one message a second"


@pytest.mark.parametrize(
    "text",
    [
        "hello",
        "",
        "{}",
        '{"type":"dance","id":1}',
        '{"type":7}',
        '{"type":null}',
        '["ping"]',
        '"ping"',
        "null",
        '{"type":"ping"',
        "grüße 👋 \u2028\n\ttwo lines",
        "x" * 60_000,
    ],
    ids=lambda text: repr(text[:24]),
)
@on_every_server
async def test_a_plain_socket_hears_its_own_text(server: Server, text: str) -> None:
    async with plain_client(server) as one:
        await one.send_text(text)
        assert await next_plain(one, "echo") == f"Message text was: {text}"


@on_every_server
async def test_echoes_come_in_order(server: Server) -> None:
    async with plain_client(server) as one:
        texts = [f"message {number}" for number in range(40)]
        for text in texts:
            await one.send_text(text)
        assert [await next_plain(one, "echo") for _ in texts] == [f"Message text was: {text}" for text in texts]


@on_every_server
async def test_plain_sockets_are_told_who_left_and_nobody_else_is(server: Server) -> None:
    async with plain_client(server) as stays, plain_client(server) as converts, client(server) as speaks:
        await alone(speaks, 3)
        await stays.send_text("from here on")
        assert await next_plain(stays, "echo")
        assert (await converts.ask("ping"))["type"] == "pong"
        numbers = set()
        for kind in (plain_client, plain_client, client):
            async with kind(server) as leaves:
                await leaves.send_text("text")
            numbers.add(await next_plain(stays, "leave", "echo"))
        await converts.connection.close()
        numbers.add(await next_plain(stays, "leave", "echo"))
        assert len(numbers) == 4, "each has a number of its own"
        assert {one["type"] for one in await speaks.pong()} <= {"heartbeat"}


@on_every_server
async def test_the_first_command_makes_a_plain_socket_speak_the_protocol(server: Server) -> None:
    async with plain_client(server) as one, plain_client(server) as leaves, client(server) as speaks:
        await alone(speaks, 3)
        await one.send_text("text")
        assert await next_plain(one, "echo") == "Message text was: text"
        await one.send_text('{"type":"ping"}')
        while not (text := await one.receive_text()).startswith('{"type":"pong"'):
            assert not text.startswith("Message text was"), text
        await one.send_text("text")
        assert (await one.until("error"))["code"] == 107
        await one.send_text('{"type":"dance"}')
        assert (await one.until("error"))["code"] == 104
        await leaves.connection.close()
        ack, _ = await one.subscribe("second", [CPU], interval=1.0)
        await one.data(ack["group"], 2)  # a second has passed
        assert {message["type"] for message in said(one)} == {"error", "ack", "snapshot", "data"}


@on_every_server
async def test_even_a_wrong_command_makes_a_plain_socket_speak_the_protocol(server: Server) -> None:
    async with plain_client(server) as one:
        await one.send_text('{"type":"subscribe","id":1}')
        while not (text := await one.receive_text()).startswith('{"type":"error"'):
            pass
        assert json.loads(text)["code"] == 107
        await one.send_text("text")
        assert (await one.receive())["code"] == 107


@on_every_server
async def test_an_unknown_subprotocol_makes_a_plain_socket(server: Server) -> None:
    async with connect(server.ws_url, subprotocols=[Subprotocol("chat")], proxy=None) as connection:
        assert connection.subprotocol is None
        await next_plain(Client(connection), "metrics")
    offers = [Subprotocol("chat"), Subprotocol(PROTOCOL)]
    async with connect(server.ws_url, subprotocols=offers, proxy=None) as connection:
        assert connection.subprotocol == PROTOCOL
        assert (await Client(connection).receive())["type"] == "welcome"


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


# --- list and table ----------------------------------------------------------------------------------------------


@on_every_server
async def test_the_catalogue_describes_each_series(server: Server) -> None:
    async with client(server) as one:
        answer = await one.ask("list", metrics=["system.cpu.*", "system.memory.usage"])
        assert set(answer) == {"type", "id", "series"}
        assert answer["type"] == "catalogue"
        assert {CPU, "system.memory.usage"} <= names_of(answer["series"])
        for series in answer["series"]:
            assert set(series) == {"name", "unit", "kind", "description", "attributes"}
            assert series["kind"] in ("gauge", "counter", "updowncounter")
            assert series["description"]
            assert all(isinstance(value, str) for value in series["attributes"].values())
        keys = [(series["name"], tuple(series["attributes"].items())) for series in answer["series"]]
        assert len(set(keys)) == len(keys)
        everything = (await one.ask("list"))["series"]
        assert names_of(answer["series"]) < names_of(everything)
        _, snapshot = await one.subscribe("all", [">"])
        assert len(snapshot["series"]) == len(everything)


@on_every_server
async def test_a_table_comes_in_rows_each_interval(server: Server) -> None:
    async with client(server) as one:
        ack = await one.ask("table", stream="top", table="processes", sort="memory", limit=3, interval=1)
        assert (ack["type"], ack["stream"], ack["interval"]) == ("ack", "top", 1.0)
        described = [column["name"] for column in ack["columns"]]
        every = await one.ask("table", stream="all", table="processes", sort="pid", limit=500, interval=1)
        tables = [await one.until("rows", group=ack["group"]) for _ in range(2)]
        for rows in tables:
            assert {"type", "group", "offset", "time", "columns", "rows", "matches", "total"} == set(rows)
            assert rows["matches"] == rows["total"] > 3
            assert rows["columns"] == described
            assert len(rows["rows"]) == 3
            assert {len(row) for row in rows["rows"]} == {len(described)}
            memory = [row[described.index("memory")] for row in rows["rows"]]
            assert memory == sorted(memory, reverse=True)
        assert tables[0]["time"] // 1000 < tables[1]["time"] // 1000
        all_rows = next(one for one in one.heard if one["type"] == "rows" and one["group"] == every["group"])["rows"]
        assert server.pid in {row[described.index("pid")] for row in all_rows}
        same = await one.ask("table", stream="too", table="processes", sort="memory", limit=3, interval=1)
        assert same["group"] == ack["group"]
        newest = await one.receive()
        assert (newest["type"], newest["group"]) == ("rows", ack["group"]), "the newest at once"
        assert (await one.ask("unsubscribe", stream="too"))["type"] == "ack"
        assert (await one.ask("unsubscribe", stream="top"))["type"] == "ack"
        one.heard.clear()
        await one.until("rows", group=every["group"])
        assert {message["group"] for message in said(one)} == {every["group"]}
        await one.refused("table", 106, stream="fast", table="processes", interval=0.5)


@on_every_server
async def test_a_table_can_be_turned_around_and_narrowed(server: Server) -> None:
    async with client(server) as one:
        table = {"table": "processes", "interval": 1}

        async def rows_of(**command: object) -> Json:
            ack = await one.ask("table", stream=str(command), **table, **command)
            return await one.until("rows", group=ack["group"])

        oldest_first = await rows_of(sort="pid", order="ascending", limit=5)
        pids = [row[0] for row in oldest_first["rows"]]
        assert pids == sorted(pids)
        found = await rows_of(filter=str(server.pid), limit=1)
        assert found["rows"][0][0] == server.pid or found["matches"] > 1
        nobody = await rows_of(filter="no process is called so")
        assert (nobody["rows"], nobody["matches"]) == ([], 0)
        assert nobody["total"] >= oldest_first["total"] - 50
        ours = await rows_of(keys=[server.pid, 2**53])
        assert [row[0] for row in ours["rows"]] == [server.pid]
        await one.refused("table", 107, stream="x", table="processes", order="down")
        await one.refused("table", 107, stream="x", table="processes", filter="x" * 101)
        await one.refused("table", 106, stream="x", table="processes", keys=[*range(501)])


@on_every_server
async def test_a_table_can_be_paused_and_resumed(server: Server) -> None:
    async with client(server) as one:
        ack = await one.ask("table", stream="top", table="processes", limit=2, interval=1)
        await one.until("rows", group=ack["group"])
        assert (await one.ask("update", stream="top", paused=True))["type"] == "ack"
        series, _ = await one.subscribe("cpu", [CPU], interval=1.0)
        one.heard.clear()
        await one.data(series["group"], 2)
        assert {message["type"] for message in said(one)} == {"data"}
        resumed = await one.ask("update", stream="top", paused=False, interval=1.5)
        assert resumed["interval"] == 1.5
        assert len((await one.until("rows", group=resumed["group"]))["rows"]) == 2


# --- errors ------------------------------------------------------------------------------------------------------


@on_every_server
async def test_a_wrong_message_is_answered_with_its_error_and_the_socket_lives_on(server: Server) -> None:
    async with client(server) as one:
        ack, _ = await one.subscribe("cpu", [CPU])
        await one.refused("subscribe", 102, stream="x", metrics=["system.no.such.metric"])
        await one.refused("list", 102, metrics=["system.no.such"])
        await one.refused("table", 102, stream="x", table="no such table")
        await one.refused("dance", 104)
        await one.refused("subscribe", 105, stream="cpu", metrics=[CPU])
        await one.refused("table", 105, stream="cpu", table="processes")
        await one.refused("table", 106, stream="x", table="processes", limit=501)
        await one.refused("subscribe", 107, stream="x")
        await one.refused("subscribe", 107, stream="x", metrics=[CPU], interval=0.05)
        await one.refused("subscribe", 107, stream="x", metrics=[CPU], interval=3601)
        await one.refused("subscribe", 107, stream="x", metrics=["a..b"])
        await one.refused("subscribe", 107, stream="x", metrics=["a.>.b"])
        await one.refused("subscribe", 107, stream="x", metrics=[CPU], aggregate=["median"])
        await one.refused("table", 107, stream="x", table="processes", sort="no such column")
        await one.refused("update", 107, stream="no such stream", interval=1)
        await one.refused("update", 107, stream="cpu")
        await one.refused("unsubscribe", 107, stream="no such stream")
        for text in ("not JSON", "[]", '"ping"', '{"type":"ping"', ""):
            await one.send_text(text)
            error = await one.until("error")
            assert (error["code"], "id" in error, error["temporary"]) == (107, False, False)
        await one.connection.send(b'{"type":"ping"}')
        assert (await one.until("error"))["code"] == 107
        await one.connection.send("x" * 65_537)
        assert (await one.until("error"))["code"] == 106
        await one.data(ack["group"], 2)


@on_every_server
async def test_an_error_names_the_field_that_is_wrong(server: Server) -> None:
    async with client(server) as one:
        for fields, named in (
            ({"stream": 5, "metrics": [CPU]}, "stream"),
            ({"stream": "x", "metrics": CPU}, "metrics"),
            ({"stream": "x", "metrics": [CPU], "where": {"cpu.mode": "user"}}, "where.cpu.mode"),
            ({"stream": "x", "metrics": [CPU], "since": {"epoch": "x"}}, "since.offset"),
            ({"stream": "x", "metrics": [CPU], "colour": "red"}, "colour"),
        ):
            error = await one.refused("subscribe", 107, **fields)
            assert named in error["message"]


@on_every_server
async def test_too_many_messages_are_refused_for_a_moment(server: Server) -> None:
    async with raw(server) as one:
        ack, _ = await one.subscribe("clock", [CPU])
        # At once, so that no server is so slow that there is time to forgive them.
        await one.send_bytes(b"".join(text_frame(f'{{"type":"ping","id":{number}}}') for number in range(80)))
        answers: dict[int, Json] = {}
        while len(answers) < 80:
            message = await one.receive()
            if "id" in message:
                answers[message["id"]] = message
        refused = [message for message in answers.values() if message["type"] == "error"]
        assert len(refused) >= 1
        assert {(message["code"], message["temporary"]) for message in refused} == {(111, True)}
        assert [answers[number]["type"] for number in range(49)] == ["pong"] * 49
        await one.data(ack["group"], 2)
        assert (await one.ask("ping"))["type"] == "pong"


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
