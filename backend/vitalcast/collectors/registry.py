"""Puts together the collectors and tables that suit this machine."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable
from typing import TypeVar

import psutil

from vitalcast.collectors import (
    cpu,
    disk,
    filesystem,
    host,
    load,
    memory,
    network,
    pressure,
    process,
    process_table,
    runtime,
    sensors,
)
from vitalcast.collectors.base import Collector, Table
from vitalcast.collectors.runtime import RuntimeStats
from vitalcast.core.metrics.model import Descriptor
from vitalcast.core.metrics.rates import has_rate, rate_descriptor
from vitalcast.errors import ConfigError
from vitalcast.machine import DEFAULT_EXCLUSIONS, HERE, Exclusions, Roots

Built = TypeVar("Built")

_log = logging.getLogger(__name__)

CATALOGUE: dict[str, tuple[Descriptor, ...]] = {
    cpu.CpuCollector.name: cpu.DESCRIPTORS,
    cpu.CpuFrequencyCollector.name: cpu.FREQUENCY_DESCRIPTORS,
    load.LoadCollector.name: load.DESCRIPTORS,
    memory.MemoryCollector.name: memory.DESCRIPTORS,
    disk.DiskCollector.name: disk.DESCRIPTORS,
    filesystem.FilesystemCollector.name: filesystem.DESCRIPTORS,
    network.NetworkCollector.name: network.DESCRIPTORS,
    network.SocketCollector.name: network.SOCKET_DESCRIPTORS,
    pressure.PressureCollector.name: pressure.DESCRIPTORS,
    process.ProcessCollector.name: process.DESCRIPTORS,
    sensors.SensorsCollector.name: sensors.DESCRIPTORS,
    host.HostCollector.name: host.DESCRIPTORS,
    runtime.RuntimeCollector.name: runtime.DESCRIPTORS,
}
"""Every metric that any machine may have, by collector; a collector's own `descriptors` are those of this one."""


def default_collectors(
    *,
    stats: RuntimeStats,
    disabled: Collection[str] = (),
    roots: Roots = HERE,
    exclude: Exclusions = DEFAULT_EXCLUSIONS,
) -> list[Collector]:
    """Return a collector of each subject that this machine has, without those in `disabled`.

    Raises ConfigError where `disabled` names neither a collector nor a table.
    """
    make: dict[str, Callable[[], Collector]] = {
        cpu.CpuCollector.name: lambda: cpu.CpuCollector(roots=roots),
        cpu.CpuFrequencyCollector.name: lambda: cpu.CpuFrequencyCollector(roots=roots),
        load.LoadCollector.name: lambda: load.LoadCollector(roots=roots),
        memory.MemoryCollector.name: lambda: memory.MemoryCollector(roots=roots),
        disk.DiskCollector.name: lambda: disk.DiskCollector(roots=roots, exclude=exclude.disks),
        filesystem.FilesystemCollector.name: lambda: filesystem.FilesystemCollector(
            roots=roots, exclude_types=exclude.filesystems, exclude_mounts=exclude.mounts
        ),
        network.NetworkCollector.name: lambda: network.NetworkCollector(roots=roots, exclude=exclude.interfaces),
        network.SocketCollector.name: lambda: network.SocketCollector(roots=roots),
        pressure.PressureCollector.name: lambda: pressure.PressureCollector(roots=roots),
        process.ProcessCollector.name: lambda: process.ProcessCollector(roots=roots),
        sensors.SensorsCollector.name: lambda: sensors.SensorsCollector(roots=roots, exclude=exclude.sensors),
        host.HostCollector.name: lambda: host.HostCollector(roots=roots),
        runtime.RuntimeCollector.name: lambda: runtime.RuntimeCollector(stats, roots=roots),
    }
    _check(disabled)
    collectors = [_build(f"collector {name}", make[name]) for name in make if name not in disabled]
    return [collector for collector in collectors if collector is not None and collector.descriptors]


def default_tables(
    *, disabled: Collection[str] = (), roots: Roots = HERE, command_line: bool = False
) -> dict[str, Table]:
    """Return the tables by name, without those in `disabled`; command lines are shown only if `command_line`."""
    make: dict[str, Callable[[], Table]] = {
        process_table.ProcessTable.name: lambda: process_table.ProcessTable(roots=roots, command_line=command_line)
    }
    _check(disabled)
    tables = {name: _build(f"table {name}", make[name]) for name in make if name not in disabled}
    return {name: table for name, table in tables.items() if table is not None}


def descriptors_with_rates(collectors: Iterable[Collector]) -> tuple[Descriptor, ...]:
    """Return all metrics of these collectors, each counter followed by its rate."""
    return with_rates(descriptor for collector in collectors for descriptor in collector.descriptors)


def with_rates(descriptors: Iterable[Descriptor]) -> tuple[Descriptor, ...]:
    """Return the metrics, each counter that has a rate followed by it."""
    return tuple(
        each
        for descriptor in descriptors
        for each in ((descriptor, rate_descriptor(descriptor)) if has_rate(descriptor) else (descriptor,))
    )


def _build(what: str, make: Callable[[], Built]) -> Built | None:
    """Build one; that which the system denies its subject is left out, so that it cannot stop the others."""
    try:
        return make()
    except (OSError, NotImplementedError, RuntimeError, psutil.Error) as error:
        _log.warning("the %s is left out, as its subject cannot be read: %s", what, error)
        return None


def _check(disabled: Collection[str]) -> None:
    known = (*CATALOGUE, process_table.ProcessTable.name)
    for name in disabled:
        if name not in known:
            raise ConfigError("collectors.disabled", f"unknown name {name!r}; known: {', '.join(known)}")
