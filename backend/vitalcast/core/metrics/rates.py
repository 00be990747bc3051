"""Turns counters into rates; a first reading or a reset leaves a gap, never a negative rate."""

from __future__ import annotations

import functools
from operator import is_

from vitalcast.core.metrics.model import Descriptor, Kind, Sample, Series
from vitalcast.core.metrics.precision import significant

_NAN = float("nan")
_INFINITE = float("inf")


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
        self._series: tuple[Series, ...] = ()  # of the newest reading, whether counters or not
        self._counters: list[int] = []  # where among them the counters stand
        self._rates: list[Series] = []  # of each counter
        self._last: list[float] = []  # value of each counter
        self._now_s = 0.0

    def update(self, samples: list[Sample], now_s: float) -> list[Sample]:
        """Return a rate for every counter among the samples that has one, in their order.

        `now_s` is monotonic seconds. The rate is `nan` on a counter's first reading, after it fell (a reset),
        where it could not be read now or before, and where no time has passed. Rates are rounded as `precision` says.
        """
        series: tuple[Series, ...]
        readings: tuple[float, ...]
        series, readings = zip(*samples, strict=True) if samples else ((), ())
        # The same objects, nearly always. Equality would not do: a label may have changed.
        if len(series) != len(self._series) or not all(map(is_, series, self._series)):
            self._arrange(series)
        values = [readings[index] for index in self._counters]
        elapsed_s = now_s - self._now_s
        if elapsed_s > 0:
            rates = [_rate(value - last, elapsed_s) for value, last in zip(values, self._last, strict=True)]
        else:
            rates = [_NAN] * len(values)
        self._last, self._now_s = values, now_s
        return list(map(Sample, self._rates, rates))

    def _arrange(self, series: tuple[Series, ...]) -> None:
        """Look for the counters anew, keeping what is known of those that were there before."""
        known = {rate.key: last for rate, last in zip(self._rates, self._last, strict=True)}
        self._series, self._counters, self._rates, self._last = series, [], [], []
        for index, each in enumerate(series):
            if has_rate(each.descriptor):
                rate = Series(rate_descriptor(each.descriptor), each.values, each.labels)
                self._counters.append(index)
                self._rates.append(rate)
                self._last.append(known.get(rate.key, _NAN))


def _rate(growth: float, elapsed_s: float) -> float:
    """Divide, and round as `precision` says; `nan` unless the counter grew or stood still."""
    if growth == 0:
        return 0.0
    if not growth > 0:  # true for nan, too
        return _NAN
    rate = growth / elapsed_s
    return significant(rate) if rate != _INFINITE else _NAN
