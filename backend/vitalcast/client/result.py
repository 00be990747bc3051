"""Answers about the past: values over shared times, and what other libraries make of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from vitalcast.client.panels import PanelHead, head_of
from vitalcast.client.reading import NONSENSE, moment, number, series_of, whole
from vitalcast.client.ticks import Series
from vitalcast.errors import AskError, MissingLibraryError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    Floats = npt.NDArray[np.float64]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Reach(NamedTuple):
    """Which tier of the history brought what is between two times."""

    tier: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Result:
    """The answer to a query. Each of `times_ms` is the end of a step of `step` seconds.

    `columns` has a list for each of `series`, and None where nothing was read. `expired_ms` is the time before which
    nothing is kept of what was asked for, `approximate` says that percentiles come from histograms, and `panel` is what
    the server says of a panel's columns.
    """

    start_ms: int
    end_ms: int
    step: float
    tiers: tuple[Reach, ...]
    expired_ms: int | None
    approximate: bool
    aggregates: tuple[str, ...]
    times_ms: list[int]
    series: tuple[Series, ...]
    columns: list[list[float | None]]
    panel: PanelHead | None = None

    def __repr__(self) -> str:
        return f"<Result of {len(self.series)} series, {len(self.times_ms)} times every {self.step:g} s>"

    @property
    def times(self) -> list[datetime]:
        """The times in UTC."""
        return [_EPOCH + timedelta(milliseconds=one) for one in self.times_ms]

    @property
    def expired(self) -> datetime | None:
        """The time before which nothing is kept of what was asked for, in UTC."""
        return None if self.expired_ms is None else _EPOCH + timedelta(milliseconds=self.expired_ms)

    @property
    def values(self) -> Floats:
        """The values, of shape (times, series), `nan` for none."""
        import numpy as np

        return np.array(self.columns, dtype=np.float64).reshape(len(self.series), len(self.times_ms)).T

    def to_pandas(self) -> pd.DataFrame:
        """Return a DataFrame with a column for each series, by time in UTC. Raises MissingLibraryError."""
        pandas = library("pandas")
        index = pandas.to_datetime(self.times_ms, unit="ms", utc=True).rename("time")
        return pandas.DataFrame(self.values, index=index, columns=[one.key for one in self.series])

    def to_polars(self) -> pl.DataFrame:
        """Return a DataFrame with a column `time` and one for each series. Raises MissingLibraryError."""
        polars = library("polars")
        times = polars.Series("time", self.times_ms, dtype=polars.Int64).cast(polars.Datetime("ms", "UTC"))
        pairs = zip(self.series, self.columns, strict=True)
        columns = [polars.Series(one.key, column, polars.Float64) for one, column in pairs]
        frame: pl.DataFrame = polars.DataFrame([times, *columns])
        return frame

    def to_arrow(self) -> pa.Table:
        """Return a table with a column `time` and one for each series. Raises MissingLibraryError."""
        arrow = library("pyarrow")
        columns = [arrow.array(column, arrow.float64()) for column in self.columns]
        times = arrow.array(self.times_ms, arrow.timestamp("ms", tz="UTC"))
        return arrow.Table.from_arrays([times, *columns], names=["time", *(one.key for one in self.series)])


def library(name: str) -> Any:
    """Return a library that not everybody has. Raises MissingLibraryError with what to do."""
    try:
        return import_module(name)
    except ImportError:
        raise MissingLibraryError(f"{name} is not installed; install it with `pip install {name}`") from None


def read_result(result: Mapping[str, Any], *, ratios: bool = False) -> Result:
    """Return what a `result` says, which is of `ratios` or not. Raises AskError where it is none."""
    try:
        aggregates = tuple(str(one) for one in result["aggregate"])
        series = series_of(result["series"], aggregates, ratios=ratios)
        times = [moment(one) for one in result["times"]]
        columns = [[number(one) for one in column] for column in result["values"]]
        if len(columns) != len(series) or any(len(column) != len(times) for column in columns):
            raise AskError(NONSENSE)
        expired = result.get("expired")
        return Result(
            start_ms=moment(result["start"]),
            end_ms=moment(result["end"]),
            step=float(result["step"]),
            tiers=tuple(Reach(str(one["tier"]), whole(one["start"]), whole(one["end"])) for one in result["tiers"]),
            expired_ms=None if expired is None else moment(expired),
            approximate=result.get("approximate") is True,
            aggregates=aggregates,
            times_ms=times,
            series=series,
            columns=columns,
            panel=head_of(result, len(series)),
        )
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError):
        raise AskError(NONSENSE) from None
