"""The sampler in virtual time: its deadlines, its pace, its gaps, and collectors that raise or hang."""

from __future__ import annotations

import asyncio
import itertools
import math
from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from tests.live.virtual import InlineWorkers, VirtualLoop, run

from vitalcast.bus.local import LocalBus
from vitalcast.collectors.base import Collector
from vitalcast.collectors.runtime_stats import RuntimeStats
from vitalcast.core.metrics.model import Descriptor, Frame, Kind, Sample
from vitalcast.core.metrics.resource import Resource, Source
from vitalcast.live.collector_runner import CollectorRunner
from vitalcast.live.sampler import CollectionRound, Sampler

SOURCE = Source(Resource("machine-1", "web-1"), "epoch-1")
GOOD = Descriptor("test.good", "1", Kind.GAUGE, "Always there.")
ODD = Descriptor("test.odd", "1", Kind.GAUGE, "Sometimes not.")
BYTES = Descriptor("test.bytes", "By", Kind.COUNTER, "Counts.")
RATE = Descriptor("test.bytes.rate", "By/s", Kind.GAUGE, "Counts a second.")
DEAR = Descriptor("test.dear", "1", Kind.GAUGE, "Seldom read.")


class Scripted(Collector):
    """Does what its script says: returns a number, raises, or hangs (as the workers see it)."""

    name: ClassVar[str] = "scripted"

    def __init__(self, descriptor: Descriptor, script: Callable[[int], float]) -> None:
        super().__init__()
        self.descriptors = (descriptor,)
        self.reads = 0
        self._script = script

    def collect(self, now_s: float) -> list[Sample]:
        self.reads += 1
        return [self.sample(self.descriptors[0], self._script(self.reads))]


class Dear(Scripted):
    name: ClassVar[str] = "dear"
    cadence_s: ClassVar[float | None] = 5.0


class Lab:
    """A sampler in virtual time and the frames it published."""

    def __init__(self, loop: VirtualLoop, *collectors: Collector) -> None:
        self.loop = loop
        self.frames: list[Frame] = []
        self.arrivals_ms: list[float] = []
        self.workers = InlineWorkers()
        self.stats = RuntimeStats()
        self.bus = LocalBus()
        self.bus.subscribe(self._take)
        self.sampler = Sampler(
            collectors,
            source=SOURCE,
            bus=self.bus,
            stats=self.stats,
            clock_ms=loop.wall_ms,
            steady_ms=loop.steady_ms,
            now_s=loop.time,
            workers=self.workers,  # type: ignore[arg-type]
        )

    def _take(self, source: Source, frame: Frame) -> None:
        assert source == SOURCE
        self.frames.append(frame)
        self.arrivals_ms.append(self.loop.wall_ms())

    def readings(self, name: str) -> list[float | None]:
        """Return a series' reading in each frame, None for `nan` and 'absent' where it had no column."""
        out: list[Any] = []
        for frame in self.frames:
            found = [
                value
                for one, value in zip(frame.layout.series, frame.values, strict=True)
                if one is not None and one.name == name
            ]
            out.append("absent" if not found else None if math.isnan(found[0]) else found[0])
        return out

    def pace(self, tick_ms: int) -> None:
        self.bus.demand(SOURCE.id, tick_ms)


def in_lab(*make: Callable[[], Collector]) -> Callable[[Callable[[Lab], Any]], Callable[[], None]]:
    """Turn a coroutine over a lab into a test."""

    def decorate(test: Callable[[Lab], Any]) -> Callable[[], None]:
        def wrapped() -> None:
            async def body(loop: VirtualLoop) -> None:
                lab = Lab(loop, *[one() for one in make])
                await lab.sampler.start()
                try:
                    await test(lab)
                finally:
                    lab.workers.release()
                    await lab.sampler.stop()
                assert lab.workers.closed

            run(body)

        wrapped.__name__, wrapped.__doc__ = test.__name__, test.__doc__
        return wrapped

    return decorate


def good() -> Scripted:
    return Scripted(GOOD, float)


@in_lab(good)
async def test_the_first_frame_comes_at_once_and_the_others_on_whole_seconds(lab: Lab) -> None:
    assert len(lab.frames) == 1
    await asyncio.sleep(5.01)
    times = [frame.time_ms for frame in lab.frames]
    assert times[0] == 1_790_000_000_100
    assert times[1:] == [1_790_000_001_000 + 1000 * second for second in range(5)]
    assert [frame.offset for frame in lab.frames] == [1, 2, 3, 4, 5, 6]


