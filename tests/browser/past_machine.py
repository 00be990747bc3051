"""The machine of the generated past: a value of each of its series at any times, all telling one story.

The series are those that this machine has now, but for the programs, which are made up.
"""

from __future__ import annotations

import math
import os
import time
from typing import TYPE_CHECKING

import numpy as np
from tests.browser.past_moments import Moments, significant
from tests.browser.past_story import GZIP, JAVA, MIB, MINUTE_MS, PROGRAMS, RESTIC, Story

from vitalcast.collectors.programs import IO_RATE, MEMORY, OTHERS, SHORT_LIVED, UTILIZATION
from vitalcast.collectors.runtime_stats import RuntimeStats
from vitalcast.config.schema import Settings
from vitalcast.core.metrics.model import Kind, Series
from vitalcast.live.collector_runner import CollectorRunner
from vitalcast.live.machine_readers import machine_readers

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.int64]


def newest_samples() -> dict[Series, float]:
    """Read the collectors of this machine twice, so that there are rates, and return what they say."""
    stats = RuntimeStats()
    runners = [CollectorRunner(one, stats) for one in machine_readers(Settings(), stats).collectors]
    for _ in range(2):
        for runner in runners:
            runner.take(runner.read())
        time.sleep(0.05)
    return {series: value for runner in runners for series, value in runner.samples}


class Machine:
    """Has a value for each of `series` at any times, which are to be asked from old to new."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.cores = os.cpu_count() or 1
        now = newest_samples()
        usual = [series for series in now if not series.name.startswith("process.")]
        self._newest = {series.key: 0.0 if math.isnan(now[series]) else now[series] for series in usual}
        self.memory_bytes = self.now("system.memory.limit") or 8192.0 * MIB
        names = [program.name for program in PROGRAMS]
        whole = (*names, SHORT_LIVED, OTHERS)
        self.usual = (
            *usual,
            *(Series(UTILIZATION, (name,)) for name in whole),
            *(Series(MEMORY, (name,)) for name in (*names, OTHERS)),
            *(Series(IO_RATE, (name, way)) for name in (*names, OTHERS) for way in ("read", "write")),
        )
        rare = (RESTIC, GZIP, JAVA)
        self.series = (
            *self.usual,
            *(Series(UTILIZATION, (name,)) for name in rare),
            *(Series(MEMORY, (name,)) for name in rare),
            *(Series(IO_RATE, (name, way)) for name in (RESTIC, GZIP) for way in ("read", "write")),
        )
        self._random = np.random.default_rng(12)
        self._counts: dict[Series, float] = {}
        self.last_ms = story.start_ms - MINUTE_MS

    def now(self, key: str) -> float:
        """Return what a series has on this machine, 0 for none of its own."""
        return self._newest.get(key, 0.0)

    def values(self, times_ms: Integers) -> Floats:
        """Return the values at times, in the shape (times, series), `nan` for what was not there."""
        moments = Moments(self, times_ms, self._random)
        steps_s = np.diff(times_ms, prepend=self.last_ms) / 1000
        found = np.empty((len(times_ms), len(self.series)))
        for column, series in enumerate(self.series):
            if series.descriptor.kind is Kind.COUNTER:
                grown = np.cumsum(moments.flow(series) * steps_s) + self._counts.get(series, self.now(series.key) / 2)
                self._counts[series] = float(grown[-1])
                found[:, column] = np.round(grown, 2 if series.descriptor.unit == "s" else 0)
            elif series.name.endswith(".rate") and series.descriptor is not IO_RATE:
                found[:, column] = significant(moments.flow(series))
            else:
                found[:, column] = moments.level(series, self.now(series.key))
        self.last_ms = int(times_ms[-1])
        return found
