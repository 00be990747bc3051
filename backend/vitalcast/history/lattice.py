"""Finds the integers behind columns of float64: decimals, counts of pages, numbers of a few significant digits.

Most readings are decimals: they are integers at some power of ten. Of these the greatest common divisor is taken out
(bytes that come in pages of 4096), and where they have only so many significant digits (rates), they are numbered
by size: so a difference means as much for a small one as for a great one, and the digits that are always zero cost
nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.int64]
    Booleans = npt.NDArray[np.bool_]

PLACES_MAX = 9
NEIGHBOURS_MAX = 2  # so many floats may a value lie beside its decimal, as the sum of two decimals does
DIGITS_MAX = 6
EXACT_BELOW = 2.0**53  # up to there each integer is exact as a float64
_POWERS = np.array([float(10**places) for places in range(PLACES_MAX + 1)])  # exact, which pow need not be
_TENS = np.array([10**power for power in range(19)], dtype=np.int64)
_FEW = 64  # rows that tell most of what all of them do


@dataclass(frozen=True, slots=True)
class Lattice:
    """How integers stand for the values of one column.

    value = (base + step * n) / 10**places, where n is the integer itself or, with `digits`, the one that it numbers.
    """

    places: int
    digits: int = 0
    base: int = 0
    step: int = 1


def decimals(values: Floats) -> tuple[Integers, Integers]:
    """Return of each row of a table the least power of ten that makes its values integers, or -1, and those integers.

    They may be NEIGHBOURS_MAX floats away from the values.
    """
    places = np.full(len(values), -1)
    scaled = np.zeros(values.shape, dtype=np.int64)
    left = np.flatnonzero((np.abs(values) < EXACT_BELOW).all(axis=1))
    few = np.ascontiguousarray(values[:, :: max(1, values.shape[1] // _FEW)])
    for power in range(PLACES_MAX + 1):
        likely = left[_fitting(few[left], power)[0]]
        good, integers = _fitting(values[likely], power)
        found = likely[good]
        places[found], scaled[found] = power, integers[good]
        left = left[places[left] < 0]
        if not len(left):
            break
    return places, scaled


def _fitting(values: Floats, power: int) -> tuple[Booleans, Integers]:
    rounded = np.rint(values * _POWERS[power])
    fits = (np.abs(rounded) < EXACT_BELOW).all(axis=1)
    integers = np.where(fits[:, None], rounded, 0.0).astype(np.int64)
    away = values.view(np.int64) - (integers / _POWERS[power]).view(np.int64)
    return fits & ((away >= -NEIGHBOURS_MAX) & (away <= NEIGHBOURS_MAX)).all(axis=1), integers


def undecimal(scaled: Integers, places: Integers) -> Floats:
    """Return the floats that are nearest to a table's integers at a power of ten for each row."""
    values: Floats = scaled / _POWERS[places][:, None]
    return values


def divisors(scaled: Integers) -> Integers:
    """Return of each row the greatest common divisor of what its integers differ by; 1 where they are all equal."""
    far = scaled - scaled[:, :1]
    found: Integers = np.gcd.reduce(far[:, :: max(1, far.shape[1] // _FEW)], axis=1)
    for row in np.flatnonzero(found != 1):
        if not found[row] or (far[row] % found[row]).any():
            found[row] = np.gcd.reduce(far[row])
    return np.maximum(found, 1)


def digits_of(scaled: Integers) -> Integers:
    """Return of each row how many significant digits its integers have at most, or 0 where more than DIGITS_MAX."""
    sizes = np.abs(scaled)
    found = np.zeros(len(scaled), dtype=np.int64)
    few = sizes[:, :: max(1, sizes.shape[1] // _FEW)]
    left = np.arange(len(scaled))
    for digits in range(1, DIGITS_MAX + 1):
        likely = left[_has_digits(few[left], digits)]
        good = likely[_has_digits(sizes[likely], digits)]
        found[good] = digits
        left = left[found[left] == 0]
    return found


def _has_digits(sizes: Integers, digits: int) -> Booleans:
    good: Booleans = np.all(sizes % _TENS[_dropped(sizes, digits)] == 0, axis=1)
    return good


def _dropped(sizes: Integers, digits: int) -> Integers:
    """Return how many digits of each number stand behind its first `digits`."""
    dropped: Integers = np.maximum(np.searchsorted(_TENS, sizes, side="right") - digits, 0)
    return dropped


def rounded(scaled: Integers, digits: int) -> Integers:
    """Round integers, none below zero, to so many significant digits."""
    tens = _TENS[_dropped(scaled, digits)]
    result: Integers = (scaled + tens // 2) // tens * tens
    return result


def numbered(scaled: Integers, digits: int) -> Integers:
    """Number integers of so many significant digits by size: 0 is 0, 1 the least above it, -1 that below."""
    sizes = np.abs(scaled)
    dropped = _dropped(sizes, digits)
    # Below ten to the digits each integer is its own number; from there on each power of ten has as many.
    numbers: Integers = np.sign(scaled) * (sizes // _TENS[dropped] + dropped * (9 * 10 ** (digits - 1)))
    return numbers


def unnumbered(numbers: Integers, digits: int) -> Integers:
    """Return the integers that `numbered` was given. Raises ValueError where a number is of none."""
    sizes = np.abs(numbers)
    a_power = 9 * 10 ** (digits - 1)
    dropped = np.maximum((sizes - 10 ** (digits - 1)) // a_power, 0)
    if dropped.size and dropped.max() + digits >= len(_TENS):
        raise ValueError("a number is of no integer")
    result: Integers = np.sign(numbers) * (sizes - dropped * a_power) * _TENS[dropped]
    return result


def restored(lattices: Sequence[Lattice], numbers: Integers) -> Floats:
    """Return the values of a table of integers, of which each row has its lattice. Raises ValueError."""
    scaled = numbers.copy()
    for digits in {one.digits for one in lattices} - {0}:
        rows = [row for row, one in enumerate(lattices) if one.digits == digits]
        scaled[rows] = unnumbered(scaled[rows], digits)
    steps = np.array([one.step for one in lattices], dtype=np.int64)[:, None]
    bases = np.array([one.base for one in lattices], dtype=np.int64)[:, None]
    return undecimal(bases + steps * scaled, np.array([one.places for one in lattices]))
