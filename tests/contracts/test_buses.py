"""What every bus must do; each implementation runs the same tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
from tests.contracts.serialising_bus import SerialisingBus

from vitalcast.bus.base import Bus
from vitalcast.bus.local import LocalBus
from vitalcast.core.metrics.frames import FrameBuilder
from vitalcast.core.metrics.model import Descriptor, Frame, Kind, Sample, Series
from vitalcast.core.metrics.resource import Resource, Source

BUSES: list[Callable[[], Bus]] = [LocalBus, SerialisingBus]

IO = Descriptor("system.disk.io", "By", Kind.COUNTER, "Bytes.", ("system.device", "disk.io.direction"))
ONE = Source(Resource("machine-1", "web-1", attributes=(("os.type", "linux"),)), "0123456789abcdef")
OTHER = Source(Resource("machine-2", "Büro 2"), "fedcba9876543210", interval_ms=5000, interval_min_ms=1000)


class Maker:
    """Makes the frames of one source."""

    def __init__(self) -> None:
        self._frames = FrameBuilder()

    def __call__(self, offset: int, *disks: str) -> Frame:
        samples = [
            Sample(Series(IO, (name, "read"), (("disk.model", name * 2),)), offset + number / 7)
            for number, name in enumerate(disks or ("sda",))
        ]
        return self._frames.frame(offset, offset * 1000, samples, steady_ms=offset)


@pytest.fixture(params=BUSES)
async def bus(request: pytest.FixtureRequest) -> AsyncIterator[Bus]:
    bus: Bus = request.param()
    await bus.start()
    yield bus
    await bus.stop()


def content(frame: Frame) -> tuple[object, ...]:
    series = [None if one is None else one.description for one in frame.layout.series]
    return frame.offset, frame.time_ms, series, frame.values.tolist()


async def test_every_handler_gets_every_frame_once_in_order(bus: Bus) -> None:
    first: list[int] = []
    second: list[int] = []
    bus.subscribe(lambda _, one: first.append(one.offset))
    bus.subscribe(lambda _, one: second.append(one.offset))
    frame = Maker()
    for offset in range(1, 100):
        bus.publish(ONE, frame(offset))
    assert first == second == list(range(1, 100))


async def test_what_arrives_is_equal_to_what_was_published(bus: Bus) -> None:
    seen: list[tuple[Source, tuple[object, ...]]] = []
    bus.subscribe(lambda source, one: seen.append((source, content(one))))
    frames = {ONE: Maker(), OTHER: Maker()}
    sent = []
    for offset, disks in enumerate((["sda"], ["sda", "sdb"], ["sdb"], ["sdb"], ['"\\\n\u202e'], ["sda"]), start=1):
        for source, frame in frames.items():
            made = frame(offset, *disks)
            sent.append((source, content(made)))
            bus.publish(source, made)
    assert seen == sent


async def test_layouts_are_the_same_where_they_say_the_same(bus: Bus) -> None:
    seen: list[Frame] = []
    bus.subscribe(lambda _, one: seen.append(one))
    frame = Maker()
    for offset, disks in enumerate((["a"], ["a"], ["a", "b"], ["a"]), start=1):
        bus.publish(ONE, frame(offset, *disks))
    first, *others = [one.layout for one in seen]
    assert [first.same(one) for one in others] == [True, False, True]


async def test_a_frame_cannot_be_written_to(bus: Bus) -> None:
    seen: list[Frame] = []
    bus.subscribe(lambda _, one: seen.append(one))
    bus.publish(ONE, Maker()(1))
    assert not seen[0].values.flags.writeable


async def test_a_source_that_begins_anew_is_followed(bus: Bus) -> None:
    seen: list[tuple[str, int]] = []
    bus.subscribe(lambda source, one: seen.append((source.epoch, one.offset)))
    again = Source(ONE.resource, "00000000000000aa")
    bus.publish(ONE, Maker()(7))
    bus.publish(again, Maker()(1))
    assert seen == [(ONE.epoch, 7), (again.epoch, 1)]


async def test_a_handler_that_has_left_gets_nothing_more(bus: Bus) -> None:
    seen: list[int] = []
    leave = bus.subscribe(lambda _, one: seen.append(one.offset))
    frame = Maker()
    bus.publish(ONE, frame(1))
    leave()
    leave()
    bus.publish(ONE, frame(2))
    assert seen == [1]


async def test_a_handler_that_raises_costs_the_others_nothing(bus: Bus, caplog: pytest.LogCaptureFixture) -> None:
    seen: list[int] = []

    def broken(_source: Source, _frame: Frame) -> None:
        raise RuntimeError("broken on purpose")

    bus.subscribe(broken)
    bus.subscribe(lambda _, one: seen.append(one.offset))
    frame = Maker()
    bus.publish(ONE, frame(1))
    bus.publish(ONE, frame(2))
    assert seen == [1, 2]
    assert "failed at offset 1" in caplog.text


async def test_a_handler_may_leave_while_it_is_called(bus: Bus) -> None:
    seen: list[int] = []
    leave: list[Callable[[], None]] = []

    def once(_source: Source, one: Frame) -> None:
        seen.append(one.offset)
        leave[0]()

    leave.append(bus.subscribe(once))
    bus.subscribe(lambda _, one: seen.append(-one.offset))
    frame = Maker()
    bus.publish(ONE, frame(1))
    bus.publish(ONE, frame(2))
    assert seen == [1, -1, -2]


# --- demand ----------------------------------------------------------------------------------------------------------


async def test_demand_reaches_the_source_that_is_meant(bus: Bus) -> None:
    one: list[int] = []
    other: list[int] = []
    bus.listen(ONE.id, one.append)
    bus.listen(OTHER.id, other.append)
    bus.demand(ONE.id, 100)
    bus.demand(OTHER.id, 500)
    bus.demand(ONE.id, 1000)
    bus.demand("nobody", 100)
    assert (one, other) == ([100, 1000], [500])


async def test_a_source_that_has_left_is_asked_nothing_more(bus: Bus) -> None:
    asked: list[int] = []
    leave = bus.listen(ONE.id, asked.append)
    leave()
    leave()
    bus.demand(ONE.id, 100)
    assert asked == []


async def test_a_source_that_fails_when_asked_costs_nobody_anything(bus: Bus, caplog: pytest.LogCaptureFixture) -> None:
    def broken(_tick_ms: int) -> None:
        raise RuntimeError("broken on purpose")

    asked: list[int] = []
    bus.listen(ONE.id, broken)
    bus.listen(ONE.id, asked.append)
    bus.demand(ONE.id, 100)
    assert asked == [100]
    assert "machine-1 failed" in caplog.text
