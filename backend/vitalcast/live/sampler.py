"""The background task that reads the machine on absolute deadlines and publishes a frame for each."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import replace

from vitalcast import clocks
from vitalcast.bus.base import Bus, Unsubscribe
from vitalcast.collectors.base import Collector
from vitalcast.collectors.runtime_stats import RuntimeStats
from vitalcast.core.metrics.frames import FrameBuilder
from vitalcast.core.metrics.model import Sample
from vitalcast.core.metrics.pace import SET_MS, Pace
from vitalcast.core.metrics.resource import Source
from vitalcast.live.collector_runner import CollectorRunner
from vitalcast.live.workers import Workers

logger = logging.getLogger(__name__)

PRIME_S = 0.1
PATIENCE_MIN_S = 0.5  # a busy loop starves its threads for a while; that is no reason to give up a collector

Outcome = list[Sample] | Exception | None


class CollectionRound:
    """One walk over the collectors of every tick in a worker thread, which can be given up when one of them is late."""

    def __init__(self, runners: list[CollectorRunner]) -> None:
        self.runners = runners
        self.outcomes: list[list[Sample] | Exception] = []
        self._lock = threading.Lock()
        self._abandoned = False

    def run(self) -> Outcome:
        """Read one after the other; return what came of the late one, None where none was too late."""
        for runner in self.runners:
            outcome = runner.read()
            with self._lock:
                if self._abandoned:
                    return outcome
                self.outcomes.append(outcome)
        return None

    def abandon(self) -> CollectorRunner | None:
        """Give up; return the runner that is late, None where the walk has just ended after all."""
        with self._lock:
            self._abandoned = True
            done = len(self.outcomes)
        return self.runners[done] if done < len(self.runners) else None


class Sampler:
    """Reads the collectors and publishes one frame a tick.

    `source` says whose they are. Ticks fall on multiples of its `interval_ms` of the wall clock, or of the shorter time
    that the bus has asked for last, which holds at once. Collectors without a cadence are read for each tick, one after
    the other in a worker thread; the others keep their own cadence in threads of their own, and each tick repeats their
    newest values. Ticks that could not be kept are skipped and leave a hole in the offsets: there is never a burst. A
    wall clock that is set leaves none. Offsets never grow faster than by one in STEP_MIN_MS of `steady_ms`, the first
    tick aside: a history relies on it.
    """

    def __init__(
        self,
        collectors: Iterable[Collector],
        *,
        source: Source,
        bus: Bus,
        stats: RuntimeStats,
        clock_ms: Callable[[], float] = clocks.wall_ms,
        steady_ms: Callable[[], int] = clocks.steady_ms,
        now_s: Callable[[], float] = time.monotonic,
        workers: Workers | None = None,
    ) -> None:
        self._stats = stats
        runners = [CollectorRunner(collector, stats, now_s=now_s) for collector in collectors]
        self._per_tick = [runner for runner in runners if runner.collector.cadence_s is None]
        self._scheduled = [runner for runner in runners if runner.collector.cadence_s is not None]
        self.source = source
        self._frames = FrameBuilder()
        self._bus = bus
        self._tick_ms = source.interval_ms
        self._deaf: Unsubscribe | None = None
        self._clock_ms = clock_ms
        self._steady_ms = steady_ms
        self._now_s = now_s
        self._workers = workers or Workers(name="vitalcast-collect")
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._offset = 0
        self._first: tuple[CollectionRound, Future[Outcome]] | None = None
        self._first_s = 0.0

    def prime(self) -> None:
        """Begin `start` with its first read, in a thread; for those who are not ready to start yet, nor have a loop."""
        walk = CollectionRound([runner for runner in self._per_tick if runner.ready()])
        future: Future[Outcome] = Future()
        self._first, self._first_s = (walk, future), self._now_s()
        threading.Thread(target=lambda: future.set_result(walk.run()), name="vitalcast-prime", daemon=True).start()

    async def start(self, after_offset: int = 0, *, epoch: str | None = None) -> None:
        """Publish the first frame, whose offset is the next of this epoch, then go on in the background."""
        self._offset = after_offset
        self.source = self.source if epoch is None else replace(self.source, epoch=epoch)
        self._deaf = self._bus.listen(self.source.id, self.demand)
        self._tasks = [asyncio.create_task(self._keep_cadence(runner)) for runner in self._scheduled]
        if self._first is None:
            self._first_s = self._now_s()
            await self._read_per_tick()  # counters have no rate before their second reading
        else:
            walk, future = self._first
            await self._read_per_tick((walk, asyncio.wrap_future(future)))
        await asyncio.sleep(max(0.0, self._first_s + PRIME_S - self._now_s()))
        wall_ms, steady_ms = int(self._clock_ms()), self._steady_ms()
        pace = Pace(self._tick_ms, wall_ms, steady_ms)
        await self._tick(wall_ms, steady_ms)
        self._tasks.append(asyncio.create_task(self._run(pace)))

    async def stop(self) -> None:
        """End all tasks; a thread that hangs is left behind."""
        if self._deaf is not None:
            self._deaf()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        self._workers.close()

    def demand(self, tick_ms: int) -> None:
        """Tick so often from now on, within what the source can."""
        self._tick_ms = max(self.source.interval_min_ms, min(tick_ms, self.source.interval_ms))
        self._wake.set()

    # --- ticks ---------------------------------------------------------------------------------------------------

    async def _run(self, pace: Pace) -> None:
        while True:
            self._wake.clear()
            tick_ms = self._tick_ms
            wall_ms, now_ms = self._clocks()
            pace.follow(tick_ms, wall_ms, now_ms)
            if (tick := pace.take(tick_ms, now_ms)) is None:
                await self._sleep((pace.due_ms - now_ms) / 1000)
                continue
            missed, time_ms, due_ms = tick
            self._offset += missed
            self._stats.ticks_missed += missed
            self._stats.sampler_lag_s = round((now_ms - due_ms) / 1000, 6)  # what is finer, no clock means
            try:
                await self._tick(time_ms, due_ms)
            except Exception:  # a fault of ours must not end the ticks for good
                logger.exception("the tick at %d was lost", time_ms)

    def _clocks(self) -> tuple[int | None, int]:
        """Read both clocks; the wall clock is None where the process was held up in between."""
        before_ms, wall_ms, after_ms = self._steady_ms(), int(self._clock_ms()), self._steady_ms()
        return (wall_ms if after_ms - before_ms < SET_MS else None), after_ms

    async def _sleep(self, seconds: float) -> None:
        handle = asyncio.get_running_loop().call_later(seconds, self._wake.set)
        try:
            await self._wake.wait()
        finally:
            handle.cancel()

    async def _tick(self, time_ms: int, due_ms: int) -> None:
        begin_s = time.perf_counter()
        await self._read_per_tick()
        samples: list[Sample] = []
        for runner in (*self._per_tick, *self._scheduled):
            samples += runner.samples
        self._offset += 1
        frame = self._frames.frame(self._offset, time_ms, samples, steady_ms=due_ms)
        self._bus.publish(self.source, frame)
        self._stats.ticks += 1
        self._stats.tick_duration_s = round(time.perf_counter() - begin_s, 6)

    # --- collectors that are read for every tick -----------------------------------------------------------------

    async def _read_per_tick(self, begun: tuple[CollectionRound, asyncio.Future[Outcome]] | None = None) -> None:
        pending = begun[0].runners if begun else [runner for runner in self._per_tick if runner.ready()]
        while pending:
            walk = begun[0] if begun else CollectionRound(pending)
            future = begun[1] if begun else self._workers.run(walk.run)
            begun = None
            await asyncio.wait({future}, timeout=self._patience_s())
            late = None if future.done() else walk.abandon()
            for runner, outcome in zip(walk.runners, walk.outcomes, strict=False):
                runner.take(outcome)
            pending = pending[len(walk.outcomes) :]
            if late is not None:
                self._set_aside(late, future)
                pending = pending[1:]

    def _patience_s(self) -> float:
        return max(PATIENCE_MIN_S, self._tick_ms / 4000)

    def _set_aside(self, runner: CollectorRunner, future: asyncio.Future[Outcome]) -> None:
        """Go on without a late collector: its newest readings hold until its deadline, then it counts as failed."""
        runner.busy = True
        failures = runner.failures
        deadline_s = runner.collector.deadline_s
        timer = asyncio.get_running_loop().call_later(deadline_s, runner.fail, f"no answer within {deadline_s:g} s")

        def back(done: asyncio.Future[Outcome]) -> None:
            timer.cancel()
            runner.busy = False
            if not done.cancelled() and runner.failures == failures and (outcome := done.result()) is not None:
                runner.take(outcome)

        future.add_done_callback(back)

    # --- scheduled collectors: each on its cadence ----------------------------------------------------------------

    async def _keep_cadence(self, runner: CollectorRunner) -> None:
        cadence_s = runner.collector.cadence_s
        assert cadence_s is not None
        while True:
            future = self._workers.run(runner.read)
            done, _ = await asyncio.wait({future}, timeout=runner.collector.deadline_s)
            if done:
                runner.take(future.result())
            else:
                runner.busy = True
                runner.fail(f"no answer within {runner.collector.deadline_s:g} s")
                await future
                runner.busy = False
            retry_s = runner.retry_s - self._now_s() if runner.failures else 0.0
            await asyncio.sleep(max(cadence_s, retry_s))
