"""Answers who used the machine: the rows of a moment or a window, filtered, sorted and cut."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from vitalcast.core.metrics.table_filter import field_test
from vitalcast.core.metrics.table_info import Column
from vitalcast.core.processes.columns import COMMAND, MOMENT_COLUMNS, WINDOW_COLUMNS
from vitalcast.core.processes.moment import nearest
from vitalcast.core.processes.snapshot import ProcessRow, ProcessSnapshot
from vitalcast.core.processes.usage import ProcessUsage, WindowUsage, add_up

SORT_DEFAULT = "cpu"
# What a moment calls one thing and a window another.
_ALIKE = {"memory": "memory_peak", "memory_peak": "memory", "cpu_peak": "cpu"}

Cell = str | int | float | bool | None
Cells = tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class ProcessRequest:
    """Which rows are wanted, and in what order.

    `descending` None is the usual direction: numbers from the highest down, text from A to Z. `filter` is a text that
    name, pid, user, unit or a command line that is shown must have, as `field_test` says. `command` says that command
    lines are shown, where they were recorded.
    """

    sort: str = SORT_DEFAULT
    descending: bool | None = None
    filter: str = ""
    limit: int = 20
    command: bool = False


class ProcessAnswer(NamedTuple):
    """Rows about the time in (start_ms, end_ms], of snapshots as far apart as `interval_ms`; 0 where there are none.

    `matches` is how many rows there are without the limit.
    """

    start_ms: int
    end_ms: int
    interval_ms: int
    columns: tuple[Column, ...]
    rows: list[Cells]
    matches: int


def columns_of(request: ProcessRequest, *, window: bool) -> tuple[Column, ...]:
    """Return the columns of a moment, or of a window."""
    columns = WINDOW_COLUMNS if window else MOMENT_COLUMNS
    return (*columns, COMMAND) if request.command else columns


def check_request(request: ProcessRequest, *, window: bool) -> tuple[Column, ...]:
    """Return the columns. Raises ValueError that says what may be sorted by."""
    columns = columns_of(request, window=window)
    _sort_place(request, columns)
    return columns


def _sort_place(request: ProcessRequest, columns: tuple[Column, ...]) -> int:
    """Return which column to sort by; that of a moment means its peak over a window, and the other way round."""
    names = [column.name for column in columns]
    for name in (request.sort, _ALIKE.get(request.sort)):
        if name in names:
            return names.index(name)
    raise ValueError(f"sort: {request.sort!r} is not one of {', '.join(names)}")


def at_moment(snapshots: Iterable[ProcessSnapshot], at_ms: int, request: ProcessRequest) -> ProcessAnswer:
    """Answer for one moment, of the snapshots within NEAR_MS of it. Raises ValueError for an unknown column."""
    columns = check_request(request, window=False)
    snapshot = nearest(snapshots, at_ms)
    if snapshot is None:
        return ProcessAnswer(at_ms, at_ms, 0, columns, [], 0)
    rows = [_moment_cells(row, request) for row in snapshot.rows]
    start_ms = snapshot.time_ms - snapshot.interval_ms
    return _answer(start_ms, snapshot.time_ms, snapshot.interval_ms, columns, rows, request)


def over_window(parts: Iterable[WindowUsage], start_ms: int, end_ms: int, request: ProcessRequest) -> ProcessAnswer:
    """Answer for a window, of what was used in the parts of it. Raises ValueError for an unknown column."""
    columns = check_request(request, window=True)
    used = add_up(parts)
    rows = [_window_cells(one, used, request) for one in used.processes]
    return _answer(start_ms, end_ms, used.interval_ms, columns, rows, request)


def _moment_cells(row: ProcessRow, request: ProcessRequest) -> Cells:
    cells: Cells = (
        row.pid,
        row.name,
        row.user,
        row.unit,
        row.parent,
        row.threads,
        row.state,
        row.cpu,
        row.memory,
        row.read,
        row.write,
        row.started_ms,
    )
    return (*cells, row.command) if request.command else cells


def _window_cells(one: ProcessUsage, used: WindowUsage, request: ProcessRequest) -> Cells:
    row = one.newest
    mean = None if one.cpu_s is None or not used.covered_ms else round(one.cpu_s * 1000 / used.covered_ms, 6)
    cells: Cells = (
        row.pid,
        row.name,
        row.user,
        row.unit,
        row.parent,
        mean,
        one.cpu_peak,
        one.memory_peak,
        None if one.read is None else round(one.read),
        None if one.write is None else round(one.write),
        one.first_ms,
        one.last_ms,
        one.ended,
        row.started_ms,
    )
    return (*cells, row.command) if request.command else cells


def _answer(
    start_ms: int,
    end_ms: int,
    interval_ms: int,
    columns: tuple[Column, ...],
    rows: list[Cells],
    request: ProcessRequest,
) -> ProcessAnswer:
    at = {column.name: index for index, column in enumerate(columns)}
    matching = _matching(rows, at, request.filter)
    place = _sort_place(request, columns)
    descending = columns[place].is_number if request.descending is None else request.descending
    matching.sort(key=lambda row: (row[at["pid"]], row[at["started"]]))
    ordered = _sorted(matching, place, descending=descending)
    return ProcessAnswer(start_ms, end_ms, interval_ms, columns, ordered[: max(request.limit, 0)], len(matching))


_SEARCHED = ("name", "pid", "user", "unit", "command")


def _matching(rows: list[Cells], at: dict[str, int], text: str) -> list[Cells]:
    """Return the rows that a filter is about; a column that is not shown is not searched either."""
    if not text.strip():
        return rows
    is_wanted = field_test(text)
    searched = [at[name] for name in _SEARCHED if name in at]
    return [row for row in rows if any(is_wanted(_text(row[index])) for index in searched)]


def _text(cell: Cell) -> str:
    return "" if cell is None else str(cell).casefold()


def _sorted(rows: list[Cells], index: int, *, descending: bool) -> list[Cells]:
    """Sort by a column, None last in both directions; equals stay in their order."""
    known: list[tuple[Any, Cells]] = [(row[index], row) for row in rows if row[index] is not None]
    known.sort(key=lambda pair: pair[0], reverse=descending)  # a stable sort also when reversed
    return [row for _, row in known] + [row for row in rows if row[index] is None]
