"""Keeps a connection to a server, for as long as it takes, and feeds a sink from it."""

from __future__ import annotations

import functools
import random
import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, closing
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from vitalcast.tail.feed import SUBPROTOCOL, Bye, Feed, Gap, LostError, Quiet, Request, TailError, Tick
from vitalcast.tail.sinks import LIVE, Sink

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection

MESSAGE_BYTES_MAX = 64 * 2**20  # a snapshot of a million values is some 20 MB of JSON
IDLE_S = 0.5
BACKOFF_MIN_S = 0.5
BACKOFF_MAX_S = 30.0
STAY_AWAY_FROM = 4500
RECOVERABLE_CODES_BELOW = 5000
UPGRADE_REQUIRED = 426
TOO_MANY_REQUESTS = 429


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
        raise ValueError(f"{url!r} is not a WebSocket address; give one like ws://127.0.0.1:8000/ws")
    path = parts.path if parts.path.rstrip("/") else "/ws"
    return urlunsplit((scheme, parts.netloc, path, parts.query, ""))


Connect = Callable[[str], "AbstractContextManager[ClientConnection]"]


def open_socket(url: str, *, token: str | None = None) -> AbstractContextManager[ClientConnection]:
    """Connect with the subprotocol. Raises OSError, or what websockets raises for a failed handshake."""
    from websockets.sync.client import connect
    from websockets.typing import Subprotocol

    connection: AbstractContextManager[ClientConnection] = connect(
        url,
        subprotocols=[Subprotocol(SUBPROTOCOL)],
        additional_headers=None if token is None else {"Authorization": f"Bearer {token}"},
        max_size=MESSAGE_BYTES_MAX,
        close_timeout=1,
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
    jitter: Callable[[float, float], float] = random.uniform,
) -> None:
    """Feed `sink` until `count` ticks have come, for ever if None.

    Only the first connection must succeed. A later one that fails is tried again for as long as it takes,
    after pauses that double up to half a minute, with jitter so that not all clients come back at once. Raises
    TailError where trying again is useless.
    """
    connect = connect or functools.partial(open_socket, token=token)
    feed = Feed(request)
    ticks = 0
    attempt: int | None = None  # None before the first connection stood, 0 while one stands
    while True:
        lost: LostError
        try:
            with closing(_events(url, feed, connect)) as events:
                for event in events:
                    if attempt != 0:
                        attempt = 0
                        sink.status(LIVE)
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
            raise TailError(f"{url}: {lost}{lost.advice}")
        ceiling_s = min(BACKOFF_MAX_S, BACKOFF_MIN_S * 2**attempt)
        pause_s = jitter(ceiling_s / 2, ceiling_s) if lost.after_s is None else lost.after_s
        attempt = min(attempt + 1, 10)
        sink.status(f"{lost}; trying again in {pause_s:.1f} s")
        sleep(pause_s)


def _events(url: str, feed: Feed, connect: Connect) -> Generator[Tick | Gap | Quiet]:
    """Yield what one connection brings, until LostError, or TailError where a new one would not help."""
    from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

    after_s: float | None = None
    try:
        with connect(url) as socket:
            if socket.subprotocol != SUBPROTOCOL:
                raise TailError(f"{url}: the server does not speak {SUBPROTOCOL}")
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
    except ConnectionClosed as error:
        close = error.rcvd
        if close is not None and STAY_AWAY_FROM <= close.code < RECOVERABLE_CODES_BELOW:
            raise TailError(f"{url}: the server closed with {close.code} {close.reason}".rstrip()) from None
        reason = f"connection closed with {close.code} {close.reason}".rstrip() if close else "connection lost"
        raise LostError(reason, after_s=after_s) from None
    except InvalidStatus as error:
        status = error.response.status_code
        if status == UPGRADE_REQUIRED:
            raise TailError(
                f"{url}: a proxy in between does not pass the headers Upgrade and Connection on, without which no "
                "WebSocket can be opened"
            ) from None
        if 400 <= status < 500 and status != TOO_MANY_REQUESTS:
            raise TailError(f"{url}: the server refused the WebSocket with HTTP {status}") from None
        raise LostError(f"HTTP {status}") from None
    except InvalidURI as error:
        raise TailError(f"--url: {error}") from None
    except InvalidHandshake as error:
        raise LostError(f"no WebSocket there ({error})") from None
    except TimeoutError:
        raise LostError("no answer in time") from None
    except OSError as error:
        raise LostError(
            f"cannot connect ({error.strerror or error})",
            advice="; start the server with `vitalcast`, or say where it is with --url",
        ) from None
