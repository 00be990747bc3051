"""The history in a file: what a restart finds after any kind of end."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import pytest
from tests.history.disk import Disk, run
from tests.history.frames import IO, LOAD, SERIES, Machine, disk, resumed_points, stored

from vitalcast.core.metrics.model import Descriptor, Kind, Series


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
