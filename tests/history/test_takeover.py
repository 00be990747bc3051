"""A file of version 0.1 is taken over in the background, and nothing of it is lost or out of order."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.history.frames import SERIES, Machine, disk, resumed_points, stored
from tests.history.version_1 import write_version_1

from vitalcast.core.query.tier import Tier
from vitalcast.history import upkeep
from vitalcast.history.filelock import FileLock
from vitalcast.history.room import BYTES_MAX
from vitalcast.history.sqlite import SqliteHistory


@pytest.fixture
def machine() -> Machine:
    return Machine()


def opened(path: Path, machine: Machine, *, bytes_max: int = BYTES_MAX) -> SqliteHistory:
    return SqliteHistory(
        path,
        bytes_max=bytes_max,
        clock_ms=lambda: machine.time_ms + 1000,
        steady_ms=lambda: machine.steady_ms + 1000,
        boot=lambda: "boot-1",
    )


def old_file(path: Path, machine: Machine, ticks: int) -> None:
    lock = FileLock(path.with_name(f"{path.name}.lock"))
    lock.acquire()
    name = lock.name
    frames = machine.frames(ticks // 2, ["sda", "gone"])
    machine.time_ms -= 600_000  # somebody set the clock back
    frames += machine.frames(ticks - ticks // 2)
    write_version_1(path, frames, lock=name, boot="boot-1")
    lock.release()


def test_a_file_of_version_0_1_goes_on_at_once_and_is_taken_over_with_the_flushes(
    tmp_path: Path, machine: Machine
) -> None:
    path = tmp_path / "history.db"
    old_file(path, machine, 8000)
    history = opened(path, machine)
    history.check()
    resumed = history.open(epoch="epoch-2", interval_ms=1000)
    assert resumed is not None
    assert (resumed.epoch, resumed.offset) == ("epoch-1", 8000)
    assert resumed_points(resumed) == machine.points[SERIES][-900:]
    for _ in range(3):
        for frame in machine.frames(10):
            history.append(frame)
        history.flush()
    assert stored(history) == machine.points[SERIES]
    for name in ("sda", "gone"):
        assert stored(history, disk(name)) == machine.points[disk(name)]
    with closing(history.past()) as past:
        rollups = list(past.rollups(Tier.MINUTE, [SERIES], 0, 2**60))
    assert sum(float(rollup.count.sum()) for rollup in rollups) == 8000, "each tick is in one minute"
    history.close()
    with closing(sqlite3.connect(path)) as connection:
        names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        assert not {"chunk_1", "series_1", "position_1", "continuity", "mark"} & names
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_a_crash_while_it_is_taken_over_loses_nothing(
    tmp_path: Path, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "history.db"
    old_file(path, machine, 8000)
    monkeypatch.setattr(upkeep, "BUDGET_S", -1.0)  # one step with each flush
    for _ in range(6):
        history = opened(path, machine)
        resumed = history.open(epoch="epoch-2", interval_ms=1000)
        assert resumed is not None
        machine.offset = resumed.offset
        for _ in range(4):
            for frame in machine.frames(3):
                history.append(frame)
            history.flush()
        history._drop_database()
        history._lock.release()
    monkeypatch.undo()
    history = opened(path, machine)
    resumed = history.open(epoch="epoch-2", interval_ms=1000)
    assert resumed is not None
    machine.offset = resumed.offset
    for frame in machine.frames(3):
        history.append(frame)
    history.flush()
    assert stored(history) == machine.points[SERIES]
    history.close()


def test_a_chunk_of_version_0_1_that_cannot_be_read_is_left_out_alone(tmp_path: Path, machine: Machine) -> None:
    path = tmp_path / "history.db"
    old_file(path, machine, 3000)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE chunk SET columns = zeroblob(30) WHERE first_offset = 601")
    history = opened(path, machine)
    history.open(epoch="epoch-2", interval_ms=1000)
    for frame in machine.frames(3):
        history.append(frame)
    history.flush()
    assert stored(history) == machine.points[SERIES][:600] + machine.points[SERIES][1200:]
    assert history.counts.chunks_unreadable == 1
    history.close()


def test_of_a_file_that_is_larger_than_the_cap_the_newest_is_taken_over_and_the_file_becomes_smaller(
    tmp_path: Path,
) -> None:
    path, cap, machine = tmp_path / "history.db", 2 * 2**20, Machine()
    lock = FileLock(path.with_name(f"{path.name}.lock"))
    lock.acquire()
    disks = [f"disk-{number}" for number in range(40)]
    random = np.random.default_rng(1)
    frames = machine.frames(8000, disks)
    frames = [replace(one, values=random.random(len(one.values))) for one in frames]
    write_version_1(path, frames, lock=lock.name, boot="boot-1")
    lock.release()
    assert path.stat().st_size > cap
    history = opened(path, machine, bytes_max=cap)
    begin_bytes = path.stat().st_size
    history.open(epoch="epoch-2", interval_ms=1000)
    assert path.stat().st_size >= begin_bytes, "to start does not wait for it"
    for _ in range(3):
        for frame in machine.frames(10, disks):
            history.append(frame)
        history.flush()
    assert history.counts.failures == 0
    assert sum(one.stat().st_size for one in tmp_path.glob("history.db*")) <= cap
    offsets = [offset for offset, _, _ in stored(history)]
    assert offsets[-1] == 8030
    assert offsets[0] < 8000, "there is something of before"
    assert [*np.diff(offsets)] == [1] * (len(offsets) - 1)
    history.close()
