"""The series of a whole imaginary machine under their real descriptors, for reading panels from them."""

from __future__ import annotations

from vitalcast.collectors.registry import CATALOGUE
from vitalcast.core.metrics.model import Descriptor, Series
from vitalcast.core.metrics.rates import has_rate, rate_descriptor
from vitalcast.core.panels.builtin import BUILT_IN
from vitalcast.core.panels.line import Line
from vitalcast.core.panels.resolve import Resolved
from vitalcast.core.panels.schema import Panel
from vitalcast.core.panels.shown import Seen, choose, coloured

DESCRIPTORS: dict[str, Descriptor] = {
    one.name: one
    for descriptors in CATALOGUE.values()
    for each in descriptors
    for one in ((each, rate_descriptor(each)) if has_rate(each) else (each,))
}

VALUES: dict[str, tuple[str, ...]] = {
    "cpu.mode": ("idle", "interrupt", "iowait", "nice", "steal", "system", "user"),
    "cpu.logical_number": tuple(str(number) for number in range(12)),
    "system.memory.state": ("buffers", "cached", "free", "used"),
    "system.paging.state": ("free", "used"),
    "system.load.window": ("15m", "1m", "5m"),
    "system.pressure.resource": ("cpu", "io", "memory"),
    "system.pressure.scope": ("full", "some"),
    "system.device": ("nvme0n1", "sda", "sda10", "sda2"),
    "disk.io.direction": ("read", "write"),
    "system.filesystem.mountpoint": ("/", "/home", "/srv/data"),
    "system.filesystem.state": ("free", "reserved", "used"),
    "system.filesystem.type": ("ext4",),
    "network.interface.name": ("eth0", "lo", "wlan0"),
    "network.io.direction": ("receive", "transmit"),
    "network.transport": ("tcp", "udp"),
    "network.type": ("ipv4", "ipv6"),
    "process.executable.name": ("(others)", "(short-lived)", *(f"program-{number}" for number in range(9)), "gzip"),
    "process.state": ("blocked", "defunct", "running", "sleeping", "stopped"),
    "hw.id": ("coretemp/0", "coretemp/1", "nvme/0"),
    "hw.name": ("Core 0",),
}


# Panels as people may write them, beside the built-in ones: nothing said, wildcards, both at once.
ODD = tuple(
    Panel.model_validate({"id": f"odd-{at}", "title": "Odd"} | keys)
    for at, keys in enumerate(
        (
            {"metrics": ["system.disk.io.rate"]},
            {"metrics": ["system.disk.operations.rate"], "below": {"disk.io.direction": ["write"]}, "stack": True},
            {"metrics": ["hw.temperature"], "by": ["hw.name"]},
            {"metrics": ["hw.temperature"], "headline": {"reduce": "max"}, "lines_max": 2},
            {"metrics": ["system.cpu.logical.utilization"], "headline": {"reduce": "max"}, "lines_max": 3},
            {"metrics": ["system.network.io.rate"], "below": {"network.io.direction": ["transmit"]}, "lines_max": 1},
            {
                "metrics": ["system.filesystem.usage"],
                "chart": "bar",
                "by": ["system.filesystem.mountpoint"],
                "parts": "system.filesystem.state",
                "rest": ["free"],
                "lines_max": 2,
            },
            {"metrics": ["system.memory.limit"], "max": "system.memory.limit"},
            {"metrics": ["system.memory.usage"], "rest": ["free"], "headline": {"per": "rest"}},
            {"metrics": ["system.cpu.logical.utilization"]},
            {"metrics": ["system.load.average"], "order": ["5m"], "headline": {"reduce": "max"}, "lines_max": 1},
            {"metrics": ["system.cpu.utilization"], "where": {"cpu.mode": ["user", "iowait"]}},
            {
                "metrics": ["system.cpu.utilization"],
                "where": {"cpu.mode": ["user"]},
                "reference": "system.load.average",
            },
        )
    )
)


def series_of(name: str) -> list[Series]:
    """Return a metric's series, with every value of its attributes; a mount has one device, though."""
    descriptor = DESCRIPTORS[name]
    rows: list[tuple[str, ...]] = [()]
    for key in descriptor.attributes:
        values = (
            VALUES[key] if name.startswith(("system.disk", "system.cpu")) or key != "system.device" else ("/dev/x",)
        )
        rows = [(*row, value) for row in rows for value in values]
    return [Series(descriptor, row) for row in rows]


def series_for(panel: Panel) -> list[Series]:
    """Return all series that the panel is about, and the metrics beside them, by key."""
    names = [*panel.metrics, *panel.named().values()]
    return sorted({one for name in names for one in series_of(name)}, key=lambda one: one.key)


def panel_of(id_: str) -> Panel:
    """Return a built-in panel."""
    return next(panel for panel in BUILT_IN if panel.id == id_)


def columns_of(resolved: Resolved) -> tuple[int, ...]:
    """Return every column that a panel needs, each once."""
    drawn = [line.column for line in (*resolved.lines, *resolved.remainder)]
    beside = (resolved.max, resolved.reference, resolved.per)
    return tuple(dict.fromkeys([*drawn, *(at for at in beside if at >= 0)]))


def busiest(panel: Panel, resolved: Resolved, seen: Seen) -> tuple[Line, ...]:
    """Return the lines that are drawn where nothing was drawn so far, each with a colour of its own."""
    return tuple(coloured(panel, choose(panel, resolved, seen), {}))
