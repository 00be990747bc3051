"""How a module of this room declares what it reads: as data, before anything of the machine is opened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from vitalcast.collectors.base import Collector, Table
from vitalcast.collectors.process_scan import ProcessScanner
from vitalcast.collectors.runtime_stats import RuntimeStats
from vitalcast.core.metrics.model import Descriptor
from vitalcast.machine import DEFAULT_EXCLUSIONS, HERE, Exclusions, Roots


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What the settings say to all that reads a machine: where it is, and what of it is left out.

    `command_line` says that tables may show the command lines of processes, which may hold secrets. `scanner` is where
    all have the processes from, so that they are looked at once.
    """

    stats: RuntimeStats = field(default_factory=RuntimeStats)
    roots: Roots = HERE
    exclude: Exclusions = DEFAULT_EXCLUSIONS
    command_line: bool = False
    scanner: ProcessScanner = field(default_factory=ProcessScanner)


class Declaration(NamedTuple):
    """A collector. `descriptors` has every metric that it may have on any machine; `make` builds it for this one."""

    name: str
    descriptors: tuple[Descriptor, ...]
    make: Callable[[Setup], Collector]


class TableDeclaration(NamedTuple):
    """A table, and what builds it for this machine."""

    name: str
    make: Callable[[Setup], Table]
