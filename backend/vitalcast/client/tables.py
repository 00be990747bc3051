"""Rows of tables, such as processes: as they are now, again and again, and as they were."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from vitalcast.client.reading import NONSENSE, Json, moment, number, whole
from vitalcast.client.result import library
from vitalcast.client.streams import Stream
from vitalcast.errors import AskError

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

Cell = str | int | float | bool | None

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Rows(Sequence[Mapping[str, Cell]]):
    """The rows of a table at one time; each is a mapping from the columns' names.

    `rows` has them as lists in the order of `columns`, `units` the unit of each column. `matches` counts the rows that
    pass the filter, those beyond the limit too, and `total` all rows where that is known.
    """

    def __init__(
        self,
        *,
        time_ms: int,
        columns: Sequence[str],
        rows: Sequence[Sequence[Cell]],
        units: Mapping[str, str],
        matches: int,
        total: int | None = None,
    ) -> None:
        self.time_ms = time_ms
        self.columns = tuple(columns)
        self.rows = rows
        self.units = units
        self.matches = matches
        self.total = total

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, slice):
            return [dict(zip(self.columns, row, strict=True)) for row in self.rows[at]]
        return dict(zip(self.columns, self.rows[at], strict=True))

    def __iter__(self) -> Iterator[Mapping[str, Cell]]:
        return (dict(zip(self.columns, row, strict=True)) for row in self.rows)

    def __repr__(self) -> str:
        return f"<Rows {self.time.isoformat(timespec='milliseconds')} {len(self)} of {self.matches}>"

    @property
    def time(self) -> datetime:
        """The time of the rows in UTC; of a window its end."""
        return _EPOCH + timedelta(milliseconds=self.time_ms)

    def to_pandas(self) -> pd.DataFrame:
        """Return them as a DataFrame. Raises MissingLibraryError."""
        return library("pandas").DataFrame(list(self.rows), columns=list(self.columns))

    def to_polars(self) -> pl.DataFrame:
        """Return them as a DataFrame. Raises MissingLibraryError."""
        frame: pl.DataFrame = library("polars").DataFrame(self._by_column(), strict=False)
        return frame

    def to_arrow(self) -> pa.Table:
        """Return them as a table. Raises MissingLibraryError."""
        return library("pyarrow").table(self._by_column())

    def _by_column(self) -> dict[str, list[Cell]]:
        return {name: [row[at] for row in self.rows] for at, name in enumerate(self.columns)}


class TableStream(Stream):
    """Rows of a table. Each message has them all, so there is nothing to resume."""

    def __init__(self, name: str, fields: Json) -> None:
        super().__init__(name, fields)
        self._units: dict[str, str] = {}
        self._time_ms = -1

    def command(self, id_: int) -> dict[str, Any]:
        return {"type": "table", "id": id_, "stream": self.name, **self.fields}

    def acknowledge(self, message: Json) -> None:
        self._units = {str(one["name"]): str(one.get("unit", "")) for one in message.get("columns", ())}

    def take(self, message: Json) -> Iterator[Rows]:
        if message["type"] != "rows":
            return
        rows = _rows(message, moment(message["time"]), [str(one) for one in message["columns"]], self._units)
        if rows.time_ms != self._time_ms:  # those that a new connection begins with may be known
            self._time_ms = rows.time_ms
            yield rows


def read_rows(result: Json) -> Rows:
    """Return what a `result` of a table says. Raises AskError where it is none."""
    try:
        units = {str(one["name"]): str(one["unit"]) for one in result["columns"]}
        return _rows(result, moment(result["end"]), list(units), units)
    except (AttributeError, KeyError, TypeError, ValueError):
        raise AskError(NONSENSE) from None


def _rows(message: Json, time_ms: int, columns: Sequence[str], units: Mapping[str, str]) -> Rows:
    rows = [list(map(_cell, row)) for row in message["rows"]]
    if any(len(row) != len(columns) for row in rows):
        raise ValueError("a row has not a cell for each column")
    matches, total = message.get("matches"), message.get("total")
    return Rows(
        time_ms=time_ms,
        columns=columns,
        rows=rows,
        units=units,
        matches=len(rows) if matches is None else whole(matches),
        total=None if total is None else whole(total),
    )


def _cell(given: object) -> Cell:
    """Return what a cell may hold. Raises TypeError for anything else."""
    if given is None or isinstance(given, str | bool):
        return given
    if isinstance(given, int):
        return whole(given)
    if isinstance(given, float):
        return number(given)
    raise TypeError("a cell holds a text, a number, or neither")
