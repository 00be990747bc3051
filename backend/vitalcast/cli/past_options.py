"""Options of the commands that ask about the past, and what they share."""

from __future__ import annotations

import enum
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from vitalcast.cli.when import FORMS, range_of
from vitalcast.core.durations import seconds_of
from vitalcast.errors import OutputError

Since = Annotated[str, typer.Option("--since", metavar="TIME", help=f"From when on: {FORMS}.")]
Until = Annotated[str | None, typer.Option("--until", metavar="TIME", help="Until when.", show_default="now")]


EXIT_NOTHING = 1  # where nothing is known of what is asked for


class Format(enum.Enum):
    """How an answer is written: a table in a terminal, lines in a pipe, unless an option says otherwise."""

    TABLE = enum.auto()
    LINES = enum.auto()
    PLOT = enum.auto()
    CSV = enum.auto()
    JSON = enum.auto()

    @classmethod
    def of(cls, *, json: bool = False, csv: bool = False, plot: bool = False) -> Format:
        """Return what options say. Raises typer's BadParameter where they say more than one thing."""
        chosen = [one for one, given in ((cls.JSON, json), (cls.CSV, csv), (cls.PLOT, plot)) if given]
        if len(chosen) > 1:
            names = " and ".join(f"--{one.name.lower()}" for one in chosen)
            raise typer.BadParameter(f"{names} exclude each other", param_hint=f"--{chosen[0].name.lower()}")
        return chosen[0] if chosen else cls.TABLE if sys.stdout.isatty() else cls.LINES


def range_option(since: str, until: str | None, now_ms: int) -> dict[str, int]:
    """Return what `--since` and `--until` mean, as parameters; without an end it is now, by the server's clock.

    Raises typer's BadParameter.
    """
    try:
        start_ms, end_ms = range_of(since, until, now_ms)
        return {"start": start_ms} if until is None else {"start": start_ms, "end": end_ms}
    except ValueError as error:
        named = "--until" if until is not None and str(error).startswith(repr(until)[:20]) else "--since"
        raise typer.BadParameter(str(error), param_hint=named) from None


def duration_option(name: str, text: str | None) -> float | None:
    """Return the seconds of `10s`. Raises typer's BadParameter."""
    if text is None:
        return None
    try:
        seconds = seconds_of(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=name) from None
    if seconds <= 0:
        raise typer.BadParameter(f"{text!r} is no time at all; give 10s, 5m, 1h or the like", param_hint=name)
    return seconds


def write_parts(parts: Iterable[bytes]) -> None:
    """Write an answer to standard output as it comes. Raises OutputError."""
    ends_line = True
    for part in parts:
        sys.stdout.flush()
        sys.stdout.buffer.write(part)
        ends_line = part.endswith(b"\n")
    if not ends_line:
        sys.stdout.buffer.write(b"\n")
    sys.stdout.buffer.flush()


@contextmanager
def until_the_reader_leaves() -> Iterator[None]:
    """End in silence where whoever reads standard output has left, as `| head` does, or where somebody interrupts."""
    try:
        yield
    except KeyboardInterrupt:
        return
    except OutputError as error:
        if not isinstance(error.cause, BrokenPipeError):
            raise
