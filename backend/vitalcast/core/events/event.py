"""An event: something that happened at a moment, or went on for a while."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


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


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a source. One with the same `id` replaces it: a span that has ended, a cause found later.

    Ids are text that grows with time. `end_ms` is None for a moment, or while it goes on where attributes say so.
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
