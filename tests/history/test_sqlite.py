"""The history in a file: what a restart finds after any kind of end, and what happens when file or disk fail."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.history.frames import IO, LOAD, SERIES, START_MS, STEADY_MS, Machine, disk, points, resumed_points, stored

from vitalcast import clocks
from vitalcast.core.events.event import Event, EventKind, Severity
from vitalcast.core.metrics.model import Descriptor, Kind, Series
from vitalcast.core.metrics.names import Selection
from vitalcast.core.processes.snapshot import ProcessRow, ProcessSnapshot
from vitalcast.errors import ConfigError
from vitalcast.history.base import Resumed
from vitalcast.history.rows import rows_of
from vitalcast.history.schema import APPLICATION_ID, HOUR_MS, MERGED_ROWS, SCHEMA_VERSION
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


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Disk]:
    place = Disk(tmp_path)
    yield place
    for history in place.opened:
        history.close()


def run(history: SqliteHistory, machine: Machine, count: int, **options: Any) -> None:
    for frame in machine.frames(count, **options):
        history.append(frame)


# --- a restart ---------------------------------------------------------------------------------------------------


def test_a_clean_restart_finds_everything_and_counts_the_ticks_of_the_downtime(place: Disk) -> None:
    machine = Machine()
    history, resumed = place.open()
    assert resumed is None
    run(history, machine, 10)
    history.close()
    place.after(machine, 4200)
    _, resumed = place.open(epoch="epoch-2")
    assert resumed is not None
    assert (resumed.epoch, resumed.offset) == ("epoch-1", 14)
    assert resumed_points(resumed) == machine.points[SERIES]
    assert resumed_points(resumed, disk("sda")) == machine.points[disk("sda")]
    (found,) = [one for rows in resumed.rows for one in rows.series if one == disk("sda")]
    assert found.descriptor == IO


@pytest.mark.parametrize(("pause_ms", "missed"), [(0, 0), (1, 0), (1000, 0), (1001, 1), (3_600_000, 3599)])
@pytest.mark.parametrize("boot", ["boot-1", "boot-2"])
def test_after_a_clean_end_the_ticks_missed_are_those_of_the_interval(
    place: Disk, pause_ms: int, missed: int, boot: str
) -> None:
    machine = Machine()
    history, _ = place.open()
    run(history, machine, 3)
    history.close()
    place.after(machine, pause_ms)
    place.boot = boot
    _, resumed = place.open(epoch="epoch-2")
    assert resumed is not None
    assert (resumed.epoch, resumed.offset) == ("epoch-1", 3 + missed)


@pytest.mark.parametrize("set_ms", [-3_600_000, 3_600_000])
def test_a_clock_that_was_set_during_the_downtime_makes_no_more_of_it_within_a_boot(place: Disk, set_ms: int) -> None:
    machine = Machine()
    history, _ = place.open()
    run(history, machine, 3)
    history.close()
    place.after(machine, 5001)
    place.now_ms += set_ms
    _, resumed = place.open()
    assert resumed is not None
    assert resumed.offset == 8


@pytest.mark.parametrize("downtime_ms", [0, 300, 5_000, 86_400_000])
@pytest.mark.parametrize("set_ms", [0, -1_000_000, 1_000_000])
@pytest.mark.parametrize("unwritten", [0, 1, 29])
@pytest.mark.parametrize("step_ms", [1000, 100])
def test_after_a_crash_no_offset_is_given_out_twice(
    place: Disk, downtime_ms: int, set_ms: int, unwritten: int, step_ms: int
) -> None:
    machine = Machine()
    history, _ = place.open(interval_ms=1000)
    run(history, machine, 5, step_ms=step_ms)
    history.flush()
    run(history, machine, unwritten, step_ms=step_ms)
    place.crash(history)
    place.after(machine, downtime_ms)
    place.now_ms += set_ms
    _, resumed = place.open()
    assert resumed is not None
    assert resumed.epoch == "epoch-1"
    assert resumed_points(resumed) == machine.points[SERIES][:5]
    passed_ms = place.steady_ms - machine.steady_ms + unwritten * step_ms
    assert machine.offset <= resumed.offset <= 5 + passed_ms // 100 + 3, "as many as could have been, and a few"


def copy_back(place: Disk) -> None:
    """Put the file back as it was some ticks ago, as from a backup."""
    history, _ = place.open()
    run(history, Machine(offset=5), 5)
    history.close()
    shutil.copy(place.path.with_name("backup"), place.path)


def elsewhere(place: Disk) -> None:
    """Take the file to another folder, where another server goes on with it."""
    folder = place.path.parent / "other"
    folder.mkdir()
    shutil.copy(place.path, folder)
    place.path = folder / place.path.name


def with_its_lock(place: Disk) -> None:
    folder = place.path.parent / "other"
    shutil.copytree(place.path.parent, folder)
    place.path = folder / place.path.name


def changed_by_hand(place: Disk) -> None:
    place.query("UPDATE position SET offset = 2")


def lock_taken_by_version_0_1(place: Disk) -> None:
    place.path.with_name(f"{place.path.name}.lock").write_text("1\n")


@pytest.mark.parametrize(
    "happens",
    [copy_back, elsewhere, with_its_lock, changed_by_hand, lock_taken_by_version_0_1],
)
@pytest.mark.parametrize("clean", [True, False])
def test_what_is_not_certain_begins_an_epoch(place: Disk, happens: Callable[[Disk], None], *, clean: bool) -> None:
    machine = Machine()
    history, _ = place.open()
    run(history, machine, 5)
    history.flush()
    if clean:
        history.close()
        place.opened.remove(history)
    else:
        place.crash(history)
    shutil.copy(place.path, place.path.with_name("backup"))
    place.after(machine, 5000)
    happens(place)
    _, resumed = place.open(epoch="epoch-2")
    assert resumed is not None
    assert resumed.epoch == "epoch-2"
    assert resumed.offset > 5, "above what is in the file, with a hole for what was not put down"


@pytest.mark.parametrize("boot", ["boot-2", ""])
def test_after_a_crash_of_the_machine_an_epoch_begins(place: Disk, boot: str) -> None:
    machine = Machine()
    history, _ = place.open()
    run(history, machine, 5)
    history.flush()
    place.crash(history)
    place.after(machine, 5000)
    place.boot = boot
    _, resumed = place.open(epoch="epoch-2")
    assert resumed is not None
    assert (resumed.epoch, resumed.offset) == ("epoch-2", 9)
    assert resumed_points(resumed) == machine.points[SERIES]


def test_an_epoch_begins_where_the_start_cannot_be_put_down_and_is_then_the_files(place: Disk) -> None:
    machine = Machine()
    history, _ = place.open()
    run(history, machine, 5)
    history.close()
    place.after(machine, 1000)
    place.protected = True
    history, resumed = place.open(epoch="epoch-2")
    assert history.counts.failures == 1
    assert resumed is not None
    assert resumed.epoch == "epoch-2"
    place.protected = False
    history.flush()
    place.crash(history)
    _, resumed = place.open(epoch="epoch-3")
    assert resumed is not None
    assert resumed.epoch == "epoch-2"


def test_a_crash_right_after_a_start_goes_on_from_that_start(place: Disk) -> None:
    machine = Machine()
    history, _ = place.open()
    run(history, machine, 3)
    history.close()
    place.after(machine, 10_000)
    history, resumed = place.open()
    assert resumed is not None
    place.crash(history)
    place.now_ms += 2_000
    place.steady_ms += 2_000
    _, again = place.open()
    assert again is not None
    assert resumed.offset < again.offset <= resumed.offset + 22


def test_a_store_that_was_never_written_to_resumes_with_its_epoch(place: Disk) -> None:
    history, _ = place.open(epoch="first")
    place.crash(history)
    _, resumed = place.open(epoch="second")
    assert resumed is not None
    assert (resumed.epoch, resumed.rows) == ("first", ())
    assert resumed.offset > 0


def test_only_the_window_before_the_last_tick_is_resumed(place: Disk) -> None:
    machine = Machine()
    history, _ = place.open(window_ms=60_000)
    for _ in range(10):
        run(history, machine, 30)
        history.flush()
    history.close()
    place.after(machine, 3_600_000)
    _, resumed = place.open(window_ms=60_000)
    assert resumed is not None
    assert resumed_points(resumed) == machine.points[SERIES][-60:]


def test_no_more_is_resumed_than_memory_allows(place: Disk) -> None:
    machine = Machine()
    history, _ = place.open()
    for _ in range(10):
        run(history, machine, 30)
        history.flush()
    history.close()
    _, resumed = place.open(memory_max_bytes=30 * 4 * 8 * 2)
    assert resumed is not None
    assert resumed_points(resumed) == machine.points[SERIES][-60:]


def test_series_that_came_and_went_are_resumed_where_they_were(place: Disk) -> None:
    machine = Machine()
    for names in (["sda"], ["sda", "sdb"], ["sdb"], ["sda"]):
        history, _ = place.open()
        run(history, machine, 5, disks=names)
        history.close()
    _, resumed = place.open()
    assert resumed is not None
    for series, expected in machine.points.items():
        assert resumed_points(resumed, series) == expected


def test_a_series_whose_unit_changed_is_another(place: Disk) -> None:
    machine = Machine()
    history, _ = place.open()
    run(history, machine, 3)
    history.flush()
    percent = Series(Descriptor(LOAD.name, "%", Kind.GAUGE, "Load."))
    assert stored(history, percent) == []
    assert len(stored(history)) == 3


# --- chunks ------------------------------------------------------------------------------------------------------


def test_many_flushes_become_one_chunk_that_reads_the_same(place: Disk) -> None:
    machine = Machine()
    history, _ = place.open()
    for number in range(2 * MERGED_ROWS // 30 + 1):
        run(history, machine, 30, disks=["sda", f"disk{number // 7}"])
        history.flush()
    chunks = place.query("SELECT rows, loose FROM chunk ORDER BY first_offset")
    assert chunks == [(MERGED_ROWS, 0), (MERGED_ROWS, 0), (30, 1)]
    for series, expected in machine.points.items():
        assert stored(history, series) == expected
    history.close()
    _, resumed = place.open()
    assert resumed is not None
    assert resumed_points(resumed) == machine.points[SERIES][-900:]


def test_a_long_flush_is_cut_into_chunks(place: Disk) -> None:
    machine = Machine()
    history, _ = place.open()
    run(history, machine, MERGED_ROWS + 50)
    history.flush()
    assert place.query("SELECT rows, loose FROM chunk ORDER BY first_offset") == [(MERGED_ROWS, 0), (50, 1)]
    assert stored(history) == machine.points[SERIES]


def test_what_is_older_than_the_retention_goes_and_its_series_with_it(place: Disk) -> None:
    machine = Machine()
    history, _ = place.open(retention_ms=2 * HOUR_MS)
    run(history, machine, 360, disks=["gone"], step_ms=10_000)
    history.flush()
    assert stored(history, disk("gone")) == machine.points[disk("gone")]
    for _ in range(50):
        run(history, machine, 36, step_ms=10_000)
        history.flush()
    assert stored(history, disk("gone")) == []
    kept = stored(history)
    assert kept == machine.points[SERIES][-len(kept) :]
    assert 2 * 360 <= len(kept) <= 4 * 360
    assert {name for (name,) in place.query("SELECT key FROM series")} == {SERIES.key, disk("sda").key}
    run(history, machine, 3, disks=["gone"], step_ms=10_000)
    history.flush()
    assert stored(history, disk("gone")) == machine.points[disk("gone")][-3:]


@pytest.mark.parametrize("by_ms", [400 * 24 * 3_600_000, -400 * 24 * 3_600_000])
def test_a_clock_that_jumps_for_six_seconds_deletes_nothing_and_hides_nothing(place: Disk, by_ms: int) -> None:
    machine = Machine()
    history, _ = place.open(retention_ms=2 * MERGED_ROWS * 1000)
    run(history, machine, MERGED_ROWS, disks=["gone"])
    history.flush()
    machine.time_ms += by_ms
    place.after(machine, 0)
    for _ in range(3):
        run(history, machine, 2)
        history.flush()
    history.close()
    history, resumed = place.open(retention_ms=2 * MERGED_ROWS * 1000)
    assert resumed is not None
    assert resumed_points(resumed) == machine.points[SERIES], "the past is there while the clock is wrong"
    machine.offset = resumed.offset
    machine.time_ms -= by_ms
    for _ in range(MERGED_ROWS // 30):
        run(history, machine, 30)
        history.flush()
    today = [point for point in machine.points[SERIES] if point[1] < START_MS + 24 * HOUR_MS]
    assert stored(history) == today, "what lies ahead waits until the clock agrees"
    assert stored(history, disk("gone")) == machine.points[disk("gone")]
    times = [point[1] for point in machine.points[SERIES]]
    real = [time_ms for time_ms in times if abs(time_ms - START_MS) < 3_600_000]
    with contextlib.closing(history.past()) as past:
        assert [point[1] for point in points(past, SERIES, START_MS, START_MS + 3_600_000)] == real
    history.close()
    place.after(machine, 0)
    _, resumed = place.open(retention_ms=2 * MERGED_ROWS * 1000)
    assert resumed is not None
    assert resumed_points(resumed) == machine.points[SERIES][-len(resumed_points(resumed)) :]
    assert len(resumed_points(resumed)) >= 900


def test_how_long_the_file_was_written_counts_on_over_restarts_and_crashes(place: Disk) -> None:
    machine = Machine()
    for number in range(12):
        history, resumed = place.open(retention_ms=3 * HOUR_MS)
        machine.offset = resumed.offset if resumed else 0
        run(history, machine, 400, step_ms=10_000)
        history.flush()
        place.after(machine, 10_000)
        if number % 2:
            history.close()
        else:
            place.crash(history)
        if number % 5 == 4:  # the machine was started again, on a clock of its own
            place.boot, machine.steady_ms = f"boot-{number}", STEADY_MS // number
        place.now_ms += -(10**8) if number % 3 else 10**8
    history, _ = place.open(retention_ms=3 * HOUR_MS)
    assert 3 * 360 <= len(stored(history)) <= 5 * 360 + 400


def test_a_chunk_that_cannot_be_read_is_left_out_counted_and_said(
    place: Disk, caplog: pytest.LogCaptureFixture
) -> None:
    machine = Machine()
    history, _ = place.open()
    for _ in range(3):
        run(history, machine, 10)
        history.flush()
    history.close()
    place.query("UPDATE chunk SET columns = zeroblob(30) WHERE first_offset = 11")
    history, resumed = place.open()
    assert resumed is not None
    expected = machine.points[SERIES][:10] + machine.points[SERIES][20:]
    assert resumed_points(resumed) == expected
    assert history.counts.chunks_unreadable == 1
    assert stored(history) == expected
    assert history.counts.chunks_unreadable == 2
    for _ in range(MERGED_ROWS // 30):
        run(history, machine, 30)
        history.flush()
    assert history.counts.chunks_unreadable == 3
    assert [rows for (rows,) in place.query("SELECT rows FROM chunk WHERE NOT loose")] == [MERGED_ROWS - 10]
    assert [record.message.partition(" of ")[0] for record in caplog.records] == ["1 parts"] * 2


def test_a_single_flipped_bit_in_a_chunk_is_noticed(place: Disk) -> None:
    machine = Machine()
    history, _ = place.open()
    run(history, machine, 10)
    history.close()
    ((columns,),) = place.query("SELECT columns FROM chunk")
    for position in range(0, len(columns), 7):
        broken = bytearray(columns)
        broken[position] ^= 4
        place.query("UPDATE chunk SET columns = ?", bytes(broken))
        history, resumed = place.open()
        assert resumed is not None
        assert resumed.rows == ()
        history.close()


def test_frames_of_several_layouts_are_laid_side_by_side() -> None:
    machine = Machine()
    frames = [*machine.frames(2, ["sda"]), *machine.frames(2, ["sdb", "sda"])]
    rows = rows_of(frames)
    assert {one.key for one in rows.series} == {SERIES.key, disk("sda").key, disk("sdb").key}
    late = rows.values[:, rows.series.index(disk("sdb"))]
    np.testing.assert_array_equal(np.isnan(late), [True, True, False, False])


# --- the event loop is never held up ------------------------------------------------------------------------------


def test_frames_are_taken_in_while_a_flush_hangs(tmp_path: Path) -> None:
    hangs, entered = threading.Event(), threading.Event()
    first = threading.Event()

    def connect(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection = sqlite3.connect(*arguments, **options)

        def trace(statement: str) -> None:
            if first.is_set() and statement.startswith("BEGIN"):
                entered.set()
                hangs.wait(20)

        connection.set_trace_callback(trace)
        return connection

    machine = Machine()
    history = SqliteHistory(tmp_path / "history.db", clock_ms=lambda: START_MS, connect=connect)
    history.open(epoch="epoch-1", interval_ms=1000)
    run(history, machine, 5)
    first.set()
    thread = threading.Thread(target=history.flush)
    thread.start()
    assert entered.wait(20)
    run(history, machine, 5)
    hangs.set()
    thread.join(20)
    assert stored(history) == machine.points[SERIES][:5]
    history.close()
    assert stored(history) == machine.points[SERIES]


# --- a disk that fails -------------------------------------------------------------------------------------------


def test_a_full_disk_is_said_once_and_everything_is_written_when_there_is_room(
    place: Disk, caplog: pytest.LogCaptureFixture
) -> None:
    machine = Machine()
    history, _ = place.open(flush_s=30)
    run(history, machine, 100)
    history.flush()
    place.fill()
    pauses = [history.pause_s]
    for _ in range(7):
        run(history, machine, NOISE, disks=["sda", "sdb"])
        history.flush()
        pauses.append(history.pause_s)
    assert pauses == [30, 60, 120, 240, 480, 600, 600, 600]
    assert history.counts.failures == 7
    place.clear()
    history.flush()
    assert history.pause_s == 30
    assert stored(history) == machine.points[SERIES]
    assert stored(history, disk("sdb")) == machine.points[disk("sdb")]
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 2
    assert "database or disk is full" in caplog.records[0].message
    assert "is written again after 7 failures; 0 ticks were lost" in caplog.records[1].message
    history.close()
    _, resumed = place.open()
    assert resumed is not None
    assert resumed_points(resumed) == machine.points[SERIES][-900:]


def test_what_waits_for_a_full_disk_is_bounded_and_what_is_dropped_is_counted(
    place: Disk, caplog: pytest.LogCaptureFixture
) -> None:
    machine = Machine()
    history, _ = place.open(pending_values_max=700 * 3)
    run(history, machine, 5)
    history.flush()
    place.fill()
    for _ in range(10):
        run(history, machine, NOISE)
        history.flush()
    assert history.counts.ticks_lost == 10 * NOISE - 700
    place.clear()
    history.flush()
    assert stored(history) == [*machine.points[SERIES][:5], *machine.points[SERIES][-700:]]
    assert f"{10 * NOISE - 700} ticks were lost" in caplog.text


def test_a_disk_that_stays_full_to_the_end_is_said_and_the_end_counts_as_a_crash(
    place: Disk, caplog: pytest.LogCaptureFixture
) -> None:
    machine = Machine()
    history, _ = place.open()
    run(history, machine, 5)
    history.flush()
    place.fill()
    run(history, machine, NOISE)
    history.close()
    place.clear()
    assert f"the newest {NOISE} ticks could not be written" in caplog.text
    place.after(machine, 0)
    _, resumed = place.open()
    assert resumed is not None
    assert resumed_points(resumed) == machine.points[SERIES][:5]
    assert resumed.offset >= machine.offset


def damage(path: Path) -> None:
    """Overwrite all but the header."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(100)
        file.write(os.urandom(size - 100))


