"""Live intervals, resumptions and queries say the same mean to the bit, and the same percentiles."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from tests.core.machine import Client, Machine, ask, decode, disk
from tests.core.query.recorded import HandPast, Recorded

from vitalcast.core.metrics.aggregate import Fold, aggregate_runs
from vitalcast.core.metrics.model import Series
from vitalcast.core.metrics.names import Selection
from vitalcast.core.query.ask import ask as ask_past
from vitalcast.core.query.evaluate import evaluate
from vitalcast.core.query.no_past import NoPast
from vitalcast.core.query.query import Query
from vitalcast.core.vocabulary import Aggregate

NAMES = ["avg", "sum", "p50", "p95", "min", "max", "count"]
AGGREGATES = tuple(map(Aggregate, NAMES))
TICKS = 640
DISKS = [disk(name) for name in ("sda", "sdb", "sdc")]


def readings(seed: int) -> np.ndarray:
    """Return values whose sums depend on the order, some of them missing."""
    rng = np.random.default_rng(seed)
    values = np.exp(rng.normal(0, 9, (TICKS, len(DISKS))))
    values[rng.random(values.shape) < 0.1] = math.nan
    return values


def run(machine: Machine, values: np.ndarray, session: Any = None, **fields: Any) -> Client:
    client = Client()
    ack = None
    for row in values:
        told = machine.take(machine.frame(dict(zip(DISKS, row.tolist(), strict=True))))
        if ack is None:
            ack, snapshot = ask(
                session or machine.session(), type="subscribe", stream="s", metrics=["system.disk.io"], **fields
            )
            client.take(snapshot)
        for message in decode(told.get(ack["group"], [])):
            client.take(message)
    return client


@pytest.mark.parametrize("interval", [10, 100, 200])
def test_live_resumed_and_queried_are_the_same_to_the_bit(interval: int) -> None:
    machine = Machine()
    machine.wait(-(machine.time_ms % 300_000))
    live = run(machine, readings(interval), interval=interval, aggregate=NAMES)
    resumed = Client()
    since = {"epoch": "epoch-1", "offset": 2 * interval}
    ack, snapshot = ask(
        machine.session(), type="subscribe", stream="s", metrics=["system.disk.io"], interval=interval,
        aggregate=NAMES, since=since,
    )  # fmt: skip
    resumed.take(snapshot)
    assert ack["recovered"] is True
    query = Query(Selection.of(["system.disk.io"]), 0, 2**42, step_ms=1000 * interval, aggregates=AGGREGATES)
    found = ask_past(machine.timeline, query)(NoPast())
    several = found.values.reshape(len(found.times_ms), len(DISKS), len(NAMES))
    compared = 0
    for place, one in enumerate(DISKS):
        for column in range(len(NAMES)):
            name = f"system.disk.io{one.values[0]}#{column}"
            queried = dict(zip(found.times_ms.tolist(), several[:, place, column].tolist(), strict=True))
            for time, value in resumed.points[name].items():
                assert live.points[name][time] == value == queried[time], (name, time)
                compared += 1
    assert compared == len(DISKS) * len(NAMES) * (TICKS // interval - 2)


@pytest.mark.parametrize("cut", [1, 63, 64, 65, 200])
def test_in_however_many_parts_ticks_come_their_sum_is_one(cut: int) -> None:
    block = np.nan_to_num(readings(7), nan=0.0)
    both = (Aggregate.SUM, Aggregate.AVG)
    whole = aggregate_runs(block, np.zeros(1, dtype=np.intp), both)[0]
    parts = Fold(len(DISKS))
    for start in range(0, TICKS, cut):
        parts.add(block[start : start + cut])
    assert parts.result(both).tolist() == whole.tolist()
    alone = aggregate_runs(np.ascontiguousarray(block[:, :1]), np.zeros(1, dtype=np.intp), both)[0]
    assert alone.tolist() == whole[:2].tolist()

    times = 600_000 * 1000 + 1000 * np.arange(1, TICKS + 1)
    recorded = Recorded((Series(DISKS[0].descriptor, ("sda",)),), times, block[:, :1])
    query = Query(Selection.of([">"]), 0, 2**41, step_ms=3_600_000, aggregates=both)
    found = evaluate(query, HandPast(recorded, written=cut), recorded.ring(cut, query))
    assert found.values.tolist() == [whole[:2].tolist()]


def test_an_interval_that_is_aggregated_from_its_middle_on_has_its_beginning_too() -> None:
    machine = Machine()
    machine.wait(-(machine.time_ms % 300_000))
    session = machine.session()
    values = readings(3)
    run(machine, values[:150], session, interval=300)  # the newest value alone
    ack, _ = ask(session, type="subscribe", stream="t", metrics=["system.disk.io"], interval=300, aggregate=["avg"])
    told: list[Any] = []
    for row in values[150:300]:
        told += machine.take(machine.frame(dict(zip(DISKS, row.tolist(), strict=True)))).get(ack["group"], [])
    [data] = decode(told)
    # The first tick of all ended an interval.
    np.testing.assert_allclose(data["values"], np.nanmean(values[1:300], axis=0), rtol=1e-12)
