"""Holds a history's file, its log included, below its cap: every part has a share, and in each the oldest goes first.

Old is what was written long ago, never what has an early time: a clock that jumps deletes nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from vitalcast.core.query.tier import Tier
from vitalcast.errors import CodecError, NoRoomError
from vitalcast.history import version_1
from vitalcast.history.axis import Axis, axes
from vitalcast.history.codec import unpack_integers
from vitalcast.history.database import Database
from vitalcast.history.event_store import EventStore
from vitalcast.history.process_store import ProcessStore
from vitalcast.history.schema import PAGE_BYTES, State, blocks_of
from vitalcast.history.stretches import TAKEN_OVER

BYTES_MAX = 512 * 2**20
LOG_BYTES_MAX = 8 * 2**20  # of the cap; less where that is small
LOG_SHARE = 8
SERIES_ROW_BYTES = 120  # of a series beside its texts, in the table and its index
BESIDE_BYTES = 8 * PAGE_BYTES  # that a transaction writes beside what it is about: tables, indexes, the pages of pages
PURGED_AT_ONCE = 64  # bundles

# Of 512 MiB, by what a day of a busy machine's 201 series takes: 1 s for 22 days, a minute for 36, ten minutes for 127,
# an hour for 570, and processes for 8; an ordinary one has about three times as much of each tier, which is what the
# shares aim at: two weeks at least, three months, a year, and five.
SHARES: Mapping[str, float] = MappingProxyType(
    {
        Tier.RAW.label: 0.4,
        Tier.MINUTE.label: 0.07,
        Tier.TEN_MINUTES.label: 0.17,
        Tier.HOUR.label: 0.25,
        "processes": 0.08,
        "events": 0.01,
        "series": 0.02,
    }
)
TIERS: Mapping[str, Tier] = MappingProxyType({tier.label: tier for tier in Tier})

_SERIES_BYTES = """
SELECT coalesce(sum(2 * length(key) + length(name) + length(description) + length(attributes) + length(labels) + ?), 0)
FROM series
"""
_SERIES_BY_AGE = """
SELECT id, 2 * length(key) + length(name) + length(description) + length(attributes) + length(labels) + ? FROM series
ORDER BY last_axis, id
"""
_STRETCHES_UNUSED = """
DELETE FROM stretch WHERE id < (SELECT max(id) FROM stretch)
  AND id NOT IN (SELECT stretch FROM axis UNION SELECT stretch FROM chunk)
