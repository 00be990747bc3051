"""The rule of a panel's level in words: from where on it is a warning, for how long, and when it is over."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from vitalcast.core.drawing.format import format_duration, format_tick

if TYPE_CHECKING:
    from vitalcast.core.panels.headline import HeadlineRule


def rule_words(headline: HeadlineRule, whole: float = math.nan) -> str:
    """Return `warning from 85 % for 5 s, critical from 95 % for 5 s; over after 20 s below`.

    Nothing for a panel without thresholds. Those of a share that is not shown are said as values of the `whole`.
    """
    panel = headline.panel
    thresholds = panel.thresholds
    if thresholds is None:
        return ""
    lasting = f" for {format_duration(thresholds.for_s)}" if thresholds.for_s else ""
    over = f"; over after {format_duration(thresholds.keep_s)} below" if thresholds.keep_s else ""
    levels = (("warning", thresholds.warning), ("critical", thresholds.critical))
    return ", ".join(f"{name} from {_limit(headline, value, whole)}{lasting}" for name, value in levels) + over


def _limit(headline: HeadlineRule, value: float, whole: float) -> str:
    hidden = headline.judges_share and not headline.shows_share and headline.panel.chart != "bar"
    if hidden and whole > 0:
        return format_tick(value * whole, headline.unit(share=False))
    of = f" of {headline.whole_label}" if hidden else ""
    return format_tick(value, headline.unit(share=headline.judges_share)) + of
