"""The contract of a history: it keeps frames for longer than memory does, and a restart goes on where it ended."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vitalcast.core.events.event import Event
from vitalcast.core.metrics.model import Frame, Series
from vitalcast.core.processes.snapshot import ProcessSnapshot
from vitalcast.core.query.past import Past

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Rows:
    """Some ticks of some series: `values` has the shape (ticks, series), `nan` for no reading."""

    series: tuple[Series, ...]
    offsets: npt.NDArray[np.int64]
    times_ms: npt.NDArray[np.int64]
    values: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Resumed:
    """What an earlier run left.

    `offset` is above every offset that it can have given away in this epoch, by the number of ticks missed since as far
    as that can be known: the next tick's is `offset + 1`. Where that is not certain, `epoch` is the one that was given
    to `open`. `rows` are the newest ticks that were kept, oldest first.
    """

    epoch: str
    offset: int
    rows: tuple[Rows, ...]


@dataclass(slots=True)
class Counts:
    """What a history counts about itself."""

    ticks_written: int = 0
    ticks_lost: int = 0
    """Dropped because they could not be written for too long."""
    failures: int = 0
    """Writes that failed; each is tried again."""
    chunks_unreadable: int = 0


class History(ABC):
    """Takes in each frame, event and snapshot of processes, and gives them back.

    `open` comes first and `close` last. What appends belongs to one thread, that of the event loop; `open`, `flush`,
    `past` and `close` may block and may be called in any other. Only where `pause_s` is None nothing blocks.
    """

    counts: Counts
    note: str = ""
    """A line to show once the server runs, at its first start; nothing at others."""

    @property
    @abstractmethod
    def pause_s(self) -> float | None:
        """How long to wait before the next `flush`; None where there is nothing to flush."""

    @abstractmethod
    def check(self, *, now: bool = True) -> None:
        """Say by a ConfigError what would keep `open` from working, now or at all. Changes nothing.

        What another process holds can be opened later, so that is no fault unless `now`.
        """

    @abstractmethod
    def open(self, *, epoch: str, interval_ms: int) -> Resumed | None:
        """Return what an earlier run left; None where there was none, and `epoch` is the new store's name.

        `interval_ms` is the time between ticks while nobody wants them faster, which none is closer than STEP_MIN_MS.
        Raises ConfigError.
        """

    @abstractmethod
    def append(self, frame: Frame) -> None:
        """Take in the newest frame, without any I/O."""

    @abstractmethod
    def append_event(self, event: Event) -> None:
        """Take in an event, which replaces one with the same id, without any I/O."""

    @abstractmethod
    def append_processes(self, snapshot: ProcessSnapshot) -> None:
        """Take in the processes of a moment, without any I/O."""

    @abstractmethod
    def past(self) -> Past:
        """Return a view of what is kept, to be closed by whoever asked; several may be open at once.

        Events and snapshots are in it as soon as they were appended; ticks, which are in the ring meanwhile, once they
        were flushed. Raises HistoryError.
        """

    @abstractmethod
    def flush(self) -> None:
        """Put down all that was taken in. Failures are logged and counted, not raised; the next call tries again."""

    @abstractmethod
    def close(self) -> None:
        """Flush and let go of everything. Safe to call again."""
