"""The client behind `vitalcast tail`: follows series of a server, and comes back where it left off."""

from __future__ import annotations

import json
import random
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TextIO
from urllib.parse import urlsplit, urlunsplit

from vitalcast.errors import VitalcastError
from vitalcast.model import series_key

if TYPE_CHECKING:
    from rich.console import Console, Group
    from websockets.sync.client import ClientConnection

SUBPROTOCOL = "vitalcast.v1.json"
STREAM = "tail"
MESSAGE_BYTES_MAX = 64 * 2**20  # a snapshot of a million values is some 20 MB of JSON
IDLE_S = 0.5
BACKOFF_MIN_S = 0.5
BACKOFF_MAX_S = 30.0
STAY_AWAY_FROM = 4500
RECOVERABLE_CODES_BELOW = 5000
SPARK_POINTS = 24
SPARKS = "▁▂▃▄▅▆▇█"


class TailError(VitalcastError):
    """Following has come to its end: there is no server, or it will not serve this."""


class _LostError(Exception):
    """The connection broke in a way that a new one may mend."""

    def __init__(self, why: str, *, after_s: float | None = None, advice: str = "") -> None:
        super().__init__(why)
        self.after_s = after_s
        self.advice = advice


@dataclass(frozen=True, slots=True)
class Request:
    """What to follow; `None` leaves the choice to the server."""

    metrics: tuple[str, ...]
    interval_s: float | None = None
    aggregates: tuple[str, ...] = ()
    backfill_s: float | None = None


class Column(NamedTuple):
    """One value of every tick: the series' key, or `max(key)` of several aggregates; its name and unit."""

    key: str
    name: str
    unit: str


class Tick(NamedTuple):
    """The readings of one time. `offset` is None for a snapshot's older ticks: the wire has none for them."""

    time_ms: int
    offset: int | None
    columns: tuple[Column, ...]
    values: tuple[float | None, ...]


class Gap(NamedTuple):
    """Ticks that will not come, and why. The bounds are None where the server lost count with its store."""

    first: int | None
    last: int | None
    why: str


class Quiet(NamedTuple):
    """Nothing came for a while."""


class Bye(NamedTuple):
    """The server is about to close."""

    code: int
    reconnect_after_s: float | None


Event = Tick | Gap | Bye


