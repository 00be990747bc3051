"""What happens to a history when its disk is full, or its file turns out to be damaged."""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.history.disk import NOISE, Disk, run
from tests.history.frames import SERIES, START_MS, Machine, disk, resumed_points, stored

from vitalcast.core.events.event import Event, EventKind, Severity


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


def test_events_and_processes_that_could_not_wait_are_counted_and_said(
    place: Disk, caplog: pytest.LogCaptureFixture
) -> None:
    machine = Machine()
    history, _ = place.open()
    history._recent._events_max = 3
    place.fill()
    for number in range(5):
        history.append_event(Event(f"{number:014}", "m", START_MS + number, EventKind.MARK, Severity.INFO, "x" * 4000))
    run(history, machine, NOISE)
    history.flush()
    assert history.counts.failures == 1
    place.clear()
    history.flush()
    assert caplog.messages[-1] == "2 events and 0 recordings of processes were lost as well"


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
