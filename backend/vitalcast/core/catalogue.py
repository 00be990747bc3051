"""Which metrics can exist here and which column of the frames each living series has."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from vitalcast.core.names import Selection
from vitalcast.model import Descriptor, Frame, Layout, Sample, Series


class Catalogue:
    """Gives every series a column, and a column free again once no kept frame can hold its old series."""

    def __init__(self, descriptors: Iterable[Descriptor]) -> None:
        self.descriptors = {descriptor.name: descriptor for descriptor in descriptors}
        self.layout = Layout(0, ())
        self._columns: dict[Series, int] = {}
        self._retired: list[tuple[int, int]] = []  # (last offset that may hold it, column)
        self._width = 0
        self._order: list[Series] = []  # of the newest frame's samples
        self._index = np.zeros(0, dtype=np.intp)  # their columns

    def knows(self, selection: Selection) -> bool:
        """Say whether any metric that can exist here is meant."""
        return any(map(selection.matches_name, self.descriptors))

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

    def frame(self, offset: int, time_ms: int, samples: list[Sample], oldest_offset: int) -> Frame:
        """Put one tick's samples into columns. `oldest_offset` is the oldest that any reader may still ask for."""
        order = [series for series, _ in samples]
        if order != self._order:  # the same objects in the same order, nearly always: compared without a call
            self._assign(set(order), offset, oldest_offset)
            self._order = order
            self._index = np.array([self._columns[series] for series in order], dtype=np.intp)
        values = np.full(self._width, np.nan)
        values[self._index] = [value for _, value in samples]
        values.flags.writeable = False
        return Frame(offset, time_ms, self.layout, values)

    def _assign(self, present: set[Series], offset: int, oldest_offset: int) -> None:
        columns = self._columns
        gone = [series for series in columns if series not in present]
        self._retired += [(offset, columns.pop(series)) for series in gone]
        free = [column for last, column in self._retired if last <= oldest_offset]
        self._retired = [entry for entry in self._retired if entry[0] > oldest_offset]
        new = sorted((series for series in present if series not in columns), key=lambda series: series.key)
        for series in new:
            if free:
                columns[series] = free.pop()
            else:
                columns[series] = self._width
                self._width += 1
        self._retired += [(oldest_offset, column) for column in free]
        if not (gone or new):
            return
        table: list[Series | None] = [None] * self._width
        for series, column in columns.items():
            table[column] = series
        self.layout = Layout(self.layout.version + 1, tuple(table))


def _meaning(descriptor: Descriptor) -> tuple[object, ...]:
    return descriptor.unit, descriptor.kind, sorted(descriptor.attributes)
