"""`vitalcast tail`: follows series of a server."""

from __future__ import annotations

import functools
import io
import os
import sys
from typing import Annotated

import typer

from vitalcast.cli.options import Token
from vitalcast.cli.output import LIKE
from vitalcast.core.vocabulary import Aggregate
from vitalcast.errors import OutputError


def tail(
    patterns: Annotated[
        list[str], typer.Argument(metavar="PATTERN...", help="Metrics, such as 'system.cpu.*' or 'system.>'.")
    ],
    url: Annotated[str, typer.Option("--url", help="The server's WebSocket.")] = "ws://127.0.0.1:8000/ws",
    interval: Annotated[
        float | None,
        typer.Option("--interval", metavar="SECONDS", min=0.1, max=3600, help="Interval between ticks."),
    ] = None,
    aggregate: Annotated[
        list[Aggregate] | None,
        typer.Option("--aggregate", help="How samples are aggregated over the interval; may be repeated."),
    ] = None,
    ratio_to: Annotated[
        list[str] | None,
        typer.Option("--ratio-to", metavar="PATTERN", help="Divide by these metrics; may be repeated."),
    ] = None,
    backfill: Annotated[
        float | None,
        typer.Option("--backfill", metavar="SECONDS", min=0, max=86400, help="Start this far back."),
    ] = None,
    count: Annotated[int | None, typer.Option("--count", min=1, help="Stop after this many ticks.")] = None,
    token: Token = None,
) -> None:
    """Follow series of a server, as a live table or as lines of JSON."""
    from vitalcast.cli.live_table import LiveTable, terminal_size
    from vitalcast.cli.tail_output import JsonLines
    from vitalcast.client.address import socket_url
    from vitalcast.client.follow import follow

    aggregates = [one.value for one in aggregate or ()] or None
    options = {"interval": interval, "aggregate": aggregates, "ratio_to": ratio_to or None, "backfill": backfill}
    try:
        address = socket_url(url)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--url") from None
    token = (token or "").strip() or None
    if token is not None and not (token.isascii() and token.isprintable()):
        raise typer.BadParameter("a token contains only letters, digits and . - _", param_hint="--token")
    try:
        # A terminal that cannot move its cursor gets lines as well.
        if not sys.stdout.isatty() or os.environ.get("TERM") == "dumb":
            lines = JsonLines(sys.stdout, sys.stderr)
            follow(address, lines, *patterns, options=options, count=count, token=token)
            return

        from rich.console import Console

        if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal may know no other letters than ASCII
            sys.stdout.reconfigure(errors=LIKE)
        with LiveTable(Console(), size=functools.partial(terminal_size, sys.stdout.fileno())) as table:
            follow(address, table, *patterns, options=options, count=count, token=token)
    except KeyboardInterrupt:  # how one leaves
        return
    except OutputError as error:
        if not isinstance(error.cause, BrokenPipeError):  # which says that the reader has left, as `| head` does
            raise
