from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vitalcast.core.metrics.names import Selection
from vitalcast.core.query.query import Query
from vitalcast.core.query.tier import Tier
from vitalcast.web.api.long_csv import there_of, whole_of, windows_of

HOURS = st.integers(0, 40 * Tier.HOUR)


@given(HOURS, HOURS, st.sampled_from([100, 1000, 7000, 60_000, 600_000, 5_400_000, 86_400_000]))
def test_windows_are_all_of_a_query_and_end_where_steps_of_every_tier_do(start_ms: int, length: int, step: int) -> None:
    query = Query(Selection.of([">"]), start_ms, start_ms + length + 1, step_ms=step)
    windows = list(windows_of(query))
    starts, ends = [one.start_ms for one in windows], [one.end_ms for one in windows]
    assert [starts[0], ends[-1]] == [query.start_ms, query.end_ms]
    assert starts[1:] == ends[:-1]
    assert all(end % step == 0 and end % Tier.HOUR == 0 for end in ends[:-1])
    assert {one.step_ms for one in windows} == {step}


@given(HOURS, HOURS, HOURS, HOURS, st.sampled_from([100, 7000, 60_000, 86_400_000]), st.sampled_from([0, 5000]))
def test_windows_in_which_nothing_is_kept_are_left_out(
    start_ms: int, length: int, first_ms: int, kept_ms: int, step: int, shift_ms: int
) -> None:
    query = Query(Selection.of([">"]), start_ms, start_ms + length + 1, step_ms=step, shift_ms=shift_ms)
    first, last = first_ms + shift_ms, first_ms + kept_ms + shift_ms
    all_windows, windows = list(windows_of(query)), list(windows_of(there_of(query, first_ms, first_ms + kept_ms)))
    assert set(windows) <= set(all_windows)
    assert {one for one in all_windows if one.end_ms > first and one.start_ms < last} <= set(windows)
    assert (len(windows) - 2) * whole_of(query) <= kept_ms
