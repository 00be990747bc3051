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
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from vitalcast import clocks
from vitalcast.core.events.event import Event
from vitalcast.core.metrics.model import Frame, Layout, Series
from vitalcast.core.metrics.pace import STEP_MIN_MS
from vitalcast.core.processes.snapshot import ProcessSnapshot
from vitalcast.core.query.past import Past
from vitalcast.core.text import printable
from vitalcast.errors import ConfigError, DamagedError, HistoryError, LockedError
from vitalcast.history.base import Column, Counts, History, Resumed, Rows
from vitalcast.history.continuity import Now, Position, go_on
from vitalcast.history.damage import is_damage, reading, set_aside
from vitalcast.history.database import KEY, MERGED_ROWS, Connect, Database, check_file, read_column
from vitalcast.history.filelock import FileLock
from vitalcast.history.recent import Recent, RecentPast
from vitalcast.history.watched import Change, Watched

logger = logging.getLogger(__name__)

RETRY_MAX_S = 600.0
PENDING_VALUES_MAX = 2**21  # 16 MiB of readings wait for a disk that is full
_SPOILT = {Change.CUT_OFF: "cut it off", Change.OVERWRITTEN: "overwritten it"}


class SqliteHistory(History):
    """Keeps `retention_ms` of frames in a file, which one process at a time may have open.

    A crash loses the frames since the last flush, which is due every `flush_s`. A file that turns out to be broken is
    renamed and a new one begun; one that somebody takes away while it is open is missed at the next flush. What `open`
    returns reaches `window_ms` back and takes `memory_max_bytes` at most. Frames are stamped with `steady_ms`, by which
    alone they grow old; `boot` names the boot that it counts from.
    """

    def __init__(
        self,
        path: Path,
        *,
        flush_s: float = 30.0,
        retention_ms: int = 24 * 3_600_000,
        window_ms: int = 900_000,
        memory_max_bytes: int = 64 * 2**20,
        clock_ms: Callable[[], int] = clocks.wall_ms,
        steady_ms: Callable[[], int] = clocks.steady_ms,
        boot: Callable[[], str] = clocks.boot,
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
        self._steady_ms = steady_ms
        self._boot = boot
        self._connect = connect
        self._pending_values_max = pending_values_max
        self._lock = FileLock(self.path.with_name(f"{self.path.name}.lock"))
        self._io = threading.Lock()  # held by whoever uses the database
        self._database: Database | None = None
        self._watched = Watched(self.path)
        self._position = Position("", 0, 0, STEP_MIN_MS, open=False)
        self._gate = threading.Lock()  # held for moments by whoever touches the frames
        self._pending: deque[Frame] = deque()
        self._pending_values = 0
        self._writing: list[Frame] = []
        self._recent = Recent()
        self._taking = False
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
        return ConfigError(KEY, f"{self.path} cannot be written ({printable(str(why))}); {advice}")

    def open(self, *, epoch: str, interval_ms: int) -> Resumed | None:
        self.check()
        known = self._lock.path.exists()
        now = Now(self._clock_ms(), self._steady_ms(), self._boot(), self._lock.name)
        try:
            self._lock.acquire()
        except LockedError as error:
            raise self._locked(error) from None
        except OSError as error:
            raise self._unusable(error.strerror) from None
        try:
            with self._io:
                return self._open(epoch, interval_ms, now, known=known)
        except BaseException as error:
            self._drop_database()
            self._lock.release()
            if isinstance(error, sqlite3.Error | OSError):
                raise self._unusable(error) from None
            raise

    def _open(self, epoch: str, interval_ms: int, now: Now, *, known: bool) -> Resumed | None:
        begin = Position(epoch, 0, now.time_ms, STEP_MIN_MS, True, now.boot, now.steady_ms)
        rows: tuple[Rows, ...] | None = None
        try:
            check_file(self.path, known=known)
            with reading():
                database = self._connected()
                last, newest = database.position(), database.newest_offset()
                if last is not None:
                    rows = self._newest_rows(database, interval_ms)
                    begin = go_on(last, now, epoch=epoch, newest_offset=newest, interval_ms=interval_ms)
                elif newest:
                    raise DamagedError("it holds ticks and no position")
        except (DamagedError, sqlite3.Error) as error:
            self._drop_database()
            if not is_damage(error):
                raise
            self._set_aside(error)
            rows = None
            self._connected()
        self._position = replace(begin, lock=self._lock.name)
        self._taking = True
        if not self._write([]):  # the next start would not know which offsets this run has given away
            self._position = replace(self._position, epoch=epoch)
        return None if rows is None else Resumed(self._position.epoch, self._position.offset, rows)

    def _newest_rows(self, database: Database, interval_ms: int) -> tuple[Rows, ...]:
        rows, unreadable = database.newest_rows(self._window_ms, self._memory_max_bytes, interval_ms)
        if unreadable:
            self._unreadable(unreadable)
        return tuple(rows)

    def _set_aside(self, error: Exception) -> None:
        target = set_aside(self.path, self._stamp())
        logger.warning(
            "the history %s is damaged (%s): it is now %s, and a new one begins",
            self.path,
            printable(str(error)),
            target,
        )

    def _stamp(self) -> str:
        return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(self._clock_ms() / 1000))

    def _connected(self) -> Database:
        if self._database is None:
            self._database = Database(self.path, connect=self._connect)
        return self._database

    def _drop_database(self) -> None:
        if self._database is not None:
            ours = self._watched.same()
            self._database.close()  # which may put the log into the file
            self._database = None
            if ours:
                self._watched.note_closed()

    def _unreadable(self, chunks: int) -> None:
        self.counts.chunks_unreadable += chunks
        logger.warning("%d chunks of the history %s cannot be read and are left out", chunks, self.path)

    # --- frames in -----------------------------------------------------------------------------------------------

    def append(self, frame: Frame) -> None:
        with self._gate:
            if not self._taking:
                return
            self._pending.append(frame)
            self._pending_values += len(frame.values) + 1
            while self._pending_values > self._pending_values_max and len(self._pending) > 1:
                self._pending_values -= len(self._pending.popleft().values) + 1
                self.counts.ticks_lost += 1

    def append_event(self, event: Event) -> None:
        self._recent.add_event(event)

    def append_processes(self, snapshot: ProcessSnapshot) -> None:
        self._recent.add_processes(snapshot)

    def past(self) -> Past:
        return RecentPast(self._recent)

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

    def _write(self, frames: list[Frame], *, closing: bool = False) -> bool:
        """Put frames down; say whether that went well."""
        written = False
        try:
            self._find_changes()
            self._put_or_replace(frames, closing=closing)
            self._watched.note()
            written = True
        except LockedError as error:
            self._drop_database()
            self._failed(self._locked(error))
        except (ConfigError, DamagedError, sqlite3.Error, OSError) as error:
            self._drop_database()
            self._failed(error)
        finally:
            self._settle(written=written)
        if written:
            self.counts.ticks_written += len(frames)
            self._succeeded()
        return written

    def _find_changes(self) -> None:
        """Go on in a new file where the one that was open is no longer at its path, and say so."""
        if self._lock.renew():
            logger.warning("the lock %s was removed: it is taken again", self._lock.path)
            self._position = replace(self._position, lock=self._lock.name)
        change = self._watched.change()
        if self._database is None:  # a reader that was the last to close put the log into the file and ended it
            change = {Change.OVERWRITTEN: Change.WRITTEN_TO, Change.LOG_GONE: Change.NONE}.get(change, change)
        if change is Change.NONE:
            return
        if change in _SPOILT:
            # Before it is closed: by another name it is spared the log, which is of the file that it was.
            self._set_aside(DamagedError(f"somebody else has {_SPOILT[change]}"))
        elif self._database is not None:
            with suppress(sqlite3.Error):  # wherever the file is now, it is to be whole
                self._database.put_down()
        self._drop_database()
        if change is Change.REMOVED:
            set_aside(self.path, self._stamp(), word="replaced")
            logger.warning("the history %s was removed or renamed: a new one begins", self.path)
        elif change is Change.REPLACED:
            target = set_aside(self.path, self._stamp(), word="replaced")
            logger.warning(
                "the history %s was replaced by another file: that is now %s, and a new one begins", self.path, target
            )
        elif change is Change.WRITTEN_TO:
            self._examine()
        elif change is Change.LOG_GONE:
            logger.warning("the log of the history %s was removed: a new log begins", self.path)
        self._watched.forget()

    def _examine(self) -> None:
        try:
            database = self._connected()
            database.examine()
            if database.position() != self._position:
                raise DamagedError("somebody else has written to it")
        except (DamagedError, sqlite3.DatabaseError) as error:
            self._drop_database()
            if not is_damage(error):
                raise
            self._set_aside(error)

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
        position = replace(self._position, open=not closing)
        if frames:
            newest = frames[-1]
            steady_ms = max(position.steady_ms, newest.steady_ms)
            position = replace(
                position,
                offset=newest.offset,
                time_ms=newest.time_ms,
                steady_ms=steady_ms,
                kept_ms=position.kept_ms + steady_ms - position.steady_ms,
            )
        unreadable = 0
        with database.writing():
            for start in range(0, len(frames), MERGED_ROWS):
                database.put_rows(rows_of(frames[start : start + MERGED_ROWS]))
            database.mark(position.offset, position.kept_ms, self._retention_ms)
            if frames and not closing:
                database.retain(position.kept_ms - self._retention_ms)
                if database.loose_rows >= MERGED_ROWS:
                    unreadable = database.merge()
                    database.retain_series()
            database.put_position(position)
        self._position = position
        if unreadable:
            self._unreadable(unreadable)

    def _failed(self, error: Exception) -> None:
        self.counts.failures += 1
        self._failures += 1
        if self._failures == 1:
            logger.warning(
                "the history %s cannot be written (%s): the newest ticks stay in memory, and it will be tried again",
                self.path,
                printable(str(error)),
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
        except (sqlite3.Error, DamagedError) as error:
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
    except (OSError, RuntimeError, ValueError) as error:
        raise ConfigError(KEY, f"{path} is not the path of a file: {error}") from None


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
