"""Moments in words, in zones with and without a name."""

from __future__ import annotations

from datetime import UTC, timedelta, timezone
from zoneinfo import ZoneInfo

from vitalcast.core.drawing.clock import clock_text, offset_ms, stale_after_s, stamp_text, zone_text

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


def test_readings_are_stale_once_two_and_a_half_are_missing() -> None:
    assert stale_after_s(1) == 3.5
