"""What the network interfaces carried, and the sockets in use."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from pathlib import Path

import psutil

from vitalcast.collectors.base import Collector, SeriesPerDevice
from vitalcast.collectors.procfs import PROC, KernelFile, number, open_if_readable
from vitalcast.model import Descriptor, Kind, Sample, Series

_BY_DIRECTION = ("network.interface.name", "network.io.direction")

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
    "system.network.errors", "{error}", Kind.COUNTER, "Packets that arrived or left broken.", _BY_DIRECTION
)
DROPPED = Descriptor(
    "system.network.packet.dropped",
    "{packet}",
    Kind.COUNTER,
    "Packets dropped though nothing was wrong with them.",
    _BY_DIRECTION,
)
CONNECTIONS = Descriptor(
    "system.network.connection.count",
    "{connection}",
    Kind.UPDOWNCOUNTER,
    "TCP connections in a state; the kernel tells only those in time_wait cheaply.",
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

# The host's ends of containers, test devices, and the idle tunnels that a kernel makes for itself. The loopback
# stays: what a machine says to itself is worth seeing, and no metric adds interfaces up.
EXCLUDE = re.compile(r"(veth|cali|lxc|ifb|dummy).+|(tunl|sit|gre|gretap|erspan|ip6tnl|ip6gre|ip_vti|ip6_vti)0")

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

Reading = dict[str, tuple[float, ...]]


def parse_net_dev(text: bytes, wanted: Callable[[bytes], bool]) -> Reading:
    """Parse /proc/net/dev into one row a wanted interface, in the order of the columns above."""
    reading: Reading = {}
    for line in text.splitlines()[2:]:
        name, _, counters = line.rpartition(b":")
        name = name.strip()
        if wanted(name):
            row = list(map(int, counters.split(None, 12)[:12]))
            reading[_text(name)] = (row[0], row[8], row[1], row[9], row[2], row[10], row[3], row[11])
    return reading


def _text(name: bytes) -> str:
    return name.decode(errors="replace")  # the kernel takes any bytes, JSON does not


def read_psutil(exclude: re.Pattern[str]) -> Reading:
    """Read psutil's counters, which every platform has in full."""
    interfaces = psutil.net_io_counters(pernic=True, nowrap=False) or {}
    return {
        name: tuple(getattr(counters, field) for _, _, field in _COLUMNS)
        for name, counters in interfaces.items()
        if not exclude.fullmatch(name)
    }


class NetworkCollector(Collector):
    """Reads /proc/net/dev, elsewhere psutil. Interfaces whose name is matched by `exclude` are left out."""

    name = "network"
    descriptors = DESCRIPTORS

    def __init__(self, *, proc: Path = PROC, exclude: re.Pattern[str] = EXCLUDE) -> None:
        super().__init__()
        file = open_if_readable(proc / "net" / "dev")
        self._read: Callable[[], Reading]
        if file is not None:
            wanted = functools.lru_cache(maxsize=1024)(lambda name: not exclude.fullmatch(_text(name)))
            self._read = lambda: parse_net_dev(file.read(), wanted)
        else:
            self._read = functools.partial(read_psutil, exclude)
        self._of_interface = SeriesPerDevice[str](
            lambda name: tuple(Series(descriptor, (name, direction)) for descriptor, direction, _ in _COLUMNS)
        )

    def collect(self, _now_s: float) -> list[Sample]:
        reading = self._read()
        samples: list[Sample] = []
        for interface, values in reading.items():
            samples += map(Sample, self._of_interface[interface], values)
        self._of_interface.keep(reading)
        return samples


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
    tcp = text.partition(b"\nTCP: ")[2].partition(b"\n")[0]
    return number(text, b"sockets: used "), number(tcp, b" tw ")


class SocketCollector(Collector):
    """Reads /proc/net/sockstat and sockstat6; absent elsewhere, as listing all sockets costs 10 ms and more."""

    name = "sockets"

    def __init__(self, *, proc: Path = PROC) -> None:
        super().__init__()
        self._ipv4 = open_if_readable(proc / "net" / "sockstat")
        self._ipv6: KernelFile | None = open_if_readable(proc / "net" / "sockstat6")
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
