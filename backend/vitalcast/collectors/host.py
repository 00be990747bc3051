"""How long the host has been up."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import psutil

from vitalcast.collectors.base import Collector
from vitalcast.collectors.procfs import PROC, open_if_readable
from vitalcast.model import Descriptor, Kind, Sample

UPTIME = Descriptor("system.uptime", "s", Kind.GAUGE, "Time since the system started.")

DESCRIPTORS = (UPTIME,)


def parse_uptime(text: bytes) -> float:
    """Parse /proc/uptime, whose first number is the time since boot."""
    return float(text.split(None, 1)[0])


def _reader(proc: Path) -> Callable[[], float]:
    file = open_if_readable(proc / "uptime")
    if file is None:
        return lambda: max(0.0, round(time.time() - psutil.boot_time(), 2))
    return lambda: parse_uptime(file.read())


class HostCollector(Collector):
    """Reads /proc/uptime, elsewhere the time of boot."""

    name = "host"
    descriptors = DESCRIPTORS

    def __init__(self, *, proc: Path = PROC) -> None:
        super().__init__()
        self._read = _reader(proc)

    def collect(self, _now_s: float) -> list[Sample]:
        return [self.sample(UPTIME, self._read())]
