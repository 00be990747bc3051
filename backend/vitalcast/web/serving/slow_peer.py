"""Ends a connection whose peer takes nothing of what it was written."""

from __future__ import annotations

import asyncio

from vitalcast.web.serving.unsent import unsent_bytes


class SlowPeer:
    """Watches a transport while writing is paused: `limit_s` without a byte taken, and the connection ends."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, *, limit_s: float) -> None:
        self._transport = transport
        self._loop = loop
        self._limit_s = limit_s
        self._timer: asyncio.TimerHandle | None = None

    def watch(self) -> None:
        """Begin, unless it is watched already."""
        if self._timer is None:
            self._await_progress(self._unsent())

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _await_progress(self, unsent_before: int) -> None:
        self._timer = self._loop.call_later(self._limit_s, self._check, unsent_before)

    def _check(self, unsent_before: int) -> None:
        unsent = self._unsent()
        if unsent < unsent_before:
            self._await_progress(unsent)
        else:
            self._timer = None
            self._transport.abort()

    def _unsent(self) -> int:
        """Return how many bytes wait here and in the kernel."""
        peer = self._transport.get_extra_info("socket")
        return self._transport.get_write_buffer_size() + (unsent_bytes(peer.fileno()) if peer is not None else 0)
