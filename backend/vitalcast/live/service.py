"""Builds the parts that sample and stream, and starts and stops them in order."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import fields
from pathlib import Path

from vitalcast import __version__, clocks
from vitalcast.access.access import Access
from vitalcast.access.control import FOLDER
from vitalcast.bus.base import Bus
from vitalcast.bus.local import LocalBus
from vitalcast.collectors.base import Collector, Table
from vitalcast.collectors.host import boot_ms
from vitalcast.collectors.oom import OomReader
from vitalcast.collectors.registry import (
    descriptors_with_rates,
)
from vitalcast.collectors.resource import host_resource
from vitalcast.collectors.runtime_stats import RuntimeStats
from vitalcast.config.check_metrics import metric_warnings
from vitalcast.config.load import Loaded
from vitalcast.config.schema import Settings
from vitalcast.core.events.runs import Now
from vitalcast.core.metrics.names import Selection
from vitalcast.core.metrics.resource import Source
from vitalcast.core.metrics.ring import Ring
from vitalcast.core.metrics.timeline import Timeline
from vitalcast.core.stream.grants import Caller, Grant
from vitalcast.core.stream.hub import Hub
from vitalcast.core.stream.keys import Form, SeriesKey
from vitalcast.core.vocabulary import CloseCode
from vitalcast.core.wire.limits import Limits
from vitalcast.dashboards.store import DashboardStore
from vitalcast.errors import ConfigError
from vitalcast.history.base import History
from vitalcast.live.burst import Burst
from vitalcast.live.connections import ConnectionManager
from vitalcast.live.control import ControlSocket
from vitalcast.live.default_history import choose_history, history_path
from vitalcast.live.event_log import EventLog
from vitalcast.live.history_reach import reach_lines
from vitalcast.live.level_watch import LevelWatch
from vitalcast.live.machine_readers import machine_readers, names_anywhere
from vitalcast.live.machine_watch import MachineWatch
from vitalcast.live.oom_watch import OomWatch
from vitalcast.live.open_access import open_access, open_attempts
from vitalcast.live.panel_board import PanelBoard
from vitalcast.live.queries import Queries
from vitalcast.live.recorder import Recorder
from vitalcast.live.reloader import Reloader
from vitalcast.live.run_log import RunLog
from vitalcast.live.sampler import Sampler
from vitalcast.live.table_poller import TablePoller

logger = logging.getLogger(__name__)

SWEEP_S = 1.0
BEGUN_S = 1.0
REVOKED_S = 0.5  # so that a socket is closed within a second


class Service:
    """Everything behind the web: `hub` to ask, `manager` to connect to. Without arguments it samples this machine.

    With `loaded`, which says where the settings came from, they can be read anew, and commands reach this server.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        collectors: Iterable[Collector] | None = None,
        tables: Mapping[str, Table] | None = None,
        bus: Bus | None = None,
        history: History | None = None,
        access: Access | None = None,
        loaded: Loaded | None = None,
    ) -> None:
        self.settings = settings
        self.dashboards = DashboardStore(settings.panels, settings.playlists)
        self.access = access or open_access(settings, panels=self.dashboards.all_panels)
        self.dashboards.changed.append(self.access.forget_grants)
        self.panels = PanelBoard(self.dashboards)
        self.access.check()
        self.attempts = open_attempts(self.access, settings.limits)
        self.stats = RuntimeStats()
        self._readers = readers = machine_readers(settings, self.stats, collectors=collectors, tables=tables)
        self.flight = readers.flight
        descriptors = descriptors_with_rates(readers.collectors)
        self._own_names = names_anywhere().union(descriptor.name for descriptor in descriptors)
        given = loaded.warnings if loaded is not None else ()
        self.warnings = (*given, *metric_warnings(settings, self._own_names))
        limits = _limits(settings)
        source = self._own_source()
        self.ring = _ring(settings, source)
        self.timeline = Timeline(
            source,
            ring=self.ring,
            descriptors=descriptors,
            own_names=self._own_names,
            tables=readers.table_infos(),
            series_max=limits.series_per_source,
        )
        self.hub = Hub(home=self.timeline, limits=limits, panels=self.panels, make=self._timeline_of)
        self.panels.judge(self.timeline)
        self.hub.advanced.append(self.panels.advance)
        self.events = EventLog(source.id, tell=self.hub.happen)
        self.hub.advanced.append(MachineWatch(self.events, self.timeline).advance)
        self.history = history or choose_history(settings, self.ring, self.access.folder, in_use=loaded is not None)
        self.history.check(now=False)
        self.recorder = Recorder(self.history, self.timeline)
        self.queries = Queries(self.history.past, queries=limits.queries, timeout_s=settings.timeouts.query_s)
        self.run_log = RunLog(self.events, self.queries)
        self.hub.happened.append(self.recorder.note)
        if self.flight is not None:
            self.flight.taken.append(self.history.append_processes)
        self._watch_levels()
        self.bus = bus or LocalBus()
        self.hub.demanded.append(self.bus.demand)
        self.sampler = Sampler(readers.collectors, source=source, bus=self.bus, stats=self.stats)
        self.manager = self._connection_manager()
        self.hub.emitted.append(self.manager.publish)
        self.hub.past_wanted.append(self.queries.look_ahead)
        self.hub.advanced.append(self.recorder.remember)
        self.dashboards.changed.append(lambda: self.manager.dashboards_changed(self.access.grant_now))
        self.tables = TablePoller(readers.tables, hub=self.hub, timeline=self.timeline)
        self.reloader: Reloader | None = None
        self.control: ControlSocket | None = None
        if loaded is not None:
            self._obey_commands(loaded)
        self.ready = False
        self._tasks: list[asyncio.Task[None]] = []
        self._oom: OomWatch | None = None
        self._begun: asyncio.Task[None] | None = None

    def _own_source(self) -> Source:
        settings, folder = self.settings, self.access.folder
        return Source(
            host_resource(self._readers.roots, id_=settings.host.id, name=settings.host.name, data_folder=folder),
            epoch=secrets.token_hex(8),
            interval_ms=round(settings.sampler.interval_s * 1000),
            interval_min_ms=round(settings.sampler.interval_min_s * 1000),
        )

    def _connection_manager(self) -> ConnectionManager:
        stream, timeouts = self.settings.stream, self.settings.timeouts
        interval_ms, selection = round(stream.interval_s * 1000), Selection.of(stream.metrics)
        return ConnectionManager(
            self.hub,
            plain=SeriesKey(self.timeline.id, selection, interval_ms, form=Form.SELF_DESCRIBING),
            stats=self.stats,
            heartbeat_s=timeouts.heartbeat_s,
            slow_s=timeouts.slow_s,
            hello_s=timeouts.hello_s,
            verify=self._verify,
            dashboards=lambda: self.dashboards.revision,
            on_demand=self._demand_changed,
            read=self.queries.run_prepared,
        )

    def _obey_commands(self, loaded: Loaded) -> None:
        """Take commands of this user, one of which has the settings read anew from where they came."""
        names, folder = self._own_names, self.access.folder
        self.reloader = Reloader(loaded, self.dashboards, check=lambda settings: metric_warnings(settings, names))
        self.control = ControlSocket(
            folder / FOLDER,
            {"reload": self.reloader.reload, "about": _about(loaded, folder), "reach": self._reach},
        )

    def _watch_levels(self) -> None:
        sampler, burst = self.settings.sampler, None
        if sampler.burst_enabled:
            burst = Burst(self.hub, self.timeline, lasts_ms=round(sampler.burst_s * 1000))
        self.levels = LevelWatch(self.events, self.panels, self.timeline, burst=burst, burst_s=sampler.burst_s)
        self.hub.advanced.append(self.levels.advance)  # once the panels are judged
        if self.flight is not None:
            self.flight.taken.append(self.levels.see)

    def _verify(self, token: str, caller: Caller) -> Grant:
        # What a page elsewhere tries in somebody's browser must not lock that somebody out.
        address = caller.address if caller.origin is None else f"{caller.address} for {caller.origin}"
        return self.attempts.verify(token, address=address, origin=caller.origin)

    async def _reach(self) -> tuple[bool, list[str]]:
        """Say how much history there is, and how far it reaches."""
        extent = await self.queries.run(lambda past: past.extent())
        path = history_path(self.settings, self.access.folder) or ""
        series, interval_ms = len(self.timeline.series()), self.timeline.source.interval_ms
        return True, reach_lines(path, extent, series=series, interval_ms=interval_ms)

    def _timeline_of(self, source: Source) -> Timeline:
        """Make the timeline of another source that has come."""
        limits = self.hub.limits
        return Timeline(
            source,
            ring=_ring(self.settings, source),
            own_names=self._own_names,
            series_max=limits.series_per_source,
        )

    def _demand_changed(self) -> None:
        self.tables.wake()

    async def start(self) -> None:
        """Return once the first frame is there."""
        for warning in self.warnings:
            logger.warning("%s", warning)
        self.access.start()
        self.manager.call_soon = asyncio.get_running_loop().call_soon
        await self.bus.start()
        after_offset = await self.recorder.resume()
        self.bus.subscribe(self.hub.take)
        await self.sampler.start(after_offset, epoch=self.timeline.epoch)
        self.recorder.start()
        self.tables.start()
        if self.flight is not None:
            self.flight.start()
        self._count()
        self._begun = asyncio.create_task(self._begin_run())
        self._tasks = [self._begun, asyncio.create_task(self._sweep()), asyncio.create_task(self._watch_tokens())]
        if not self._readers.given and (reader := OomReader(self._readers.roots)).can_tell:
            self._oom = OomWatch(self.events, reader)
            self._oom.start()
        if self.control is not None:
            await self.control.start()
        self.ready = True

    async def stop(self) -> None:
        """Say good-bye to every socket and end what `start` began, in reverse."""
        self.ready = False
        if self.control is not None:
            await self.control.close()
        if self.reloader is not None:
            await self.reloader.close()
        await self._end_run()
        self.manager.close_all(CloseCode.SHUTDOWN, "the server is shutting down")
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self.flight is not None:
            await self.flight.stop()
        if self._oom is not None:
            await self._oom.stop()
        await self.tables.stop()
        await self.sampler.stop()
        await self.bus.stop()
        self.queries.close()
        await self.recorder.stop()
        self.access.close()

    async def _begin_run(self) -> None:
        try:
            now = Now(clocks.wall_ms(), __version__, clocks.boot().partition(" ")[0], boot_ms(self._readers.roots))
            await self.run_log.begin(now, last_ms=self.recorder.left_ms)
        except Exception:  # a fault of ours in what only takes notes
            logger.exception("the start was not noted")

    async def _end_run(self) -> None:
        """Note the stop, after the start: one that has just been may still be reading what was before."""
        if self._begun is not None:
            await asyncio.wait({self._begun}, timeout=BEGUN_S)
        self.hub.advanced.remove(self.levels.advance)
        self.levels.end(clocks.wall_ms())
        self.run_log.end()

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            try:
                self.manager.sweep()
            except Exception:  # a fault of ours must not end heartbeats for good
                logger.exception("the sweep failed")
            self._count()

    def _count(self) -> None:
        timelines, stats = self.hub.timelines.values(), self.stats
        stats.sources = len(timelines)
        stats.ring_bytes = sum(timeline.ring.nbytes for timeline in timelines)
        stats.series_refused = sum(timeline.catalogue.refused for timeline in timelines)
        stats.frames_refused = self.hub.frames_refused

    async def _watch_tokens(self) -> None:
        """Close the sockets of tokens that any process has revoked."""
        failing = ""
        while True:
            await asyncio.sleep(REVOKED_S)
            try:
                self.manager.revoke(self.access.changed())
                failing = ""
            except ConfigError as error:
                if str(error) != failing:
                    failing = str(error)
                    logger.warning("revoked tokens go unnoticed: %s", failing)
            except Exception:  # a fault of ours must not let revoked tokens go on for good
                logger.exception("the tokens were not looked at")


def _about(loaded: Loaded, folder: Path) -> Callable[[], Awaitable[tuple[bool, list[str]]]]:
    """Return what tells one of several servers of a user from the others: where its settings and its history are."""
    config = "" if loaded.path is None else str(loaded.path.resolve())
    path = history_path(loaded.settings, folder)
    history = "" if path is None else str(path.resolve())

    async def about() -> tuple[bool, list[str]]:
        return True, [f"config {config}", f"history {history}"]

    return about


def _ring(settings: Settings, source: Source) -> Ring:
    return Ring(
        window_ms=settings.memory.window_s * 1000,
        memory_max_bytes=settings.memory.size_max_mib * 2**20,
        interval_ms=source.interval_ms,
    )


def _limits(settings: Settings) -> Limits:
    return Limits(**{field.name: getattr(settings.limits, field.name) for field in fields(Limits)})
