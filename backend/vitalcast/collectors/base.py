"""What a collector is: one subject of the machine, its metrics named beforehand, read on demand."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Hashable
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from vitalcast.core.metrics.model import Descriptor, Sample, Series
from vitalcast.core.metrics.table_info import Column

NO_READING = float("nan")
DENIED = (OSError, NotImplementedError, RuntimeError)  # what psutil raises where a machine does not tell

Device = TypeVar("Device", bound=Hashable)


def share(part: float, whole: float) -> float:
    """Return `part / whole` within 0–1 and to five decimals; `nan` where there is no whole or no part.

    Five decimals are finer than any kernel counter resolves in a second, and keep the text of a frame short.
    """
    if not whole > 0 or part != part:
        return NO_READING
    ratio = part / whole
    if ratio <= 0:
        return 0.0
    return int(ratio * 100_000 + 0.5) / 100_000 if ratio < 1 else 1.0


class SeriesPerDevice(dict[Device, tuple[Series, ...]], Generic[Device]):
    """The series of each device: made when it is first seen, dropped once it is gone."""

    def __init__(self, make: Callable[[Device], tuple[Series, ...]]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, device: Device) -> tuple[Series, ...]:
        made = self[device] = self._make(device)
        return made

    def keep(self, present: Collection[Device]) -> None:
        """Forget every device that is not among those present, so that comers and goers never pile up."""
        if len(self) > len(present):
            for device in self.keys() - set(present):
                del self[device]


class Collector(ABC):
    """Reads one subject. Called from a worker thread, never twice at the same time.

    `descriptors` lists every metric that `collect` may ever yield here (without the derived `.rate` ones); an
    instance narrows it to what this machine has, to nothing where the subject is missing altogether. `cadence_s`
    is None for a collector cheap enough for every tick, else the pause between two reads. `deadline_s` bounds one
    read: past it the collector counts as hanging.
    """

    name: ClassVar[str]
    descriptors: tuple[Descriptor, ...]
    cadence_s: ClassVar[float | None] = None
    deadline_s: ClassVar[float] = 2.0

    def __init__(self) -> None:
        self._series: dict[tuple[str, ...], Series] = {}

    @abstractmethod
    def collect(self, now_s: float, /) -> list[Sample]:
        """Read the subject once. `now_s` is a monotonic time in seconds, for shares and ages.

        Counters are given as they stand, never as rates. A series left out is gone (a device was removed); a
        series given as `nan` is there but could not be read. Any exception marks the whole read as failed.
        """

    def sample(self, descriptor: Descriptor, value: float, *attributes: str) -> Sample:
        """Return a sample of the series with these attribute values; series are made once and kept for good.

        For attributes with few and fixed values. Devices that come and go belong in a `SeriesPerDevice`.
        """
        key = (descriptor.name, *attributes)
        series = self._series.get(key)
        if series is None:
            series = self._series[key] = Series(descriptor, attributes)
        return Sample(series, value)


@dataclass(frozen=True, slots=True)
class TableQuery:
    """Which rows of a table are wanted: the `limit` first ones, sorted by the column `sort`.

    `descending` None is the usual direction: numbers from the highest down, text from A to Z. `filter` is a plain text
    that one of the columns that rows are looked for by must hold, in whatever case. `keys`, where given, are the
    values of the first column that are wanted. `fold` leaves out what a table has many of that do nothing.
    """

    sort: str
    limit: int
    descending: bool | None = None
    filter: str = ""
    keys: frozenset[int | str] | None = None
    fold: bool = False


Row = tuple[str | int | float | None, ...]


@dataclass(frozen=True, slots=True)
class TableRows:
    """The answer to a query: its rows, how many `matches` there are without the limit, and how many rows in `total`.

    `folded` counts those that were left out as they do nothing.
    """

    rows: list[Row]
    matches: int
    total: int
    folded: int = 0


class Table(ABC):
    """Rows about one subject, read on demand. Called from a worker thread, never twice at the same time.

    The first of its `columns` holds the key of a row, a number or, where it has no unit, a text. `interval_min_s` is
    what it costs to read it: nobody may ask for it more often.
    """

    name: ClassVar[str]
    columns: tuple[Column, ...]
    interval_min_s: ClassVar[float] = 1.0
    deadline_s: ClassVar[float] = 5.0

    @abstractmethod
    def read(self, queries: list[TableQuery], now_s: float) -> list[TableRows]:
        """Scan once and answer every query, in order. None comes last, whatever the direction."""
