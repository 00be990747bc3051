from __future__ import annotations

import csv
import io
import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitalcast.core.metrics.model import Descriptor, Kind, Series
from vitalcast.core.query.csv import CELLS_AT_ONCE, csv_of, csv_text
from vitalcast.core.query.query import Result
from vitalcast.core.query.times import time_of
from vitalcast.core.vocabulary import Aggregate

START_MS = 1_790_000_000_000
IO = Descriptor("system.disk.io", "By", Kind.COUNTER, "", ("system.device",))


def answer(values: list[list[float]], *devices: str, aggregates: tuple[Aggregate, ...] = (Aggregate.AVG,)) -> Result:
    times = START_MS + 1000 * np.arange(len(values), dtype=np.int64)
    block = np.array(values, dtype=np.float64).reshape(len(values), len(devices) * len(aggregates))
    return Result(1000, (), tuple(Series(IO, (one,)) for one in devices), aggregates, times, block)


def read(result: Result) -> list[list[str]]:
    return list(csv.reader(io.StringIO(b"".join(csv_of(result)).decode(), newline="")))


def test_a_row_has_its_time_twice_and_a_value_of_each_series() -> None:
    assert b"".join(csv_of(answer([[0.5, -2], [1e300, math.nan]], "sda", "sdb"))) == (
        b'time,time_ms,"system.disk.io{system.device=""sda""}","system.disk.io{system.device=""sdb""}"\r\n'
        b"2026-09-21T14:13:20.000Z,1790000000000,0.5,-2.0\r\n"
        b"2026-09-21T14:13:21.000Z,1790000001000,1e+300,\r\n"
    )


def test_several_aggregates_are_columns_of_their_own() -> None:
    [head, row] = read(answer([[1, 2, 3, 4]], "a", "b", aggregates=(Aggregate.MIN, Aggregate.MAX)))
    assert head[2:] == [
        'system.disk.io{system.device="a"} min',
        'system.disk.io{system.device="a"} max',
        'system.disk.io{system.device="b"} min',
        'system.disk.io{system.device="b"} max',
    ]
    assert row[2:] == ["1.0", "2.0", "3.0", "4.0"]


def test_no_series_are_times_alone_and_no_times_a_head_alone() -> None:
    assert read(answer([[], []])) == [
        ["time", "time_ms"],
        ["2026-09-21T14:13:20.000Z", str(START_MS)],
        ["2026-09-21T14:13:21.000Z", str(START_MS + 1000)],
    ]
    assert len(read(answer([], "sda"))) == 1


@given(st.lists(st.lists(st.floats(), min_size=2, max_size=2), max_size=20))
def test_every_number_reads_back_and_what_is_none_is_empty(values: list[list[float]]) -> None:
    rows = read(answer(values, "sda", "sdb"))[1:]
    assert [[float(cell) if cell else math.nan for cell in row[2:]] for row in rows] == [
        pytest.approx([value if math.isfinite(value) else math.nan for value in row], rel=0, abs=0, nan_ok=True)
        for row in values
    ]
    assert [time_of(row[0], 0) for row in rows] == [int(row[1]) for row in rows]


def test_a_long_answer_comes_in_bounded_parts() -> None:
    result = answer([[float(at)] * 100 for at in range(1000)], *map(str, range(100)))
    parts = list(csv_of(result))[1:]
    assert len(parts) > 4
    assert all(part.count(b",") < CELLS_AT_ONCE * 1.1 for part in parts)
    assert len(read(result)) == 1001


TROUBLE = st.text(st.sampled_from("=+-@\t\r\n;,|\"'a \uff1d"), max_size=12)


@given(TROUBLE)
def test_no_cell_is_run_by_a_spreadsheet_wherever_it_parts_cells(text: str) -> None:
    cell = csv_text(text)
    [[back]] = list(csv.reader(io.StringIO(cell, newline=""), strict=True)) or [[""]]
    assert back.replace("'", "") == text.replace("'", "")
    for part in re.split(r"[\t\r\n;,|]", back):
        assert part[:1] not in tuple("=+-@\t\r\uff1d\uff0b\uff0d\uff20") or part == ""
    if re.search(r'[\t\r\n;,"]', text):
        assert cell[0] == cell[-1] == '"'


def test_names_that_begin_like_formulas_are_defused_and_numbers_stay_numbers() -> None:
    odd = Descriptor("-cmd:1", "1", Kind.GAUGE, "")
    result = Result(
        1000, (), (Series(odd),), (Aggregate.AVG,), np.array([START_MS], dtype=np.int64), np.array([[-5.0]])
    )
    assert b"".join(csv_of(result)).splitlines()[0] == b"time,time_ms,'-cmd:1"
    assert b"".join(csv_of(result)).splitlines()[1].endswith(b",-5.0")
    assert csv_text("=1+1") == "'=1+1"
    assert csv_text('a;=HYPERLINK("x")') == '"a;\'=HYPERLINK(""x"")"'
