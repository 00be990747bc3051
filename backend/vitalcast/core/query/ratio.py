"""Divides the results of one selection by those of another: which belong together, and what comes of it; the same in
live streams and in answers about the past."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vitalcast.core.metrics.model import Descriptor, Kind, Series

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Places = npt.NDArray[np.intp]

Attributes = frozenset[tuple[str, str]]

A_SECOND = "/s"


@dataclass(frozen=True, slots=True)
class Ratio:
    """Which results are divided by which: those at the places `over` by those at `under`, which become `series`."""

    series: tuple[Series, ...]
    over: Places
    under: Places

    @classmethod
    def of(cls, dividends: Sequence[Series], divisors: Sequence[Series]) -> Ratio:
        """Pair results. A divisor that is alone divides all; else each is divided by the one all of whose attributes it
        has, and of several by that of its own metric. One without a partner is left out.
        """
        partners = _Partners(divisors)
        found = [(place, partner) for place, one in enumerate(dividends) if (partner := partners.of(one)) is not None]
        return cls(
            tuple(_divided(dividends[over], divisors[under]) for over, under in found),
            np.array([over for over, _ in found], dtype=np.intp),
            np.array([under for _, under in found], dtype=np.intp),
        )

    def apply(self, dividends: Floats, divisors: Floats) -> Floats:
        """Divide values of the shape (steps, series, aggregates); nothing is known where a divisor is 0."""
        over, under = dividends[:, self.over], divisors[:, self.under]
        with np.errstate(over="ignore", invalid="ignore"):  # values of others may be too large, or too small
            ratios: Floats = np.divide(over, under, out=np.full_like(over, np.nan), where=under != 0)
        return ratios


class _Partners:
    """Finds the divisor of each result."""

    def __init__(self, divisors: Sequence[Series]) -> None:
        self._alone = len(divisors) == 1
        self._places: dict[Attributes, list[tuple[str, int]]] = {}
        for place, one in enumerate(divisors):
            self._places.setdefault(frozenset(one.attributes.items()), []).append((one.name, place))
        # There are few sets of keys, and the one with most of them says most.
        keys = {frozenset(key for key, _ in attributes) for attributes in self._places}
        self._keys = sorted(keys, key=lambda one: (-len(one), sorted(one)))

    def of(self, dividend: Series) -> int | None:
        if self._alone:
            return 0
        attributes: Mapping[str, str] = dividend.attributes
        for keys in self._keys:
            if keys <= attributes.keys():
                found = self._places.get(frozenset((key, attributes[key]) for key in keys), [])
                own = [place for name, place in found if name == dividend.name or len(found) == 1]
                if found:
                    return own[0] if len(own) == 1 else None
        return None


def _divided(dividend: Series, divisor: Series) -> Series:
    return Series(_descriptor(dividend.descriptor, divisor.descriptor.unit), dividend.values, dividend.labels)


@functools.lru_cache(maxsize=1000)
def _descriptor(dividend: Descriptor, unit: str) -> Descriptor:
    ratio = _quotient(dividend.unit, unit)
    return Descriptor(dividend.name, ratio, Kind.GAUGE, dividend.description, dividend.attributes, rate=False)


def _quotient(over: str, under: str) -> str:
    """Return one unit divided by another, in UCUM: there a/b/c is a/(b.c), and what is unknown is 1."""
    if over.endswith(A_SECOND) and under.endswith(A_SECOND):  # of what is a second by itself
        over, under = over.removesuffix(A_SECOND), under.removesuffix(A_SECOND)
    if under in (over, "", "1"):
        return "1" if over == under else over
    return f"{over or 1}/({under})" if "/" in under or "." in under else f"{over or 1}/{under}"
