"""Shares the event loop between what the clients of WebSockets send and everything else."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

from vitalcast.core.wire.intake import Rate

UNFINISHED_BYTES_MAX: Final = 64 * 2**20  # of the messages under way on all sockets together
READ_BYTES: Final = 16_384  # asyncio's own reads are of 256 KiB, which is room for 40,000 frames
FRAMES_A_TURN: Final = 32
SOCKET_TURN_S: Final = 0.0005
TURN_S: Final = 0.002

logger = logging.getLogger(__name__)


class Receiver(Protocol):
    """A socket as seen from here: `queued` says that it has asked for its turn or is having it."""

    queued: bool
    loop: asyncio.AbstractEventLoop
    transport: asyncio.Transport

    def handle_held(self, begin_s: float) -> bool:
        """Handle some frames of what is held; return whether more could be handled in another turn."""


class Inbound:
    """What all sockets of a server share.

    In a turn of the loop one socket has a few frames handled and all together take two milliseconds; what is left
    waits for the next turn, in the order in which it came, so that no flood holds up the ticks. One buffer serves all
    reads.
    """

    def __init__(self, rate: Rate, *, now_s: Callable[[], float] = time.monotonic) -> None:
        self.rate = rate
        self.now_s = now_s
        self.buffer = memoryview(bytearray(READ_BYTES))
        self.unfinished_bytes = 0
        self._waiting: deque[Receiver] = deque()
        self._spent_s = 0.0
        self._turn_ends: asyncio.Handle | None = None

    def take(self, protocol: Receiver) -> None:
        """Have a socket handle what it holds: now, or when it is its turn."""
        if protocol.queued:
            return
        if self._waiting or self._spent_s >= TURN_S:
            self._queue(protocol)
        else:
            self._serve(protocol)
        if self._turn_ends is None:
            self._turn_ends = protocol.loop.call_soon(self._next_turn, protocol.loop)

    def _queue(self, protocol: Receiver) -> None:
        protocol.queued = True
        self._waiting.append(protocol)
        protocol.transport.pause_reading()

    def _serve(self, protocol: Receiver) -> None:
        begin_s = self.now_s()
        protocol.queued = True  # for what it handles may have it ask for its turn
        more = False
        try:
            more = protocol.handle_held(begin_s)
        except Exception:  # a fault of ours costs this socket, and not those that wait behind it
            logger.exception("a socket's frames were not handled")
            protocol.transport.abort()
        self._spent_s += self.now_s() - begin_s
        protocol.queued = False
        if more:
            self._queue(protocol)

    def _next_turn(self, loop: asyncio.AbstractEventLoop) -> None:
        self._spent_s = 0.0
        for _ in range(len(self._waiting)):
            if self._spent_s >= TURN_S:
                break
            protocol = self._waiting.popleft()
            protocol.queued = False
            self._serve(protocol)
        self._turn_ends = loop.call_soon(self._next_turn, loop) if self._waiting or self._spent_s else None
