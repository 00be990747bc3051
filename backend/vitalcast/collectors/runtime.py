"""Vitalcast itself: what the rest of the program counts, and what its own process uses."""

from __future__ import annotations

import operator
import os
from collections.abc import Callable
from typing import NamedTuple

import psutil

from vitalcast.collectors.base import NO_READING, Collector, share
from vitalcast.collectors.declaration import Declaration
from vitalcast.collectors.procfs import counts, open_if_readable
from vitalcast.collectors.runtime_stats import RuntimeStats
from vitalcast.core.metrics.model import Descriptor, Kind, Sample, Series
from vitalcast.machine import HERE, PROCFS, Roots


def _gauge(name: str, unit: str, description: str, *attributes: str) -> Descriptor:
    return Descriptor(f"vitalcast.{name}", unit, Kind.GAUGE, description, attributes)


def _amount(name: str, unit: str, description: str) -> Descriptor:
    return Descriptor(f"vitalcast.{name}", unit, Kind.UPDOWNCOUNTER, description)


def _counter(name: str, unit: str, description: str, *attributes: str) -> Descriptor:
    return Descriptor(f"vitalcast.{name}", unit, Kind.COUNTER, description, attributes)


# None of these is in OpenTelemetry's conventions; those of the process follow their process.* in name and meaning.
# Each field of RuntimeStats that is published as it stands:
OF_FIELD = {
    "sampler_lag_s": _gauge("sampler.lag", "s", "How late the newest tick started."),
    "tick_duration_s": _gauge("sampler.duration", "s", "Duration of the newest tick."),
    "ticks": _counter("sampler.ticks", "{tick}", "Ticks sampled."),
    "ticks_missed": _counter("sampler.ticks_missed", "{tick}", "Ticks left out because the server was late."),
    "sockets": _amount("socket.count", "{socket}", "WebSockets open."),
    "sockets_blocked": _amount("socket.blocked", "{socket}", "WebSockets whose clients do not read at the moment."),
    "groups": _amount("group.count", "{group}", "Different subscriptions; equal subscriptions count once."),
    "streams": _amount("stream.count", "{stream}", "Streams subscribed to on all sockets."),
    "ring_bytes": _amount("ring.usage", "By", "Memory used by the latest ticks."),
    "sources": _amount("source.count", "{source}", "Sources whose samples are in memory, this machine included."),
    "series_refused": _amount("source.series_refused", "{series}", "Series left out because a source has too many."),
    "frames_refused": _counter("source.frames_refused", "{frame}", "Frames of sources that came twice or too many."),
    "frames_sent": _counter("socket.frames", "{frame}", "Frames written to sockets."),
    "bytes_sent": _counter("socket.io", "By", "Bytes written to sockets."),
    "frames_conflated": _counter(
        "socket.frames_conflated", "{frame}", "Frames that slow sockets missed because a newer frame replaced them."
    ),
    "gaps": _counter("socket.gaps", "{gap}", "Messages telling a client what it missed."),
    "messages_received": _counter("socket.messages", "{message}", "Messages received from clients."),
    "errors_sent": _counter("socket.errors", "{error}", "Messages answered with an error."),
    "sockets_closed_slow": _counter(
        "socket.closed_slow", "{socket}", "Sockets closed because their clients did not read."
    ),
}
_FIELDS = operator.attrgetter(*OF_FIELD)
COLLECTOR_DURATION = _gauge(
    "collector.duration", "s", "Duration of the collector's newest read.", "vitalcast.collector.name"
)
COLLECTOR_SUCCESS = _gauge(
    "collector.success", "1", "1 if the collector's newest read succeeded, otherwise 0.", "vitalcast.collector.name"
)
CPU_TIME = _counter(
    "process.cpu.time", "s", "CPU time used by Vitalcast; per second, it is the share of one CPU.", "cpu.mode"
)
CPU_UTILIZATION = _gauge(
    "process.cpu.utilization",
    "1",
    "Share of all logical CPUs used by Vitalcast since the previous tick.",
    "cpu.mode",
)
MEMORY_USAGE = _amount("process.memory.usage", "By", "Resident memory.")
THREADS = _amount("process.thread.count", "{thread}", "Threads.")
FILE_DESCRIPTORS = _amount("process.unix.file_descriptor.count", "{file_descriptor}", "Open file descriptors.")

DESCRIPTORS = (
    *OF_FIELD.values(),
    COLLECTOR_DURATION,
    COLLECTOR_SUCCESS,
    CPU_TIME,
    CPU_UTILIZATION,
    MEMORY_USAGE,
    THREADS,
    FILE_DESCRIPTORS,
)


