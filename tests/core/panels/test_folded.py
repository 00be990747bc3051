"""A long past of many names: the first have lines of their own, and the whole stays the whole."""

from __future__ import annotations

import numpy as np
from tests.core.panel_machine import panel_of

from vitalcast.collectors.programs import IO_RATE, OTHERS, UTILIZATION
from vitalcast.core.metrics.model import Series
from vitalcast.core.panels.folded import folded

CPU, DISK = panel_of("cpu-programs"), panel_of("disk-programs")


def test_what_is_beyond_the_first_names_is_added_to_all_others() -> None:
    series = [Series(UTILIZATION, (name,)) for name in ("a", "b", "c", OTHERS)]
    values = np.array([[0.1, 0.5, 0.3, 0.1], [np.nan, 0.5, np.nan, np.nan]])
    kept, shown = folded(CPU, series, values, most=1)
    assert [one.values[0] for one in kept] == [OTHERS, "b"]
    np.testing.assert_allclose(shown, [[0.5, 0.5], [np.nan, 0.5]])
    assert folded(CPU, series, values, most=3) == (tuple(series), values)


def test_each_direction_and_each_aggregate_is_added_up_by_itself() -> None:
    series = [Series(IO_RATE, (name, way)) for name in ("a", "b") for way in ("read", "write")]
    values = np.array([[1.0, 2.0, 10.0, 20.0, 3.0, 4.0, 5.0, 6.0]])
    kept, shown = folded(DISK, series, values, 2, most=1)
    assert [one.values for one in kept] == [("a", "read"), ("a", "write"), (OTHERS, "read"), (OTHERS, "write")]
    assert shown.tolist() == values.tolist()
