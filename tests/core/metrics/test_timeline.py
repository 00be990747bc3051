"""A timeline remembers one source, whatever it says of itself and whenever it begins anew."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.core.machine import IO, LOAD, disk

from vitalcast.core.metrics.frames import FrameBuilder
from vitalcast.core.metrics.model import Frame, Sample, Series
from vitalcast.core.metrics.names import Selection
from vitalcast.core.metrics.resource import Resource, Source
from vitalcast.core.metrics.timeline import Timeline

SOURCE = Source(Resource("id", "web-1"), "epoch-1")


class Feeder:
    def __init__(self, timeline: Timeline) -> None:
        self.timeline = timeline
        self._frames = FrameBuilder()

    def __call__(self, offset: int, *names: str) -> Frame:
        samples = [Sample(disk(name), float(ord(name[-1]))) for name in names]
        return self.timeline.take(self._frames.frame(offset, offset * 1000, samples))


@pytest.fixture
def feed() -> Feeder:
    return Feeder(Timeline(SOURCE, descriptors=[LOAD, IO]))


def test_it_answers_for_what_is_there_now(feed: Feeder) -> None:
    feed(1, "a", "b")
    feed(2, "b")
    timeline = feed.timeline
    assert (timeline.id, timeline.name, timeline.epoch, timeline.newest.offset) == ("id", "web-1", "epoch-1", 2)
    assert timeline.series() == [disk("b")] == list(timeline.meant(Selection.of(["system.disk.>"])))


def test_offsets_only_grow(feed: Feeder) -> None:
    feed(5, "a")
    for offset in (5, 4):
        with pytest.raises(ValueError, match=f"offset {offset} does not follow 5"):
            feed(offset, "a")
    assert feed.timeline.ring.end_row == 1


def test_a_source_that_begins_anew_keeps_its_series_and_loses_its_past(feed: Feeder) -> None:
    feed(1000, "a", "b")
    column = feed.timeline.catalogue.layout.series.index(disk("b"))
    feed.timeline.restart(replace(SOURCE, epoch="epoch-2"))
    assert feed.timeline.ring.newest is None
    assert feed(1, "b", "c").layout.series[column] == disk("b")
    assert feed.timeline.epoch == "epoch-2"
    np.testing.assert_array_equal(feed.timeline.ring.read(np.array([column]), 0, 10)[:, 0], [float(ord("b"))])


def test_a_source_may_change_its_name_and_its_pace(feed: Feeder) -> None:
    feed.timeline.describe(Source(Resource("id", "web-2"), "epoch-1", interval_ms=500, interval_min_ms=200))
    timeline = feed.timeline
    assert (timeline.name, timeline.interval_ms, timeline.interval_min_ms) == ("web-2", 500, 200)
    assert timeline.ring.interval_ms == 500


def test_its_series_are_bounded() -> None:
    feed = Feeder(Timeline(SOURCE, series_max=2))
    assert np.count_nonzero(~np.isnan(feed(1, "a", "b", "c").values)) == 2
    assert feed.timeline.catalogue.refused == 1


# --- frames as a source makes them -----------------------------------------------------------------------------------


def test_a_source_lays_its_samples_in_their_own_order() -> None:
    frames = FrameBuilder()
    first = frames.frame(1, 1000, [Sample(disk("b"), 2.0), Sample(Series(LOAD), 1.0)], steady_ms=7)
    assert first.layout.series == (disk("b"), Series(LOAD))
    assert (first.values.tolist(), first.steady_ms) == ([2.0, 1.0], 7)
    second = frames.frame(2, 2000, [Sample(Series(IO, ("b",)), 3.0), Sample(Series(LOAD), 1.0)])
    assert second.layout is first.layout, "other objects, the same series"
    third = frames.frame(3, 3000, [Sample(Series(IO, ("b",), (("model", "x"),)), 3.0), Sample(Series(LOAD), 1.0)])
    assert not third.layout.same(first.layout), "a label has come"
    assert frames.frame(4, 4000, []).layout.series == ()
