"""The rule of a panel's level in words: from where on it is a warning, and for how long."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vitalcast.core.drawing.format import format_duration, format_tick

if TYPE_CHECKING:
    from vitalcast.core.panels.headline import HeadlineRule


def rule_words(headline: HeadlineRule) -> str:
    """Return `warning from 85 % for 5 s, critical from 95 % for 5 s`; nothing for a panel without thresholds."""
    panel = headline.panel
    thresholds = panel.thresholds
    if thresholds is None:
        return ""
    unit = headline.unit(share=headline.judges_share)
    of = f" of {headline.whole_label}" if headline.judges_share and not headline.shows_share else ""
    lasting = f" for {format_duration(thresholds.for_s)}" if thresholds.for_s else ""
    levels = (("warning", thresholds.warning), ("critical", thresholds.critical))
    return ", ".join(f"{name} from {format_tick(value, unit)}{of}{lasting}" for name, value in levels)
