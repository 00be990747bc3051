"""What the network interfaces carried, and the sockets in use."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable

import psutil

from vitalcast.collectors.base import Collector, SeriesPerDevice
from vitalcast.collectors.declaration import Declaration
from vitalcast.collectors.layers import InterfaceLayers
from vitalcast.collectors.procfs import KernelFile, counts, number, open_of_init
from vitalcast.core.metrics.model import Descriptor, Kind, Sample, Series
from vitalcast.core.text import from_system
from vitalcast.machine import DEFAULT_EXCLUSIONS, HERE, Roots, matcher

_BY_DIRECTION = ("network.interface.name", "network.io.direction")
LAYER = "network.interface.layer"  # a label

IO = Descriptor("system.network.io", "By", Kind.COUNTER, "Bytes received and transmitted.", _BY_DIRECTION)
# The conventions give packets `system.device`; here all four name the interface alike, so that one filter does.
PACKETS = Descriptor(
    "system.network.packet.count",
    "{packet}",
    Kind.COUNTER,
    "Packets received and transmitted.",
    _BY_DIRECTION,
)
ERRORS = Descriptor(
    "system.network.errors", "{error}", Kind.COUNTER, "Packets received or transmitted with errors.", _BY_DIRECTION
)
DROPPED = Descriptor(
    "system.network.packet.dropped",
    "{packet}",
    Kind.COUNTER,
    "Packets dropped without an error.",
    _BY_DIRECTION,
)
CONNECTIONS = Descriptor(
    "system.network.connection.count",
    "{connection}",
    Kind.UPDOWNCOUNTER,
    "TCP connections by state; only time_wait, since the others are expensive to count.",
    ("network.connection.state", "network.transport"),
)
# Not in OpenTelemetry's conventions: named here in their style.
SOCKETS = Descriptor(
    "system.network.socket.count",
    "{socket}",
    Kind.UPDOWNCOUNTER,
    "Sockets in use by transport.",
    ("network.transport", "network.type"),
)
SOCKETS_OPEN = Descriptor("system.network.socket.open", "{socket}", Kind.UPDOWNCOUNTER, "Open sockets of every family.")

DESCRIPTORS = (IO, PACKETS, ERRORS, DROPPED)
SOCKET_DESCRIPTORS = (SOCKETS, SOCKETS_OPEN, CONNECTIONS)

_COLUMNS = (
    (IO, "receive", "bytes_recv"),
    (IO, "transmit", "bytes_sent"),
    (PACKETS, "receive", "packets_recv"),
    (PACKETS, "transmit", "packets_sent"),
    (ERRORS, "receive", "errin"),
    (ERRORS, "transmit", "errout"),
    (DROPPED, "receive", "dropin"),
    (DROPPED, "transmit", "dropout"),
)

Resolved = dict[str, tuple[float, ...]]


Choice = Callable[[bytes], str]


def chooser(exclude: tuple[str, ...]) -> Choice:
    """Return what says how an interface is called, in text; nothing for one that a glob matches."""
    excluded = matcher(exclude)

    @functools.lru_cache(maxsize=1024)
    def name_of(raw: bytes) -> str:
        name = from_system(raw)
        return "" if excluded(name) else name

    return name_of


def parse_net_dev(text: bytes, name_of: Choice) -> Resolved:
    """Parse /proc/net/dev into one row an interface that has a name, in the order of the columns above."""
    reading: Resolved = {}
    for line in text.split(b"\n"):
        raw, colon, counters = line.rpartition(b":")  # an alias has one in its name
        if not colon or not (name := name_of(raw.strip())):
            continue
        try:
            row = counts(counters.split(None, 12)[:12])
            reading[name] = (row[0], row[8], row[1], row[9], row[2], row[10], row[3], row[11])
        except (ValueError, IndexError):
            continue
    return reading


def read_psutil(name_of: Choice) -> Resolved:
    """Read psutil's counters, which every platform has in full."""
    interfaces = psutil.net_io_counters(pernic=True, nowrap=False) or {}
    return {
        name: tuple(getattr(counters, field) for _, _, field in _COLUMNS)
        for raw, counters in interfaces.items()
        if (name := name_of(os.fsencode(raw)))
    }


