"""The table of processes: who uses the machine now."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from vitalcast.collectors.base import Table, TableQuery, TableRows
from vitalcast.collectors.declaration import TableDeclaration
from vitalcast.collectors.process_scan import KERNEL_THREADS, ProcessScanner, Scan
from vitalcast.collectors.process_source import Process, age_s
from vitalcast.core.metrics.table_filter import field_test
from vitalcast.core.metrics.table_info import Column
from vitalcast.core.processes.columns import (
    COMMAND,
    MEMORY,
    NAME,
    PARENT,
    PID,
    READ,
    THREADS,
    UNIT,
    USER,
    WRITE,
)
from vitalcast.errors import CollectorError
from vitalcast.machine import HERE, Roots

COLUMNS = (
    PID,
    NAME,
    USER,
    Column("cpu", "1", "Share of one CPU used since the previous sample; more than 1 on several CPUs."),
    MEMORY,
    THREADS,
    READ,
    WRITE,
    Column("age", "s", "Time since it started."),
    UNIT,
    PARENT,
)
SEARCHED = ("name", "pid", "user", "unit", "command")  # the cheapest first: a look at the name spares one at the user

Key = tuple[int, float]  # pid and start, for pids are used again
Value = TypeVar("Value")
Cell = str | int | float | None
Cells = dict[str, Callable[[Process], Cell]]

_SHARED_S = 0.25  # how old a scan may be that others made
_SETTLED_S = 10.0  # a process is started first, and moved to its unit then
_BASELINE_MIN_S = 0.5  # a share over less would be noise: the kernel counts CPU time in steps of 10 ms


class _Readings(Generic[Value]):
    """The newest reading of each process, and one from at least half a second earlier to compare it with.

    Both hold only what was read at that time, so that what is gone or was left out is forgotten.
    """

    def __init__(self) -> None:
        self.older: dict[Key, Value] = {}
        self.older_s = float("-inf")
        self.newer: dict[Key, Value] = {}
        self.newer_s = float("-inf")

    def start(self, now_s: float) -> None:
        if now_s - self.newer_s >= _BASELINE_MIN_S:
            self.older, self.older_s = self.newer, self.newer_s
            self.newer, self.newer_s = {}, now_s

    def before(self, process: Process, now: Value) -> Value | None:
        """Return the earlier reading, and note the one of now."""
        key = (process.pid, process.started_s)
        self.newer.setdefault(key, now)
        return self.older.get(key)


class ProcessTable(Table):
    """Reads every process once for all queries; users, disk bytes and command lines only where they are needed.

    `cpu`, `read` and `write` compare with an earlier reading and are None until there is one. Command lines are
    there, and searched, only if `command_line`, as programs are started with passwords in them.
    """

    name = "processes"
    interval_min_s = 1.0  # a scan of a hundred processes takes 1 ms, of some thousands 50

    def __init__(
        self, *, roots: Roots = HERE, command_line: bool = False, scanner: ProcessScanner | None = None
    ) -> None:
        self.columns = (*COLUMNS, COMMAND) if command_line else COLUMNS
        self._scanner = scanner or ProcessScanner(roots)
        self._source = self._scanner.source
        self._cpu_s = _Readings[float]()
        self._io_bytes = _Readings[tuple[int, int]]()
        self._units: dict[Key, str | None] = {}

    def read(self, queries: list[TableQuery], now_s: float) -> list[TableRows]:
        columns = {column.name: column for column in self.columns}
        for query in queries:
            if query.sort not in columns:
                raise CollectorError(f"processes have no column {query.sort!r}; known: {', '.join(columns)}")
        scan = self._scanner.scan(now_s, max_age_s=_SHARED_S)
        self._cpu_s.start(scan.taken_s)
        self._io_bytes.start(now_s)
        processes = list(scan.processes.values())
        self._forget_units(scan)
        ages = {process.pid: age_s(process, scan.clock_s) for process in processes}
        cpu = {process.pid: self._cpu(process, ages[process.pid], scan.taken_s) for process in processes}
        cells = self._cells(cpu, ages, now_s)
        idle = {one.pid for one in processes if scan.sees_kernel and _is_kernels(one) and not cpu[one.pid]}
        return [self._answer(query, processes, {name: cells[name] for name in columns}, idle) for query in queries]

    def _answer(self, query: TableQuery, processes: list[Process], cells: Cells, idle: set[int]) -> TableRows:
        matching = _matching(processes, query, cells)
        kept = [process for process in matching if process.pid not in idle] if query.fold else matching
        ordered = _sorted(kept, cells[query.sort], descending=self._descends(query))
        rows = [tuple(cell(process) for cell in cells.values()) for process in ordered[: max(query.limit, 0)]]
        return TableRows(rows, len(matching), len(processes), len(matching) - len(kept))

    def _descends(self, query: TableQuery) -> bool:
        if query.descending is not None:
            return query.descending
        return any(column.is_number for column in self.columns if column.name == query.sort)

    def _cells(self, cpu: dict[int, float | None], ages: dict[int, float | None], now_s: float) -> Cells:
        """Return what fills each column; what costs a look at the process is asked once a reading."""
        user = functools.cache(self._source.user)
        command = functools.cache(self._source.command)
        rates = functools.cache(functools.partial(self._io_rates, now_s=now_s))
        return {
            "pid": lambda process: process.pid,
            "name": lambda process: process.name,
            "user": lambda process: user(process.pid),
            "cpu": lambda process: cpu[process.pid],
            "memory": lambda process: process.memory_bytes,
            "threads": lambda process: process.threads,
            "read": lambda process: rates(process)[0],
            "write": lambda process: rates(process)[1],
            "age": lambda process: ages[process.pid],
            "unit": lambda process: self._unit(process, ages[process.pid]),
            "parent": lambda process: process.parent,
            "command": lambda process: command(process.pid),
        }

    def _unit(self, process: Process, age: float | None) -> str | None:
        """Return its unit; once it has settled it is hardly ever moved to another."""
        key = (process.pid, process.started_s)
        if key in self._units:
            return self._units[key]
        unit = self._source.unit(process.pid)
        if age is not None and age > _SETTLED_S:
            self._units[key] = unit
        return unit

    def _forget_units(self, scan: Scan) -> None:
        """Forget those of processes that are no more."""
        here = {(process.pid, process.started_s) for process in scan.processes.values()}
        self._units = {key: unit for key, unit in self._units.items() if key in here}

    def _cpu(self, process: Process, age: float | None, now_s: float) -> float | None:
        if process.cpu_s is None:
            return None
        elapsed_s = now_s - self._cpu_s.older_s
        before = self._cpu_s.before(process, process.cpu_s)
        if before is None:
            if age is None or age > elapsed_s or elapsed_s == float("inf"):
                return None
            before = 0.0  # it started since
        return round(max(0.0, process.cpu_s - before) / elapsed_s, 4)

    def _io_rates(self, process: Process, now_s: float) -> tuple[float | None, float | None]:
        now = self._source.io_bytes(process.pid)
        if now is None:
            return None, None
        elapsed_s = now_s - self._io_bytes.older_s
        before = self._io_bytes.before(process, now)
        if before is None:
            return None, None
        read, written = (after - first for after, first in zip(now, before, strict=True))
        if read < 0 or written < 0:  # what counts them has begun anew
            return None, None
        return round(read / elapsed_s, 1), round(written / elapsed_s, 1)


def _is_kernels(process: Process) -> bool:
    return KERNEL_THREADS in (process.pid, process.parent)


def _matching(processes: list[Process], query: TableQuery, cells: Cells) -> list[Process]:
    """Return the processes that a query is about; a column that is not shown is not searched either."""
    if query.keys is not None:
        processes = [process for process in processes if process.pid in query.keys]
    if not query.filter:
        return processes
    is_wanted = field_test(query.filter)
    searched = [cells[name] for name in SEARCHED if name in cells]
    return [
        process for process in processes if any(is_wanted(str(cell(process) or "").casefold()) for cell in searched)
    ]


def _sorted(processes: list[Process], cell: Callable[[Process], Cell], *, descending: bool) -> list[Process]:
    """Sort by a cell, None last in both directions; equals by pid."""
    known: list[tuple[Any, Process]] = []
    unknown = []
    for process in sorted(processes, key=lambda process: process.pid):
        value = cell(process)
        if value is None:
            unknown.append(process)
        else:
            known.append((value, process))
    known.sort(key=lambda pair: pair[0], reverse=descending)  # a stable sort also when reversed
    return [process for _, process in known] + unknown


TABLES = (
    TableDeclaration(
        ProcessTable.name, lambda setup: ProcessTable(command_line=setup.command_line, scanner=setup.scanner)
    ),
)
