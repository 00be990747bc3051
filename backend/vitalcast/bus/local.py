"""The bus within one process: a direct call."""

from __future__ import annotations

import logging
from collections.abc import Callable

from vitalcast.bus.base import Bus, Handler
from vitalcast.core.metrics.model import Frame

logger = logging.getLogger(__name__)


class LocalBus(Bus):
    """Calls its handlers one after the other; one that raises is logged and costs the others nothing."""

    def __init__(self) -> None:
        self._handlers: list[Handler] = []

    def publish(self, frame: Frame) -> None:
        for handler in tuple(self._handlers):
            try:
                handler(frame)
            except Exception:
                logger.exception("a handler of frames failed at offset %d", frame.offset)

    def subscribe(self, handler: Handler) -> Callable[[], None]:
        self._handlers.append(handler)

        def unsubscribe() -> None:
            if handler in self._handlers:
                self._handlers.remove(handler)

        return unsubscribe

    async def start(self) -> None:
        """Nothing to open."""

    async def stop(self) -> None:
        self._handlers.clear()
