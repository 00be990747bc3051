"""An answer about the past for human eyes: a table with sparklines, or a chart in text; plain lines for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import tzinfo
from typing import TYPE_CHECKING, Final, NamedTuple

from vitalcast.cli.history_lines import HistoryLine, lines_of, squeezed
from vitalcast.cli.live_table import sparkline
from vitalcast.cli.plot import draw_chart
from vitalcast.cli.when import local
from vitalcast.client.result import Result
from vitalcast.core.drawing.format import NO_READING, format_duration, format_value
from vitalcast.core.text import printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

SUMMED: Final = ("min", "max", "sum", "count", "avg", "last")  # what a table is made of where nothing else is asked for
SPARK_WIDTH_MIN: Final = 12
SPARK_WIDTH_MAX: Final = 60
KEY_WIDTH_MIN: Final = 24
GAP: Final = 2  # between columns
CHART_HEIGHT_MAX: Final = 16
CHART_LINES_MAX: Final = 8
COLOURS: Final = ("cyan", "yellow", "magenta", "green", "blue", "red", "white", "bright_black")
TIERS: Final = {"raw": "ticks", "1m": "steps of 1 min", "10m": "steps of 10 min", "1h": "steps of 1 h"}


class Summary(NamedTuple):
    """What a row of the table says of one line; None where nothing was read."""

    key: str
    unit: str
    low: float | None
    mean: float | None
    high: float | None
    last: float | None
    recent: list[float | None]


def summaries(answer: Result, *, joined: bool) -> list[Summary]:
    """Return a summary of each series, of the aggregates in SUMMED where `joined`, else of each line.

    The mean of a series is that of all its samples, not of its steps' means.
    """
    if not joined:
        return [_of_line(line, several=len(answer.aggregates) > 1) for line in lines_of(answer)]
    size = len(answer.aggregates)
    lines = lines_of(answer)
    groups = [lines[at : at + size] for at in range(0, len(lines), size)]
    return [_of_series({line.aggregate: line for line in group}) for group in groups]


def _of_line(line: HistoryLine, *, several: bool) -> Summary:
    known = line.known
    key = f"{line.key} {line.aggregate}" if several else line.key
    mean = sum(known) / len(known) if known else None
    return Summary(key, line.unit, _least(known), mean, _most(known), known[-1] if known else None, line.values)


def _of_series(lines: dict[str, HistoryLine]) -> Summary:
    average, last = lines["avg"], lines["last"].known
    count = sum(lines["count"].known)
    return Summary(
        average.key,
        average.unit,
        _least(lines["min"].known),
        sum(lines["sum"].known) / count if count else None,
        _most(lines["max"].known),
        last[-1] if last else None,
        average.values,
    )


def _least(values: Sequence[float]) -> float | None:
    return min(values, default=None)


def _most(values: Sequence[float]) -> float | None:
    return max(values, default=None)


def plain_lines(rows: Sequence[Summary]) -> Iterator[str]:
    """Yield lines of tab-separated fields: the series, then its least, mean, greatest and last value in its unit."""
    for row in rows:
        numbers = ("" if value is None else f"{value:.10g}" for value in (row.low, row.mean, row.high, row.last))
        yield "\t".join((printable(row.key), row.unit, *numbers))


def show_table(console: Console, answer: Result, rows: Sequence[Summary], *, joined: bool) -> None:
    """Print a row for each line, in as many columns as the console is wide enough for."""
    from rich.table import Table
    from rich.text import Text

    numbers = [[_shown(value, row.unit) for value in (row.low, row.mean, row.high, row.last)] for row in rows]
    heads = ["min", "mean", "max", "last"] if joined else ["lowest", "mean", "highest", "last"]
    widths = [max(len(head), *(len(one[at]) for one in numbers)) for at, head in enumerate(heads)]
    room = console.width - sum(widths) - GAP * len(widths)
    keys = [printable(row.key) for row in rows]
    longest = max(map(len, keys))
    while len(widths) > 1 and room < min(longest, KEY_WIDTH_MIN):  # the last value stays
        room += widths.pop(0) + GAP
    heads, numbers = heads[-len(widths) :], [one[-len(widths) :] for one in numbers]
    key_width, spark_width = _shared(room - GAP, longest)

    table = Table.grid(padding=(0, GAP, 0, 0))
    table.add_column(width=key_width, overflow="fold")
    for width in widths:
        table.add_column(width=width, justify="right", no_wrap=True)
    if spark_width:
        table.add_column(width=spark_width, no_wrap=True)
    table.add_row(Text("series", "bold"), *(Text(head, "bold") for head in heads), *([Text("")] if spark_width else []))
    for key, row, cells in zip(keys, rows, numbers, strict=True):
        spark = [Text(sparkline(squeezed(row.recent, spark_width)), "cyan")] if spark_width else []
        table.add_row(Text(key), *map(Text, cells), *spark)
    console.print(heading(answer), table, highlight=False, sep="\n")


def _shared(room: int, longest: int) -> tuple[int, int]:
    """Return how wide keys and sparks may be, which is 0 where there is no room for any."""
    spark = min(SPARK_WIDTH_MAX, room - max(KEY_WIDTH_MIN, min(longest, room - SPARK_WIDTH_MIN)))
    if spark < SPARK_WIDTH_MIN:
        return max(1, min(longest, room)), 0
    return min(longest, room - spark), spark


def _shown(value: float | None, unit: str) -> str:
    return NO_READING if value is None else format_value(value, unit)


def show_charts(console: Console, answer: Result, *, zone: tzinfo | None, height: int) -> None:
    """Print a chart for each unit, and below it which line is which."""
    from rich.text import Text

    units: dict[str, list[HistoryLine]] = {}
    for line in lines_of(answer):
        units.setdefault(line.unit, []).append(line)
    console.print(heading(answer), highlight=False)
    own_zone = zone or local(answer.end_ms).tzinfo
    assert own_zone is not None
    braille = not console.options.ascii_only
    for unit, lines in units.items():
        drawn = lines[:CHART_LINES_MAX]
        rows = draw_chart(
            [line.values for line in drawn],
            answer.times_ms,
            (answer.start_ms, answer.end_ms),
            unit,
            width=console.width,
            height=max(4, min(height, CHART_HEIGHT_MAX)),
            zone=own_zone,
            braille=braille,
        )
        for row in rows:
            text = Text(no_wrap=True, overflow="crop")
            for cell in row:
                text.append(cell.text, None if cell.line is None else COLOURS[cell.line % len(COLOURS)])
            console.print(text, highlight=False)
        for number, line in enumerate(drawn):
            console.print(_legend(line, number, several=len(answer.aggregates) > 1, braille=braille), highlight=False)
        if more := len(lines) - len(drawn):
            console.print(f"and {more} more series, which --top or a narrower pattern would leave out", highlight=False)


def _legend(line: HistoryLine, number: int, *, several: bool, braille: bool) -> Text:
    from rich.text import Text

    from vitalcast.cli.plot import PLAIN

    mark = "━" if braille else PLAIN[number % len(PLAIN)]
    known = line.known
    name = f"{line.key} {line.aggregate}" if several else line.key
    text = Text()
    text.append(f"{mark} ", COLOURS[number % len(COLOURS)])
    text.append(printable(name))
    text.append(f"  {_shown(_least(known), line.unit)} to {_shown(_most(known), line.unit)}", "dim")
    return text


def heading(answer: Result) -> str:
    """Say which time an answer is about, how long its steps are and what they come from."""
    start, end = local(answer.start_ms), local(answer.end_ms)
    last = f"{end:%H:%M:%S}" if start.date() == end.date() else f"{end:%Y-%m-%d %H:%M:%S}"
    kept = " and ".join(dict.fromkeys(TIERS.get(one.tier, one.tier) for one in answer.tiers))
    words = [f"{start:%Y-%m-%d %H:%M:%S} to {last}", f"every {format_duration(answer.step)}"]
    words += [f"from {kept}"] if kept else []
    words += ["percentiles within 2 %"] if answer.approximate else []
    if answer.expired_ms is not None and answer.expired_ms > answer.start_ms:
        words.append(f"nothing is kept from before {local(answer.expired_ms):%Y-%m-%d %H:%M:%S}")
    return " · ".join(words).replace("\u00a0", " ")


def nothing_there(answer: Result, patterns: Sequence[str], where: Sequence[str] = ()) -> str:
    """Say why an answer is empty, and what would help."""
    span = f"{local(answer.start_ms):%Y-%m-%d %H:%M:%S} to {local(answer.end_ms):%Y-%m-%d %H:%M:%S}"
    if answer.expired_ms is not None and answer.expired_ms >= answer.end_ms:
        return f"{span}: nothing is kept from before {local(answer.expired_ms):%Y-%m-%d %H:%M:%S}"
    wanted = ", ".join(map(printable, patterns))
    wanted += f" where {' and '.join(map(printable, where))}" if where else ""
    if answer.series:
        return f"{span}: there are no values of {wanted}; was the server running?"
    return f"{span}: no series match {wanted}; `vitalcast history '>' --since -1m` shows all that there are"