@in_lab(good)
async def test_it_quickens_and_falls_back_at_once(lab: Lab) -> None:
    await asyncio.sleep(1)
    lab.pace(100)
    await asyncio.sleep(1.05)
    lab.pace(1000)
    await asyncio.sleep(3)
    steps = [b.time_ms - a.time_ms for a, b in zip(lab.frames[1:], lab.frames[2:], strict=False)]
    assert steps[1:10] == [100] * 9
    assert steps[-2:] == [1000, 1000]
    assert [frame.offset for frame in lab.frames] == list(range(1, len(lab.frames) + 1)), "no tick counts as missed"
    assert lab.stats.ticks_missed == 0


@in_lab(good)
async def test_a_suspended_machine_leaves_one_hole_and_no_burst(lab: Lab) -> None:
    await asyncio.sleep(2)
    before = len(lab.frames)
    lab.loop.suspend(3600.4)
    await asyncio.sleep(1.0)
    assert len(lab.frames) - before <= 2
    offsets = [frame.offset for frame in lab.frames]
    [jump] = [b - a for a, b in itertools.pairwise(offsets) if b - a > 1]
    times = [frame.time_ms for frame in lab.frames]
    assert max(b - a for a, b in itertools.pairwise(times)) == jump * 1000
    assert lab.stats.ticks_missed == jump - 1


@in_lab(good)
async def test_a_clock_set_back_does_not_stop_the_ticks(lab: Lab) -> None:
    await asyncio.sleep(2)
    lab.loop.wall_offset_s -= 3600
    before = len(lab.frames)
    await asyncio.sleep(5)
    assert len(lab.frames) - before >= 4
    assert lab.frames[-1].time_ms < lab.frames[0].time_ms
    assert all(time % 1000 == 0 for time in (frame.time_ms for frame in lab.frames[1:]))
    assert lab.stats.ticks_missed == 0


@in_lab(good)
async def test_a_clock_set_ahead_is_no_gap(lab: Lab) -> None:
    await asyncio.sleep(2)
    lab.loop.wall_offset_s += 3600
    await asyncio.sleep(5)
    assert [frame.offset for frame in lab.frames] == list(range(1, len(lab.frames) + 1))
    assert lab.frames[-1].time_ms - lab.frames[0].time_ms > 3_600_000
    assert lab.stats.ticks_missed == 0
    assert lab.stats.sampler_lag_s == pytest.approx(0, abs=0.01)


@in_lab(good)
async def test_a_frame_says_when_it_was_due_on_the_steady_clock(lab: Lab) -> None:
    await asyncio.sleep(3)
    steps = [b.steady_ms - a.steady_ms for a, b in itertools.pairwise(lab.frames)]
    assert steps == [900, 1000, 1000]
    assert lab.frames[-1].steady_ms <= lab.loop.steady_ms()


@in_lab(lambda: Scripted(BYTES, lambda read: read * 1000.0 if read != 5 else 10.0))
async def test_counters_have_rates_and_a_reset_has_none(lab: Lab) -> None:
    await asyncio.sleep(6.01)
    rates = lab.readings("test.bytes.rate")
    assert rates[0] == pytest.approx(10_000, rel=0.01)  # 1000 bytes in the 0.1 s before the first frame
    assert rates[1] == pytest.approx(1000 / 0.9, rel=0.01)
    assert rates[3] is None
    assert rates[5] == pytest.approx(1000, rel=0.01)
    assert all(rate is None or rate >= 0 for rate in rates)


async def test_a_sampler_that_was_primed_has_rates_in_its_first_frame_without_waiting() -> None:
    frames: list[Frame] = []
    bus = LocalBus()
    bus.subscribe(lambda _source, frame: frames.append(frame))
    collector = Scripted(BYTES, lambda reads: 1000.0 * reads)
    now_s = [50.0]
    sampler = Sampler(
        [collector],
        source=SOURCE,
        bus=bus,
        stats=RuntimeStats(),
        now_s=lambda: now_s[0],
    )
    sampler.prime()
    while not collector.reads:
        await asyncio.sleep(0.001)
    now_s[0] += 2.0  # what was done meanwhile
    await sampler.start()
    await sampler.stop()
    assert collector.reads == 2
    assert dict(zip([one.name for one in frames[0].layout.series if one], frames[0].values, strict=True)) == {
        "test.bytes": 2000.0,
        "test.bytes.rate": 500.0,
    }


