"""Whose samples they are: a host, a scraped target, a program that sends its own."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass

ID_CHARS_MAX = 64
NAME_CHARS_MAX = 255
_ID = re.compile(r"[A-Za-z0-9_-]+")


class ResourceKind(enum.StrEnum):
    """What sort of thing a source is."""

    HOST = "host"
    TARGET = "target"
    OTLP = "otlp"


@dataclass(frozen=True, slots=True)
class Resource:
    """What a source is, in OpenTelemetry's word: `id` stays the same for good, `name` is what people call it.

    `attributes` (`host.name`, `os.type`, …) are sorted by key. Raises ValueError for an id or a name that could not be
    shown or addressed.
    """

    id: str
    name: str
    kind: ResourceKind = ResourceKind.HOST
    attributes: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        check_id(self.id)
        if not 0 < len(self.name) <= NAME_CHARS_MAX or not self.name.isprintable():
            raise ValueError(f"a name has 1 to {NAME_CHARS_MAX} printable characters, got {self.name[:60]!r}")


def check_id(id_: str) -> None:
    """Raise ValueError unless this can be an id. It also stands in subjects, where a dot would split it."""
    if not _ID.fullmatch(id_) or len(id_) > ID_CHARS_MAX:
        raise ValueError(f"an id has 1 to {ID_CHARS_MAX} letters, digits, '-' and '_', got {id_[:ID_CHARS_MAX]!r}")


@dataclass(frozen=True, slots=True)
class Source:
    """A source that is running: what it is, the store that its offsets count in, and how often it ticks.

    `interval_ms` is the time between ticks while nobody wants them faster, `interval_min_ms` the shortest there is.
    """

    resource: Resource
    epoch: str
    interval_ms: int = 1000
    interval_min_ms: int = 100

    @property
    def id(self) -> str:
        return self.resource.id
