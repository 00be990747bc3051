"""A table that stays in place, for people: fits its terminal whatever its size, its status always in view."""

from __future__ import annotations

import math
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, NoReturn

from vitalcast.client.ticks import Gap, Series, Tick
from vitalcast.core.text import printable

if TYPE_CHECKING:
    from rich.console import Console, Group
    from rich.text import Text

SPARK_POINTS = 24
SPARKS = "▁▂▃▄▅▆▇█"
VALUE_WIDTH_MAX = 20
KEY_WIDTH_MIN = 32  # beside sparks
KEY_LINES_MAX = 4
# A terminal that is less wide or less high has no room for frames and headings.
FRAMED_WIDTH_MIN = 72
FRAMED_HEIGHT_MIN = 12
FRAME_WIDTH = 10
FRAME_HEIGHT = 4
EXACT_BELOW = 1e15
# Why ticks are missing, by a gap's reason.
CAUSES = {
    "slow": "this terminal was too slow to take them",
    "sampler": "the server's machine was busy",
    "expired": "the server no longer had them",
}


@dataclass(slots=True)
class _Row:
    series: Series
    value: float | None = None
    recent: deque[float | None] = field(default_factory=lambda: deque(maxlen=SPARK_POINTS))


class LiveTable:
    """Draws the newest tick of each series over and over, below it how fresh it is. A context manager.

    `size` returns the terminal's columns and lines, and None where it does not know; they may change at any time.
    """

    def __init__(
        self,
        console: Console,
        *,
        size: Callable[[], tuple[int, int] | None] = lambda: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        from rich.live import Live

        self._console = console
        self._size = size
        self._monotonic = monotonic
        self._rows: dict[str, _Row] = {}
        self._status = "connecting"
        self._seen_s: float | None = None
        self._missed = 0
        self._gap = ""
        self._drawing = self._resized = False
        self._restore = ExitStack()
        # On the other screen, for what is drawn over an earlier picture must know where that ended, and a terminal
        # that was made narrower has wrapped it.
        self._live = Live(self.picture(), console=console, auto_refresh=False, screen=True)

    def __enter__(self) -> LiveTable:
        self._live.__enter__()
        self._restore.enter_context(_on_signal("SIGWINCH", self._draw))
        # Who is told to end gives the terminal its own screen back.
        self._restore.enter_context(_on_signal("SIGTERM", _leave))
        self._draw()
        return self

    def __exit__(self, *exception: Any) -> None:
        self._restore.close()
        self._live.__exit__(*exception)
        if self._rows:
            self._console.print(self.picture())

    def tick(self, tick: Tick) -> None:
        self._seen_s = self._monotonic()
        rows = {}
        for one in tick.series:
            row = rows[one.key] = self._rows.get(one.key) or _Row(one)
            row.value = tick[one.key]
            row.recent.append(row.value)
        self._rows = rows
        if tick.offset is not None:  # the older ticks of a snapshot come all at once: draw after the last
            self._draw()

    def gap(self, gap: Gap) -> None:
        if gap.first is not None and gap.last is not None:
            self._missed += max(0, gap.last - gap.first + 1)
        self._gap = gap.why
        self._draw()

    def status(self, text: str) -> None:
        self._status = text
        self._draw()

    def idle(self) -> None:
        self._draw()

    def picture(self) -> Group:
        """Return what is drawn: as many rows as there is room for, and below them how things stand."""
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        width, height = self._console.size
        status = self._folded(" · ".join(self._words()), width, self._status_lines_max(width, height))
        framed = width >= FRAMED_WIDTH_MIN and height >= FRAMED_HEIGHT_MIN
        room = height - len(status) - (FRAME_HEIGHT if framed else 0)
        # No more than these can have room.
        rows = list(islice(self._rows.items(), max(room, 0)))
        values = [printable(format_value(row.value, row.series)) for _, row in rows]
        key_width, value_width, sparks = _widths(width - (FRAME_WIDTH if framed else 2), values)

        table = Table() if framed else Table.grid(padding=(0, 1))
        table.add_column("series", width=key_width)
        table.add_column("value", width=value_width, justify="right", no_wrap=True)
        if sparks:
            table.add_column("recent", width=SPARK_POINTS, no_wrap=True)
        shown = 0
        for (key, row), value in zip(rows, values, strict=True):
            last = shown + 1 == len(self._rows)
            lines_max = room - (0 if last else 1)
            lines = self._folded(printable(key), key_width, KEY_LINES_MAX if shown else min(KEY_LINES_MAX, lines_max))
            if not 0 < len(lines) <= lines_max:
                break
            table.add_row(Text("\n").join(lines), Text(value), *([sparkline(row.recent)] if sparks else []))
            room -= len(lines)
            shown += 1
        more = len(self._rows) - shown
        rest = [Text(f"… {more} more", no_wrap=True, overflow="ellipsis")] if more and room > 0 else []
        return Group(*([table] if shown or framed else []), *rest, *status)

    def _folded(self, words: str, width: int, lines_max: int) -> list[Text]:
        """Return a text in so many lines at most, with an ellipsis at its end where there is more of it."""
        from rich.text import Text

        most = max(width * lines_max + 1, 0)  # what cannot fit is not looked at, however long it is
        lines = list(Text(words[:most]).wrap(self._console, width, overflow="fold"))
        kept = lines[: max(lines_max, 0)]
        if kept and (len(lines) > len(kept) or len(words) > most):
            kept[-1].truncate(width - 1)
            kept[-1].append("…")
        return kept

    def _status_lines_max(self, width: int, height: int) -> int:
        """Return how many lines the status may take: what was missed gives way to rows, and all of it to the first."""
        if not self._rows:
            return height
        standing, age, *_ = self._words()
        needed = len(self._folded(f"{standing} · {age}", width, height))
        return max(1, min(height - 2, max(needed, height // 2)))

    def _words(self) -> list[str]:
        """Return how things stand, how old the newest values are, and what was missed, if anything was."""
        age = "no data yet" if self._seen_s is None else f"{self._monotonic() - self._seen_s:.1f} s old"
        parts = [printable(self._status), age]
        if self._gap:
            parts.append(f"{self._missed} ticks not delivered: {printable(CAUSES.get(self._gap, self._gap))}")
        return parts

    def _draw(self) -> None:
        # The terminal may change its size in the midst of it.
        if self._drawing:
            self._resized = True
            return
        self._drawing = self._resized = True
        try:
            while self._resized:
                self._resized = False
                if (size := self._size()) is not None:
                    self._console.size = size
                self._live.update(self.picture(), refresh=True)
        finally:
            self._drawing = False


def terminal_size(descriptor: int) -> tuple[int, int] | None:
    """Return a terminal's columns and lines; None where it does not tell, as one that nobody looks at."""
    try:
        columns, lines = os.get_terminal_size(descriptor)
    except OSError:
        return None
    return (columns, lines) if columns > 0 and lines > 0 else None


@contextmanager
def _on_signal(name: str, act: Callable[[], None]) -> Iterator[None]:
    """Have something done at a signal, where there is one of that name and this is the thread that gets it."""
    number = getattr(signal, name, None)
    if number is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(number, lambda *_: act())
    try:
        yield
    finally:
        signal.signal(number, before)


def _leave() -> NoReturn:
    raise SystemExit(128 + signal.SIGTERM)


def _widths(width: int, values: list[str]) -> tuple[int, int, bool]:
    """Return how wide a key and a value may be, and whether there is room for sparks beside them."""
    from rich.cells import cell_len

    value_width = min(VALUE_WIDTH_MAX, max(map(cell_len, values), default=1), max(1, width * 2 // 3))
    sparks = width - value_width - SPARK_POINTS >= KEY_WIDTH_MIN
    return max(1, width - value_width - (SPARK_POINTS if sparks else 0)), value_width, sparks


def format_value(value: float | None, series: Series) -> str:
    """Return a reading for human eyes: `31.0 %`, `1.5 GiB/s`, `–` for none."""
    if value is None or not math.isfinite(value):
        return "–"
    value = float(value)
    if series.unit == "1" and series.name.endswith("utilization"):
        return f"{value * 100:.1f} %" if abs(value) < EXACT_BELOW else f"{value:.3g} × 100 %"
    unit, _, per = series.unit.partition("/")
    tail = f"/{per}" if per else ""
    if unit == "By":
        for prefix in ("", "Ki", "Mi", "Gi", "Ti"):
            if abs(value) < 1024 or prefix == "Ti":
                digits = f"{value:.{1 if prefix else 0}f}" if abs(value) < EXACT_BELOW else f"{value:.3g}"
                return f"{digits} {prefix}B{tail}"
            value /= 1024
    whole = abs(value) < EXACT_BELOW and (value.is_integer() or abs(value) >= 1000)
    text = f"{value:,.0f}" if whole else f"{value:.3g}"
    symbol = {"1": "", "Cel": "°C"}.get(unit, "" if unit.startswith("{") else unit)
    return f"{text} {symbol}{tail}".strip() if symbol or not tail else f"{text}{tail}"


def sparkline(values: Iterable[float | None]) -> str:
    """Draw the readings as blocks between their least and their greatest; a space where there was none."""
    values = [value if value is not None and math.isfinite(value) else None for value in values]
    known = [value for value in values if value is not None]
    if not known:
        return ""
    low = min(known) / 2  # half of each, for the span of the two largest numbers is none
    span = max(known) / 2 - low
    top = len(SPARKS) - 1
    return "".join(
        " " if value is None else SPARKS[round((value / 2 - low) / span * top) if span > 0 else 0] for value in values
    )