class NetworkCollector(Collector):
    """Reads /proc/net/dev, elsewhere psutil. Interfaces that one of the globs in `exclude` matches are left out.

    The label `network.interface.layer` says which are over others. It is looked up when interfaces come or go,
    and once a minute.
    """

    name = "network"

    def __init__(self, *, roots: Roots = HERE, exclude: tuple[str, ...] = DEFAULT_EXCLUSIONS.interfaces) -> None:
        super().__init__()
        name_of = chooser(exclude)
        self._read: Callable[[], Resolved] | None = None
        if roots.psutil:
            self._read = functools.partial(read_psutil, name_of)
        elif file := open_of_init(roots, "net/dev"):
            self._read = lambda: parse_net_dev(file.read(), name_of)
        self.descriptors = DESCRIPTORS if self._read else ()
        self._layers = InterfaceLayers(roots.sysfs)
        self._of_interface = SeriesPerDevice[tuple[str, str]](_series)

    def collect(self, now_s: float) -> list[Sample]:
        if self._read is None:
            return []
        reading = self._read()
        layers = self._layers.of(tuple(reading), now_s)
        samples: list[Sample] = []
        present = [(name, layers.get(name, "")) for name in reading]
        for interface, values in zip(present, reading.values(), strict=True):
            samples += map(Sample, self._of_interface[interface], values)
        self._of_interface.keep(present)
        return samples


def _series(interface: tuple[str, str]) -> tuple[Series, ...]:
    name, layer = interface
    labels = ((LAYER, layer),) if layer else ()
    return tuple(Series(descriptor, (name, direction), labels) for descriptor, direction, _ in _COLUMNS)


def parse_sockstat(text: bytes) -> dict[tuple[str, str], float]:
    """Parse /proc/net/sockstat or sockstat6 into sockets in use by (transport, type); absent ones are left out."""
    text = b"\n" + text
    labels = {
        ("tcp", "ipv4"): b"\nTCP: inuse ",
        ("udp", "ipv4"): b"\nUDP: inuse ",
        ("tcp", "ipv6"): b"\nTCP6: inuse ",
        ("udp", "ipv6"): b"\nUDP6: inuse ",
    }
    counts = {kind: number(text, label) for kind, label in labels.items()}
    return {kind: count for kind, count in counts.items() if count == count}


def parse_sockstat_totals(text: bytes) -> tuple[float, float]:
    """Parse /proc/net/sockstat into the open sockets of every family and the TCP connections in time_wait."""
    text = b"\n" + text
    tcp = text.partition(b"\nTCP: ")[2].partition(b"\n")[0]
    return number(text, b"\nsockets: used "), number(tcp, b" tw ")


class SocketCollector(Collector):
    """Reads /proc/net/sockstat and sockstat6; absent elsewhere, as listing all sockets costs 10 ms and more."""

    name = "sockets"

    def __init__(self, *, roots: Roots = HERE) -> None:
        super().__init__()
        self._ipv4 = open_of_init(roots, "net/sockstat", is_one_record=True)
        self._ipv6: KernelFile | None = open_of_init(roots, "net/sockstat6", is_one_record=True)
        self.descriptors = SOCKET_DESCRIPTORS if self._ipv4 else ()

    def collect(self, _now_s: float) -> list[Sample]:
        if self._ipv4 is None:
            return []
        text = self._ipv4.read()
        counts = parse_sockstat(text)
        if self._ipv6 is not None:
            counts |= parse_sockstat(self._ipv6.read())
        sockets, time_wait = parse_sockstat_totals(text)
        samples = [self.sample(SOCKETS, count, *kind) for kind, count in counts.items()]
        samples.append(self.sample(SOCKETS_OPEN, sockets))
        samples.append(self.sample(CONNECTIONS, time_wait, "time_wait", "tcp"))
        return samples


COLLECTORS = (
    Declaration(
        NetworkCollector.name,
        DESCRIPTORS,
        lambda setup: NetworkCollector(roots=setup.roots, exclude=setup.exclude.interfaces),
    ),
    Declaration(SocketCollector.name, SOCKET_DESCRIPTORS, lambda setup: SocketCollector(roots=setup.roots)),
)
