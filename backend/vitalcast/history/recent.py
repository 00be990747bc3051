"""The newest events and recorded processes, in memory: all there is without a file, and what no file has yet."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Collection, Iterator, Sequence

from vitalcast.core.events.event import ANY_EVENT, Event, EventFilter
from vitalcast.core.events.recent import matching
from vitalcast.core.processes.snapshot import ProcessSnapshot
from vitalcast.core.processes.usage import WindowUsage, sum_up
from vitalcast.core.query.no_past import NoPast
from vitalcast.core.query.past import Extent

EVENTS_MAX = 10_000
PROCESS_ROWS_MAX = 20_000  # a quarter of an hour of 80 processes every five seconds takes 14,400


class Recent:
    """Bounded lists of events and snapshots, oldest dropped first. Any thread may use it."""

    def __init__(self, *, events_max: int = EVENTS_MAX, process_rows_max: int = PROCESS_ROWS_MAX) -> None:
        self._events_max = events_max
        self._process_rows_max = process_rows_max
        self._gate = threading.Lock()
        self._events: dict[str, Event] = {}
        self._snapshots: deque[ProcessSnapshot] = deque()
        self._process_rows = 0
        self.events_dropped = 0
        self.snapshots_dropped = 0

    def add_event(self, event: Event) -> None:
        """Take in an event; one with the same id is replaced."""
        with self._gate:
            self._events[event.id] = event
            while len(self._events) > self._events_max:
                del self._events[next(iter(self._events))]
                self.events_dropped += 1

    def add_processes(self, snapshot: ProcessSnapshot) -> None:
        """Take in the newest processes."""
        with self._gate:
            self._snapshots.append(snapshot)
            self._process_rows += len(snapshot.rows) + 1
            while self._process_rows > self._process_rows_max and len(self._snapshots) > 1:
                self._process_rows -= len(self._snapshots.popleft().rows) + 1
                self.snapshots_dropped += 1

    def events(self) -> list[Event]:
        """Return the events, in the order in which they came first."""
        with self._gate:
            return list(self._events.values())

    def snapshots(self) -> list[ProcessSnapshot]:
        """Return the snapshots, oldest first."""
        with self._gate:
            return list(self._snapshots)

    def parts(self, bytes_max: int) -> Iterator[tuple[list[Event], list[ProcessSnapshot]]]:
        """Yield all there is, the oldest first, in parts of about so many bytes at most, one item at least."""
        events: list[Event] = []
        snapshots: list[ProcessSnapshot] = []
        left = bytes_max
        waiting: list[Event | ProcessSnapshot] = [*self.events(), *self.snapshots()]
        for one in waiting:
            nbytes = _size(one)
            if nbytes > left and (events or snapshots):
                yield events, snapshots
                events, snapshots, left = [], [], bytes_max
            left -= nbytes
            if isinstance(one, Event):
                events.append(one)
            else:
                snapshots.append(one)
        if events or snapshots:
            yield events, snapshots

    def forget(self, events: Sequence[Event], snapshots: Sequence[ProcessSnapshot]) -> None:
        """Drop these, unless an event was replaced since."""
        with self._gate:
            for event in events:
                if self._events.get(event.id) is event:
                    del self._events[event.id]
            gone = {id(one) for one in snapshots}
            self._snapshots = deque(one for one in self._snapshots if id(one) not in gone)
            self._process_rows = sum(len(one.rows) + 1 for one in self._snapshots)


def _size(one: Event | ProcessSnapshot) -> int:
    """Return about how many bytes an event or a snapshot takes in the file, or less."""
    if isinstance(one, Event):
        return 512 + 4 * (2 * len(one.id) + len(one.title) + len(repr(one.names)) + len(repr(dict(one.attributes))))
    texts = sum(len(text) for row in one.rows for text in (row.name, row.user, row.unit, row.command) if text)
    return 512 + 64 * len(one.rows) + 3 * texts


class RecentPast(NoPast):
    """What Recent holds: without ticks, which are in the ring."""

    def __init__(self, recent: Recent) -> None:
        self._events = recent.events()
        self._snapshots = recent.snapshots()
        self._interrupted = False

    def extent(self) -> Extent:
        """Say from when on there are events and processes."""
        return Extent(
            events_from_ms=min((one.time_ms for one in self._events), default=None),
            processes_from_ms=min((one.time_ms for one in self._snapshots), default=None),
        )

    def events(self, start_ms: int, end_ms: int, wanted: EventFilter = ANY_EVENT, *, limit: int) -> list[Event]:
        """Return the newest events that overlap a range, by their time."""
        self._check()
        return matching(self._events, start_ms, end_ms, wanted, limit=limit)

    def all_events(self) -> list[Event]:
        """Return every event, in the order in which they came first."""
        return list(self._events)

    def processes(
        self, start_ms: int, end_ms: int, *, pids: Collection[int] | None = None
    ) -> Iterator[ProcessSnapshot]:
        """Yield the snapshots of a range, oldest first; with `pids` those have only their rows."""
        for one in self._snapshots:
            self._check()
            if start_ms < one.time_ms <= end_ms:
                yield one if pids is None else one._replace(rows=tuple(row for row in one.rows if row.pid in pids))

    def process_usage(self, start_ms: int, end_ms: int) -> Iterator[WindowUsage]:
        """Yield what the processes of a range used."""
        yield sum_up(self.processes(start_ms, end_ms))

    def interrupt(self) -> None:
        """Have the next step raise InterruptedError."""
        self._interrupted = True

    def _check(self) -> None:
        if self._interrupted:
            raise InterruptedError
