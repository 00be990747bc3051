"""Requests that come at once are begun one in a turn of the loop, and those that nobody waits for not at all."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.types import Message, Receive, Scope, Send

from vitalcast.web.edge.lost import EXTENSION, lost_within
from vitalcast.web.serving.uvicorn_app import ServedApp

LONG_S = 60.0


class Beginnings:
    """An application that notes in which turn of the loop it was called, and for which path."""

    def __init__(self) -> None:
        self.turn = 0
        self.begun: list[tuple[str, int]] = []

    async def __call__(self, scope: Scope, _receive: Receive, _send: Send) -> None:
        self.begun.append((scope["path"], self.turn))

    async def count_turns(self) -> None:
        while True:
            self.turn += 1
            await asyncio.sleep(0)


def request(path: str, lost: asyncio.Event | None = None) -> dict[str, Any]:
    return {"type": "http", "path": path, "extensions": {} if lost is None else {EXTENSION: lost}}


async def receive() -> Message:
    raise AssertionError


async def send(_: Message) -> None:
    raise AssertionError


async def begun(*scopes: dict[str, Any]) -> list[tuple[str, int]]:
    """Have these requests come at once; return when each was begun."""
    app = Beginnings()
    served = ServedApp(app)
    counting = asyncio.create_task(app.count_turns())
    await asyncio.gather(*(served(scope, receive, send) for scope in scopes))
    counting.cancel()
    return app.begun


async def test_one_request_begins_in_a_turn_in_the_order_in_which_they_came() -> None:
    found = await begun(*(request(f"/{number}") for number in range(5)))
    assert [path for path, _ in found] == ["/0", "/1", "/2", "/3", "/4"]
    turns = [turn for _, turn in found]
    assert len(set(turns)) == 5, turns


async def test_who_has_left_is_not_answered_and_takes_no_turn() -> None:
    gone = asyncio.Event()
    gone.set()
    found = await begun(
        request("/0"), *(request("/gone", gone) for _ in range(50)), request("/1", asyncio.Event()), request("/2")
    )
    assert [path for path, _ in found] == ["/0", "/1", "/2"]
    assert found[-1][1] - found[0][1] < 10


async def test_a_request_that_is_cancelled_while_it_waits_holds_up_nobody() -> None:
    app = Beginnings()
    served = ServedApp(app)
    tasks = [asyncio.ensure_future(served(request(f"/{number}"), receive, send)) for number in range(3)]
    await asyncio.sleep(0)
    tasks[1].cancel()
    await asyncio.gather(*tasks)
    assert [path for path, _ in app.begun] == ["/0", "/2"]
    await served(request("/later"), receive, send)
    assert app.begun[-1][0] == "/later"


async def test_a_websocket_waits_for_no_turn() -> None:
    app = Beginnings()
    scope = {"type": "websocket", "path": "/ws"}
    served = ServedApp(app)
    await asyncio.gather(*(served(scope, receive, send) for _ in range(3)))
    assert len({turn for _, turn in app.begun}) == 1


async def test_what_is_held_back_ends_with_its_connection() -> None:
    event = asyncio.Event()
    waiting = asyncio.create_task(lost_within(request("/", event), LONG_S))
    await asyncio.sleep(0)
    event.set()
    assert await waiting
    assert not await lost_within(request("/", asyncio.Event()), 0.001)
    assert not await lost_within(request("/"), 0.001)
