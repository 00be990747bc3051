"""What is done to a file takes little memory, however lively the series are."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
from tests.history.frames import START_MS

from vitalcast.core.metrics.model import Descriptor, Frame, Kind, Layout, Series
from vitalcast.history.sqlite import SqliteHistory

NOISE = Descriptor("noise", "1", Kind.GAUGE, "Noise.", ("name",))
LAYOUT = Layout(tuple(Series(NOISE, (f"s{number}",)) for number in range(240)))
STEP_MS = 10_000
HOUR_TICKS = 3_600_000 // STEP_MS
HOURS = 4  # of the evening, so that the day is over then
EVENING_MS = START_MS // 86_400_000 * 86_400_000 - HOURS * 3_600_000
MIB = 2**20


def test_an_evening_becomes_blocks_and_is_joined_in_a_few_mebibytes(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    history = SqliteHistory(tmp_path / "history.db", clock_ms=lambda: START_MS, steady_ms=lambda: 0, boot=lambda: "")
    history.open(epoch="epoch-1", interval_ms=1000)
    for offset in range(1, HOURS * HOUR_TICKS + 2):
        values = np.exp(random.normal(size=len(LAYOUT.series)) * 5)
        history.append(Frame(offset, EVENING_MS + offset * STEP_MS, LAYOUT, values, offset * STEP_MS))
        if offset % HOUR_TICKS == 0 and offset < HOURS * HOUR_TICKS:
            history.flush()
    tracemalloc.start()
    try:
        history.flush()
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    history.close()
    assert peak_bytes < 15 * MIB
