"""Turns counters into rates; a first reading or a reset leaves a gap, never a negative rate."""

from __future__ import annotations

import functools
from collections.abc import Iterable

from vitalcast.model import Descriptor, Kind, Sample, Series

_NAN = float("nan")
_ROUND_BELOW = 1e15  # past this a float's neighbours are more than a unit's fraction apart


@functools.cache
def rate_descriptor(d: Descriptor) -> Descriptor:
    """Return the descriptor of a counter's per-second form: `<name>.rate`, `<unit>/s`, a gauge.

    Raises ValueError for a metric that has no such form: not a counter, or a counter with `rate=False`.
    """
    if not has_rate(d):
        raise ValueError(f"{d.name} is no counter with a rate")
    return Descriptor(
        f"{d.name}.rate", f"{d.unit}/s", Kind.GAUGE, f"{d.description.rstrip('.')}, per second.", d.attributes
    )


def has_rate(d: Descriptor) -> bool:
    """Say whether the metric is published per second too."""
    return d.rate and d.kind is Kind.COUNTER


class Rates:
    """Remembers the last reading of each counter of one collector. One instance serves one collector.

    A series that a reading leaves out is forgotten, so memory is bounded by the newest reading.
    """

    def __init__(self) -> None:
        self._before: dict[str, tuple[Series, float]] = {}  # counter's key: series of its rate, last value
        self._now_s = 0.0

    def update(self, samples: Iterable[Sample], now_s: float) -> list[Sample]:
        """Return a rate for every counter among the samples that has one, in their order.

        `now_s` is monotonic seconds. The rate is `nan` on a counter's first reading, after it fell (a reset),
        where it could not be read now or before, and where no time has passed. Rates keep about six significant
        digits.
        """
        elapsed = now_s - self._now_s
        before = self._before
        after: dict[str, tuple[Series, float]] = {}
        rates = []
        for series, value in samples:
            descriptor = series.descriptor
            if descriptor.kind is not Kind.COUNTER or not descriptor.rate:
                continue
            key = series.key
            rate = _NAN
            known = before.get(key)
            if known is None:
                rate_series = Series(rate_descriptor(descriptor), series.values)
            else:
                rate_series, last = known
                grown = value - last
                if grown >= 0 and elapsed > 0:  # false for nan, too
                    rate = _round(grown / elapsed) if grown else 0.0
            after[key] = (rate_series, value)
            rates.append(Sample(rate_series, rate))
        self._before = after
        self._now_s = now_s
        return rates


def _round(rate: float) -> float:
    """Keep about six significant digits of a positive number.

    An integer divided by a power of ten is the float with the shortest text; `round` costs five times as much.
    """
    if rate >= 100_000:
        if rate < _ROUND_BELOW:
            return float(int(rate + 0.5))
        return rate if rate != float("inf") else _NAN
    if rate >= 100:
        return int(rate * 1_000 + 0.5) / 1_000
    if rate >= 0.1:
        return int(rate * 1_000_000 + 0.5) / 1_000_000
    return int(rate * 1_000_000_000 + 0.5) / 1_000_000_000
