"""What the disks did: bytes, operations and the time they took."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence

import psutil

from vitalcast.collectors.base import Collector, SeriesPerDevice
from vitalcast.collectors.declaration import Declaration
from vitalcast.collectors.layers import disk_layers
from vitalcast.collectors.procfs import counts, open_if_readable
from vitalcast.core.metrics.model import Descriptor, Kind, Sample, Series
from vitalcast.core.text import from_system
from vitalcast.machine import DEFAULT_EXCLUSIONS, HERE, Roots, matcher

_BY_DIRECTION = ("disk.io.direction", "system.device")
LAYER = "system.device.layer"  # a label

IO = Descriptor("system.disk.io", "By", Kind.COUNTER, "Bytes read from and written to the disk.", _BY_DIRECTION)
OPERATIONS = Descriptor(
    "system.disk.operations", "{operation}", Kind.COUNTER, "Reads and writes completed by the disk.", _BY_DIRECTION
)
OPERATION_TIME = Descriptor(
    "system.disk.operation_time",
    "s",
    Kind.COUNTER,
    "Time taken by the operations, each counted in full; divided by the number of operations, it is their latency.",
    _BY_DIRECTION,
)
IO_TIME = Descriptor(
    "system.disk.io_time",
    "s",
    Kind.COUNTER,
    "Time during which the disk was busy; per second, it is the busy share.",
    ("system.device",),
)

DESCRIPTORS = (IO, OPERATIONS, OPERATION_TIME, IO_TIME)

_BUSY_MS = 12  # the last column of /proc/diskstats that is read
_SECTOR_BYTES = 512  # in /proc/diskstats, whatever the disk's own sectors are

# The columns of a reading, with psutil's name for each and what one unit of psutil's is.
_COLUMNS = (
    (IO, ("read",), "read_bytes", 1),
    (IO, ("write",), "write_bytes", 1),
    (OPERATIONS, ("read",), "read_count", 1),
    (OPERATIONS, ("write",), "write_count", 1),
    (OPERATION_TIME, ("read",), "read_time", 1000),
    (OPERATION_TIME, ("write",), "write_time", 1000),
    (IO_TIME, (), "busy_time", 1000),
)

Resolved = dict[str, tuple[float, ...]]
Choice = Callable[[tuple[bytes, ...]], Mapping[bytes, str]]

# As the kernel names a partition: its number behind the disk's name, with a `p` between where that ends in a digit.
_PARTITION = re.compile(rb"(.*[0-9])p[0-9]+|(.*[^0-9])[0-9]+")
# One of several paths to a namespace of NVMe; what goes over it is counted for the namespace too.
_NVME_PATH = re.compile(rb"(nvme[0-9]+)c[0-9]+(n[0-9]+)")


def choose(names: tuple[bytes, ...], exclude: tuple[str, ...]) -> dict[bytes, str]:
    """Return the disks that are wanted with their names as text.

    A glob is held against a name as /sys/block has it, and if it has a slash against the whole path there: of
    `sda/sda1`, whose traffic `sda` counts already. A partition whose disk is not there is a disk itself, as Xen gives
    a guest `xvda1` alone.
    """
    excluded = matcher(tuple(glob for glob in exclude if "/" not in glob))
    excluded_within = matcher(tuple(glob for glob in exclude if "/" in glob))
    present = frozenset(names)
    chosen = {}
    for name in names:
        disk = _counted_by(name)
        parts = (disk, name) if disk in present else (name,)
        path = [from_system(part).replace("/", "!") for part in parts]  # as in /sys/block/cciss!c0d0
        if not excluded(path[-1]) and not excluded_within("/".join(path)):
            chosen[name] = from_system(name)
    return chosen


def _counted_by(name: bytes) -> bytes:
    """Return the name of the disk that counts what this one does too, if there is such a disk; else nothing."""
    if found := _NVME_PATH.fullmatch(name):
        return found[1] + found[2]
    found = _PARTITION.fullmatch(name)
    return (found[1] or found[2]) if found else b""


def parse_diskstats(text: bytes, choose: Choice) -> Resolved:
    """Parse /proc/diskstats into one row a disk that `choose` wants, in the order of the columns above."""
    rows = {fields[2]: fields for line in text.split(b"\n") if len(fields := line.split(None, 13)) > _BUSY_MS}
    reading: Resolved = {}
    for device, name in choose(tuple(rows)).items():
        try:
            reads, _, read_sectors, read_ms, writes, _, written_sectors, write_ms, _, busy_ms = counts(
                rows[device][3 : _BUSY_MS + 1]
            )
        except ValueError:
            continue
        reading[name] = (
            read_sectors * _SECTOR_BYTES,
            written_sectors * _SECTOR_BYTES,
            reads,
            writes,
            read_ms / 1000,
            write_ms / 1000,
            busy_ms / 1000,
        )
    return reading


def read_psutil(choose: Choice) -> Resolved:
    """Read what psutil offers on this platform: a row has only the columns that it knows."""
    disks = {os.fsencode(name): each for name, each in _psutil_counters().items()}
    return {
        name: tuple(
            getattr(disks[device], field) / scale for _, _, field, scale in _COLUMNS if hasattr(disks[device], field)
        )
        for device, name in choose(tuple(disks)).items()
    }


def _psutil_counters() -> Mapping[str, object]:
    return psutil.disk_io_counters(perdisk=True, nowrap=False) or {}


def _psutil_columns() -> tuple[str, ...]:
    counters: Iterable[object] = _psutil_counters().values()
    return tuple(field for _, _, field, _ in _COLUMNS if all(hasattr(each, field) for each in counters))


class DiskCollector(Collector):
    """Reads /proc/diskstats, elsewhere psutil. Disks that one of the globs in `exclude` matches are left out.

    The label `system.device.layer` says which are over others. It is looked up when disks come or go.
    """

    name = "disk"

    def __init__(self, *, roots: Roots = HERE, exclude: tuple[str, ...] = DEFAULT_EXCLUSIONS.disks) -> None:
        super().__init__()
        columns = tuple((descriptor, direction) for descriptor, direction, _, _ in _COLUMNS)
        # Disks come and go seldom: the newest answer is nearly always the one for the next reading too.
        chosen: Choice = functools.lru_cache(maxsize=1)(functools.partial(choose, exclude=exclude))
        self._read: Callable[[], Resolved] | None = None
        if roots.psutil:
            known = _psutil_columns()
            columns = tuple((descriptor, value) for descriptor, value, field, _ in _COLUMNS if field in known)
            self._read = functools.partial(read_psutil, chosen)
        elif file := open_if_readable(roots.procfs / "diskstats"):
            self._read = lambda: parse_diskstats(file.read(), chosen)
        declared = DESCRIPTORS if self._read else ()
        self.descriptors = tuple(d for d in declared if any(d is column for column, _ in columns))
        self._sysfs = roots.sysfs
        self._layers: dict[str, str] = {}  # by disk; of those that were there last
        self._seen: tuple[str, ...] = ()
        self._of_disk = SeriesPerDevice[tuple[str, str]](functools.partial(_series, columns))

    def collect(self, _now_s: float) -> list[Sample]:
        if self._read is None:
            return []
        reading = self._read()
        seen = tuple(reading)
        if seen != self._seen:
            self._seen, self._layers = seen, disk_layers(self._sysfs, seen, _disk_of)
        samples: list[Sample] = []
        present = [(name, self._layers.get(name, "")) for name in seen]
        for disk, values in zip(present, reading.values(), strict=True):
            samples += map(Sample, self._of_disk[disk], values)
        self._of_disk.keep(present)
        return samples


def _series(columns: Sequence[tuple[Descriptor, tuple[str, ...]]], disk: tuple[str, str]) -> tuple[Series, ...]:
    name, layer = disk
    labels = ((LAYER, layer),) if layer else ()
    return tuple(Series(descriptor, (*direction, name), labels) for descriptor, direction in columns)


def _disk_of(name: str) -> str:
    return from_system(_counted_by(name.encode("utf-8", "surrogatepass")))


COLLECTORS = (
    Declaration(
        DiskCollector.name, DESCRIPTORS, lambda setup: DiskCollector(roots=setup.roots, exclude=setup.exclude.disks)
    ),
)
