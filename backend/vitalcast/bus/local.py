"""The bus within one process: a direct call."""

from __future__ import annotations

import logging

from vitalcast.bus.base import Bus, DemandHandler, FrameHandler, Unsubscribe
from vitalcast.core.metrics.model import Frame
from vitalcast.core.metrics.resource import Source

logger = logging.getLogger(__name__)


class LocalBus(Bus):
    """Calls its handlers one after the other; one that raises is logged and costs the others nothing."""

    def __init__(self) -> None:
        self._handlers: list[FrameHandler] = []
        self._listeners: dict[str, list[DemandHandler]] = {}

    def publish(self, source: Source, frame: Frame) -> None:
        for handler in tuple(self._handlers):
            try:
                handler(source, frame)
            except Exception:
                logger.exception("a handler of frames failed at offset %d", frame.offset)

    def subscribe(self, handler: FrameHandler) -> Unsubscribe:
        self._handlers.append(handler)

        def unsubscribe() -> None:
            if handler in self._handlers:
                self._handlers.remove(handler)

        return unsubscribe

    def demand(self, source_id: str, tick_ms: int) -> None:
        for listener in tuple(self._listeners.get(source_id, ())):
            try:
                listener(tick_ms)
            except Exception:
                logger.exception("source %s failed when asked for a tick each %d ms", source_id, tick_ms)

    def listen(self, source_id: str, handler: DemandHandler) -> Unsubscribe:
        self._listeners.setdefault(source_id, []).append(handler)

        def unsubscribe() -> None:
            listeners = self._listeners.get(source_id, [])
            if handler in listeners:
                listeners.remove(handler)
            if not listeners:
                self._listeners.pop(source_id, None)

        return unsubscribe

    async def start(self) -> None:
        """Nothing to open."""

    async def stop(self) -> None:
        self._handlers.clear()
        self._listeners.clear()
