"""What the tests of the contract on the wire ask of streams: mirrors that follow them, and what may be missing."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from typing import Any

import pytest
from tests.e2e.client import Client, Json, Mirror, Tick
from tests.schemas import check_message

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
        if kind == "metrics":
            check_message(json.loads(text))
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
