"""The load average over one, five and fifteen minutes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psutil

from vitalcast.collectors.base import Collector
from vitalcast.collectors.procfs import PROC, open_if_readable
from vitalcast.model import Descriptor, Kind, Sample

# Not in OpenTelemetry's conventions: named here in their style.
LOAD_AVERAGE = Descriptor(
    "system.load.average",
    "{thread}",
    Kind.GAUGE,
    "Threads that ran or waited to run (on Linux also for a disk), averaged over a window of time.",
    ("system.load.window",),
)

DESCRIPTORS = (LOAD_AVERAGE,)

WINDOWS = ("1m", "5m", "15m")


def parse_loadavg(text: bytes) -> tuple[float, float, float]:
    """Parse /proc/loadavg, which starts with the three averages."""
    one, five, fifteen = map(float, text.split(None, 3)[:3])
    return one, five, fifteen


def _reader(proc: Path) -> Callable[[], tuple[float, float, float]]:
    file = open_if_readable(proc / "loadavg")
    if file is None:
        return psutil.getloadavg
    return lambda: parse_loadavg(file.read())


class LoadCollector(Collector):
    """Reads /proc/loadavg, elsewhere what psutil knows or emulates."""

    name = "load"
    descriptors = DESCRIPTORS

    def __init__(self, *, proc: Path = PROC) -> None:
        super().__init__()
        self._read = _reader(proc)

    def collect(self, _now_s: float) -> list[Sample]:
        return [
            self.sample(LOAD_AVERAGE, average, window) for window, average in zip(WINDOWS, self._read(), strict=True)
        ]
