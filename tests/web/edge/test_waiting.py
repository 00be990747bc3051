from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.requests import Request

from vitalcast.errors import ApiError, HistoryError
from vitalcast.web.edge.waiting import unless_gone


class Client:
    """The other end of a request, which goes when it is told to."""

    def __init__(self) -> None:
        self.going = asyncio.Event()
        self._told = False

    async def receive(self) -> dict[str, Any]:
        if not self._told:
            self._told = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self.going.wait()
        return {"type": "http.disconnect"}

    @property
    def request(self) -> Request:
        return Request({"type": "http", "method": "GET", "headers": []}, self.receive)


async def test_what_comes_in_time_is_returned_and_what_fails_is_raised() -> None:
    for outcome in (7, HistoryError("no disk")):
        wanted: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        waiting = asyncio.create_task(unless_gone(Client().request, wanted))
        await asyncio.sleep(0)
        if isinstance(outcome, int):
            wanted.set_result(outcome)
            assert await waiting == 7
        else:
            wanted.set_exception(outcome)
            with pytest.raises(HistoryError):
                await waiting


async def test_what_nobody_waits_for_is_cancelled() -> None:
    client, wanted = Client(), asyncio.get_running_loop().create_future()
    waiting = asyncio.create_task(unless_gone(client.request, wanted))
    client.going.set()
    with pytest.raises(ApiError, match="the client has gone"):
        await waiting
    assert wanted.cancelled()


async def test_whoever_ends_the_wait_ends_the_work() -> None:
    wanted: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    waiting = asyncio.create_task(unless_gone(Client().request, wanted))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert wanted.cancelled()


async def test_where_the_server_ends_the_client_is_told() -> None:
    wanted: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    wanted.cancel()
    with pytest.raises(ApiError, match="the server is ending") as caught:
        await unless_gone(Client().request, wanted)
    assert caught.value.status == 503
