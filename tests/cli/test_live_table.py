from __future__ import annotations

import io
import math
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from vitalcast.cli.live_table import LiveTable, format_value, sparkline
from vitalcast.client.follow import LIVE
from vitalcast.client.ticks import Columns, Gap, Series, Tick

LOAD = (('system.load.average{system.load.window="1m"}', "system.load.average", "{thread}"),)


class Clock:
    """A clock that a test sets, in seconds."""

    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def ticked(
    time_ms: int, offset: int | None, columns: Sequence[tuple[str, str, str]], values: Sequence[float | None]
) -> Tick:
    """Return a tick of columns, each with its key, name and unit."""
    series = [Series(*one, {}) for one in columns]
    return Tick(time_ms, offset, Columns(series), [math.nan if one is None else one for one in values])


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
        table.tick(ticked(1_000_000 + offset * interval_ms, offset, LOAD, (0.5,)))


def test_the_age_of_readings_is_told_by_when_they_came(table: LiveTable, clock: Clock) -> None:
    table.status(LIVE)
    for time_ms in (1_000_000, 9_000_000, 5):
        table.tick(ticked(time_ms, 1, LOAD, (0.5,)))
        clock.now_s += 3
        assert "live · 3.0 s old" in words(table)


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
    assert "10 ticks not delivered: this terminal was too slow to take them" in words(table)


def test_what_was_not_delivered_leaves_room_for_a_row(clock: Clock) -> None:
    console = Console(file=io.StringIO(), width=20, height=5)
    table = LiveTable(console, monotonic=clock)
    table.gap(Gap(1, 5000, "expired"))
    table.status("live")
    table.tick(ticked(0, 1, LOAD, (1.0,)))
    with console.capture() as capture:
        console.print(table.picture())
    lines = capture.get().splitlines()
    assert "load" in lines[0]
    assert any(line.startswith("live") for line in lines)
    assert lines[-1].rstrip().endswith("…")
    assert len(lines) <= 5


def test_a_row_has_its_reading_and_its_recent_past(table: LiveTable) -> None:
    for offset, value in enumerate((0.0, 1.0, None, 2.0)):
        table.tick(ticked(1_000_000 + offset * 1000, offset, LOAD, (value,)))
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
        (1e300, "x", "Hz", "1e+300 Hz"),
        (10**300, "x", "By", "9.09e+287 TiB"),
        (1e300, "system.cpu.utilization", "1", "1e+300 × 100 %"),
        (float("nan"), "x", "By", "–"),
        (float("inf"), "x", "1", "–"),
    ],
)
def test_values_are_shown_in_their_unit(value: float | None, name: str, unit: str, expected: str) -> None:
    assert format_value(value, Series(name, name, unit, {})) == expected


def test_a_sparkline_spans_least_to_greatest() -> None:
    assert sparkline(deque([0, 0.5, 1])) == "▁▅█"
    assert sparkline(deque([None, 2, None, 2])) == " ▁ ▁"
    assert sparkline(deque([None])) == ""
    assert sparkline(deque([-1.7e308, 0, 1.7e308])) == "▁▅█"


HOSTILE = "\x1b[2J\x1b]0;pwned\x07\u202e\r\n"


def test_what_a_server_says_moves_no_cursor(table: LiveTable) -> None:
    table.tick(ticked(0, None, ((HOSTILE, HOSTILE, HOSTILE),), (1.0,)))
    table.status(HOSTILE)
    table.gap(Gap(1, 2, HOSTILE))
    shown = words(table)
    assert not {"\x1b", "\x07", "\r", "\u202e"} & set(shown)
    assert shown.count(r"\x1b[2J") >= 3


@pytest.mark.parametrize("size", [(120, 24), (80, 24), (80, 10), (40, 8), (20, 6), (20, 24), (3, 2), (1, 1), (200, 60)])
@pytest.mark.parametrize("count", [0, 1, 6, 50, 5000])
def test_a_picture_keeps_to_its_terminal(clock: Clock, size: tuple[int, int], count: int) -> None:
    """As many rows as there is room for, how many more there are, and the status in full where it can be."""
    width, height = size
    console = Console(file=io.StringIO(), width=width, height=height)
    table = LiveTable(console, monotonic=clock)
    columns = tuple((f'system.cpu.utilization{{cpu.logical_number="{i}",n="日本"}}', "x", "By/s") for i in range(count))
    table.tick(ticked(0, None, columns, (123456.0,) * count))
    table.status("connection closed with 4001 shutdown; trying again in 0.7 s")
    with console.capture() as capture:
        console.print(table.picture())
    lines = capture.get().splitlines()
    assert len(lines) <= height
    assert all(cell_len(line) <= width for line in lines)
    shown = sum("KiB" in line for line in lines)
    if width >= 20:
        assert "shutdown;tryingagainin0.7s·0.0sold" in "".join(lines).replace(" ", "")
        assert (f"… {count - shown} more" in [line.strip() for line in lines]) == (shown < count)
    if width >= 20 and count:
        assert shown >= (1 if height <= 8 or count == 1 else 2)


numbers = st.one_of(
    st.none(), st.floats(), st.integers(), st.sampled_from([1e308, -1e308, 5e-324, 10**300, -(10**308), 2**63])
)


@given(
    st.lists(st.tuples(st.text(), st.text(), st.sampled_from(["By", "By/s", "1", "Cel", "{x}", "\x1b"])), max_size=8),
    st.data(),
    st.tuples(st.integers(1, 130), st.integers(1, 30)),
)
@settings(max_examples=40)
def test_whatever_is_shown_keeps_to_its_terminal(
    columns: list[tuple[str, str, str]], data: st.DataObject, size: tuple[int, int]
) -> None:
    console = Console(file=io.StringIO(), width=size[0], height=size[1])
    table = LiveTable(console)
    for offset in range(2):
        values = data.draw(st.lists(numbers, min_size=len(columns), max_size=len(columns)))
        table.tick(ticked(offset, None, columns, values))
    table.status(data.draw(st.text()))
    with console.capture() as capture:
        console.print(table.picture())
    lines = capture.get().split("\n")[:-1]
    assert len(lines) <= size[1]
    assert all(cell_len(line) <= size[0] for line in lines)


def test_the_name_of_a_series_is_no_markup(table: LiveTable) -> None:
    table.tick(ticked(0, None, (("m[/]", "m", "1"),), (1.0,)))
    assert "m[/]" in words(table)
