"""Has the past read for the answers that sockets wait for, and hands on what came of it."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Callable
from typing import Any

from vitalcast.core.stream.deferred import Deferred, Prepare
from vitalcast.core.vocabulary import ErrorCode
from vitalcast.errors import HistoryError, ProtocolError
from vitalcast.live.connection import Connection

logger = logging.getLogger(__name__)

Read = Callable[[Prepare], "asyncio.Future[Any]"]  # raises ProtocolError where too many are under way


class DeferredAnswers:
    """Begins what each socket's turn it is; `settle` is called in the loop with what was read, or why it was not."""

    def __init__(self, read: Read | None, settle: Callable[[Connection, Deferred, object], None]) -> None:
        self._read = read or _nothing_to_read
        self._settle = settle

    def begin(self, connection: Connection) -> None:
        """Begin as much as may be under way for a socket, unless it is blocked: then its results would only wait."""
        while not connection.blocked and not connection.closed:
            deferred = connection.session.next_deferred()
            if deferred is None:
                return
            try:
                future = self._read(deferred.prepare)
            except ProtocolError as error:
                self._settle(connection, deferred, error)
                continue
            deferred.cancel = future.cancel
            future.add_done_callback(functools.partial(self._done, connection, deferred))

    def _done(self, connection: Connection, deferred: Deferred, future: asyncio.Future[Any]) -> None:
        if future.cancelled():
            return
        error = future.exception()
        if not connection.closed:
            self._settle(connection, deferred, future.result() if error is None else _said(error))
            self.begin(connection)


def _said(error: BaseException) -> ProtocolError:
    """Return an error as the client is told it."""
    if isinstance(error, ProtocolError):
        return error
    if isinstance(error, HistoryError):
        logger.warning("a question about the past was not answered: %s", error)
        return ProtocolError(ErrorCode.INTERNAL, "the history cannot be read; the server has logged why")
    logger.error("a question about the past was not answered", exc_info=error)
    return ProtocolError(ErrorCode.INTERNAL, "a fault of the server, which has logged it")


def _nothing_to_read(_prepare: Prepare) -> asyncio.Future[Any]:
    raise ProtocolError(ErrorCode.INTERNAL, "this server keeps no past")
