"""What it costs to know who used the machine: CPU of looking at the processes, bytes of a week, time of an answer.

The processes looked at are real ones that sleep, beside those of this machine; the reference is psutil listing the same
ones with as much about each. The week is reckoned from a day of 150 made-up processes that are never idle,
with one more every half a minute that soon ends.
"""

from __future__ import annotations

import heapq
import random
import signal
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import psutil
from tests.bench.common import progress, spread

from vitalcast.collectors.process import ProcessCollector
from vitalcast.collectors.process_scan import ProcessScanner
from vitalcast.collectors.process_snapshot import SnapshotTaker
from vitalcast.collectors.programs import ProgramsCollector
from vitalcast.core.processes.answer import ProcessRequest, at_moment, over_window
from vitalcast.core.processes.moment import NEAR_MS
from vitalcast.core.processes.snapshot import ENDED, ProcessRow, ProcessSnapshot
from vitalcast.history.process_store import ProcessStore

INTERVAL_S = 5.0
TOP = 20
BUSY = 150
START_MS = 1_790_000_000_000
DAY_S = 86_400
PAUSE_S = 0.2  # between two looks, so that processes stir meanwhile


class Looks(NamedTuple):
    """CPU of looking at so many processes, in per cent of a core at one look each INTERVAL_S."""

    processes: int
    recorder: dict[str, float]
    everything: dict[str, float]
    reference: dict[str, float]


class Kept(NamedTuple):
    """What recorded processes take in a file, and milliseconds of CPU that questions about them take."""

    week_mb: float
    moment_ms: dict[str, float]
    day_ms: dict[str, float]
    cpu_share: float


@contextmanager
def sleepers(count: int) -> Iterator[None]:
    """Have at least so many processes."""
    missing = max(0, count - len(psutil.pids()))
    started = [subprocess.Popen(["sleep", "3600"]) for _ in range(missing)]
    try:
        yield
    finally:
        for one in started:
            one.send_signal(signal.SIGKILL)
        for one in started:
            one.wait()


def look(count: int, *, rounds: int) -> Looks:
    """Look at the processes as a server does, and as psutil does; the first two rounds know too little."""
    scanner = ProcessScanner()
    taker = SnapshotTaker(scanner, top=TOP)
    others = (ProgramsCollector(scanner=scanner), ProcessCollector(scanner=scanner))
    recorder, everything, reference = [], [], []
    with sleepers(count):
        for round_ in range(rounds + 2):
            now_s = round_ * INTERVAL_S
            own = _cpu_s(lambda now_s=now_s: taker.take(now_s))
            shared = [_cpu_s(lambda one=one, now_s=now_s: one.collect(now_s)) for one in others]
            theirs = _cpu_s(_listed_by_psutil)
            recorder.append(own)
            everything.append(own + sum(shared))
            reference.append(theirs)
            time.sleep(PAUSE_S)
        seen = len(psutil.pids())
    shares = ([100 * cost / INTERVAL_S for cost in costs[2:]] for costs in (recorder, everything, reference))
    return Looks(seen, *(spread(one) for one in shares))


def _listed_by_psutil() -> None:
    for _ in psutil.process_iter(["pid", "name", "ppid", "status", "cpu_times", "memory_info", "num_threads"]):
        pass


def _cpu_s(job: Callable[[], object]) -> float:
    begin_s = time.process_time()
    job()
    return time.process_time() - begin_s


# --- what is kept ----------------------------------------------------------------------------------------------------