def corrupt_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if ".corrupt-" in path.name and not path.name.endswith("-wal"))


@pytest.mark.parametrize(
    "destroy", [damage, lambda path: path.write_bytes(b"\0" * 9000), lambda path: path.write_bytes(b"half a hea")]
)
def test_a_damaged_file_is_set_aside_and_a_new_one_begun(
    place: Disk, caplog: pytest.LogCaptureFixture, destroy: Callable[[Path], None]
) -> None:
    machine = Machine()
    history, _ = place.open()
    run(history, machine, 200)
    history.close()
    destroy(place.path)
    content = place.path.read_bytes()
    place.history().check()
    history, resumed = place.open(epoch="epoch-2")
    assert resumed is None
    (aside,) = corrupt_files(place.path.parent)
    assert aside.name == "history.db.corrupt-20260921T141320Z"
    assert aside.read_bytes() == content
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert f"it is now {aside}, and a new one begins" in caplog.text
    run(history, machine, 5)
    history.close()
    _, resumed = place.open(epoch="epoch-3")
    assert resumed is not None
    assert resumed.epoch == "epoch-2"
    assert resumed_points(resumed) == machine.points[SERIES][-5:]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE position SET epoch = ''",
        "UPDATE position SET offset = 'many'",
        "UPDATE position SET step_ms = 0",
    ],
)
def test_a_file_that_makes_no_sense_is_set_aside(place: Disk, statement: str) -> None:
    machine = Machine()
    history, _ = place.open()
    run(history, machine, 5)
    history.close()
    place.query(statement)
    _, resumed = place.open()
    assert resumed is None
    assert len(corrupt_files(place.path.parent)) == 1


