"""What a reduced group makes its values of: the series of a selection, and of the one by which it is divided."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vitalcast.core.query.ratio import Ratio
from vitalcast.core.query.reduction import Grouping

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from vitalcast.core.metrics.choices import Choice, Chosen
    from vitalcast.core.metrics.model import Series
    from vitalcast.core.metrics.names import Selection
    from vitalcast.core.metrics.timeline import Timeline
    from vitalcast.core.stream.keys import SeriesKey

    Floats = npt.NDArray[np.float64]
    Places = npt.NDArray[np.intp]


class Members:
    """The `places` that are read, each a series and its column, and the `series` that become of them.

    Looked up again with `look` after the layout changed. Those that are `gone` count beside what memory knows.
    """

    def __init__(
        self, key: SeriesKey, choice: Choice, timeline: Timeline, gone: Sequence[tuple[Series, int]] = ()
    ) -> None:
        self._over = _Side(key, key.selection, choice, timeline, gone)
        self._under: _Side | None = None
        if key.ratio_to is not None:
            choice = timeline.catalogue.choices.of(key.ratio_to)
            self._under = _Side(key, key.ratio_to, choice, timeline, gone)
        self.look()

    def look(self) -> None:
        """Say anew what becomes of what."""
        over, under = self._over, self._under
        over.look()
        self.places, self.series = over.places, over.series
        if under is not None:
            under.look()
            self.places = list(dict.fromkeys((*over.places, *under.places)))
            at = {place: index for index, place in enumerate(self.places)}
            self._over_at = np.array([at[place] for place in over.places], dtype=np.intp)
            self._under_at = np.array([at[place] for place in under.places], dtype=np.intp)
            self._ratio = Ratio.of(over.series, under.series)
            self.series = self._ratio.series
        self.columns = np.array([column for _, column in self.places], dtype=np.intp)

    def apply(self, values: Floats) -> Floats:
        """Return what becomes of values of the places, of the shape (steps, places, aggregates)."""
        if self._under is None:
            return self._over.apply(values)
        return self._ratio.apply(
            self._over.apply(values[:, self._over_at]), self._under.apply(values[:, self._under_at])
        )


class _Side:
    """One selection: its places, and the series that they become. One that is gone still counts, where series are
    grouped, in the past that memory has of it."""

    def __init__(
        self,
        key: SeriesKey,
        selection: Selection,
        choice: Choice,
        timeline: Timeline,
        gone: Sequence[tuple[Series, int]],
    ) -> None:
        self._key = key
        self._gone = [place for place in gone if selection.matches(place[0])]
        self._selection = selection
        self._choice = choice
        self._catalogue = timeline.catalogue
        self._grouping: Grouping | None = None
        self._grouped: tuple[Chosen | None, tuple[Series, ...]] = None, ()  # for which the grouping was made
        self.places: Sequence[tuple[Series, int]] = ()
        self.series: tuple[Series, ...] = ()

    def look(self) -> None:
        key, chosen = self._key, self._choice.chosen
        if key.group_by is None:
            self.places = list(zip(chosen.series, chosen.columns.tolist(), strict=True))
            self.series = chosen.series
            return
        self.places = [*self._catalogue.remembered(self._selection), *self._gone]
        if self._grouped != (chosen, series := tuple(one for one, _ in self.places)):
            there = Grouping.of(chosen.series, key.group_by, key.reduce).series
            self._grouping = Grouping.of(series, key.group_by, key.reduce).only(frozenset(there))
            self._grouped = chosen, series
            self.series = self._grouping.series

    def apply(self, values: Floats) -> Floats:
        return values if self._grouping is None else self._grouping.apply(values)
