"""Threads that run blocking reads, so that one that hangs holds up neither the loop nor the other reads."""

from __future__ import annotations

import asyncio
import queue
import threading
import traceback
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")
Jobs = queue.SimpleQueue["Callable[[], None] | None"]


class Workers:
    """Daemon threads that are lent out one job each and grow in number only while jobs hang.

    A job that never ends costs its thread and nothing else: daemon threads do not keep the process alive.
    """

    def __init__(self, *, name: str = "vitalcast-worker") -> None:
        self._name = name
        self._idle: list[Jobs] = []
        self._started = 0
        self._closed = False

    def run(self, job: Callable[[], T]) -> asyncio.Future[T]:
        """Run a job in an idle thread, or a new one; the future gets its result or its exception.

        Cancelling the future does not end the job; its thread comes back when the job is done.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        jobs = self._idle.pop() if self._idle else self._start()

        def work() -> None:
            outcome: tuple[Callable[[Any], None], Any]
            try:
                outcome = (future.set_result, job())
            except BaseException as error:
                # Its frames refer to it in a circle, and would keep what they hold until the collector comes by.
                traceback.clear_frames(error.__traceback__)
                outcome = (future.set_exception, error)
            try:
                loop.call_soon_threadsafe(self._finish, jobs, future, *outcome)
            except RuntimeError:  # the loop was closed meanwhile: nobody waits any more
                jobs.put(None)

        jobs.put(work)
        return future

    def _start(self) -> Jobs:
        jobs: Jobs = queue.SimpleQueue()
        self._started += 1
        threading.Thread(target=_serve, args=(jobs,), name=f"{self._name}-{self._started}", daemon=True).start()
        return jobs

    def _finish(self, jobs: Jobs, future: asyncio.Future[Any], settle: Callable[[Any], None], outcome: Any) -> None:
        if self._closed:
            jobs.put(None)
        else:
            self._idle.append(jobs)
        if not future.done():
            settle(outcome)

    def close(self) -> None:
        """End the idle threads now and each busy one after its job."""
        self._closed = True
        while self._idle:
            self._idle.pop().put(None)


def _serve(jobs: Jobs) -> None:
    while (job := jobs.get()) is not None:
        job()
        del job  # which holds what came of it: the thread may be idle for long
