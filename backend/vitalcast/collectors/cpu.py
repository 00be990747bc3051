"""CPU time by mode, the busy share of each logical CPU, and their frequency."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import psutil

from vitalcast.collectors.base import DENIED, NO_READING, Collector, SeriesPerDevice, share
from vitalcast.collectors.declaration import Declaration
from vitalcast.collectors.procfs import COUNT_MAX, amount, number, open_if_readable, read_if_readable
from vitalcast.core.metrics.model import Descriptor, Kind, Sample, Series
from vitalcast.machine import HERE, Roots

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
    "Share of the host's CPU time spent in each mode since the previous tick; the modes add up to 1.",
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
    "Busy share of each logical CPU since the previous tick: all modes except idle and iowait.",
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
# A CPU cannot spend more time than passes. It may seem to by some seconds, where the kernel accounts for it late; by
# far more where the kernel has counted below zero (steal time after a migration of Xen), or has got more CPUs.
_PACE_MAX = 10.0
_LATE_MAX_S = 10.0
_CPU_DIGITS_MAX = 6
_FREQUENCY_MAX_HZ = 1e11  # ten times what any CPU runs at
_OTHER_NAMES = {
    "irq": "interrupt",
    "softirq": "interrupt",
    "dpc": "interrupt",
    "guest": None,  # counted within user
    "guest_nice": None,  # counted within nice
}


# The time that one logical CPU spent busy, idle and in iowait: apart, as the kernel takes back some of either. A plain
# tuple, for there is one of each CPU at each tick.
CpuTimes = tuple[float, float, float]


class CpuReading(NamedTuple):
    """Seconds since boot by mode for the host, times by logical CPU with their unit, and two counts."""

    modes: dict[str, float]
    logical: dict[str, CpuTimes]
    context_switches: float
    interrupts: float
    ticks_per_s: float = 1.0


# User, nice, system, idle, iowait, irq, softirq, steal; then guest times, part of user and nice. At first it was four.
_TIMES, _TIMES_MIN = 8, 4


def parse_stat(text: bytes, ticks_per_s: int) -> CpuReading:
    """Parse /proc/stat; its CPU times are in clock ticks, and CPUs that are offline are missing from it."""
    modes: dict[str, float] = {}
    logical: dict[str, CpuTimes] = {}
    for line in text.partition(b"\nintr ")[0].split(b"\n"):
        words = line.split(None, _TIMES + 1)
        if len(words) < _TIMES_MIN + 1 or not line.startswith(b"cpu") or b"-" in line:
            continue
        try:
            times = list(map(int, words[1 : _TIMES + 1]))
        except ValueError:
            continue
        total = sum(times)
        if total > _TIMES * COUNT_MAX:
            continue
        if len(times) < _TIMES:
            times += [0] * (_TIMES - len(times))
        user, nice, system, idle, iowait, irq, softirq, steal = times
        if words[0] == b"cpu":
            modes = {
                "user": user / ticks_per_s,
                "nice": nice / ticks_per_s,
                "system": system / ticks_per_s,
                "idle": idle / ticks_per_s,
                "iowait": iowait / ticks_per_s,
                "interrupt": (irq + softirq) / ticks_per_s,
                "steal": steal / ticks_per_s,
            }
        elif cpu := _cpu_number(words[0][3:]):
            logical[cpu] = (total - idle - iowait, idle, iowait)
    return CpuReading(modes, logical, number(text, b"\nctxt "), number(text, b"\nintr "), ticks_per_s)


def read_psutil() -> CpuReading:
    """Read what psutil offers on this platform; modes that it lacks are left out."""
    modes: dict[str, float] = {}
    logical: dict[str, CpuTimes] = {}
    for cpu, times in enumerate(psutil.cpu_times(percpu=True)):
        by_mode: dict[str, float] = {}
        for name, seconds in times._asdict().items():
            if mode := _OTHER_NAMES.get(name, name):
                by_mode[mode] = by_mode.get(mode, 0.0) + seconds
        for mode, seconds in by_mode.items():
            modes[mode] = modes.get(mode, 0.0) + seconds
        idle, iowait = by_mode.get("idle", 0.0), by_mode.get("iowait", 0.0)
        logical[str(cpu)] = (sum(by_mode.values()) - idle - iowait, idle, iowait)
    stats = psutil.cpu_stats()
    return CpuReading(modes, logical, stats.ctx_switches, stats.interrupts)


def _reader(roots: Roots) -> Callable[[], CpuReading] | None:
    if roots.psutil:
        return read_psutil
    file = open_if_readable(roots.procfs / "stat", is_one_record=True)
    if file is None:
        return None
    ticks_per_s = os.sysconf("SC_CLK_TCK")
    return lambda: parse_stat(file.read(), ticks_per_s)


def count_cores(roots: Roots) -> int | None:
    """Return how many physical cores are online: sets of logical CPUs that share one; None where nothing tells."""
    if roots.psutil:
        return psutil.cpu_count(logical=False)
    cpus = list((roots.sysfs / "devices" / "system" / "cpu").glob("cpu[0-9]*/topology"))
    for name in ("core_cpus_list", "thread_siblings_list"):  # the second is its name before Linux 5.3
        if cores := {text.strip() for cpu in cpus if (text := read_if_readable(cpu / name)) is not None}:
            return len(cores)
    return parse_cores(read_if_readable(roots.procfs / "cpuinfo") or b"")


def parse_cores(text: bytes) -> int | None:
    """Parse /proc/cpuinfo into physical cores: those of each socket, added up."""
    of_socket: dict[float, int] = {}
    for block in text.split(b"\n\n"):
        socket, cores = (number(b"\n" + block, b"\n" + label + b"\t:") for label in (b"physical id", b"cpu cores"))
        if socket == socket and cores >= 1:
            of_socket[socket] = int(cores)
    return sum(of_socket.values()) or None


class CpuCollector(Collector):
    """Reads /proc/stat, elsewhere psutil. Shares are `nan` until there are two readings to compare."""

    name = "cpu"

    def __init__(self, *, roots: Roots = HERE) -> None:
        super().__init__()
        self._read = _reader(roots)
        self._physical_count = count_cores(roots)
        declared = DESCRIPTORS if self._read else ()
        self.descriptors = tuple(d for d in declared if d is not PHYSICAL_COUNT or self._physical_count)
        self._of_mode = SeriesPerDevice[str](lambda mode: (Series(TIME, (mode,)), Series(UTILIZATION, (mode,))))
        self._of_cpu = SeriesPerDevice[str](lambda number: (Series(LOGICAL_UTILIZATION, (number,)),))
        self._before, self._before_s = CpuReading({}, {}, 0, 0), 0.0

    def collect(self, now_s: float) -> list[Sample]:
        if self._read is None:
            return []
        before, now = self._before, self._read()
        most_s = (now_s - self._before_s) * _PACE_MAX + _LATE_MAX_S
        self._before_s = now_s
        modes = {mode: _hold(before.modes.get(mode, 0.0), seconds) for mode, seconds in now.modes.items()}
        self._before = now = now._replace(modes=modes)
        samples = [
            self.sample(LOGICAL_COUNT, len(now.logical) or NO_READING),
            self.sample(CONTEXT_SWITCHES, now.context_switches),
            self.sample(INTERRUPTS, now.interrupts),
        ]
        if self._physical_count:
            samples.append(self.sample(PHYSICAL_COUNT, self._physical_count))
        shares = mode_shares(before.modes, modes, most_s=most_s * len(now.logical))
        for (mode, part), seconds in zip(shares.items(), modes.values(), strict=True):
            time, utilization = self._of_mode[mode]
            samples.append(Sample(time, seconds))
            samples.append(Sample(utilization, part))
        for cpu, times in now.logical.items():
            busy = busy_share(before.logical.get(cpu), times, most=most_s * now.ticks_per_s)
            samples.append(Sample(self._of_cpu[cpu][0], busy))
        self._of_cpu.keep(now.logical)
        return samples


def mode_shares(before: dict[str, float], now: dict[str, float], *, most_s: float) -> dict[str, float]:
    """Return each mode's share of the time between two readings; `nan` where that is none, or more than `most_s`."""
    spent = {mode: max(0.0, seconds - before.get(mode, NO_READING)) for mode, seconds in now.items()}
    total = sum(spent.values()) if before else 0.0
    return {mode: share(seconds, total) if total <= most_s else NO_READING for mode, seconds in spent.items()}


