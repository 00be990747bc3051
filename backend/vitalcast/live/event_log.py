"""The event log: gives what happens its place, keeps it within bounds, and tells the hub."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

from vitalcast import clocks
from vitalcast.core.events.checked import (
    TITLE_CHARS_MAX,
    Attributes,
    fitted,
    fitted_attributes,
    fitted_names,
)
from vitalcast.core.events.event import ONGOING, Event, EventKind, Severity
from vitalcast.core.events.rate import Bounds, EventRate

logger = logging.getLogger(__name__)

IDS_PER_MS = 4096  # as far as ids keep up with the clock; past that they run ahead of it
AHEAD_MAX_MS = 366 * 86_400_000
ONGOING_MAX = 1000
RATES: Mapping[str, Bounds] = {
    EventKind.LEVEL: Bounds(at_once=40, per_minute=6),  # of all panels together
    EventKind.MARK: Bounds(at_once=200, per_minute=60),  # which programs make, and admins alone
}
LEFT_OUT = "left_out"  # the attribute that counts the events of its kind which were too many
_NONE: Mapping[str, str | int | float] = MappingProxyType({})


class EventLog:
    """Notes the events of one source. `tell` is given each, and again what has become of it.

    Ids grow, whatever happens to the clock. What goes on is kept here until it ends, so much of it at most. Events that
    would be too many of their kind are left out; the next one of the kind says how many. All belongs to the event
    loop's thread.
    """

    def __init__(
        self,
        source: str,
        *,
        tell: Callable[[Event], None],
        now_ms: Callable[[], int] = clocks.wall_ms,
        now_s: Callable[[], float] = time.monotonic,
        rate: EventRate | None = None,
    ) -> None:
        self.left_out = 0
        self._source = source
        self._tell = tell
        self._now_ms = now_ms
        self._now_s = now_s
        self._rate = rate or EventRate(kinds=RATES)
        self._last_id = 0
        self._ongoing: dict[str, Event] = {}

    def note(
        self,
        kind: EventKind,
        title: str,
        *,
        severity: Severity = Severity.INFO,
        time_ms: int | None = None,
        end_ms: int | None = None,
        names: Iterable[str] = (),
        attributes: Attributes = _NONE,
        ongoing: bool = False,
        sort: str = "",
    ) -> Event | None:
        """Note what happened, now unless `time_ms` says when; None where it is one too many of its kind.

        Each `sort` of a kind is counted by itself, so that interfaces that come and go leave room for a disk that does.
        `ongoing` says that its end is yet to come: `amend` brings it.
        """
        left_out = self._rate.admit(f"{kind}/{sort}" if sort else kind, self._now_s())
        if left_out is None:
            self.left_out += 1
            return None
        said = dict(attributes) | ({LEFT_OUT: left_out} if left_out else {}) | ({ONGOING: 1} if ongoing else {})
        event = Event(
            self._next_id(),
            self._source,
            self._now_ms() if time_ms is None else time_ms,
            kind,
            severity,
            fitted(title, TITLE_CHARS_MAX),
            end_ms,
            fitted_names(names),
            fitted_attributes(said),
        )
        if ongoing:
            self._begin(event)
        self._tell(event)
        return event

    def amend(
        self,
        event: Event,
        *,
        title: str | None = None,
        severity: Severity | None = None,
        names: Iterable[str] | None = None,
        attributes: Attributes = _NONE,
        end_ms: int | None = None,
        reopened: bool = False,
    ) -> Event:
        """Say what has become of an event; with `end_ms` it goes on no more, and `reopened` it does again.

        Return it as it is now.
        """
        if reopened:
            attributes = {ONGOING: 1} | dict(attributes)
            end_ms = None
        else:
            end_ms = event.end_ms if end_ms is None else max(end_ms, event.time_ms)
        said = {key: value for key, value in event.attributes.items() if key != ONGOING or end_ms is None}
        changed = replace(
            event,
            title=event.title if title is None else fitted(title, TITLE_CHARS_MAX),
            severity=event.severity if severity is None else severity,
            names=event.names if names is None else fitted_names(names),
            attributes=fitted_attributes(said | dict(attributes)),
            end_ms=end_ms,
        )
        if changed.ongoing:
            self._ongoing[event.id] = changed
        else:
            self._ongoing.pop(event.id, None)
        if changed != event:
            self._tell(changed)
        return changed

    def ongoing(self, id_: str) -> Event | None:
        """Return the event of this id as it is now, if it goes on."""
        return self._ongoing.get(id_)

    def resume(self, events: Iterable[Event]) -> None:
        """Go on with what an earlier run left going on, and with ids above all of these."""
        sane = (self._now_ms() + AHEAD_MAX_MS) * IDS_PER_MS  # else one wrong id would be the last
        for event in events:
            number = _number(event.id)
            self._last_id = max(self._last_id, number if number < sane else 0)
            if event.ongoing:
                self._begin(event)

    def _begin(self, event: Event) -> None:
        self._ongoing[event.id] = event
        while len(self._ongoing) > ONGOING_MAX:
            oldest = next(iter(self._ongoing))
            logger.warning("more than %d events go on: no end of %r will be noted", ONGOING_MAX, oldest)
            del self._ongoing[oldest]

    def _next_id(self) -> str:
        self._last_id = max(self._last_id + 1, self._now_ms() * IDS_PER_MS)
        return f"{self._last_id:014x}"


def _number(id_: str) -> int:
    """Return the number of an id, 0 for one that is not of this form."""
    try:
        return int(id_, 16) if len(id_) == 14 else 0
    except ValueError:
        return 0