class OwnProcess(NamedTuple):
    """What Vitalcast's process uses; `nan` where the platform does not tell."""

    memory_bytes: float
    threads: float
    file_descriptors: float


def parse_self_stat(text: bytes, page_bytes: int) -> tuple[float, float]:
    """Parse /proc/self/stat into resident bytes and threads; `nan` where it is not as the kernel writes it."""
    try:
        fields = text[text.rindex(b")") + 1 :].split(None, 22)
        pages, threads = counts((fields[21], fields[17]))
    except (ValueError, IndexError):
        return NO_READING, NO_READING
    return pages * page_bytes, threads


def cpu_seconds() -> dict[str, float]:
    """Return this process's CPU time by mode, in microseconds' precision where the platform has it."""
    try:
        import resource  # not there on Windows
    except ImportError:
        times = os.times()
        return {"user": times.user, "system": times.system}
    usage = resource.getrusage(resource.RUSAGE_SELF)
    # The sum of seconds and microseconds may be a neighbour of the float that is meant.
    return {"user": round(usage.ru_utime, 6), "system": round(usage.ru_stime, 6)}


def _reader(*, psutil_alone: bool) -> Callable[[], OwnProcess]:
    # Our own process is found in our own /proc, whichever machine is watched.
    file = None if psutil_alone else open_if_readable(PROCFS / "self" / "stat", is_one_record=True)
    if file is None:
        return _read_psutil
    page_bytes = os.sysconf("SC_PAGE_SIZE")
    descriptors = PROCFS / "self" / "fd"

    def read() -> OwnProcess:
        # Since Linux 6.2 the size of this directory is the number of open descriptors. Listing it instead takes
        # milliseconds when there are ten thousand sockets.
        count = descriptors.stat().st_size or sum(1 for _ in descriptors.iterdir())
        return OwnProcess(*parse_self_stat(file.read(), page_bytes), count)

    return read


def _read_psutil() -> OwnProcess:
    process = psutil.Process()
    descriptors = process.num_fds() if hasattr(process, "num_fds") else NO_READING
    return OwnProcess(process.memory_info().rss, process.num_threads(), descriptors)


class RuntimeCollector(Collector):
    """Publishes RuntimeStats and what Vitalcast's own process uses."""

    name = "runtime"

    def __init__(self, stats: RuntimeStats, *, roots: Roots = HERE) -> None:
        super().__init__()
        self._stats = stats
        self._of_fields = [Series(descriptor) for descriptor in OF_FIELD.values()]
        self._read = _reader(psutil_alone=roots.psutil)
        self._cpus = psutil.cpu_count() or 1
        self._before_s: dict[str, float] = {}
        self._before_at_s = NO_READING
        has_descriptors = not _is_nan(self._read().file_descriptors)
        self.descriptors = tuple(d for d in DESCRIPTORS if has_descriptors or d is not FILE_DESCRIPTORS)

    def collect(self, now_s: float) -> list[Sample]:
        stats = self._stats
        samples = [*map(Sample, self._of_fields, _FIELDS(stats))]
        # Copies, for another thread may add a collector meanwhile.
        for name, duration_s in stats.collector_duration_s.copy().items():
            samples.append(self.sample(COLLECTOR_DURATION, round(duration_s, 6), name))
        for name, success in stats.collector_success.copy().items():
            samples.append(self.sample(COLLECTOR_SUCCESS, success, name))
        samples += self._own_process(now_s)
        return samples

    def _own_process(self, now_s: float) -> list[Sample]:
        own, cpu_s = self._read(), cpu_seconds()
        available_s = (now_s - self._before_at_s) * self._cpus
        samples = [
            self.sample(MEMORY_USAGE, own.memory_bytes),
            self.sample(THREADS, own.threads),
        ]
        if not _is_nan(own.file_descriptors):
            samples.append(self.sample(FILE_DESCRIPTORS, own.file_descriptors))
        for mode, seconds in cpu_s.items():
            spent_s = seconds - self._before_s.get(mode, NO_READING)
            samples.append(self.sample(CPU_TIME, seconds, mode))
            samples.append(self.sample(CPU_UTILIZATION, share(spent_s, available_s), mode))
        self._before_s, self._before_at_s = cpu_s, now_s
        return samples


def _is_nan(value: float) -> bool:
    return value != value


COLLECTORS = (
    Declaration(RuntimeCollector.name, DESCRIPTORS, lambda setup: RuntimeCollector(setup.stats, roots=setup.roots)),
)
