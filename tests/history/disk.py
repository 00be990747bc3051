"""A folder whose histories run on clocks of the test's, and whose disk can be made full."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import Any

from tests.history.frames import START_MS, STEADY_MS, Machine

from vitalcast.history.base import Resumed
from vitalcast.history.sqlite import SqliteHistory

NOISE = 600  # ticks of a machine take more than a page of the file


class Disk:
    """A folder whose histories run on a clock of the test's, and whose database can be made full."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "history.db"
        self.now_ms = START_MS
        self.steady_ms = STEADY_MS
        self.boot = "boot-1"
        self.pages_max = 2**30
        self.protected = False  # from being written to
        self.connections: list[sqlite3.Connection] = []
        self.opened: list[SqliteHistory] = []

    def connect(self, *arguments: Any, **options: Any) -> sqlite3.Connection:
        connection = sqlite3.connect(*arguments, **options)
        connection.execute(f"PRAGMA max_page_count = {self.pages_max}")
        connection.execute(f"PRAGMA query_only = {self.protected}")
        self.connections.append(connection)
        return connection

    def history(self, **options: Any) -> SqliteHistory:
        history = SqliteHistory(
            options.pop("path", self.path),
            clock_ms=lambda: self.now_ms,
            steady_ms=lambda: self.steady_ms,
            boot=lambda: self.boot,
            connect=self.connect,
            **options,
        )
        self.opened.append(history)
        return history

    def open(
        self, *, epoch: str = "epoch-1", interval_ms: int = 1000, **options: Any
    ) -> tuple[SqliteHistory, Resumed | None]:
        history = self.history(**options)
        return history, history.open(epoch=epoch, interval_ms=interval_ms)

    def after(self, machine: Machine, ms: int) -> None:
        """Have it be so long after the machine's last tick."""
        self.now_ms, self.steady_ms = machine.time_ms + ms, machine.steady_ms + ms

    def fill(self) -> None:
        """Have no more room than is taken now; NOISE ticks are sure to need more."""
        self.pages_max = 1
        for connection in self.connections:
            with contextlib.suppress(sqlite3.ProgrammingError):  # closed
                connection.execute("PRAGMA max_page_count = 1")

    def clear(self) -> None:
        self.pages_max = 2**30
        for connection in self.connections:
            with contextlib.suppress(sqlite3.ProgrammingError):
                connection.execute(f"PRAGMA max_page_count = {self.pages_max}")

    def query(self, statement: str, *arguments: object) -> list[tuple[Any, ...]]:
        """Look into the file as another program does."""
        with contextlib.closing(sqlite3.connect(self.path)) as connection, connection:
            return connection.execute(statement, arguments).fetchall()

    def crash(self, history: SqliteHistory) -> None:
        """End a history as kill does: nothing more is written, and the lock is free."""
        history._drop_database()
        history._lock.release()
        self.opened.remove(history)


def run(history: SqliteHistory, machine: Machine, count: int, **options: Any) -> None:
    for frame in machine.frames(count, **options):
        history.append(frame)
