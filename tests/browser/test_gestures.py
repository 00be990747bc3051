"""The benchmark of gestures does what a hand does, and its clock ends with the picture."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser
from tests.bench import gestures
from tests.browser.past import PastServer

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_each_kind_of_gesture_is_seen_by_all_charts(browser: Browser, past_server: PastServer) -> None:
    some = (gestures.HOUR, gestures.IN, gestures.BACK)
    found = await gestures.measured(browser, past_server.url, 1, some)
    assert [kind for kind, _ in found] == ["range", "zoom", "move"]
    for _, one in found:
        assert 0 < one["pointed"] <= one["all"] <= one["sharp"]
        assert one["charts"] > 2
