"""Columns: a living series keeps its own, nobody reads another's past in it, and there are only so many."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.machine import IO, LOAD, disk

from vitalcast.core.metrics.catalogue import Catalogue
from vitalcast.core.metrics.frames import FrameBuilder
from vitalcast.core.metrics.model import Descriptor, Frame, Kind, Layout, Sample, Series
from vitalcast.core.metrics.names import Selection
from vitalcast.core.metrics.ring import Ring

devices = st.sets(st.sampled_from("abcdef"), max_size=6)


class Columns:
    """A catalogue and what makes frames for it. `fresh` makes a new layout for each, as a bus may."""

    def __init__(self, *descriptors: Descriptor, series_max: int = 1000, fresh: bool = False) -> None:
        self.ring = Ring()
        self.catalogue = Catalogue(descriptors, series_max=series_max, clear=self.ring.clear_columns)
        self.frames = FrameBuilder()
        self.fresh = fresh

    def frame(self, offset: int, samples: list[Sample], oldest: int = 0) -> Frame:
        frame = self.frames.frame(offset, offset * 1000, samples)
        if self.fresh:
            frame = frame.laid(Layout(frame.layout.series), frame.values)
        return self.catalogue.lay(frame, oldest)

    def disks(self, offset: int, *names: str, oldest: int = 0) -> Frame:
        return self.frame(offset, [Sample(disk(name), float(ord(name[-1]))) for name in names], oldest)


def read(frame: Frame) -> dict[str, float]:
    return {one.key: value for one, value in zip(frame.layout.series, frame.values, strict=True) if one is not None}


def owners(frame: Frame) -> dict[int, str]:
    return {column: one.key for column, one in enumerate(frame.layout.series) if one is not None}


@given(st.lists(devices, min_size=1, max_size=40), st.integers(0, 8), st.booleans())
def test_a_column_never_shows_two_series_in_the_frames_still_held(plan: list[set[str]], held: int, fresh: bool) -> None:
    columns, seen = Columns(LOAD, IO, fresh=fresh), list[dict[int, str]]()
    for position, names in enumerate(plan):
        offset = position + 1
        oldest = max(1, offset - held)
        frame = columns.disks(offset, *sorted(names), oldest=oldest)
        assert read(frame) == {disk(name).key: float(ord(name)) for name in names}
        seen.append(owners(frame))
        for old in seen[oldest - 1 :]:
            for column, key in old.items():
                assert seen[-1].get(column, key) == key
    assert len(columns.catalogue.layout.series) <= 6 * (held + 2)


def test_columns_of_devices_long_gone_are_used_again() -> None:
    columns = Columns(IO)
    for offset in range(1, 500):
        columns.disks(offset, f"veth{offset}", oldest=max(0, offset - 10))
    assert len(columns.catalogue.layout.series) < 20


@pytest.mark.parametrize("fresh", [False, True])
def test_the_layout_is_the_same_object_while_nothing_comes_or_goes(fresh: bool) -> None:
    columns = Columns(IO, fresh=fresh)
    assert len({id(columns.disks(offset, "sda").layout) for offset in (1, 2, 3)}) == 1


def test_frames_whose_columns_are_the_catalogues_own_pass_as_they_are() -> None:
    columns = Columns(IO)
    frame = columns.frames.frame(1, 1000, [Sample(disk("sda"), 1.0), Sample(disk("sdb"), 2.0)])
    assert columns.catalogue.lay(frame, 0) is frame


def test_a_frame_cannot_be_written_to() -> None:
    columns = Columns(IO)
    for offset, names in enumerate((["sda"], ["sdb"]), start=1):
        assert not columns.disks(offset, *names).values.flags.writeable


def test_a_new_series_has_no_reading_before_it_came() -> None:
    columns = Columns(IO)
    for offset, names in enumerate((["sda"], ["sda", "sdb"]), start=1):
        columns.ring.append(columns.disks(offset, *names))
    column = next(i for i, one in enumerate(columns.catalogue.layout.series) if one == disk("sdb"))
    np.testing.assert_array_equal(columns.ring.read(np.array([column]), 0, 2), [[np.nan], [float(ord("b"))]])


def test_only_misspelt_names_of_ours_are_impossible() -> None:
    catalogue = Catalogue([LOAD], own_names=["hw.fan.speed"])
    wanted = ["system.load", "system.loads", "hw.fan.speed", "hw.fan.sped", "system.loads.*", "system", "queue.length"]
    assert catalogue.impossible(Selection.of(wanted)) == ["hw.fan.sped", "system.loads"]
    assert catalogue.advice("hw.fan.sped") == "hw.fan.speed"
    assert catalogue.advice("vitalcast.nothing.like.it") == ""


def test_a_metric_that_comes_is_known_from_then_on() -> None:
    columns = Columns(LOAD)
    choice = columns.catalogue.choices.of(Selection.of(["process.>"]))
    assert columns.catalogue.impossible(Selection.of(["process.thread.count"]))
    columns.frame(1, [Sample(Series(Descriptor("process.thread.count", "1", Kind.GAUGE, "")), 3.0)])
    assert columns.catalogue.impossible(Selection.of(["process.thread.count"])) == []
    assert "process.thread.count" in columns.catalogue.descriptors
    assert len(choice.chosen.series) == 1


def test_a_device_that_returns_has_its_old_column_and_past() -> None:
    columns, seen = Columns(IO), []
    for offset, names in enumerate((["sda", "sdb"], ["sda"], ["sda", "sdc"], ["sda", "sdb", "sdc"]), start=1):
        seen.append({key: column for column, key in owners(columns.disks(offset, *names)).items()})
    assert seen[3][disk("sdb").key] == seen[0][disk("sdb").key]
    assert seen[3][disk("sdc").key] != seen[0][disk("sdb").key]


def test_the_same_name_and_attributes_in_another_unit_is_another_series() -> None:
    columns = Columns()
    one, other = (Series(Descriptor("size", unit, Kind.GAUGE, "")) for unit in ("By", "1"))
    assert one != other
    frame = columns.frame(1, [Sample(one, 1.0), Sample(other, 2.0)])
    assert frame.values.tolist() == [1.0, 2.0]


def test_of_two_samples_of_a_series_the_later_one_counts() -> None:
    frame = Columns(IO).frame(1, [Sample(disk("sda"), 1.0), Sample(disk("sdb"), 2.0), Sample(disk("sda"), 3.0)])
    assert read(frame) == {disk("sda").key: 3.0, disk("sdb").key: 2.0}


# --- bounds ------------------------------------------------------------------------------------------------------


@given(st.lists(devices, min_size=1, max_size=40), st.integers(1, 5), st.booleans())
def test_within_any_bound_nobody_reads_the_past_of_another(plan: list[set[str]], series_max: int, fresh: bool) -> None:
    columns = Columns(IO, series_max=series_max, fresh=fresh)
    for offset, names in enumerate(plan, start=1):
        samples = [Sample(disk(name), ord(name) * 1000.0 + offset) for name in sorted(names)]
        frame = columns.frame(offset, samples, columns.ring.oldest_offset)
        columns.ring.append(frame)
        assert len(read(frame)) == min(len(names), series_max)
        assert columns.catalogue.refused == max(0, len(names) - series_max)
        for column, key in owners(frame).items():
            past = columns.ring.read(np.array([column]), 0, offset)[:, 0]
            assert past[-1] == frame.values[column]
            owner = next(name for name in names if disk(name).key == key)
            assert {int(value) // 1000 for value in past[~np.isnan(past)]} == {ord(owner)}


def test_living_series_past_the_bound_are_left_out_counted_and_said(caplog: pytest.LogCaptureFixture) -> None:
    columns = Columns(IO, series_max=3)
    for offset in (1, 2):
        frame = columns.disks(offset, "a", "b", "c", "d", "e")
        assert read(frame) == {disk(name).key: float(ord(name)) for name in "abc"}
        assert columns.catalogue.refused == 2
    assert len(caplog.records) == 1
    assert "2 of them are left out" in caplog.text
    assert read(columns.disks(3, "a", "b", "d")) == {disk(name).key: float(ord(name)) for name in "abd"}
    assert columns.catalogue.refused == 0


def test_at_the_bound_a_newcomer_gets_the_column_of_what_is_gone_longest_without_its_past() -> None:
    columns = Columns(IO, series_max=2)
    for offset, names in enumerate((["a", "b"], ["b"], ["c"]), start=1):
        columns.ring.append(columns.disks(offset, *names))
    column = next(i for i, one in enumerate(columns.catalogue.layout.series) if one == disk("c"))
    past = columns.ring.read(np.array([column]), 0, 3)[:, 0]
    np.testing.assert_array_equal(past, [np.nan, np.nan, float(ord("c"))])


def test_where_nothing_is_held_any_more_all_columns_of_what_is_gone_are_free() -> None:
    columns = Columns(IO)
    for offset in (1000, 1001):
        columns.disks(offset, f"sd{offset}", oldest=1)
    columns.catalogue.forget_past()
    columns.disks(1, "sdc", oldest=0)
    assert len(columns.catalogue.layout.series) == 2


def test_names_that_come_and_go_for_ever_are_forgotten() -> None:
    columns = Columns(LOAD, series_max=4)
    kept = columns.catalogue.choices.of(Selection.of(["queue.>"]))
    for offset in range(1, 200):
        columns.frame(offset, [Sample(Series(Descriptor(f"queue.n{offset}", "1", Kind.GAUGE, "")), 1.0)])
        assert [one.name for one in kept.chosen.series] == [f"queue.n{offset}"]
    assert len(columns.catalogue.descriptors) <= 1 + 3 * 4
    assert len(columns.catalogue.choices._bits) <= 1 + 3 * 4
    assert "system.load" in columns.catalogue.descriptors


# --- labels ------------------------------------------------------------------------------------------------------


def test_a_label_is_no_part_of_which_series_it_is_and_its_change_is_seen() -> None:
    columns = Columns(IO)
    choice = columns.catalogue.choices.of(Selection.of([">"], {"disk.model": ["new"]}))
    seen = []
    for offset, model in enumerate(("old", "old", "new"), start=1):
        series = Series(IO, ("sda",), (("disk.model", model),))
        assert series == disk("sda")
        seen.append(columns.frame(offset, [Sample(series, float(offset))]))
        columns.ring.append(seen[-1])
    assert seen[0].layout is seen[1].layout
    assert not seen[2].layout.same(seen[1].layout)
    assert [one.labels for one in choice.chosen.series] == [(("disk.model", "new"),)]
    np.testing.assert_array_equal(columns.ring.read(choice.chosen.columns, 0, 3)[:, 0], [1.0, 2.0, 3.0])
