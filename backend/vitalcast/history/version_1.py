"""The tables of version 0.1 in a history's file, which are put aside and read until they are taken over."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import numpy as np

from vitalcast.core.metrics.model import Series
from vitalcast.errors import CodecError, DamagedError
from vitalcast.history.base import Rows
from vitalcast.history.chunk import Chunk
from vitalcast.history.damage import reading
from vitalcast.history.schema import SCHEMA
from vitalcast.history.series_table import series_of

_ASIDE = """
ALTER TABLE position RENAME TO position_1;
ALTER TABLE series RENAME TO series_1;
ALTER TABLE chunk RENAME TO chunk_1;
DROP INDEX IF EXISTS chunk_by_time;
DROP INDEX IF EXISTS chunk_loose;
CREATE TABLE IF NOT EXISTS continuity (
  boot TEXT NOT NULL, steady_ms INTEGER NOT NULL, lock TEXT NOT NULL, kept_ms INTEGER NOT NULL, seal INTEGER NOT NULL
);
DROP TABLE IF EXISTS mark;
"""
_POSITION = """
INSERT INTO position SELECT p.epoch, p.offset, p.time_ms, p.step_ms, p.open, coalesce(c.boot, ''),
  coalesce(c.steady_ms, 0), coalesce(c.lock, ''), coalesce(c.kept_ms, 0), coalesce(c.seal, 0)
FROM position_1 p LEFT JOIN continuity c
"""
_NBYTES = "SELECT coalesce(sum(length(series) + length(columns)), 0) FROM chunk_1"
_SIZES = "SELECT first_offset, coalesce(length(series) + length(columns), 0) FROM chunk_1 ORDER BY first_offset"
_NEWEST = "SELECT first_offset, rows, 1, 1, series, columns FROM chunk_1 ORDER BY first_offset DESC"


def put_aside(connection: sqlite3.Connection) -> None:
    """Give a file of version 0.1 the tables of today, with its position, and keep its own under other names."""
    connection.executescript(f"BEGIN IMMEDIATE; {_ASIDE} {SCHEMA} {_POSITION};COMMIT;")


def is_pending(connection: sqlite3.Connection) -> bool:
    """Say whether there is anything left of version 0.1."""
    return connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'chunk_1'").fetchone() is not None


def newest_parts(connection: sqlite3.Connection) -> Iterator[Rows | None]:
    """Yield the ticks of the chunks that are left, the newest first; None for one that cannot be read."""
    names = names_of(connection)
    for row in connection.execute(_NEWEST):
        part = None
        with suppress(DamagedError), reading():
            part = rows_of_chunk(Chunk.of(row), names)
        yield part


def nbytes(connection: sqlite3.Connection) -> int:
    """Return how many bytes the chunks take that are left."""
    return int(connection.execute(_NBYTES).fetchone()[0])


def prune(connection: sqlite3.Connection, over: int) -> int:
    """Drop the oldest chunks until so many bytes are freed, or none is left; return how many were."""
    freed, gone = 0, []
    for first_offset, size in connection.execute(_SIZES):
        if freed >= over:
            break
        gone.append((first_offset,))
        freed += size
    connection.executemany("DELETE FROM chunk_1 WHERE first_offset = ?", gone)
    return freed


def names_of(connection: sqlite3.Connection) -> dict[int, Series]:
    """Return the series of version 0.1 by their numbers there."""
    names: dict[int, Series] = {}
    for id_, *row in connection.execute("SELECT id, key, name, unit, kind, description, attributes FROM series_1"):
        with suppress(DamagedError):
            names[id_] = series_of([*row, json.dumps({})])
    return names


def rows_of_chunk(chunk: Chunk, names: dict[int, Series]) -> Rows:
    """Return the ticks of a chunk of version 0.1. Raises CodecError."""
    ids = [id_ for id_ in chunk.ids if id_ in names]
    if not len(chunk.offsets):
        raise CodecError("a chunk is empty")
    values: np.ndarray[Any, np.dtype[np.float64]] = chunk.values(ids)
    return Rows(tuple(names[id_] for id_ in ids), chunk.offsets, chunk.times_ms, values)
