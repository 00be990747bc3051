"""The contract of a bus: it carries frames from the sampler to whoever handles them, in order."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from vitalcast.core.metrics.model import Frame

Handler = Callable[[Frame], None]


class Bus(ABC):
    """Carries each published frame to every handler once, in the order of publishing."""

    @abstractmethod
    def publish(self, frame: Frame) -> None:
        """Hand on a frame; never waits."""

    @abstractmethod
    def subscribe(self, handler: Handler) -> Callable[[], None]:
        """Have `handler` called for every frame from now on; return the function that ends it."""

    @abstractmethod
    async def start(self) -> None:
        """Open what the bus needs; called before the first publish."""

    @abstractmethod
    async def stop(self) -> None:
        """Deliver what is under way and close."""