class Feed:
    """Turns the server's texts into events and remembers the position to resume from. No socket, no clock."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._epoch: str | None = None
        self._offset: int | None = None
        self._columns: tuple[Column, ...] = ()
        self._values: list[float | None] = []

    def subscribe(self) -> str:
        """Return the command for a new connection; it resumes where the last one ended."""
        request = self._request
        command: dict[str, Any] = {
            "type": "subscribe",
            "id": 1,
            "stream": STREAM,
            "metrics": list(request.metrics),
        }
        if request.interval_s is not None:
            command["interval"] = request.interval_s
        if request.aggregates:
            command["aggregate"] = list(request.aggregates)
        if self._epoch is not None and self._offset is not None:
            command["since"] = {"epoch": self._epoch, "offset": self._offset}
        if request.backfill_s is not None:  # beside `since`, for where that cannot be answered any more
            command["backfill"] = request.backfill_s
        return json.dumps(command)

    def receive(self, text: str) -> list[Event]:
        """Return what a text says. Raises TailError for a refusal and for what is not the contract."""
        try:
            return list(self._read(json.loads(text)))
        except (ValueError, TypeError, KeyError, IndexError, AttributeError):
            raise TailError(f"the server does not keep to {SUBPROTOCOL}, it sent {text[:80]!r}") from None

    def _read(self, message: dict[str, Any]) -> Iterator[Event]:
        match message["type"]:
            case "ack":
                yield from self._acknowledged(message)
            case "snapshot":
                yield from self._snapshot(message)
            case "series":
                self._set_columns(message["series"])
            case "data":
                yield self._data(message)
            case "gap":
                yield Gap(message["from"], message["to"], message["why"])
            case "bye":
                after_ms = message["reconnect_after_ms"]
                yield Bye(message["code"], None if after_ms is None else after_ms / 1000)
            case "error":
                text = f"{message['message']} (error {message['code']})"
                raise _LostError(text) if message["temporary"] else TailError(text)

    def _acknowledged(self, message: dict[str, Any]) -> Iterator[Event]:
        # Within an epoch the server itself says what expired; of another epoch it knows nothing.
        if self._epoch not in (None, message["epoch"]):
            yield Gap(None, None, "restart")
        self._epoch = message["epoch"]

    def _snapshot(self, message: dict[str, Any]) -> Iterator[Event]:
        self._set_columns(message["series"])
        newest = len(message["times"]) - 1
        for index, time_ms in enumerate(message["times"]):
            self._values = [column[index] for column in message["values"]]
            # The newest interval's end is the snapshot's own tick only where their times agree.
            known = index == newest and time_ms == message["time"]
            yield Tick(time_ms, message["offset"] if known else None, self._columns, tuple(self._values))
        self._offset = message["offset"]

    def _data(self, message: dict[str, Any]) -> Tick:
        if "values" in message:
            self._values = list(message["values"])
        else:
            for position, value in message["changed"].items():
                self._values[int(position)] = value
        self._offset = message["offset"]
        return Tick(message["time"], message["offset"], self._columns, tuple(self._values))

    def _set_columns(self, series: list[dict[str, Any]]) -> None:
        aggregates = tuple(dict.fromkeys(self._request.aggregates))
        forms = [f"{aggregate}({{}})" for aggregate in aggregates] if len(aggregates) > 1 else ["{}"]
        self._columns = tuple(
            Column(
                form.format(series_key(one["name"], tuple(one["attributes"].items()))),
                one["name"],
                one["unit"],
            )
            for one in series
            for form in forms
        )
        self._values = [None] * len(self._columns)


class Sink(Protocol):
    """Where the events go."""

    def tick(self, tick: Tick) -> None: ...

    def gap(self, gap: Gap) -> None: ...

    def status(self, text: str) -> None:
        """Take news about the connection."""

    def idle(self) -> None:
        """Be told that nothing came for a while."""


class JsonLines:
    """Writes one JSON object a line: a tick or a gap. News about the connection go to `errors`."""

    def __init__(self, out: TextIO, errors: TextIO) -> None:
        self._out = out
        self._errors = errors

    def tick(self, tick: Tick) -> None:
        metrics = {column.key: value for column, value in zip(tick.columns, tick.values, strict=True)}
        self._write({"time": tick.time_ms, "offset": tick.offset, "metrics": metrics})

    def gap(self, gap: Gap) -> None:
        self._write({"gap": {"from": gap.first, "to": gap.last, "why": gap.why}})

    def status(self, text: str) -> None:
        if text != "live":
            self._errors.write(f"vitalcast: {text}\n")
            self._errors.flush()

    def idle(self) -> None:
        pass

    def _write(self, value: dict[str, Any]) -> None:
        self._out.write(json.dumps(value, separators=(",", ":")) + "\n")
        self._out.flush()


@dataclass(slots=True)
class _Row:
    column: Column
    value: float | None = None
    recent: deque[float | None] = field(default_factory=lambda: deque(maxlen=SPARK_POINTS))


class LiveTable:
    """Draws the newest readings as a table that stays in place in a terminal. Use it as a context."""

    def __init__(
        self,
        console: Console,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        from rich.live import Live

        self._monotonic = monotonic
        self._rows: dict[str, _Row] = {}
        self._status = "connecting"
        self._seen_s: float | None = None
        self._missed = 0
        self._gap = ""
        self._live = Live(self.picture(), console=console, auto_refresh=False)

    def __enter__(self) -> LiveTable:
        self._live.__enter__()
        return self

    def __exit__(self, *exception: Any) -> None:
        self._live.__exit__(*exception)

    def tick(self, tick: Tick) -> None:
        self._seen_s = self._monotonic()
        rows = {}
        for column, value in zip(tick.columns, tick.values, strict=True):
            row = rows[column.key] = self._rows.get(column.key) or _Row(column)
            row.value = value
            row.recent.append(value)
        self._rows = rows
        if tick.offset is not None:  # the older ticks of a snapshot come all at once: draw after the last
            self._draw()

    def gap(self, gap: Gap) -> None:
        if gap.first is not None and gap.last is not None:
            self._missed += gap.last - gap.first + 1
        self._gap = gap.why
        self._draw()

    def status(self, text: str) -> None:
        self._status = text
        self._draw()

    def idle(self) -> None:
        self._draw()

    def picture(self) -> Group:
        """Return what is drawn: the table, and a line on how fresh it is."""
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        age = "no data yet" if self._seen_s is None else f"{self._monotonic() - self._seen_s:.1f} s old"
        parts = [self._status, age]
        if self._gap:
            parts.append(f"{self._missed} ticks not delivered, last cause: {self._gap}")
        table = Table()
        table.add_column("series", overflow="fold")
        table.add_column("value", justify="right", no_wrap=True)
        table.add_column("recent", no_wrap=True, min_width=SPARK_POINTS)
        for key, row in self._rows.items():
            table.add_row(Text(key), format_value(row.value, row.column), sparkline(row.recent))
        return Group(table, Text(" · ".join(parts)))

    def _draw(self) -> None:
        self._live.update(self.picture(), refresh=True)


def format_value(value: float | None, column: Column) -> str:
    """Return a reading for human eyes: `31.0 %`, `1.5 GiB/s`, `–` for none."""
    if value is None:
        return "–"
    if column.unit == "1" and column.name.endswith("utilization"):
        return f"{value * 100:.1f} %"
    unit, _, per = column.unit.partition("/")
    tail = f"/{per}" if per else ""
    if unit == "By":
        for prefix in ("", "Ki", "Mi", "Gi", "Ti"):
            if abs(value) < 1024 or prefix == "Ti":
                return f"{value:.{1 if prefix else 0}f} {prefix}B{tail}"
            value /= 1024
    text = f"{value:,.0f}" if value == int(value) or abs(value) >= 1000 else f"{value:.3g}"
    symbol = {"1": "", "Cel": "°C"}.get(unit, "" if unit.startswith("{") else unit)
    return f"{text} {symbol}{tail}".strip() if symbol or not tail else f"{text}{tail}"


def sparkline(values: deque[float | None]) -> str:
    """Draw the readings as blocks between their least and their greatest; a space where there was none."""
    known = [value for value in values if value is not None]
    if not known:
        return ""
    low, span = min(known), max(known) - min(known)
    top = len(SPARKS) - 1
    return "".join(
        " " if value is None else SPARKS[round((value - low) / span * top) if span > 0 else 0] for value in values
    )


def socket_url(url: str) -> str:
    """Return the WebSocket URL meant by `url`; a page's `http://host:8000/` will do. Raises ValueError."""
    try:
        parts = urlsplit(url)
        scheme = {"ws": "ws", "wss": "wss", "http": "ws", "https": "wss"}[parts.scheme]
        known = bool(parts.hostname) and parts.port != 0
    except (KeyError, ValueError):
        known = False
    if not known:
        raise ValueError(f"{url!r} is not a WebSocket address; give one like ws://127.0.0.1:8000/ws")
    path = parts.path if parts.path.rstrip("/") else "/ws"
    return urlunsplit((scheme, parts.netloc, path, parts.query, ""))


