"""What a terminal and a pipe get of an answer about the past, at every width."""

from __future__ import annotations

import io
import math
import re
from typing import Any

import pytest
from rich.console import Console

from vitalcast.cli.history_table import (
    SUMMED,
    heading,
    nothing_there,
    plain_lines,
    show_charts,
    show_table,
    summaries,
)
from vitalcast.client.result import Result, read_result

END_MS = 1_790_000_000_000
STEP_S = 30
STEPS = 40


def answer(modes: int = 3, aggregates: tuple[str, ...] = SUMMED, **fields: Any) -> Result:
    """Return waves of the CPU's modes, with a hole of five steps; in each step are 30 readings of a rising value."""
    series = [
        {"name": "system.cpu.utilization", "unit": "1", "attributes": {"cpu.mode": f"mode{number}"}}
        for number in range(modes)
    ]
    columns = []
    for number in range(modes):
        steps = [0.4 + 0.3 * math.sin(at / 4 + number) for at in range(STEPS)]
        of = {
            "min": [one * 0.5 for one in steps],
            "max": [one * 1.4 for one in steps],
            "sum": [one * 30 for one in steps],
            "count": [30 for _ in steps],
            "avg": steps,
            "last": [one * 1.1 for one in steps],
        }
        columns += [[None if 20 <= at < 25 else value for at, value in enumerate(of[name])] for name in aggregates]
    start = END_MS - STEPS * STEP_S * 1000
    return read_result(
        {
            "start": start,
            "end": END_MS,
            "step": STEP_S,
            "tiers": [
                {"tier": "1m", "start": start, "end": END_MS - 1},
                {"tier": "raw", "start": END_MS - 1, "end": END_MS},
            ],
            "aggregate": list(aggregates),
            "series": series,
            "times": [start + (at + 1) * STEP_S * 1000 for at in range(STEPS)],
            "values": columns,
        }
        | fields
    )


def printed(width: int, found: Result, *, joined: bool = True) -> list[str]:
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    show_table(console, found, summaries(found, joined=joined), joined=joined)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize("width", [20, 40, 60, 80, 100, 160])
def test_a_table_fits_its_terminal(width: int) -> None:
    lines = printed(width, answer())
    assert max(map(len, lines)) <= width
    assert ("▁" in "".join(lines)) == (width >= 80)


@pytest.mark.parametrize(
    ("width", "heads"), [(20, "last"), (40, "max last"), (50, "mean max last"), (60, "min mean max last")]
)
def test_a_narrow_table_leaves_out_columns_and_not_names(width: int, heads: str) -> None:
    lines = printed(width, answer(1))
    head, *rows = lines[next(at for at, line in enumerate(lines) if line.startswith("series")) :]
    assert head.split()[1:] == heads.split()
    values = re.compile(r"\s+[0-9.]+\s%")
    assert len(values.findall(rows[0])) == len(heads.split())
    assert "".join(values.sub("", row).strip() for row in rows) == 'system.cpu.utilization{cpu.mode="mode0"}'


def test_a_row_says_the_least_the_mean_of_all_readings_and_the_greatest() -> None:
    found = answer(1)
    (row,) = summaries(found, joined=True)
    kept = [0.4 + 0.3 * math.sin(at / 4) for at in range(STEPS) if not 20 <= at < 25]
    assert row.low == pytest.approx(min(kept) * 0.5)
    assert row.high == pytest.approx(max(kept) * 1.4)
    assert row.mean == pytest.approx(sum(kept) / len(kept))
    assert row.last == pytest.approx(kept[-1] * 1.1)
    (line,) = plain_lines([row])
    assert line.split("\t")[:2] == ['system.cpu.utilization{cpu.mode="mode0"}', "1"]
    assert [float(one) for one in line.split("\t")[2:]] == pytest.approx([row.low, row.mean, row.high, row.last])


def test_the_mean_is_of_readings_and_not_of_steps() -> None:
    steps = {"min": [1, 2], "max": [1, 2], "sum": [1, 6], "count": [1, 3], "avg": [1, 2], "last": [1, 2]}
    found = read_result(
        {
            "start": 0,
            "end": 20_000,
            "step": 10,
            "tiers": [],
            "aggregate": list(SUMMED),
            "series": [{"name": "a", "unit": "s"}],
            "times": [10_000, 20_000],
            "values": [steps[name] for name in SUMMED],
        }
    )
    assert summaries(found, joined=True)[0].mean == 7 / 4


def test_each_aggregate_that_is_asked_for_has_a_row() -> None:
    found = answer(1, ("max", "count"))
    rows = summaries(found, joined=False)
    key = 'system.cpu.utilization{cpu.mode="mode0"}'
    assert [(row.key, row.unit) for row in rows] == [(f"{key} max", "1"), (f"{key} count", "")]
    lines = printed(120, found, joined=False)
    assert lines[1].split() == ["series", "lowest", "mean", "highest", "last"]
    assert lines[3].split()[-2] == "30" or "30" in lines[3]


def test_the_heading_says_time_step_and_source() -> None:
    words = heading(answer(approximate=True, expired=END_MS - 1000))
    assert "every 30 s · from steps of 1 min and ticks · percentiles within 2 % · nothing is kept from before" in words


@pytest.mark.parametrize("plain", [False, True])
def test_charts_are_one_a_unit_with_a_legend(plain: bool) -> None:
    found = answer(10, ("avg", "count"))
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii" if plain else "utf-8", errors="replace")
    console = Console(file=out, width=80, height=24, force_terminal=True, color_system=None)
    show_charts(console, found, zone=None, height=10)
    out.flush()
    assert isinstance(out.buffer, io.BytesIO)
    text = out.buffer.getvalue().decode(out.encoding)
    assert max(map(len, text.splitlines())) <= 80
    assert text.count("and 2 more series") == 2
    assert text.count('mode7"} avg') == 1
    assert any("⠀" < char < "⣿" for char in text) != plain


def test_an_empty_answer_says_why() -> None:
    empty = answer(0)
    assert "no series match a.>;" in nothing_there(empty, ["a.>"])
    assert "no series match a.> where b=c;" in nothing_there(empty, ["a.>"], ["b=c"])
    expired = answer(0, expired=END_MS + 1000)
    assert "nothing is kept from before" in nothing_there(expired, ["a.>"])
    silent = answer(1, values=[[None] * STEPS] * len(SUMMED))
    assert "there are no values of a.>; was the server running?" in nothing_there(silent, ["a.>"])
