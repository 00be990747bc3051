"""A question about the past and its answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vitalcast.core.metrics.growth import with_units
from vitalcast.core.metrics.model import Series
from vitalcast.core.metrics.names import Selection
from vitalcast.core.query.past import Reach
from vitalcast.core.vocabulary import Aggregate, Reduce

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked of one source, for the time in (start_ms, end_ms].

    One of `points` and `step_ms` is given: at least so many points where there is as much, or steps of exactly so long,
    unless no tier is as fine. `group_by` (None: not at all, empty: all series of a metric together) names attributes;
    the series of a metric that have equal values of them are reduced. What comes of it is divided by what comes of
    `ratio_to` after the same, if that is given. `top` keeps so many series, by their mean. The series of `beside` are
    wanted too, as they are.
    `shift_ms` asks for what was so long before, under the times of now. What was before `hidden_ms` is not for whoever
    asks, not even as a part of the first step; nor are steps shorter than `step_min_ms`.
    """

    selection: Selection
    start_ms: int
    end_ms: int
    points: int | None = None
    step_ms: int | None = None
    aggregates: tuple[Aggregate, ...] = (Aggregate.AVG,)
    group_by: tuple[str, ...] | None = None
    reduce: Reduce = Reduce.SUM
    top: int | None = None
    shift_ms: int = 0
    hidden_ms: int = 0
    step_min_ms: int = 0
    ratio_to: Selection | None = None
    beside: Selection | None = None

    @property
    def selections(self) -> tuple[Selection, ...]:
        """All that is read for it."""
        return tuple(one for one in (self.selection, self.ratio_to, self.beside) if one is not None)


@dataclass(frozen=True, slots=True)
class Result:
    """The answer: `values` has the shape (times, series x aggregates), series-major; `nan` where nothing was read.

    `step_ms` is how far apart the times are, each of which is the end of its step. `reaches` says which tier brought
    what, in order. Where a clock was set back, times go back once. `expired_ms` is the time before which nothing is
    kept that was asked for, or None. `approximate` says that percentiles come from sketches, `are_ratios` that values
    are ratios, whose units are those of the series.
    """

    step_ms: int
    reaches: tuple[Reach, ...]
    series: tuple[Series, ...]
    aggregates: tuple[Aggregate, ...]
    times_ms: npt.NDArray[np.int64]
    values: npt.NDArray[np.float64]
    expired_ms: int | None = None
    approximate: bool = False
    are_ratios: bool = False

    @property
    def described(self) -> tuple[Series, ...]:
        """The series with the units of their values."""
        return self.series if self.are_ratios else with_units(self.series, self.aggregates)
