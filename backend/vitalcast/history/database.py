"""The file of a history: what its tables hold, and the statements that write and read them."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import numpy as np

from vitalcast.errors import ConfigError
from vitalcast.history.base import Column, Rows
from vitalcast.history.codec import CodecError, decode, encode, pack_integers, pack_parts, unpack_integers, unpack_parts
from vitalcast.model import Descriptor, Kind, Series

KEY = "history.path"
APPLICATION_ID = 0x56695443  # "ViTC"
SCHEMA_VERSION = 1
MERGED_ROWS = 600  # so many rows of a column make its bytes outweigh what surrounds them
WAL_BYTES_MAX = 2**20
_MAGIC = b"SQLite format 3\0"
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}

# A chunk is a run of ticks: `series` holds the ids, `columns` the offsets, the times and each series' values. The loose
# ones, one a flush, are merged into a longer one now and then.
_SCHEMA = f"""
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {SCHEMA_VERSION};
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
"""

Connect = Callable[..., sqlite3.Connection]


class DamagedError(Exception):
    """The file is a history, but what it holds makes no sense."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where the writer is. While `open`, ticks after `offset` may have gone out that were not put down.

    `step_ms` is the least time between two of those.
    """

    epoch: str
    offset: int
    time_ms: int
    step_ms: int
    open: bool


@dataclass(frozen=True, slots=True)
class _Chunk:
    first_offset: int
    rows: int
    ids: list[int]
    columns: list[bytes]

    @classmethod
    def of(cls, row: tuple[int, int, bytes, bytes]) -> _Chunk:
        """Raises CodecError."""
        first_offset, rows, series, columns = row
        chunk = cls(first_offset, rows, unpack_integers(series), unpack_parts(columns))
        if len(chunk.columns) != len(chunk.ids) + 2:
            raise CodecError(f"the chunk at offset {first_offset} has {len(chunk.columns)} columns")
        return chunk

    def integers(self, column: int) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
        return decode([self.columns[column]], self.rows)[:, 0].astype(np.int64)


def is_damage(error: Exception) -> bool:
    """Say whether an error means that the file itself is broken, rather than the disk full or the like."""
    code = getattr(error, "sqlite_errorcode", None)
    return isinstance(error, DamagedError) or (code is not None and code & 0xFF in _DAMAGED)


def check_file(path: Path, *, known: bool) -> None:
    """Look at the first bytes of a file. Raises ConfigError where it is not ours, DamagedError where it was.

    `known` says that there are other signs of its being ours. OSError passes.
    """
    if not path.exists() or not path.stat().st_size:
        return
    with path.open("rb") as file:
        head = file.read(100)
    ours = head.startswith(_MAGIC) and int.from_bytes(head[68:72], "big") == APPLICATION_ID
    if ours:
        _check_version(path, int.from_bytes(head[60:64], "big"))
    elif known and not head.startswith(_MAGIC):
        raise DamagedError("it does not begin as a database does")
    else:
        raise ConfigError(KEY, f"{path} is not a Vitalcast history; give another path, or move that file away")


def _check_version(path: Path, version: int) -> None:
    if version != SCHEMA_VERSION:
        raise ConfigError(
            KEY,
            f"{path} was written by another version of Vitalcast (its schema is {version}, here it is "
            f"{SCHEMA_VERSION}); run that version, or give another path",
        )


def set_aside(path: Path, stamp: str) -> Path:
    """Rename a damaged file and its log; return its new name."""
    target = path.with_name(f"{path.name}.corrupt-{stamp}")
    log = path.with_name(f"{path.name}-wal")
    if log.exists():
        log.replace(target.with_name(f"{target.name}-wal"))
    path.with_name(f"{path.name}-shm").unlink(missing_ok=True)
    if path.exists():
        path.replace(target)
    return target


class Database:
    """A connection that writes. One thread at a time may use it; whoever calls holds the lock on the file.

    Any method may raise sqlite3.Error. What `writing` began is then undone, and the connection is to be closed.
    """

    def __init__(self, path: Path, *, connect: Connect = sqlite3.connect) -> None:
        """Open the file, made if need be. Raises DamagedError, and ConfigError for a schema of another version."""
        self._connection = connect(path, isolation_level=None, check_same_thread=False)
        try:
            self._set_up(path)
            self._ids: dict[tuple[str, str], int] = {
                (key, unit): id_ for id_, key, unit in self._connection.execute("SELECT id, key, unit FROM series")
            }
            self.loose_rows: int = self._one("SELECT coalesce(sum(rows), 0) FROM chunk WHERE loose")
        except BaseException:
            self._connection.close()
            raise

    def _set_up(self, path: Path) -> None:
        execute = self._connection.execute
        if not self._one("SELECT count(*) FROM sqlite_master"):
            self._connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")
        _check_version(path, self._one("PRAGMA user_version"))
        execute("PRAGMA journal_mode = WAL")
        # In WAL mode NORMAL would leave what was written in the system's cache, for a power cut to take. One flush
        # in half a minute can afford to wait for the disk, in its own thread.
        execute("PRAGMA synchronous = FULL")
        execute(f"PRAGMA journal_size_limit = {WAL_BYTES_MAX}")

    def close(self) -> None:
        self._connection.close()

    def _one(self, statement: str) -> int:
        value = self._connection.execute(statement).fetchone()[0]
        if not isinstance(value, int):
            raise DamagedError(f"{statement} gives {value!r}")
        return value

    @contextmanager
    def writing(self) -> Iterator[None]:
        """All that is written in the block stands or falls together."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    # --- the position ------------------------------------------------------------------------------------------

    def position(self) -> Position | None:
        """Return the position that was put down last; None in a new file. Raises DamagedError."""
        rows = self._connection.execute("SELECT epoch, offset, time_ms, step_ms, open FROM position").fetchall()
        if not rows:
            return None
        epoch, offset, time_ms, step_ms, is_open = rows[0]
        if not (isinstance(epoch, str) and epoch and all(isinstance(one, int) for one in rows[0][1:]) and step_ms > 0):
            raise DamagedError(f"its position is {rows[0]!r}")
        return Position(epoch, offset, time_ms, step_ms, bool(is_open))

    def put_position(self, position: Position) -> None:
        self._connection.execute("DELETE FROM position")
        self._connection.execute(
            "INSERT INTO position VALUES (?, ?, ?, ?, ?)",
            (position.epoch, position.offset, position.time_ms, position.step_ms, position.open),
        )

    # --- chunks ------------------------------------------------------------------------------------------------

    def put_rows(self, rows: Rows) -> None:
        """Add a chunk of at least one tick."""
        self._name(rows.series, int(rows.times_ms[-1]))
        ids = [self._ids[one.key, one.descriptor.unit] for one in rows.series]
        loose = len(rows.offsets) < MERGED_ROWS
        self._put_chunk(ids, rows, loose=loose)
        if not loose:
            self._seen(ids, rows)

    def _name(self, series: Iterable[Series], now_ms: int) -> None:
        for one in series:
            key, unit = one.key, one.descriptor.unit
            if (key, unit) not in self._ids:
                of = one.descriptor
                attributes = json.dumps(one.attributes, ensure_ascii=False)
                cursor = self._connection.execute(
                    "INSERT INTO series (key, name, unit, kind, description, attributes, last_ms)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (key, of.name, of.unit, of.kind.value, of.description, attributes, now_ms),
                )
                assert cursor.lastrowid is not None
                self._ids[key, unit] = cursor.lastrowid

    def _put_chunk(self, ids: Sequence[int], rows: Rows, *, loose: bool) -> None:
        block = np.column_stack([rows.offsets.astype(np.float64), rows.times_ms.astype(np.float64), rows.values])
        offsets, times = rows.offsets, rows.times_ms
        self._connection.execute(
            "INSERT OR REPLACE INTO chunk VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                int(offsets[0]),
                int(offsets[-1]),
                int(times.min()),
                int(times.max()),
                len(offsets),
                loose,
                pack_integers(ids),
                pack_parts(encode(block)),
            ),
        )
        self.loose_rows += len(offsets) if loose else 0

    def merge(self) -> int:
        """Make one chunk of all loose ones; return how many of them could not be read and were left as they are."""
        loose, unreadable = [], 0
        for row in self._connection.execute(
            "SELECT first_offset, rows, series, columns FROM chunk WHERE loose ORDER BY first_offset"
        ).fetchall():
            try:
                loose.append((chunk := _Chunk.of(row), decode(chunk.columns, chunk.rows)))
            except CodecError:
                unreadable += 1
        self._connection.execute("UPDATE chunk SET loose = 0 WHERE loose")
        self.loose_rows = 0
        if loose:
            ids = sorted({id_ for chunk, _ in loose for id_ in chunk.ids})
            place = {id_: 2 + index for index, id_ in enumerate(ids)}
            merged = np.full((sum(chunk.rows for chunk, _ in loose), 2 + len(ids)), np.nan)
            row = 0
            for chunk, block in loose:
                merged[row : row + chunk.rows, [0, 1, *(place[id_] for id_ in chunk.ids)]] = block
                row += chunk.rows
            offsets, times = merged[:, 0].astype(np.int64), merged[:, 1].astype(np.int64)
            self._connection.executemany(
                "DELETE FROM chunk WHERE first_offset = ?", [(chunk.first_offset,) for chunk, _ in loose]
            )
            rows = Rows((), offsets, times, merged[:, 2:])
            self._put_chunk(ids, rows, loose=False)
            self._seen(ids, rows)
        return unreadable

    def _seen(self, ids: Sequence[int], rows: Rows) -> None:
        newest_ms = int(rows.times_ms.max())
        self._connection.executemany(
            "UPDATE series SET last_ms = max(last_ms, ?) WHERE id = ?", [(newest_ms, id_) for id_ in ids]
        )

    def retain(self, from_ms: int) -> None:
        """Drop the chunks that ended before `from_ms`."""
        self._connection.execute("DELETE FROM chunk WHERE last_ms < ?", (from_ms,))

    def retain_series(self, from_ms: int) -> None:
        """Drop the series that are in no chunk since then. True only right after `merge`."""
        gone = self._connection.execute("SELECT id, key, unit FROM series WHERE last_ms < ?", (from_ms,)).fetchall()
        for id_, key, unit in gone:
            self._connection.execute("DELETE FROM series WHERE id = ?", (id_,))
            self._ids.pop((key, unit), None)

    # --- reading -----------------------------------------------------------------------------------------------

    def newest_rows(self, window_ms: int, memory_max_bytes: int) -> tuple[list[Rows], int]:
        """Return the last ticks, oldest first, and how many chunks could not be read.

        They reach `window_ms` back from the newest, as far as their values take no more than `memory_max_bytes`.
        """
        names = {
            id_: _series(row)
            for id_, *row in self._connection.execute(
                "SELECT id, name, unit, kind, description, attributes FROM series"
            )
        }
        found: list[Rows] = []
        unreadable, from_ms, left_bytes = 0, None, memory_max_bytes
        for row in self._connection.execute(
            "SELECT first_offset, rows, series, columns FROM chunk ORDER BY first_offset DESC"
        ):
            try:
                chunk = _Chunk.of(row)
                block = decode(chunk.columns, chunk.rows)
                series = tuple(names[id_] for id_ in chunk.ids)
            except (CodecError, KeyError):
                unreadable += 1
                continue
            times = block[:, 1].astype(np.int64)
            if from_ms is None:
                from_ms = int(times[-1]) - window_ms
            left_bytes -= block.nbytes
            wanted = times > from_ms
            if left_bytes < 0 or not wanted.any():
                break
            found.append(Rows(series, block[wanted, 0].astype(np.int64), times[wanted], block[wanted, 2:]))
        return found[::-1], unreadable


