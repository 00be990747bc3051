"""Real threads: lent out, given back, left behind."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from collections.abc import Iterator

import pytest

from vitalcast.live.workers import Workers


def threads(name: str) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith(name)]


async def test_jobs_one_after_the_other_share_a_thread() -> None:
    workers = Workers(name="share")
    seen = {await workers.run(threading.get_ident) for _ in range(20)}
    assert len(seen) == 1
    assert seen != {threading.get_ident()}
    workers.close()


async def test_an_exception_reaches_who_waits_and_the_thread_lives_on() -> None:
    workers = Workers(name="raise")
    with pytest.raises(ZeroDivisionError):
        await workers.run(lambda: 1 // 0)
    assert await workers.run(lambda: 7) == 7
    assert len(threads("raise")) == 1
    workers.close()


async def test_a_job_that_hangs_holds_up_no_other() -> None:
    workers = Workers(name="hang")
    gate = threading.Event()
    stuck = workers.run(gate.wait)
    assert await asyncio.wait_for(workers.run(lambda: "through"), 5) == "through"
    assert not stuck.done()
    gate.set()
    assert await asyncio.wait_for(stuck, 5) is True
    workers.close()


async def test_close_ends_the_threads() -> None:
    workers = Workers(name="close")
    gate = threading.Event()
    stuck = workers.run(gate.wait)
    await workers.run(lambda: None)
    mine = threads("close")
    assert len(mine) == 2
    workers.close()
    gate.set()
    await stuck
    for thread in mine:
        await asyncio.to_thread(thread.join, 5)
    assert threads("close") == []


async def test_a_cancelled_wait_gives_the_thread_back_when_its_job_is_done() -> None:
    workers = Workers(name="cancel")
    gate, begun = threading.Event(), threading.Event()

    def job() -> None:
        begun.set()
        gate.wait()

    future = workers.run(job)
    await asyncio.to_thread(begun.wait, 5)
    future.cancel()
    gate.set()
    done = asyncio.Event()
    asyncio.get_running_loop().call_soon(done.set)
    await done.wait()
    for _ in range(100):
        if await workers.run(lambda: len(threads("cancel"))) == 1:
            break
    assert len(threads("cancel")) <= 2
    workers.close()


class Held:
    """Something that can be seen to go."""


@pytest.fixture
def no_collector() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


async def test_an_idle_thread_holds_nothing_of_its_last_job(no_collector: None) -> None:
    workers = Workers(name="holds")
    result = await workers.run(Held)
    gone = weakref.ref(result)
    del result
    async with asyncio.timeout(5):
        while gone() is not None:
            await asyncio.sleep(0)  # until the thread waits for its next job
    workers.close()


async def test_what_a_job_held_as_it_failed_is_let_go_of_at_once(no_collector: None) -> None:
    workers = Workers(name="fails")
    seen: list[weakref.ref[Held]] = []

    def fail() -> None:
        held = Held()
        seen.append(weakref.ref(held))
        raise LookupError("nothing here")

    with pytest.raises(LookupError, match="nothing here") as caught:
        await workers.run(fail)
    assert seen[0]() is None
    assert any(entry.name == "fail" for entry in caught.traceback), "where it failed is still to be seen"
    workers.close()