"""


@dataclass(frozen=True, slots=True)
class Cap:
    """How a cap of so many bytes is split between the file and its log."""

    nbytes: int = BYTES_MAX

    @property
    def log_bytes(self) -> int:
        """How long the log may become."""
        return min(LOG_BYTES_MAX, self.nbytes // LOG_SHARE)

    @property
    def transaction_bytes(self) -> int:
        """How much may be written at once: the log takes it on top of what it has when that begins."""
        return self.log_bytes // 4

    @property
    def pages(self) -> int:
        """How many pages the file may have."""
        return (self.nbytes - self.log_bytes) // PAGE_BYTES


class Room:
    """Makes room in the file that a Database writes to."""

    def __init__(self, database: Database, path: Path, cap: Cap) -> None:
        self._database = database
        self._log = path.with_name(f"{path.name}-wal")
        self._cap = cap
        self._events, self._processes = EventStore(), ProcessStore()
        self._held: frozenset[int] = frozenset()
        self.transaction_bytes = cap.transaction_bytes
        connection = database.connection
        connection.execute(f"PRAGMA journal_size_limit = {cap.log_bytes // 4}")
        connection.execute(f"PRAGMA wal_autocheckpoint = {max(16, cap.log_bytes // 4 // PAGE_BYTES)}")
        self._limit_pages()

    def _limit_pages(self) -> None:
        """Have SQLite refuse to go beyond the cap. A file that is larger than a cap of now needs pages to shrink."""
        pages = self._database.one("PRAGMA page_count")
        limit = self._cap.pages if pages <= self._cap.pages else pages + self._reserve_pages
        if self._database.one("PRAGMA max_page_count") > limit:
            self._database.one(f"PRAGMA max_page_count = {limit}")

    # --- before each transaction -------------------------------------------------------------------------------

    def make(self, nbytes: int) -> None:
        """See that so much can be written. Raises NoRoomError where it cannot, as long as somebody reads the past."""
        self.bound_log(nbytes)
        needed = nbytes // PAGE_BYTES + self._reserve_pages
        while self._used_pages() + needed > self._cap.pages:
            if not self._prune_most():
                raise NoRoomError(f"there is no room for {nbytes} bytes more below the cap of {self._cap.nbytes}")

    @property
    def _reserve_pages(self) -> int:
        """What is kept free for tables that grow beside what is being written."""
        return min(256, self._cap.pages // 16)

    def _used_pages(self) -> int:
        return self._database.one("PRAGMA page_count") - self._database.one("PRAGMA freelist_count")

    @property
    def rows_at_once(self) -> int:
        """How many rows may be written at once that each lie on a page of their own, in an index."""
        return max(1, self.transaction_bytes // PAGE_BYTES)

    def bound_log(self, nbytes: int = 0) -> None:
        """End the log where it would become too long. Whoever reads holds it, for as long as a question may take.

        Raises NoRoomError.
        """
        nbytes += BESIDE_BYTES
        if self._log_bytes() + nbytes <= self._cap.log_bytes // 2:
            return
        busy, *_ = self._database.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy and self._log_bytes() + nbytes > self._cap.log_bytes:
            raise NoRoomError("somebody has been reading the past for long, and the log cannot end meanwhile")

    def _log_bytes(self) -> int:
        try:
            return self._log.stat().st_size
        except FileNotFoundError:
            return 0

    # --- shares ------------------------------------------------------------------------------------------------

    def keep_shares(self) -> None:
        """Let the oldest of each part go that has more than its share."""
        self._purge()
        for part, nbytes in self._parts().items():
            over = nbytes - int(self._share(part) * self._scale())
            if part == Tier.RAW.label:
                over -= self._old_bytes()  # which have the room of what is to be made of them
            if over > 0:
                self._prune(part, over)
        self._shrink()

    def keep_time(self, from_kept_ms: int) -> None:
        """Let go what was written before the file had been written for so long."""
        for old in axes(self._database.connection, before_kept_ms=from_kept_ms):
            self._let_go(old)

    def _share(self, part: str) -> float:
        return SHARES[part] * (self._cap.pages - self._reserve_pages) * PAGE_BYTES

    def _scale(self) -> float:
        """Return how many of the bytes of the file are accounted for: pages are never quite full."""
        used = self._used_pages() * PAGE_BYTES
        return min(1.0, max(0.5, sum(self._parts().values()) / used)) if used > 2**20 else 0.95

    def _parts(self) -> dict[str, int]:
        """Return how many bytes each part takes, as far as its own rows say."""
        connection, one = self._database.connection, self._database.one
        found = dict.fromkeys(SHARES, 0)
        for tier, nbytes in connection.execute("SELECT tier, sum(nbytes) FROM axis GROUP BY tier"):
            found[Tier(tier).label] = nbytes
        found[Tier.RAW.label] += one("SELECT coalesce(sum(length(series) + length(columns)), 0) FROM chunk")
        found[Tier.RAW.label] += self._old_bytes()
        found["processes"] = self._processes.nbytes(connection)
        found["events"] = self._events.nbytes(connection)
        found["series"] = one(_SERIES_BYTES, (SERIES_ROW_BYTES,))
        return found

    def _old_bytes(self) -> int:
        """Return how many bytes are left that are to be taken over from version 0.1."""
        return version_1.nbytes(self._database.connection) if self._database.old_stretches is not None else 0

    def _prune_most(self) -> bool:
        """Let the oldest of that part go which is most above its share; say whether there was any."""
        parts = self._parts()
        for part in sorted(parts, key=lambda part: parts[part] / SHARES[part], reverse=True):
            if parts[part] and self._prune(part, 1):
                return True
        return False

    def _prune(self, part: str, over: int) -> bool:
        """Let the oldest of a part go until it takes so many bytes less, or a little more than that."""
        if part in TIERS:
            return self._prune_tier(TIERS[part], over)
        if part == "series":
            return self._prune_series(over)
        store = self._processes if part == "processes" else self._events
        connection = self._database.connection
        nbytes = store.nbytes(connection)
        target = nbytes - over
        while nbytes > target:
            # In steps: what goes is in the log, too, as long as it has not ended.
            step = max(target, nbytes - self.transaction_bytes) if over > 1 else max(0, nbytes - PAGE_BYTES * 4)
            self.bound_log(0)
            with self._database.writing():
                freed = store.prune(connection, step)
            if not freed:
                return False
            nbytes = store.nbytes(connection)
        return True

    def _prune_tier(self, tier: Tier, over: int) -> bool:
        connection = self._database.connection
        freed = 0
        for old in axes(connection, tier):
            if freed < over and tier == Tier.RAW and old.stretch > TAKEN_OVER:
                freed += self._prune_old(over - freed)
            if freed >= over:
                return True
            if old.id in self._held:
                continue
            self._let_go(old)
            freed += old.nbytes
        if freed < over and tier == Tier.RAW:
            freed += self._prune_old(over - freed)
        if freed >= over or tier != Tier.RAW:
            return freed > 0
        return self._prune_chunks(over - freed) or freed > 0

    def keep_old_share(self) -> None:
        """Let the oldest of version 0.1 go that ticks have no room for, before any is taken over."""
        share = int(self._share(Tier.RAW.label))
        while (over := self._old_bytes() - share) > 0 and self._prune_old(min(over, self.transaction_bytes)):
            pass

    def _prune_old(self, over: int) -> int:
        """Let the oldest of version 0.1 go, whose ticks come before all others; return how many bytes that were."""
        if self._database.old_stretches is None:
            return 0
        self.bound_log()
        with self._database.writing():
            return version_1.prune(self._database.connection, max(over, self.transaction_bytes))

    def _prune_chunks(self, over: int) -> bool:
        """Let the oldest loose ticks go: there is no room for an hour of them."""
        rows = self._database.connection.execute(
            "SELECT first_offset, length(series) + length(columns) FROM chunk ORDER BY first_offset"
        ).fetchall()
        freed, gone = 0, []
        for first_offset, nbytes in rows[:-1]:
            if freed >= over:
                break
            gone.append((first_offset,))
            freed += nbytes
        with self._database.writing():
            self._database.connection.executemany("DELETE FROM chunk WHERE first_offset = ?", gone)
            self._database.count_loose()
        return freed > 0

    def _prune_series(self, over: int) -> bool:
        """Forget the series that have been gone for longest. Their blocks go with the axes that they are in."""
        connection = self._database.connection
        used = self._in_chunks()
        rows = connection.execute(_SERIES_BY_AGE, (SERIES_ROW_BYTES,)).fetchall()
        gone, freed = [], 0
        for id_, nbytes in rows:
            if freed >= over:
                break
            if id_ not in used:
                gone.append(id_)
                freed += nbytes
        self._drop_series(gone)
        return freed > 0

    def _drop_series(self, gone: Sequence[int]) -> None:
        size = self.rows_at_once
        for start in range(0, len(gone), size):
            self.bound_log(PAGE_BYTES * size)
            with self._database.writing():
                self._database.series.drop(gone[start : start + size])

    def _in_chunks(self) -> set[int]:
        """Return the series that have loose ticks."""
        used: set[int] = set()
        for (ids,) in self._database.connection.execute("SELECT series FROM chunk"):
            try:
                used.update(unpack_integers(ids))
            except CodecError:
                continue
        return used

    @contextmanager
    def holding(self, held: Sequence[Axis]) -> Iterator[None]:
        """Prune none of these axes meanwhile: they are being read, and what is made of them must be whole."""
        self._held = frozenset(one.id for one in held)
        try:
            yield
        finally:
            self._held = frozenset()

    # --- axes that go ------------------------------------------------------------------------------------------

    def let_go(self, old: Sequence[Axis]) -> None:
        """Drop axes and all their blocks."""
        for one in old:
            self._let_go(one)

    def _let_go(self, old: Axis) -> None:
        with self._database.writing():
            self._database.connection.execute("UPDATE axis SET state = ? WHERE id = ?", (State.GOING, old.id))
        self._purge()

    def _purge(self) -> None:
        """Delete the blocks of axes that are GOING, some at a time, and then the axes."""
        connection = self._database.connection
        for (axis,) in connection.execute("SELECT id FROM axis WHERE state = ?", (State.GOING,)).fetchall():
            while ids := connection.execute(
                "SELECT id FROM block WHERE id BETWEEN ? AND ? ORDER BY id LIMIT ?", (*blocks_of(axis), PURGED_AT_ONCE)
            ).fetchall():
                self.bound_log(0)
                with self._database.writing():
                    connection.execute("DELETE FROM block WHERE id BETWEEN ? AND ?", (ids[0][0], ids[-1][0]))
            with self._database.writing():
                connection.execute("DELETE FROM axis WHERE id = ?", (axis,))

    def forget_unused(self) -> None:
        """Forget the series, stretches and epochs that nothing is kept of."""
        connection = self._database.connection
        oldest = self._database.one("SELECT coalesce(min(id), (SELECT coalesce(max(id), 0) FROM axis)) FROM axis")
        used = self._in_chunks()
        rows = connection.execute("SELECT id FROM series WHERE last_axis < ?", (oldest,))
        self._drop_series([id_ for (id_,) in rows if id_ not in used])
        with self._database.writing():
            connection.execute(_STRETCHES_UNUSED)
        self._database.stretches.forget_unused()

    def _shrink(self) -> None:
        """Give back to the disk what a smaller cap no longer allows."""
        connection = self._database.connection
        while (pages := self._database.one("PRAGMA page_count")) > self._cap.pages:
            if not self._database.one("PRAGMA freelist_count"):
                return
            self.bound_log(self.transaction_bytes)
            connection.execute(f"PRAGMA incremental_vacuum({self.transaction_bytes // PAGE_BYTES // 2})").fetchall()
            if self._database.one("PRAGMA page_count") == pages:
                if self._database.old_stretches is None:
                    self._rewrite()
                return
        self._limit_pages()

    def _rewrite(self) -> None:
        """Rewrite a file that version 0.1 made, which cannot shrink in place; once, since then it can."""
        execute = self._database.connection.execute
        execute("PRAGMA temp_store = FILE")  # what is rewritten lies there meanwhile
        execute("PRAGMA auto_vacuum = INCREMENTAL")
        with suppress(sqlite3.OperationalError):  # no room on the disk for both: then it stays as large as it is
            execute("VACUUM")
        execute("PRAGMA temp_store = MEMORY")
        execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        self._limit_pages()
