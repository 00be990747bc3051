"""From the server's texts to ticks, gaps and goodbyes. No socket, no clock."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from vitalcast.core.metrics.model import series_key
from vitalcast.core.text import printable
from vitalcast.core.vocabulary import SUBPROTOCOL
from vitalcast.errors import ClientError, LostError

STREAM = "tail"
WORDS_MAX = 300  # of a server's sentence
RECONNECT_AFTER_S_MAX = 300.0
WHOLE_MAX = 2**53  # past it JSON's numbers are not whole for everybody, and sums too long to be written
NEEDS_HELLO = (
    "the server requires a token; create one on its machine with `vitalcast token create --scope stream "
    "--metrics 'system.>'` and give it with --token or in VITALCAST_TOKEN"
)


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
        self.interval_s = request.interval_s or 1.0  # how often ticks come, as far as is known

    @property
    def matching(self) -> bool:
        """Whether any series is there now."""
        return bool(self._columns)

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
        """Return what a text says. Raises ClientError for a refusal and for what is not the contract."""
        try:
            return list(self._read(json.loads(text)))
        except (ValueError, TypeError, KeyError, IndexError, AttributeError, ArithmeticError, RecursionError):
            raise ClientError(f"the server does not follow {SUBPROTOCOL}, it sent {text[:80]!r}") from None

    def _read(self, message: dict[str, Any]) -> Iterator[Event]:
        match message["type"]:
            case "welcome" if message.get("auth") == "required":
                raise ClientError(NEEDS_HELLO)
            case "ack":
                yield from self._acknowledged(message)
            case "snapshot":
                yield from self._snapshot(message)
            case "series":
                self._set_columns(message["series"])
            case "data":
                yield self._data(message)
            case "gap":
                yield Gap(_whole(message["from"]), _whole(message["to"]), words(message["why"]))
            case "bye":
                after_ms = _value(message["reconnect_after_ms"])
                yield Bye(None if after_ms is None else min(max(after_ms / 1000, 0.0), RECONNECT_AFTER_S_MAX))
            case "error":
                text = f"{words(message['message'])} (error {_whole(message['code'])})"
                raise LostError(text) if message["temporary"] else ClientError(text)

    def _acknowledged(self, message: dict[str, Any]) -> Iterator[Event]:
        epoch = str(message["epoch"])
        self.interval_s = max(_value(message.get("interval")) or self.interval_s, 0.0)
        yield from self._entered(epoch)

    def _entered(self, epoch: str) -> Iterator[Event]:
        # Within an epoch the server itself says what expired; of another epoch it knows nothing.
        if self._epoch not in (None, epoch):
            yield Gap(None, None, "restart")
        self._epoch = epoch

    def _snapshot(self, message: dict[str, Any]) -> Iterator[Event]:
        if "epoch" in message:  # another than the ack said where the source began anew meanwhile
            yield from self._entered(str(message["epoch"]))
        self._set_columns(message["series"])
        newest = len(message["times"]) - 1
        for index, time_ms in enumerate(message["times"]):
            self._set_values([column[index] for column in message["values"]])
            # The newest interval's end is the snapshot's own tick only where their times agree.
            known = index == newest and time_ms == message["time"]
            yield self._tick(time_ms, message["offset"] if known else None)
        self._offset = _whole(message["offset"])

    def _data(self, message: dict[str, Any]) -> Tick:
        if "values" in message:
            self._set_values(message["values"])
        else:
            for position, value in message["changed"].items():
                self._values[int(position)] = _value(value)
        self._offset = _whole(message["offset"])
        return self._tick(message["time"], self._offset)

    def _tick(self, time_ms: object, offset: object) -> Tick:
        return Tick(_whole(time_ms), None if offset is None else _whole(offset), self._columns, tuple(self._values))

    def _set_values(self, given: list[object]) -> None:
        if len(given) != len(self._columns):
            raise ValueError(f"{len(given)} values for {len(self._columns)} columns")
        self._values = [_value(one) for one in given]

    def _set_columns(self, series: list[dict[str, Any]]) -> None:
        aggregates = tuple(dict.fromkeys(self._request.aggregates))
        forms = [f"{aggregate}({{}})" for aggregate in aggregates] if len(aggregates) > 1 else ["{}"]
        self._columns = tuple(
            Column(
                form.format(series_key(str(one["name"]), tuple(one["attributes"].items()))),
                str(one["name"]),
                str(one["unit"]),
            )
            for one in series
            for form in forms
        )
        self._values = [None] * len(self._columns)


def words(given: object) -> str:
    """Return what a server says, as it may stand in a line of a terminal."""
    text = printable(str(given)[:WORDS_MAX])
    return text if len(text) <= WORDS_MAX else f"{text[: WORDS_MAX - 1]}…"


def _value(given: object) -> float | None:
    """Return a reading; None for what is none, be it not finite or not a number."""
    if not isinstance(given, int | float) or isinstance(given, bool):
        return None
    try:
        return given if math.isfinite(given) else None
    except OverflowError:  # a whole number that no float reaches
        return None


def _whole(given: object) -> int:
    if not isinstance(given, int) or isinstance(given, bool) or abs(given) > WHOLE_MAX:
        raise TypeError("this is no whole number that counts anything")
    return given
