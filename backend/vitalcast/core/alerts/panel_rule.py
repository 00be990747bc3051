"""The rule of a panel: its thresholds, judged of the number that stands for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vitalcast.core.alerts.rule import Limit, Rule, Severity

if TYPE_CHECKING:
    from vitalcast.core.panels.schema import Panel


def panel_rule(panel: Panel) -> Rule | None:
    """Return the rule of a panel's thresholds, None where it has none."""
    thresholds = panel.thresholds
    if thresholds is None:
        return None
    for_ms, keep_ms = round(thresholds.for_s * 1000), round(thresholds.keep_s * 1000)
    return Rule(
        (
            Limit(Severity.WARNING, thresholds.warning, for_ms, keep_ms),
            Limit(Severity.CRITICAL, thresholds.critical, for_ms, keep_ms),
        )
    )