Connect = Callable[[str], "AbstractContextManager[ClientConnection]"]


def open_socket(url: str) -> AbstractContextManager[ClientConnection]:
    """Connect with the subprotocol. Raises OSError, or what websockets raises for a failed handshake."""
    from websockets.sync.client import connect
    from websockets.typing import Subprotocol

    connection: AbstractContextManager[ClientConnection] = connect(
        url,
        subprotocols=[Subprotocol(SUBPROTOCOL)],
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
    connect: Connect = open_socket,
    sleep: Callable[[float], None] = time.sleep,
    jitter: Callable[[float, float], float] = random.uniform,
) -> None:
    """Feed `sink` until `count` ticks have come, for ever if None.

    Only the first connection must succeed. A later one that fails is tried again for as long as it takes,
    after pauses that double up to half a minute, with jitter so that not all clients come back at once. Raises
    TailError where trying again is useless.
    """
    feed = Feed(request)
    ticks = 0
    attempt: int | None = None  # None before the first connection stood, 0 while one stands
    while True:
        lost: _LostError
        try:
            with closing(_events(url, feed, connect)) as events:
                for event in events:
                    if attempt != 0:
                        attempt = 0
                        sink.status("live")
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
        except _LostError as error:
            lost = error
        if attempt is None:
            raise TailError(f"{url}: {lost}{lost.advice}")
        ceiling_s = min(BACKOFF_MAX_S, BACKOFF_MIN_S * 2**attempt)
        pause_s = jitter(ceiling_s / 2, ceiling_s) if lost.after_s is None else lost.after_s
        attempt = min(attempt + 1, 10)
        sink.status(f"{lost}; trying again in {pause_s:.1f} s")
        sleep(pause_s)


def _events(url: str, feed: Feed, connect: Connect) -> Generator[Tick | Gap | Quiet]:
    """Yield what one connection brings, until _LostError, or TailError where a new one would not help."""
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
        raise _LostError(reason, after_s=after_s) from None
    except InvalidStatus as error:
        status = error.response.status_code
        if 400 <= status < 500:
            raise TailError(f"{url}: the server refused the WebSocket with HTTP {status}") from None
        raise _LostError(f"HTTP {status}") from None
    except InvalidURI as error:
        raise TailError(f"--url: {error}") from None
    except InvalidHandshake as error:
        raise _LostError(f"no WebSocket there ({error})") from None
    except TimeoutError:
        raise _LostError("no answer in time") from None
    except OSError as error:
        raise _LostError(
            f"cannot connect ({error.strerror or error})",
            advice="; start the server with `vitalcast`, or say where it is with --url",
        ) from None