def busy_share(before: CpuTimes | None, now: CpuTimes, *, most: float) -> float:
    """Return the busy share between two readings, as `mode_shares` does.

    Time that was taken back in one mode is none spent in another.
    """
    if before is None:
        return NO_READING
    busy, idle, iowait = now[0] - before[0], now[1] - before[1], now[2] - before[2]
    busy = max(0, busy)
    total = busy + (max(0, idle)) + (max(0, iowait))
    return share(busy, total) if total <= most else NO_READING


def _hold(before: float, now: float) -> float:
    return before if 0 < before - now < _TAKEN_BACK_MAX_S else now


class CpuFrequencyCollector(Collector):
    """Reads each logical CPU's frequency; absent where the machine does not tell. Dear: 20 µs a CPU, or more."""

    name = "cpu_frequency"
    cadence_s = 5.0

    def __init__(self, *, roots: Roots = HERE) -> None:
        super().__init__()
        self._read = frequency_reader(roots)
        self.descriptors = FREQUENCY_DESCRIPTORS if self._read() else ()
        self._of_cpu = SeriesPerDevice[str](lambda number: (Series(FREQUENCY, (number,)),))

    def collect(self, _now_s: float) -> list[Sample]:
        frequencies = self._read()
        self._of_cpu.keep(frequencies)
        return [
            Sample(self._of_cpu[cpu][0], round(hz) if 0 < hz <= _FREQUENCY_MAX_HZ else NO_READING)
            for cpu, hz in frequencies.items()
        ]


