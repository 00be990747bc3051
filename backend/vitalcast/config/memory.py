"""`[memory]` and `[history]`: what is kept, and for how long."""

# Not `from __future__ import annotations`: pydantic would compile each field's text anew, at every start.

from pydantic import Field

from vitalcast.core.strict import Strict


class Memory(Strict):
    """The latest ticks, kept in memory to fill charts at once and to resume lost connections."""

    window_s: int = Field(
        default=900,
        ge=1,
        le=86400,
        description="How far back memory reaches; 15 minutes of 200 series take 1.5 MB, or 15 MB at an interval of "
        "0.1 s",
    )
    size_max_mib: int = Field(
        default=64,
        ge=1,
        le=4096,
        description="Maximum memory for the latest ticks; the oldest are dropped to stay below it",
    )


class History(Strict):
    """The database that keeps samples, events and processes: how it answers for the past, and across restarts."""

    enabled: bool = Field(default=True, description="Keep a history; without, the latest ticks are in memory only")
    path: str = Field(
        default="",
        max_length=4096,
        description="Database path, relative to the working directory; empty: a file in the data folder",
        json_schema_extra={"form": 'the path of a file, such as "~/vitalcast.db", or an empty string'},
    )
    size_max_mib: int = Field(
        default=512,
        ge=16,
        le=1_048_576,
        description="Maximum size of the database with its log; the oldest goes first. 512 MiB of 200 series reach "
        "back four weeks at 1 s, two to three months by one and ten minutes and most of a year by the hour on a busy "
        "machine, and several times as far on one with little to do",
    )
    flush_s: float = Field(
        default=30.0,
        ge=0.1,
        le=3600,
        description="Interval between writes; a crash or a power cut loses no more than this",
    )
    fast_h: int = Field(
        default=24,
        ge=0,
        le=87600,
        description="How long samples that came faster than once a second stay as they came; then one a second is kept",
    )
    retention_max_h: int = Field(
        default=0,
        ge=0,
        le=876_000,
        description="How long samples are kept at most, counted while the machine runs; 0: as long as there is room",
    )
