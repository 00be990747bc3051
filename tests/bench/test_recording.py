"""A continued recording is like the recording: as hard to pack, never the same again, and true to itself."""

from __future__ import annotations

import numpy as np
import pytest
from tests.bench.recording import Continued, Recording

from vitalcast.core.metrics.model import Kind
from vitalcast.core.metrics.precision import ERROR
from vitalcast.history.blocks import pack_values


@pytest.fixture(scope="module")
def recording() -> Recording:
    return Recording.load()


def test_it_takes_as_many_bytes_as_what_was_recorded(recording: Recording) -> None:
    ticks = len(recording.values)
    continued = Continued(recording).rows(ticks)
    recorded, made = (sum(map(len, pack_values(values))) for values in (recording.values, continued))
    assert made == pytest.approx(recorded, rel=0.05)


def test_counters_grow_on_and_rates_are_their_growth(recording: Recording) -> None:
    continued = Continued(recording)
    rows = np.concatenate([continued.rows(100), continued.rows(100)])
    places = {one.key: column for column, one in enumerate(recording.series)}
    for one in recording.series:
        column = rows[:, places[one.key]]
        if one.descriptor.kind is Kind.COUNTER:
            assert (np.diff(column) >= 0).all()
            rate = places.get(one.key.replace(one.name, f"{one.name}.rate", 1))
            if rate is not None:
                growth = np.diff(column)
                assert ((rows[1:, rate] > 0) == (growth > 0)).all()
                assert (rows[1:, rate] <= growth * 1.2 * (1 + ERROR)).all()  # no tick came a fifth too early
    busy = rows[:, places["system.cpu.context_switches.rate"]]
    assert len(np.unique(busy)) > 190


def test_no_piece_comes_twice(recording: Recording) -> None:
    column = Continued(recording).rows(1000)[:, [one.key for one in recording.series].index("system.cpu.interrupts")]
    pieces = np.lib.stride_tricks.sliding_window_view(np.diff(column), 4)
    assert len(np.unique(pieces, axis=0)) == len(pieces)
