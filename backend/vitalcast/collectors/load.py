"""The load average over one, five and fifteen minutes."""

from __future__ import annotations

from collections.abc import Callable

import psutil

from vitalcast.collectors.base import NO_READING, Collector
from vitalcast.collectors.declaration import Declaration
from vitalcast.collectors.procfs import amount, open_if_readable
from vitalcast.core.metrics.model import Descriptor, Kind, Sample
from vitalcast.machine import HERE, Roots

# Not in OpenTelemetry's conventions: named here in their style.
LOAD_AVERAGE = Descriptor(
    "system.load.average",
    "{thread}",
    Kind.GAUGE,
    "Threads that ran or waited to run (on Linux also those that waited for a disk), averaged over a window of time.",
    ("system.load.window",),
)

DESCRIPTORS = (LOAD_AVERAGE,)

WINDOWS = ("1m", "5m", "15m")


def parse_loadavg(text: bytes) -> tuple[float, float, float]:
    """Parse /proc/loadavg, which starts with the three averages."""
    words = text.split(None, 3)[:3]
    if len(words) < 3:
        return NO_READING, NO_READING, NO_READING
    one, five, fifteen = map(amount, words)
    return one, five, fifteen


def _reader(roots: Roots) -> Callable[[], tuple[float, float, float]] | None:
    if roots.psutil:
        return psutil.getloadavg
    file = open_if_readable(roots.procfs / "loadavg", is_one_record=True)
    return None if file is None else lambda: parse_loadavg(file.read())


class LoadCollector(Collector):
    """Reads /proc/loadavg, elsewhere what psutil knows or emulates."""

    name = "load"

    def __init__(self, *, roots: Roots = HERE) -> None:
        super().__init__()
        self._read = _reader(roots)
        self.descriptors = DESCRIPTORS if self._read else ()

    def collect(self, _now_s: float) -> list[Sample]:
        if self._read is None:
            return []
        return [
            self.sample(LOAD_AVERAGE, average, window) for window, average in zip(WINDOWS, self._read(), strict=True)
        ]


COLLECTORS = (Declaration(LoadCollector.name, DESCRIPTORS, lambda setup: LoadCollector(roots=setup.roots)),)
