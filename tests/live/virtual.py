"""An event loop whose clock jumps to the next timer instead of waiting, and workers that run on it."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

START_S = 1_790_000_000.0


class _JumpingSelector(selectors.DefaultSelector):
    """Never waits: where the loop would wait for a timer, its clock moves there at once."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("everything waits and no timer is set: the test would hang")
        if not ready and timeout:
            self.now_s += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop in virtual time. `wall_ms` is a wall clock that follows it and can be set.

    `steady_ms` follows it too and cannot; only where the machine was suspended both went on without the loop.
    """

    def __init__(self) -> None:
        self.jumping = _JumpingSelector()
        super().__init__(self.jumping)
        self.wall_offset_s = START_S
        self.suspended_s = 1000.0

    def time(self) -> float:
        return self.jumping.now_s

    def wall_ms(self) -> float:
        return (self.time() + self.wall_offset_s) * 1000

    def steady_ms(self) -> int:
        return int((self.time() + self.suspended_s) * 1000)

    def suspend(self, seconds: float) -> None:
        self.wall_offset_s += seconds
        self.suspended_s += seconds


def run(test: Callable[[VirtualLoop], Coroutine[Any, Any, None]]) -> None:
    """Run a test in virtual time; a task that it leaves behind fails it."""
    loop = VirtualLoop()
    try:
        loop.run_until_complete(test(loop))
        left = asyncio.all_tasks(loop)
        assert not left, f"left behind: {left}"
    finally:
        loop.close()


class InlineWorkers:
    """Runs each job at once, unless it is told to hang; a job that hangs ends with `release`."""

    def __init__(self) -> None:
        self.hang: Callable[[Callable[[], Any]], bool] = lambda job: False
        self.hanging: list[tuple[asyncio.Future[Any], Callable[[], Any]]] = []
        self.closed = False

    def run(self, job: Callable[[], T]) -> asyncio.Future[T]:
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        if self.hang(job):
            self.hanging.append((future, job))
        else:
            _settle(future, job)
        return future

    def release(self) -> None:
        hanging, self.hanging = self.hanging, []
        for future, job in hanging:
            if not future.done():
                _settle(future, job)

    def close(self) -> None:
        self.closed = True


def _settle(future: asyncio.Future[Any], job: Callable[[], Any]) -> None:
    try:
        future.set_result(job())
    except Exception as error:
        future.set_exception(error)
