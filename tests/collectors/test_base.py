from __future__ import annotations

import math

import pytest

from vitalcast.collectors.base import Collector, SeriesPerDevice, share
from vitalcast.core.metrics.model import Descriptor, Kind, Sample, Series

SPEED = Descriptor("test.speed", "m/s", Kind.GAUGE, "How fast.", ("wheel",))


@pytest.mark.parametrize(
    ("part", "whole", "expected"),
    [(1, 4, 0.25), (1, 3, 0.33333), (0, 5, 0.0), (5, 5, 1.0), (6, 5, 1.0), (-1, 5, 0.0), (2, 3, 0.66667)],
)
def test_a_share_is_rounded_and_lies_within_0_and_1(part: float, whole: float, expected: float) -> None:
    assert share(part, whole) == expected


@pytest.mark.parametrize(("part", "whole"), [(1, 0), (1, -2), (math.nan, 4), (1, math.nan)])
def test_a_share_of_nothing_is_no_reading(part: float, whole: float) -> None:
    assert math.isnan(share(part, whole))


def test_series_of_a_device_are_made_once() -> None:
    wheels = SeriesPerDevice[str](lambda wheel: (Series(SPEED, (wheel,)),))
    assert wheels["front"] is wheels["front"]
    assert wheels["front"][0].key == 'test.speed{wheel="front"}'


def test_series_of_a_device_that_is_gone_are_forgotten() -> None:
    wheels = SeriesPerDevice[str](lambda wheel: (Series(SPEED, (wheel,)),))
    for number in range(1000):
        wheels[str(number)]
        wheels.keep([str(number)])
    assert list(wheels) == ["999"]


class Wheels(Collector):
    name = "wheels"
    descriptors = (SPEED,)

    def collect(self, _now_s: float) -> list[Sample]:
        return [self.sample(SPEED, 1.0, "front"), self.sample(SPEED, 2.0, "back")]


def test_a_collector_makes_each_series_once() -> None:
    wheels = Wheels()
    first, second = wheels.collect(1.0), wheels.collect(2.0)
    assert [sample.series for sample in first] == [sample.series for sample in second]
    assert all(a.series is b.series for a, b in zip(first, second, strict=True))