@pytest.mark.parametrize("values", ["kind = 'guess'", "attributes = '[1'", "labels = '[1'", "last_axis = 'none'"])
def test_a_series_that_makes_no_sense_is_left_out_alone(place: Disk, values: str) -> None:
    machine = Machine()
    history, _ = place.open()
    run(history, machine, 5)
    history.close()
    place.query(f"UPDATE series SET {values} WHERE name = 'system.load'")
    _, resumed = place.open()
    assert resumed is not None
    assert resumed_points(resumed) == []
    assert resumed_points(resumed, disk("sda")) == machine.points[disk("sda")]


def test_a_file_that_breaks_while_it_is_open_is_replaced_and_the_epoch_goes_on(
    place: Disk, caplog: pytest.LogCaptureFixture
) -> None:
    machine = Machine()
    history, _ = place.open()
    run(history, machine, 200)
    history.close()
    place.after(machine, 0)
    history, resumed = place.open()
    assert resumed is not None
    damage(place.path)
    run(history, machine, 5)
    for connection in place.connections:
        with contextlib.suppress(sqlite3.ProgrammingError):
            connection.execute("PRAGMA shrink_memory")
    history.flush()
    run(history, machine, 5)
    history.flush()
    assert stored(history) == machine.points[SERIES][-10:]
    assert len(corrupt_files(place.path.parent)) == 1
    assert len(caplog.records) == 1
    history.close()
    _, resumed = place.open(epoch="epoch-2")
    assert resumed is not None
    assert resumed.epoch == "epoch-1"


