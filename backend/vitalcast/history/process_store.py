"""The recorded processes in the file of a history: blocks of ten minutes, and before them what each flush brought."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import groupby
from typing import TypeVar

from vitalcast.core.processes.snapshot import ProcessSnapshot
from vitalcast.core.processes.usage import WindowUsage
from vitalcast.errors import CodecError
from vitalcast.history.process_blocks import pack, unpack
from vitalcast.history.process_sums import usage
from vitalcast.history.sized_rows import SizedRows

logger = logging.getLogger(__name__)

T = TypeVar("T")

BLOCK_MS = 600_000
_PAGE_BYTES = 4096
_ROW_BYTES = 80  # of a row beside its block, and of its entry in the index

# Ids grow in the order in which snapshots were taken, which times do not where a clock is set back. Loose rows, what
# single flushes brought, are always the newest.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS process_block (
  id INTEGER PRIMARY KEY, first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL, loose INTEGER NOT NULL,
  nbytes INTEGER NOT NULL, data BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS process_block_by_time ON process_block (last_ms, first_ms, nbytes);
CREATE INDEX IF NOT EXISTS process_block_loose ON process_block (loose) WHERE loose;
"""
_PUT = "INSERT INTO process_block (first_ms, last_ms, loose, nbytes, data) VALUES (?, ?, ?, ?, ?)"
_LOOSE = "SELECT id, data FROM process_block WHERE loose ORDER BY id"
_NEWEST_LOOSE = "SELECT last_ms FROM process_block WHERE loose ORDER BY id DESC LIMIT 1"
_READ = "SELECT data FROM process_block WHERE last_ms > ? AND first_ms <= ? ORDER BY id"


class ProcessStore(SizedRows):
    """Writes and reads the table `process_block` of a connection that its caller has opened."""

    SCHEMA = _SCHEMA

    def __init__(self) -> None:
        super().__init__("process_block", "first_ms")

    def put(self, connection: sqlite3.Connection, snapshots: Iterable[ProcessSnapshot]) -> None:
        """Keep snapshots, in the order in which they were taken. Belongs into a transaction of the caller.

        What was loose becomes a block once the next ten minutes begin, or the clock was set back.
        """
        newest = connection.execute(_NEWEST_LOOSE).fetchone()
        last_ms = None if newest is None else int(newest[0])
        for run in _runs(snapshots):
            if last_ms is not None and not _goes_on(last_ms, run[0].time_ms):
                self._join_loose(connection)
            _insert(connection, run, loose=True)
            last_ms = run[-1].time_ms

    def read(
        self, connection: sqlite3.Connection, start_ms: int, end_ms: int, *, pids: Collection[int] | None = None
    ) -> Iterator[ProcessSnapshot]:
        """Yield the snapshots of (start_ms, end_ms], in the order they were taken in; with `pids` only their rows.

        Blocks that make no sense, such as those of a newer version, are passed over.
        """
        for (data,) in connection.execute(_READ, (start_ms, end_ms)):
            for snapshot in _readable(data, lambda data: unpack(data, pids=pids)) or ():
                if start_ms < snapshot.time_ms <= end_ms:
                    yield snapshot

    def used(
        self, connection: sqlite3.Connection, start_ms: int, end_ms: int, *, without_ms: Collection[int] = ()
    ) -> Iterator[WindowUsage]:
        """Yield what was used in (start_ms, end_ms], block by block, but for snapshots of some times."""
        for (data,) in connection.execute(_READ, (start_ms, end_ms)):
            used = _readable(data, lambda data: usage(data, start_ms, end_ms, without_ms=without_ms))
            if used is not None:
                yield used

    def _join_loose(self, connection: sqlite3.Connection) -> None:
        """Make one block of what is loose; a row that makes no sense stays as it is, among the blocks."""
        joined: list[ProcessSnapshot] = []
        for id_, data in connection.execute(_LOOSE).fetchall():
            snapshots = _unpacked(data)
            if snapshots is None:
                connection.execute("UPDATE process_block SET loose = 0 WHERE id = ?", (id_,))
                continue
            joined += snapshots
            connection.execute("DELETE FROM process_block WHERE id = ?", (id_,))
        if joined:
            _insert(connection, joined, loose=False)


def _runs(snapshots: Iterable[ProcessSnapshot]) -> Iterator[list[ProcessSnapshot]]:
    """Yield snapshots that may stand in one block."""
    number = 0
    last_ms: int | None = None

    def run_of(snapshot: ProcessSnapshot) -> int:
        nonlocal number, last_ms
        if last_ms is not None and not _goes_on(last_ms, snapshot.time_ms):
            number += 1
        last_ms = snapshot.time_ms
        return number

    for _, run in groupby(snapshots, run_of):
        yield list(run)


def _goes_on(last_ms: int, time_ms: int) -> bool:
    return time_ms >= last_ms and time_ms // BLOCK_MS == last_ms // BLOCK_MS


def _insert(connection: sqlite3.Connection, snapshots: Sequence[ProcessSnapshot], *, loose: bool) -> None:
    data = pack(snapshots)
    times = [snapshot.time_ms for snapshot in snapshots]
    connection.execute(_PUT, (min(times), max(times), int(loose), _nbytes(len(data)), data))


def _nbytes(length: int) -> int:
    """Return about what a block takes in the file: a long one has pages of its own."""
    return length + _ROW_BYTES if length < _PAGE_BYTES // 2 else -(-(length + _ROW_BYTES) // _PAGE_BYTES) * _PAGE_BYTES


def _unpacked(data: object) -> list[ProcessSnapshot] | None:
    return _readable(data, unpack)


def _readable(data: object, read: Callable[[bytes], T]) -> T | None:
    """Return what a block says, None for one that makes no sense."""
    try:
        if not isinstance(data, bytes):
            raise CodecError("it is no bytes")
        return read(data)
    except CodecError as error:
        logger.warning("recorded processes are passed over: %s", error)
        return None
