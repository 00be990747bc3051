"""What every collector and every table promises, tried on the real machine through each of its sources."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

import pytest
from tests.collectors.support import PSUTIL

from vitalcast.collectors.base import Collector, Table, TableQuery
from vitalcast.collectors.registry import CATALOGUE, default_collectors, default_tables, descriptors_with_rates
from vitalcast.collectors.runtime_stats import RuntimeStats
from vitalcast.core.metrics.model import Descriptor, Kind
from vitalcast.machine import HERE

NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)*")
KEY = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*")
SOURCES = {"default": HERE, "psutil": PSUTIL}
HERE = [
    pytest.param((source, collector.name), id=f"{collector.name}-{source}")
    for source, roots in SOURCES.items()
    for collector in default_collectors(stats=RuntimeStats(), roots=roots)
]


@pytest.fixture(params=HERE)
def collector(request: pytest.FixtureRequest) -> Collector:
    source, name = request.param
    stats = RuntimeStats(collector_duration_s={"cpu": 0.001}, collector_success={"cpu": 1})
    others = CATALOGUE.keys() - {name}
    (only,) = default_collectors(stats=stats, disabled=others, roots=SOURCES[source])
    return only


@pytest.fixture(params=[(source, shown) for source in SOURCES for shown in (False, True)], ids=str)
def table(request: pytest.FixtureRequest) -> Iterator[Table]:
    source, shown = request.param
    tables = default_tables(roots=SOURCES[source], command_line=shown)
    assert list(tables) == ["processes"]
    yield from tables.values()


def test_descriptors_are_valid(collector: Collector) -> None:
    assert collector.descriptors
    for descriptor in descriptors_with_rates([collector]):
        assert NAME.fullmatch(descriptor.name)
        assert descriptor.unit.strip()
        assert descriptor.kind in Kind
        assert descriptor.description.endswith(".")
        assert len(set(descriptor.attributes)) == len(descriptor.attributes)
        for attribute in descriptor.attributes:
            assert KEY.fullmatch(attribute)
            assert attribute not in descriptor.name


def test_every_sample_is_declared(collector: Collector) -> None:
    samples = collector.collect(1.0)
    assert samples
    declared = {id(descriptor) for descriptor in collector.descriptors}
    assert {id(sample.series.descriptor) for sample in samples} <= declared


def test_attribute_values_are_texts(collector: Collector) -> None:
    for series, _ in collector.collect(1.0):
        assert all(isinstance(value, str) and value for value in series.values)


def test_no_series_comes_twice(collector: Collector) -> None:
    keys = [sample.series.key for sample in collector.collect(1.0)]
    assert len(keys) == len(set(keys))


def test_series_are_kept_from_one_reading_to_the_next(collector: Collector) -> None:
    first = {sample.series.key: sample.series for sample in collector.collect(1.0)}
    again = {sample.series.key: sample.series for sample in collector.collect(2.0)}
    assert first.keys() & again.keys()
    for key in first.keys() & again.keys():
        assert first[key] is again[key]


def test_counters_never_go_backwards(collector: Collector) -> None:
    first = {sample.series.key: sample.value for sample in collector.collect(1.0)}
    for series, value in collector.collect(2.0):
        if series.descriptor.kind is Kind.COUNTER:
            assert value >= first.get(series.key, 0) >= 0


def test_values_are_finite_and_shares_lie_within_0_and_1(collector: Collector) -> None:
    def is_plausible(descriptor: Descriptor, value: float) -> bool:
        return math.isnan(value) or (0 <= value <= 1 if descriptor.unit == "1" else math.isfinite(value))

    for now_s in (1.0, 2.0):
        for series, value in collector.collect(now_s):
            assert is_plausible(series.descriptor, value), f"{series.key} is {value}"


def test_the_cadence_and_the_deadline_are_sensible(collector: Collector) -> None:
    assert collector.cadence_s is None or collector.cadence_s >= 1
    assert 0 < collector.deadline_s <= 5


def test_names_are_of_one_collector_only() -> None:
    names = [d.name for d in descriptors_with_rates(default_collectors(stats=RuntimeStats()))]
    assert len(names) == len(set(names))


def test_the_columns_of_a_table_are_valid(table: Table) -> None:
    names = [column.name for column in table.columns]
    assert len(names) == len(set(names))
    assert all(column.description for column in table.columns)


def test_a_table_can_be_sorted_by_every_column(table: Table) -> None:
    queries = [TableQuery(column.name, 1000) for column in table.columns]
    table.read(queries, 1.0)
    answers = table.read(queries, 2.0)
    for index, (column, answer) in enumerate(zip(table.columns, answers, strict=True)):
        assert answer.rows
        cells = [row[index] for row in answer.rows]
        known: list[Any] = [cell for cell in cells if cell is not None]
        assert cells[: len(known)] == known  # None comes last
        assert all(isinstance(cell, int | float if column.unit else str) for cell in known)
        assert known == sorted(known, reverse=bool(column.unit))


def test_a_table_has_a_key_a_row_and_says_what_it_costs(table: Table) -> None:
    [answer] = table.read([TableQuery(table.columns[0].name, 1000)], 1.0)
    keys = [row[0] for row in answer.rows]
    assert len(keys) == len(set(keys))
    assert all(isinstance(key, int if table.columns[0].unit else str) for key in keys)
    assert 0.1 <= table.interval_min_s <= 60


def test_a_table_gives_the_rows_of_the_keys_asked_for_and_none_of_others(table: Table) -> None:
    sort = table.columns[0].name
    [answer] = table.read([TableQuery(sort, 3)], 1.0)
    wanted = frozenset(row[0] for row in answer.rows if isinstance(row[0], int | str))
    unknown = frozenset({2**52} if table.columns[0].unit else {"no such key"})
    some, none = table.read([TableQuery(sort, 10, keys=wanted | unknown), TableQuery(sort, 10, keys=unknown)], 2.0)
    assert {row[0] for row in some.rows} <= wanted  # some may have ended since
    assert some.rows
    assert (none.rows, none.matches) == ([], 0)


def test_a_table_gives_as_many_rows_as_asked_for_and_answers_in_order(table: Table) -> None:
    sort = table.columns[0].name
    answers = table.read([TableQuery(sort, 3), TableQuery(sort, 1), TableQuery(sort, 0)], 1.0)
    three, one, none = (answer.rows for answer in answers)
    assert (len(three), len(one), len(none)) == (3, 1, 0)
    assert three[0] == one[0]
    assert all(len(row) == len(table.columns) for row in three)
    assert all(answer.matches == answer.total >= 3 for answer in answers)
