"""What is done to a history's file beside writing the newest ticks: blocks, rollups, and making room."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from vitalcast.errors import NoRoomError
from vitalcast.heap import give_back
from vitalcast.history.compaction import Compactor, forget_unfinished
from vitalcast.history.database import Database
from vitalcast.history.joining import Joiner
from vitalcast.history.room import Room
from vitalcast.history.schema import MERGED_ROWS
from vitalcast.history.takeover import TakeOver

BUDGET_S = 5.0  # a pass; what is left waits for the next
SHARES_EVERY = 10  # passes in which nothing was made


class Upkeep:
    """Does what there is to do in small transactions, and stops between two of them when it is told to."""

    def __init__(
        self,
        database: Database,
        room: Room,
        *,
        retention_ms: int,
        fast_ms: int,
        stopping: Callable[[], bool] = lambda: False,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._room = room
        self._retention_ms = retention_ms
        self._fast_ms = fast_ms
        self._stopping = stopping
        self._clock_s = clock_s
        self._compactor = Compactor(database, room, stopping=stopping)
        self._joiner = Joiner(database, room, stopping=stopping)
        self._takeover = TakeOver(database, room)
        self._begun = False
        self._rolled_up = False  # whatever had no rollups at the start
        self._stale = True  # whether axes may be there that are to be joined, thinned or dropped
        self._idle = 0
        self._merges_unreadable = 0

    @property
    def unreadable(self) -> int:
        """How many chunks and axes could not be read and were dropped."""
        parts = (self._compactor, self._joiner, self._takeover)
        return self._merges_unreadable + sum(part.unreadable for part in parts)

    def run(self, kept_ms: int) -> None:
        """Do what there is to do, or the first of it. `kept_ms` is the time over which the file has been written.

        Raises sqlite3.Error and DamagedError.
        """
        until_s = self._clock_s() + BUDGET_S
        made = 0
        try:
            for done in self._work(kept_ms):
                made += done
                if self._stopping() or self._clock_s() > until_s:
                    break
            self._idle = 0 if made else self._idle + 1
            if made or self._idle % SHARES_EVERY == 0:
                self._room.keep_shares()
                self._room.forget_unused()
        except NoRoomError:  # somebody reads: there will be another pass
            self._begun = False  # which forgets what is half made
        if made:
            give_back()

    def _work(self, kept_ms: int) -> Iterator[int]:
        """Yield after each part of the work: 1 where an axis was made or dropped."""
        if not self._begun:
            with self._database.writing():
                forget_unfinished(self._database.connection)
            self._begun = True
            yield 1
        loose_bytes = self._database.loose_bytes()
        if self._database.loose_rows >= MERGED_ROWS or loose_bytes >= self._room.transaction_bytes:
            self._room.make(min(loose_bytes, self._room.transaction_bytes))
            with self._database.writing():
                self._merges_unreadable += self._database.merge(self._room.transaction_bytes)
            yield 0
        yield from self._make_hours(kept_ms)
        if not self._stale:  # what follows looks at every axis there is
            return
        if not self._rolled_up:
            for hour, tiers in self._joiner.unrolled():
                self._joiner.roll_up(hour, tiers)
                yield 1
            self._rolled_up = True
        for group in self._joiner.groups():
            self._joiner.join(group)
            yield 1
        for old in self._joiner.fast(kept_ms - self._fast_ms):
            self._joiner.thin(old)
            yield 1
        if self._retention_ms:
            self._room.keep_time(kept_ms - self._retention_ms)
        self._stale = False

    def _make_hours(self, kept_ms: int) -> Iterator[int]:
        """Make the hours that are over, and of what is taken over each as soon as it is whole."""
        while True:
            for stretch, hour_ms in self._compactor.hours_over():
                self._stale = True
                self._compactor.make_hour(stretch, hour_ms, kept_ms=kept_ms)
                yield 1
            if not self._takeover.step():
                return
            yield 0
