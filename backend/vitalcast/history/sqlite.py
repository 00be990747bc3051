"""The history in an SQLite file: frames gather in memory and are written by the dozen, outside the event loop."""

from __future__ import annotations

import errno
import logging
import os
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from vitalcast.errors import ConfigError
from vitalcast.history.base import Column, Counts, History, HistoryError, Resumed, Rows
from vitalcast.history.codec import CodecError
from vitalcast.history.database import (
    KEY,
    MERGED_ROWS,
    Connect,
    DamagedError,
    Database,
    Position,
    check_file,
    is_damage,
    read_column,
    set_aside,
)
from vitalcast.history.filelock import FileLock, LockedError
from vitalcast.model import Frame, Layout, Series

logger = logging.getLogger(__name__)

STEP_MIN_MS = 100  # no tick is faster
CRASH_MARGIN_TICKS = 2  # what may go out faster before that has been put down
RETRY_MAX_S = 600.0
PENDING_VALUES_MAX = 2**21  # 16 MiB of readings wait for a disk that is full


def wall_clock_ms() -> int:
    return time.time_ns() // 1_000_000


class SqliteHistory(History):
    """Keeps `retention_ms` of frames in a file, which one process at a time may have open.

    A crash loses the frames since the last flush, which is due every `flush_s`. A file that turns out to be broken is
    renamed and a new one begun. What `open` returns reaches `window_ms` back and takes `memory_max_bytes` at most.
    """

    def __init__(
        self,
        path: Path,
        *,
        flush_s: float = 30.0,
        retention_ms: int = 24 * 3_600_000,
        window_ms: int = 900_000,
        memory_max_bytes: int = 64 * 2**20,
        clock_ms: Callable[[], int] = wall_clock_ms,
        connect: Connect = sqlite3.connect,
        pending_values_max: int = PENDING_VALUES_MAX,
    ) -> None:
        self.path = _absolute(path)
        self.counts = Counts()
        self._flush_s = flush_s
        self._retention_ms = retention_ms
        self._window_ms = window_ms
        self._memory_max_bytes = memory_max_bytes
        self._clock_ms = clock_ms
        self._connect = connect
        self._pending_values_max = pending_values_max
        self._lock = FileLock(self.path.with_name(f"{self.path.name}.lock"))
        self._io = threading.Lock()  # held by whoever uses the database
        self._database: Database | None = None
        self._position = Position("", 0, 0, STEP_MIN_MS, open=False)
        self._gate = threading.Lock()  # held for moments by whoever touches the frames
        self._pending: deque[Frame] = deque()
        self._pending_values = 0
        self._writing: list[Frame] = []
        self._taking = False
        self._first: Frame | None = None
        self._last: Frame | None = None
        self._step_ms = 0  # between the newest two ticks; 0 before there are two that follow the clock
        self._failures = 0
        self._lost_said = 0

    @property
    def pause_s(self) -> float:
        return self._flush_s if not self._failures else min(self._flush_s * 2.0**self._failures, RETRY_MAX_S)

    # --- opening -------------------------------------------------------------------------------------------------

    def check(self, *, now: bool = True) -> None:
        path, folder = self.path, self.path.parent
        try:
            if path.is_dir():
                raise ConfigError(KEY, f"{path} is a folder; give the path of a file in it")
            if not folder.is_dir():
                raise ConfigError(KEY, f"the folder {folder} does not exist; make it, or give another path")
            if not os.access(folder, os.W_OK | os.X_OK) or (path.exists() and not os.access(path, os.R_OK | os.W_OK)):
                raise self._unusable(os.strerror(errno.EACCES))
            if now:
                self._lock.probe()
            check_file(path, known=self._lock.path.exists())
        except DamagedError:
            pass  # `open` sets it aside
        except LockedError as error:
            raise self._locked(error) from None
        except OSError as error:
            raise self._unusable(error.strerror) from None

    def _locked(self, error: LockedError) -> ConfigError:
        return ConfigError(
            KEY, f"{self.path} is in use by another Vitalcast ({error}); stop that, or give another path"
        )

    def _unusable(self, why: object) -> ConfigError:
        advice = "give a path that this user may write to, or none to keep no history"
        return ConfigError(KEY, f"{self.path} cannot be written ({why}); {advice}")

    def open(self, *, epoch: str, interval_ms: int) -> Resumed | None:
        self.check()
        known = self._lock.path.exists()
        try:
            self._lock.acquire()
        except LockedError as error:
            raise self._locked(error) from None
        except OSError as error:
            raise self._unusable(error.strerror) from None
        try:
            with self._io:
                return self._open(epoch, interval_ms, known=known)
        except BaseException as error:
            self._lock.release()
            if isinstance(error, sqlite3.Error | OSError):
                raise self._unusable(error) from None
            raise

    def _open(self, epoch: str, interval_ms: int, *, known: bool) -> Resumed | None:
        try:
            check_file(self.path, known=known)
            resumed = self._resume(self._connected(), interval_ms)
        except (DamagedError, sqlite3.Error) as error:
            self._drop_database()
            if not is_damage(error):
                raise
            self._set_aside(error)
            resumed = None
            self._connected()
        self._position = Position(
            epoch=resumed.epoch if resumed else epoch,
            offset=resumed.offset if resumed else 0,
            time_ms=self._clock_ms(),
            step_ms=interval_ms,
            open=True,
        )
        self._taking = True
        self._write([])
        return resumed

    def _resume(self, database: Database, interval_ms: int) -> Resumed | None:
        position = database.position()
        if position is None:
            return None
        rows, unreadable = database.newest_rows(self._window_ms, self._memory_max_bytes)
        if unreadable:
            self._unreadable(unreadable)
        newest = max([position.offset, *(int(one.offsets[-1]) for one in rows)])
        missed = missed_ticks(position, self._clock_ms(), interval_ms, flush_ms=round(self._flush_s * 1000))
        return Resumed(position.epoch, newest + missed, tuple(rows))

    def _set_aside(self, error: Exception) -> None:
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(self._clock_ms() / 1000))
        target = set_aside(self.path, stamp)
        logger.warning("the history %s is damaged (%s): it is now %s, and a new one begins", self.path, error, target)

    def _connected(self) -> Database:
        if self._database is None:
            self._database = Database(self.path, connect=self._connect)
        return self._database

    def _drop_database(self) -> None:
        if self._database is not None:
            self._database.close()
            self._database = None

    def _unreadable(self, chunks: int) -> None:
        self.counts.chunks_unreadable += chunks
        logger.warning("%d chunks of the history %s cannot be read and are left out", chunks, self.path)

    # --- frames in -----------------------------------------------------------------------------------------------

    def append(self, frame: Frame) -> bool:
        last, self._last = self._last, frame
        with self._gate:
            if not self._taking:
                return False
            self._pending.append(frame)
            self._pending_values += len(frame.values) + 1
            while self._pending_values > self._pending_values_max and len(self._pending) > 1:
                self._pending_values -= len(self._pending.popleft().values) + 1
                self.counts.ticks_lost += 1
        if last is None or self._first is None:
            self._first = self._first or last  # it did not wait for the clock, so that the second may follow at once
            return False
        step_ms = (frame.time_ms - last.time_ms) // (frame.offset - last.offset)
        if step_ms >= STEP_MIN_MS:
            self._step_ms = step_ms
        # Ticks that are faster than was put down could outrun the offsets that a restart after a crash leaves out.
        return 0 < self._step_ms < self._position.step_ms and not self._failures

    def _take(self) -> list[Frame]:
        with self._gate:
            self._writing = list(self._pending)
            self._pending.clear()
            self._pending_values = 0
            return self._writing

    def _settle(self, *, written: bool) -> None:
        """Forget the frames that were being written, or put them back."""
        with self._gate:
            if not written:
                self._pending.extendleft(reversed(self._writing))
                self._pending_values += sum(len(frame.values) + 1 for frame in self._writing)
            self._writing = []

    # --- frames down ---------------------------------------------------------------------------------------------

    def flush(self) -> None:
        with self._io:
            if self._taking:
                self._write(self._take())

    def _write(self, frames: list[Frame], *, closing: bool = False) -> None:
        written = False
        try:
            self._put_or_replace(frames, closing=closing)
            written = True
        except (ConfigError, DamagedError, sqlite3.Error, OSError) as error:
            self._drop_database()
            self._failed(error)
        finally:
            self._settle(written=written)
        if written:
            self.counts.ticks_written += len(frames)
            self._succeeded()

    def _put_or_replace(self, frames: list[Frame], *, closing: bool) -> None:
        try:
            self._put(self._connected(), frames, closing=closing)
        except (DamagedError, sqlite3.DatabaseError) as error:
            if not is_damage(error):
                raise
            self._drop_database()
            self._set_aside(error)
            self._put(self._connected(), frames, closing=closing)

    def _put(self, database: Database, frames: list[Frame], *, closing: bool) -> None:
        position = self._position
        if frames:
            step_ms = self._step_ms or position.step_ms
            position = Position(position.epoch, frames[-1].offset, frames[-1].time_ms, step_ms, open=True)
        if closing:
            position = Position(position.epoch, position.offset, position.time_ms, position.step_ms, open=False)
        unreadable = 0
        with database.writing():
            for start in range(0, len(frames), MERGED_ROWS):
                database.put_rows(rows_of(frames[start : start + MERGED_ROWS]))
            if frames and not closing:
                database.retain(position.time_ms - self._retention_ms)
                if database.loose_rows >= MERGED_ROWS:
                    unreadable = database.merge()
                    database.retain_series(position.time_ms - self._retention_ms)
            database.put_position(position)
        self._position = position
        if unreadable:
            self._unreadable(unreadable)

    def _failed(self, error: Exception) -> None:
        self.counts.failures += 1
        self._failures += 1
        if self._failures == 1:
            logger.warning(
                "the history %s cannot be written (%s): the newest ticks stay in memory, and it is tried again",
                self.path,
                error,
            )

    def _succeeded(self) -> None:
        if self._failures:
            lost, self._lost_said = self.counts.ticks_lost - self._lost_said, self.counts.ticks_lost
            logger.warning(
                "the history %s is written again after %d failures; %d ticks were lost", self.path, self._failures, lost
            )
        self._failures = 0

    def close(self) -> None:
        with self._io:
            with self._gate:
                was_taking, self._taking = self._taking, False
            if was_taking:
                self._write(self._take(), closing=True)
                self._say_lost()
            self._drop_database()
            self._lock.release()

    def _say_lost(self) -> None:
        if self._pending:
            logger.warning("the newest %d ticks could not be written to the history %s", len(self._pending), self.path)

    # --- frames out ----------------------------------------------------------------------------------------------

    def read(self, series: Series, start_ms: int, end_ms: int) -> Iterator[Column]:
        with self._gate:
            fresh = [*self._writing, *self._pending]
        newest = -1
        try:
            for column in read_column(self.path, series, start_ms, end_ms):
                newest = int(column.offsets[-1])
                yield column
        except (sqlite3.Error, CodecError) as error:
            raise HistoryError(f"the history {self.path} cannot be read: {error}") from error
        # Some of the fresh ones may have been put down before the file was read.
        fresh = [frame for frame in fresh if frame.offset > newest and start_ms <= frame.time_ms < end_ms]
        if fresh:
            rows = rows_of(fresh)
            if series in rows.series:
                yield Column(rows.offsets, rows.times_ms, rows.values[:, rows.series.index(series)])


