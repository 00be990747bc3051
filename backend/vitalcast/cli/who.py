"""`vitalcast who`: which processes used the machine, at a moment or over a while."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, Literal, NamedTuple

import typer

from vitalcast import clocks
from vitalcast.cli.asking import fetch, parts_of, server_of
from vitalcast.cli.options import ServerConfig, ServerUrl, Token
from vitalcast.cli.output import say
from vitalcast.cli.past_options import EXIT_NOTHING, Format, Until, range_option, until_the_reader_leaves, write_parts
from vitalcast.cli.when import FORMS, local, moment_of
from vitalcast.client.api import ApiRequest
from vitalcast.client.reading import NONSENSE
from vitalcast.core.drawing.format import format_value
from vitalcast.core.text import printable
from vitalcast.errors import AskError

PATH: Final = "/api/v1/processes"
# What is shown in a terminal, as far as there is room: most telling first.
ORDER: Final = ("name", "cpu", "cpu_peak", "memory", "memory_peak", "read", "write", "pid", "user", "unit")
LATER: Final = ("first", "last", "ended", "started", "threads", "parent", "state", "command")
HEADS: Final = {"cpu_peak": "peak cpu", "memory_peak": "peak memory"}
TEXTS: Final = frozenset({"name", "user", "unit", "state", "command"})
GAP: Final = 2

Cell = str | int | float | bool | None


class Processes(NamedTuple):
    """An answer: `columns` are names and units, and each row has a cell for each."""

    start_ms: int
    end_ms: int
    interval_s: float
    columns: list[tuple[str, str]]
    rows: list[list[Cell]]
    matches: int


def who(
    at: Annotated[str | None, typer.Option("--at", metavar="TIME", help=f"When: {FORMS}.", show_default="now")] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME", help="Instead of a moment: from when on, in all.")
    ] = None,
    until: Until = None,
    sort: Annotated[Literal["cpu", "memory", "read", "write"], typer.Option("--sort", help="Who comes first.")] = "cpu",
    filter_: Annotated[
        str | None,
        typer.Option(
            "--filter",
            metavar="TEXT",
            help="Only with this in name, id, user or unit; in double quotes only what is called so.",
        ),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=1000, help="At most so many.")] = 20,
    csv: Annotated[bool, typer.Option("--csv", help="Write CSV.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
    url: ServerUrl = None,
    token: Token = None,
    config: ServerConfig = None,
) -> None:
    """Show which processes used the machine at any time.

    At a moment, or over a while, in which each is summed up. The exit code is 1 where none is known; with --csv or
    --json, an answer may be empty.

    \b
    vitalcast who --at 02:00
    vitalcast who --since 02:00 --until 02:30 --sort memory
    vitalcast who --at 'yesterday 14:00' --url https://example.org/vitals
    """
    form = Format.of(json=json, csv=csv)
    now_ms = clocks.wall_ms()
    order = "memory_peak" if sort == "memory" and since is not None else sort
    request = ApiRequest(
        PATH,
        {
            **_when(at, since, until, now_ms),
            "sort": order,
            "filter": filter_,
            "limit": limit,
        },
    )
    with until_the_reader_leaves():
        server = server_of(url, token, config, left=True)
        if form is Format.JSON:
            write_parts(parts_of(server, request))
            return
        answer = read_processes(fetch(server, request))
        if not answer.rows and form is not Format.CSV:
            say(f"vitalcast: {_none(answer)}", err=True)
            raise typer.Exit(EXIT_NOTHING)
        if form is Format.TABLE:
            _show(answer, order)
            return
        for line in (csv_lines if form is Format.CSV else plain_lines)(answer):
            say(line)


def _when(at: str | None, since: str | None, until: str | None, now_ms: int) -> dict[str, int]:
    if since is None:
        if until is not None:
            raise typer.BadParameter("give --since as well", param_hint="--until")
        try:
            moment_ms = now_ms if at is None else moment_of(at, now_ms)
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--at") from None
        if moment_ms > now_ms:
            raise typer.BadParameter(f"{at!r} is yet to come", param_hint="--at")
        return {"at": moment_ms}
    if at is not None:
        raise typer.BadParameter("--at and --since exclude each other", param_hint="--at")
    return range_option(since, until, now_ms)


def read_processes(answer: Mapping[str, Any]) -> Processes:
    """Return what an answer says. Raises AskError where it makes no sense."""
    try:
        columns = [(str(one["name"]), str(one["unit"])) for one in answer["columns"]]
        rows = [[_cell(one) for one in row] for row in answer["rows"]]
        if any(len(row) != len(columns) for row in rows):
            raise ValueError("a row has another length")
        start_ms, end_ms = int(answer["start"]), int(answer["end"])
        matches = int(answer.get("matches", len(rows)))
        return Processes(start_ms, end_ms, float(answer["interval"]), columns, rows, matches)
    except (KeyError, TypeError, ValueError):
        raise AskError(NONSENSE) from None


def _cell(given: object) -> Cell:
    if given is None or isinstance(given, str | int | float):
        return given
    raise TypeError


def plain_lines(answer: Processes) -> Iterator[str]:
    """Yield a line of tab-separated fields for each process, in the order of the API's columns and in its units."""
    for row in answer.rows:
        yield "\t".join(printable(_plain(cell)) for cell in row)


