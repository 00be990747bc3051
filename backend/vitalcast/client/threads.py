"""The threads of the clients: one with a loop of its own, and those that wait for what knows no loop."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Final, TypeVar

from vitalcast.errors import ClientError

T = TypeVar("T")

CLOSED: Final = "this client was closed; make another"


class LoopThread:
    """A loop in a thread, which ends with the program if it is not ended before."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._endings: list[asyncio.Task[None]] = []
        self._lock = threading.Lock()
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="vitalcast-client", daemon=True)
        self._thread.start()

    def call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run it there and return what it returns. Whatever interrupts the wait, such as Ctrl-C, cancels it.

        Raises ClientError where the loop is ended, or ends meanwhile.
        """
        if threading.current_thread() is self._thread:
            coroutine.close()
            raise ClientError("what a client calls, such as on_status, cannot wait for that client")
        with self._lock:
            if self._ended:
                coroutine.close()
                raise ClientError(CLOSED)
            future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result()
        except concurrent.futures.CancelledError:
            raise ClientError(CLOSED) from None
        except BaseException:
            future.cancel()
            raise

    def soon(self, function: Callable[[], None]) -> None:
        """Have it called there, unless it is ended."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(function)

    def end_after(self, last: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Have this done there, and stop it, without waiting for either."""

        async def ending() -> None:
            await last()
            self._loop.stop()

        self.soon(lambda: self._endings.append(self._loop.create_task(ending())))

    def end(self) -> None:
        """Stop it. Safe to call again."""
        self.soon(self._loop.stop)
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _run(self) -> None:
        try:
            self._loop.run_forever()
            with self._lock:
                self._ended = True
            self._loop.run_until_complete(asyncio.sleep(0))  # what was asked for in the last moment begins
            while tasks := asyncio.all_tasks(self._loop):  # of other threads, which wait for them
                for task in tasks:
                    task.cancel()
                self._loop.run_until_complete(asyncio.wait(tasks))
            self._loop.run_until_complete(asyncio.sleep(0))  # whoever waits for the last is told
        finally:
            self._loop.close()


async def in_thread(function: Callable[[], T]) -> T:
    """Return what a function returns that may wait for long, in a thread that holds no program back from ending."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def run() -> None:
        result, error = None, None
        try:
            result = function()
        except Exception as raised:
            error = raised
        with suppress(RuntimeError):  # of a loop that is closed
            loop.call_soon_threadsafe(settle, future, result, error)

    threading.Thread(target=run, name="vitalcast-request", daemon=True).start()
    return await future


def settle(future: asyncio.Future[Any], result: object, error: Exception | None) -> None:
    """Have a future raise the error, else return the result. Safe to call again."""
    if future.done():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
