"""Events: what happened on a machine, as a stream gives it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from vitalcast.client.reading import NONSENSE, Json, moment, whole, words
from vitalcast.client.streams import Stream
from vitalcast.client.ticks import Gap
from vitalcast.errors import AskError

SEEN_MAX: Final = 4096  # events that may come again
OVERLAP_S: Final = 60.0  # asked for once more after a loss: some are told later than they happened
BACKFILL_S_MAX: Final = 30 * 86_400

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Event(NamedTuple):
    """Something that happened at a moment, or went on for a while.

    One with the `id` of an earlier event replaces it: it has ended, or its cause is known. `gap` says that events may
    be missing before it.
    """

    id: str
    source: str
    time_ms: int
    end_ms: int | None
    kind: str
    severity: str
    title: str
    attributes: Mapping[str, Any]
    gap: Gap | None = None

    @property
    def time(self) -> datetime:
        """When it happened or began, in UTC."""
        return _EPOCH + timedelta(milliseconds=self.time_ms)

    @property
    def end(self) -> datetime | None:
        """When it ended, in UTC; None for a moment, and while it goes on."""
        return None if self.end_ms is None else _EPOCH + timedelta(milliseconds=self.end_ms)

    @property
    def ongoing(self) -> bool:
        """Whether it goes on."""
        return self.end_ms is None and "ongoing" in self.attributes


class EventStream(Stream):
    """Events as they happen. After a loss those since are asked for, and each comes once in each of its states."""

    def __init__(self, name: str, fields: Json) -> None:
        super().__init__(name, fields)
        self._seen: OrderedDict[int, int] = OrderedDict()  # what stands for each state, by what stands for its id
        self._gap: Gap | None = None

    def command(self, id_: int) -> dict[str, Any]:
        return {"type": "events", "id": id_, "stream": self.name, **self.fields}

    def go_on(self, away_ms: int) -> None:
        """Before it is asked for again, so long after anything was heard: ask for what has happened since."""
        self.fields["backfill"] = min(max(away_ms, 0) / 1000 + OVERLAP_S, BACKFILL_S_MAX)

    def acknowledge(self, message: Json) -> None:
        pass

    def take(self, message: Json) -> Iterator[Event]:
        if message["type"] == "gap":
            self._gap = Gap(whole(message["from"]), whole(message["to"]), words(message["why"]))
        elif message["type"] == "event":
            event = _event(message)
            if self._is_new(event):
                gap, self._gap = self._gap, None
                yield event._replace(gap=gap)

    def _is_new(self, event: Event) -> bool:
        """Say whether an event, or what has become of it, has not come before; take note of it."""
        key, state = hash(event.id), hash(repr(event))
        known = self._seen.get(key) == state
        self._seen[key] = state
        self._seen.move_to_end(key)
        if len(self._seen) > SEEN_MAX:
            self._seen.popitem(last=False)
        return not known


def read_event(message: Json) -> Event:
    """Return the event of an answer. Raises AskError where it is none."""
    try:
        return _event(message)
    except (AttributeError, KeyError, TypeError, ValueError):
        raise AskError(NONSENSE) from None


def _event(message: Json) -> Event:
    end = message["end"]
    return Event(
        str(message["id"]),
        str(message["source"]),
        moment(message["time"]),
        None if end is None else moment(end),
        str(message["kind"]),
        str(message["severity"]),
        str(message["title"]),
        dict(message["attributes"].items()),
    )
