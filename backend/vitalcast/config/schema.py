"""What may be set: the sections of the configuration file, and what it may have several of."""

# Not `from __future__ import annotations`: pydantic would compile each field's text anew, at every start.

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.fields import FieldInfo

from vitalcast.config.conflicts import conflicts_in
from vitalcast.config.limits import Limits, Stream, Timeouts
from vitalcast.config.machine import Collectors, Host, Recorder, Sampler
from vitalcast.config.memory import History, Memory
from vitalcast.config.server import Access, Server
from vitalcast.core.panels.builtin import BUILT_IN
from vitalcast.core.panels.playlist import BUILT_IN_PLAYLISTS, Playlist
from vitalcast.core.panels.schema import Panel
from vitalcast.errors import ConflictError

ENV_PREFIX = "VITALCAST_"
ENV_DELIMITER = "__"


class Settings(BaseModel):
    """Every setting, valid and frozen.

    Constructing it reads nothing from outside, so `Settings(server={"port": 0})` is exact in a test;
    `load_settings` is what consults files and the environment.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    server: Server = Server()
    access: Access = Access()
    host: Host = Host()
    sampler: Sampler = Sampler()
    collectors: Collectors = Collectors()
    memory: Memory = Memory()
    history: History = History()
    recorder: Recorder = Recorder()
    stream: Stream = Stream()
    limits: Limits = Limits()
    timeouts: Timeouts = Timeouts()
    # By factories: a default that holds a dictionary would be copied each time.
    panels: tuple[Panel, ...] = Field(default_factory=lambda: BUILT_IN, strict=False)
    playlists: tuple[Playlist, ...] = Field(default_factory=lambda: BUILT_IN_PLAYLISTS, strict=False)

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        conflicts = tuple(
            conflicts_in(self.server, self.sampler, self.stream, self.limits, self.panels, self.playlists)
        )
        if conflicts:
            raise ConflictError(conflicts)
        return self

    def items(self) -> Iterator[tuple[str, Any]]:
        """Yield every dotted key with its value, in the order of the file. Panels and playlists have no dotted keys."""
        for section in SECTIONS:
            values = getattr(self, section)
            for name in type(values).model_fields:
                yield f"{section}.{name}", getattr(values, name)


def section_type(section: str) -> type[BaseModel]:
    annotation = Settings.model_fields[section].annotation
    if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        raise TypeError(f"the section {section} is not a model")
    return annotation


# What a file may have several of, and the environment none.
TABLES = ("panels", "playlists")

# What a running server takes anew from the file, with the thresholds of panels; all else holds until it is restarted.
RELOADABLE: tuple[str, ...] = ("panels", "playlists")

SECTIONS: tuple[str, ...] = tuple(name for name in Settings.model_fields if name not in TABLES)

FIELDS: Mapping[str, FieldInfo] = MappingProxyType(
    {f"{section}.{name}": info for section in SECTIONS for name, info in section_type(section).model_fields.items()}
)
