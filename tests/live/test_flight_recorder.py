"""When the flight recorder looks at the processes, and what becomes of it when it cannot."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from tests.live.virtual import InlineWorkers, VirtualLoop, run

from vitalcast.config.schema import Settings
from vitalcast.core.processes.snapshot import ProcessSnapshot
from vitalcast.live.flight_recorder import FlightRecorder
from vitalcast.live.service import Service


class Counting:
    """Takes snapshots whose time counts them; the scan that it is given may be of somebody else, and older."""

    def __init__(self, age_s: Callable[[int], float] = lambda _look: 0.0) -> None:
        self.looks: list[float] = []
        self.fail = False
        self._age_s = age_s

    def take(self, now_s: float, *, max_age_s: float = 0.0) -> tuple[float, ProcessSnapshot | None]:
        if self.fail:
            raise OSError("/proc is away")
        age_s = self._age_s(len(self.looks))
        assert age_s <= max_age_s
        self.looks.append(now_s)
        return now_s - age_s, ProcessSnapshot(len(self.looks), 5000, ()) if len(self.looks) > 1 else None


def flight(loop: VirtualLoop, taker: Counting, workers: InlineWorkers | None = None) -> FlightRecorder:
    return FlightRecorder(
        taker,
        interval_s=5.0,
        now_s=loop.time,
        workers=workers or InlineWorkers(),  # type: ignore[arg-type]
    )


def test_it_looks_every_interval_and_hands_on_what_it_took() -> None:
    async def body(loop: VirtualLoop) -> None:
        taker, taken = Counting(), list[ProcessSnapshot]()
        recorder = flight(loop, taker)
        recorder.taken.append(taken.append)
        recorder.start()
        await asyncio.sleep(21)
        await recorder.stop()
        assert taker.looks == [0, 5, 10, 15, 20]
        assert [one.time_ms for one in taken] == [2, 3, 4, 5]
        assert recorder.newest is taken[-1]

    run(body)


def test_it_falls_into_step_with_who_scans_too() -> None:
    async def body(loop: VirtualLoop) -> None:
        taker = Counting(lambda look: 2.0 if look == 0 else 0.0)
        recorder = flight(loop, taker)
        recorder.start()
        await asyncio.sleep(9)
        await recorder.stop()
        assert taker.looks == [0, 3, 8]

    run(body)


def test_a_failure_is_said_once_and_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async def body(loop: VirtualLoop) -> None:
        taker = Counting()
        recorder = flight(loop, taker)
        taker.fail = True
        recorder.start()
        await asyncio.sleep(11)
        taker.fail = False
        await asyncio.sleep(10)
        await recorder.stop()
        assert recorder.newest is not None

    run(body)
    assert [record.message for record in caplog.records] == [
        "processes are not recorded until it works again: OSError: /proc is away",
        "processes are recorded again after 3 failures",
    ]


def test_one_that_hangs_is_said_and_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    async def body(loop: VirtualLoop) -> None:
        taker, workers = Counting(), InlineWorkers()
        workers.hang = lambda _job: True
        recorder = flight(loop, taker, workers)
        recorder.start()
        await asyncio.sleep(60)
        assert len(workers.hanging) == 1
        workers.hang = lambda _job: False
        workers.release()
        await asyncio.sleep(5)
        await recorder.stop()
        assert len(taker.looks) == 2

    run(body)
    assert "could not be looked at within 5 s" in caplog.text


@pytest.mark.parametrize(
    ("settings", "records"),
    [
        (Settings(), True),
        (Settings(recorder={"enabled": False}), False),
        (Settings(collectors={"disabled": ("processes",)}), False),
    ],
)
def test_it_can_be_turned_off(settings: Settings, records: bool) -> None:
    assert (Service(settings).flight is not None) is records


async def test_what_it_takes_goes_into_the_history() -> None:
    service = Service(Settings(recorder={"interval_s": 1.0}))
    assert service.flight is not None
    came = asyncio.Event()
    service.flight.taken.append(lambda _snapshot: came.set())
    await service.start()
    try:
        await asyncio.wait_for(came.wait(), 20)
        past = service.history.past()
        (snapshot,) = list(past.processes(0, 2**60))[:1]
        past.close()
        assert snapshot.rows
    finally:
        await service.stop()
