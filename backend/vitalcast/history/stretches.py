"""Where a run of ticks is to be cut: at each hour, and where the clock was set.

Within a stretch time only grows. A clock that was set back begins the next, so that both pasts of one time are kept.
So does one that is ahead by more than a day all at once: what it brings waits in a stretch of its own, should it turn
out to have been wrong.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from vitalcast.history.schema import AHEAD_MAX_MS, HOUR_MS

if TYPE_CHECKING:
    import numpy.typing as npt

    Integers = npt.NDArray[np.int64]


class Piece(NamedTuple):
    """The ticks from row `start` up to, not including, `end`: all of one hour, and of one stretch."""

    start: int
    end: int
    begins_stretch: bool


def pieces(times_ms: Integers, last_ms: int | None, rows_max: int) -> list[Piece]:
    """Cut ticks, in the order of their offsets. `last_ms` is the time of the tick before them, None where none was."""
    before = np.append(times_ms[0] if last_ms is None else last_ms, times_ms[:-1])
    begins = (times_ms <= before) | (times_ms - before > AHEAD_MAX_MS)
    begins[0] = last_ms is None or begins[0]
    hours = -(-times_ms // HOUR_MS)
    cuts = begins | (np.diff(hours, prepend=hours[0]) != 0)
    cuts[0] = True
    starts = np.flatnonzero(cuts).tolist()
    found: list[Piece] = []
    for start, end in zip(starts, [*starts[1:], len(times_ms)], strict=True):
        found += [
            Piece(part, min(end, part + rows_max), part == start and bool(begins[start]))
            for part in range(start, end, rows_max)
        ]
    return found


TAKEN_OVER = 2**20  # the stretches up to here are of version 0.1, which come before all others
_NEWEST = "SELECT id, last_ms FROM stretch WHERE id > ? AND id <= ? ORDER BY id DESC LIMIT 1"


class Stretches:
    """The stretches and epochs of a file, on a connection that its caller has opened; or those of version 0.1 in it."""

    def __init__(self, connection: sqlite3.Connection, *, taken_over: bool = False) -> None:
        self._connection = connection
        self._epochs: dict[str, int] = {name: id_ for id_, name in connection.execute("SELECT id, name FROM epoch")}
        above = 0 if taken_over else TAKEN_OVER
        row = connection.execute(_NEWEST, (above, TAKEN_OVER if taken_over else 2**62)).fetchone()
        self.newest: int = above if row is None else row[0]
        self.last_ms: int | None = None if row is None else row[1]

    def extend(self, piece: Piece, first_ms: int, last_ms: int) -> int:
        """Return the stretch of a piece, which begins or goes on with these times."""
        if piece.begins_stretch or self.last_ms is None:
            self.newest += 1
            self._connection.execute("INSERT INTO stretch VALUES (?, ?, ?)", (self.newest, first_ms, last_ms))
        else:
            self._connection.execute("UPDATE stretch SET last_ms = ? WHERE id = ?", (last_ms, self.newest))
        self.last_ms = last_ms
        return self.newest

    def epoch(self, name: str) -> int:
        """Return the number of an epoch, which it gets if need be."""
        id_ = self._epochs.get(name)
        if id_ is None:
            id_ = max(self._epochs.values(), default=0) + 1
            self._connection.execute("INSERT INTO epoch VALUES (?, ?)", (id_, name))
            self._epochs[name] = id_
        return id_

    def names(self) -> dict[int, str]:
        """Return the epochs by their numbers."""
        return {id_: name for name, id_ in self._epochs.items()}

    def forget_unused(self) -> None:
        """Forget the epochs of which there are no ticks. In a transaction of its own."""
        self._connection.execute(
            "DELETE FROM epoch WHERE id < (SELECT max(id) FROM epoch)"
            " AND id NOT IN (SELECT epoch FROM axis UNION SELECT epoch FROM chunk)"
        )
        self._epochs = {name: id_ for id_, name in self._connection.execute("SELECT id, name FROM epoch")}
