"""How long the host has been up, and what it is called."""

from __future__ import annotations

import math
import socket
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from vitalcast.collectors.base import Collector
from vitalcast.collectors.declaration import Declaration
from vitalcast.collectors.procfs import difference, number, open_if_readable, read_if_readable
from vitalcast.core.metrics.model import Descriptor, Kind, Sample
from vitalcast.core.text import from_system
from vitalcast.machine import HERE, Roots

UPTIME = Descriptor("system.uptime", "s", Kind.GAUGE, "Time since the system started.")

DESCRIPTORS = (UPTIME,)

_NAME_BYTES_MAX = 255


def parse_uptime(text: bytes) -> float:
    """Parse /proc/uptime, whose first number is the time since boot."""
    return number(text, b"")


def _reader(roots: Roots) -> Callable[[], float] | None:
    if roots.psutil:
        return lambda: round(difference(time.time(), psutil.boot_time()), 2)
    file = open_if_readable(roots.procfs / "uptime", is_one_record=True)
    return None if file is None else lambda: parse_uptime(file.read())


class HostCollector(Collector):
    """Reads /proc/uptime, elsewhere the time of boot."""

    name = "host"

    def __init__(self, *, roots: Roots = HERE) -> None:
        super().__init__()
        self._read = _reader(roots)
        self.descriptors = DESCRIPTORS if self._read else ()

    def collect(self, _now_s: float) -> list[Sample]:
        return [self.sample(UPTIME, self._read())] if self._read else []


def boot_ms(roots: Roots = HERE) -> int | None:
    """Return when the machine booted, in Unix milliseconds by what its clock says now; None where it does not say."""
    reader = _reader(roots)
    uptime_s = math.nan if reader is None else reader()
    return None if math.isnan(uptime_s) else round((time.time() - uptime_s) * 1000)


def host_name(roots: Roots = HERE) -> str:
    """Return the name of the machine that is read.

    Of another machine it is the one in its /etc/hostname. What a /proc that is mounted from elsewhere says may be our
    own, since the kernel answers for the namespace of whoever asks: it comes second.
    """
    told: list[Path] = []
    if not roots.rootfs_is_ours:
        told.append(roots.rootfs / "etc" / "hostname")
    if not roots.procfs_is_ours:
        told.append(roots.procfs / "sys" / "kernel" / "hostname")
    names = (parse_hostname(read_if_readable(path) or b"") for path in told)
    return from_system(next(filter(None, names), b"") or socket.gethostname())


def parse_hostname(text: bytes) -> bytes:
    """Parse /etc/hostname, one line beside comments; nothing where no name could stand there."""
    for line in text.split(b"\n"):
        name = line.strip()
        if name and not name.startswith(b"#"):
            return name[:_NAME_BYTES_MAX]
    return b""


COLLECTORS = (Declaration(HostCollector.name, DESCRIPTORS, lambda setup: HostCollector(roots=setup.roots)),)
