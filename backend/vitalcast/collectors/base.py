"""What a collector is: one subject of the machine, its metrics named beforehand, read on demand."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from vitalcast.model import Descriptor, Sample, Series

NO_READING = float("nan")


class Collector(ABC):
    """Reads one subject. Called from a worker thread, never twice at the same time.

    `descriptors` lists every metric that `collect` may ever yield here (without the derived `.rate` ones); an
    instance may narrow it to what this machine has. `cadence_s` is None for a collector cheap enough for every
    tick, else the pause between two reads. `deadline_s` bounds one read: past it the collector counts as hanging.
    """

    name: ClassVar[str]
    descriptors: tuple[Descriptor, ...]
    cadence_s: ClassVar[float | None] = None
    deadline_s: ClassVar[float] = 2.0

    def __init__(self) -> None:
        self._series: dict[tuple[Any, ...], Series] = {}

    @abstractmethod
    def collect(self, now_s: float) -> list[Sample]:
        """Read the subject once. `now_s` is a monotonic time in seconds, for shares and ages.

        Counters are given as they stand, never as rates. A series left out is gone (a device was removed); a
        series given as `nan` is there but could not be read. Any exception marks the whole read as failed.
        """

    def sample(self, descriptor: Descriptor, value: float, *attributes: str) -> Sample:
        """Return a sample of the series with these attribute values; series are made once and kept."""
        key = (descriptor.name, *attributes)
        series = self._series.get(key)
        if series is None:
            series = self._series[key] = Series(descriptor, attributes)
        return Sample(series, value)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its name on the wire, its unit (UCUM, empty for text) and what it says."""

    name: str
    unit: str
    description: str


@dataclass(frozen=True, slots=True)
class TableQuery:
    """Which rows of a table are wanted: the `limit` first ones, sorted by the column `sort`."""

    sort: str
    limit: int


Row = tuple[str | int | float | None, ...]


class Table(ABC):
    """Rows about one subject, read on demand. Called from a worker thread, never twice at the same time."""

    name: ClassVar[str]
    columns: tuple[Column, ...]
    interval_min_s: ClassVar[float] = 1.0
    deadline_s: ClassVar[float] = 5.0

    @abstractmethod
    def read(self, queries: list[TableQuery], now_s: float) -> list[list[Row]]:
        """Scan once and answer every query, in order. Numbers sort descending, text ascending; None last."""
