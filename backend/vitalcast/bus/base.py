"""The contract of a bus: it carries frames from the sources to whoever handles them, and demand to the sources."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from vitalcast.core.metrics.model import Frame
from vitalcast.core.metrics.resource import Source

FrameHandler = Callable[[Source, Frame], None]
DemandHandler = Callable[[int], None]
Unsubscribe = Callable[[], None]


class Bus(ABC):
    """Carries each published frame to every handler once, the frames of a source in the order of publishing.

    What arrives is equal to what was published and need not be the same objects. `steady_ms` stays within the process:
    a frame from another one has 0 there, or a moment of this process's own clock.
    """

    @abstractmethod
    def publish(self, source: Source, frame: Frame) -> None:
        """Hand on a frame of this source; never waits."""

    @abstractmethod
    def subscribe(self, handler: FrameHandler) -> Unsubscribe:
        """Have `handler` called for every frame of every source from now on; return the function that ends it."""

    @abstractmethod
    def demand(self, source_id: str, tick_ms: int) -> None:
        """Ask a source for this time between ticks, until asked otherwise; never waits.

        A source that is not there now, or does not listen, is asked in vain.
        """

    @abstractmethod
    def listen(self, source_id: str, handler: DemandHandler) -> Unsubscribe:
        """Have `handler` called with each time between ticks that is asked of this source."""

    @abstractmethod
    async def start(self) -> None:
        """Open what the bus needs; called before the first publish."""

    @abstractmethod
    async def stop(self) -> None:
        """Deliver what is under way and close."""
