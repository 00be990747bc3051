"""Columns: a living series keeps its own, and nobody reads another's past in it."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from tests.core.machine import IO, LOAD, disk

from vitalcast.core.metrics.catalogue import Catalogue
from vitalcast.core.metrics.model import Sample
from vitalcast.core.metrics.names import Selection
from vitalcast.core.metrics.ring import Ring

devices = st.sets(st.sampled_from("abcdef"), max_size=6)


@given(st.lists(devices, min_size=1, max_size=40), st.integers(0, 8))
def test_a_column_never_shows_two_series_in_the_frames_still_held(plan: list[set[str]], held: int) -> None:
    catalogue = Catalogue([LOAD, IO])
    owners: list[dict[int, str]] = []
    for position, names in enumerate(plan):
        offset = position + 1
        oldest = max(1, offset - held)
        samples = [Sample(disk(name), float(ord(name))) for name in sorted(names)]
        frame = catalogue.frame(offset, offset * 1000, samples, oldest)
        read = {one.key: value for one, value in zip(frame.layout.series, frame.values, strict=True) if one is not None}
        assert read == {sample.series.key: sample.value for sample in samples}
        owners.append({column: one.key for column, one in enumerate(frame.layout.series) if one is not None})
        for old in owners[oldest - 1 :]:
            for column, key in old.items():
                assert owners[-1].get(column, key) == key
    assert len(catalogue.layout.series) <= 6 * (held + 2)


def test_columns_of_devices_long_gone_are_used_again() -> None:
    catalogue = Catalogue([IO])
    for offset in range(1, 500):
        catalogue.frame(offset, offset * 1000, [Sample(disk(f"veth{offset}"), 1.0)], max(0, offset - 10))
    assert len(catalogue.layout.series) < 20


def test_the_layout_is_the_same_object_while_nothing_comes_or_goes() -> None:
    catalogue = Catalogue([IO])
    frames = [catalogue.frame(offset, offset, [Sample(disk("sda"), offset)], 0) for offset in (1, 2, 3)]
    assert len({id(frame.layout) for frame in frames}) == 1
    assert frames[0].layout.version == 1


def test_a_frame_cannot_be_written_to() -> None:
    frame = Catalogue([IO]).frame(1, 1, [Sample(disk("sda"), 1.0)], 0)
    assert not frame.values.flags.writeable


def test_a_new_series_has_no_reading_before_it_came() -> None:
    catalogue, ring = Catalogue([IO]), Ring()
    for offset, names in enumerate((["sda"], ["sda", "sdb"]), start=1):
        ring.append(catalogue.frame(offset, offset, [Sample(disk(name), 1.0) for name in names], 0))
    column = next(i for i, one in enumerate(catalogue.layout.series) if one == disk("sdb"))
    np.testing.assert_array_equal(ring.read(np.array([column]), 0, 2), [[np.nan], [1.0]])


def test_it_knows_metrics_that_have_no_series_yet() -> None:
    catalogue = Catalogue([LOAD, IO])
    assert catalogue.knows(Selection.of(["system.disk.>"]))
    assert not catalogue.knows(Selection.of(["system.disks.>"]))


def test_a_device_that_returns_has_its_old_column_and_past() -> None:
    catalogue = Catalogue([IO])
    columns = []
    for offset, names in enumerate((["sda", "sdb"], ["sda"], ["sda", "sdc"], ["sda", "sdb", "sdc"]), start=1):
        frame = catalogue.frame(offset, offset, [Sample(disk(name), 1.0) for name in names], 0)
        columns.append({one.key: column for column, one in enumerate(frame.layout.series) if one is not None})
    assert columns[3][disk("sdb").key] == columns[0][disk("sdb").key]
    assert columns[3][disk("sdc").key] != columns[0][disk("sdb").key]
