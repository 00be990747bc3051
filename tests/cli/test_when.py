"""Moments as people say them, against the clocks of zones that are set forward and back."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitalcast.cli.when import FORMS, WEEKDAYS, local, moment_of, range_of

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = [
    ZoneInfo(name) for name in ("UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "Australia/Lord_Howe")
]
ZONES.append(ZoneInfo("Pacific/Apia"))  # which left out a whole day, 2011-12-30
NOW = datetime(2026, 11, 28, 3, 17, 5, tzinfo=BERLIN)  # a Saturday
MINUTE_MS = 60_000
DAY_MS = 86_400_000


def ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def said(text: str, now: datetime = NOW) -> str:
    return f"{local(moment_of(text, ms(now), BERLIN), BERLIN):%Y-%m-%d %H:%M:%S}"


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("02:00", "2026-11-28 02:00:00"),
        ("2:00", "2026-11-28 02:00:00"),
        ("04:00", "2026-11-27 04:00:00"),
        ("03:17:04.5", "2026-11-28 03:17:04"),
        ("2pm", "2026-11-27 14:00:00"),
        ("12am", "2026-11-28 00:00:00"),
        ("Noon", "2026-11-27 12:00:00"),
        ("today", "2026-11-28 00:00:00"),
        ("today 02:00", "2026-11-28 02:00:00"),
        ("yesterday 14:00", "2026-11-27 14:00:00"),
        ("Yesterday at 2 pm", "2026-11-27 14:00:00"),
        ("yesterday", "2026-11-27 00:00:00"),
        ("monday 9:30", "2026-11-23 09:30:00"),
        ("last fri, noon", "2026-11-27 12:00:00"),
        ("saturday 02:00", "2026-11-28 02:00:00"),
        ("saturday 05:00", "2026-11-21 05:00:00"),
        ("3h ago", "2026-11-28 00:17:05"),
        ("1 hour and 30 minutes ago", "2026-11-28 01:47:05"),
        ("1h30m ago", "2026-11-28 01:47:05"),
        ("2 days ago", "2026-11-26 03:17:05"),
        ("-3h", "2026-11-28 00:17:05"),
        ("now", "2026-11-28 03:17:05"),
        ("2026-11-27", "2026-11-27 00:00:00"),
        ("2026-11-27 14:00", "2026-11-27 14:00:00"),
        ("2026-11-27T14:00:30", "2026-11-27 14:00:30"),
        ("2026-11-27T14:00:00Z", "2026-11-27 15:00:00"),
        ("2026-11-27T14:00:00+05:00", "2026-11-27 10:00:00"),
        ("1795816800000", "2026-11-27 23:00:00"),
    ],
)
def test_a_moment_is_what_somebody_there_means(text: str, meant: str) -> None:
    assert said(text) == meant


@pytest.mark.parametrize(
    "text", ["", "25:00", "2:60", "13pm", "0am", "2", "monday foo", "mo", "soon", "3 ago", "x" * 900]
)
def test_what_is_no_moment_is_refused_with_what_would_be(text: str) -> None:
    with pytest.raises(ValueError, match="is no time; give " + FORMS.replace("-", "[-]")) as refused:
        said(text)
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("1795816800", "looks like seconds; give milliseconds, 1795816800000"),
        ("0001-01-01", "is out of the calendar"),
        ("2026-02-30", "is no time"),
    ],
)
def test_a_moment_that_cannot_be_meant_is_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        said(text, NOW)
    with pytest.raises(ValueError, match=why):
        moment_of(text, ms(NOW))  # in this machine's zone


@pytest.mark.parametrize(
    ("since", "until", "start", "end"),
    [
        ("02:00", "02:30", "28 02:00", "28 02:30"),
        ("23:00", "01:00", "27 23:00", "28 01:00"),
        ("04:00", "02:00", "27 04:00", "28 02:00"),
        ("yesterday 14:00", "15:00", "27 14:00", "27 15:00"),
        ("thursday", "friday", "26 00:00", "27 00:00"),
        ("-2h", None, "28 01:17", "28 03:17"),
        ("02:00", "04:00", "28 02:00", "28 03:17"),
        ("02:00", "tomorrow", "", "'tomorrow' is no time"),
        ("now", None, "", "'now' is not in the past"),
        ("-1h", "-2h", "", "'-2h' is not after '-1h'"),
    ],
)
def test_a_range_ends_with_the_first_such_time_after_its_start(
    since: str, until: str | None, start: str, end: str
) -> None:
    if not start:
        with pytest.raises(ValueError, match=end):
            range_of(since, until, ms(NOW), BERLIN)
        return
    first, last = (local(one, BERLIN) for one in range_of(since, until, ms(NOW), BERLIN))
    assert (f"{first:%d %H:%M}", f"{last:%d %H:%M}") == (start, end)


def test_a_time_that_came_twice_is_the_later_that_has_been() -> None:
    before, between = datetime(2026, 10, 25, 0, 40, tzinfo=UTC), datetime(2026, 10, 25, 1, 40, tzinfo=UTC)
    assert moment_of("02:30", ms(before), BERLIN) == ms(datetime(2026, 10, 25, 0, 30, tzinfo=UTC))
    assert moment_of("02:30", ms(between), BERLIN) == ms(datetime(2026, 10, 25, 1, 30, tzinfo=UTC))
    assert moment_of("2026-10-25 02:30", ms(between), BERLIN) == ms(datetime(2026, 10, 25, 1, 30, tzinfo=UTC))


def test_a_time_that_the_clock_skipped_is_as_much_later() -> None:
    assert said("2026-03-29 02:30", datetime(2026, 3, 29, 12, tzinfo=BERLIN)) == "2026-03-29 03:30:00"


moments = st.integers(ms(datetime(2011, 12, 20, tzinfo=UTC)), ms(datetime(2030, 1, 1, tzinfo=UTC)))


@given(moments, st.sampled_from(ZONES), st.times())
def test_a_time_of_day_is_the_last_that_a_clock_showed(now_ms: int, zone: ZoneInfo, clock: time) -> None:
    text = f"{clock:%H:%M}"
    found = moment_of(text, now_ms, zone)
    assert now_ms - 3 * DAY_MS < found <= now_ms
    # A clock that shows each minute says the same: the last minute with this reading, unless it was skipped.
    shown = [
        one
        for one in range(now_ms - now_ms % MINUTE_MS, now_ms - 2 * DAY_MS, -MINUTE_MS)
        if f"{local(one, zone):%H:%M}" == text
    ]
    if found != shown[0]:
        assert f"{local(found, zone):%H:%M}" != text  # skipped, and so later
        assert found > shown[0]


@given(moments, st.sampled_from(ZONES))
def test_a_local_time_is_read_as_it_is_written(now_ms: int, zone: ZoneInfo) -> None:
    then = local(now_ms, zone).replace(microsecond=0)
    for text in (f"{then:%Y-%m-%d %H:%M:%S}", f"{then.isoformat()}"):
        meant = local(moment_of(text, now_ms, zone), zone)
        assert meant.replace(tzinfo=None) == then.replace(tzinfo=None)


@given(moments, st.sampled_from(ZONES), st.times(), st.sampled_from(WEEKDAYS))
def test_a_weekday_is_one_of_the_last_eight_days(now_ms: int, zone: ZoneInfo, clock: time, day: str) -> None:
    found = moment_of(f"{day} {clock:%H:%M}", now_ms, zone)
    assert now_ms - 9 * DAY_MS < found <= now_ms


@given(st.text())
def test_any_text_is_a_moment_or_is_refused(text: str) -> None:
    try:
        moment_of(text, ms(NOW), BERLIN)
    except ValueError as error:
        assert "give " in str(error)


def test_without_a_zone_it_is_that_of_this_machine() -> None:
    there = datetime.fromtimestamp(NOW.timestamp()).astimezone()
    assert moment_of("today", ms(NOW)) == ms(datetime.combine(there.date(), time(0)).astimezone())
    assert local(ms(NOW)).utcoffset() == there.utcoffset()
    assert moment_of(f"{there - timedelta(hours=1):%Y-%m-%d %H:%M:%S}", ms(NOW)) == ms(NOW) - 3_600_000