def _series(row: Sequence[str]) -> Series:
    name, unit, kind, description, attributes = row
    try:
        values = json.loads(attributes)
        return Series(Descriptor(name, unit, Kind(kind), description, tuple(values)), tuple(values.values()))
    except (ValueError, TypeError, AttributeError) as error:
        raise DamagedError(f"the series {name!r} makes no sense: {error}") from None


def read_column(path: Path, series: Series, start_ms: int, end_ms: int) -> Iterator[Column]:
    """Yield a series' ticks of this time, chunk by chunk, on a connection of its own.

    Raises sqlite3.Error and CodecError.
    """
    if not path.exists():
        return
    connection = sqlite3.connect(f"file:{quote(os.fspath(path))}?mode=ro", uri=True, check_same_thread=False)
    try:
        connection.execute("BEGIN")  # one view of the file for both statements
        found = connection.execute(
            "SELECT id FROM series WHERE key = ? AND unit = ?", (series.key, series.descriptor.unit)
        ).fetchone()
        chunks = connection.execute(
            "SELECT first_offset, rows, series, columns FROM chunk WHERE last_ms >= ? AND first_ms < ?"
            " ORDER BY first_offset",
            (start_ms, end_ms),
        )
        for row in chunks if found else ():
            chunk = _Chunk.of(row)
            if found[0] not in chunk.ids:
                continue
            block = decode([*chunk.columns[:2], chunk.columns[2 + chunk.ids.index(found[0])]], chunk.rows)
            offsets, times = block[:, 0].astype(np.int64), block[:, 1].astype(np.int64)
            wanted = (times >= start_ms) & (times < end_ms)
            if wanted.any():
                yield Column(offsets[wanted], times[wanted], block[wanted, 2])
    finally:
        connection.close()
