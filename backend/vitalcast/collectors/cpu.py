"""CPU time by mode, the busy share of each logical CPU, and their frequency."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import psutil

from vitalcast.collectors.base import NO_READING, Collector, SeriesPerDevice, share
from vitalcast.collectors.procfs import PROC, number, open_if_readable
from vitalcast.model import Descriptor, Kind, Sample, Series

TIME = Descriptor(
    "system.cpu.time",
    "s",
    Kind.COUNTER,
    "Time all logical CPUs together spent in each mode.",
    ("cpu.mode",),
    rate=False,  # the utilization says it better
)
UTILIZATION = Descriptor(
    "system.cpu.utilization",
    "1",
    Kind.GAUGE,
    "Share of the host's CPU time spent in each mode since the last reading; the modes add up to 1.",
    ("cpu.mode",),
)
LOGICAL_COUNT = Descriptor("system.cpu.logical.count", "{cpu}", Kind.UPDOWNCOUNTER, "Logical CPUs that are online.")
PHYSICAL_COUNT = Descriptor("system.cpu.physical.count", "{cpu}", Kind.UPDOWNCOUNTER, "Physical cores.")
FREQUENCY = Descriptor(
    "system.cpu.frequency",
    "Hz",
    Kind.GAUGE,
    "Frequency at which each logical CPU runs.",
    ("cpu.logical_number",),
)
# Not in OpenTelemetry's conventions: named here in their style.
LOGICAL_UTILIZATION = Descriptor(
    "system.cpu.logical.utilization",
    "1",
    Kind.GAUGE,
    "Busy share of each logical CPU since the last reading: all modes but idle and iowait.",
    ("cpu.logical_number",),
)
CONTEXT_SWITCHES = Descriptor(
    "system.cpu.context_switches", "{context_switch}", Kind.COUNTER, "Context switches on all CPUs."
)
INTERRUPTS = Descriptor("system.cpu.interrupts", "{interrupt}", Kind.COUNTER, "Interrupts serviced.")

DESCRIPTORS = (
    TIME,
    UTILIZATION,
    LOGICAL_COUNT,
    PHYSICAL_COUNT,
    LOGICAL_UTILIZATION,
    CONTEXT_SWITCHES,
    INTERRUPTS,
)
FREQUENCY_DESCRIPTORS = (FREQUENCY,)

# Linux may take back a little idle, iowait or steal time; a counter must not, so it waits until time catches up.
_TAKEN_BACK_MAX_S = 3.0
_OTHER_NAMES = {
    "irq": "interrupt",
    "softirq": "interrupt",
    "dpc": "interrupt",
    "guest": None,  # counted within user
    "guest_nice": None,  # counted within nice
}


class CpuReading(NamedTuple):
    """Seconds since boot by mode for the host, (busy, total) seconds by logical CPU, and two counts."""

    modes: dict[str, float]
    logical: dict[str, tuple[float, float]]
    context_switches: float
    interrupts: float


def parse_stat(text: bytes, ticks_per_s: int) -> CpuReading:
    """Parse /proc/stat; its CPU times are in clock ticks, and guest time is part of user and nice."""
    lines = text.partition(b"intr ")[0].splitlines()
    user, nice, system, idle, iowait, irq, softirq, steal = map(int, lines[0].split(None, 9)[1:9])
    modes = {
        "user": user / ticks_per_s,
        "nice": nice / ticks_per_s,
        "system": system / ticks_per_s,
        "idle": idle / ticks_per_s,
        "iowait": iowait / ticks_per_s,
        "interrupt": (irq + softirq) / ticks_per_s,
        "steal": steal / ticks_per_s,
    }
    logical: dict[str, tuple[float, float]] = {}
    for line in lines[1:]:
        fields = line.split(None, 9)
        times = list(map(int, fields[1:9]))
        total = sum(times)
        logical[fields[0][3:].decode()] = (total - times[3] - times[4], total)
    return CpuReading(modes, logical, number(text, b"\nctxt "), number(text, b"\nintr "))


def read_psutil() -> CpuReading:
    """Read what psutil offers on this platform; modes that it lacks are left out."""
    modes: dict[str, float] = {}
    logical: dict[str, tuple[float, float]] = {}
    for cpu, times in enumerate(psutil.cpu_times(percpu=True)):
        by_mode: dict[str, float] = {}
        for name, seconds in times._asdict().items():
            if mode := _OTHER_NAMES.get(name, name):
                by_mode[mode] = by_mode.get(mode, 0.0) + seconds
        for mode, seconds in by_mode.items():
            modes[mode] = modes.get(mode, 0.0) + seconds
        total = sum(by_mode.values())
        logical[str(cpu)] = (total - by_mode.get("idle", 0.0) - by_mode.get("iowait", 0.0), total)
    stats = psutil.cpu_stats()
    return CpuReading(modes, logical, stats.ctx_switches, stats.interrupts)


def _reader(proc: Path) -> Callable[[], CpuReading]:
    file = open_if_readable(proc / "stat")
    if file is None:
        return read_psutil
    ticks_per_s = os.sysconf("SC_CLK_TCK")
    return lambda: parse_stat(file.read(), ticks_per_s)


class CpuCollector(Collector):
    """Reads /proc/stat, elsewhere psutil. Shares are `nan` until there are two readings to compare."""

    name = "cpu"

    def __init__(self, *, proc: Path = PROC, physical_count: int | None = None) -> None:
        super().__init__()
        self._read = _reader(proc)
        self._physical_count = physical_count or psutil.cpu_count(logical=False)
        self.descriptors = tuple(d for d in DESCRIPTORS if d is not PHYSICAL_COUNT or self._physical_count)
        self._of_mode = SeriesPerDevice[str](lambda mode: (Series(TIME, (mode,)), Series(UTILIZATION, (mode,))))
        self._of_cpu = SeriesPerDevice[str](lambda number: (Series(LOGICAL_UTILIZATION, (number,)),))
        self._before = CpuReading({}, {}, 0, 0)

    def collect(self, _now_s: float) -> list[Sample]:
        before, now = self._before, self._read()
        modes = {mode: _hold(before.modes.get(mode, 0.0), seconds) for mode, seconds in now.modes.items()}
        self._before = now = now._replace(modes=modes)
        samples = [
            self.sample(LOGICAL_COUNT, len(now.logical)),
            self.sample(CONTEXT_SWITCHES, now.context_switches),
            self.sample(INTERRUPTS, now.interrupts),
        ]
        if self._physical_count:
            samples.append(self.sample(PHYSICAL_COUNT, self._physical_count))
        for (mode, part), seconds in zip(mode_shares(before.modes, modes).items(), modes.values(), strict=True):
            time, utilization = self._of_mode[mode]
            samples.append(Sample(time, seconds))
            samples.append(Sample(utilization, part))
        for cpu, (busy, total) in now.logical.items():
            busy_before, total_before = before.logical.get(cpu, (NO_READING, NO_READING))
            samples.append(Sample(self._of_cpu[cpu][0], share(busy - busy_before, total - total_before)))
        self._of_cpu.keep(now.logical)
        return samples


def mode_shares(before: dict[str, float], now: dict[str, float]) -> dict[str, float]:
    """Return each mode's share of the time between two readings; `nan` where none has passed."""
    spent = {mode: max(0.0, seconds - before.get(mode, NO_READING)) for mode, seconds in now.items()}
    total = sum(spent.values()) if before else 0.0
    return {mode: share(seconds, total) for mode, seconds in spent.items()}


