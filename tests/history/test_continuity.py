"""No two ticks ever share an epoch and an offset, and what is kept under them is what was given out."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.history.frames import LOAD, SERIES, START_MS, STEADY_MS, resumed_points

from vitalcast.core.metrics.catalogue import Catalogue
from vitalcast.core.metrics.frames import FrameBuilder
from vitalcast.core.metrics.model import Sample
from vitalcast.core.metrics.pace import STEP_MIN_MS
from vitalcast.history.continuity import Now, Position, go_on
from vitalcast.history.sqlite import SqliteHistory

HOUR_MS = 3_600_000


class World:
    """A machine whose server ticks, ends and starts, while disk and clock do as they like."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "history.db"
        self.wall_ms, self.steady_ms = START_MS, STEADY_MS
        self.boots = self.epochs = 1
        self.failing = False
        self.connections: list[sqlite3.Connection] = []
        self.given: dict[tuple[str, int], float] = {}
        self.serial = 0.0
        self.start()

    def connect(self, *arguments: Any, **options: Any) -> sqlite3.Connection:
        connection = sqlite3.connect(*arguments, **options)
        connection.execute(f"PRAGMA query_only = {self.failing}")
        self.connections.append(connection)
        return connection

    def start(self) -> None:
        self.history = SqliteHistory(
            self.path,
            clock_ms=lambda: self.wall_ms,
            steady_ms=lambda: self.steady_ms,
            boot=lambda: f"boot-{self.boots}",
            connect=self.connect,
        )
        self.catalogue, self.frames = Catalogue([LOAD]), FrameBuilder()
        self.epochs += 1
        epoch = f"epoch-{self.epochs}"
        resumed = self.history.open(epoch=epoch, interval_ms=1000)
        self.epoch, self.offset = (resumed.epoch, resumed.offset) if resumed else (epoch, 0)
        for offset, _, value in resumed_points(resumed) if resumed else []:
            # A client that comes back to this epoch is told of these.
            assert self.given.setdefault((self.epoch, offset), value) == value
        self.tick(0)

    def tick(self, after_ms: int) -> None:
        """Give out a tick, as late as this after the last, and that many missed."""
        self.sleep(after_ms)
        self.offset += max(1, after_ms // STEP_MIN_MS) if after_ms > 1000 else 1
        self.serial += 1
        assert (self.epoch, self.offset) not in self.given
        self.given[self.epoch, self.offset] = self.serial
        samples = [Sample(SERIES, self.serial)]
        frame = self.frames.frame(self.offset, self.wall_ms, samples, steady_ms=self.steady_ms)
        self.history.append(self.catalogue.lay(frame, 0))

    def sleep(self, ms: int) -> None:
        self.wall_ms += ms
        self.steady_ms += ms

    def fail(self, *, failing: bool) -> None:
        self.failing = failing
        for connection in self.connections:
            try:
                connection.execute(f"PRAGMA query_only = {failing}")
            except sqlite3.ProgrammingError:  # closed
                continue

    def crash(self) -> None:
        self.history._drop_database()
        self.history._lock.release()
        self.connections.clear()

    def do(self, what: str, ms: int) -> None:
        if what == "fast":
            for _ in range(1 + ms % 40):
                self.tick(STEP_MIN_MS)
        elif what == "slow":
            self.tick(1000)
        elif what == "stall":
            self.tick(1000 + ms)
        elif what == "flush":
            self.history.flush()
        elif what in ("fail", "heal"):
            self.fail(failing=what == "fail")
        elif what == "set":
            self.wall_ms = max(START_MS // 2, self.wall_ms + (ms - HOUR_MS // 2) * 100)
        elif what == "remove":
            self.path.unlink(missing_ok=True)
        elif what == "backup" and self.path.exists():
            shutil.copy(self.path, self.path.with_name("backup"))
        else:
            self.restart(what, ms)

    def restart(self, what: str, ms: int) -> None:
        if what == "stop":
            self.history.close()
        else:
            self.crash()
        self.sleep(100 + ms)  # no process comes up faster
        if what == "reboot":
            self.boots += 1
            self.steady_ms = ms
        backup = self.path.with_name("backup")
        if what == "restore" and backup.exists():
            self.path.with_name("history.db-wal").unlink(missing_ok=True)
            shutil.copy(backup, self.path)
        if not self.path.exists() or not self.path.stat().st_size:
            self.fail(failing=False)  # it would not start
        self.start()


WHAT = ["fast", "fast", "slow", "stall", "flush", "flush", "fail", "heal", "set", "remove", "backup"]
DURATIONS_MS = st.sampled_from([0, 1, 70, 900, 5000, HOUR_MS])
ENDS = ["stop", "kill", "kill", "reboot", "restore"]


@settings(max_examples=30, deadline=None)
@given(plan=st.lists(st.tuples(st.sampled_from(WHAT + ENDS), DURATIONS_MS), max_size=30))
def test_no_two_ticks_share_an_epoch_and_an_offset(
    plan: list[tuple[str, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    world = World(tmp_path_factory.mktemp("world"))
    for what, ms in plan:
        world.do(what, ms)
    world.fail(failing=False)
    world.history.close()


def test_a_kill_after_writes_that_failed_passes_over_all_that_was_given_out(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.do("slow", 0)
    world.history.flush()
    world.fail(failing=True)
    for _ in range(140):
        world.tick(STEP_MIN_MS)
    world.history.flush()
    epoch, last = world.epoch, world.offset
    world.fail(failing=False)
    world.do("kill", 0)
    assert world.epoch == epoch
    assert last < world.offset < last + 20


def test_a_clock_ahead_by_centuries_still_leaves_offsets() -> None:
    last = Position("epoch-1", 5, 0, 100, open=False, boot="a", lock="1:1")
    now = Now(time_ms=10**18, steady_ms=5, boot="b", lock="1:1")
    begin = go_on(last, now, epoch="epoch-2", newest_offset=5, interval_ms=100)
    assert begin.epoch == "epoch-1"
    assert 5 < begin.offset < 2**52
