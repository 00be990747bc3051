"""Answers that need the past, as sockets get them: in time or never, and within what a client takes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.live.house import House, RecordingWriter

from vitalcast.core.stream.deferred import Prepare
from vitalcast.core.vocabulary import CloseCode, ErrorCode
from vitalcast.errors import HistoryError, ProtocolError
from vitalcast.history.recent import Recent, RecentPast
from vitalcast.live.connection import Connection


class Library:
    """Reads for whoever asks, when told to."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Prepare, asyncio.Future[Any]]] = []
        self.full = False

    def read(self, prepare: Prepare) -> asyncio.Future[Any]:
        if self.full:
            raise ProtocolError(ErrorCode.LIMIT, "all are busy; try again later", temporary=True)
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.waiting.append((prepare, future))
        return future

    async def finish(self, error: Exception | None = None) -> None:
        """Finish the oldest reading."""
        prepare, future = self.waiting.pop(0)
        if error is None:
            future.set_result(prepare()(RecentPast(Recent())))
        else:
            future.set_exception(error)
        await asyncio.sleep(0)


@pytest.fixture
def library() -> Library:
    return Library()


@pytest.fixture
def house(library: Library) -> House:
    return House(read=library.read)


def ask(house: House, connection: Connection, id_: int, **fields: Any) -> None:
    command = {"type": "query", "id": id_, "metrics": ["system.load"], "start": 0, "points": 1}
    house.ask(connection, **command, **fields)


def answers(writer: RecordingWriter) -> list[tuple[str, Any]]:
    return [(one["type"], one.get("id")) for one in writer.messages()]


async def test_ticks_go_on_while_an_answer_is_read_for(house: House, library: Library) -> None:
    connection, writer = house.subscribed()
    ask(house, connection, 7)
    house.tick(1.0)
    assert answers(writer) == [("data", None)]
    await library.finish()
    assert answers(writer) == [("result", 7)]


async def test_the_next_is_read_for_when_one_is_done(house: House, library: Library) -> None:
    connection, writer = house.subscribed()
    for id_ in range(6):
        ask(house, connection, id_)
    assert len(library.waiting) == 4
    await library.finish()
    assert answers(writer) == [("result", 0)]
    assert len(library.waiting) == 4


async def test_what_a_socket_that_went_waited_for_is_cancelled(house: House, library: Library) -> None:
    connection, writer = house.subscribed()
    for id_ in range(6):
        ask(house, connection, id_)
    house.manager.disconnect(connection)
    assert [future.cancelled() for _, future in library.waiting] == [True] * 4
    await asyncio.sleep(0)
    assert len(library.waiting) == 4
    assert writer.messages() == []


async def test_an_answer_that_is_done_as_its_socket_goes_is_not_sent(house: House, library: Library) -> None:
    connection, writer = house.subscribed()
    ask(house, connection, 1)
    _, future = library.waiting.pop()
    future.set_result(None)
    house.manager.close(connection, CloseCode.SHUTDOWN, "bye")
    await asyncio.sleep(0)
    assert answers(writer) == [("bye", None)]


async def test_an_answer_waits_for_a_blocked_client_and_counts_as_unread(house: House, library: Library) -> None:
    connection, writer = house.subscribed()
    for id_ in range(6):
        ask(house, connection, id_)
    writer.stalled = True
    house.tick(1.0)
    assert connection.blocked
    await library.finish()
    assert answers(writer) == [("data", None)]
    assert connection.unread_bytes > 100
    assert len(library.waiting) == 3  # no more is read for while it takes nothing
    writer.drain()
    house.manager.resume(connection)
    assert answers(writer) == [("result", 0)]
    assert connection.outbox_bytes == 0
    assert len(library.waiting) == 4


async def test_what_a_blocked_client_is_sent_counts_towards_the_bound_of_all() -> None:
    library = Library()
    house = House(read=library.read, unread_mib=1)
    house.machine.ring.window_ms = 10**9
    for number in range(5_000):
        house.tick(number / 7)
    blocked, writer = house.subscribed()
    house.ask(blocked, type="query", id=1, metrics=["system.load"], start=0, step=1)
    writer.stalled, writer.unread = True, 2**20
    house.tick(1.0)
    await library.finish()
    writer.drain()
    house.manager.resume(blocked)
    assert answers(writer)[-1] == ("error", 1)


async def test_a_stream_is_joined_after_what_waits(library: Library) -> None:
    house = House(read=library.read)
    house.machine.timeline.recorded = True
    connection, writer = house.open()
    writer.messages()
    house.ask(connection, type="subscribe", id=1, stream="s", metrics=["system.load"], backfill=3600)
    house.tick(1.0)
    assert writer.messages() == []
    await library.finish()
    assert answers(writer) == [("ack", 1), ("snapshot", None)]
    house.tick(2.0)
    assert answers(writer) == [("data", None)]


async def test_why_nothing_was_read_is_said(house: House, library: Library, caplog: pytest.LogCaptureFixture) -> None:
    connection, writer = house.subscribed()
    for id_ in range(3):
        ask(house, connection, id_)
    await library.finish(HistoryError("/secret/history.db: it is gone"))
    await library.finish(ProtocolError(ErrorCode.LIMIT, "it took too long"))
    await library.finish(ZeroDivisionError())
    messages = writer.messages()
    assert [one["code"] for one in messages] == [ErrorCode.INTERNAL, ErrorCode.LIMIT, ErrorCode.INTERNAL]
    assert "secret" not in messages[0]["message"]
    assert "it is gone" in caplog.text
    assert house.stats.errors_sent == 3


async def test_where_all_are_busy_each_is_told_so(house: House, library: Library) -> None:
    connection, writer = house.subscribed()
    library.full = True
    ask(house, connection, 1)
    [error] = writer.messages()
    assert (error["id"], error["code"], error["temporary"]) == (1, ErrorCode.LIMIT, True)


async def test_without_a_past_it_is_said() -> None:
    house = House()
    connection, writer = house.subscribed()
    ask(house, connection, 1)
    assert answers(writer) == [("error", 1)]
