"""Which metrics one source has, and which column of its memory each series has: both open, and both bounded."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING

import numpy as np

from vitalcast.core.metrics.choices import Choices
from vitalcast.core.metrics.model import Descriptor, Frame, Layout, Series
from vitalcast.core.metrics.names import Selection, is_own_name
from vitalcast.core.text import nearest_of

if TYPE_CHECKING:
    import numpy.typing as npt

logger = logging.getLogger(__name__)

SERIES_MAX = 20_000


class Catalogue:
    """Gives every series a column, and a column free again once no kept frame can hold its old series.

    `descriptors` grow as metrics come: those given are there from the beginning, series or not. `own_names` are those
    that our collectors can give on any machine. There are never more than `series_max` columns. A newcomer past that
    gets the column of the series that has been gone longest, whose past `clear` forgets; where all are living it is
    left out, and counted in `refused`.
    """

    def __init__(
        self,
        descriptors: Iterable[Descriptor] = (),
        *,
        own_names: Collection[str] = (),
        series_max: int = SERIES_MAX,
        clear: Callable[[list[int]], None] = lambda _columns: None,
    ) -> None:
        self.descriptors = {descriptor.name: descriptor for descriptor in descriptors}
        self._given = frozenset(self.descriptors)
        self._own_names = own_names
        self.choices = Choices(self.descriptors)
        self.layout = Layout(())
        self.series_max = series_max
        self.refused = 0  # series of the newest frame that found no column
        self._said = False
        self._clear = clear
        self._columns: dict[Series, int] = {}
        self._retired: dict[Series, tuple[int, int]] = {}  # the offset since which it is gone, and its column
        self._width = 0
        self._theirs: Layout | None = None  # of the newest frame as it came
        self._target: npt.NDArray[np.intp] | None = None  # the column of each of its series, -1 for one refused
        self._source: npt.NDArray[np.intp] | None = None  # which of them have one; None for all

    def impossible(self, selection: Selection) -> list[str]:
        """Return what of a selection can mean nothing, now or later: names like ours that no collector of ours gives.

        Whatever else is not there may come, since others send metrics too.
        """
        return [
            pattern
            for pattern in selection.patterns
            if is_own_name(pattern) and pattern not in self.descriptors and pattern not in self._own_names
        ]

    def advice(self, name: str) -> str:
        """Return the name of ours that is nearest to one that is impossible; nothing where none is near."""
        return nearest_of(name, {*self._given, *self._own_names})  # not what others sent, which may be thousands

    def adopt(self, series: Iterable[Series]) -> list[int]:
        """Give columns to different series of an earlier run, before the first frame; return the column of each.

        It is -1 where the metric is known here with another unit, kind or attributes, and where there is no room.
        """
        if self._width:
            raise ValueError("columns are taken already")
        columns = []
        for one in series:
            known = self.descriptors.get(one.name)
            other = known is not None and _meaning(known) != _meaning(one.descriptor)
            if other or self._width >= self.series_max:
                columns.append(-1)
                continue
            self._columns[one if known is None else _described(one, known)] = self._width
            columns.append(self._width)
            self._width += 1
        self._put(self._columns, None)
        return columns

    def lay(self, frame: Frame, oldest_offset: int) -> Frame:
        """Put the values of a frame into columns. `oldest_offset` is the oldest that any reader may still ask for."""
        if self._theirs is None or not frame.layout.same(self._theirs):
            self._assign(frame.layout, frame.offset, oldest_offset)
        if self._target is None:
            return frame if frame.layout is self.layout else frame.laid(self.layout, frame.values)
        values = np.full(self._width, np.nan)
        values[self._target] = frame.values if self._source is None else frame.values[self._source]
        values.flags.writeable = False
        return frame.laid(self.layout, values)

    def _assign(self, theirs: Layout, offset: int, oldest_offset: int) -> None:
        columns, present = self._columns, {one: one for one in theirs.series if one is not None}
        for series in [series for series in columns if series not in present]:
            self._retired[series] = (offset, columns.pop(series))
        new = [series for series in present if series not in columns]
        for series in [series for series in new if series in self._retired]:  # its past is in its old column
            columns[series] = self._retired.pop(series)[1]
        newcomers = [series for series in new if series not in columns]
        columns.update(zip(newcomers, self._take_columns(len(newcomers), oldest_offset), strict=False))
        self._say_refused(sum(series not in columns for series in newcomers))
        self._theirs = theirs
        self._put({present[series]: column for series, column in columns.items()}, theirs)
        self._map(theirs)

    def _take_columns(self, count: int, oldest_offset: int) -> list[int]:
        """Return so many columns that nobody has, or as many as there can be."""
        free = [series for series, (since, _) in self._retired.items() if since <= oldest_offset][:count]
        taken = [self._retired.pop(series)[1] for series in free]
        width = min(self._width + count - len(taken), self.series_max)
        taken += range(self._width, width)
        self._width = width
        if len(taken) < count and self._retired:
            gone_longest = sorted(self._retired, key=lambda series: self._retired[series][0])[: count - len(taken)]
            cleared = [self._retired.pop(series)[1] for series in gone_longest]
            self._clear(cleared)
            taken += cleared
        return taken

    def forget_past(self) -> None:
        """Take the columns of series that are gone for free: no frame is held any more."""
        self._retired = {series: (0, column) for series, (_, column) in self._retired.items()}

    def remembered(self, selection: Selection) -> list[tuple[Series, int]]:
        """Return the series that a selection means and the column of each, by key: also those that are gone, as long
        as a column has their past."""
        chosen = self.choices.of(selection).chosen
        places = list(zip(chosen.series, chosen.columns.tolist(), strict=True))
        places += [(series, column) for series, (_, column) in self._retired.items() if selection.matches(series)]
        return sorted(places, key=lambda place: (place[0].key, place[0].descriptor.unit))

    def _say_refused(self, refused: int) -> None:
        if refused and not self._said:  # once: a source may cross the bound with every frame
            self._said = True
            logger.warning(
                "a source has more than %d series, and %d of them are left out; limits.series_per_source is the bound",
                self.series_max,
                refused,
            )
        self.refused = refused

    def _put(self, columns: dict[Series, int], theirs: Layout | None) -> None:
        """Make these the series that are there, and learn what is new of them."""
        table: list[Series | None] = [None] * self._width
        for series, column in columns.items():
            table[column] = series
        layout = Layout(tuple(table))
        if not layout.same(self.layout):
            self.layout = theirs if theirs is not None and layout.same(theirs) else layout
        self._columns = columns
        self._learn(series.descriptor for series in columns)
        self.choices.follow(self.layout)

    def _learn(self, descriptors: Iterable[Descriptor]) -> None:
        for descriptor in descriptors:
            self.descriptors.setdefault(descriptor.name, descriptor)
        if len(self.descriptors) > len(self._given) + 2 * self.series_max:  # of those that came and went
            kept = {series.name for series in (*self._columns, *self._retired)} | self._given
            self.descriptors = {name: one for name, one in self.descriptors.items() if name in kept}
            self.choices.forget(kept)

    def _map(self, theirs: Layout) -> None:
        """Note where the values of frames of this layout go; nowhere else where they are in their columns already."""
        if theirs.same(self.layout):
            self._target = self._source = None
            return
        target = np.array([-1 if one is None else self._columns.get(one, -1) for one in theirs.series], dtype=np.intp)
        self._source = None if (target >= 0).all() else np.flatnonzero(target >= 0)
        self._target = target if self._source is None else target[self._source]


def _described(series: Series, descriptor: Descriptor) -> Series:
    """Return the same series with the description that counts today."""
    attributes = series.attributes
    return Series(descriptor, tuple(attributes[key] for key in descriptor.attributes), series.labels)


def _meaning(descriptor: Descriptor) -> tuple[object, ...]:
    return descriptor.unit, descriptor.kind, sorted(descriptor.attributes)
