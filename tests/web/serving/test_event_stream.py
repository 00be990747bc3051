"""A stream of events by ASGI alone: tokens that end, streams that end, and viewers past the limits."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from starlette.requests import Request
from tests.live.house import House

from vitalcast.core.metrics.names import Selection
from vitalcast.core.stream.grants import OPEN, Grant
from vitalcast.core.vocabulary import Scope
from vitalcast.errors import ApiError
from vitalcast.web.api.stream import Streams
from vitalcast.web.serving.event_stream import EventStream

TIMEOUT_S = 60.0  # only so that a failure ends
LIMITED = Grant(Scope.STREAM, "token-1", (Selection.of(["system.load"]),), expires_ms=1_790_000_005_000)


class Viewer:
    """The far end of a response."""

    def __init__(self) -> None:
        self.body = b""
        self.status = 0
        self.complete = asyncio.Event()
        self.left = asyncio.Event()
        self._came = asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        self.status = message.get("status", self.status)
        self.body += message.get("body", b"")
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            self.complete.set()
        self._came.set()

    def events(self) -> list[tuple[str, Any]]:
        blocks = [
            dict(line.split(": ", 1) for line in one.split("\n")) for one in self.body.decode().split("\n\n")[:-1]
        ]
        return [(one["event"], json.loads(one["data"])) for one in blocks if "event" in one]

    async def until(self, kind: str) -> None:
        """Wait until an event of this kind has come."""
        while kind not in [name for name, _ in self.events()]:
            self._came.clear()
            await self._came.wait()


@asynccontextmanager
async def viewing(
    house: House, grant: Grant | None = OPEN.grant, query: str = "", *, first: str = "metrics", **more: Any
) -> AsyncIterator[Viewer]:
    state = {"grant": grant, "refusal": None, "address": "192.0.2.1", "origin": None}
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/api/v1/stream",
        "headers": [],
        "query_string": f"metrics=system.load{query}".encode(),
        "state": state,
    }
    viewer = Viewer()
    response = await Streams(house.manager, EventStream, **more).stream(Request(scope, viewer.receive))
    task = asyncio.create_task(response(scope, viewer.receive, viewer.send))
    try:
        async with asyncio.timeout(TIMEOUT_S):
            await viewer.until(first)
            yield viewer
    finally:
        viewer.left.set()
        await task


async def test_who_leaves_is_forgotten() -> None:
    house = House()
    async with viewing(house):
        assert len(house.manager.active_connections) == 1
    assert house.manager.active_connections == ()
    assert house.machine.hub.groups == {}


async def test_the_chat_does_not_hear_of_who_only_reads() -> None:
    house = House()
    _, plain = house.open(plain=True)
    async with viewing(house):
        pass
    await refused(viewing(house, OPEN.grant, "&host=nobody").__aenter__())
    assert not [text for text in plain.texts if "left the chat" in text]


def revoke(house: House) -> None:
    house.manager.revoke(["token-1"])


def let_expire(house: House) -> None:
    house.machine.wait(10_000)
    house.manager.sweep()


def take_back(house: House) -> None:
    other = Grant(Scope.STREAM, "token-1", (Selection.of(["system.disk.>"]),))
    house.manager.dashboards_changed(lambda _: other)


@pytest.mark.parametrize(
    ("end", "error", "code"), [(revoke, 101, 4509), (let_expire, 109, 4500), (take_back, 103, 4507)]
)
async def test_a_stream_ends_with_what_allowed_it(end: Callable[[House], None], error: int, code: int) -> None:
    house = House()
    async with viewing(house, LIMITED) as viewer:
        end(house)
        await viewer.complete.wait()
    assert [(name, data["code"]) for name, data in viewer.events()[1:]] == [("error", error), ("bye", code)]
    assert viewer.events()[-1][1]["reconnect_after_ms"] is None
    assert house.manager.active_connections == ()


@pytest.mark.parametrize("position", ["another:4", "{epoch}:99"])
async def test_that_a_source_has_begun_anew_is_said_as_each_form_says_it(position: str) -> None:
    house = House()
    position = position.format(epoch=house.machine.timeline.epoch)
    offset = int(position.partition(":")[2])
    async with viewing(house, query=f"&last_event_id={position}") as viewer:
        assert viewer.events()[0] == ("gap", {"from": offset + 1, "to": None, "why": "expired"})
    async with viewing(house, query=f"&last_event_id={position}&format=columns", first="snapshot") as viewer:
        assert [(name, data["type"]) for name, data in viewer.events()] == [("ack", "ack"), ("snapshot", "snapshot")]
        assert viewer.events()[0][1]["recovered"] is False


async def refused(opening: Awaitable[Viewer]) -> ApiError:
    with pytest.raises(ApiError) as raised:
        await opening
    return raised.value


async def test_what_is_too_much_is_refused_before_the_response_begins() -> None:
    house = House(connections=1)
    async with viewing(house):
        error = await refused(viewing(house).__aenter__())
        assert (error.status, error.message) == (503, "all connections are taken")
    [(caller, why)] = house.refused
    assert (caller.address, why) == ("192.0.2.1", "all connections are taken")
    house = House(subscriptions=0)
    error = await refused(viewing(house).__aenter__())
    assert error.status == 503
    assert house.manager.active_connections == (), "a refused stream leaves nothing behind"
    error = await refused(viewing(House(), LIMITED, "&metrics=system.disk.io").__aenter__())
    assert error.status == 403


async def test_whether_a_source_is_there_is_not_for_every_token_to_know() -> None:
    house, of_stranger = House(), "&metrics=system.disk.io&host=nobody"
    assert (await refused(viewing(house, LIMITED, of_stranger).__aenter__())).status == 403
    assert (await refused(viewing(house, LIMITED, "&host=nobody").__aenter__())).status == 404
    assert house.manager.active_connections == ()


async def test_equal_streams_share_one_group_and_plain_text_for_all_is_not_theirs() -> None:
    house = House()
    async with viewing(house) as one, viewing(house) as other:
        assert len(house.machine.hub.groups) == 1
        house.manager.broadcast("hello, everybody")
        house.tick(7.0)
        for each in (one, other):
            await each.until("metrics")
            while len(each.events()) < 2:
                await asyncio.sleep(0)
            assert each.events()[-1][1]["metrics"] == {"system.load": 7.0}
            assert b"hello" not in each.body


async def test_a_long_past_counts_as_many_requests() -> None:
    house, charged = House(), []
    for number in range(1000):
        house.tick(float(number))
    for backfill in (0, 3600):
        async with viewing(house, query=f"&backfill={backfill}", charge=lambda *one: charged.append(one)):
            pass
    assert charged == [("192.0.2.1", 1)]
