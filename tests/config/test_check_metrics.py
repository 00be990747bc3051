"""Names of metrics in the settings: one that is not known is warned of, with the one it may be meant to be."""

from __future__ import annotations

from typing import Any

import pytest

from vitalcast.config.check_metrics import metric_warnings
from vitalcast.config.schema import Settings
from vitalcast.live.service import Service

KNOWN = ("system.cpu.utilization", "system.cpu.logical.count", "hw.temperature")


def settings(**keys: Any) -> Settings:
    """Settings with one panel that has these keys."""
    panel = {"id": "a", "title": "A", "metrics": ["system.cpu.utilization"]} | keys
    return Settings.model_validate({"panels": [panel], "stream": {"metrics": ["system.>"]}})


@pytest.mark.parametrize(
    ("keys", "warning"),
    [
        (
            {"metrics": ["hw.*", "system.cpu.utilisation"]},
            "panels[0] (a).metrics: 'system.cpu.utilisation' matches no metric; did you mean 'system.cpu.utilization'?",
        ),
        (
            {"metrics": ["queue.>"]},
            "panels[0] (a).metrics: 'queue.>' matches no metric; it stays empty until something sends one",
        ),
        (
            {"max": "system.cpu.logical.counts"},
            "panels[0] (a).max: 'system.cpu.logical.counts' matches no metric; "
            "did you mean 'system.cpu.logical.count'?",
        ),
        (
            {"headline": {"per": "hw.temperatur"}},
            "panels[0] (a).headline.per: 'hw.temperatur' matches no metric; did you mean 'hw.temperature'?",
        ),
        (
            {"headline": {"metric": "Queue/length"}},
            "panels[0] (a).headline.metric: 'Queue/length' matches no metric; it stays empty until something sends one",
        ),
    ],
)
def test_what_matches_nothing_that_we_know_of_is_warned_of(keys: dict[str, Any], warning: str) -> None:
    assert metric_warnings(settings(**keys), KNOWN) == (warning,)


def test_the_default_stream_is_held_to_it_too() -> None:
    wrong = Settings.model_validate({"panels": [], "stream": {"metrics": ["system.cpu.*", "system.gpu.*"]}})
    [warning] = metric_warnings(wrong, KNOWN)
    assert warning.startswith("stream.metrics: 'system.gpu.*' matches no metric; ")


def test_names_and_patterns_that_match_are_taken() -> None:
    right = settings(metrics=["hw.temperature", "system.>", "*.cpu.*"], max="hw.temperature")
    assert metric_warnings(right, KNOWN) == ()


def test_what_only_other_machines_have_is_right_and_so_is_what_was_disabled() -> None:
    for names in (["hw.temperature"], ["system.disk.io.rate"]):
        read = Settings.model_validate(
            {"panels": [{"id": "a", "title": "A", "metrics": names}], "collectors": {"disabled": ["disk", "sensors"]}}
        )
        assert Service(read).warnings == ()


async def test_a_service_begins_all_the_same_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    wrong = Settings.model_validate(
        {"panels": [{"id": "a", "title": "A", "metrics": ["hw.temprature"]}], "stream": {"metrics": ["queue.>"]}}
    )
    service = Service(wrong)
    await service.start()
    try:
        assert service.timeline.newest.offset == 1
    finally:
        await service.stop()
    said = [record.getMessage() for record in caplog.records if "matches no metric" in record.getMessage()]
    assert said == list(service.warnings)
    assert said[1].endswith("did you mean 'hw.temperature'?")