def _hold(before: float, now: float) -> float:
    return before if 0 < before - now < _TAKEN_BACK_MAX_S else now


class CpuFrequencyCollector(Collector):
    """Reads each logical CPU's frequency; absent where the machine does not tell. Dear: 20 µs a CPU, or more."""

    name = "cpu_frequency"
    cadence_s = 5.0

    def __init__(self) -> None:
        super().__init__()
        self.descriptors = FREQUENCY_DESCRIPTORS if _frequencies_mhz() else ()
        self._of_cpu = SeriesPerDevice[str](lambda number: (Series(FREQUENCY, (number,)),))

    def collect(self, _now_s: float) -> list[Sample]:
        frequencies = _frequencies_mhz()
        self._of_cpu.keep([str(cpu) for cpu in range(len(frequencies))])
        return [
            Sample(self._of_cpu[str(cpu)][0], round(mhz * 1e6) if mhz > 0 else NO_READING)
            for cpu, mhz in enumerate(frequencies)
        ]


def _frequencies_mhz() -> list[float]:
    read = getattr(psutil, "cpu_freq", None)
    if read is None:
        return []
    try:
        return [frequency.current for frequency in read(percpu=True) or ()]
    except (OSError, NotImplementedError, RuntimeError):  # virtual machines of several kinds
        return []
