"""What a history costs: bytes a sample, CPU a day of samples, and how long questions about the past take.

The samples are those of a recorded busy machine, continued without repeating themselves (`recording`), 201 series once
a second; and, to compare with, those of this machine as it is now. Beside both, what a file of plain float64 columns
would take, an hour of each compressed by zlib. Questions are for 10 series in 1,000 points or more, asked of the file
alone: cold is with a connection of its own and nothing of the file in the system's cache.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tests.bench import common
from tests.bench.common import progress
from tests.bench.recording import Continued, Recording

from vitalcast.core.metrics.names import Selection
from vitalcast.core.query.evaluate import evaluate
from vitalcast.core.query.query import Query
from vitalcast.core.query.ring_part import RingPart
from vitalcast.history.blocks import pack_values
from vitalcast.history.reader import FilePast
from vitalcast.history.sqlite import SqliteHistory

HOURS = 72
FLUSH_TICKS = 30
HOUR_MS = 3_600_000
END_MS = 497_250 * HOUR_MS  # of what was recorded, a whole hour
POINTS = 1000
ROUNDS = 5
IDLE_S = 60.0
IDLE_INTERVAL_S = 0.1
BYTES_MAX = 2**40
ASKED = ("system.network.io.rate", "system.network.packet.count.rate", "system.disk.io.rate")  # 10 series
RANGES_H = (24, 7 * 24, 30 * 24)
YEAR_H = 365 * 24
BUSY, IDLE, FILE = "busy machine, ticks", "this machine, ticks", "busy machine, the whole file"
PLAIN = "float64 columns, zlib"

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Kept:
    """What a history made of samples: bytes of its ticks and of its file, and the CPU that it took."""

    samples: int
    tick_bytes: int
    file_bytes: int
    cpu_s: float


def keep(path: Path, hours: int, *, flush_ticks: int = FLUSH_TICKS) -> Kept:
    """Write so many hours of a busy machine, which end at END_MS."""
    continued = Continued(Recording.load())
    start_ms = END_MS - hours * HOUR_MS
    history = SqliteHistory(path, bytes_max=BYTES_MAX, clock_ms=lambda: END_MS, steady_ms=lambda: 0, boot=lambda: "")
    history.open(epoch="bench", interval_ms=1000)
    cpu_s = 0.0
    ticks = hours * 3600
    for frame in continued.frames(ticks, start_ms=start_ms, steady_ms=0):
        begin_s = time.process_time()
        history.append(frame)
        if frame.offset % flush_ticks == 0:
            history.flush()
        cpu_s += time.process_time() - begin_s
        if frame.offset % (24 * 3600) == 0:
            progress(f"  {frame.offset // 3600} h of {hours}")
    history.close()
    with closing(sqlite3.connect(path)) as database:
        tick_bytes, rows = database.execute("SELECT sum(nbytes), sum(rows) FROM axis WHERE tier = 0").fetchone()
    samples = ticks * len(continued.series)
    return Kept(samples, round(tick_bytes * ticks / rows), path.stat().st_size, cpu_s)


def plain_bytes(values: Floats) -> float:
    """Return the bytes a sample that columns take, compressed each."""
    return sum(len(zlib.compress(column.tobytes())) for column in np.ascontiguousarray(values.T)) / values.size


def idle() -> Floats:
    """Return what this machine has now, in the shape (ticks, series)."""
    with common.vitalcast("--interval", str(IDLE_INTERVAL_S), VITALCAST_HISTORY__ENABLED="false") as server:
        server.wait()
        progress(f"  {IDLE_S:g} s of readings")
        time.sleep(IDLE_S + 1)
        with common.observer(server.port) as observer:
            columns = observer.past(">", IDLE_S)
    ticks = min(map(len, columns.values()))
    return np.array([column[-ticks:] for column in columns.values()], dtype=np.float64).T


def sizes(kept: Kept, readings: Floats | None) -> Iterator[dict[str, Any]]:
    """Yield a row for each form of samples: bytes a sample, and of a plain file."""
    busy = plain_bytes(Continued(Recording.load()).rows(3600))
    yield {"form": BUSY, "bytes a sample": round(kept.tick_bytes / kept.samples, 3), PLAIN: round(busy, 3)}
    yield {"form": FILE, "bytes a sample": round(kept.file_bytes / kept.samples, 3), PLAIN: round(busy, 3)}
    if readings is not None:
        ours = sum(map(len, pack_values(readings))) / readings.size
        yield {"form": IDLE, "bytes a sample": round(ours, 3), PLAIN: round(plain_bytes(readings), 3)}


def ranges_h(hours: int) -> list[int]:
    """Return the ranges to ask of so many hours: from a month on a year as well, of which the month is there."""
    found = [one for one in RANGES_H if one <= hours] or [hours]
    return [*found, YEAR_H] if hours >= RANGES_H[-1] else found


def ask(path: Path, hours: float) -> int:
    """Ask for 10 series over the hours until END_MS; return how many values that brings."""
    nothing = np.zeros(0, dtype=np.int64)
    ring = RingPart("", 1000, None, None, (), nothing, nothing, nothing, np.zeros((0, 0)))
    query = Query(Selection.of(ASKED), END_MS - round(hours * HOUR_MS), END_MS, points=POINTS)
    past = FilePast(path)
    try:
        return int(evaluate(query, past, ring).values.size)
    finally:
        past.close()


def questions(path: Path, hours: int, rounds: int = ROUNDS) -> Iterator[dict[str, Any]]:
    """Yield a row for each range that the file has: CPU and wall time, cold and warm."""
    for range_h in ranges_h(hours):
        row: dict[str, Any] = {"range": f"{range_h} h", "values": ask(path, range_h)}
        work = partial(ask, path, range_h)
        for name, prepare in (("cold", partial(forget, path)), ("warm", _nothing)):
            cpu_ms, wall_ms = zip(*(_timed(work, prepare) for _ in range(rounds)), strict=True)
            row |= {f"{name}, ms of CPU": common.spread(cpu_ms), f"{name}, ms": common.spread(wall_ms)}
        yield row


def _nothing() -> None:
    """Leave all as it is."""


def _timed(work: Callable[[], object], prepare: Callable[[], object]) -> tuple[float, float]:
    prepare()
    cpu_s, wall_s = time.process_time(), time.perf_counter()
    work()
    return 1000 * (time.process_time() - cpu_s), 1000 * (time.perf_counter() - wall_s)


def forget(path: Path) -> None:
    """Have the system drop a file from its cache."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)


def run(
    hours: int = HOURS, *, with_idle: bool = True, rounds: int = ROUNDS
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], Kept, list[str]]:
    """Return a row for each form of samples, one for each range, what was kept, and notes."""
    with tempfile.TemporaryDirectory(prefix="vitalcast-bench-") as folder:
        path = Path(folder) / "history.db"
        kept = keep(path, hours)
        asked = list(questions(path, hours, rounds))
    forms = list(sizes(kept, idle() if with_idle else None))
    note = f"history: {hours} h of a busy machine's {len(Recording.load().series)} series, once a second"
    return forms, asked, kept, [note]


def main(argv: Sequence[str] | None = None) -> int:
    parser = common.parser(__doc__)
    parser.add_argument("--hours", type=int, default=HOURS, help=f"hours to keep; default: {HOURS}")
    options = parser.parse_args(argv)
    progress("history")
    forms, asked, kept, notes = run(options.hours)
    notes.append(f"CPU: {kept.cpu_s / options.hours * 24:.1f} s a day of samples")
    common.print_table(asked)
    common.report("history", forms, notes, options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
