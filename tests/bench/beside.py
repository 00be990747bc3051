"""The history beside VictoriaMetrics and Prometheus: the same samples into each, and the same questions to each.

It is not part of `vitalcast bench`, since it fetches Debian's packages, and takes long: run it by name.

    python -m tests.bench.beside --hours 72

The samples are those of `history`: a busy machine's 201 series, once a second. All run in this one go. Others are
written to by remote write, a minute of all series at once, and asked for `avg_over_time` over HTTP; cold is a process
that has just been started. Vitalcast is asked in this process, so without HTTP, which adds about a millisecond.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from tests.bench import common, history
from tests.bench.common import progress
from tests.bench.engines import (
    ENGINES,
    PROMETHEUS,
    Engine,
    Floats,
    Integers,
    Running,
    any_of,
    disk_bytes,
    labels_of,
    prometheus_blocks,
    running,
)
from tests.bench.history import ASKED, END_MS, HOUR_MS, POINTS, ROUNDS
from tests.bench.recording import Continued, Recording

OURS, FILE = "Vitalcast", "history.db"
FIGURES = ("cold, ms of CPU", "cold, ms", "warm, ms of CPU", "warm, ms")
HOURS = 72
BATCH_TICKS = 60
DAY_S = 86_400
COMPACTED_S = 150.0  # Prometheus looks once a minute whether it can make blocks of what has come
QUIET_CPU_S = 0.02


def batches(hours: int) -> Iterator[tuple[Integers, Floats]]:
    """Yield the samples of a busy machine that end at END_MS, a minute of all series at once."""
    continued = Continued(Recording.load())
    for hour in range(hours):
        rows = continued.rows(3600)
        times_ms = END_MS - (hours - hour) * HOUR_MS + 1000 * np.arange(1, 3601, dtype=np.int64)
        for start in range(0, 3600, BATCH_TICKS):
            yield times_ms[start : start + BATCH_TICKS], rows[start : start + BATCH_TICKS]
        if hour % 24 == 23:
            progress(f"  {hour + 1} h of {hours}")


def ours(path: Path, hours: int) -> dict[str, Any]:
    """Keep the samples in a file of ours; return a row about space and CPU."""
    kept = history.keep(path / FILE, hours)
    return {
        "engine": OURS,
        "bytes a sample": round(kept.file_bytes / kept.samples, 3),
        "blocks alone": round(kept.tick_bytes / kept.samples, 3),
        "CPU s a day": round(kept.cpu_s / hours * 24, 2),
    }


def theirs(engine: Engine, program: Path, path: Path, hours: int) -> dict[str, Any]:
    """Write the samples to another engine; return a row as `ours` does."""
    labels = [labels_of(one.key, one.name, one.attributes) for one in Recording.load().series]
    samples = 0
    with running(engine, program, path) as one:
        before_s = one.process.cpu_s
        for times_ms, values in batches(hours):
            one.write(labels, times_ms, values)
            samples += values.size
        one.settle()
        if engine is PROMETHEUS:
            time.sleep(COMPACTED_S)
        cpu_s = _when_quiet(one) - before_s
    whole = disk_bytes(path)
    nbytes, kept = prometheus_blocks(path) if engine is PROMETHEUS else (whole, samples)
    return {
        "engine": engine.name,
        "bytes a sample": round(whole / samples, 3),
        "blocks alone": round(nbytes / kept, 3) if kept else None,
        "CPU s a day": round(cpu_s / hours * 24, 2),
    }


def _when_quiet(one: Running) -> float:
    """Return the CPU seconds of a process once it has put down what came."""
    before_s = one.process.cpu_s
    while True:
        time.sleep(1)
        now_s = one.process.cpu_s
        if now_s - before_s < QUIET_CPU_S:
            return now_s
        before_s = now_s


def _ours_asked(path: Path, hours: int) -> Iterator[dict[str, Any]]:
    for row in history.questions(path, hours):
        yield {"range": row["range"], "engine": OURS} | {name: row[name] for name in FIGURES}


def _asked(engine: Engine, program: Path, path: Path, range_h: int) -> dict[str, Any]:
    step_s = max(1, range_h * 3600 // POINTS)
    # One by one: without its name, which `avg_over_time` takes away, a series may be called as another.
    asked = [f"avg_over_time({name.replace('.', '_')}[{step_s}s])" for name in ASKED]
    found: dict[str, list[float]] = {name: [] for name in FIGURES}
    for _ in range(ROUNDS):
        for file in path.rglob("*"):
            with suppress(OSError):
                if file.is_file():
                    history.forget(file)
        with running(engine, program, path) as one:
            for state in ("cold", "warm"):
                cpu_s = one.process.cpu_s
                took = [one.query_s(expression, END_MS - range_h * HOUR_MS, END_MS, step_s) for expression in asked]
                found[f"{state}, ms of CPU"].append((one.process.cpu_s - cpu_s) * 1000)
                found[f"{state}, ms"].append(sum(took_s for took_s, _ in took) * 1000)
    figures = {name: common.spread(values) for name, values in found.items()}
    return {"range": f"{range_h} h", "engine": engine.name} | figures


def main(argv: Sequence[str] | None = None) -> int:
    parser = common.parser(__doc__)
    parser.add_argument("--hours", type=int, default=HOURS, help=f"hours to keep; default: {HOURS}")
    parser.add_argument("--packages", type=Path, help="where to keep what is fetched; default: a folder for this run")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="vitalcast-bench-") as folder, ProcessPoolExecutor(2) as pool:
        programs, missing = any_of(ENGINES, options.packages or Path(folder))
        engines = [one for one in ENGINES if one.name in programs]
        paths = {name: Path(folder) / f"data-{name}" for name in (OURS, *(one.name for one in engines))}
        for path in paths.values():
            path.mkdir()
        # Two at once, since their CPU is counted and not their time; what is asked then is asked one after the other.
        fed = [pool.submit(ours, paths[OURS], options.hours)]
        fed += [pool.submit(theirs, one, programs[one.name], paths[one.name], options.hours) for one in engines]
        spaces = [one.result() for one in fed]
        common.print_table(spaces)
        asked = list(_ours_asked(paths[OURS] / FILE, options.hours))
        for one in engines:
            ranges_h = history.ranges_h(options.hours)
            asked += [_asked(one, programs[one.name], paths[one.name], range_h) for range_h in ranges_h]
    common.report("beside", sorted(asked, key=lambda row: int(row["range"].split()[0])), missing, options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
