"""A panel as it was: which lines it had and which of them are shown, by nothing but the values of that time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from vitalcast.core.panels.palette import Palette
from vitalcast.core.panels.resolve import resolve
from vitalcast.core.panels.shown import Seen, Shown, choose, coloured

if TYPE_CHECKING:
    import numpy.typing as npt

    from vitalcast.core.metrics.model import Series
    from vitalcast.core.panels.schema import Panel

    Floats = npt.NDArray[np.float64]


def shown_then(
    panel: Panel,
    series: Sequence[Series],
    values: Floats,
    *,
    palette: Palette | None = None,
    colors: Mapping[str, int] = MappingProxyType({}),
) -> Shown:
    """Return the panel as it is to be drawn from `values`, of shape (times, series); a line's column is its series.

    Lines that the `palette` and `colors` know keep their colours. The level is left open: it depends on what was
    before.
    """
    resolved = resolve(panel, series, palette=palette)
    lines = choose(panel, resolved, seen_then(values))
    return Shown(panel, resolved, tuple(coloured(panel, lines, colors)))


def seen_then(values: Floats) -> Seen:
    """Return what was seen of each column; as its newest value counts that of the last time with any."""
    lowest = np.fmin.reduce(values, axis=0, initial=np.nan)
    highest = np.fmax.reduce(values, axis=0, initial=np.nan)
    with np.errstate(over="ignore"):  # values of others may be too large to add up
        sums = np.nansum(np.abs(values), axis=0)
    return Seen(lowest, highest, newest_row(values), sums)


def newest_row(values: Floats) -> Floats:
    """Return the last row in which anything was read; `nan` where nothing was."""
    read = np.flatnonzero(~np.isnan(values).all(axis=1)) if values.shape[1] else np.zeros(0, dtype=np.intp)
    row: Floats = values[read[-1]] if len(read) else np.full(values.shape[1], np.nan)
    return row
