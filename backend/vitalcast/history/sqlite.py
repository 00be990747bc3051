"""The history in an SQLite file: frames gather in memory and are written by the dozen, outside the event loop."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from vitalcast import clocks
from vitalcast.core.events.event import Event
from vitalcast.core.metrics.model import Frame
from vitalcast.core.metrics.pace import STEP_MIN_MS
from vitalcast.core.processes.snapshot import ProcessSnapshot
from vitalcast.core.query.past import Past
from vitalcast.errors import ConfigError, DamagedError, LockedError, NoRoomError
from vitalcast.heap import give_back
from vitalcast.history import pending
from vitalcast.history.base import Counts, History, Resumed, Rows
from vitalcast.history.continuity import Now, Position, go_on
from vitalcast.history.damage import is_damage, reading, set_aside
from vitalcast.history.database import Database
from vitalcast.history.event_store import EventStore
from vitalcast.history.filelock import FileLock
from vitalcast.history.pending import Pending
from vitalcast.history.place import absolute, check_place, locked, unusable
from vitalcast.history.process_store import ProcessStore
from vitalcast.history.reader import FilePast
from vitalcast.history.recent import Recent, RecentPast
from vitalcast.history.room import BYTES_MAX, Cap, Room
from vitalcast.history.rows import batches, rows_of
from vitalcast.history.schema import HOUR_MS, MERGED_ROWS, PAGE_BYTES, Connect, check_file, hour_of
from vitalcast.history.troubles import Troubles
from vitalcast.history.upkeep import Upkeep
from vitalcast.history.watched import Change, Watched

logger = logging.getLogger(__name__)

FAST_MS = 24 * HOUR_MS
_SPOILT = {Change.CUT_OFF: "cut it off", Change.OVERWRITTEN: "overwritten it"}


class SqliteHistory(History):
    """Keeps frames, events and processes in a file of `bytes_max` at most, which one process at a time may have open.

    With a `retention_ms` what is older goes even where there is room. Ticks that came faster than once a second stay as
    they came for `fast_ms`. A crash loses the frames since the last flush, which is due every `flush_s`. A file that
    turns out to be broken is renamed and a new one begun; one that somebody takes away while it is open is missed at
    the next flush. What `open` returns reaches `window_ms` back and takes `memory_max_bytes` at most. Frames bear
    `steady_ms`, by which alone they grow old; `boot` names the boot that it counts from.
    """

    def __init__(
        self,
        path: Path,
        *,
        flush_s: float = 30.0,
        bytes_max: int = BYTES_MAX,
        retention_ms: int = 0,
        fast_ms: int = FAST_MS,
        window_ms: int = 900_000,
        memory_max_bytes: int = 64 * 2**20,
        clock_ms: Callable[[], int] = clocks.wall_ms,
        steady_ms: Callable[[], int] = clocks.steady_ms,
        boot: Callable[[], str] = clocks.boot,
        connect: Connect = sqlite3.connect,
        pending_values_max: int = pending.VALUES_MAX,
    ) -> None:
        self.path = absolute(path)
        self.counts = Counts()
        self._troubles = Troubles(self.path, self.counts)
        self._flush_s = flush_s
        self.bytes_max = bytes_max
        self._cap = Cap(bytes_max)
        self._retention_ms = retention_ms
        self._fast_ms = fast_ms
        self._window_ms = window_ms
        self._memory_max_bytes = memory_max_bytes
        self._clock_ms = clock_ms
        self._steady_ms = steady_ms
        self._boot = boot
        self._connect = connect
        self._pending = Pending(pending_values_max)
        self._recent = Recent()
        self._events, self._processes = EventStore(), ProcessStore()
        self._lock = FileLock(self.path.with_name(f"{self.path.name}.lock"))
        self._io = threading.Lock()  # held by whoever uses the database
        self._closing = threading.Event()
        self._database: Database | None = None
        self._room: Room | None = None
        self._upkeep: Upkeep | None = None
        self._unreadable_said = 0
        self._watched = Watched(self.path)
        self._position = Position("", 0, 0, STEP_MIN_MS, open=False)

    @property
    def pause_s(self) -> float:
        return self._troubles.pause_s(self._flush_s)

    # --- opening -------------------------------------------------------------------------------------------------

    def check(self, *, now: bool = True) -> None:
        check_place(self.path, self._lock, now=now)

    def open(self, *, epoch: str, interval_ms: int) -> Resumed | None:
        self.check()
        known = self._lock.path.exists()
        now = Now(self._clock_ms(), self._steady_ms(), self._boot(), self._lock.name)
        try:
            self._lock.acquire()
        except LockedError as error:
            raise locked(self.path, error) from None
        except OSError as error:
            raise unusable(self.path, error.strerror) from None
        try:
            with self._io:
                resumed = self._open(epoch, interval_ms, now, known=known)
            give_back()
            return resumed
        except BaseException as error:
            self._drop_database()
            self._lock.release()
            if isinstance(error, sqlite3.Error | OSError):
                raise unusable(self.path, error) from None
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
        self._pending.begin()
        if not self._write([]):  # the next start would not know which offsets this run has given away
            self._position = replace(self._position, epoch=epoch)
        return None if rows is None else Resumed(self._position.epoch, self._position.offset, rows)

    def _newest_rows(self, database: Database, interval_ms: int) -> tuple[Rows, ...]:
        rows, unreadable = database.newest_rows(self._window_ms, self._memory_max_bytes, interval_ms)
        if unreadable:
            self._troubles.unreadable(unreadable)
        return tuple(rows)

    def _set_aside(self, error: Exception) -> None:
        self._troubles.damaged(error, set_aside(self.path, self._stamp()))

    def _stamp(self) -> str:
        return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(self._clock_ms() / 1000))

    def _connected(self) -> Database:
        if self._database is None:
            extra = (self._events.SCHEMA, self._processes.SCHEMA)
            self._database = Database(self.path, connect=self._connect, extra=extra)
            self._room = Room(self._database, self.path, self._cap)
            self._upkeep = Upkeep(
                self._database,
                self._room,
                retention_ms=self._retention_ms,
                fast_ms=self._fast_ms,
                stopping=self._closing.is_set,
            )
            self._unreadable_said = 0
            if self._database.nonsense:
                self._troubles.unreadable(self._database.nonsense)
        return self._database

    def _drop_database(self) -> None:
        if self._database is not None:
            ours = self._watched.same()
            self._database.close()  # which may put the log into the file
            self._database = self._room = self._upkeep = None
            if ours:
                self._watched.note_closed()

    # --- what comes in -------------------------------------------------------------------------------------------

    def append(self, frame: Frame) -> None:
        self._pending.append(frame)
        self.counts.ticks_lost = self._pending.lost

    def append_event(self, event: Event) -> None:
        self._recent.add_event(event)

    def append_processes(self, snapshot: ProcessSnapshot) -> None:
        self._recent.add_processes(snapshot)

    # --- frames down ---------------------------------------------------------------------------------------------

    def flush(self) -> None:
        with self._io:
            if self._pending.taking:
                self._write(self._pending.take())

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
            self._troubles.failed(locked(self.path, error))
        except (ConfigError, DamagedError, NoRoomError, sqlite3.Error, OSError) as error:
            self._drop_database()
            self._troubles.failed(error)
        finally:
            done = sum(frame.offset <= self._position.offset for frame in frames)
            self._pending.settle(done)
            self.counts.ticks_written += done
        if written:
            self._troubles.succeeded(self._recent)
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
        """Write frames and look after the file, or begin a new one with them where it turns out to be damaged."""
        before = self._position.offset
        try:
            self._put(frames, closing=closing)
            if frames and not closing:
                self._keep_up()
        except (DamagedError, sqlite3.DatabaseError) as error:
            if not is_damage(error):
                raise
            self._drop_database()
            self._set_aside(error)
            self._position = replace(self._position, offset=before)  # some may be in the other file
            self._put(frames, closing=closing)

    def _put(self, frames: Sequence[Frame], *, closing: bool) -> None:
        """Write frames that are newer than the position, and what else has come."""
        database = self._connected()
        room = self._room
        assert room is not None
        waiting = [frame for frame in frames if frame.offset > self._position.offset]
        bytes_max = room.transaction_bytes
        for batch in batches(waiting, rows_max=MERGED_ROWS, bytes_max=bytes_max):
            self._name_series(database, room, batch)
            room.make(min(bytes_max, 8 * sum(len(frame.values) + 2 for frame in batch)))
            position = self._position_after(batch[-1])
            with database.writing():
                database.put_rows(rows_of(batch), position.epoch)
                database.put_position(position)
            self._position = position
        self._put_recent(database, replace(self._position, open=not closing))

    def _name_series(self, database: Database, room: Room, frames: Sequence[Frame]) -> None:
        """Give new series their numbers before their readings are written: each may write a page of the index."""
        layouts = {frame.layout for frame in frames}
        new = database.series.unknown(one for layout in layouts for one in layout.series if one)
        size = room.rows_at_once
        for start in range(0, len(new), size):
            room.make(PAGE_BYTES * size)
            with database.writing():
                database.series.number(new[start : start + size], hour_of(frames[0].time_ms), database.newest_axis())

    def _put_recent(self, database: Database, position: Position) -> None:
        room = self._room
        assert room is not None
        for events, snapshots in self._recent.parts(room.transaction_bytes):
            room.make(room.transaction_bytes)
            with database.writing():
                self._events.put(database.connection, events)
                self._processes.put(database.connection, snapshots)
            self._recent.forget(events, snapshots)
        room.bound_log()  # and no more: a start must not wait until a file that is too large has become smaller
        with database.writing():
            database.put_position(position)
        self._position = position

    def _position_after(self, newest: Frame) -> Position:
        position = self._position
        steady_ms = max(position.steady_ms, newest.steady_ms)
        return replace(
            position,
            open=True,
            offset=newest.offset,
            time_ms=newest.time_ms,
            steady_ms=steady_ms,
            kept_ms=position.kept_ms + steady_ms - position.steady_ms,
        )

    def _keep_up(self) -> None:
        self._connected()
        assert self._upkeep is not None
        self._upkeep.run(self._position.kept_ms)
        unreadable = self._upkeep.unreadable - self._unreadable_said
        if unreadable:
            self._unreadable_said += unreadable
            self._troubles.unreadable(unreadable)

    def close(self) -> None:
        self._closing.set()
        with self._io:
            if self._pending.end():
                self._write(self._pending.take(), closing=True)
                self._troubles.ended(len(self._pending))
            self._drop_database()
            self._lock.release()

    # --- what goes out -------------------------------------------------------------------------------------------

    def past(self) -> Past:
        recent = RecentPast(self._recent)  # before the file is looked at, so that nothing falls in between
        if not self.path.exists():
            return recent
        return FilePast(self.path, recent, nbytes_max=self._cap.nbytes, unreadable=self._missed)

    def _missed(self) -> None:
        self.counts.chunks_unreadable += 1
