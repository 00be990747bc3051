from __future__ import annotations

import io
from collections import deque
from collections.abc import Iterator
from itertools import count

import pytest
from rich.console import Console

from vitalcast.tail.feed import Column, Gap, Tick
from vitalcast.tail.sinks import LIVE, LiveTable, format_value, sparkline

LOAD = (Column('system.load.average{system.load.window="1m"}', "system.load.average", "{thread}"),)


class Clock:
    """A clock that a test sets, in seconds."""

    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def table(clock: Clock) -> Iterator[LiveTable]:
    with LiveTable(Console(file=io.StringIO(), width=100), monotonic=clock) as table:
        yield table


def words(table: LiveTable) -> str:
    console = Console(file=io.StringIO(), width=200, record=True)
    console.print(table.picture())
    return console.export_text()


def tick_every(table: LiveTable, interval_ms: int, times: int = 3) -> None:
    for offset in range(times):
        table.tick(Tick(1_000_000 + offset * interval_ms, offset, LOAD, (0.5,)))


@pytest.mark.parametrize(
    ("interval_ms", "still_live_s", "stale_s"), [(1000, 3.4, 3.6), (100, 1.2, 1.3), (10_000, 25.0, 26.1)]
)
def test_a_silent_server_is_not_called_live(
    table: LiveTable, clock: Clock, interval_ms: int, still_live_s: float, stale_s: float
) -> None:
    table.status(LIVE)
    tick_every(table, interval_ms)
    clock.now_s += still_live_s
    assert "live" in words(table)
    clock.now_s += stale_s - still_live_s
    assert "live" not in words(table)
    assert f"stale: the server is silent · {stale_s:.1f} s old" in words(table)
    table.tick(Tick(2_000_000, 9, LOAD, (0.5,)))
    assert "live · 0.0 s old" in words(table)


def test_a_lost_connection_is_told_as_such_however_old_the_readings_are(table: LiveTable, clock: Clock) -> None:
    tick_every(table, 1000)
    table.status("connection lost; trying again in 2.0 s")
    clock.now_s += 60
    assert "connection lost; trying again in 2.0 s · 60.0 s old" in words(table)
    assert "stale" not in words(table)


def test_what_was_not_delivered_is_counted(table: LiveTable) -> None:
    offsets = count(10, 10)
    for _ in range(2):
        first = next(offsets)
        table.gap(Gap(first, first + 4, "slow"))
    assert "10 ticks not delivered, last cause: slow" in words(table)


def test_a_row_has_its_reading_and_its_recent_past(table: LiveTable) -> None:
    for offset, value in enumerate((0.0, 1.0, None, 2.0)):
        table.tick(Tick(1_000_000 + offset * 1000, offset, LOAD, (value,)))
    shown = words(table)
    assert "▁▅ █" in shown or "▁▄ █" in shown
    assert " 2 " in shown


@pytest.mark.parametrize(
    ("value", "name", "unit", "expected"),
    [
        (None, "x", "By", "–"),
        (0.314, "system.cpu.utilization", "1", "31.4 %"),
        (3.0, "x.ratio", "1", "3"),
        (0, "x", "By", "0 B"),
        (1536, "x", "By", "1.5 KiB"),
        (3 * 2**30, "x", "By", "3.0 GiB"),
        (5 * 2**50, "x", "By", "5120.0 TiB"),
        (2048, "x", "By/s", "2.0 KiB/s"),
        (12, "x", "{operation}/s", "12/s"),
        (1.25, "x", "{thread}", "1.25"),
        (123456, "x", "{thread}", "123,456"),
        (41.5, "x", "Cel", "41.5 °C"),
        (0.0125, "x", "s", "0.0125 s"),
        (2_400_000_000, "x", "Hz", "2,400,000,000 Hz"),
    ],
)
def test_values_are_shown_in_their_unit(value: float | None, name: str, unit: str, expected: str) -> None:
    assert format_value(value, Column(name, name, unit)) == expected


def test_a_sparkline_spans_least_to_greatest() -> None:
    assert sparkline(deque([0, 0.5, 1])) == "▁▅█"
    assert sparkline(deque([None, 2, None, 2])) == " ▁ ▁"
    assert sparkline(deque([None])) == ""


def test_the_name_of_a_series_is_no_markup(table: LiveTable) -> None:
    table.tick(Tick(0, None, (Column("m[/]", "m", "1"),), (1.0,)))
    assert "m[/]" in words(table)
