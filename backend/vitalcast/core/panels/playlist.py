"""What a playlist of a wall screen is, as data: which panels follow each other, for how long and in which layout."""

# Not `from __future__ import annotations`: pydantic would compile each field's text anew, at every start.

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints
from pydantic.fields import FieldInfo

from vitalcast.core.panels.schema import ID_CHARS_MAX, ID_PATTERN, Duration, duration_form
from vitalcast.core.strict import Strict

Range = Literal["1m", "5m", "15m", "1h", "6h", "24h", "7d", "30d", "1y"]  # as the page has them

_Ids = Annotated[
    tuple[Annotated[str, StringConstraints(max_length=ID_CHARS_MAX, pattern=ID_PATTERN)], ...],
    Field(strict=False, max_length=64, json_schema_extra={"form": 'a list of panel ids, such as ["cpu", "memory"]'}),
]


class Entry(Strict):
    """One page of a playlist."""

    panels: _Ids = Field(default=(), description="Panels on this page, in order; empty: the whole dashboard")
    seconds: Duration = Field(
        default=30.0,
        ge=3,
        le=86400,
        description="How long the page is shown, if there are several",
        json_schema_extra={"form": duration_form(3, 86_400)},
    )
    layout: Literal["grid", "columns", "rows", "focus"] = Field(
        default="grid",
        description="How panels share the screen: evenly, side by side, one below the other, or the first one large",
    )
    range: Range = Field(default="5m", description="How far back the charts reach")
    compare: Literal["", "1h", "24h", "7d"] = Field(
        default="",
        description="How long ago the time is that charts are compared with; empty: nothing",
        json_schema_extra={"form": "1h, 24h or 7d, or an empty string"},
    )
    events: bool = Field(default=False, description="Whether charts have flags of what happened")


_Entries = Annotated[
    tuple[Entry, ...],
    Field(
        strict=False,
        min_length=1,
        max_length=32,
        json_schema_extra={"form": 'a list of tables, such as [{ panels = ["cpu", "memory"], seconds = 30 }, {}]'},
    ),
]


class Playlist(Strict):
    """What a wall screen shows, page after page."""

    id: str = Field(
        pattern=ID_PATTERN,
        max_length=ID_CHARS_MAX,
        description="Its id in addresses, as in /wall/ops, unique among playlists",
        json_schema_extra={"form": 'lower-case letters, digits and hyphens, such as "ops"'},
    )
    title: str = Field(
        min_length=1,
        max_length=120,
        description="Its title",
        json_schema_extra={"form": 'a string, such as "Operations"'},
    )
    theme: Literal["dark", "light", "system"] = Field(
        default="dark", description="Its colours; system follows the system of the screen"
    )
    clock: bool = Field(default=True, description="Shows the time of day")
    entries: _Entries = Field(description="Its pages, in order; the keys of a page follow")

    def public(self, panels: Collection[str]) -> dict[str, Any]:
        """Return all its keys, for JSON, without what is about other panels than these."""
        keys = self.model_dump()
        entries = [entry | {"panels": [id_ for id_ in entry["panels"] if id_ in panels]} for entry in keys["entries"]]
        shown = [entry for entry, own in zip(entries, self.entries, strict=True) if entry["panels"] or not own.panels]
        return keys | {"entries": shown}


PLAYLIST_FIELDS: Mapping[str, FieldInfo] = MappingProxyType(
    Playlist.model_fields | {f"entries.{key}": info for key, info in Entry.model_fields.items()}
)

BUILT_IN_PLAYLISTS: tuple[Playlist, ...] = (
    Playlist(
        id="default",
        title="Vital signs",
        entries=(
            Entry(panels=("cpu", "memory", "load", "pressure")),
            Entry(panels=("disk", "disk-busy", "filesystems", "network")),
            Entry(),
        ),
    ),
    Playlist(id="all", title="Everything", entries=(Entry(),)),
)
