"""The file of a history: what its tables hold, and the statements that write and read them."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zlib import crc32

import numpy as np

from vitalcast.core.metrics.elapsed import ages_ms
from vitalcast.core.metrics.model import Descriptor, Kind, Series
from vitalcast.errors import CodecError, ConfigError, DamagedError
from vitalcast.history.base import Column, Rows
from vitalcast.history.codec import decode, encode, pack_integers, pack_parts, unpack_integers, unpack_parts
from vitalcast.history.continuity import OFFSET_MAX, TIME_MAX_MS, Position
from vitalcast.history.damage import is_damage, reading

KEY = "history.path"
APPLICATION_ID = 0x56695443  # "ViTC"
SCHEMA_VERSION = 1
MERGED_ROWS = 600  # so many rows of a column make its bytes outweigh what surrounds them
WAL_BYTES_MAX = 2**20
CHUNK_ROWS_MAX = 4 * MERGED_ROWS  # never reached: of one that says more its word is not taken
MARKS = 256  # so many pieces of the retention are told apart when the oldest goes
_MAGIC = b"SQLite format 3\0"
_EPOCH = re.compile(r"[!-~]{1,64}")

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
# Beside them, unseen by version 0.1, which opens the same files: what makes the position certain, and from time to time
# how long the file had been written by then. Time is that of a clock which cannot jump, and `seal` a checksum.
_SCHEMA_BESIDE = """
CREATE TABLE IF NOT EXISTS continuity (
  boot TEXT NOT NULL, steady_ms INTEGER NOT NULL, lock TEXT NOT NULL, kept_ms INTEGER NOT NULL, seal INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS mark (offset INTEGER PRIMARY KEY, kept_ms INTEGER NOT NULL, seal INTEGER NOT NULL);
"""

Connect = Callable[..., sqlite3.Connection]


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
        if not (isinstance(rows, int) and 0 < rows <= CHUNK_ROWS_MAX):
            raise CodecError(f"the chunk at offset {first_offset} has {rows!r} rows")
        chunk = cls(first_offset, rows, unpack_integers(series), unpack_parts(columns))
        if len(chunk.columns) != len(chunk.ids) + 2:
            raise CodecError(f"the chunk at offset {first_offset} has {len(chunk.columns)} columns")
        return chunk

    def block(self, columns: Sequence[int] | None = None) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        """Return the offsets, the times, and these columns or all. Raises CodecError where they cannot be true."""
        wanted = self.columns[2:] if columns is None else [self.columns[2 + column] for column in columns]
        block = decode([*self.columns[:2], *wanted], self.rows)
        offsets, times = block[:, 0], block[:, 1]
        if not (
            offsets[0] == self.first_offset
            and (np.diff(offsets) >= 1).all()
            and 0 < offsets[0] <= offsets[-1] <= OFFSET_MAX
            and ((times >= 0) & (times <= TIME_MAX_MS)).all()
        ):
            raise CodecError(f"the chunk at offset {self.first_offset} has impossible offsets or times")
        return block


def check_file(path: Path, *, known: bool) -> None:
    """Look at the first bytes of a file. Raises ConfigError where it is not ours, DamagedError where it was.

    `known` says that there are other signs of its being ours. OSError passes.
    """
    if not path.exists():
        return
    if not path.is_file():  # to open a pipe would wait for somebody at its other end
        raise ConfigError(KEY, f"{path} is not a regular file; give the path of a file")
    if not path.stat().st_size:
        return
    with path.open("rb") as file:
        head = file.read(100)
    ours = head.startswith(_MAGIC) and int.from_bytes(head[68:72], "big") == APPLICATION_ID
    if ours:
        _check_version(path, int.from_bytes(head[60:64], "big", signed=True))
    elif known and not head.startswith(_MAGIC):
        raise DamagedError("it does not begin as a database does")
    else:
        raise ConfigError(KEY, f"{path} is not a Vitalcast history; give another path, or move that file away")


def _check_version(path: Path, version: int) -> None:
    if version < SCHEMA_VERSION:
        raise DamagedError(f"its schema is {version}, which no version of Vitalcast has written")
    if version > SCHEMA_VERSION:
        raise ConfigError(
            KEY,
            f"{path} was written by a newer version of Vitalcast (its schema is {version}, here it is "
            f"{SCHEMA_VERSION}); run that version, or give another path",
        )


def _address(path: Path, mode: str) -> str:
    # The usual way keeps the index of the log in a file that is mapped into memory: on a full disk with blocks smaller
    # than a page it comes out sparse, and to touch it is SIGBUS. This way it lies on the heap; other processes are
    # locked out, who have no business here, and any connection of this one sees the same.
    vfs = "" if sys.platform == "win32" else "&vfs=unix-excl"
    return f"file:{quote(os.fspath(path))}?mode={mode}{vfs}"


def _expected() -> set[str]:
    """Return the statements that SQLite remembers of the tables as they must be."""
    return {one.strip() for one in _SCHEMA.split(";") if one.strip().startswith("CREATE")}


class Database:
    """A connection that writes. One thread at a time may use it; whoever calls holds the lock on the file.

    Any method may raise sqlite3.Error. What `writing` began is then undone, and the connection is to be closed.
    """

    def __init__(self, path: Path, *, connect: Connect = sqlite3.connect) -> None:
        """Open the file, made if need be. Raises DamagedError, and ConfigError for a schema of a newer version."""
        self._connection = connect(_address(path, "rwc"), uri=True, isolation_level=None, check_same_thread=False)
        try:
            self._set_up(path)
            self._ids: dict[tuple[str, str], int] = {
                (key, unit): id_ for id_, key, unit in self._connection.execute("SELECT id, key, unit FROM series")
            }
            self.loose_rows: int = self._one("SELECT coalesce(sum(rows), 0) FROM chunk WHERE loose")
            self._dropped = False
        except BaseException:
            self._connection.close()
            raise

    def _set_up(self, path: Path) -> None:
        execute = self._connection.execute
        if not self._one("SELECT count(*) FROM sqlite_master") and not self._one("PRAGMA application_id"):
            self._connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")
        _check_version(path, self._one("PRAGMA user_version"))
        found = {sql: kind for kind, sql in execute("SELECT type, sql FROM sqlite_master")}
        if not found.keys() >= _expected() or {"view", "trigger"} & set(found.values()):
            raise DamagedError("its tables are not those of a history")
        execute("PRAGMA journal_mode = WAL")
        # In WAL mode NORMAL would leave what was written in the system's cache, for a power cut to take. One flush
        # in half a minute can afford to wait for the disk, in its own thread.
        execute("PRAGMA synchronous = FULL")
        execute(f"PRAGMA journal_size_limit = {WAL_BYTES_MAX}")
        execute("PRAGMA mmap_size = 0")  # what is mapped ends the process where the disk cannot give it

    def close(self) -> None:
        self._connection.close()

    def put_down(self) -> None:
        """Write what is only in the log into the file itself, whatever its name is by now."""
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def examine(self) -> None:
        """Raise DamagedError where the file is broken somewhere."""
        (found, *_) = self._connection.execute("PRAGMA quick_check(1)").fetchone()
        if found != "ok":
            raise DamagedError(found)

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
        """Return the position that was put down last; None in a new file. Raises DamagedError.

        Where it was changed by other hands, or written by version 0.1, nothing says what boot and lock it is of.
        """
        rows = self._connection.execute("SELECT epoch, offset, time_ms, step_ms, open FROM position").fetchall()
        if not rows:
            return None
        epoch, offset, time_ms, step_ms, is_open = rows[0]
        if not (
            isinstance(epoch, str)
            and _EPOCH.fullmatch(epoch)
            and all(isinstance(one, int) for one in rows[0][1:])
            and 0 <= offset <= OFFSET_MAX
            and 0 <= time_ms <= TIME_MAX_MS
            and step_ms > 0
        ):
            raise DamagedError(f"its position is {rows[0]!r}")
        position = Position(epoch, offset, time_ms, step_ms, bool(is_open))
        for boot, steady_ms, lock, kept_ms, seal in self._beside("SELECT * FROM continuity"):
            certain = Position(epoch, offset, time_ms, step_ms, bool(is_open), boot, steady_ms, lock, kept_ms)
            if certain.seal == seal:
                return certain
        return position

    def newest_offset(self) -> int:
        """Return the highest offset of the ticks in the file, 0 where there are none. Raises DamagedError."""
        newest = self._one("SELECT coalesce(max(last_offset), 0) FROM chunk")
        if not 0 <= newest <= OFFSET_MAX:
            raise DamagedError(f"its newest offset is {newest}")
        return newest

    def _beside(self, statement: str) -> list[tuple[Any, ...]]:
        """Return the rows of a table that need not be there, nor be as it should: nothing that matters is lost."""
        try:
            return self._connection.execute(statement).fetchall()
        except sqlite3.DatabaseError as error:
            if is_damage(error):
                return []
            raise

    def put_position(self, position: Position) -> None:
        execute = self._connection.execute
        execute("DELETE FROM position")
        execute(
            "INSERT INTO position VALUES (?, ?, ?, ?, ?)",
            (position.epoch, position.offset, position.time_ms, position.step_ms, position.open),
        )
        self._make_beside()
        execute("DELETE FROM continuity")
        execute(
            "INSERT INTO continuity VALUES (?, ?, ?, ?, ?)",
            (position.boot, position.steady_ms, position.lock, position.kept_ms, position.seal),
        )

    def _make_beside(self) -> None:
        for statement in filter(str.strip, _SCHEMA_BESIDE.split(";")):
            self._connection.execute(statement)

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
                with reading():
                    loose.append((chunk := _Chunk.of(row), chunk.block()))
            except DamagedError:
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

    def mark(self, offset: int, kept_ms: int, retention_ms: int) -> None:
        """Remember that the tick of this offset was put down when the file had been written for so long."""
        self._make_beside()
        newest = max((one for _, one in self._marks()), default=-retention_ms)
        if kept_ms - newest >= retention_ms // MARKS:
            self._connection.execute(
                "INSERT OR REPLACE INTO mark VALUES (?, ?, ?)", (offset, kept_ms, _seal(offset, kept_ms))
            )

    def _marks(self) -> list[tuple[int, int]]:
        rows = self._connection.execute("SELECT offset, kept_ms, seal FROM mark").fetchall()
        return [(offset, kept_ms) for offset, kept_ms, seal in rows if seal == _seal(offset, kept_ms)]

    def retain(self, from_kept_ms: int) -> None:
        """Drop the chunks that ended before the file had been written for so long."""
        last = max((offset for offset, kept_ms in self._marks() if kept_ms < from_kept_ms), default=0)
        if last:
            cursor = self._connection.execute("DELETE FROM chunk WHERE last_offset <= ?", (last,))
            self._connection.execute("DELETE FROM mark WHERE offset < ?", (last,))
            self._dropped = self._dropped or cursor.rowcount > 0

    def retain_series(self) -> None:
        """Drop the series that were only in chunks that have been dropped."""
        if not self._dropped:
            return
        used: set[int] = set()
        for (ids,) in self._connection.execute("SELECT series FROM chunk"):
            with suppress(CodecError):
                used.update(unpack_integers(ids))
        for name, id_ in [(name, id_) for name, id_ in self._ids.items() if id_ not in used]:
            self._connection.execute("DELETE FROM series WHERE id = ?", (id_,))
            del self._ids[name]
        self._dropped = False

    # --- reading -----------------------------------------------------------------------------------------------

    def newest_rows(self, window_ms: int, memory_max_bytes: int, interval_ms: int) -> tuple[list[Rows], int]:
        """Return the last ticks, oldest first, and how many chunks could not be read.

        They reach `window_ms` back from the newest, as far as their values take no more than `memory_max_bytes`.
        """
        names = {
            id_: _series(row)
            for id_, *row in self._connection.execute(
                "SELECT id, key, name, unit, kind, description, attributes FROM series"
            )
        }
        found: list[Rows] = []
        unreadable, left_bytes, age_ms = 0, memory_max_bytes, 0
        after: tuple[Any, Any] | None = None  # the offset and the time of the tick after the chunk
        for row in self._connection.execute(
            "SELECT first_offset, rows, series, columns FROM chunk ORDER BY first_offset DESC"
        ):
            try:
                with reading():
                    chunk = _Chunk.of(row)
                    block = chunk.block()
                    series = tuple(names[id_] for id_ in chunk.ids)
                    offsets, times = block[:, 0].astype(np.int64), block[:, 1].astype(np.int64)
                    if after is not None and offsets[-1] >= after[0]:
                        raise CodecError("two chunks overlap")
            except DamagedError:
                unreadable += 1
                continue
            next_offset, next_time = after or (offsets[-1], times[-1])
            ages = age_ms + ages_ms(np.append(offsets, next_offset), np.append(times, next_time), interval_ms)[:-1]
            left_bytes -= block.nbytes
            wanted = ages < window_ms
            if left_bytes < 0 or not wanted.any():
                break
            age_ms, after = int(ages[0]), (offsets[0], times[0])
            found.append(Rows(series, offsets[wanted], times[wanted], block[wanted, 2:]))
        return found[::-1], unreadable


def _seal(*numbers: object) -> int:
    return crc32(repr(numbers).encode())


def _series(row: Sequence[str]) -> Series:
    key, name, unit, kind, description, attributes = row
    with reading():
        values = json.loads(attributes)
        series = Series(Descriptor(name, unit, Kind(kind), description, tuple(values)), tuple(values.values()))
        if series.key != key or not all(isinstance(one, str) for one in (name, unit, description)):
            raise ValueError(f"the series {key!r} is not what its name and attributes say")
    return series


def read_column(path: Path, series: Series, start_ms: int, end_ms: int) -> Iterator[Column]:
    """Yield a series' ticks of this time, chunk by chunk, on a connection of its own.

    Raises sqlite3.Error and DamagedError.
    """
    if not path.exists():
        return
    # Not read-only: such a connection does not keep others out, so that its index would be a file once more.
    connection = sqlite3.connect(_address(path, "rw"), uri=True, check_same_thread=False)
    try:
        connection.execute("PRAGMA query_only = ON")
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
            with reading():
                chunk = _Chunk.of(row)
                if found[0] not in chunk.ids:
                    continue
                block = chunk.block([chunk.ids.index(found[0])])
            offsets, times = block[:, 0].astype(np.int64), block[:, 1].astype(np.int64)
            wanted = (times >= start_ms) & (times < end_ms)
            if wanted.any():
                yield Column(offsets[wanted], times[wanted], block[wanted, 2])
    finally:
        connection.close()
