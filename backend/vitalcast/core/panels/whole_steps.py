"""Has what is not there count as nothing: of programs that come and go a mean is over the whole of each step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from vitalcast.core.vocabulary import Aggregate

if TYPE_CHECKING:
    import numpy.typing as npt

    from vitalcast.core.panels.schema import Panel

    Floats = npt.NDArray[np.float64]


def aggregate_of(panel: Panel) -> Aggregate:
    """Return how a panel's series are aggregated over steps of the past where nobody wants it otherwise."""
    return Aggregate.AVG if panel.others else Aggregate(panel.aggregate)


def to_ask(panel: Panel, aggregates: Sequence[Aggregate]) -> tuple[Aggregate, ...]:
    """Return by which aggregates to ask for a panel's series, so that `over_whole_steps` can return these."""
    return (*aggregates, Aggregate.COUNT) if _comes_and_goes(panel, aggregates) else tuple(aggregates)


def over_whole_steps(panel: Panel, values: Floats, aggregates: Sequence[Aggregate]) -> Floats:
    """Return the values by these aggregates, of what was asked for by those that `to_ask` returns.

    `values` are of the shape (times, series x aggregates), and so are those returned. A series that has fewer readings
    in a step than another was not there for the rest of it.
    """
    if not _comes_and_goes(panel, aggregates) or not values.size:
        return values
    several = len(aggregates) + 1
    table = values.reshape(len(values), -1, several)
    counts = np.nan_to_num(table[:, :, -1])
    there = counts / np.maximum(counts.max(axis=1, keepdims=True), 1.0)
    found = table[:, :, :-1].copy()
    for at, aggregate in enumerate(aggregates):
        if aggregate is Aggregate.AVG:
            found[:, :, at] *= there
        elif aggregate is Aggregate.MIN:
            found[:, :, at][there < 1] *= 0.0
    return found.reshape(len(values), -1)


def _comes_and_goes(panel: Panel, aggregates: Sequence[Aggregate]) -> bool:
    return bool(panel.others) and Aggregate.COUNT not in aggregates
