"""What one subscription knows between a server's messages: how to ask for it, and where it stands. No I/O, no clock."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from array import array
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from vitalcast.client.binary import DataFrame
from vitalcast.client.panels import head_of
from vitalcast.client.reading import Json, moment, number, series_of, whole, words
from vitalcast.client.ticks import NO_COLUMNS, Columns, Gap, Position, Tick, joined

NAN: Final = math.nan


class Stream(ABC):
    """One subscription. `fields` are those of its command, as the wire has them.

    `group` is the number under which its messages come on this connection, None until it has been acknowledged, and
    `acknowledged` says that it once was, on any.
    """

    def __init__(self, name: str, fields: Json) -> None:
        self.name = name
        self.fields = dict(fields)
        self.group: int | None = None
        self.acknowledged = False

    @abstractmethod
    def command(self, id_: int) -> dict[str, Any]:
        """Return the command for a new connection: it goes on where the last one ended."""

    @abstractmethod
    def acknowledge(self, message: Json) -> None:
        """Take in an ack."""

    @abstractmethod
    def take(self, message: Json) -> Iterator[Any]:
        """Yield what a message of its group brings. Raises what reading it may raise."""

    def update(self, id_: int, changes: Json) -> dict[str, Any]:
        """Return the command that changes it from now on."""
        self.fields |= changes
        return {"type": "update", "id": id_, "stream": self.name, **changes}

    def unsubscribe(self, id_: int) -> dict[str, Any]:
        return {"type": "unsubscribe", "id": id_, "stream": self.name}


class MetricStream(Stream):
    """Ticks of series or of a panel.

    `position` is the last tick that the server has told of, from which it goes on. Ticks that came before are passed
    over, whoever sends them again: by their offsets, and those of a snapshot, which have none, by their times.
    """

    def __init__(self, name: str, fields: Json, *, position: Position | None = None) -> None:
        super().__init__(name, fields)
        self.position = position
        self.interval_s = float(fields.get("interval") or 1.0)  # how often ticks come, as far as is known
        self._ratios = "ratio_to" in fields
        self._aggregates = tuple(dict.fromkeys(fields.get("aggregate") or ("" if "panel" in fields else "last",)))
        self._columns = NO_COLUMNS
        self._values: array[float] = array("d")
        self._gaps: list[Gap] = []
        self._gaps_told = -1  # up to there a snapshot has said itself what is missing
        self._time_ms: int | None = None  # of the newest tick
        self._recovered = False
        self._awaited = False  # whether a snapshot is to follow an ack
        self._begun = False  # whether a snapshot has come on this connection

    @property
    def matching(self) -> bool:
        """Whether any series is there now."""
        return len(self._columns) > 0

    def command(self, id_: int) -> dict[str, Any]:
        self._begun = False
        command = {"type": "subscribe", "id": id_, "stream": self.name, **self.fields}
        return command | self._since()  # beside a backfill, for where this cannot be answered any more

    def update(self, id_: int, changes: Json) -> dict[str, Any]:
        return super().update(id_, changes) | self._since()

    def _since(self) -> dict[str, Any]:
        position = self.position
        return {} if position is None or position.offset < 0 else {"since": position._asdict()}

    def acknowledge(self, message: Json) -> None:
        epoch = str(message["epoch"])
        self.interval_s = max(number(message.get("interval")) or self.interval_s, 0.0)
        self._recovered = message.get("recovered") is True
        self._awaited = True
        self._enter(epoch)

    def take(self, message: Json) -> Iterator[Tick]:
        match message["type"]:
            case "snapshot":
                yield from self._snapshot(message)
            case "series":
                self._set_columns(message)
            case "data" if self._begun:
                values, changed = _content(message)
                yield from self._data(whole(message["offset"]), moment(message["time"]), values, changed)
            case "gap":
                gap = Gap(whole(message["from"]), whole(message["to"]), words(message["why"]))
                if gap.last is not None and gap.last > self._gaps_told:  # else a snapshot has told of it
                    self._gap(gap)

    def take_frame(self, frame: DataFrame) -> Iterator[Tick]:
        """Yield what a binary data frame brings."""
        if self._begun:
            if frame.size != len(self._values):
                raise ValueError(f"a frame of {frame.size} values for {len(self._values)} columns")
            yield from self._data(frame.offset, moment(frame.time_ms), frame.values, frame.changed)

    def _enter(self, epoch: str) -> None:
        # Within an epoch the server itself says what expired; of another epoch it knows nothing.
        if self.position is None:
            self.position = Position(epoch, -1)
        elif self.position.epoch != epoch:
            self._gap(Gap(None, None, "restart"))
            self._time_ms, self._gaps_told = None, -1
            self.position = Position(epoch, -1)

    def _gap(self, gap: Gap) -> None:
        """Keep a gap for the next tick. Those before the last few become one, as nobody counts them apart."""
        if gap not in self._gaps:
            self._gaps.append(gap)
        if len(self._gaps) > GAPS_MAX:
            self._gaps[:2] = [joined(self._gaps[0], self._gaps[1])]

    def _snapshot(self, message: Json) -> Iterator[Tick]:
        if "epoch" in message:  # another than the ack said where the source began anew meanwhile
            self._enter(str(message["epoch"]))
        assert self.position is not None
        past = _Past.read(message)
        columns = self._set_columns(message)
        rows = _columns_of(message["values"], count=len(columns), length=len(past.times_ms))
        before, awaited, recovered = self.position, self._awaited, self._recovered
        self._awaited, self._recovered, self._begun = False, False, True
        if rows:
            self._values = array("d", [column[-1] if column else NAN for column in rows])
        self._gaps_told = past.offset if past.holes is not None else -1
        if not awaited and past.offset <= before.offset:  # of a panel whose lines are others now: its past once more
            return
        self.position = before._replace(offset=past.offset)
        for index in self._new_rows(past, recovered=recovered, known=before.offset):
            offset, position = past.place(index, self.position)
            if offset is not None:
                self._gap_all(past.holes_before(offset, known=before.offset))
            yield self._tick(past.times_ms[index], offset, array("d", [column[index] for column in rows]), position)
        self._gap_all(past.holes_before(None, known=before.offset))

    def _gap_all(self, gaps: Iterator[Gap]) -> None:
        for gap in gaps:
            self._gap(gap)

    def _new_rows(self, past: _Past, *, recovered: bool, known: int) -> Iterator[int]:
        """Yield which rows have not come before: by their numbers, or where they have none by their times."""
        # What was missed comes alone. Else ticks may be among these that have come before, if no clock was set back.
        newest_ms = self._time_ms
        seen_ms = -1 if recovered or newest_ms is None or newest_ms > past.end_ms else newest_ms
        for index, (time_ms, offset) in enumerate(zip(past.times_ms, past.offsets, strict=True)):
            if offset is not None and recovered:
                if offset > known:
                    yield index
            elif time_ms > seen_ms:
                yield index

    def _data(self, offset: int, time_ms: int, values: array[float], changed: Sequence[int] | None) -> Iterator[Tick]:
        assert self.position is not None  # since a snapshot has come
        if offset <= self.position.offset:
            return
        if changed is None:
            if len(values) != len(self._columns):
                raise ValueError(f"{len(values)} values for {len(self._columns)} columns")
            after = values
        else:
            after = array("d", self._values)
            for place, value in zip(changed, values, strict=True):
                after[place] = value
        self._values = after
        self.position = Position(self.position.epoch, offset)
        yield self._tick(time_ms, offset, after, self.position)

    def _tick(self, time_ms: int, offset: int | None, values: array[float], position: Position | None) -> Tick:
        gaps = tuple(self._gaps)
        self._gaps.clear()
        self._time_ms = time_ms
        return Tick(time_ms, offset, self._columns, values, gaps=gaps, position=position)

    def _set_columns(self, message: Json) -> Columns:
        series = series_of(message["series"], self._aggregates, ratios=self._ratios)
        self._columns = Columns(series, head_of(message, len(series)))
        self._values = array("d", [NAN] * len(self._columns))
        return self._columns


@dataclass(slots=True)
class _Past:
    """Where the rows of a snapshot stand. `holes`, first and last ticks, are None where the server does not say."""

    offset: int
    end_ms: int
    times_ms: list[int]
    offsets: list[int | None]
    holes: deque[tuple[int, int]] | None

    @classmethod
    def read(cls, message: Json) -> _Past:
        offset, end_ms = whole(message["offset"]), moment(message["time"])
        times = [moment(one) for one in message["times"]]
        if "offsets" in message:
            offsets = [None if one is None else whole(one) for one in message["offsets"]]
        else:  # the newest interval's end is the snapshot's own tick only where their times agree
            offsets = [None] * len(times)
            offsets[-1:] = [offset if times[-1] == end_ms else None] if times else []
        if len(offsets) != len(times):
            raise ValueError(f"{len(offsets)} offsets for {len(times)} times")
        holes = deque((whole(first), whole(last)) for first, last in message["gaps"]) if "gaps" in message else None
        return cls(offset, end_ms, times, offsets, holes)

    def place(self, index: int, newest: Position) -> tuple[int | None, Position | None]:
        """Return the number of a row, and where a program stands that has taken it."""
        offset = self.offsets[index]
        if index == len(self.times_ms) - 1:
            return offset, newest
        return offset, None if offset is None else newest._replace(offset=offset)

    def holes_before(self, offset: int | None, *, known: int) -> Iterator[Gap]:
        """Yield the holes before a tick that have not been yielded; all that are left before none."""
        while self.holes and (offset is None or self.holes[0][1] < offset):
            first, last = self.holes.popleft()
            if last > known:
                yield Gap(first, last, "sampler")


GAPS_MAX: Final = 64  # before one tick; a snapshot tells every hole of its past


def _columns_of(given: Sequence[Sequence[object]], *, count: int, length: int) -> list[list[float]]:
    """Return the values of a snapshot, a list for each column."""
    if len(given) != count or any(len(column) != length for column in given):
        raise ValueError(f"not {length} values of each of {count} columns")
    return [[_reading(value) for value in column] for column in given]


def _content(message: Json) -> tuple[array[float], list[int] | None]:
    """Return the values of a data message, and which they are where it has not all."""
    if "values" in message:
        return array("d", [_reading(one) for one in message["values"]]), None
    changed = message["changed"]
    return array("d", [_reading(one) for one in changed.values()]), [_place(one) for one in changed]


def _place(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise ValueError(f"{text!r} is no column")
    return int(text)


def _reading(given: object) -> float:
    known = number(given)
    return NAN if known is None else known
