import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitalcast.core.query.times import MOMENT_MAX_MS, iso_of, time_of

NOW_MS = 1_795_000_000_000


@pytest.mark.parametrize(
    ("text", "time_ms"),
    [
        ("1790000000123", 1_790_000_000_123),
        ("0", 0),
        ("now", NOW_MS),
        ("-3h", NOW_MS - 3 * 3_600_000),
        ("-90s", NOW_MS - 90_000),
        ("-1.5h", NOW_MS - 5_400_000),
        ("now-7d", NOW_MS - 7 * 86_400_000),
        ("-9999w", 0),
        ("2026-09-21T14:13:20Z", 1_790_000_000_000),
        ("2026-09-21T14:13:20.123z", 1_790_000_000_123),
        ("2026-09-21T16:13:20+02:00", 1_790_000_000_000),
        ("2026-09-21T16:13:20 02:00", 1_790_000_000_000),
        ("2026-09-21T09:43:20-0430", 1_790_000_000_000),
        ("2026-09-21 14:13:20", 1_790_000_000_000),
        ("2026-09-21T14:13", 1_789_999_980_000),
        ("2026-09-21", 1_789_948_800_000),
        ("1969-12-31", 0),
    ],
)
def test_every_form_is_a_moment(text: str, time_ms: int) -> None:
    assert time_of(text, NOW_MS) == time_ms


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "'' is no time; give Unix milliseconds, ISO 8601 such as 2026-11-28T02:00:00Z, or -3h"),
        ("3h", "'3h' is no time; give "),
        ("-3y", "'-3y' is no time; give "),
        ("-1.2.3h", "'1.2.3h' is not a duration; give "),
        ("yesterday", "'yesterday' is no time; give "),
        ("1790000000", "1790000000 looks like seconds; give milliseconds, 1790000000000"),
        ("999999999999999", "999999999999999 is past the year 9998; give Unix milliseconds"),
        ("2026-13-01", "'2026-13-01' is no time: month must be in 1..12"),
        ("2026-02-30T02:00", "'2026-02-30T02:00' is no time: day "),
        ("2026-02-01T25:00", "'2026-02-01T25:00' is no time: hour must be in 0..23"),
        ("x" * 500, "xxx...' is no time; give "),
        ("１７９００００００００００", "is no time; give "),
    ],
)
def test_what_is_no_time_is_told_what_would_be_right(text: str, why: str) -> None:
    with pytest.raises(ValueError) as caught:
        time_of(text, NOW_MS)
    assert why in str(caught.value)
    assert len(str(caught.value)) < 250


@given(st.integers(0, MOMENT_MAX_MS))
def test_a_moment_reads_back_as_it_was_written(time_ms: int) -> None:
    assert time_of(iso_of(time_ms), NOW_MS) == time_ms


@given(st.text(max_size=40) | st.from_regex(r"[0-9TZ:+. -]{0,30}", fullmatch=True))
def test_no_text_does_anything_but_mean_a_time_or_be_refused(text: str) -> None:
    try:
        assert 0 <= time_of(text, NOW_MS) <= MOMENT_MAX_MS + 366 * 86_400_000
    except ValueError as error:
        assert "give" in str(error)
