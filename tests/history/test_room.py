"""The file with its log stays below its cap at every moment, and in each part the oldest goes first."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from tests.history.frames import START_MS, STEADY_MS

from vitalcast.core.events.event import Event, EventKind, Severity
from vitalcast.core.metrics.model import Descriptor, Frame, Kind, Layout, Series
from vitalcast.core.processes.snapshot import ProcessRow, ProcessSnapshot
from vitalcast.core.query.tier import ROLLUPS, Tier
from vitalcast.history import database
from vitalcast.history.room import Cap
from vitalcast.history.sqlite import SqliteHistory

HOUR_MS = 3_600_000
KIB = 2**10
CAP = 2 * 2**20
NOISE = Descriptor("hostile.noise", "1", Kind.GAUGE, "Noise.", ("name",))


class Hostile:
    """A machine that makes noise in series that come and go, under a clock that jumps. It watches the file's size."""

    def __init__(self, folder: Path, seed: int, cap: int) -> None:
        self.path = folder / "history.db"
        self.random = Random(seed)
        self.numbers = np.random.default_rng(seed)
        self.offset, self.time_ms, self.steady_ms = 0, START_MS, STEADY_MS
        self.largest = 0
        self.cap = cap
        self.history = self.open()

    def open(self) -> SqliteHistory:
        history = SqliteHistory(
            self.path,
            bytes_max=self.cap,
            clock_ms=lambda: self.time_ms,
            steady_ms=lambda: self.steady_ms,
            boot=lambda: "boot-1",
            connect=self._connect,
        )
        resumed = history.open(epoch="epoch-1", interval_ms=1000)
        self.offset = resumed.offset if resumed else 0
        return history

    def _connect(self, *arguments: Any, **options: Any) -> sqlite3.Connection:
        connection = sqlite3.connect(*arguments, **options)
        connection.set_trace_callback(lambda _: self.measure())
        return connection

    def measure(self) -> None:
        """Remember how much there was at most, of the file and whatever is beside it."""
        size = 0
        for one in self.path.parent.glob(f"{self.path.name}*"):
            if one.suffix != ".lock":
                size += one.stat().st_size
        self.largest = max(self.largest, size)

    def layout(self) -> Layout:
        names = [f"lasting-{number}" for number in range(5)]
        names += [f"short-{self.random.getrandbits(40):x}" * 3 for _ in range(self.random.randrange(120))]
        return Layout(tuple(Series(NOISE, (name,)) for name in names))

    def hour(self, step_ms: int) -> None:
        """Tick for an hour of some series, and flush now and then."""
        layout = self.layout()
        for tick in range(HOUR_MS // step_ms):
            self.offset += 1
            self.time_ms += step_ms
            self.steady_ms += step_ms
            values = self.numbers.normal(size=len(layout.series)) * 10.0 ** self.random.randrange(-200, 200, 50)
            self.history.append(Frame(self.offset, self.time_ms, layout, values, self.steady_ms))
            if tick % 7 == 0:
                self.history.flush()
        self.others()
        self.history.flush()
        self.measure()

    def others(self) -> None:
        """Bring processes and events, too."""
        text = "".join(chr(self.random.randrange(32, 0x2FFF)) for _ in range(60))
        rows = tuple(
            ProcessRow(self.random.getrandbits(22), self.time_ms, 1, text, None, text, 3, "R", 0.5, 7, 1.0, 2.0, text)
            for _ in range(40)
        )
        self.history.append_processes(ProcessSnapshot(self.time_ms, 5000, rows))
        for number in range(5):
            id_ = f"{self.offset:012}-{number}"
            self.history.append_event(Event(id_, "web-1", self.time_ms, EventKind.MARK, Severity.INFO, text))

    def set_clock(self) -> None:
        self.time_ms = max(0, self.time_ms + self.random.choice([-1, 1]) * self.random.choice([1, 70, 8000]) * HOUR_MS)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have nobody wait for those that read."""
    monkeypatch.setattr(database, "BUSY_MS", 10)


@pytest.fixture(params=[0])
def hostile(request: pytest.FixtureRequest, tmp_path: Path, impatient: None) -> Iterator[Hostile]:
    one = Hostile(tmp_path, request.param, CAP)
    yield one
    one.history.close()


def test_whatever_comes_the_file_and_its_log_stay_below_the_cap(hostile: Hostile) -> None:
    live_through(hostile, hours=40)
    assert_below_the_cap(hostile)


def live_through(hostile: Hostile, *, hours: int) -> None:
    """Have hours pass, with restarts, a clock that is set, and somebody who reads."""
    past = None
    for number in range(hours):
        hostile.hour(step_ms=600_000)
        if number % 50 == 0:
            hostile.set_clock()
        if number % 97 == 0:
            hostile.history.close()
            hostile.history = hostile.open()
        if number % 13 == 0:
            if past is not None:
                past.close()
            past = hostile.history.past() if hostile.random.random() < 0.5 else None
    if past is not None:
        past.close()


def assert_below_the_cap(hostile: Hostile) -> None:
    """Hold the file to have been full, never too large, and whole."""
    assert hostile.largest <= CAP
    assert hostile.largest >= CAP // 2, "it was filled"
    assert hostile.history.counts.chunks_unreadable == 0
    hostile.history.flush()
    with closing(hostile.history.past()) as view:
        extent = view.extent()
        lasting = [Series(NOISE, (f"lasting-{number}",)) for number in range(5)]
        assert {reach.tier for reach in extent.reaches} >= set(ROLLUPS)
        assert extent.nbytes_max == CAP
        assert extent.events_from_ms is not None
        assert extent.processes_from_ms is not None
        newest = list(view.ticks(lasting, hostile.time_ms - HOUR_MS, hostile.time_ms))
        assert newest
    with closing(sqlite3.connect(hostile.path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_a_smaller_cap_is_kept_to_once_the_next_run_has_made_room(tmp_path: Path, impatient: None) -> None:
    hostile = Hostile(tmp_path, 1, 2 * CAP)
    while hostile.largest < CAP * 5 // 4:
        hostile.hour(step_ms=60_000)
    hostile.history.close()
    hostile.cap = CAP
    hostile.history = hostile.open()
    for _ in range(3):
        hostile.hour(step_ms=600_000)
    hostile.largest = 0
    for _ in range(15):
        hostile.hour(step_ms=600_000)
    assert hostile.largest <= CAP
    hostile.history.close()


def test_in_each_tier_the_oldest_goes_first_and_no_step_is_doubled_or_halved(tmp_path: Path) -> None:
    hostile = Hostile(tmp_path, 2, CAP)
    steady = Layout(tuple(Series(NOISE, (f"lasting-{number}",)) for number in range(30)))
    hostile.layout = lambda: steady  # type: ignore[method-assign]
    for _ in range(50):
        hostile.hour(step_ms=20_000)
    series = steady.series[3]
    assert series is not None
    with closing(hostile.history.past()) as view:
        (raw,) = [reach for reach in view.extent().reaches if reach.tier is Tier.RAW]
        assert raw.start_ms > START_MS + 2 * HOUR_MS, "the oldest ticks are gone"
        times = np.concatenate([ticks.times_ms for ticks in view.ticks([series], 0, 2**60)])
        assert (np.diff(times) == 20_000).all(), "none is missing between the oldest and the newest"
        for tier in ROLLUPS:
            rollups = list(view.rollups(tier, [series], 0, 2**60))
            ends = np.concatenate([rollup.times_ms for rollup in rollups])
            counts = np.concatenate([rollup.count for rollup in rollups])
            assert (np.diff(ends) == int(tier)).all()
            assert (counts[1:] == int(tier) // 20_000).all()
    hostile.history.close()


def test_thousands_of_new_series_at_once_do_not_make_the_log_longer_than_its_part(tmp_path: Path) -> None:
    cap, log, largest = 16 * 2**20, tmp_path / "history.db-wal", 0

    def measure(_: str) -> None:
        nonlocal largest
        largest = max(largest, log.stat().st_size if log.exists() else 0)

    def connect(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection = sqlite3.connect(*arguments, **options)
        connection.set_trace_callback(measure)
        return connection

    random = Random(1)
    layout = Layout(tuple(Series(NOISE, (f"{random.getrandbits(80):020x}" * 6,)) for _ in range(8000)))
    history = SqliteHistory(
        tmp_path / "history.db",
        bytes_max=cap,
        clock_ms=lambda: START_MS,
        steady_ms=lambda: STEADY_MS,
        boot=lambda: "boot-1",
        connect=connect,
    )
    history.open(epoch="epoch-1", interval_ms=1000)
    history.append(Frame(1, START_MS + 1000, layout, np.zeros(8000), STEADY_MS + 1000))
    history.flush()
    history.close()
    assert 0 < largest <= Cap(cap).log_bytes