def _absolute(path: Path) -> Path:
    try:
        return path.expanduser().resolve()
    except (OSError, RuntimeError) as error:
        raise ConfigError(KEY, f"{path} is no path of a file: {error}") from None


def missed_ticks(position: Position, now_ms: int, interval_ms: int, *, flush_ms: int) -> int:
    """Return how many ticks there would have been since the position.

    After a crash these include the ticks that went out but were not put down, none of which may be given out again.
    """
    elapsed_ms = now_ms - position.time_ms
    if not position.open:
        return max(0, elapsed_ms - 1) // interval_ms
    if elapsed_ms < 0:  # the clock was set back, as on a machine that forgets the time without power
        elapsed_ms = 2 * flush_ms
    return elapsed_ms // position.step_ms + CRASH_MARGIN_TICKS


def rows_of(frames: Sequence[Frame]) -> Rows:
    """Lay frames of any layouts, at least one, side by side."""
    place: dict[Series, int] = {}
    columns: dict[int, tuple[list[int], list[int]]] = {}  # by layout: from where, to where
    layouts: dict[int, Layout] = {id(frame.layout): frame.layout for frame in frames}
    for id_, layout in layouts.items():
        present = [(column, one) for column, one in enumerate(layout.series) if one is not None]
        columns[id_] = (
            [column for column, _ in present],
            [place.setdefault(one, len(place)) for _, one in present],
        )
    values = np.full((len(frames), len(place)), np.nan)
    for row, frame in enumerate(frames):
        source, target = columns[id(frame.layout)]
        values[row, target] = frame.values[source]
    return Rows(
        tuple(place),
        np.array([frame.offset for frame in frames], dtype=np.int64),
        np.array([frame.time_ms for frame in frames], dtype=np.int64),
        values,
    )
