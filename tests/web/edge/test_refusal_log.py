"""What the log says of those who were turned away."""

from __future__ import annotations

import pytest
from tests.web.edge.conftest import Clock

from vitalcast.web.edge.refusal_log import CAUSES_MAX, RefusalLog


def test_a_cause_is_logged_once_a_minute_and_the_rest_is_counted(logged: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    log = RefusalLog(now_s=clock)
    for _ in range(3):
        log.add("10.0.0.9", "WebSocket", "no")
    log.add("10.0.0.8", "request", "no")
    assert logged.messages == ["refused a WebSocket from 10.0.0.9: no", "refused a request from 10.0.0.8: no"]
    clock.now_s = 60.0
    log.add("10.0.0.9", "WebSocket", "no")
    assert logged.messages[2:] == [
        "refused 2 more requests in the minute before",
        "refused a WebSocket from 10.0.0.9: no",
    ]


def test_nobody_can_flood_the_log(logged: pytest.LogCaptureFixture) -> None:
    log = RefusalLog(now_s=Clock())
    for number in range(10_000):
        log.add("10.0.0.9", "request", f"host {number}")
    assert len(logged.messages) == CAUSES_MAX
