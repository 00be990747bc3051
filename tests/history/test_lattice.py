"""The integers behind values stand for them, and numbers of significant digits are in order and without holes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitalcast.history.lattice import (
    DIGITS_MAX,
    EXACT_BELOW,
    decimals,
    digits_of,
    divisors,
    numbered,
    rounded,
    undecimal,
    unnumbered,
)

sizes = st.integers(0, 52).flatmap(lambda size: st.integers(-(2**size), 2**size))


@given(st.integers(0, 9), st.lists(st.integers(-(10**6), 10**6), min_size=1, max_size=150))
def test_decimals_are_found_at_the_least_power(places: int, integers: list[int]) -> None:
    values = np.array([integers], dtype=np.float64) / 10.0**places
    found, scaled = decimals(values)
    assert 0 <= found[0] <= places
    assert (undecimal(scaled, found) == values).all()


@pytest.mark.parametrize("value", [np.pi, 1e300, np.inf, EXACT_BELOW, 1e-12])
def test_what_is_no_decimal_is_none(value: float) -> None:
    assert decimals(np.array([[value, 1.0], [0.5, 1.0]]))[0].tolist() == [-1, 1]


@given(st.integers(1, 10**6), st.integers(-(10**9), 10**9), st.lists(st.integers(0, 10**6), min_size=2, max_size=150))
def test_a_divisor_is_the_greatest(step: int, base: int, counts: list[int]) -> None:
    scaled = np.array([[base + step * count for count in counts]])
    far = scaled[0] - scaled[0, 0]
    assert divisors(scaled)[0] == max(1, int(np.gcd.reduce(far)))


@given(st.integers(1, DIGITS_MAX), st.lists(sizes, min_size=1, max_size=100))
def test_numbers_of_digits_come_back(digits: int, integers: list[int]) -> None:
    array = np.sign(integers) * rounded(np.abs(integers), digits)
    found = digits_of(array[None])[0]
    assert 1 <= found <= digits
    assert unnumbered(numbered(array, digits), digits).tolist() == array.tolist()


@given(st.integers(1, 4), st.integers(0, 10**5))
def test_the_number_of_an_integer_is_how_many_there_are_below_it(digits: int, integer: int) -> None:
    exact = int(rounded(np.array([integer]), digits)[0])
    below = sorted({int(float(f"{n:.{digits - 1}e}")) for n in range(1000)}) if exact < 1000 else None
    if below is not None:
        assert numbered(np.array([exact]), digits)[0] == below.index(exact) if exact in below else True
    up = numbered(np.array([exact, exact + max(1, 10 ** (len(str(exact)) - digits))]), digits)
    assert up[1] - up[0] == 1


@given(st.integers(0, 2**52), st.integers(1, 6))
def test_rounding_is_to_the_nearest(integer: int, digits: int) -> None:
    found = int(rounded(np.array([integer]), digits)[0])
    assert abs(found - integer) * 2 <= 10 ** max(0, len(str(integer)) - digits)


def test_a_number_of_no_integer_is_refused() -> None:
    with pytest.raises(ValueError, match="no integer"):
        unnumbered(np.array([2**60]), 1)
