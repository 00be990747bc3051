"""Work on the past: in threads, so many at once, each for so long, and ended where nobody waits."""

from __future__ import annotations

import asyncio
import functools
import gc
import threading
import weakref
from collections.abc import Callable
from typing import TypeVar

import pytest

from vitalcast.core.query.past import Past
from vitalcast.core.vocabulary import ErrorCode
from vitalcast.errors import HistoryError, ProtocolError
from vitalcast.history.recent import Recent, RecentPast
from vitalcast.live.queries import Queries

T = TypeVar("T")


class SlowPast(RecentPast):
    """An empty past whose reading lasts until it is released or interrupted."""

    def __init__(self) -> None:
        super().__init__(Recent())
        self.begun = threading.Event()
        self.released = threading.Event()
        self.interrupted = False
        self.closed = False

    def wait(self) -> str:
        assert not self.closed
        self.begun.set()
        assert self.released.wait(60)
        if self.interrupted:
            raise InterruptedError
        return "read"

    def interrupt(self) -> None:
        assert not self.closed, "interrupted after it was closed"
        self.interrupted = True
        self.released.set()

    def close(self) -> None:
        self.closed = True


class Shelf:
    """Opens slow pasts and remembers them."""

    def __init__(self) -> None:
        self.pasts: list[SlowPast] = []
        self.opened = threading.Semaphore(0)

    def open(self) -> SlowPast:
        past = SlowPast()
        self.pasts.append(past)
        self.opened.release()
        return past

    async def next(self) -> SlowPast:
        """Return the next past whose reading has begun."""
        assert await asyncio.to_thread(self.opened.acquire, timeout=60)
        past = self.pasts[-1]
        assert await asyncio.to_thread(past.begun.wait, 60)
        return past


def read(past: Past) -> str:
    assert isinstance(past, SlowPast)
    return past.wait()


async def test_each_piece_of_work_has_a_past_of_its_own_in_another_thread() -> None:
    shelf = Shelf()
    queries = Queries(shelf.open)
    threads = [await queries.run(lambda _past: threading.get_ident()) for _ in range(3)]
    assert threading.get_ident() not in threads
    assert len({id(past) for past in shelf.pasts}) == 3
    assert all(past.closed for past in shelf.pasts)
    assert queries.under_way == 0
    queries.close()


async def test_what_work_raises_reaches_who_waits() -> None:
    queries = Queries(SlowPast)

    def fail(_past: Past) -> None:
        raise HistoryError("it makes no sense")

    with pytest.raises(HistoryError, match="makes no sense"):
        await queries.run(fail)
    assert queries.under_way == 0
    queries.close()


async def test_a_past_that_cannot_be_opened_is_an_error_of_the_work_alone() -> None:
    def refuse() -> Past:
        raise HistoryError("no file")

    queries = Queries(refuse)
    with pytest.raises(HistoryError, match="no file"):
        await queries.run(read)
    assert queries.under_way == 0
    queries.close()


async def test_cancelling_interrupts_the_reading_and_frees_the_thread() -> None:
    shelf = Shelf()
    queries = Queries(shelf.open, threads=1)
    future = queries.run(read)
    past = await shelf.next()
    future.cancel()
    assert await queries.run(lambda _past: "next") == "next"
    assert past.interrupted
    assert past.closed
    queries.close()


async def test_what_waits_for_a_thread_is_taken_away_without_ever_being_read() -> None:
    shelf = Shelf()
    queries = Queries(shelf.open, threads=1)
    first, second, third = queries.run(read), queries.run(read), queries.run(lambda _past: "third")
    past = await shelf.next()
    second.cancel()
    past.released.set()
    assert await first == "read"
    assert await third == "third"
    assert len(shelf.pasts) == 2
    queries.close()


async def test_who_comes_at_once_waits_for_a_turn() -> None:
    queries = Queries(SlowPast)
    futures = [queries.run(lambda _past: "read") for _ in range(12 * 40)]  # all charts of all viewers after a restart
    assert await asyncio.gather(*futures) == ["read"] * len(futures)
    queries.close()


async def test_no_more_are_under_way_than_may_be() -> None:
    shelf = Shelf()
    queries = Queries(shelf.open, queries=2, threads=1)
    first, second = queries.run(read), queries.run(lambda _past: "second")
    with pytest.raises(ProtocolError, match=r"2 queries are under way.*try again") as refused:
        queries.run(read)
    assert refused.value.code == ErrorCode.LIMIT
    assert refused.value.temporary
    (await shelf.next()).released.set()
    assert (await first, await second) == ("read", "second")
    assert await queries.run(lambda _past: "again") == "again"
    queries.close()


async def test_what_takes_too_long_is_interrupted_and_says_what_to_ask_less_of() -> None:
    shelf = Shelf()
    queries = Queries(shelf.open, timeout_s=0.01)
    with pytest.raises(ProtocolError, match=r"longer than 0.01 s; ask for a shorter time") as refused:
        await queries.run(read)
    assert refused.value.code == ErrorCode.LIMIT
    await until(lambda: queries.under_way == 0)
    past = shelf.pasts[0]
    assert past.interrupted or not past.begun.is_set()  # on a busy machine it may not even have begun
    assert past.closed
    queries.close()


async def test_what_is_prepared_is_so_only_when_its_turn_comes() -> None:
    shelf = Shelf()
    queries = Queries(shelf.open, threads=1)
    prepared: list[int] = []

    def prepare(number: int) -> Callable[[Past], int]:
        prepared.append(threading.get_ident())
        if number == 1:
            raise ProtocolError(ErrorCode.LIMIT, "there is too much in memory")
        return lambda _past: number

    first = queries.run(read)
    others = [queries.run_prepared(functools.partial(prepare, number)) for number in range(3)]
    assert prepared == []
    (await shelf.next()).released.set()
    assert await first == "read"
    outcomes = await asyncio.gather(*others, return_exceptions=True)
    assert [str(one) for one in outcomes] == ["0", "there is too much in memory", "2"]
    assert set(prepared) == {threading.get_ident()}
    queries.close()


async def test_what_was_taken_of_memory_is_let_go_of_once_it_was_read() -> None:
    queries = Queries(SlowPast)
    taken: list[weakref.ref[Recent]] = []

    def prepare() -> Callable[[Past], None]:
        memory = Recent()
        taken.append(weakref.ref(memory))
        return functools.partial(refuse, memory)

    def refuse(_memory: Recent, _past: Past) -> None:
        raise ProtocolError(ErrorCode.LIMIT, "that is too much")

    gc.disable()  # what is let go of only by it may be many answers at once
    try:
        for _ in range(3):
            with pytest.raises(ProtocolError, match="too much"):
                await queries.run_prepared(prepare)
        assert [one() for one in taken] == [None] * 3
    finally:
        gc.enable()
    queries.close()


async def test_closing_cancels_all() -> None:
    shelf = Shelf()
    queries = Queries(shelf.open, threads=1)
    futures = [queries.run(read), queries.run(read)]
    past = await shelf.next()
    queries.close()
    outcomes = await asyncio.gather(*futures, return_exceptions=True)
    assert [type(one) for one in outcomes] == [asyncio.CancelledError] * 2
    assert past.interrupted


async def until(holds: Callable[[], bool]) -> None:
    """Let the loop run until this holds."""
    async with asyncio.timeout(60):
        while not holds():
            await asyncio.sleep(0.001)
