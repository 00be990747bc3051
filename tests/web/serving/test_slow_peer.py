"""A peer that takes a byte now and then keeps its connection, and one that takes nothing loses it."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from vitalcast.web.serving.slow_peer import SlowPeer

LIMIT_S = 5.0


class Loop:
    """Has one timer, which a test lets run out."""

    def __init__(self) -> None:
        self.due: Any = None

    def call_later(self, delay_s: float, callback: Any, *arguments: object) -> Any:
        assert (delay_s, self.due) == (LIMIT_S, None)
        self.due = lambda: callback(*arguments)
        return self

    def cancel(self) -> None:
        self.due = None

    def run(self) -> None:
        due, self.due = self.due, None
        due()


class Transport:
    """Holds so many bytes for a peer that has no socket."""

    def __init__(self) -> None:
        self.held_bytes = 1000
        self.aborted = False

    def get_write_buffer_size(self) -> int:
        return self.held_bytes

    def get_extra_info(self, name: str) -> None:
        assert name == "socket"

    def abort(self) -> None:
        self.aborted = True


class Peer:
    def __init__(self) -> None:
        self.loop, self.transport = Loop(), Transport()
        transport, loop = cast("asyncio.Transport", self.transport), cast("asyncio.AbstractEventLoop", self.loop)
        self.watch = SlowPeer(transport, loop, limit_s=LIMIT_S)


@pytest.fixture
def peer() -> Peer:
    return Peer()


def test_a_peer_that_takes_nothing_loses_its_connection(peer: Peer) -> None:
    peer.watch.watch()
    peer.loop.run()
    assert peer.transport.aborted
    assert peer.loop.due is None


def test_a_peer_that_takes_a_byte_has_as_long_again(peer: Peer) -> None:
    peer.watch.watch()
    for _ in range(3):
        peer.transport.held_bytes -= 1
        peer.loop.run()
    assert not peer.transport.aborted
    peer.transport.held_bytes += 500  # more was written, and nothing taken
    peer.loop.run()
    assert peer.transport.aborted


def test_it_is_watched_once_and_not_after_the_end(peer: Peer) -> None:
    peer.watch.watch()
    peer.watch.watch()
    peer.watch.stop()
    peer.watch.stop()
    assert (peer.loop.due, peer.transport.aborted) == (None, False)
