"""Ticks in the file of a history: each that was flushed is read once, as it came."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.history.frames import SERIES, START_MS, STEADY_MS, Machine, disk, points, stored

from vitalcast.core.metrics.model import Descriptor, Frame, Kind, Series
from vitalcast.history.sqlite import SqliteHistory


def opened(folder: Path) -> SqliteHistory:
    history = SqliteHistory(folder / "history.db", clock_ms=lambda: START_MS, steady_ms=lambda: STEADY_MS)
    assert history.open(epoch="epoch-1", interval_ms=1000) is None
    return history


@pytest.fixture
def history(tmp_path: Path) -> Iterator[SqliteHistory]:
    history = opened(tmp_path)
    yield history
    history.close()


def flush(history: SqliteHistory, *frames: Frame) -> None:
    for frame in frames:
        history.append(frame)
    history.flush()


def test_a_series_nobody_knows_has_no_ticks(history: SqliteHistory) -> None:
    flush(history, *Machine().frames(3))
    assert stored(history, disk("nvme7")) == []
    assert stored(history, Series(Descriptor("no.such", "1", Kind.GAUGE, "No."))) == []


def test_the_end_of_a_time_counts_and_its_start_does_not(history: SqliteHistory) -> None:
    machine = Machine()
    flush(history, *machine.frames(4))
    flush(history, *machine.frames(4))
    times = [time_ms for _, time_ms, _ in machine.points[SERIES]]
    with closing(history.past()) as past:
        for low in range(8):
            for high in range(low, 8):
                got = points(past, SERIES, times[low], times[high])
                assert [time_ms for _, time_ms, _ in got] == times[low + 1 : high + 1]


def test_missed_ticks_stay_missed(history: SqliteHistory) -> None:
    machine = Machine()
    flush(history, machine.frame(), machine.frame(skip=7), machine.frame())
    assert [offset for offset, _, _ in stored(history)] == [1, 9, 10]


def test_a_series_that_comes_and_goes_has_the_ticks_at_which_it_was_there(history: SqliteHistory) -> None:
    machine = Machine()
    for names in (["sda"], ["sda", "sdb"], ["sdb"], [], ["sda", "sdc"], ["sdb"]):
        flush(history, *machine.frames(2, names))
    for name in ("sda", "sdb", "sdc"):
        assert stored(history, disk(name)) == machine.points[disk(name)]


def test_a_clock_set_back_changes_nothing_about_the_order(history: SqliteHistory) -> None:
    machine = Machine()
    flush(history, *machine.frames(5))
    machine.time_ms -= 60_000
    flush(history, *machine.frames(5))
    assert stored(history) == machine.points[SERIES]
    with closing(history.past()) as past:
        assert points(past, SERIES, 0, START_MS) == [point for point in machine.points[SERIES] if point[1] <= START_MS]


def test_a_flush_while_somebody_reads_neither_doubles_nor_loses_a_tick(history: SqliteHistory) -> None:
    machine = Machine()
    flush(history, *machine.frames(3))
    with closing(history.past()) as past:
        flush(history, *machine.frames(3))
        assert points(past) == machine.points[SERIES][:3]
    assert stored(history) == machine.points[SERIES]


def test_a_frame_after_the_close_is_nobodys(history: SqliteHistory) -> None:
    machine = Machine()
    flush(history, *machine.frames(1))
    history.close()
    before = stored(history)
    flush(history, machine.frame())
    assert stored(history) == before


steps = st.lists(
    st.tuples(st.sets(st.sampled_from(["sda", "sdb", "nvme0"])), st.integers(0, 3), st.booleans()), max_size=40
)


@settings(max_examples=30, deadline=None)
@given(plan=steps)
def test_whatever_comes_goes_and_is_flushed_is_read_as_it_was(
    plan: list[tuple[set[str], int, bool]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    history, machine = opened(tmp_path_factory.mktemp("history")), Machine()
    for names, skip, flushed in plan:
        history.append(machine.frame(sorted(names), skip=skip))
        if flushed:
            history.flush()
    history.flush()
    for series, expected in machine.points.items():
        assert stored(history, series) == expected
    history.close()
