"""Answers questions about the past in threads: so many at once, each for so long, and none that nobody waits for."""

from __future__ import annotations

import asyncio
import functools
import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from vitalcast.core.query.past import Past
from vitalcast.core.query.query import Result
from vitalcast.core.stream.ahead import LookAhead
from vitalcast.core.vocabulary import ErrorCode
from vitalcast.errors import ProtocolError
from vitalcast.live.workers import Workers

logger = logging.getLogger(__name__)

THREADS = 2  # more would only take the interpreter's lock from each other, and from the loop

T = TypeVar("T")


class Queries:
    """Runs work on the past, in the order in which it came.

    Each piece of work gets a past of its own, opened by `open_past` and closed in its thread. No more than `queries`
    are under way, those that wait for a thread included, and each may read for `timeout_s`.
    """

    def __init__(
        self, open_past: Callable[[], Past], *, queries: int = 1000, timeout_s: float = 10.0, threads: int = THREADS
    ) -> None:
        self._open_past = open_past
        self._queries_max = queries
        self._timeout_s = timeout_s
        self._threads = threads
        self._workers = Workers(name="vitalcast-query")
        self._waiting: deque[_Query[Any]] = deque()
        self._running: dict[_Query[Any], None] = {}

    @property
    def under_way(self) -> int:
        """How many have begun or wait for a thread."""
        return len(self._waiting) + len(self._running)

    def run(self, work: Callable[[Past], T]) -> asyncio.Future[T]:
        """Run work in a thread; the future gets its result or its exception. Cancelling the future ends the reading.

        Raises ProtocolError where as many are under way as may be. The future gets one where it took too long.
        """
        return self.run_prepared(lambda: work)

    def run_prepared(self, prepare: Callable[[], Callable[[Past], T]]) -> asyncio.Future[T]:
        """Run the work that `prepare` returns in the loop once there is a thread for it, as `run` does.

        What it copies of memory is not held before. What it raises is the future's.
        """
        if self.under_way >= self._queries_max:
            raise ProtocolError(
                ErrorCode.LIMIT,
                f"{self._queries_max} queries are under way, as many as this server allows; try again later",
                temporary=True,
            )
        query = _Query(prepare, asyncio.get_running_loop().create_future(), self._open_past)
        query.future.add_done_callback(lambda _future: self._settled(query))
        self._waiting.append(query)
        self._start_next()
        return query.future

    def look_ahead(self, wanted: LookAhead) -> None:
        """Read what streams will show that show what was before."""
        try:
            future = self.run_prepared(wanted.prepare)
        except ProtocolError:
            wanted.done(None)
        else:
            future.add_done_callback(functools.partial(_looked_ahead, wanted))

    def _start_next(self) -> None:
        while self._waiting and len(self._running) < self._threads:
            query = self._waiting.popleft()
            try:
                query.prepare()
            except Exception as error:  # whatever it is: it belongs to who asked
                query.future.set_exception(error)
                continue
            self._running[query] = None
            query.timer = asyncio.get_running_loop().call_later(self._timeout_s, self._expire, query)
            self._workers.run(query.read).add_done_callback(functools.partial(self._finish, query))

    def _expire(self, query: _Query[Any]) -> None:
        why = f"it took longer than {self._timeout_s:g} s; ask for a shorter time, fewer series or a longer step"
        if not query.future.done():
            query.future.set_exception(ProtocolError(ErrorCode.LIMIT, why))

    def _settled(self, query: _Query[Any]) -> None:
        """See to it that nothing is read that nobody waits for."""
        if query in self._running:
            query.interrupt()
        elif query in self._waiting:
            self._waiting.remove(query)

    def _finish(self, query: _Query[Any], job: asyncio.Future[Any]) -> None:
        del self._running[query]
        if query.timer is not None:
            query.timer.cancel()
        error = job.exception()
        if not query.future.done():
            if error is None:
                query.future.set_result(job.result())
            else:
                query.future.set_exception(error)
        self._start_next()

    def close(self) -> None:
        """Cancel all that is under way. Threads end as soon as their reading is interrupted."""
        for query in (*self._waiting, *self._running):
            query.future.cancel()
        self._workers.close()


def _looked_ahead(wanted: LookAhead, future: asyncio.Future[Result]) -> None:
    if future.cancelled():
        return
    error = future.exception()
    if error is not None:
        logger.warning("what a shifted stream shows could not be read: %s", error)
    wanted.done(None if error is not None else future.result())


class _Query(Generic[T]):
    """One piece of work, and the past that it reads from while it is at it."""

    def __init__(
        self, prepare: Callable[[], Callable[[Past], T]], future: asyncio.Future[T], open_past: Callable[[], Past]
    ) -> None:
        self.future = future
        self.timer: asyncio.TimerHandle | None = None
        self._prepare = prepare
        self._work: Callable[[Past], T] | None = None
        self._open_past = open_past
        self._past: Past | None = None
        self._interrupted = False
        self._lock = threading.Lock()  # a past that is closed must not be interrupted

    def prepare(self) -> None:
        """Take what it needs of memory, in the loop."""
        self._work = self._prepare()

    def read(self) -> T:
        """Do the work, in its thread."""
        assert self._work is not None  # it was prepared
        past = self._open_past()
        try:
            self._begin(past)
            return self._work(past)
        finally:
            self._work = None  # what it took of memory
            with self._lock:
                self._past = None
            past.close()

    def _begin(self, past: Past) -> None:
        with self._lock:
            if self._interrupted:
                raise InterruptedError
            self._past = past

    def interrupt(self) -> None:
        """Have the work end soon, for the loop."""
        with self._lock:
            self._interrupted = True
            if self._past is not None:
                self._past.interrupt()
