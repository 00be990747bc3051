"""One line of a panel."""

from __future__ import annotations

from typing import NamedTuple

from vitalcast.core.metrics.model import Series


class Line(NamedTuple):
    """One line, or one part of a bar.

    `key` is the same for what goes up and what goes down of one device, and for the parts of one bar, and `id` is a
    number for it; `column` is the series' position among those given; `color` is 1 to 8, or 0, grey,
    for one of many others.
    """

    key: str
    label: str
    column: int
    down: bool
    part: str
    series: Series
    color: int = 0
    id: int = 0
