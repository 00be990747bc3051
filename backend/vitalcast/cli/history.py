"""`vitalcast history`: what series were at any time that is kept."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from vitalcast import clocks
from vitalcast.cli.asking import Server, fetch, parts_of, server_of
from vitalcast.cli.options import ServerConfig, ServerUrl, Token
from vitalcast.cli.output import say
from vitalcast.cli.past_options import (
    EXIT_NOTHING,
    Format,
    Since,
    Until,
    duration_option,
    range_option,
    until_the_reader_leaves,
    write_parts,
)
from vitalcast.client.api import ApiRequest
from vitalcast.core.vocabulary import Aggregate, Reduce

if TYPE_CHECKING:
    from rich.console import Console

    from vitalcast.client.result import Result

PATH: Final = "/api/v1/history"
SINCE: Final = "-1h"
POINTS: Final = 60  # about as many as a line of a terminal has room for
PLOT_POINTS: Final = 240  # two a column
SHARED_HEIGHT: Final = 6  # of a terminal's lines, those that are not the chart's


def history(
    patterns: Annotated[
        list[str] | None,
        typer.Argument(metavar="PATTERN...", help="Metrics, such as 'system.cpu.*' or 'system.>'.", show_default=False),
    ] = None,
    since: Since = SINCE,
    until: Until = None,
    step: Annotated[
        str | None,
        typer.Option("--step", metavar="TIME", help="Interval between values, such as 10s or 1h.", show_default="fits"),
    ] = None,
    aggregate: Annotated[
        list[Aggregate] | None,
        typer.Option("--aggregate", help="How samples are aggregated over each step; may be repeated."),
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option("--where", metavar="KEY=VALUE", help="Only series with this attribute; may be repeated."),
    ] = None,
    group_by: Annotated[
        list[str] | None,
        typer.Option("--group-by", metavar="KEY", help="Reduce series to one for each value; may be repeated."),
    ] = None,
    reduce: Annotated[
        Reduce | None, typer.Option("--reduce", help="How series become one.", show_default="sum")
    ] = None,
    ratio_to: Annotated[
        list[str] | None,
        typer.Option("--ratio-to", metavar="PATTERN", help="Divide by these metrics; may be repeated."),
    ] = None,
    top: Annotated[
        int | None, typer.Option("--top", metavar="N", min=1, help="Only so many series, by their mean.")
    ] = None,
    shift: Annotated[
        str | None, typer.Option("--shift", metavar="TIME", help="As it was so long before, such as 1d.")
    ] = None,
    panel: Annotated[
        str | None, typer.Option("--panel", metavar="ID", help="The series of a panel, instead of patterns.")
    ] = None,
    host: Annotated[
        str | None, typer.Option("--host", metavar="NAME", help="Of which machine.", show_default="the server's own")
    ] = None,
    plot: Annotated[bool, typer.Option("--plot", help="Draw charts instead of the table.")] = False,
    csv: Annotated[bool, typer.Option("--csv", help="Write CSV.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
    url: ServerUrl = None,
    token: Token = None,
    config: ServerConfig = None,
) -> None:
    """Show what series were at any time.

    In a terminal that is a table, in a pipe tab-separated lines. The running server of this user is asked, or the one
    at --url; where none runs, the file is read. The exit code is 1 where there is nothing; with --csv or --json, an
    answer may be empty.

    \b
    vitalcast history 'system.cpu.>' --since 02:00 --until 02:30 --step 10s
    vitalcast history system.memory.usage --since 'yesterday 14:00' --plot
    vitalcast history system.network.io.rate --since -7d --step 1h --csv > week.csv
    vitalcast history process.cpu.utilization --since monday --top 5
    vitalcast history system.network.errors --ratio-to system.network.packet.count --aggregate rate
    """
    form = Format.of(json=json, csv=csv, plot=plot)
    now_ms = clocks.wall_ms()
    range_ = range_option(since, until, now_ms)
    if bool(patterns) == (panel is not None):
        raise typer.BadParameter("give patterns of metrics, or --panel", param_hint="PATTERN")
    # Of series that become one, the aggregates of the members would not be those of the whole.
    joined = not (aggregate or group_by or reduce or ratio_to or panel) and form in (Format.TABLE, Format.LINES)
    request = ApiRequest(
        PATH,
        {
            "metrics": patterns,
            "panel": panel,
            "host": host,
            **range_,
            "step": duration_option("--step", step),
            "aggregate": _aggregates(aggregate, joined=joined),
            "where": where,
            "group_by": group_by,
            "reduce": None if reduce is None else reduce.value,
            "ratio_to": ratio_to,
            "top": top,
            "shift": duration_option("--shift", shift),
            "points": None if step is not None else _points(form),
            "format": "csv" if form is Format.CSV else None,
        },
        accept="text/csv" if form is Format.CSV else "application/json",
    )
    with until_the_reader_leaves():
        server = server_of(url, token, config, left=True)
        if form in (Format.CSV, Format.JSON):
            write_parts(parts_of(server, request))
            return
        _show(server, request, patterns or [f"panel {panel}"], where or (), form, joined=joined)


def _aggregates(given: list[Aggregate] | None, *, joined: bool) -> list[str] | None:
    from vitalcast.cli.history_table import SUMMED

    return list(SUMMED) if joined else [one.value for one in given or ()] or None


def _points(form: Format) -> int | None:
    """Return how many values to ask for where no step is given; None leaves that to the server."""
    return {Format.PLOT: PLOT_POINTS, Format.TABLE: POINTS, Format.LINES: POINTS}.get(form)


def _show(
    server: Server,
    request: ApiRequest,
    patterns: Sequence[str],
    where: Sequence[str],
    form: Format,
    *,
    joined: bool,
) -> None:
    from vitalcast.cli.history_table import nothing_there, plain_lines, show_table, summaries
    from vitalcast.client.result import read_result

    answer = read_result(fetch(server, request), ratios=bool(request.parameters.get("ratio_to")))
    if all(value is None for column in answer.columns for value in column):
        say(f"vitalcast: {nothing_there(answer, patterns, where)}", err=True)
        raise typer.Exit(EXIT_NOTHING)
    if form is Format.PLOT:
        _plot(answer)
        return
    rows = summaries(answer, joined=joined)
    if form is Format.TABLE:
        show_table(_console(), answer, rows, joined=joined)
        return
    for line in plain_lines(rows):
        say(line)


def _plot(answer: Result) -> None:
    from vitalcast.cli.history_table import show_charts

    console = _console()
    show_charts(console, answer, zone=None, height=console.height - SHARED_HEIGHT)


def _console() -> Console:
    from rich.console import Console

    options: dict[str, Any] = {} if sys.stdout.isatty() else {"width": 100, "height": 24}
    return Console(**options)
