"""Kills a process that writes a history, at a random moment, and says what was lost of what it had put down.

`python -m tests.history.kill FOLDER SEED` is that process. It writes numbers that tell which tick they are of, and
prints the offset of the newest tick before and after each flush, so that whoever kills it knows what had to survive.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np

from vitalcast.core.metrics.model import Descriptor, Frame, Kind, Layout, Series
from vitalcast.core.query.tier import ROLLUPS
from vitalcast.history.sqlite import SqliteHistory

CHECKOUT = Path(__file__).resolve().parents[2]
FILE = "history.db"
CAP = 2 * 2**20
STEP_MS = 20_000
START_MS = 1_790_000_000_000 // 86_400_000 * 86_400_000
SERIES = tuple(Series(Descriptor("kill.value", "1", Kind.GAUGE, "A value.", ("name",)), (f"s{n}",)) for n in range(12))
LAYOUT = Layout(SERIES)


def value(offset: int, series: int) -> float:
    """Return what a tick has of a series: noise, so that it takes room, and known."""
    return float((offset * 2654435761 + series * 40503) % 1_000_003) / 7.0


def history(folder: Path, boot: str) -> SqliteHistory:
    """Return the history of a folder, whose clock stands still: ticks bring their own time."""
    return SqliteHistory(
        folder / FILE, bytes_max=CAP, clock_ms=lambda: START_MS, steady_ms=lambda: 0, boot=lambda: boot
    )


def write(folder: Path, seed: int) -> None:
    """Write for ever, in flushes of random length."""
    random = Random(seed)
    one = history(folder, f"boot-{seed}")
    resumed = one.open(epoch=f"epoch-{seed}", interval_ms=1000)
    offset = resumed.offset if resumed else 0
    print("begins", flush=True)
    while True:
        for _ in range(random.randrange(1, 400)):
            offset += 1
            values = np.array([value(offset, series) for series in range(len(SERIES))])
            one.append(Frame(offset, START_MS + offset * STEP_MS, LAYOUT, values, offset * STEP_MS))
        print(f"given {offset}", flush=True)
        one.flush()
        print(offset, flush=True)


@dataclass(frozen=True, slots=True)
class Found:
    """What a kill left: the newest tick that was given to the history, the newest that it said was put down, the newest
    that is there, and what is wrong."""

    given: int
    put_down: int
    newest: int
    wrong: tuple[str, ...]


def killed(folder: Path, seed: int, after_s: float) -> Found:
    """Have a process write, kill it so long after it began, and look at what is left."""
    command = [sys.executable, "-m", "tests.history.kill", str(folder), str(seed)]
    with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begins\n"
        time.sleep(after_s)
        process.kill()
        lines = process.stdout.read().splitlines()
    put_down = max((int(line) for line in lines if line.isdigit()), default=0)
    given = max((int(line[6:]) for line in lines if line.startswith("given ")), default=0)
    return look(folder, seed, given=given, put_down=put_down)


def look(folder: Path, seed: int, *, given: int, put_down: int) -> Found:
    """Open the file as the next run does, let it repair what it must, and check every tick and every step in it."""
    one = history(folder, f"boot-{seed}-after")
    resumed = one.open(epoch="after", interval_ms=1000)
    assert resumed is not None
    wrong: list[str] = []
    with closing(one.past()) as past:
        ticks = list(past.ticks([SERIES[3]], 0, 2**60))
        offsets = np.concatenate([part.offsets for part in ticks] or [np.zeros(0, dtype=np.int64)])
        values = np.concatenate([part.values for part in ticks] or [np.zeros(0)])
        wrong += checks(offsets, values)
        for tier in ROLLUPS:
            for rollup in past.rollups(tier, [SERIES[3]], 0, 2**60):
                wrong += steps_wrong(int(tier), rollup.times_ms, rollup.count, rollup.maximum, offsets)
    wrong += ["a part cannot be read"] * one.counts.chunks_unreadable
    wrong += ["the file was set aside" for _ in folder.glob("*.corrupt-*")]
    newest = int(offsets[-1]) if len(offsets) else 0
    if newest < put_down:
        wrong.append(f"{put_down - newest} ticks that were put down are gone")
    size = sum(path.stat().st_size for path in folder.glob(f"{FILE}*") if path.suffix != ".lock")
    if size > CAP:
        wrong.append(f"{size} bytes are more than the cap")
    one.close()
    return Found(given, put_down, newest, tuple(wrong))


def checks(offsets: np.ndarray, values: np.ndarray) -> Iterator[str]:  # type: ignore[type-arg]
    """Yield what is wrong with the ticks: doubles, holes that no restart explains, values of other ticks."""
    if (np.diff(offsets) <= 0).any():
        yield "a tick is there twice"
    expected = [value(offset, 3) for offset in offsets.tolist()]
    if expected != values.tolist():
        yield "a tick has the value of another"


def steps_wrong(
    step_ms: int,
    times: np.ndarray,  # type: ignore[type-arg]
    counts: np.ndarray,  # type: ignore[type-arg]
    maxima: np.ndarray,  # type: ignore[type-arg]
    offsets: np.ndarray,  # type: ignore[type-arg]
) -> Iterator[str]:
    """Yield what is wrong with steps whose ticks are all still there."""
    if (np.diff(times) <= 0).any():
        yield f"a step of {step_ms} ms is there twice"
    at_ms = START_MS + offsets * STEP_MS
    for time_ms, count, maximum in zip(times.tolist(), counts.tolist(), maxima.tolist(), strict=True):
        if not len(at_ms) or time_ms - step_ms < at_ms[0]:
            continue
        inside = offsets[(at_ms > time_ms - step_ms) & (at_ms <= time_ms)]
        if count != len(inside):
            yield f"a step of {step_ms} ms counts {count:g} ticks of {len(inside)}"
        elif maximum != max(value(offset, 3) for offset in inside.tolist()):
            yield f"a step of {step_ms} ms has lost its peak"


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        write(Path(sys.argv[1]), int(sys.argv[2]))
