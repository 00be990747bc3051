"""What flushes put into the file of a history, and what is read of it then and meanwhile."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.history.disk import Disk, run
from tests.history.frames import LOAD, SERIES, START_MS, STEADY_MS, Machine, disk, points, resumed_points, stored

from vitalcast.core.events.event import Event, EventKind, Severity
from vitalcast.core.metrics.names import Selection
from vitalcast.core.processes.snapshot import ProcessRow, ProcessSnapshot
from vitalcast.history.rows import rows_of
from vitalcast.history.schema import HOUR_MS, MERGED_ROWS
from vitalcast.history.sqlite import SqliteHistory


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
