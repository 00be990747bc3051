"""Where what was followed goes: lines of JSON for programs, a table that stays in place for people."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from vitalcast.tail.feed import Column, Gap, Tick

if TYPE_CHECKING:
    from rich.console import Console, Group

LIVE = "live"  # the status while a connection stands
SPARK_POINTS = 24
SPARKS = "▁▂▃▄▅▆▇█"


class Sink(Protocol):
    """Where the events go."""

    def tick(self, tick: Tick) -> None: ...

    def gap(self, gap: Gap) -> None: ...

    def status(self, text: str) -> None:
        """Take news about the connection."""

    def idle(self) -> None:
        """Be told that nothing came for a while."""


class JsonLines:
    """Writes one JSON object a line: a tick or a gap. News about the connection go to `errors`."""

    def __init__(self, out: TextIO, errors: TextIO) -> None:
        self._out = out
        self._errors = errors

    def tick(self, tick: Tick) -> None:
        metrics = {column.key: value for column, value in zip(tick.columns, tick.values, strict=True)}
        self._write({"time": tick.time_ms, "offset": tick.offset, "metrics": metrics})

    def gap(self, gap: Gap) -> None:
        self._write({"gap": {"from": gap.first, "to": gap.last, "why": gap.why}})

    def status(self, text: str) -> None:
        if text != LIVE:
            self._errors.write(f"vitalcast: {text}\n")
            self._errors.flush()

    def idle(self) -> None:
        pass

    def _write(self, value: dict[str, Any]) -> None:
        self._out.write(json.dumps(value, separators=(",", ":")) + "\n")
        self._out.flush()


@dataclass(slots=True)
class _Row:
    column: Column
    value: float | None = None
    recent: deque[float | None] = field(default_factory=lambda: deque(maxlen=SPARK_POINTS))


class LiveTable:
    """Draws the newest readings as a table that stays in place in a terminal. Use it as a context."""

    def __init__(
        self,
        console: Console,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        from rich.live import Live

        self._monotonic = monotonic
        self._rows: dict[str, _Row] = {}
        self._status = "connecting"
        self._seen_s: float | None = None
        self._tick_ms = 0
        self._spacing_s = 1.0
        self._missed = 0
        self._gap = ""
        self._live = Live(self.picture(), console=console, auto_refresh=False)

    def __enter__(self) -> LiveTable:
        self._live.__enter__()
        return self

    def __exit__(self, *exception: Any) -> None:
        self._live.__exit__(*exception)

    def tick(self, tick: Tick) -> None:
        self._seen_s = self._monotonic()
        if tick.time_ms > self._tick_ms > 0:
            self._spacing_s = (tick.time_ms - self._tick_ms) / 1000
        self._tick_ms = tick.time_ms
        rows = {}
        for column, value in zip(tick.columns, tick.values, strict=True):
            row = rows[column.key] = self._rows.get(column.key) or _Row(column)
            row.value = value
            row.recent.append(value)
        self._rows = rows
        if tick.offset is not None:  # the older ticks of a snapshot come all at once: draw after the last
            self._draw()

    def gap(self, gap: Gap) -> None:
        if gap.first is not None and gap.last is not None:
            self._missed += gap.last - gap.first + 1
        self._gap = gap.why
        self._draw()

    def status(self, text: str) -> None:
        self._status = text
        self._draw()

    def idle(self) -> None:
        self._draw()

    def picture(self) -> Group:
        """Return what is drawn: the table, and a line on how fresh it is."""
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        age_s = None if self._seen_s is None else self._monotonic() - self._seen_s
        # As on the page: two readings and a half are missing, and a second for the way.
        stale = self._status == LIVE and age_s is not None and age_s > 2.5 * self._spacing_s + 1
        age = "no data yet" if age_s is None else f"{age_s:.1f} s old"
        parts = ["stale: the server is silent" if stale else self._status, age]
        if self._gap:
            parts.append(f"{self._missed} ticks not delivered, last cause: {self._gap}")
        table = Table()
        table.add_column("series", overflow="fold")
        table.add_column("value", justify="right", no_wrap=True)
        table.add_column("recent", no_wrap=True, min_width=SPARK_POINTS)
        for key, row in self._rows.items():
            table.add_row(Text(key), format_value(row.value, row.column), sparkline(row.recent))
        return Group(table, Text(" · ".join(parts)))

    def _draw(self) -> None:
        self._live.update(self.picture(), refresh=True)


def format_value(value: float | None, column: Column) -> str:
    """Return a reading for human eyes: `31.0 %`, `1.5 GiB/s`, `–` for none."""
    if value is None:
        return "–"
    if column.unit == "1" and column.name.endswith("utilization"):
        return f"{value * 100:.1f} %"
    unit, _, per = column.unit.partition("/")
    tail = f"/{per}" if per else ""
    if unit == "By":
        for prefix in ("", "Ki", "Mi", "Gi", "Ti"):
            if abs(value) < 1024 or prefix == "Ti":
                return f"{value:.{1 if prefix else 0}f} {prefix}B{tail}"
            value /= 1024
    text = f"{value:,.0f}" if value == int(value) or abs(value) >= 1000 else f"{value:.3g}"
    symbol = {"1": "", "Cel": "°C"}.get(unit, "" if unit.startswith("{") else unit)
    return f"{text} {symbol}{tail}".strip() if symbol or not tail else f"{text}{tail}"


def sparkline(values: deque[float | None]) -> str:
    """Draw the readings as blocks between their least and their greatest; a space where there was none."""
    known = [value for value in values if value is not None]
    if not known:
        return ""
    low, span = min(known), max(known) - min(known)
    top = len(SPARKS) - 1
    return "".join(
        " " if value is None else SPARKS[round((value - low) / span * top) if span > 0 else 0] for value in values
    )