def raising(reads: set[int]) -> Callable[[int], float]:
    def script(read: int) -> float:
        if read in reads:
            raise OSError(5, "Input/output error")
        return float(read)

    return script


@in_lab(lambda: Scripted(ODD, raising({4, 5})), good)
async def test_a_collector_that_raises_reads_null_and_is_asked_again_later(lab: Lab) -> None:
    await asyncio.sleep(12.01)
    odd = lab.readings("test.odd")
    assert odd[:2] == [2, 3]
    first = odd.index(None)
    assert odd[first : first + 3] == [None] * 3, "a pause of one second, then of two"
    assert odd[-1] is not None
    assert lab.readings("test.good") == [float(number) for number in range(2, 2 + len(lab.frames))]


@in_lab(lambda: Scripted(ODD, raising(set(range(3, 10_000)))))
async def test_the_pauses_grow_to_a_minute(lab: Lab) -> None:
    [runner] = lab.sampler.__dict__["_per_tick"]
    await asyncio.sleep(600)
    assert 10 <= runner.collector.reads <= 20
    assert lab.stats.collector_success["scripted"] == 0


@in_lab(lambda: Scripted(ODD, float), good)
async def test_a_collector_that_hangs_costs_the_others_no_tick(lab: Lab) -> None:
    await asyncio.sleep(1.5)
    odd = lab.sampler.__dict__["_per_tick"][0]

    def hang(job: Callable[[], Any]) -> bool:
        walk = getattr(job, "__self__", None)
        return isinstance(walk, CollectionRound) and odd in walk.runners

    lab.workers.hang = hang
    await asyncio.sleep(10)
    assert odd.busy
    assert len(lab.workers.hanging) == 1, "it is not asked again while it hangs"
    odd_readings = lab.readings("test.odd")
    assert odd_readings[2:4] == [odd_readings[1]] * 2, "held until the deadline of 2 s"
    assert odd_readings[-7:] == [None] * 7
    assert None not in lab.readings("test.good")
    assert [frame.offset for frame in lab.frames] == list(range(1, len(lab.frames) + 1))
    lab.workers.hang = lambda job: False
    lab.workers.release()
    await asyncio.sleep(5)
    assert not odd.busy
    assert lab.readings("test.odd")[-1] is not None


@in_lab(lambda: Scripted(ODD, float), good)
async def test_a_collector_that_is_only_late_has_not_failed(lab: Lab) -> None:
    await asyncio.sleep(1.5)
    lab.workers.hang = lambda job: (
        isinstance(getattr(job, "__self__", None), CollectionRound) and not lab.workers.hanging
    )
    await asyncio.sleep(1)
    lab.workers.hang = lambda job: False
    lab.workers.release()
    await asyncio.sleep(3)
    assert None not in lab.readings("test.odd")
    assert None not in lab.readings("test.good")
    assert lab.stats.collector_success == {"scripted": 1}


@in_lab(lambda: Dear(DEAR, float), good)
async def test_a_scheduled_collector_keeps_its_own_cadence_and_its_reading_is_held(lab: Lab) -> None:
    lab.pace(100)
    await asyncio.sleep(11)
    held = lab.readings("test.dear")
    assert set(held) == {1.0, 2.0, 3.0}
    assert held.count(2.0) == pytest.approx(50, abs=2)


@in_lab(lambda: Dear(DEAR, float), good)
async def test_a_scheduled_collector_that_hangs_is_given_up_on_its_deadline(lab: Lab) -> None:
    lab.workers.hang = lambda job: isinstance(getattr(job, "__self__", None), CollectorRunner)
    await asyncio.sleep(8.5)
    assert lab.readings("test.dear")[-1] is None
    assert lab.stats.collector_success["dear"] == 0
    assert len(lab.frames) == 9
    lab.workers.hang = lambda job: False
    lab.workers.release()
    await asyncio.sleep(6)
    assert lab.readings("test.dear")[-1] is not None


@in_lab(good)
async def test_it_counts_what_it_does(lab: Lab) -> None:
    await asyncio.sleep(3.01)
    assert lab.stats.ticks == len(lab.frames) == 4
    assert lab.stats.collector_success == {"scripted": 1}
    assert lab.stats.collector_duration_s["scripted"] >= 0
