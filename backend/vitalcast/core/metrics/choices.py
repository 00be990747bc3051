"""Which series each selection means now: looked up once for all groups, and again only for series that come or go."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import zip_longest
from operator import itemgetter
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

import numpy as np

from vitalcast.core.metrics.model import Layout, Series
from vitalcast.core.metrics.names import NameIndex, Selection

if TYPE_CHECKING:
    import numpy.typing as npt

Place = tuple[Series, int]  # a series and its column
Picker = Callable[[Sequence[Any]], tuple[Any, ...]]  # returns the items at some places of a row


def _key(series: Series) -> tuple[str, str]:
    return series.key, series.descriptor.unit


class Places:
    """Where the values of some series lie in a row that has the same number of values for each column."""

    __slots__ = ("count", "index", "pick")

    def __init__(self, columns: npt.NDArray[np.intp], values_per_series: int) -> None:
        self.index = (
            columns
            if values_per_series == 1
            else (columns[:, None] * values_per_series + np.arange(values_per_series)).ravel()
        )
        places: list[int] = self.index.tolist()
        self.count = len(places)
        self.pick: Picker = itemgetter(*places) if len(places) > 1 else _picker(places)


def _picker(places: list[int]) -> Picker:
    """Return what `itemgetter` would be: with one place it returns no tuple, and with none it cannot be made."""
    return lambda row: tuple(row[place] for place in places)


class Chosen:
    """Some series of a layout, by key, and the column of each; one object for all selections that mean just these."""

    __slots__ = ("__weakref__", "_places", "columns", "series", "token")

    def __init__(self, series: tuple[Series, ...], columns: npt.NDArray[np.intp], token: bytes) -> None:
        self.series = series
        self.columns = columns
        self.token = token
        self._places: dict[int, Places] = {}

    def places(self, values_per_series: int) -> Places:
        """Return where their values lie in a row that has so many of each column, by column."""
        places = self._places.get(values_per_series)
        if places is None:
            places = self._places[values_per_series] = Places(self.columns, values_per_series)
        return places


class Choice:
    """What one selection means in the newest layout. `names` has a bit for each metric name that it can mean."""

    __slots__ = ("__weakref__", "chosen", "names", "selection")

    def __init__(self, selection: Selection, names: int, chosen: Chosen) -> None:
        self.selection = selection
        self.names = names
        self.chosen = chosen


class Choices:
    """Keeps a choice for each selection that anybody holds, and keeps it up with the layout.

    Metrics are few and series many: patterns are held against the names, all patterns of a selection at once, and only
    `where` against series. A layout that follows another costs the selections that can mean what has changed, and each
    of them no more than that change.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._layout = Layout(())
        self._names = NameIndex()
        self._bits: dict[str, int] = {}
        self._there: dict[str, dict[int, Series]] = {}  # by name and column
        self._choices: WeakValueDictionary[Selection, Choice] = WeakValueDictionary()
        self._chosen: WeakValueDictionary[bytes, Chosen] = WeakValueDictionary()
        for name in names:
            self._learn(name)

    def of(self, selection: Selection) -> Choice:
        """Return the choice of this selection; equal ones share it for as long as anybody holds it."""
        choice = self._choices.get(selection)
        if choice is None:
            names = self._names.matching(selection.patterns)
            mask = sum(1 << self._bits[name] for name in names)
            choice = Choice(selection, mask, self._choose(selection, names))
            self._choices[selection] = choice
        return choice

    def _choose(self, selection: Selection, names: set[str]) -> Chosen:
        where = [(key, frozenset(values)) for key, values in selection.where]
        narrow = where or selection.without
        places = [
            (one, column)
            for name in names
            for column, one in self._there.get(name, {}).items()
            if not narrow or _admits(where, selection.without, one)
        ]
        places.sort(key=lambda place: _key(place[0]))
        return self._intern([one for one, _ in places], [column for _, column in places])

    def _intern(self, series: list[Series], columns: list[int]) -> Chosen:
        array = np.array(columns, dtype=np.intp)
        token = array.tobytes()  # in one layout the columns say which series
        chosen = self._chosen.get(token)
        if chosen is None:
            array.flags.writeable = False
            chosen = self._chosen[token] = Chosen(tuple(series), array, token)
        return chosen

    def _learn(self, name: str) -> int:
        bit = self._bits.get(name)
        if bit is None:
            bit = self._bits[name] = len(self._bits)
            self._names.add(name)
            alone = NameIndex([name])
            for choice in self._choices.values():
                if alone.matching(choice.selection.patterns):
                    choice.names |= 1 << bit
        return bit

    def forget(self, kept: Collection[str]) -> None:
        """Forget all names but these, among which are those of all series that are there."""
        names = [name for name in self._bits if name in kept]
        self._bits = {name: bit for bit, name in enumerate(names)}
        self._names = NameIndex(names)
        self._there = {name: places for name, places in self._there.items() if name in self._bits}
        for choice in self._choices.values():
            meant = self._names.matching(choice.selection.patterns)
            choice.names = sum(1 << self._bits[name] for name in meant)

    def follow(self, layout: Layout) -> None:
        """Bring all choices up to this layout."""
        if layout.same(self._layout):
            return
        gone: list[Place] = []
        came: list[Place] = []
        for column, (old, new) in enumerate(zip_longest(self._layout.series, layout.series)):
            if old is new or (old is not None and new is not None and old.description == new.description):
                continue
            if old is not None:
                gone.append((old, column))
                del self._there[old.name][column]
            if new is not None:
                came.append((new, column))
        self._layout = layout
        touched = 0
        for one, _ in (*gone, *came):
            touched |= 1 << self._learn(one.name)
        for one, column in came:
            self._there.setdefault(one.name, {})[column] = one
        # Selections that mean the same series mostly lose and gain the same: that is worked out once.
        done: dict[tuple[bytes, tuple[int, ...], tuple[int, ...]], Chosen] = {}
        changes = []
        for choice in self._choices.values():
            if choice.names & touched:
                lost, gained = self._meant(choice, gone), self._meant(choice, came)
                if lost or gained:
                    changes.append((choice, lost, gained))
        for choice, _, _ in changes:
            self._chosen.pop(choice.chosen.token, None)  # whose columns mean something else now
        for choice, lost, gained in changes:
            key = (choice.chosen.token, tuple(column for _, column in lost), tuple(column for _, column in gained))
            if key not in done:
                done[key] = self._changed(choice.chosen, lost, gained)
            choice.chosen = done[key]

    def _meant(self, choice: Choice, places: list[Place]) -> list[Place]:
        where, without = choice.selection.where, choice.selection.without
        narrow = where or without
        return [
            (one, column)
            for one, column in places
            if choice.names >> self._bits[one.name] & 1 and (not narrow or _admits(where, without, one))
        ]

    def _changed(self, chosen: Chosen, lost: list[Place], gained: list[Place]) -> Chosen:
        series, columns = list(chosen.series), chosen.columns.tolist()
        for one, _ in lost:
            at = bisect_left(series, _key(one), key=_key)
            del series[at], columns[at]
        for one, column in gained:
            at = bisect_left(series, _key(one), key=_key)
            series.insert(at, one)
            columns.insert(at, column)
        return self._intern(series, columns)


Where = Iterable[tuple[str, tuple[str, ...] | frozenset[str]]]


def _admits(where: Where, without: frozenset[str], series: Series) -> bool:
    return not series.says_any(without) and all(series.value_of(key) in values for key, values in where)
