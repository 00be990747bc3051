"""The connection that writes to a history's file: the position, loose ticks, and what a restart needs."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vitalcast.core.metrics.elapsed import ages_ms
from vitalcast.core.metrics.pace import TIME_MAX_MS
from vitalcast.errors import CodecError, DamagedError
from vitalcast.history import axis as axes_
from vitalcast.history import chunk as chunks_
from vitalcast.history import version_1
from vitalcast.history.axis import Axis
from vitalcast.history.base import Rows
from vitalcast.history.blocks import unpack_values
from vitalcast.history.chunk import Chunk, pack_chunk
from vitalcast.history.continuity import OFFSET_MAX, Position
from vitalcast.history.damage import reading
from vitalcast.history.sanity import drop_nonsense, has_nonsense
from vitalcast.history.schema import (
    EPOCH,
    MERGED_ROWS,
    PAGE_BYTES,
    SCHEMA,
    SCHEMA_VERSION,
    Connect,
    address,
    check_version,
    expected,
    hour_of,
)
from vitalcast.history.series_table import SeriesTable, all_series
from vitalcast.history.stretches import TAKEN_OVER, Stretches, pieces

if TYPE_CHECKING:
    from vitalcast.core.metrics.model import Series

UNPACKED_AT_ONCE = 16  # series of an hour
BUSY_MS = 12_000  # longer than a question about the past may take: nothing else holds the log
_POSITION = "SELECT epoch, offset, time_ms, step_ms, open, boot, steady_ms, lock, kept_ms, seal FROM position"


class Database:
    """A connection that writes. One thread at a time may use it; whoever calls holds the lock on the file.

    Any method may raise sqlite3.Error. What `writing` began is then undone, and the connection is to be closed.
    `extra` are the statements that make the tables of others, IF NOT EXISTS. `nonsense` is how many rows were dropped
    since nobody can have written them.
    """

    def __init__(self, path: Path, *, connect: Connect = sqlite3.connect, extra: Sequence[str] = ()) -> None:
        """Open the file, made if need be. Raises DamagedError, and ConfigError for a schema of a newer version."""
        _make(path)
        self.connection = connect(address(path, "rwc"), uri=True, isolation_level=None, check_same_thread=False)
        try:
            self._set_up(path, extra)
            self.nonsense = 0
            if has_nonsense(self.connection):
                with self.writing():
                    self.nonsense = drop_nonsense(self.connection)
            with reading():
                self.series = SeriesTable(self.connection)
                self.stretches = Stretches(self.connection)
                pending = version_1.is_pending(self.connection)
                self.old_stretches = Stretches(self.connection, taken_over=True) if pending else None
            self.loose_rows = 0
            self.count_loose()
        except BaseException:
            self.connection.close()
            raise

    def _set_up(self, path: Path, extra: Sequence[str]) -> None:
        execute = self.connection.execute
        if not self.one("SELECT count(*) FROM sqlite_master") and not self.one("PRAGMA application_id"):
            execute(f"PRAGMA page_size = {PAGE_BYTES}")
            execute("PRAGMA auto_vacuum = INCREMENTAL")  # so that a smaller cap can be kept to
            self.connection.executescript(f"BEGIN IMMEDIATE; {SCHEMA} COMMIT;")
        check_version(path, version := self.one("PRAGMA user_version"))
        if version < SCHEMA_VERSION:
            version_1.put_aside(self.connection)
        for statements in extra:
            self.connection.executescript(statements)
        found = {sql: kind for kind, sql in execute("SELECT type, sql FROM sqlite_master")}
        if not found.keys() >= expected() or {"view", "trigger"} & set(found.values()):
            raise DamagedError("its tables are not those of a history")
        execute("PRAGMA journal_mode = WAL")
        # In WAL mode NORMAL would leave what was written in the system's cache, for a power cut to take. One flush
        # in half a minute can afford to wait for the disk, in its own thread.
        execute("PRAGMA synchronous = FULL")
        execute("PRAGMA secure_delete = OFF")  # some builds overwrite all that goes, which doubles what pruning writes
        execute("PRAGMA temp_store = MEMORY")
        execute("PRAGMA mmap_size = 0")  # what is mapped ends the process where the disk cannot give it
        execute(f"PRAGMA busy_timeout = {BUSY_MS}")

    def close(self) -> None:
        self.connection.close()

    def put_down(self) -> None:
        """Write what is only in the log into the file itself, whatever its name is by now."""
        self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def examine(self) -> None:
        """Raise DamagedError where the file is broken somewhere."""
        (found, *_) = self.connection.execute("PRAGMA quick_check(1)").fetchone()
        if found != "ok":
            raise DamagedError(found)

    def one(self, statement: str, values: Sequence[Any] = ()) -> int:
        """Return the one number that a statement gives."""
        value = self.connection.execute(statement, tuple(values)).fetchone()[0]
        if not isinstance(value, int):
            raise DamagedError(f"{statement} gives {value!r}")
        return value

    @contextmanager
    def writing(self) -> Iterator[None]:
        """All that is written in the block stands or falls together."""
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.connection.execute("COMMIT")
        except BaseException:
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
            raise

    # --- the position ------------------------------------------------------------------------------------------

    def position(self) -> Position | None:
        """Return the position that was put down last; None in a new file. Raises DamagedError.

        Where it was changed by other hands, nothing says what boot and lock it is of.
        """
        rows = self.connection.execute(_POSITION).fetchall()
        if not rows:
            return None
        epoch, offset, time_ms, step_ms, is_open, boot, steady_ms, lock, kept_ms, seal = rows[0]
        if not (
            isinstance(epoch, str)
            and EPOCH.fullmatch(epoch)
            and all(isinstance(one, int) for one in (offset, time_ms, step_ms, is_open))
            and 0 <= offset <= OFFSET_MAX
            and 0 <= time_ms <= TIME_MAX_MS
            and step_ms > 0
        ):
            raise DamagedError(f"its position is {rows[0]!r}")
        certain = Position(epoch, offset, time_ms, step_ms, bool(is_open), boot, steady_ms, lock, kept_ms)
        if certain.seal == seal:
            return certain
        return Position(epoch, offset, time_ms, step_ms, bool(is_open))

    def put_position(self, position: Position) -> None:
        """Replace the position."""
        self.connection.execute("DELETE FROM position")
        self.connection.execute(
            "INSERT INTO position VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(position.epoch, position.offset, position.time_ms, position.step_ms, position.open),
                *(position.boot, position.steady_ms, position.lock, position.kept_ms, position.seal),
            ),
        )

    def newest_offset(self) -> int:
        """Return the highest offset of the ticks in the file, 0 where there are none. Raises DamagedError."""
        newest = max(
            self.one("SELECT coalesce(max(last_offset), 0) FROM chunk"),
            self.one("SELECT coalesce(max(last_offset), 0) FROM axis"),
        )
        if not 0 <= newest <= OFFSET_MAX:
            raise DamagedError(f"its newest offset is {newest}")
        return newest

    def newest_axis(self) -> int:
        """Return the highest number of an axis, 0 where there is none."""
        return self.one("SELECT coalesce(max(id), 0) FROM axis")

    # --- loose ticks -------------------------------------------------------------------------------------------

    def growing(self) -> dict[int, int]:
        """Return the stretches to which ticks may still be added, each with the time of its newest."""
        found = (one for one in (self.stretches, self.old_stretches) if one is not None)
        return {one.newest: one.last_ms for one in found if one.last_ms is not None}

    def taken_over(self) -> None:
        """Note that nothing is left of version 0.1."""
        self.old_stretches = None

    def put_rows(self, rows: Rows, epoch: str, *, stretches: Stretches | None = None) -> None:
        """Add ticks of one epoch, at least one, as a chunk for each hour and stretch that they touch."""
        stretches = stretches or self.stretches
        axis, epoch_id = self.newest_axis(), self.stretches.epoch(epoch)
        for piece in pieces(rows.times_ms, stretches.last_ms, MERGED_ROWS):
            part = slice(piece.start, piece.end)
            present = np.flatnonzero(~np.isnan(rows.values[part]).all(axis=0))
            times = rows.times_ms[part]
            stretch = stretches.extend(piece, int(times[0]), int(times[-1]))
            series = [rows.series[column] for column in present.tolist()]
            ids = self.series.number(series, hour_of(int(times[-1])), axis)
            kept = Rows((), rows.offsets[part], times, rows.values[part, present])
            self._put_chunk(ids, kept, stretch, epoch_id)

    def _put_chunk(
        self, ids: Sequence[int], rows: Rows, stretch: int, epoch: int, *, loose: bool | None = None
    ) -> None:
        count = len(rows.offsets)
        if loose is None:
            loose = count < MERGED_ROWS
        self.connection.execute(
            "INSERT OR REPLACE INTO chunk VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(int(rows.offsets[0]), int(rows.offsets[-1]), stretch, epoch),
                *(int(rows.times_ms[0]), int(rows.times_ms[-1]), count, loose),
                *pack_chunk(ids, rows),
            ),
        )
        self.loose_rows += count if loose else 0

    def merge(self, bytes_max: int) -> int:
        """Join loose chunks of one hour, stretch and epoch; return how many could not be read, and were dropped.

        No more are joined, from the oldest on, than have so many bytes, or one.
        """
        # Only what follows on each other: between two loose ones may lie one that is not, of a long flush.
        groups: dict[tuple[int, int, int, int], list[Chunk]] = {}
        run, left = 0, bytes_max
        dropped: list[int] = []
        for loose, *row in self.connection.execute(chunks_.WITH_LOOSE).fetchall():
            run += not loose
            if not loose:
                continue
            if (left := left - len(row[-2]) - len(row[-1])) < 0 and groups:
                break
            try:
                with reading():
                    one = Chunk.of(row)
                    one.values()
                    hour_ms = hour_of(int(one.times_ms[-1]))
                    groups.setdefault((run, one.stretch, one.epoch, hour_ms), []).append(one)
            except DamagedError:
                dropped.append(row[0])
        self._delete_chunks(dropped)
        for (_, stretch, epoch, _), group in groups.items():
            self._delete_chunks([one.first_offset for one in group])
            try:
                self._put_chunk(*joined_chunks(group), stretch, epoch, loose=False)
            except CodecError:
                dropped += [one.first_offset for one in group]
        self.count_loose()
        return len(dropped)

    def count_loose(self) -> None:
        """Count the ticks in loose chunks anew."""
        self.loose_rows = self.one("SELECT coalesce(sum(rows), 0) FROM chunk WHERE loose")

    def loose_bytes(self) -> int:
        """Return how many bytes loose chunks take."""
        return self.one("SELECT coalesce(sum(length(series) + length(columns)), 0) FROM chunk WHERE loose")

    def _delete_chunks(self, first_offsets: Sequence[int]) -> None:
        self.connection.executemany("DELETE FROM chunk WHERE first_offset = ?", [(one,) for one in first_offsets])

    # --- reading -----------------------------------------------------------------------------------------------

    def newest_rows(self, window_ms: int, memory_max_bytes: int, interval_ms: int) -> tuple[list[Rows], int]:
        """Return the last ticks, oldest first, and how many chunks and axes could not be read.

        They reach `window_ms` back from the newest, as far as their values take no more than `memory_max_bytes`.
        """
        found: list[Rows] = []
        unreadable, left_bytes, age_ms = 0, memory_max_bytes, 0
        after: tuple[int, int] | None = None  # the offset and the time of the tick after the part
        for part in self._newest_parts():
            if part is None:
                unreadable += 1
                continue
            offsets, times = part.offsets, part.times_ms
            if after is not None and offsets[-1] >= after[0]:
                unreadable += 1  # two overlap
                continue
            next_offset, next_time = after or (int(offsets[-1]), int(times[-1]))
            ages = age_ms + ages_ms(np.append(offsets, next_offset), np.append(times, next_time), interval_ms)[:-1]
            wanted = ages < window_ms
            left_rows = left_bytes // (8 * (part.values.shape[1] + 2))
            wanted[: max(0, len(wanted) - left_rows)] = False
            left_bytes -= int(wanted.sum()) * 8 * (part.values.shape[1] + 2)
            if wanted.any():
                found.append(Rows(part.series, offsets[wanted], times[wanted], part.values[wanted]))
            if not wanted[0]:
                break
            age_ms, after = int(ages[0]), (int(offsets[0]), int(times[0]))
        return found[::-1], unreadable

    def _newest_parts(self) -> Iterator[Rows | None]:
        """Yield the ticks of chunks and then axes, from the newest back; None for one that cannot be read."""
        names = all_series(self.connection)
        chunks = self.connection.execute(chunks_.NEWEST)
        for row in chunks:
            if self.old_stretches is not None and isinstance(row[2], int) and row[2] <= TAKEN_OVER:
                break
            part = None
            with suppress(DamagedError), reading():
                one = Chunk.of(row)
                ids = [id_ for id_ in one.ids if id_ in names]
                part = Rows(tuple(names[id_] for id_ in ids), one.offsets, one.times_ms, one.values(ids))
            yield part
        if self.old_stretches is not None:  # what is taken over already is older than what is not
            yield from version_1.newest_parts(self.connection)
            return
        for axis in axes_.newest_raw(self.connection):
            part = None
            with suppress(DamagedError), reading():
                part = self._axis_rows(axis, names)
            yield part

    def _axis_rows(self, axis: Axis, names: dict[int, Series]) -> Rows:
        ids, parts = [], []
        for _, bundle in axes_.bundles(self.connection, axis.id):
            for id_ in bundle.ids:
                if id_ in names:
                    ids.append(id_)
                    parts.append(bundle.get(id_) or b"")
        values = np.empty((axis.rows, len(parts)))
        for start in range(0, len(parts), UNPACKED_AT_ONCE):  # to unpack them takes several times what they are
            some = slice(start, start + UNPACKED_AT_ONCE)
            values[:, some] = unpack_values(parts[some], axis.rows)
        return Rows(tuple(names[id_] for id_ in ids), axis.tick_offsets(), axis.times_ms(), values)


def joined_chunks(group: Sequence[Chunk]) -> tuple[list[int], Rows]:
    """Lay the ticks of chunks, at least one, one after the other; return the numbers of their series beside them."""
    ids = sorted({id_ for one in group for id_ in one.ids})
    offsets = np.concatenate([one.offsets for one in group])
    times = np.concatenate([one.times_ms for one in group])
    if (np.diff(offsets) <= 0).any() or (np.diff(times) <= 0).any():
        raise CodecError("two chunks overlap")
    return ids, Rows((), offsets, times, np.concatenate([one.values(ids) for one in group]))


def _make(path: Path) -> None:
    """Make the file for this user alone, where there is none. SQLite's own would be for all to read."""
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
