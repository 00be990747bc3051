"""Makes frames of one source's samples, tick by tick."""

from __future__ import annotations

from operator import is_
from typing import TYPE_CHECKING

import numpy as np

from vitalcast.core.metrics.model import Frame, Layout, Sample, Series

if TYPE_CHECKING:
    import numpy.typing as npt


class FrameBuilder:
    """Lays samples side by side in their own order; the layout is the same object while nothing comes or goes."""

    def __init__(self) -> None:
        self.layout = Layout(())
        self._order: list[Series] = []  # of the newest frame's samples
        self._index: npt.NDArray[np.intp] | None = None  # their columns, where one came twice

    def frame(self, offset: int, time_ms: int, samples: list[Sample], *, steady_ms: int = 0) -> Frame:
        """Return the frame of one tick. Of two samples of the same series the later one counts."""
        order = [series for series, _ in samples]
        # The same objects, nearly always. Equality would not do: a label may have changed.
        if len(order) != len(self._order) or not all(map(is_, order, self._order)):
            self._arrange(order)
        readings = [value for _, value in samples]
        if self._index is None:
            values = np.array(readings, dtype=np.float64)
        else:
            values = np.full(len(self.layout.series), np.nan)
            values[self._index] = readings
        values.flags.writeable = False
        return Frame(offset, time_ms, self.layout, values, steady_ms)

    def _arrange(self, order: list[Series]) -> None:
        places: dict[Series, int] = {}
        index = [places.setdefault(one, len(places)) for one in order]
        newest = dict(zip(index, order, strict=True))
        layout = Layout(tuple(newest[at] for at in range(len(places))))
        if not layout.same(self.layout):
            self.layout = layout
        self._order = order
        self._index = None if len(places) == len(order) else np.array(index, dtype=np.intp)