class Invented:
    """A process that does something in every interval."""

    def __init__(self, dice: random.Random, pid: int, started_ms: int, *, brief: bool = False) -> None:
        self.dice, self.pid, self.started_ms = dice, pid, started_ms
        self.name = dice.choice(["cc1", "sh", "git"] if brief else ["postgres", "nginx", "python3", "node", "java"])
        self.unit = dice.choice(["postgresql@15-main.service", f"docker/{dice.randrange(16**12):012x}", None])
        self.pages, self.threads = dice.randrange(2000, 300_000), dice.randrange(1, 40)
        self.load, self.moves = dice.random() ** 6, dice.random() < 0.2

    def step(self) -> ProcessRow:
        dice = self.dice
        cpu = round(self.load * dice.lognormvariate(0, 0.5) * 500) / 500  # ticks of 10 ms in 5 s
        self.pages = max(100, self.pages + (dice.randrange(-200, 201) if cpu else 0))
        read = float(round(dice.lognormvariate(8, 2))) if self.moves and dice.random() < 0.5 else 0.0
        written = float(round(dice.lognormvariate(9, 2))) if self.moves and dice.random() < 0.8 else 0.0
        state = "running" if cpu > 0.3 else "sleeping"
        return ProcessRow(
            self.pid, self.started_ms, 1, self.name, "www-data", self.unit, self.threads, state, cpu,
            self.pages * 4096, read, written,
        )  # fmt: skip


def invented(snapshots: int) -> Iterator[ProcessSnapshot]:
    """Yield what a flight recorder would have taken down on a busy machine."""
    dice = random.Random(11)
    processes = [Invented(dice, 100 + 7 * number, START_MS - 3_600_000) for number in range(BUSY)]
    ended: list[ProcessRow] = []
    for number in range(1, snapshots + 1):
        time_ms = START_MS + round(number * INTERVAL_S * 1000)
        brief = [Invented(dice, 50_000 + number, time_ms - 2000, brief=True)] if number % 6 == 0 else []
        rows = [one.step() for one in (*processes, *brief)]
        chosen: dict[int, ProcessRow] = {}
        for column in (8, 9, 10, 11):
            chosen |= {
                row.pid: row for row in heapq.nlargest(TOP, rows, key=lambda row: row[column] or 0) if row[column]
            }
        yield ProcessSnapshot(time_ms, round(INTERVAL_S * 1000), (*chosen.values(), *ended), 1.5)
        ended = [
            chosen[one.pid]._replace(state=ENDED, threads=None, cpu=None, memory=None, read=None, write=None)
            for one in brief
            if one.pid in chosen
        ]


def keep(days: float, *, rounds: int) -> Kept:
    """Write so many days of them to a file, and ask for moments and for days."""
    count = round(days * DAY_S / INTERVAL_S)
    store, cpu_s, batch = ProcessStore(), 0.0, list[ProcessSnapshot]()
    with tempfile.TemporaryDirectory() as folder, closing(sqlite3.connect(Path(folder, "p.db"))) as connection:
        connection.executescript(store.SCHEMA)
        for snapshot in invented(count):
            batch.append(snapshot)
            if len(batch) == 6:
                cpu_s += _cpu_s(lambda: store.put(connection, batch))
                batch.clear()
        connection.commit()
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        end_ms = START_MS + round(count * INTERVAL_S * 1000)
        dice, request = random.Random(3), ProcessRequest()

        def moment() -> object:
            at_ms = dice.randrange(START_MS, end_ms)
            return at_moment(store.read(connection, at_ms - NEAR_MS, at_ms + NEAR_MS), at_ms, request)

        def day() -> object:
            start_ms = end_ms - DAY_S * 1000
            return over_window(store.used(connection, start_ms, end_ms), start_ms, end_ms, request)

        moment_ms = spread(1000 * _cpu_s(moment) for _ in range(rounds))
        day_ms = spread(1000 * _cpu_s(day) for _ in range(rounds))
    return Kept(pages * 4096 * 7 / days / 1e6, moment_ms, day_ms, 100 * cpu_s / (days * DAY_S))


def run(
    counts: tuple[int, ...] = (150, 3000), *, days: float = 1.0, rounds: int = 7
) -> tuple[list[Looks], Kept, list[str]]:
    """Return what looking at so many processes costs, and what keeping them does."""
    looks = []
    for count in counts:
        progress(f"{count} processes")
        looks.append(look(count, rounds=rounds))
    progress(f"{days:g} days of {BUSY} busy processes")
    kept = keep(days, rounds=rounds)
    return looks, kept, [f"recorded processes took {kept.cpu_share:.3f} % of a core to write"]