def csv_lines(answer: Processes) -> Iterator[str]:
    """Yield the lines of CSV, the first of which names the columns."""
    from vitalcast.core.query.csv import csv_text

    yield ",".join(csv_text(name) for name, _ in answer.columns)
    for row in answer.rows:
        yield ",".join(csv_text(cell) if isinstance(cell, str) else _plain(cell) for cell in row)


def _plain(cell: Cell) -> str:
    return "" if cell is None else str(cell).lower() if isinstance(cell, bool) else str(cell)


def _none(answer: Processes) -> str:
    """Say why there are no processes."""
    span = f"{local(answer.start_ms):%Y-%m-%d %H:%M:%S}"
    if answer.end_ms > answer.start_ms:
        span += f" to {local(answer.end_ms):%H:%M:%S}"
    if answer.matches or answer.interval_s:
        return f"{span}: no process that was recorded matches"
    why = "nothing is kept from then, no server was running, or recorder.enabled is false"
    return f"{span}: no processes were recorded: {why}"


def _show(answer: Processes, order: str) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    chosen = fitting(answer, console.width, order)
    table = Table.grid(padding=(0, GAP, 0, 0))
    for at in chosen:
        name = answer.columns[at][0]
        table.add_column(justify="left" if name in TEXTS else "right", no_wrap=name not in TEXTS, overflow="fold")
    heads = [HEADS.get(answer.columns[at][0], answer.columns[at][0]) for at in chosen]
    table.add_row(*(Text(head, "bold") for head in heads))
    for row in answer.rows:
        table.add_row(*(Text(shown(row[at], *answer.columns[at])) for at in chosen))
    console.print(heading(answer), table, sep="\n", highlight=False)


def fitting(answer: Processes, width: int, order: str = "cpu") -> list[int]:
    """Return the columns for which there is room in a terminal of this width, in the order in which they are shown.

    The column by which processes are ordered comes first after their names.
    """
    places = {name: at for at, (name, _) in enumerate(answer.columns)}
    chosen: list[int] = []
    room = width
    for name in dict.fromkeys((ORDER[0], order, *ORDER, *LATER)):
        if name not in places:
            continue
        at = places[name]
        cells = [shown(row[at], *answer.columns[at]) for row in answer.rows]
        wide = max(map(len, (HEADS.get(name, name), *cells))) + GAP
        if wide > room and chosen:
            break
        chosen.append(at)
        room -= min(wide, room)
    return chosen or [0]


def shown(cell: Cell, name: str, unit: str) -> str:
    """Return a cell for human eyes."""
    if cell is None:
        return "–"
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, str):
        return printable(cell)
    if unit == "ms":
        return f"{local(int(cell)):%Y-%m-%d %H:%M:%S}"
    if name in ("pid", "parent", "threads"):
        return str(cell)
    return format_value(float(cell), unit).replace("\u00a0", " ")


def heading(answer: Processes) -> str:
    """Say which time the rows are about, and how many there are."""
    start, end = local(answer.start_ms), local(answer.end_ms)
    last = f"{end:%H:%M:%S}" if start.date() == end.date() else f"{end:%Y-%m-%d %H:%M:%S}"
    words = [f"{start:%Y-%m-%d %H:%M:%S} to {last}"]
    if answer.matches > len(answer.rows):
        words.append(f"{len(answer.rows)} of {answer.matches} processes that were among the top")
    return " · ".join(words)
