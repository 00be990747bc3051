"""Builds the parts that sample and stream, and starts and stops them in order."""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from vitalcast.bus.base import Bus
from vitalcast.bus.local import LocalBus
from vitalcast.collectors.base import Collector, Table
from vitalcast.collectors.registry import default_collectors, default_tables, descriptors_with_rates
from vitalcast.collectors.runtime import RuntimeStats
from vitalcast.config import Settings
from vitalcast.core.catalogue import Catalogue
from vitalcast.core.groups import SeriesKey
from vitalcast.core.hub import Hub
from vitalcast.core.names import Selection
from vitalcast.core.protocol import CloseCode, Limits
from vitalcast.core.ring import Ring
from vitalcast.history.base import History
from vitalcast.history.memory import MemoryHistory
from vitalcast.history.refill import refill
from vitalcast.live.manager import ConnectionManager
from vitalcast.live.sampler import Sampler
from vitalcast.live.tables import Tables
from vitalcast.live.workers import Workers
from vitalcast.model import Frame

logger = logging.getLogger(__name__)

SWEEP_S = 1.0
CLOSE_HISTORY_S = 2.0

T = TypeVar("T")


class Service:
    """Everything behind the web: `hub` to ask, `manager` to connect to. Without arguments it samples this machine."""

    def __init__(
        self,
        settings: Settings,
        *,
        collectors: Iterable[Collector] | None = None,
        tables: Mapping[str, Table] | None = None,
        bus: Bus | None = None,
        history: History | None = None,
    ) -> None:
        self.settings = settings
        self.stats = RuntimeStats()
        disabled = settings.collectors.disabled
        if collectors is None:
            collectors = default_collectors(stats=self.stats, disabled=disabled)
        collectors = tuple(collectors)
        if tables is None:
            tables = default_tables(disabled=disabled, command_line=settings.collectors.process_command_line)
        catalogue = Catalogue(descriptors_with_rates(collectors))
        self.ring = Ring(window_ms=settings.ring.window_s * 1000, memory_max_bytes=settings.ring.memory_max_mib * 2**20)
        self.hub = Hub(
            epoch=secrets.token_hex(8),
            host=socket.gethostname(),
            catalogue=catalogue,
            ring=self.ring,
            interval_ms=round(settings.sampler.interval_s * 1000),
            interval_min_ms=round(settings.sampler.interval_min_s * 1000),
            limits=_limits(settings),
            tables={name: [_column(column) for column in table.columns] for name, table in tables.items()},
        )
        self.history = history or _history(settings, self.ring)
        self.history.check(now=False)
        self.bus = bus or LocalBus()
        self.sampler = Sampler(
            collectors,
            catalogue=catalogue,
            bus=self.bus,
            stats=self.stats,
            tick_ms=self.hub.tick_ms,
            oldest_offset=lambda: self.ring.oldest_offset,
        )
        self.manager = ConnectionManager(
            self.hub,
            plain=SeriesKey(
                Selection.of(settings.stream.metrics), round(settings.stream.interval_s * 1000), host=self.hub.host
            ),
            stats=self.stats,
            heartbeat_s=settings.timeouts.heartbeat_s,
            slow_s=settings.timeouts.slow_s,
            on_demand=self._demand_changed,
        )
        self.tables = Tables(tables, hub=self.hub, publish=self.manager.publish_rows)
        self.ready = False
        self._sweeper: asyncio.Task[None] | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._flush_soon = asyncio.Event()
        self._disk = Workers(name="vitalcast-history")

    def _demand_changed(self) -> None:
        self.sampler.wake()
        self.tables.wake()

    async def start(self) -> None:
        """Return once the first frame is there."""
        self.manager.call_soon = asyncio.get_running_loop().call_soon
        await self.bus.start()
        after_offset = await self._resume()
        self.bus.subscribe(self.manager.publish)
        self.bus.subscribe(self._remember)
        await self.sampler.start(after_offset)
        self._keeper = asyncio.create_task(self._keep())
        self.tables.start()
        self._sweeper = asyncio.create_task(self._sweep())
        self.ready = True

    async def stop(self) -> None:
        """Say good-bye to every socket and end what `start` began, in reverse."""
        self.ready = False
        self.manager.close_all(CloseCode.SHUTDOWN, "the server is shutting down")
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.gather(self._sweeper, return_exceptions=True)
        await self.tables.stop()
        await self.sampler.stop()
        await self.bus.stop()
        await self._close_history()

    # --- history -------------------------------------------------------------------------------------------------

    async def _resume(self) -> int:
        """Go on where an earlier run ended; return the last offset that it may have given out."""
        hub, history = self.hub, self.history
        resumed = await self._off_loop(lambda: history.open(epoch=hub.epoch, interval_ms=hub.interval_ms))
        if resumed is None:
            return 0
        hub.epoch = resumed.epoch
        refill(resumed, hub.catalogue, self.ring)
        return resumed.offset

    def _remember(self, frame: Frame) -> None:
        if self.history.append(frame):
            self._flush_soon.set()

    async def _keep(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self.history.pause_s):
                    await self._flush_soon.wait()
            self._flush_soon.clear()
            try:
                await self._off_loop(self.history.flush)
            except Exception:  # a fault of ours must not end the keeping for good
                logger.exception("the history was not flushed")

    async def _close_history(self) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        try:
            async with asyncio.timeout(CLOSE_HISTORY_S):
                await self._off_loop(self.history.close)
        except TimeoutError:
            logger.warning("the history took more than %g s to close; its newest ticks may be lost", CLOSE_HISTORY_S)
        self._disk.close()

    async def _off_loop(self, job: Callable[[], T]) -> T:
        """Run what may block; a history that never does stays here."""
        return job() if self.history.pause_s is None else await self._disk.run(job)

    # --- housekeeping --------------------------------------------------------------------------------------------

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            self.manager.sweep()
            self.stats.ring_bytes = self.ring.nbytes


def _history(settings: Settings, ring: Ring) -> History:
    if not settings.history.path:
        return MemoryHistory(ring)

    from vitalcast.history.sqlite import SqliteHistory  # what it imports would slow every start down

    return SqliteHistory(
        Path(settings.history.path),
        flush_s=settings.history.flush_s,
        retention_ms=settings.history.retention_h * 3_600_000,
        window_ms=ring.window_ms,
        memory_max_bytes=ring.memory_max_bytes,
    )


def _limits(settings: Settings) -> Limits:
    return Limits(**settings.limits.model_dump())


def _column(column: object) -> dict[str, str]:
    return {name: str(getattr(column, name)) for name in ("name", "unit", "description")}
