"""A bus that really serialises, within one process: nothing that arrives is an object that was sent."""

from __future__ import annotations

import logging

from vitalcast.bus.base import Bus, DemandHandler, FrameHandler, Unsubscribe
from vitalcast.bus.local import LocalBus
from vitalcast.core.metrics.model import Frame
from vitalcast.core.metrics.resource import Source
from vitalcast.core.wire.frames import FrameDecoder, encode_card, encode_frame, encode_layout
from vitalcast.errors import BusError, UnknownLayoutError

logger = logging.getLogger(__name__)


class SerialisingBus(Bus):
    """Sends bytes, and decodes them at the other end. A layout is asked for where it is missing.

    `refused` counts what came in broken, by source.
    """

    def __init__(self, *, series_max: int = 100_000) -> None:
        self.refused: dict[str, int] = {}
        self.sent: list[bytes] = []  # of the newest publish
        self._local = LocalBus()  # hands on what was decoded
        self._series_max = series_max
        self._decoders: dict[str, FrameDecoder] = {}
        self._cards: dict[str, bytes] = {}

    def publish(self, source: Source, frame: Frame) -> None:
        card, data = encode_card(source), encode_frame(source, frame)
        self.sent = [data]
        if self._cards.get(source.id) != card:
            self._cards[source.id] = card
            self.deliver(source.id, card=card)
        try:
            self.deliver(source.id, frame=data)
        except UnknownLayoutError:
            layout = encode_layout(frame.layout)
            self.sent.append(layout)
            self.deliver(source.id, layout=layout)
            self.deliver(source.id, frame=data)

    def deliver(
        self, source_id: str, *, card: bytes | None = None, layout: bytes | None = None, frame: bytes | None = None
    ) -> None:
        """Take in what comes from a source, whatever it is."""
        decoder = self._decoders.setdefault(source_id, FrameDecoder(series_max=self._series_max))
        try:
            if card is not None:
                decoder.card(card)
            if layout is not None:
                decoder.layout(layout)
            if frame is not None:
                decoded = decoder.frame(frame)
                assert decoder.source is not None
                self._local.publish(decoder.source, decoded)
        except UnknownLayoutError:
            raise
        except BusError as error:
            self.refused[source_id] = self.refused.get(source_id, 0) + 1
            logger.warning("what came from %s is refused: %s", source_id, error)

    def subscribe(self, handler: FrameHandler) -> Unsubscribe:
        return self._local.subscribe(handler)

    def demand(self, source_id: str, tick_ms: int) -> None:
        self._local.demand(source_id, tick_ms)

    def listen(self, source_id: str, handler: DemandHandler) -> Unsubscribe:
        return self._local.listen(source_id, handler)

    async def start(self) -> None:
        await self._local.start()

    async def stop(self) -> None:
        await self._local.stop()
