"""What a query reads: the past of one source, wherever it is kept."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from vitalcast.core.events.event import ANY_EVENT, Event, EventFilter
from vitalcast.core.metrics.model import Series
from vitalcast.core.metrics.names import Selection
from vitalcast.core.processes.snapshot import ProcessSnapshot
from vitalcast.core.processes.usage import WindowUsage
from vitalcast.core.query.sketch import Sketches
from vitalcast.core.query.tier import Tier

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Integers = npt.NDArray[np.int64]
    Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Reach:
    """How far one tier goes: it has what there was in (start_ms, end_ms]."""

    tier: Tier
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Extent:
    """How far a past goes: a reach for each tier that has anything, finest first.

    `nbytes` is what it takes on disk, of at most `nbytes_max`; both 0 in memory. `events_from_ms` and
    `processes_from_ms` are None where there are none.
    """

    reaches: tuple[Reach, ...] = ()
    events_from_ms: int | None = None
    processes_from_ms: int | None = None
    nbytes: int = 0
    nbytes_max: int = 0


@dataclass(frozen=True, slots=True)
class Ticks:
    """Ticks of one series as they came, oldest first; `series` is its index among those asked for.

    Within a `stretch` time only grows; a clock that was set back begins the next, whose number is higher. All arrays
    have the same length, `values` may hold `nan`. Offsets are positions within `epoch`.
    """

    series: int
    stretch: int
    epoch: str
    offsets: Integers
    times_ms: Integers
    values: Floats


@dataclass(frozen=True, slots=True)
class Rollup:
    """Steps of one series in a rollup tier, oldest first; steps in which nothing was read are left out.

    `times_ms` are the ends of the steps. `count` is how many readings a step had, `total` their sum, `last` the newest.
    `sketches` has one for each step, or is None in a tier without.
    """

    series: int
    stretch: int
    times_ms: Integers
    minimum: Floats
    maximum: Floats
    total: Floats
    count: Floats
    last: Floats
    sketches: Sketches | None = None


class Past(Protocol):
    """One consistent view of what is kept of a source. For one thread at a time, never that of the event loop.

    Times are Unix milliseconds, and ranges (start_ms, end_ms]. Every method may raise HistoryError, and
    InterruptedError once `interrupt` was called, which any thread may do.
    """

    def extent(self) -> Extent:
        """Return how far it goes."""

    def series(self, selection: Selection, start_ms: int, end_ms: int) -> list[Series]:
        """Return the series that a selection means which had a reading around that time, by key."""

    def ticks(self, series: Sequence[Series], start_ms: int, end_ms: int) -> Iterator[Ticks]:
        """Yield what the raw tier has of some series, each tick once; of each series in the order of stretches."""

    def rollups(
        self, tier: Tier, series: Sequence[Series], start_ms: int, end_ms: int, *, sketches: bool = True
    ) -> Iterator[Rollup]:
        """Yield what a rollup tier has of some series, of each in the order of stretches.

        Sketches, of a tier that has them, may be left out where they are not asked for: they are most of the work.
        """

    def after(self, epoch: str, offset: int, series: Sequence[Series]) -> list[Ticks] | None:
        """Return all ticks of an epoch after an offset; None where some of them are no longer, or not yet, there.

        A series has no part where it had no readings.
        """

    def events(self, start_ms: int, end_ms: int, wanted: EventFilter = ANY_EVENT, *, limit: int) -> list[Event]:
        """Return the newest events that overlap a range, oldest first, those that are wanted."""

    def processes(
        self, start_ms: int, end_ms: int, *, pids: Collection[int] | None = None
    ) -> Iterator[ProcessSnapshot]:
        """Yield the recorded processes of a range, oldest first; with `pids` they have only their rows."""

    def process_usage(self, start_ms: int, end_ms: int) -> Iterator[WindowUsage]:
        """Yield what the recorded processes of a range used, in parts, oldest first, which `add_up` puts together."""

    def interrupt(self) -> None:
        """Have whatever is being read end soon. For any thread."""

    def close(self) -> None:
        """Let go of everything. Safe to call again."""
