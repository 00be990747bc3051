"""Keeps a connection to a server, for as long as it takes, and feeds a sink from it."""

from __future__ import annotations

import functools
import logging
import random
import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, closing
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit, urlunsplit

from vitalcast.client.refusals import explained
from vitalcast.client.stream import Bye, Feed, Gap, Quiet, Request, Tick
from vitalcast.core.drawing.clock import stale_after_s
from vitalcast.core.text import printable
from vitalcast.core.vocabulary import SUBPROTOCOL
from vitalcast.errors import ClientError, LostError

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection

MESSAGE_BYTES_MAX = 64 * 2**20  # a snapshot of a million values is some 20 MB of JSON
IDLE_S = 0.5
BACKOFF_MIN_S = 0.5
BACKOFF_MAX_S = 30.0
AWAY_MAX_S = 2.0  # where nobody is there, whom it costs nothing to be asked

LIVE = "live"  # the status while ticks come
SILENT = "stale: the server is silent"
NONE_YET = "no series match yet; waiting for one"

# What went wrong with a connection is told in a line; the library would put its own tracebacks beside it.
_library = logging.getLogger("vitalcast.client.websockets")
_library.propagate = False
_library.addHandler(logging.NullHandler())


class Sink(Protocol):
    """Where the events go."""

    def tick(self, tick: Tick) -> None: ...

    def gap(self, gap: Gap) -> None: ...

    def status(self, text: str) -> None:
        """Take news about the connection."""

    def idle(self) -> None:
        """Be told that nothing came for a while."""


def socket_url(url: str) -> str:
    """Return the WebSocket URL meant by `url`; a page's `http://host:8000/` will do. Raises ValueError."""
    try:
        parts = urlsplit(url)
        scheme = {"ws": "ws", "wss": "wss", "http": "ws", "https": "wss"}[parts.scheme]
        known = bool(parts.hostname) and parts.port != 0 and url.isprintable()
        (parts.hostname or "").encode("idna")  # which refuses a name that there cannot be
    except (KeyError, ValueError):
        known = False
    if not known:
        raise ValueError(f"{url!r} is not a WebSocket address; give an address such as ws://127.0.0.1:8000/ws")
    path = parts.path if parts.path.rstrip("/") else "/ws"
    return urlunsplit((scheme, parts.netloc, path, parts.query, ""))


Connect = Callable[[str], "AbstractContextManager[ClientConnection]"]


def open_socket(url: str, *, token: str | None = None) -> AbstractContextManager[ClientConnection]:
    """Connect with the subprotocol. Raises what `explained` knows."""
    from websockets.sync.client import connect
    from websockets.typing import Subprotocol

    connection: AbstractContextManager[ClientConnection] = connect(
        url,
        subprotocols=[Subprotocol(SUBPROTOCOL)],
        additional_headers=None if token is None else {"Authorization": f"Bearer {token}"},
        max_size=MESSAGE_BYTES_MAX,
        close_timeout=1,
        logger=_library,
    )
    return connection


def follow(
    url: str,
    request: Request,
    sink: Sink,
    *,
    count: int | None = None,
    token: str | None = None,
    connect: Connect | None = None,
    sleep: Callable[[float], None] = time.sleep,
    monotonic: Callable[[], float] = time.monotonic,
    jitter: Callable[[float, float], float] = random.uniform,
) -> None:
    """Feed `sink` until `count` ticks have come, for ever if None; tell it when the server falls silent.

    Only the first connection must succeed. A later one that fails is tried again for as long as it takes,
    after pauses that double up to half a minute, where no server is there to two seconds, with jitter so that not all
    clients come back at once. Raises ClientError where trying again is useless.
    """
    connect = connect or functools.partial(open_socket, token=token)
    feed = Feed(request)
    ticks = 0
    attempt: int | None = None  # None before the first connection brought something, 0 while one does
    while True:
        lost: LostError
        heard_s, status = monotonic(), ""
        try:
            with closing(_events(url, feed, connect)) as events:
                for event in events:
                    # By when they come, for the times in them are of a clock that may be set.
                    now_s = monotonic()
                    if not isinstance(event, Quiet):
                        heard_s, attempt = now_s, 0
                    silent = now_s - heard_s > stale_after_s(feed.interval_s)
                    if attempt is not None or silent:
                        status = _turn(sink, status, SILENT if silent else LIVE if feed.matching else NONE_YET)
                    match event:
                        case Tick():
                            sink.tick(event)
                            ticks += 1
                        case Gap():
                            sink.gap(event)
                        case Quiet():
                            sink.idle()
                    if count is not None and ticks >= count:
                        return
        except LostError as error:
            lost = error
        if attempt is None:
            raise ClientError(f"{printable(url)}: {lost}{lost.advice}")
        ceiling_s = min(AWAY_MAX_S if lost.away else BACKOFF_MAX_S, BACKOFF_MIN_S * 2**attempt)
        pause_s = jitter(ceiling_s / 2, ceiling_s) if lost.after_s is None else lost.after_s
        attempt = min(attempt + 1, 10)
        sink.status(f"{lost}; trying again in {pause_s:.1f} s")
        _wait(pause_s, sink, sleep)


def _turn(sink: Sink, before: str, now: str) -> str:
    if now != before:
        sink.status(now)
    return now


def _wait(seconds: float, sink: Sink, sleep: Callable[[float], None]) -> None:
    """Pause, and let the sink show meanwhile how time goes by."""
    while seconds > 0:
        step_s = min(seconds, IDLE_S)
        sleep(step_s)
        sink.idle()
        seconds -= step_s


def _events(url: str, feed: Feed, connect: Connect) -> Generator[Tick | Gap | Quiet]:
    """Yield what one connection brings, until LostError, or ClientError where a new one would not help."""
    after_s: float | None = None
    try:
        with connect(url) as socket:
            if socket.subprotocol != SUBPROTOCOL:
                raise ClientError(f"{printable(url)}: the server does not speak {SUBPROTOCOL}")
            socket.send(feed.subscribe())
            while True:
                try:
                    text = socket.recv(timeout=IDLE_S, decode=True)
                except TimeoutError:
                    yield Quiet()
                    continue
                for event in feed.receive(str(text)):
                    if isinstance(event, Bye):
                        after_s = event.reconnect_after_s
                    else:
                        yield event
    except (LostError, ClientError, GeneratorExit):
        raise
    except Exception as error:
        raise explained(error, url=printable(url), after_s=after_s) from None