# --- a path that will not do -------------------------------------------------------------------------------------


def refusal(history: SqliteHistory) -> str:
    with pytest.raises(ConfigError) as by_check:
        history.check()
    with pytest.raises(ConfigError) as by_open:
        history.open(epoch="epoch-1", interval_ms=1000)
    assert str(by_check.value) == str(by_open.value)
    assert by_check.value.key == "history.path"
    assert "\n" not in str(by_check.value)
    return str(by_check.value)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    message = refusal(SqliteHistory(tmp_path / "no" / "history.db"))
    assert message == f"history.path: the folder {tmp_path / 'no'} does not exist; make it, or give another path"


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    assert refusal(SqliteHistory(tmp_path)) == f"history.path: {tmp_path} is a folder; give the path of a file in it"


def test_a_pipe_is_no_file_and_nobody_waits_for_its_other_end(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    message = refusal(SqliteHistory(tmp_path / "pipe"))
    assert message == f"history.path: {tmp_path / 'pipe'} is not a regular file; give the path of a file"


def test_a_place_that_cannot_be_written_to_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file" / "history.db", tmp_path / ("x" * 300), Path("/proc/history.db")):
        history = SqliteHistory(path)
        with pytest.raises(ConfigError, match=r"^history\.path: .+; (make it, or )?give a(nother)? path"):
            history.open(epoch="epoch-1", interval_ms=1000)


def test_the_file_of_another_program_is_left_alone(tmp_path: Path) -> None:
    text, database, short = tmp_path / "text", tmp_path / "database", tmp_path / "short"
    text.write_text("Dear diary, " * 100)
    short.write_bytes(b"x")
    with contextlib.closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE mine (own)")
    for path in (text, database, short):
        content = path.read_bytes()
        for _ in range(2):
            assert refusal(SqliteHistory(path)) == (
                f"history.path: {path} is not a Vitalcast history; give another path, or move that file away"
            )
        assert path.read_bytes() == content
    assert {path.name for path in tmp_path.iterdir()} == {"text", "database", "short"}


def test_an_empty_file_will_do(tmp_path: Path) -> None:
    (tmp_path / "history.db").touch()
    history = SqliteHistory(tmp_path / "history.db")
    history.check()
    assert history.open(epoch="epoch-1", interval_ms=1000) is None
    history.close()


def test_a_file_of_a_newer_version_is_refused_and_left_alone(place: Disk) -> None:
    history, _ = place.open()
    history.close()
    place.query(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    content = place.path.read_bytes()
    assert refusal(place.history()) == (
        f"history.path: {place.path} was written by a newer version of Vitalcast (its schema is {SCHEMA_VERSION + 1}, "
        f"here it is {SCHEMA_VERSION}); run that version, or give another path"
    )
    assert place.path.read_bytes() == content


def test_the_file_says_what_it_is(place: Disk) -> None:
    history, _ = place.open()
    history.close()
    assert place.query("PRAGMA application_id") == [(APPLICATION_ID,)]
    assert place.query("PRAGMA journal_mode") == [("wal",)]


def test_a_file_is_opened_once_at_a_time_by_whatever_name(place: Disk) -> None:
    history, _ = place.open()
    link = place.path.with_name("link.db")
    link.symlink_to(place.path)
    for path in (place.path, link):
        assert refusal(place.history(path=path)) == (
            f"history.path: {place.path} is in use by another Vitalcast (process {os.getpid()}); "
            "stop that, or give another path"
        )
    run(history, Machine(), 1)
    history.flush()
    assert history.counts.failures == 0
    history.close()
    other, _ = place.open()
    other.close()


HOLD = """
import sys
from pathlib import Path
from vitalcast.history.sqlite import SqliteHistory
SqliteHistory(Path(sys.argv[1])).open(epoch="other", interval_ms=1000)
print("open", flush=True)
sys.stdin.read()
"""


def test_another_process_keeps_the_file_until_it_ends_even_if_it_is_killed(place: Disk) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(place.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        assert f"(process {process.pid})" in refusal(place.history())
        process.kill()
    place.boot, place.steady_ms = clocks.boot(), clocks.steady_ms()
    _, resumed = place.open()
    assert resumed is not None
    assert resumed.epoch == "other"


def test_a_home_folder_is_expanded_and_a_relative_path_is_of_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert SqliteHistory(Path("~/here.db")).path == tmp_path / "here.db"
    assert SqliteHistory(Path("here.db")).path == tmp_path / "here.db"
    with pytest.raises(ConfigError, match=r"^history\.path: ~nobody-of-that-name/x is not the path of a file"):
        SqliteHistory(Path("~nobody-of-that-name/x"))


# --- the past as a view ------------------------------------------------------------------------------------------


def test_events_and_processes_are_in_the_past_at_once_and_in_the_file_after_a_flush(place: Disk) -> None:
    machine = Machine()
    history, _ = place.open()
    event = Event("0001", "web-1", START_MS, EventKind.MARK, Severity.INFO, "deploy")
    row = ProcessRow(1, 0, 0, "init", "root", None, 1, "S", 0.5, 2**20, 0.0, 0.0)
    snapshot = ProcessSnapshot(START_MS, 5000, (row,))

    def seen() -> tuple[list[str], list[int]]:
        past = history.past()
        with contextlib.closing(past):
            events = past.events(0, 2**60, limit=10)
            return [one.title for one in events], [one.time_ms for one in past.processes(0, 2**60)]

    history.append_event(event)
    history.append_processes(snapshot)
    assert seen() == (["deploy"], [START_MS])
    run(history, machine, 5)
    history.flush()
    assert seen() == (["deploy"], [START_MS])
    history.append_event(replace(event, title="deploy 1.4"))
    assert seen() == (["deploy 1.4"], [START_MS])
    history.close()
    history, _ = place.open()
    assert seen() == (["deploy 1.4"], [START_MS])


def test_a_past_is_of_the_moment_in_which_it_was_opened(place: Disk) -> None:
    machine = Machine()
    history, _ = place.open()
    run(history, machine, 5)
    history.flush()
    past = history.past()
    with contextlib.closing(past):
        (series,) = past.series(Selection.of([LOAD.name]), 0, 2**60)
        run(history, machine, 4000)
        history.flush()
        (ticks,) = past.ticks([series], 0, 2**60)
        assert ticks.offsets.tolist() == [1, 2, 3, 4, 5]
