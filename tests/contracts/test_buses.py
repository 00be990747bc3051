"""What every bus must do; each implementation runs the same tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import numpy as np
import pytest

from vitalcast.bus.base import Bus
from vitalcast.bus.local import LocalBus
from vitalcast.core.metrics.model import Frame, Layout

BUSES: list[Callable[[], Bus]] = [LocalBus]


def frame(offset: int) -> Frame:
    return Frame(offset, offset * 1000, Layout(1, ()), np.zeros(0))


@pytest.fixture(params=BUSES)
async def bus(request: pytest.FixtureRequest) -> AsyncIterator[Bus]:
    bus: Bus = request.param()
    await bus.start()
    yield bus
    await bus.stop()


async def test_every_handler_gets_every_frame_once_in_order(bus: Bus) -> None:
    first: list[int] = []
    second: list[int] = []
    bus.subscribe(lambda one: first.append(one.offset))
    bus.subscribe(lambda one: second.append(one.offset))
    for offset in range(1, 100):
        bus.publish(frame(offset))
    assert first == second == list(range(1, 100))


async def test_a_handler_that_has_left_gets_nothing_more(bus: Bus) -> None:
    seen: list[int] = []
    leave = bus.subscribe(lambda one: seen.append(one.offset))
    bus.publish(frame(1))
    leave()
    leave()
    bus.publish(frame(2))
    assert seen == [1]


async def test_a_handler_that_raises_costs_the_others_nothing(bus: Bus, caplog: pytest.LogCaptureFixture) -> None:
    seen: list[int] = []

    def broken(_: Frame) -> None:
        raise RuntimeError("broken on purpose")

    bus.subscribe(broken)
    bus.subscribe(lambda one: seen.append(one.offset))
    bus.publish(frame(1))
    bus.publish(frame(2))
    assert seen == [1, 2]
    assert "failed at offset 1" in caplog.text


async def test_a_handler_may_leave_while_it_is_called(bus: Bus) -> None:
    seen: list[int] = []
    leave: list[Callable[[], None]] = []

    def once(one: Frame) -> None:
        seen.append(one.offset)
        leave[0]()

    leave.append(bus.subscribe(once))
    bus.subscribe(lambda one: seen.append(-one.offset))
    bus.publish(frame(1))
    bus.publish(frame(2))
    assert seen == [1, -1, -2]
