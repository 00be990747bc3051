"""Takes over a file of version 0.1, whose chunks become loose ticks of today's schema, some at a time.

Its tables are put aside at the first start, in one transaction, and emptied from the oldest chunk on. What is written
meanwhile is of higher stretches than any of what is taken over, so that old and new stay in order.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import Any

from vitalcast.core.metrics.model import Series
from vitalcast.errors import DamagedError
from vitalcast.history.chunk import Chunk
from vitalcast.history.damage import reading
from vitalcast.history.database import Database
from vitalcast.history.room import Room
from vitalcast.history.version_1 import is_pending, names_of, rows_of_chunk

logger = logging.getLogger(__name__)

PROGRESS = 10  # so many times it is said how far it is

_OLDEST = """
SELECT first_offset, rows, 1, 1, series, columns FROM chunk_1 ORDER BY first_offset LIMIT 1
"""
_FINISH = tuple(f"DROP TABLE IF EXISTS {table}" for table in ("chunk_1", "series_1", "position_1", "continuity"))


class TakeOver:
    """Moves the chunks of version 0.1, from the oldest on."""

    def __init__(self, database: Database, room: Room) -> None:
        self._database = database
        self._room = room
        self.unreadable = 0
        self._all = self._said = 0
        self._names: dict[int, Series] | None = None
        if is_pending(database.connection):
            self._all = max(1, self._left())
            logger.info("%d chunks of the history are from version 0.1 and are taken over", self._all)

    def _left(self) -> int:
        return self._database.one("SELECT count(*) FROM chunk_1")

    def step(self) -> bool:
        """Move a chunk; say whether there was one."""
        connection = self._database.connection
        if not self._all:
            return False
        if self._names is None:
            self._names = names_of(connection)
            self._room.keep_old_share()
        row = connection.execute(_OLDEST).fetchone()
        if row is None:
            self._finish()
            return False
        (epoch,) = connection.execute("SELECT epoch FROM position_1").fetchone()
        self._move(row, self._names, epoch)
        self._say_progress()
        return True

    def _finish(self) -> None:
        self._room.make(0)
        with self._database.writing():
            for statement in _FINISH:
                self._database.connection.execute(statement)
        self._all, self._names = 0, None
        self._database.taken_over()
        logger.info("the history of version 0.1 is taken over")

    def _move(self, row: tuple[Any, ...], names: dict[int, Series], epoch: str) -> None:
        rows = None
        with suppress(DamagedError), reading():
            rows = rows_of_chunk(Chunk.of(row), names)
        self.unreadable += rows is None
        self._room.make(len(row[-1]))
        with self._database.writing():
            if rows is not None:
                self._database.put_rows(rows, epoch, stretches=self._database.old_stretches)
            self._database.connection.execute("DELETE FROM chunk_1 WHERE first_offset = ?", (row[0],))

    def _say_progress(self) -> None:
        done = (self._all - self._left()) * PROGRESS // max(1, self._all)
        if done > self._said:
            self._said = done
            logger.info("%d %% of the history of version 0.1 is taken over", done * 100 // PROGRESS)
