"""Which metrics can exist here and which column of the frames each living series has."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from vitalcast.core.metrics.choices import Choices
from vitalcast.core.metrics.model import Descriptor, Frame, Layout, Sample, Series
from vitalcast.core.metrics.names import Selection


class Catalogue:
    """Gives every series a column, and a column free again once no kept frame can hold its old series."""

    def __init__(self, descriptors: Iterable[Descriptor]) -> None:
        self.descriptors = {descriptor.name: descriptor for descriptor in descriptors}
        self.choices = Choices(self.descriptors)
        self.layout = Layout(0, ())
        self._columns: dict[Series, int] = {}
        self._retired: dict[Series, tuple[int, int]] = {}  # the offset since which it is gone, and its column
        self._width = 0
        self._order: list[Series] = []  # of the newest frame's samples
        self._index = np.zeros(0, dtype=np.intp)  # their columns

    def knows(self, selection: Selection) -> bool:
        """Say whether any metric that can exist here is meant."""
        return self.choices.knows(selection)

    def adopt(self, series: Iterable[Series]) -> list[int]:
        """Give columns to different series of an earlier run, before the first frame; return the column of each.

        It is -1 where the metric is not known here, or not with the same unit, kind and attributes.
        """
        if self._width:
            raise ValueError("columns are taken already")
        columns = []
        for one in series:
            known = self.descriptors.get(one.name)
            if known is None or _meaning(known) != _meaning(one.descriptor):
                columns.append(-1)
                continue
            attributes = one.attributes
            self._columns[Series(known, tuple(attributes[key] for key in known.attributes))] = self._width
            columns.append(self._width)
            self._width += 1
        self.layout = Layout(1, tuple(self._columns))
        return columns

    def frame(
        self, offset: int, time_ms: int, samples: list[Sample], oldest_offset: int, *, steady_ms: int = 0
    ) -> Frame:
        """Put one tick's samples into columns. `oldest_offset` is the oldest that any reader may still ask for."""
        order = [series for series, _ in samples]
        if order != self._order:  # the same objects in the same order, nearly always: compared without a call
            self._assign(set(order), offset, oldest_offset)
            self._order = order
            self._index = np.array([self._columns[series] for series in order], dtype=np.intp)
        values = np.full(self._width, np.nan)
        values[self._index] = [value for _, value in samples]
        values.flags.writeable = False
        return Frame(offset, time_ms, self.layout, values, steady_ms)

    def _assign(self, present: set[Series], offset: int, oldest_offset: int) -> None:
        columns = self._columns
        gone = [series for series in columns if series not in present]
        new = sorted((series for series in present if series not in columns), key=lambda series: series.key)
        if not (gone or new):
            return
        for series in gone:
            self._retired[series] = (offset, columns.pop(series))
        back = [series for series in new if series in self._retired]
        for series in back:  # its past is in its old column
            columns[series] = self._retired.pop(series)[1]
        free = [series for series, (since, _) in self._retired.items() if since <= oldest_offset]
        for series in new:
            if series in columns:
                continue
            if free:
                columns[series] = self._retired.pop(free.pop())[1]
            else:
                columns[series] = self._width
                self._width += 1
        table: list[Series | None] = [None] * self._width
        for series, column in columns.items():
            table[column] = series
        self.layout = Layout(self.layout.version + 1, tuple(table))


def _meaning(descriptor: Descriptor) -> tuple[object, ...]:
    return descriptor.unit, descriptor.kind, sorted(descriptor.attributes)
