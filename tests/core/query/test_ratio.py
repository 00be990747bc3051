"""Results divided by others: which belong together, and what comes of it."""

from __future__ import annotations

import numpy as np
import pytest

from vitalcast.core.metrics.model import Descriptor, Kind, Series
from vitalcast.core.query.ratio import Ratio


def series(name: str, unit: str = "By", **attributes: str) -> Series:
    return Series(Descriptor(name, unit, Kind.COUNTER, "", tuple(attributes)), tuple(attributes.values()))


def pairs(dividends: list[Series], divisors: list[Series]) -> list[tuple[int, int]]:
    ratio = Ratio.of(dividends, divisors)
    return list(zip(ratio.over.tolist(), ratio.under.tolist(), strict=True))


USED = [series("used", device="sda", state="free"), series("used", device="sdb", state="free")]


def test_results_are_matched_by_the_attributes_that_they_have() -> None:
    assert pairs(USED, list(reversed(USED))) == [(0, 1), (1, 0)]


def test_a_divisor_that_says_less_is_that_of_all_who_say_as_much() -> None:
    assert pairs(USED, [series("size", device="sdb"), series("size", device="sda")]) == [(0, 1), (1, 0)]


def test_a_divisor_that_is_alone_divides_all() -> None:
    assert pairs(USED, [series("total", host="other")]) == [(0, 0), (1, 0)]


def test_without_a_partner_a_series_is_left_out() -> None:
    ratio = Ratio.of(USED, [series("size", device="sdb"), series("size", device="sdc")])
    assert [one.attributes["device"] for one in ratio.series] == ["sdb"]


def test_of_several_partners_it_is_the_one_of_the_same_metric_or_none() -> None:
    several = [series("size", device="sda"), series("used", device="sda")]
    assert pairs([series("used", device="sda")], several) == [(0, 1)]
    assert pairs([series("other", device="sda")], several) == []


@pytest.mark.parametrize(
    ("unit", "other", "both"),
    [
        ("By", "By", "1"),
        ("By", "{packet}", "By/{packet}"),
        ("By/s", "{packet}/s", "By/{packet}"),  # not By/s/{packet}/s, which is By/({packet}.s.s)
        ("By/s", "By/s", "1"),
        ("By", "By/s", "By/(By/s)"),
        ("By/s", "By", "By/s/By"),
        ("By", "1", "By"),
        ("1", "s", "1/s"),
        ("", "s", "1/s"),
        ("By", "", "By"),
    ],
)
def test_units_are_divided_too(unit: str, other: str, both: str) -> None:
    [one] = Ratio.of([series("a", unit, device="sda")], [series("b", other, device="sda")]).series
    assert (one.name, one.attributes, one.descriptor.unit) == ("a", {"device": "sda"}, both)


def test_nothing_is_known_where_either_is_missing_or_the_divisor_is_zero() -> None:
    ratio = Ratio.of(USED[:1], USED[:1])
    over = np.array([6.0, 0.0, 5.0, np.nan, 1e308]).reshape(-1, 1, 1)
    under = np.array([3.0, 2.0, 0.0, 1.0, 1e-308]).reshape(-1, 1, 1)
    assert ratio.apply(over, under).ravel()[:2].tolist() == [2.0, 0.0]
    assert np.isnan(ratio.apply(over, under).ravel()[2:4]).all()
