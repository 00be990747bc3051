"""Adds up what has no line of its own in a long past: of many names that came and went, only the first are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from vitalcast.core.metrics.model import Series

if TYPE_CHECKING:
    import numpy.typing as npt

    from vitalcast.core.panels.schema import Panel

    Floats = npt.NDArray[np.float64]

NAMES_MAX = 20  # as many as there are at any one time


def folded(
    panel: Panel, series: Sequence[Series], values: Floats, several: int = 1, *, most: int = NAMES_MAX
) -> tuple[tuple[Series, ...], Floats]:
    """Return the series of the names that had most, and for each of the panel's metrics the sum of all others.

    `values` are of the shape (times, series x aggregates), `several` of them for each series, and so are those
    returned. Names are the values of the first attribute in the panel's `by`.
    """
    if not panel.others or not panel.by:
        return tuple(series), values
    attribute, rest = panel.by[0], panel.others[0]
    names = [one.attributes.get(attribute, "") for one in series]
    sums: dict[str, float] = {}
    with np.errstate(over="ignore"):  # values of others may be too large to add up
        totals = np.nansum(values[:, ::several], axis=0).tolist() if len(values) else [0.0] * len(series)
    for name, total in zip(names, totals, strict=True):
        if name not in panel.others:
            sums[name] = sums.get(name, 0.0) + total
    if len(sums) <= most:
        return tuple(series), values
    kept = {*sorted(sums, key=lambda name: (-sums[name], name))[:most], *panel.others}
    columns: dict[Series, list[int]] = {}
    for at, (one, name) in enumerate(zip(series, names, strict=True)):
        columns.setdefault(one if name in kept else _renamed(one, attribute, rest), []).append(at)
    blocks = [_total(values, own, several) for own in columns.values()]
    return tuple(columns), np.concatenate(blocks, axis=1)


def _renamed(one: Series, attribute: str, value: str) -> Series:
    place = one.descriptor.attributes.index(attribute)
    return Series(one.descriptor, (*one.values[:place], value, *one.values[place + 1 :]))


def _total(values: Floats, columns: Sequence[int], several: int) -> Floats:
    """Return the sum of some series for each aggregate; `nan` where none has a value."""
    block = np.stack([values[:, at * several : (at + 1) * several] for at in columns])
    known = ~np.isnan(block)
    total: Floats = np.where(known.any(axis=0), np.where(known, block, 0.0).sum(axis=0), np.nan)
    return total
