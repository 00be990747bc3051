"""`[ring]` and `[history]`: what is kept, and for how long."""

# Not `from __future__ import annotations`: pydantic would compile each field's text anew, at every start.

from pydantic import Field

from vitalcast.core.strict import Strict


class Ring(Strict):
    """The latest ticks, kept in memory to fill charts at once and to resume lost connections."""

    window_s: int = Field(
        default=900,
        ge=1,
        le=86400,
        description="How far back memory reaches; 15 minutes of 200 series take 1.5 MB, or 15 MB at an interval of "
        "0.1 s",
    )
    memory_max_mib: int = Field(
        default=64,
        ge=1,
        le=4096,
        description="Maximum memory for the latest ticks; the oldest are dropped to stay below it",
    )


class History(Strict):
    """The database that keeps samples across restarts."""

    path: str = Field(
        default="",
        max_length=4096,
        description="Database path, relative to the working directory; empty: samples are kept in memory only",
        json_schema_extra={"form": 'the path of a file, such as "~/vitalcast.db", or an empty string'},
    )
    flush_s: float = Field(
        default=30.0,
        ge=0.1,
        le=3600,
        description="Interval between writes; a crash or a power cut loses no more than this",
    )
    retention_h: int = Field(
        default=24,
        ge=1,
        le=87600,
        description="How long samples are kept, counted while the machine runs; a day of 200 series takes about 15 MB",
    )
