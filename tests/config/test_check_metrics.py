"""Names of metrics in the settings: a misspelt one is an error that names the right one, a rare one is none."""

from __future__ import annotations

import re
from typing import Any

import pytest

from vitalcast.config.check_metrics import check_metrics
from vitalcast.config.schema import Settings
from vitalcast.errors import ConfigError
from vitalcast.live.service import Service

KNOWN = ("system.cpu.utilization", "system.cpu.logical.count", "hw.temperature")


def settings(**keys: Any) -> Settings:
    """Settings with one panel that has these keys."""
    panel = {"id": "a", "title": "A", "metrics": ["system.cpu.utilization"]} | keys
    return Settings.model_validate({"panels": [panel], "stream": {"metrics": ["system.>"]}})


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (
            {"metrics": ["hw.*", "system.cpu.utilisation"]},
            "panels[0] (a).metrics: 'system.cpu.utilisation' matches no metric; did you mean 'system.cpu.utilization'?",
        ),
        ({"metrics": ["disk.>"]}, "panels[0] (a).metrics: 'disk.>' matches no metric; /api/v1/metrics lists those of"),
        ({"max": "system.cpu.logical.counts"}, "panels[0] (a).max: 'system.cpu.logical.counts' matches no metric; did"),
        ({"reference": "hw.temprature"}, "panels[0] (a).reference: 'hw.temprature' matches no metric; did you mean"),
        ({"headline": {"per": "hw.temperatur"}}, "panels[0] (a).headline.per: 'hw.temperatur' matches no metric; did"),
        ({"headline": {"metric": "hw"}}, "panels[0] (a).headline.metric: 'hw' matches no metric; "),
    ],
)
def test_what_can_never_match_is_refused(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}"):
        check_metrics(settings(**keys), KNOWN)


def test_the_default_stream_is_held_to_it_too() -> None:
    wrong = Settings.model_validate({"panels": [], "stream": {"metrics": ["system.cpu.*", "system.gpu.*"]}})
    with pytest.raises(ConfigError, match=r"^stream\.metrics: 'system\.gpu\.\*' matches no metric; "):
        check_metrics(wrong, KNOWN)


def test_names_and_patterns_that_match_are_taken() -> None:
    check_metrics(settings(metrics=["hw.temperature", "system.>", "*.cpu.*"], max="hw.temperature"), KNOWN)


def test_what_only_other_machines_have_is_right_and_so_is_what_was_disabled() -> None:
    for names in (["hw.temperature"], ["system.disk.io.rate"]):
        read = Settings.model_validate(
            {"panels": [{"id": "a", "title": "A", "metrics": names}], "collectors": {"disabled": ["disk", "sensors"]}}
        )
        Service(read)


def test_a_service_does_not_begin_with_a_wrong_one() -> None:
    with pytest.raises(ConfigError, match=r"'hw\.temprature' matches no metric; did you mean 'hw\.temperature'\?$"):
        Service(Settings.model_validate({"panels": [{"id": "a", "title": "A", "metrics": ["hw.temprature"]}]}))
