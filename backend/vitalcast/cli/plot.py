"""A chart in text: lines in dots of Braille, four to a cell's height and two to its width, with axes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from typing import Final, NamedTuple

from vitalcast.core.drawing.axis import Scale, round_scale, ticks_of, time_ticks

CELL_WIDTH: Final = 2
CELL_HEIGHT: Final = 4
BLANK: Final = 0x2800
DOTS: Final = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))  # by column, from the top (Unicode 17.0, 2800-28FF)
PLAIN: Final = "*+ox#%@&"  # where a terminal has no Braille: a mark a line
WIDTH_MIN: Final = 16
LABEL_WIDTH_MAX: Final = 12
TICK_WIDTH: Final = 12  # of the axis of time, so that labels stay apart


class Cell(NamedTuple):
    """One character of a chart, and of which line it is; None for an axis."""

    text: str
    line: int | None = None


Row = list[Cell]


def draw_chart(
    lines: Sequence[Sequence[float | None]],
    times_ms: Sequence[int],
    span_ms: tuple[int, int],
    unit: str,
    *,
    width: int,
    height: int,
    zone: tzinfo,
    braille: bool = True,
) -> list[Row]:
    """Return a chart of lines over their times as rows of cells, no wider than `width` and `height` + 2 rows high.

    Where two lines meet, the cell has the later's colour. A value that is missing leaves a hole.
    """
    known = [value for line in lines for value in line if value is not None]
    scale = round_scale(min(known, default=0.0), max(known, default=0.0), unit, ticks=max(1, height // 3))
    labels = {_down(tick.value, scale, height): tick.text.replace("\u00a0", " ") for tick in ticks_of(scale, unit)}
    margin = min(LABEL_WIDTH_MAX, max(map(len, labels.values()), default=0)) + 2
    columns = max(WIDTH_MIN, width - margin)
    field = _Field(columns, height, braille=braille)
    for number, line in enumerate(lines):
        _trace(field, number, line, times_ms, span_ms, scale)
    rows = [
        [*_label(labels.get(at, ""), margin, "┤" if at in labels else "│", braille=braille), *field.row(at)]
        for at in range(height)
    ]
    return [*rows, *_time_axis(span_ms, columns, margin, zone, braille=braille)]


def _down(value: float, scale: Scale, height: int) -> int:
    """Return how far down of so many places a value is; a scale need not reach to the largest of numbers."""
    part = (scale.high - max(scale.low, min(scale.high, value))) / (scale.high - scale.low)
    return round(part * (height - 1))


class _Field:
    """The dots of a chart, in cells."""

    def __init__(self, columns: int, rows: int, *, braille: bool) -> None:
        self.braille = braille
        self.width = columns * (CELL_WIDTH if braille else 1)
        self.height = rows * (CELL_HEIGHT if braille else 1)
        self._columns = columns
        self._cells: dict[tuple[int, int], tuple[int, int]] = {}  # (column, row) to (dots, line)

    def dot(self, x: int, y: int, line: int) -> None:
        if not self.braille:
            self._cells[x, y] = (0, line)
            return
        at = (x // CELL_WIDTH, y // CELL_HEIGHT)
        dots, _ = self._cells.get(at, (0, line))
        self._cells[at] = (dots | DOTS[x % CELL_WIDTH][y % CELL_HEIGHT], line)

    def row(self, at: int) -> Row:
        return [self._cell(column, at) for column in range(self._columns)]

    def _cell(self, column: int, row: int) -> Cell:
        found = self._cells.get((column, row))
        if found is None:
            return Cell(" ")
        dots, line = found
        return Cell(chr(BLANK + dots) if self.braille else PLAIN[line % len(PLAIN)], line)


def _trace(
    field: _Field,
    number: int,
    line: Sequence[float | None],
    times_ms: Sequence[int],
    span_ms: tuple[int, int],
    scale: Scale,
) -> None:
    """Put a line's dots: those of one column are joined from its least to its greatest, and to the column before."""
    start_ms, length_ms = span_ms[0], max(1, span_ms[1] - span_ms[0])
    before: tuple[int, int] | None = None
    for time_ms, value in zip(times_ms, line, strict=True):
        if value is None:
            before = None
            continue
        x = min(field.width - 1, max(0, int((time_ms - start_ms) / length_ms * field.width)))
        y = _down(value, scale, field.height)
        if before is None:
            field.dot(x, y, number)
        else:
            _join(field, before, (x, y), number)
        before = (x, y)


def _join(field: _Field, first: tuple[int, int], last: tuple[int, int], number: int) -> None:
    steps = max(abs(last[0] - first[0]), abs(last[1] - first[1]), 1)
    for step in range(steps + 1):
        part = step / steps
        x, y = (round(a + (b - a) * part) for a, b in zip(first, last, strict=True))
        field.dot(x, y, number)


def _label(text: str, margin: int, edge: str, *, braille: bool) -> Row:
    return [Cell(f"{text[: margin - 2]:>{margin - 1}}"), Cell(edge if braille else "|")]


def _time_axis(span_ms: tuple[int, int], columns: int, margin: int, zone: tzinfo, *, braille: bool) -> list[Row]:
    line, words = ["─" if braille else "-"] * columns, [" "] * (margin + columns)
    end = 0
    for tick in time_ticks(*span_ms, max(1, columns // TICK_WIDTH), zone):
        at = min(columns - 1, round((tick.value - span_ms[0]) / max(1, span_ms[1] - span_ms[0]) * (columns - 1)))
        start = min(margin + at - len(tick.text) // 2, len(words) - len(tick.text))
        if start < end:
            continue
        line[at] = "┬" if braille else "+"
        words[start : start + len(tick.text)] = tick.text
        end = start + len(tick.text) + 1
    corner = "└" if braille else "+"
    return [[Cell(" " * (margin - 1) + corner + "".join(line))], [Cell("".join(words).rstrip())]]
