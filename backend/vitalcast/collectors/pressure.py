"""Pressure stall: the time that work stood still for want of CPU, memory or I/O."""

from __future__ import annotations

from typing import NamedTuple

from vitalcast.collectors.base import Collector, SeriesPerDevice
from vitalcast.collectors.declaration import Declaration
from vitalcast.collectors.procfs import KernelFile, open_if_readable
from vitalcast.core.metrics.model import Descriptor, Kind, Sample, Series
from vitalcast.machine import HERE, Roots

# Not in OpenTelemetry's conventions: named here in their style, after system.cpu.time and its utilization.
UTILIZATION = Descriptor(
    "system.pressure.utilization",
    "1",
    Kind.GAUGE,
    "Share of the time that some threads, or all (full), were stalled by the resource, over a window.",
    ("system.pressure.resource", "system.pressure.scope", "system.pressure.window"),
)
TIME = Descriptor(
    "system.pressure.time",
    "s",
    Kind.COUNTER,
    "Time that some threads, or all (full), were stalled by the resource.",
    ("system.pressure.resource", "system.pressure.scope"),
)

DESCRIPTORS = (UTILIZATION, TIME)

RESOURCES = ("cpu", "memory", "io", "irq")
WINDOWS = ("10s", "1m", "5m")
_SCOPES = {b"some": "some", b"full": "full"}


class Stall(NamedTuple):
    """One line of a pressure file: the averages as shares, in the order of the windows, and the total seconds."""

    averages: tuple[float, float, float]
    total_s: float


def parse_pressure(text: bytes) -> dict[str, Stall]:
    """Parse a file such as `some avg10=1.50 avg60=0.81 avg300=0.29 total=6419384`, in percent and µs."""
    stalls = {}
    for line in text.split(b"\n"):
        scope, *fields = line.split() or [b""]
        if scope not in _SCOPES or len(fields) != len(WINDOWS) + 1:
            continue
        *percents, total_us = [field.partition(b"=")[2] for field in fields]
        try:
            ten, sixty, three_hundred = [min(int(float(text) * 100 + 0.5) / 10_000, 1.0) for text in percents]
            total_s = int(total_us) / 1e6
        except (ValueError, OverflowError):
            continue
        if min(ten, sixty, three_hundred, total_s) >= 0:
            stalls[_SCOPES[scope]] = Stall((ten, sixty, three_hundred), total_s)
    return stalls


class PressureCollector(Collector):
    """Reads /proc/pressure; absent on a kernel without it, and on other systems."""

    name = "pressure"

    def __init__(self, *, roots: Roots = HERE) -> None:
        super().__init__()
        self._files: dict[str, KernelFile] = {}
        for resource in RESOURCES:
            if file := open_if_readable(roots.procfs / "pressure" / resource, is_one_record=True):
                self._files[resource] = file
        self.descriptors = DESCRIPTORS if self._files else ()
        self._of_line = SeriesPerDevice(_series)

    def collect(self, _now_s: float) -> list[Sample]:
        samples: list[Sample] = []
        for resource, file in self._files.items():
            for scope, stall in parse_pressure(file.read()).items():
                if (resource, scope) == ("cpu", "full"):
                    continue  # undefined for a whole host; the kernel fills in zeros
                series = self._of_line[resource, scope]
                samples += map(Sample, series, (*stall.averages, stall.total_s))
        return samples


def _series(line: tuple[str, str]) -> tuple[Series, ...]:
    return (*(Series(UTILIZATION, (*line, window)) for window in WINDOWS), Series(TIME, line))


COLLECTORS = (Declaration(PressureCollector.name, DESCRIPTORS, lambda setup: PressureCollector(roots=setup.roots)),)
