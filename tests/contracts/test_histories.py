"""What every history must do; each implementation runs the same tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.history.frames import SERIES, START_MS, STEADY_MS, Machine, disk, points, stored

from vitalcast.core.metrics.model import Descriptor, Frame, Kind, Series
from vitalcast.core.metrics.ring import Ring
from vitalcast.history.base import History
from vitalcast.history.memory import MemoryHistory
from vitalcast.history.sqlite import SqliteHistory


class Host:
    """A history in its place: frames go to the ring first, as in the service."""

    def __init__(self, make: Callable[[Ring, Path], History], folder: Path) -> None:
        self.ring = Ring()
        self.history = make(self.ring, folder)
        self.machine = Machine()

    def open(self) -> Host:
        self.history.check()
        assert self.history.open(epoch="epoch-1", interval_ms=1000) is None
        return self

    def take(self, *frames: Frame) -> None:
        for frame in frames:
            self.ring.append(frame)
            self.history.append(frame)


def in_memory(ring: Ring, folder: Path) -> History:
    return MemoryHistory(ring)


def in_sqlite(ring: Ring, folder: Path) -> History:
    return SqliteHistory(folder / "history.db", clock_ms=lambda: START_MS, steady_ms=lambda: STEADY_MS)


MAKERS = [in_memory, in_sqlite]


@pytest.fixture(params=MAKERS, ids=lambda make: make.__name__)
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Host]:
    host = Host(request.param, tmp_path).open()
    yield host
    host.history.close()


def test_what_was_taken_in_is_read_whether_flushed_or_not(host: Host) -> None:
    host.take(*host.machine.frames(5))
    assert stored(host.history) == host.machine.points[SERIES]
    host.history.flush()
    assert stored(host.history) == host.machine.points[SERIES]
    host.take(*host.machine.frames(5))
    assert stored(host.history) == host.machine.points[SERIES]
    assert stored(host.history, disk("sda")) == host.machine.points[disk("sda")]


def test_a_new_one_holds_nothing(host: Host) -> None:
    assert stored(host.history) == []
    host.history.flush()
    assert stored(host.history) == []


def test_a_series_nobody_knows_has_no_ticks(host: Host) -> None:
    host.take(*host.machine.frames(3))
    host.history.flush()
    assert stored(host.history, disk("nvme7")) == []
    assert stored(host.history, Series(Descriptor("no.such", "1", Kind.GAUGE, "No."))) == []


def test_the_start_of_a_time_counts_and_its_end_does_not(host: Host) -> None:
    host.take(*host.machine.frames(4))
    host.history.flush()
    host.take(*host.machine.frames(4))
    times = [time_ms for _, time_ms, _ in host.machine.points[SERIES]]
    for low in range(8):
        for high in range(low, 8):
            got = points(host.history.read(SERIES, times[low], times[high]))
            assert [time_ms for _, time_ms, _ in got] == times[low:high]
    assert points(host.history.read(SERIES, times[-1], times[-1] + 1)) == host.machine.points[SERIES][-1:]


def test_missed_ticks_stay_missed(host: Host) -> None:
    host.take(host.machine.frame(), host.machine.frame(skip=7), host.machine.frame())
    host.history.flush()
    assert [offset for offset, _, _ in stored(host.history)] == [1, 9, 10]


def test_a_series_that_comes_and_goes_has_the_ticks_at_which_it_was_there(host: Host) -> None:
    plans = [["sda"], ["sda", "sdb"], ["sdb"], [], ["sda", "sdc"], ["sdb"]]
    for number, names in enumerate(plans):
        host.take(*host.machine.frames(2, names))
        if number % 2:
            host.history.flush()
    for name in ("sda", "sdb", "sdc"):
        assert stored(host.history, disk(name)) == host.machine.points[disk(name)]


def test_a_clock_set_back_changes_nothing_about_the_order(host: Host) -> None:
    host.take(*host.machine.frames(5))
    host.machine.time_ms -= 60_000
    host.take(*host.machine.frames(5))
    host.history.flush()
    assert stored(host.history) == host.machine.points[SERIES]
    early = points(host.history.read(SERIES, 0, START_MS))
    assert early == [point for point in host.machine.points[SERIES] if point[1] < START_MS]


def test_a_flush_while_somebody_reads_neither_doubles_nor_loses_a_tick(host: Host) -> None:
    host.take(*host.machine.frames(3))
    host.history.flush()
    host.take(*host.machine.frames(3))
    reading = host.history.read(SERIES, 0, 2**60)
    first = next(reading)
    host.history.flush()
    assert points([first, *reading]) == host.machine.points[SERIES]


def test_a_flush_of_nothing_and_a_second_close_do_no_harm(host: Host) -> None:
    host.history.flush()
    host.history.flush()
    host.history.close()
    host.history.close()


def test_a_frame_after_the_close_is_nobodys(host: Host) -> None:
    host.take(*host.machine.frames(1))
    host.history.close()
    before = stored(host.history)
    host.history.append(host.machine.frame())
    host.history.flush()
    assert stored(host.history) == before


def test_nothing_is_lost_or_failed_in_good_times(host: Host) -> None:
    host.take(*host.machine.frames(10))
    host.history.flush()
    counts = host.history.counts
    assert (counts.ticks_lost, counts.failures, counts.chunks_unreadable) == (0, 0, 0)


steps = st.lists(
    st.tuples(st.sets(st.sampled_from(["sda", "sdb", "nvme0"])), st.integers(0, 3), st.booleans()), max_size=40
)


@pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)
@settings(max_examples=30, deadline=None)
@given(plan=steps)
def test_whatever_comes_goes_and_is_flushed_is_read_as_it_was(
    make: Callable[[Ring, Path], History],
    plan: list[tuple[set[str], int, bool]],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    host = Host(make, tmp_path_factory.mktemp("history")).open()
    for names, skip, flush in plan:
        host.take(host.machine.frame(sorted(names), skip=skip))
        if flush:
            host.history.flush()
    for series, expected in host.machine.points.items():
        assert stored(host.history, series) == expected
    host.history.close()
