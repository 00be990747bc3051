"""Moments in words, in zones with and without a name."""

from __future__ import annotations

from datetime import UTC, timedelta, timezone
from zoneinfo import ZoneInfo

from vitalcast.core.drawing.clock import (
    begins_day,
    clock_text,
    day_text,
    offset_ms,
    range_text,
    stale_after_s,
    stamp_text,
    zone_text,
)

MS = 1_790_000_000_000  # 2026-09-21 14:13:20 UTC


def test_a_moment_is_told_in_its_zone() -> None:
    assert stamp_text(MS, UTC) == "2026-09-21 14:13:20 UTC"
    assert stamp_text(MS, ZoneInfo("Europe/Berlin")) == "2026-09-21 16:13:20 CEST"
    assert clock_text(MS, ZoneInfo("Asia/Kathmandu"), seconds=False) == "19:58"


def test_a_zone_without_a_name_is_told_by_its_distance() -> None:
    assert zone_text(MS, ZoneInfo("Asia/Kathmandu")) == "UTC+05:45"
    assert zone_text(MS, ZoneInfo("America/Sao_Paulo")) == "UTC-03"
    assert zone_text(MS, timezone(timedelta(0))) == "UTC"


def test_winter_and_summer_are_different_times() -> None:
    assert offset_ms(MS, ZoneInfo("Europe/Berlin")) == 7_200_000
    assert offset_ms(MS + 90 * 86_400_000, ZoneInfo("Europe/Berlin")) == 3_600_000


def test_a_range_tells_no_more_of_its_end_than_differs() -> None:
    assert range_text(MS - 600_000, MS, UTC) == "2026-09-21 14:03:20 to 14:13:20 UTC"
    assert range_text(MS - 86_400_000, MS, UTC) == "2026-09-20 14:13:20 to 2026-09-21 14:13:20 UTC"
    kathmandu = ZoneInfo("Asia/Kathmandu")
    assert range_text(MS - 600_000, MS, kathmandu) == "2026-09-21 19:48:20 to 19:58:20 UTC+05:45"


def test_a_day_begins_where_its_zone_has_midnight() -> None:
    kathmandu, midnight = ZoneInfo("Asia/Kathmandu"), 1_790_014_500_000
    assert begins_day(midnight, kathmandu) and day_text(midnight, kathmandu) == "09-22"
    assert not begins_day(midnight, UTC) and day_text(midnight, UTC) == "09-21"
    assert not begins_day(midnight + 1000, kathmandu)


def test_readings_are_stale_once_two_and_a_half_are_missing() -> None:
    assert stale_after_s(1) == 3.5
