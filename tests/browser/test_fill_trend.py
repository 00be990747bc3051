"""When a filesystem will be full, said only where its past tells."""

from __future__ import annotations

import pytest
from tests.browser.conftest import RunJs

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_trend_is_told_where_it_is_one(js: RunJs) -> None:
    found = await js(
        """const { trendWords } = await load("charts/model/fill_trend");
           const week = Array.from({ length: 168 }, (_, hour) => hour * 3_600_000);
           const words = (used, whole = 1000, times = week) =>
             trendWords(times, times.map((_, i) => used(i / 24, i)), whole);
           return {
             filling: words((day) => 300 + 50 * day), soon: words((day) => 640 + 50 * day),
             noisy: words((day, i) => 300 + 50 * day + (i % 5) * 10),
             slow: words((day) => 300 + day), steady: words((day, i) => 300 + (i % 2)),
             emptier: words((day) => 900 - 50 * day), jagged: words((day) => 300 + 300 * (Math.floor(day * 2) % 2)),
             young: words((day) => 300 + 50 * day, 1000, week.slice(0, 20)), unknown: words(() => NaN),
             holes: words((day, i) => (i % 3 ? NaN : 300 + 50 * day)) };"""
    )
    assert found == {
        "filling": "full in about 7 days",
        "soon": "full in about 6 hours",
        "noisy": "full in about 7 days",
        "slow": "fills slowly, full in more than 120 days",
        "steady": "steady",
        "emptier": "gets emptier",
        "jagged": "no clear trend",
        "young": "too little past for a trend",
        "unknown": "too little past for a trend",
        "holes": "full in about 7 days",
    }
