"""Reads the ticks of one series from a history's file, on a connection of its own."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from vitalcast.core.metrics.model import Series
from vitalcast.core.query.tier import Tier
from vitalcast.history import chunk as chunks
from vitalcast.history.axis import axes, blocks
from vitalcast.history.base import Column
from vitalcast.history.blocks import unpack_values
from vitalcast.history.chunk import Chunk
from vitalcast.history.damage import reading
from vitalcast.history.schema import address


def read_column(path: Path, series: Series, start_ms: int, end_ms: int) -> Iterator[Column]:
    """Yield a series' ticks of [start_ms, end_ms), from old to new. Raises sqlite3.Error and DamagedError."""
    if not path.exists():
        return
    # Not read-only: such a connection does not keep others out, so that its index would be a file once more.
    connection = sqlite3.connect(address(path, "rw"), uri=True, check_same_thread=False)
    try:
        connection.execute("PRAGMA query_only = ON")
        connection.execute("BEGIN")  # one view of the file for all statements
        found = connection.execute(
            "SELECT id FROM series WHERE key = ? AND unit = ?", (series.key, series.descriptor.unit)
        ).fetchone()
        if found is None:
            return
        with reading():
            for column in _columns(connection, found[0]):
                wanted = (column.times_ms >= start_ms) & (column.times_ms < end_ms)
                if wanted.any():
                    yield Column(column.offsets[wanted], column.times_ms[wanted], column.values[wanted])
    finally:
        connection.close()


def _columns(connection: sqlite3.Connection, id_: int) -> Iterator[Column]:
    for axis in axes(connection, Tier.RAW):
        (block,) = blocks(connection, axis.id, [id_])
        if block is not None:
            yield Column(axis.tick_offsets(), axis.times_ms(), unpack_values([block], axis.rows)[:, 0])
    for row in connection.execute(chunks.ALL):
        one = Chunk.of(row)
        if id_ in one.places:
            yield Column(one.offsets, one.times_ms, np.ravel(one.values([id_])))
