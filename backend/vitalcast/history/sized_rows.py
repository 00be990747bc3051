"""A table whose rows say how many bytes they take, and of which the newest that fit remain."""

from __future__ import annotations

import sqlite3

_NBYTES = "SELECT coalesce(sum(nbytes), 0) FROM {table}"
_OLDEST = "SELECT min({time}) FROM {table}"
# From the newest on, their bytes add up.
_PRUNE = """
DELETE FROM {table} WHERE id IN (
  SELECT id FROM (SELECT id, sum(nbytes) OVER (ORDER BY id DESC) AS so_far FROM {table}) WHERE so_far > ?
)
"""


class SizedRows:
    """The rows of a `table`: `id` grows from old to new, `nbytes` is about what a row takes, and the column `time` has
    the Unix milliseconds at which it begins. The names are those of a schema, never a user's.
    """

    def __init__(self, table: str, time: str) -> None:
        self._nbytes, self._oldest = _NBYTES.format(table=table), _OLDEST.format(table=table, time=time)
        self._prune = _PRUNE.format(table=table)

    def prune(self, connection: sqlite3.Connection, bytes_max: int) -> int:
        """Let the oldest go until the others take so much at most; return about how many bytes that freed."""
        before = self.nbytes(connection)
        if before <= bytes_max:
            return 0
        connection.execute(self._prune, (bytes_max,))
        return before - self.nbytes(connection)

    def nbytes(self, connection: sqlite3.Connection) -> int:
        """Return about how many bytes all rows take."""
        return int(connection.execute(self._nbytes).fetchone()[0])

    def oldest_ms(self, connection: sqlite3.Connection) -> int | None:
        """Return when the oldest row begins, None where there is none."""
        found: int | None = connection.execute(self._oldest).fetchone()[0]
        return found
