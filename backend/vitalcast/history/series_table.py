"""The series of a history's file: each has a number, under which blocks and chunks know it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import count

from vitalcast.core.metrics.model import Descriptor, Kind, Series
from vitalcast.errors import DamagedError
from vitalcast.history.damage import reading
from vitalcast.history.schema import HOUR_MS, SERIES_MAX

ALL = "SELECT id, key, name, unit, kind, description, attributes, labels FROM series"


def series_of(row: Sequence[str]) -> Series:
    """Return the series that a row of ALL describes, without its id. Raises DamagedError."""
    key, name, unit, kind, description, attributes, labels = row
    with reading():
        values, texts = json.loads(attributes), json.loads(labels)
        descriptor = Descriptor(name, unit, Kind(kind), description, tuple(values))
        series = Series(descriptor, tuple(values.values()), tuple(sorted(texts.items())))
        words = (name, unit, description, *values, *values.values(), *texts, *texts.values())
        if series.key != key or not all(isinstance(one, str) for one in words):
            raise ValueError(f"the series {key!r} is not what its name and attributes say")
    return series


def all_series(connection: sqlite3.Connection) -> dict[int, Series]:
    """Return every series by its number; those that make no sense are left out."""
    found: dict[int, Series] = {}
    for id_, *row in connection.execute(ALL):
        try:
            found[id_] = series_of(row)
        except DamagedError:
            continue
    return found


class SeriesTable:
    """Numbers series as they come, on a connection that its caller has opened."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._ids: dict[tuple[str, str], int] = {}
        self._spans: dict[int, tuple[int, int]] = {}  # to the hour: from when to when each has readings
        self._said: dict[int, tuple[object, ...]] = {}  # what was last written of those that came in this run
        for id_, key, unit, *span in connection.execute("SELECT id, key, unit, first_ms, last_ms FROM series"):
            self._ids[key, unit] = id_
            self._spans[id_] = span[0], span[1]
        self._next: Iterator[int] = iter(count(max(self._spans, default=0) + 1))

    def __len__(self) -> int:
        return len(self._ids)

    def unknown(self, series: Iterable[Series]) -> list[Series]:
        """Return those that have no number yet, each once."""
        return list(dict.fromkeys(one for one in series if (one.key, one.descriptor.unit) not in self._ids))

    def number(self, series: Iterable[Series], hour_ms: int, axis: int) -> list[int]:
        """Return the numbers of series that have readings in an hour; new ones get one.

        `axis` is the newest that there is: what begins now is needed until all up to it are gone.
        """
        return [self._number(one, hour_ms, axis) for one in series]

    def _number(self, one: Series, hour_ms: int, axis: int) -> int:
        id_ = self._ids.get((one.key, one.descriptor.unit))
        if id_ is None:
            id_ = self._insert(one, hour_ms, axis)
        elif self._said.get(id_) != one.description:
            of = one.descriptor
            self._connection.execute(
                "UPDATE series SET kind = ?, description = ?, attributes = ?, labels = ? WHERE id = ?",
                (of.kind.value, of.description, *_texts(one), id_),
            )
        self._said[id_] = one.description
        first_ms, last_ms = self._spans[id_]
        if last_ms < hour_ms or hour_ms <= first_ms:
            self._spans[id_] = span = min(first_ms, hour_ms - HOUR_MS), max(last_ms, hour_ms)
            self._connection.execute("UPDATE series SET first_ms = ?, last_ms = ? WHERE id = ?", (*span, id_))
        return id_

    def _insert(self, one: Series, hour_ms: int, axis: int) -> int:
        id_ = next(self._next)
        if id_ > SERIES_MAX:  # after thousands of millions of series the numbers of those that went are free again
            self._next = (number for number in count(1) if number not in self._spans)
            id_ = next(self._next)
        of, span = one.descriptor, (hour_ms - HOUR_MS, hour_ms)
        self._connection.execute(
            "INSERT INTO series VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (id_, one.key, of.name, of.unit, of.kind.value, of.description, *_texts(one), *span, axis),
        )
        self._ids[one.key, of.unit] = id_
        self._spans[id_] = span
        return id_

    def note_axis(self, ids: Collection[int], axis: int) -> None:
        """Remember that these series have blocks in an axis."""
        self._connection.executemany(
            "UPDATE series SET last_axis = ? WHERE id = ? AND last_axis < ?", [(axis, id_, axis) for id_ in ids]
        )

    def drop(self, ids: Collection[int]) -> None:
        """Forget series."""
        gone = set(ids)
        self._connection.executemany("DELETE FROM series WHERE id = ?", [(id_,) for id_ in gone])
        self._ids = {name: id_ for name, id_ in self._ids.items() if id_ not in gone}
        for id_ in gone:
            self._spans.pop(id_, None)
            self._said.pop(id_, None)


def _texts(one: Series) -> tuple[str, str]:
    return json.dumps(one.attributes, ensure_ascii=False), json.dumps(dict(one.labels), ensure_ascii=False)
