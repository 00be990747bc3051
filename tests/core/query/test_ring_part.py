"""What is taken of a ring is what it had then, whatever comes after."""

from __future__ import annotations

import math

import numpy as np
import pytest
from tests.core.machine import LOAD, Machine, disk

from vitalcast.core.metrics.model import Series
from vitalcast.core.metrics.names import Selection
from vitalcast.core.query.ring_part import RingPart
from vitalcast.core.vocabulary import ErrorCode
from vitalcast.errors import ProtocolError

ALL = Selection.of([">"])


def capture(machine: Machine, selection: Selection = ALL, *, back_ms: int = 10**9, reads_max: int = 10_000) -> RingPart:
    now_ms = machine.time_ms
    return RingPart.capture(machine.timeline, [selection], now_ms - back_ms, now_ms, reads_max=reads_max)()


def test_ticks_after_the_start_up_to_the_end_are_copied() -> None:
    machine = Machine()
    for value in range(10):
        machine.tick(value)
    part = capture(machine, Selection.of(["system.load"]), back_ms=4000)
    machine.tick(99)
    assert part.values.tolist() == [[6.0], [7.0], [8.0], [9.0]]
    assert part.offsets.tolist() == [7, 8, 9, 10]
    assert (part.first_offset, part.first_ms) == (1, machine.time_ms - 10_000)


def test_what_was_taken_hold_of_stays_as_it_was_whatever_comes_after() -> None:
    machine = Machine(window_ms=60_000)
    for value in range(100):
        machine.tick(value)
    part = RingPart.capture(machine.timeline, [ALL], 0, machine.time_ms, reads_max=10_000)
    before = part().values.copy()
    for value in range(300):
        machine.tick(-value, ["sda", *(f"sd{number}" for number in range(value))])
    assert before.shape == (100, 2)
    np.testing.assert_array_equal(part().values, before)


def test_series_that_is_gone_is_among_them_as_long_as_memory_has_it() -> None:
    machine = Machine()
    machine.tick(1, ["sda", "sdb"])
    machine.tick(2, ["sda"])
    part = capture(machine, Selection.of(["system.disk.io"]))
    assert part.series == (disk("sda"), disk("sdb"))
    assert np.isnan(part.values).tolist() == [[False, False], [False, True]]


def test_clock_that_was_set_back_is_noted() -> None:
    machine = Machine()
    for _ in range(3):
        machine.tick()
    machine.time_ms -= 2500
    machine.tick()
    machine.tick()
    assert capture(machine).turns.tolist() == [0, 0, 1, 1]  # the newest of before is later than now
    machine.wait(60_000)
    assert capture(machine).turns.tolist() == [0, 0, 0, 1, 1]


def test_anchor_is_the_first_tick_with_a_reading_whatever_is_asked_for() -> None:
    machine = Machine()
    machine.take(machine.frame({Series(LOAD): math.nan}))
    machine.tick(1, ["sda"])
    machine.tick(2, ["sda", "sdb"])
    anchor = capture(machine, Selection.of(["hw.>"])).anchor
    assert anchor is not None
    assert (anchor.offset, anchor.time_ms, anchor.turn) == (2, machine.time_ms - 1000, 0)
    assert set(anchor.series) == {disk("sda"), Series(LOAD)}


def test_empty_ring_has_no_first_tick() -> None:
    part = capture(Machine())
    assert (part.first_offset, part.first_ms, part.values.shape) == (None, None, (0, 0))


def test_more_than_may_be_copied_is_refused() -> None:
    machine = Machine()
    for _ in range(10):
        machine.tick()
    assert capture(machine, reads_max=20).series == (disk("sda"), Series(LOAD))
    with pytest.raises(ProtocolError, match="fewer series") as caught:
        capture(machine, reads_max=19)
    assert caught.value.code == ErrorCode.LIMIT
