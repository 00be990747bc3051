"""An event: something that happened at a moment, or went on for a while."""

from __future__ import annotations

import enum
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple


class EventKind(enum.StrEnum):
    """What sort of thing happened."""

    BOOT = "boot"
    SHUTDOWN = "shutdown"
    START = "start"
    STOP = "stop"
    GAP = "gap"
    CLOCK = "clock"
    OOM_KILL = "oom_kill"
    DEVICE = "device"
    FILESYSTEM = "filesystem"
    LEVEL = "level"
    MARK = "mark"


class Severity(enum.StrEnum):
    """How bad it is, least first."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """How bad it is as a number, 0 for the least."""
        return _RANKS[self]


_RANKS = {severity: rank for rank, severity in enumerate(Severity)}
ONGOING = "ongoing"  # the attribute of an event that goes on
CUT_OFF: Mapping[str, int] = MappingProxyType({"cut_off": 1})  # what has one that nobody watches any longer


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a source. One with the same `id` replaces it: a span that has ended, a cause found later.

    Ids are text that grows with time. `end_ms` is None for a moment, and while it goes on, which the attribute ONGOING
    says.
    `names` are the programs or users that had to do with it, which not everybody may see: `title` says nothing of them.
    `attributes` are short texts and numbers.
    """

    id: str
    source: str
    time_ms: int
    kind: EventKind
    severity: Severity
    title: str
    end_ms: int | None = None
    names: tuple[str, ...] = ()
    attributes: Mapping[str, str | int | float] = field(default_factory=lambda: MappingProxyType({}))

    def shown(self, *, named: bool) -> dict[str, Any]:
        """Return it as JSON is to have it; unless `named`, without the names of programs and users."""
        names = list(self.names) if named else []
        return {
            "id": self.id,
            "source": self.source,
            "time": self.time_ms,
            "end": self.end_ms,
            "kind": self.kind.value,
            "severity": self.severity.value,
            "title": f"{self.title}: {', '.join(names)}" if names else self.title,
            "attributes": dict(self.attributes) | ({"names": names} if names else {}),
        }

    @property
    def ongoing(self) -> bool:
        """Whether it goes on: a span whose end is yet to come."""
        return self.end_ms is None and ONGOING in self.attributes

    def overlaps(self, start_ms: int, end_ms: int) -> bool:
        """Say whether some of it was in (start_ms, end_ms]."""
        return self.time_ms <= end_ms and (self.ongoing or max(self.time_ms, self.end_ms or 0) > start_ms)


class EventFilter(NamedTuple):
    """Which events are wanted: those of these kinds, None for all, which are at least this bad."""

    kinds: Collection[str] | None = None
    severity: Severity = Severity.INFO

    def takes(self, event: Event) -> bool:
        """Say whether an event is wanted."""
        return (self.kinds is None or event.kind in self.kinds) and event.severity.rank >= self.severity.rank


ANY_EVENT = EventFilter()
