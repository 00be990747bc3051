"""Puts together the collectors and tables that suit this machine."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

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
from vitalcast.collectors.procfs import PROC
from vitalcast.collectors.runtime import RuntimeStats
from vitalcast.core.rates import has_rate, rate_descriptor
from vitalcast.errors import ConfigError
from vitalcast.model import Descriptor

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


def default_collectors(*, stats: RuntimeStats, disabled: Collection[str] = (), proc: Path = PROC) -> list[Collector]:
    """Return a collector of each subject that this machine has, without those in `disabled`.

    Raises ConfigError where `disabled` names neither a collector nor a table.
    """
    make: dict[str, Callable[[], Collector]] = {
        cpu.CpuCollector.name: lambda: cpu.CpuCollector(proc=proc),
        cpu.CpuFrequencyCollector.name: cpu.CpuFrequencyCollector,
        load.LoadCollector.name: lambda: load.LoadCollector(proc=proc),
        memory.MemoryCollector.name: lambda: memory.MemoryCollector(proc=proc),
        disk.DiskCollector.name: lambda: disk.DiskCollector(proc=proc),
        filesystem.FilesystemCollector.name: lambda: filesystem.FilesystemCollector(proc=proc),
        network.NetworkCollector.name: lambda: network.NetworkCollector(proc=proc),
        network.SocketCollector.name: lambda: network.SocketCollector(proc=proc),
        pressure.PressureCollector.name: lambda: pressure.PressureCollector(proc=proc),
        process.ProcessCollector.name: lambda: process.ProcessCollector(proc=proc),
        sensors.SensorsCollector.name: sensors.SensorsCollector,
        host.HostCollector.name: lambda: host.HostCollector(proc=proc),
        runtime.RuntimeCollector.name: lambda: runtime.RuntimeCollector(stats, proc=proc),
    }
    _check(disabled)
    collectors = [_build(name, make[name]) for name in make if name not in disabled]
    return [collector for collector in collectors if collector is not None and collector.descriptors]


def default_tables(
    *, disabled: Collection[str] = (), proc: Path = PROC, command_line: bool = False
) -> dict[str, Table]:
    """Return the tables by name, without those in `disabled`; command lines are shown only if `command_line`."""
    _check(disabled)
    tables: list[Table] = [process_table.ProcessTable(proc=proc, command_line=command_line)]
    return {table.name: table for table in tables if table.name not in disabled}


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


def _build(name: str, make: Callable[[], Collector]) -> Collector | None:
    """Build a collector; one that the system denies its subject is left out, so that it cannot stop the others."""
    try:
        return make()
    except (OSError, NotImplementedError, RuntimeError, psutil.Error) as error:
        _log.warning("the collector %s is left out, as its subject cannot be read: %s", name, error)
        return None


def _check(disabled: Collection[str]) -> None:
    known = (*CATALOGUE, process_table.ProcessTable.name)
    for name in disabled:
        if name not in known:
            raise ConfigError("collectors.disabled", f"unknown name {name!r}; known: {', '.join(known)}")