def frequency_reader(roots: Roots) -> Callable[[], dict[str, float]]:
    """Return what reads the frequency in Hz of each logical CPU, by its own number; `nan` where it does not tell."""
    if roots.psutil:
        return lambda: {str(cpu): mhz * 1e6 for cpu, mhz in enumerate(_psutil_mhz())}
    cpuinfo = open_if_readable(roots.procfs / "cpuinfo")
    folder = roots.sysfs / "devices" / "system" / "cpu"

    def read() -> dict[str, float]:
        known = parse_frequencies_hz(cpuinfo.read()) if cpuinfo else {}
        policies = dict(_policies(folder)) or ({} if known else dict(_policies_of_cpus(folder)))
        # To ask a policy may wake its CPUs, or take a millisecond each; /proc/cpuinfo has the same on x86.
        if not policies or policies.keys() == known.keys():
            return known
        of_policy = {policy: _policy_hz(policy) for policy in set(policies.values())}
        return {cpu: of_policy[policies[cpu]] for cpu in sorted(policies, key=int)}

    return read


def parse_frequencies_hz(text: bytes) -> dict[str, float]:
    """Parse /proc/cpuinfo into the frequency of each logical CPU; most processors but x86 tell none there."""
    frequencies: dict[str, float] = {}
    cpu = ""
    for line in text.split(b"\n"):
        label, colon, value = line.partition(b":")
        if not colon:
            continue
        label = label.strip()
        if label == b"processor":
            cpu = _cpu_number(value.strip())
        elif label.lower() == b"cpu mhz" and cpu:
            frequencies[cpu] = amount(value.strip()) * 1e6
    return frequencies


def _policies(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the number of each logical CPU whose frequency the kernel sets, with the folder of its policy."""
    try:
        with os.scandir(folder / "cpufreq") as entries:
            policies = [Path(entry.path) for entry in entries if entry.name.startswith("policy")]
    except OSError:  # as most virtual machines have none
        return
    for policy in policies:
        # One policy sets all CPUs of a cluster; those that are offline are not among the affected.
        affected = read_if_readable(policy / "affected_cpus")
        numbers = [os.fsencode(policy.name.removeprefix("policy"))] if affected is None else affected.split()
        yield from ((cpu, policy) for cpu in map(_cpu_number, numbers) if cpu)


def _policies_of_cpus(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the same where the kernel is too old to list policies: before Linux 4.2."""
    for policy in folder.glob("cpu[0-9]*/cpufreq"):
        if cpu := _cpu_number(os.fsencode(policy.parent.name.removeprefix("cpu"))):
            yield cpu, policy


def _policy_hz(policy: Path) -> float:
    for name in ("scaling_cur_freq", "cpuinfo_cur_freq"):  # the second alone on old kernels, and for root alone
        if (khz := read_if_readable(policy / name)) is not None:
            return amount(khz.strip()) * 1e3
    return NO_READING


def _psutil_mhz() -> list[float]:
    read = getattr(psutil, "cpu_freq", None)
    if read is None:
        return []
    try:
        return [frequency.current for frequency in read(percpu=True) or ()]
    except DENIED:  # virtual machines of several kinds
        return []


@functools.lru_cache(maxsize=4096)
def _cpu_number(word: bytes) -> str:
    """Return the number that the kernel has given a logical CPU, nothing where it is none."""
    return word.decode() if word.isdigit() and len(word) <= _CPU_DIGITS_MAX else ""


COLLECTORS = (
    Declaration(CpuCollector.name, DESCRIPTORS, lambda setup: CpuCollector(roots=setup.roots)),
    Declaration(
        CpuFrequencyCollector.name, FREQUENCY_DESCRIPTORS, lambda setup: CpuFrequencyCollector(roots=setup.roots)
    ),
)
