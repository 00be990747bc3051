from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitalcast.core.metrics.model import Descriptor, Kind, Sample, Series
from vitalcast.core.metrics.precision import ERROR
from vitalcast.core.metrics.rates import Rates, rate_descriptor

IO = Descriptor("test.io", "By", Kind.COUNTER, "Bytes moved.", ("device",))
TIME = Descriptor("test.time", "s", Kind.COUNTER, "Time spent.", rate=False)
USAGE = Descriptor("test.usage", "By", Kind.GAUGE, "Bytes in use.")

VDA, VDB = Series(IO, ("vda",)), Series(IO, ("vdb",))

COUNTS = st.one_of(st.integers(0, 2**64), st.floats(0, 1e18), st.just(math.nan), st.just(math.inf), st.just(0)).map(
    float
)


def values(rates: list[Sample]) -> list[float]:
    return [sample.value for sample in rates]


def test_the_rate_of_a_counter_is_a_gauge_per_second() -> None:
    rate = rate_descriptor(IO)
    assert (rate.name, rate.unit, rate.kind, rate.attributes) == ("test.io.rate", "By/s", Kind.GAUGE, ("device",))
    assert rate.description == "Bytes moved, per second."
    assert rate_descriptor(IO) is rate


@pytest.mark.parametrize("descriptor", [TIME, USAGE])
def test_what_has_no_rate_is_refused(descriptor: Descriptor) -> None:
    with pytest.raises(ValueError, match="no counter with a rate"):
        rate_descriptor(descriptor)


def test_only_counters_that_want_one_get_a_rate() -> None:
    samples = [Sample(Series(USAGE), 1), Sample(VDA, 2), Sample(Series(TIME), 3)]
    assert [sample.series.key for sample in Rates().update(samples, 1.0)] == ['test.io.rate{device="vda"}']


def test_a_rate_is_growth_by_elapsed_time() -> None:
    rates = Rates()
    rates.update([Sample(VDA, 1000), Sample(VDB, 5)], 10.0)
    assert values(rates.update([Sample(VDA, 4000), Sample(VDB, 5)], 12.0)) == [1500, 0]


def test_the_first_reading_is_a_gap() -> None:
    assert math.isnan(values(Rates().update([Sample(VDA, 1000)], 10.0))[0])


def test_a_reset_is_a_gap_and_then_goes_on() -> None:
    rates = Rates()
    rates.update([Sample(VDA, 1000)], 1.0)
    assert math.isnan(values(rates.update([Sample(VDA, 10)], 2.0))[0])
    assert values(rates.update([Sample(VDA, 30)], 3.0)) == [20]


def test_a_counter_that_cannot_be_read_is_a_gap_until_it_was_read_twice() -> None:
    rates = Rates()
    rates.update([Sample(VDA, 1000)], 1.0)
    assert math.isnan(values(rates.update([Sample(VDA, math.nan)], 2.0))[0])
    assert math.isnan(values(rates.update([Sample(VDA, 3000)], 3.0))[0])
    assert values(rates.update([Sample(VDA, 3010)], 4.0)) == [10]


@pytest.mark.parametrize("now_s", [5.0, 4.0])
def test_without_elapsed_time_there_is_a_gap(now_s: float) -> None:
    rates = Rates()
    rates.update([Sample(VDA, 1000)], 5.0)
    assert math.isnan(values(rates.update([Sample(VDA, 2000)], now_s))[0])


def test_a_series_that_vanished_is_forgotten() -> None:
    rates = Rates()
    for number in range(100):
        rates.update([Sample(Series(IO, (str(number),)), 1)], float(number))
    assert len(rates._last) == 1
    rates.update([Sample(VDA, 1)], 100.0)
    rates.update([], 101.0)
    assert math.isnan(values(rates.update([Sample(VDA, 5)], 102.0))[0])


def test_the_series_of_a_rate_is_made_once() -> None:
    rates = Rates()
    (first,) = rates.update([Sample(VDA, 1)], 1.0)
    (second,) = rates.update([Sample(VDA, 2)], 2.0)
    assert first.series is second.series


def test_an_equal_series_made_anew_goes_on() -> None:
    rates = Rates()
    rates.update([Sample(Series(IO, ("vda",)), 1)], 1.0)
    assert values(rates.update([Sample(Series(IO, ("vda",)), 3)], 2.0)) == [2]


def test_a_counter_keeps_its_last_value_when_others_come_and_go() -> None:
    rates = Rates()
    rates.update([Sample(VDA, 10), Sample(VDB, 1)], 1.0)
    assert values(rates.update([Sample(VDB, 3)], 2.0)) == [2]
    came_back, went_on = values(rates.update([Sample(VDA, 20), Sample(VDB, 6)], 3.0))
    assert math.isnan(came_back)
    assert went_on == 3


@given(st.lists(st.tuples(COUNTS, st.floats(-1e9, 1e9)), min_size=1, max_size=20))
def test_a_rate_is_never_negative_nor_infinite(readings: list[tuple[float, float]]) -> None:
    rates = Rates()
    for value, now_s in readings:
        (rate,) = values(rates.update([Sample(VDA, value)], now_s))
        assert math.isnan(rate) or 0 <= rate < math.inf


@given(st.floats(1e-3, 1e17), st.floats(0.01, 1e4))
def test_a_rate_is_rounded_within_the_bound_that_is_stated(growth: float, elapsed_s: float) -> None:
    rates = Rates()
    rates.update([Sample(VDA, 0.0)], 0.0)
    (rate,) = values(rates.update([Sample(VDA, growth)], elapsed_s))
    assert rate == pytest.approx(growth / elapsed_s, rel=ERROR, abs=1e-9)


@given(st.lists(st.integers(0, 10**12), min_size=2, max_size=20))
def test_rates_add_up_to_the_growth_of_the_counter(growths: list[int]) -> None:
    rates = Rates()
    total = 0
    rates.update([Sample(VDA, 0)], 0.0)
    added = 0.0
    for second, growth in enumerate(growths, start=1):
        total += growth
        added += values(rates.update([Sample(VDA, total)], float(second)))[0]
    assert added == pytest.approx(total, rel=ERROR)


def test_a_rate_has_the_labels_of_its_counter_also_when_they_change() -> None:
    descriptor = Descriptor("a", "By", Kind.COUNTER, "")
    one, other = (Series(descriptor, (), (("layer", layer),)) for layer in ("physical", "virtual"))
    rates = Rates()
    rates.update([Sample(one, 1.0)], 1.0)
    [rate] = rates.update([Sample(other, 3.0)], 2.0)
    assert (rate.value, rate.series.labels) == (2.0, other.labels)
