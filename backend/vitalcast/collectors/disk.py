"""What the disks did: bytes, operations and the time they took."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable
from pathlib import Path

import psutil

from vitalcast.collectors.base import Collector, SeriesPerDevice
from vitalcast.collectors.procfs import PROC, open_if_readable
from vitalcast.model import Descriptor, Kind, Sample, Series

_BY_DIRECTION = ("disk.io.direction", "system.device")

IO = Descriptor("system.disk.io", "By", Kind.COUNTER, "Bytes read from and written to the disk.", _BY_DIRECTION)
OPERATIONS = Descriptor(
    "system.disk.operations", "{operation}", Kind.COUNTER, "Reads and writes the disk completed.", _BY_DIRECTION
)
OPERATION_TIME = Descriptor(
    "system.disk.operation_time",
    "s",
    Kind.COUNTER,
    "Time the operations took, each counted in full; divided by the operations it is their latency.",
    _BY_DIRECTION,
)
IO_TIME = Descriptor(
    "system.disk.io_time",
    "s",
    Kind.COUNTER,
    "Time during which the disk was busy; per second it is the busy share.",
    ("system.device",),
)

DESCRIPTORS = (IO, OPERATIONS, OPERATION_TIME, IO_TIME)

# Loop, RAM, floppy and optical drives; partitions, whose disk counts them already.
EXCLUDE = re.compile(r"(loop|z?ram|fd|sr)\d+|(h|s|v|xv)d[a-z]+\d+|(nvme\d+n|mmcblk|nbd)\d+p\d+")

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

Reading = dict[str, tuple[float, ...]]


def parse_diskstats(text: bytes, wanted: Callable[[bytes], bool]) -> Reading:
    """Parse /proc/diskstats into one row a wanted disk, in the order of the columns above."""
    reading: Reading = {}
    for line in text.splitlines():
        fields = line.split(None, 13)
        if not wanted(fields[2]):
            continue
        reads, _, read_sectors, read_ms, writes, _, written_sectors, write_ms, _, busy_ms = map(int, fields[3:13])
        reading[fields[2].decode()] = (
            read_sectors * _SECTOR_BYTES,
            written_sectors * _SECTOR_BYTES,
            reads,
            writes,
            read_ms / 1000,
            write_ms / 1000,
            busy_ms / 1000,
        )
    return reading


def read_psutil(exclude: re.Pattern[str]) -> Reading:
    """Read what psutil offers on this platform: a row has only the columns that it knows."""
    disks = psutil.disk_io_counters(perdisk=True, nowrap=False) or {}
    return {
        device: tuple(getattr(counters, field) / scale for _, _, field, scale in _COLUMNS if hasattr(counters, field))
        for device, counters in disks.items()
        if not exclude.fullmatch(device)
    }


def _psutil_columns() -> tuple[str, ...]:
    disks = psutil.disk_io_counters(perdisk=True, nowrap=False) or {}
    counters: Iterable[object] = disks.values()
    return tuple(field for _, _, field, _ in _COLUMNS if all(hasattr(each, field) for each in counters))


class DiskCollector(Collector):
    """Reads /proc/diskstats, elsewhere psutil. Disks whose name is matched by `exclude` are left out."""

    name = "disk"

    def __init__(self, *, proc: Path = PROC, exclude: re.Pattern[str] = EXCLUDE) -> None:
        super().__init__()
        file = open_if_readable(proc / "diskstats")
        columns = tuple((descriptor, direction) for descriptor, direction, _, _ in _COLUMNS)
        self._read: Callable[[], Reading]
        if file is not None:
            wanted = functools.lru_cache(maxsize=1024)(lambda name: not exclude.fullmatch(name.decode()))
            self._read = lambda: parse_diskstats(file.read(), wanted)
        else:
            known = _psutil_columns()
            columns = tuple((descriptor, value) for descriptor, value, field, _ in _COLUMNS if field in known)
            self._read = functools.partial(read_psutil, exclude)
        self.descriptors = tuple(d for d in DESCRIPTORS if any(d is column for column, _ in columns))
        self._of_disk = SeriesPerDevice[str](
            lambda disk: tuple(Series(descriptor, (*direction, disk)) for descriptor, direction in columns)
        )

    def collect(self, _now_s: float) -> list[Sample]:
        reading = self._read()
        samples: list[Sample] = []
        for disk, values in reading.items():
            samples += map(Sample, self._of_disk[disk], values)
        self._of_disk.keep(reading)
        return samples
