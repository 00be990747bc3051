"""Answers that need the past: it is read in a thread, and what was read is made into messages here."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from vitalcast.core.query.past import Past
from vitalcast.core.text import cut
from vitalcast.core.vocabulary import ErrorCode
from vitalcast.core.wire.messages import Message
from vitalcast.errors import ProtocolError

Work = Callable[[Past], Any]  # done in a thread
Prepare = Callable[[], Work]  # done where frames come in, as late as can be: what is copied of memory is not to wait

WAITING_MAX = 64  # of one socket, beside those that are being read for


@dataclass(slots=True, eq=False, kw_only=True)
class Deferred:
    """An answer to come: what `prepare` returns runs in a thread, and `then` makes messages of what that returns, or
    of why there is nothing.

    `id` is that of the command. Of a `stream` only the newest query is answered. `cancel` is set by whoever runs it,
    for as long as it runs.
    """

    prepare: Prepare
    then: Callable[[Any | ProtocolError], list[Message]]
    id: int | str | None = None
    stream: str | None = None
    cancel: Callable[[], object] | None = None

    def work(self, past: Past) -> Any:
        """Do all of it here."""
        return self.prepare()(past)


class Deferrals:
    """The answers that one socket waits for: some are being read for, the others wait for their turn in order."""

    __slots__ = ("_at_once", "_reading", "_waiting")

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._waiting: deque[Deferred] = deque()
        self._reading: dict[Deferred, None] = {}

    def add(self, deferred: Deferred) -> None:
        """Have an answer wait for its turn. Raises ProtocolError where too many do."""
        if len(self._waiting) >= WAITING_MAX:
            raise ProtocolError(
                ErrorCode.LIMIT,
                f"{WAITING_MAX} queries of this socket wait already, and {self._at_once} are being answered; "
                "wait for their results",
                temporary=True,
            )
        self._waiting.append(deferred)

    def next(self) -> Deferred | None:
        """Return the next to be read for, which counts as being read for from now on; None where none may be."""
        if not self._waiting or len(self._reading) >= self._at_once:
            return None
        deferred = self._waiting.popleft()
        self._reading[deferred] = None
        return deferred

    def finish(self, deferred: Deferred) -> bool:
        """Note that one was read for; say whether its answer is still waited for."""
        waited_for = deferred in self._reading
        self._reading.pop(deferred, None)
        deferred.cancel = None
        return waited_for

    def replace(self, stream: str) -> Deferred | None:
        """Give up the query of this stream, if there is one, and return it."""
        for deferred in (*self._waiting, *self._reading):
            if deferred.stream == stream:
                self._drop(deferred)
                return deferred
        return None

    def clear(self) -> None:
        """Give up all."""
        for deferred in (*self._waiting, *self._reading):
            self._drop(deferred)

    def _drop(self, deferred: Deferred) -> None:
        if deferred in self._reading:
            del self._reading[deferred]
        else:
            self._waiting.remove(deferred)
        if deferred.cancel is not None:
            deferred.cancel()


def replaced(stream: str) -> ProtocolError:
    """Return the answer to a query in whose place a later one has come."""
    return ProtocolError(ErrorCode.DUPLICATE_STREAM, f"stream: a later query of {cut(stream)!r} has taken its place")
