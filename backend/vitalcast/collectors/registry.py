"""Puts together the collectors and tables that suit this machine, of what each module of this room declares.

A module that reads something new declares it in `COLLECTORS` or `TABLES`, and has its name in `MODULES`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable
from importlib import import_module
from typing import TypeVar

import psutil

from vitalcast.collectors.base import DENIED, Collector, Table
from vitalcast.collectors.declaration import Declaration, Setup, TableDeclaration
from vitalcast.collectors.process_scan import ProcessScanner
from vitalcast.collectors.runtime_stats import RuntimeStats
from vitalcast.core.metrics.model import Descriptor
from vitalcast.core.metrics.rates import has_rate, rate_descriptor
from vitalcast.errors import ConfigError
from vitalcast.machine import DEFAULT_EXCLUSIONS, HERE, Exclusions, Roots

Built = TypeVar("Built")

_log = logging.getLogger(__name__)

# In the order in which their series stand in a frame.
MODULES = (
    "cpu",
    "load",
    "memory",
    "disk",
    "filesystem",
    "network",
    "pressure",
    "process",
    "programs",
    "sensors",
    "host",
    "runtime",
    "process_table",
)

_modules = [import_module(f"vitalcast.collectors.{name}") for name in MODULES]
COLLECTORS: tuple[Declaration, ...] = tuple(one for module in _modules for one in getattr(module, "COLLECTORS", ()))
TABLES: tuple[TableDeclaration, ...] = tuple(one for module in _modules for one in getattr(module, "TABLES", ()))

# Who turns off the table that names programs wants no series by program either.
_NAMING_TABLE, _NAMING_COLLECTORS = "processes", ("programs",)

CATALOGUE: dict[str, tuple[Descriptor, ...]] = {one.name: one.descriptors for one in COLLECTORS}
"""Every metric that any machine may have, by collector; a collector's own `descriptors` are those of this one."""


def default_collectors(
    *,
    stats: RuntimeStats,
    disabled: Collection[str] = (),
    roots: Roots = HERE,
    exclude: Exclusions = DEFAULT_EXCLUSIONS,
    scanner: ProcessScanner | None = None,
) -> list[Collector]:
    """Return a collector of each subject that this machine has, without those in `disabled`.

    Without the table of processes there are no series by program either. `scanner`, of the same roots, is given where
    others look at the processes too. Raises ConfigError where `disabled` names neither a collector nor a table.
    """
    setup = Setup(stats=stats, roots=roots, exclude=exclude, scanner=scanner or ProcessScanner(roots))
    _check(disabled)
    unwanted = {*disabled, *(_NAMING_COLLECTORS if _NAMING_TABLE in disabled else ())}
    collectors = [_build(f"collector {one.name}", one.make, setup) for one in COLLECTORS if one.name not in unwanted]
    return [collector for collector in collectors if collector is not None and collector.descriptors]


def default_tables(
    *,
    disabled: Collection[str] = (),
    roots: Roots = HERE,
    command_line: bool = False,
    scanner: ProcessScanner | None = None,
) -> dict[str, Table]:
    """Return the tables by name, without those in `disabled`; command lines are shown only if `command_line`."""
    setup = Setup(roots=roots, command_line=command_line, scanner=scanner or ProcessScanner(roots))
    _check(disabled)
    tables = {one.name: _build(f"table {one.name}", one.make, setup) for one in TABLES if one.name not in disabled}
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


def _build(what: str, make: Callable[[Setup], Built], setup: Setup) -> Built | None:
    """Build one; that which the system denies its subject is left out, so that it cannot stop the others."""
    try:
        return make(setup)
    except (*DENIED, psutil.Error) as error:
        _log.warning("the %s is left out: %s", what, error)
        return None


def _check(disabled: Collection[str]) -> None:
    known = [*(one.name for one in COLLECTORS), *(one.name for one in TABLES)]
    for name in disabled:
        if name not in known:
            raise ConfigError("collectors.disabled", f"unknown name {name!r}; known: {', '.join(known)}")
