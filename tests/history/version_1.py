"""Files as version 0.1 wrote them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from vitalcast.core.metrics.model import Frame
from vitalcast.core.metrics.pace import STEP_MIN_MS
from vitalcast.history.chunk import pack_chunk
from vitalcast.history.continuity import Position
from vitalcast.history.rows import rows_of
from vitalcast.history.schema import APPLICATION_ID

_TABLES = f"""
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = 1;
CREATE TABLE position (
  epoch TEXT NOT NULL, offset INTEGER NOT NULL, time_ms INTEGER NOT NULL, step_ms INTEGER NOT NULL,
  open INTEGER NOT NULL
);
CREATE TABLE series (
  id INTEGER PRIMARY KEY, key TEXT NOT NULL, name TEXT NOT NULL, unit TEXT NOT NULL, kind TEXT NOT NULL,
  description TEXT NOT NULL, attributes TEXT NOT NULL, last_ms INTEGER NOT NULL, UNIQUE (key, unit)
);
CREATE TABLE chunk (
  first_offset INTEGER PRIMARY KEY, last_offset INTEGER NOT NULL, first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL,
  rows INTEGER NOT NULL, loose INTEGER NOT NULL, series BLOB NOT NULL, columns BLOB NOT NULL
);
CREATE INDEX chunk_by_time ON chunk (last_ms, first_ms);
CREATE INDEX chunk_loose ON chunk (loose) WHERE loose;
CREATE TABLE continuity (
  boot TEXT NOT NULL, steady_ms INTEGER NOT NULL, lock TEXT NOT NULL, kept_ms INTEGER NOT NULL, seal INTEGER NOT NULL
);
CREATE TABLE mark (offset INTEGER PRIMARY KEY, kept_ms INTEGER NOT NULL, seal INTEGER NOT NULL);
"""


def write_version_1(path: Path, frames: Sequence[Frame], *, lock: str, boot: str, epoch: str = "epoch-1") -> None:
    """Write a file that version 0.1 has closed in good order, with its ticks in chunks of ten minutes."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(_TABLES)
        ids: dict[str, int] = {}
        for start in range(0, len(frames), 600):
            rows = rows_of(frames[start : start + 600])
            for one in rows.series:
                if one.key not in ids:
                    ids[one.key] = len(ids) + 1
                    of = one.descriptor
                    texts = (one.key, of.name, of.unit, of.kind.value, of.description, json.dumps(one.attributes))
                    connection.execute("INSERT INTO series VALUES (?, ?, ?, ?, ?, ?, ?, 0)", (ids[one.key], *texts))
            times = rows.times_ms
            connection.execute(
                "INSERT INTO chunk VALUES (?, ?, ?, ?, ?, 0, ?, ?)",
                (
                    *(int(rows.offsets[0]), int(rows.offsets[-1]), int(times.min()), int(times.max()), len(times)),
                    *pack_chunk([ids[one.key] for one in rows.series], rows),
                ),
            )
        newest = frames[-1]
        position = Position(
            epoch, newest.offset, newest.time_ms, STEP_MIN_MS, False, boot, newest.steady_ms, lock, newest.steady_ms
        )
        connection.execute(
            "INSERT INTO position VALUES (?, ?, ?, ?, 0)", (epoch, newest.offset, newest.time_ms, STEP_MIN_MS)
        )
        connection.execute(
            "INSERT INTO continuity VALUES (?, ?, ?, ?, ?)",
            (boot, position.steady_ms, lock, position.kept_ms, position.seal),
        )
