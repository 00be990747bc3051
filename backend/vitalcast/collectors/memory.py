"""Memory and swap space by state, and the paging between them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import psutil

from vitalcast.collectors.base import NO_READING, Collector, share
from vitalcast.collectors.declaration import Declaration
from vitalcast.collectors.procfs import difference, number, open_if_readable, within
from vitalcast.core.metrics.model import Descriptor, Kind, Sample
from vitalcast.machine import HERE, Roots

USAGE = Descriptor(
    "system.memory.usage",
    "By",
    Kind.UPDOWNCOUNTER,
    "Memory by state. Used is what a new program cannot get; cached does not include shared memory.",
    ("system.memory.state",),
)
UTILIZATION = Descriptor(
    "system.memory.utilization",
    "1",
    Kind.GAUGE,
    "Share of the memory in each state.",
    ("system.memory.state",),
)
LIMIT = Descriptor("system.memory.limit", "By", Kind.UPDOWNCOUNTER, "Total memory.")
LINUX_AVAILABLE = Descriptor(
    "system.memory.linux.available",
    "By",
    Kind.UPDOWNCOUNTER,
    "The kernel's estimate of the memory that a new program can get without swapping.",
)
LINUX_SHARED = Descriptor("system.memory.linux.shared", "By", Kind.UPDOWNCOUNTER, "Shared memory, most of it in tmpfs.")
PAGING_USAGE = Descriptor(
    "system.paging.usage",
    "By",
    Kind.UPDOWNCOUNTER,
    "Swap space by state; 0 if there is no swap.",
    ("system.paging.state",),
)
PAGING_UTILIZATION = Descriptor(
    "system.paging.utilization",
    "1",
    Kind.GAUGE,
    "Share of the swap space in each state; absent if there is no swap.",
    ("system.paging.state",),
)
PAGING_FAULTS = Descriptor(
    "system.paging.faults",
    "{fault}",
    Kind.COUNTER,
    "Page faults; a major fault waits for a disk.",
    ("system.paging.fault.type",),
)
PAGING_OPERATIONS = Descriptor(
    "system.paging.operations",
    "{operation}",
    Kind.COUNTER,
    "Pages swapped in and out.",
    ("system.paging.direction", "system.paging.fault.type"),
)

DESCRIPTORS = (
    USAGE,
    UTILIZATION,
    LIMIT,
    LINUX_AVAILABLE,
    LINUX_SHARED,
    PAGING_USAGE,
    PAGING_UTILIZATION,
    PAGING_FAULTS,
    PAGING_OPERATIONS,
)
_PAGING_EVENTS = frozenset({PAGING_FAULTS, PAGING_OPERATIONS})
_LINUX_ONLY = _PAGING_EVENTS | {LINUX_AVAILABLE, LINUX_SHARED}


class MemoryReading(NamedTuple):
    """Bytes; states that the platform does not know are left out of `states`."""

    total: float
    states: dict[str, float]
    swap_total: float
    swap_free: float
    available: float = NO_READING
    shared: float = NO_READING


def parse_meminfo(text: bytes) -> MemoryReading:
    """Parse /proc/meminfo, in kB. Used is `MemTotal - MemAvailable`, as the conventions want it.

    In a container some of the numbers may be its own and others the host's, as older lxcfs has it; one that is more
    than the whole is not believed.
    """
    text = b"\n" + text  # so that every label, also the first, is found by its line's start
    total = number(text, b"\nMemTotal:")
    free = within(number(text, b"\nMemFree:"), total)
    buffers = within(number(text, b"\nBuffers:"), total)
    shared = within(number(text, b"\nShmem:"), total)
    # Shared memory lies in the page cache but cannot be dropped: it counts as used.
    cached = number(text, b"\nCached:") + _or_zero(number(text, b"\nSReclaimable:")) - _or_zero(shared)
    cached = within(max(cached, 0.0), total) if cached == cached else NO_READING  # the three are not of one moment
    available = within(number(text, b"\nMemAvailable:"), total)
    if available != available:  # a kernel before 3.14, or a number that is of another machine
        available = within(free + _or_zero(buffers) + cached, total)
    swap_total = number(text, b"\nSwapTotal:")
    return MemoryReading(
        total * 1024,
        {
            "used": difference(total, available) * 1024,
            "free": free * 1024,
            "buffers": buffers * 1024,
            "cached": cached * 1024,
        },
        swap_total * 1024,
        within(number(text, b"\nSwapFree:"), swap_total) * 1024,
        available * 1024,
        shared * 1024,
    )


def _or_zero(value: float) -> float:
    return value if value == value else 0.0


class PagingReading(NamedTuple):
    """Events since boot."""

    faults: float
    major_faults: float
    swapped_in: float
    swapped_out: float


def parse_vmstat(text: bytes) -> PagingReading:
    """Parse /proc/vmstat; its `pgfault` counts major faults too."""
    text = b"\n" + text
    return PagingReading(
        number(text, b"\npgfault "),
        number(text, b"\npgmajfault "),
        number(text, b"\npswpin "),
        number(text, b"\npswpout "),
    )


def read_psutil() -> MemoryReading:
    """Read what psutil offers on this platform."""
    memory, swap = psutil.virtual_memory(), psutil.swap_memory()
    states: dict[str, float] = {"used": difference(memory.total, memory.available)}
    states |= {
        name: within(getattr(memory, name), memory.total)
        for name in ("free", "buffers", "cached")
        if hasattr(memory, name)
    }
    return MemoryReading(memory.total, states, swap.total, within(swap.free, swap.total))


def _reader(roots: Roots) -> Callable[[], MemoryReading] | None:
    if roots.psutil:
        return read_psutil
    file = open_if_readable(roots.procfs / "meminfo", is_one_record=True)
    return None if file is None else lambda: parse_meminfo(file.read())


class MemoryCollector(Collector):
    """Reads /proc/meminfo and /proc/vmstat, elsewhere psutil, which knows no Linux details and no paging."""

    name = "memory"

    def __init__(self, *, roots: Roots = HERE) -> None:
        super().__init__()
        self._read = _reader(roots)
        self._vmstat = open_if_readable(roots.procfs / "vmstat")
        missing = _LINUX_ONLY if roots.psutil else _PAGING_EVENTS if self._vmstat is None else frozenset()
        self.descriptors = tuple(d for d in DESCRIPTORS if d not in missing) if self._read else ()

    def collect(self, _now_s: float) -> list[Sample]:
        if self._read is None:
            return []
        memory = self._read()
        samples = [self.sample(LIMIT, memory.total)]
        for state, used in memory.states.items():
            samples.append(self.sample(USAGE, used, state))
            samples.append(self.sample(UTILIZATION, share(used, memory.total), state))
        if memory.available == memory.available:
            samples.append(self.sample(LINUX_AVAILABLE, memory.available))
            samples.append(self.sample(LINUX_SHARED, memory.shared))
        swap = {"used": difference(memory.swap_total, memory.swap_free), "free": memory.swap_free}
        for state, used in swap.items():
            samples.append(self.sample(PAGING_USAGE, used, state))
            if memory.swap_total > 0:
                samples.append(self.sample(PAGING_UTILIZATION, share(used, memory.swap_total), state))
        if self._vmstat is not None:
            paging = parse_vmstat(self._vmstat.read())
            samples += [
                self.sample(PAGING_FAULTS, difference(paging.faults, paging.major_faults), "minor"),
                self.sample(PAGING_FAULTS, paging.major_faults, "major"),
                self.sample(PAGING_OPERATIONS, paging.swapped_in, "in", "major"),
                self.sample(PAGING_OPERATIONS, paging.swapped_out, "out", "major"),
            ]
        return samples


COLLECTORS = (Declaration(MemoryCollector.name, DESCRIPTORS, lambda setup: MemoryCollector(roots=setup.roots)),)
