"""What reads this machine, as the settings have it: collectors, tables and the flight recorder."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields

from vitalcast.collectors.base import Collector, Table
from vitalcast.collectors.process_scan import ProcessScanner
from vitalcast.collectors.process_snapshot import SnapshotTaker
from vitalcast.collectors.registry import CATALOGUE, default_collectors, default_tables, with_rates
from vitalcast.collectors.runtime_stats import RuntimeStats
from vitalcast.config.machine import Collectors
from vitalcast.config.schema import Settings
from vitalcast.core.metrics.table_info import TableInfo
from vitalcast.core.stream.grants import NAMING_TABLE
from vitalcast.live.flight_recorder import FlightRecorder
from vitalcast.machine import Exclusions, Roots

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class MachineReaders:
    """What reads the machine below `roots`. `given` says that somebody brought collectors of their own, as tests do:
    then nothing else looks at the kernel either.
    """

    roots: Roots
    collectors: tuple[Collector, ...]
    tables: Mapping[str, Table]
    flight: FlightRecorder | None
    given: bool

    def table_infos(self) -> dict[str, TableInfo]:
        """Return what is known of each table before any of its rows are read."""
        return {
            name: TableInfo([column._asdict() for column in table.columns], round(table.interval_min_s * 1000))
            for name, table in self.tables.items()
        }


def machine_readers(
    settings: Settings,
    stats: RuntimeStats,
    *,
    collectors: Iterable[Collector] | None = None,
    tables: Mapping[str, Table] | None = None,
) -> MachineReaders:
    """Return what reads this machine, by default all that the settings do not turn off; processes are scanned for all.

    Of a machine whose processes cannot be seen none are recorded, which is logged.
    """
    roots, disabled = _roots(settings.collectors), settings.collectors.disabled
    scanner = ProcessScanner(roots)
    flight = None
    given = collectors is not None
    if collectors is None:
        flight = _flight_recorder(settings, scanner)
        collectors = default_collectors(
            stats=stats, disabled=disabled, roots=roots, exclude=_exclusions(settings.collectors), scanner=scanner
        )
    if tables is None:
        command_line = settings.collectors.process_command_line
        tables = default_tables(disabled=disabled, roots=roots, command_line=command_line, scanner=scanner)
    return MachineReaders(roots, tuple(collectors), tables, flight, given)


def names_anywhere() -> frozenset[str]:
    """Return the names of all metrics that the collectors of any machine can have."""
    every = (descriptor for descriptors in CATALOGUE.values() for descriptor in descriptors)
    return frozenset(descriptor.name for descriptor in with_rates(every))


def _flight_recorder(settings: Settings, scanner: ProcessScanner) -> FlightRecorder | None:
    """Return what records the processes, None where that is turned off or there are none to be seen."""
    recorder = settings.recorder
    if not recorder.enabled or NAMING_TABLE in settings.collectors.disabled:
        return None
    taker = SnapshotTaker(scanner, top=recorder.top, command_line=settings.collectors.process_command_line)
    try:
        taker.check()
    except OSError as error:
        logger.warning("processes are not recorded: %s", error)
        return None
    return FlightRecorder(taker, interval_s=recorder.interval_s)


def _roots(collectors: Collectors) -> Roots:
    return Roots.of(
        procfs=collectors.procfs, sysfs=collectors.sysfs, cgroupfs=collectors.cgroupfs, rootfs=collectors.rootfs
    )


def _exclusions(collectors: Collectors) -> Exclusions:
    return Exclusions(**{field.name: getattr(collectors, f"exclude_{field.name}") for field in fields(Exclusions)})
