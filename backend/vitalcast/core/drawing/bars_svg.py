"""Bars as of now, as SVG: each a share of its whole, coloured by its level."""

from __future__ import annotations

import math

from vitalcast.core.drawing.format import format_value
from vitalcast.core.drawing.scene import STALE, Box, Scene, label
from vitalcast.core.drawing.svg import clean, element, shortened, width_of, words
from vitalcast.core.panels.bars import Bar, bars_of
from vitalcast.core.panels.resolve import word_of

WORD = 0.82  # size in rem
BAR_WORDS, BAR_THICK, BAR_SPACE, BAR_GROWTH = 1.3, 0.55, 0.85, 1.5  # of one bar in rem
LATER_PART = 0.45  # the opacity of an alarming bar's parts but the first


def draw_bars(scene: Scene, box: Box) -> str:
    """Return the bars of a panel, drawn into the box, as many as there is room for: the fullest."""
    rem = scene.rem
    each = (BAR_WORDS + BAR_THICK + BAR_SPACE) * rem
    bars = bars_of(scene.resolved, scene.lines, scene.window.newest)
    fits = max(1, math.floor((box.height + BAR_SPACE * rem) / each))
    all_bars = len({line.key for line in scene.resolved.lines})
    left_out = all_bars - min(fits, len(bars))
    if left_out > 0:
        fits = max(1, math.floor((box.height - 1.2 * rem + BAR_SPACE * rem) / each))
        fullest = sorted(bars, key=lambda bar: -bar.share if bar.share == bar.share else math.inf)[:fits]
        bars = [bar for bar in bars if bar in fullest]
        left_out = all_bars - len(bars)
    growth = min(BAR_GROWTH, max(1.0, box.height / max(len(bars) * each, 1)))
    step = (BAR_WORDS + (BAR_THICK + BAR_SPACE) * growth) * rem
    drawn = [
        _bar(scene, bar, Box(box.left, box.top + at * step, box.width, BAR_THICK * growth * rem))
        for at, bar in enumerate(bars)
    ]
    more = label(scene, f"{left_out} more", box.left, box.bottom - 0.5 * rem, "start") if left_out > 0 else ""
    return "".join(drawn) + more


def _bar(scene: Scene, bar: Bar, place: Box) -> str:
    """Draw a bar and the words above it. `place` is where both are; its height is the bar's own."""
    rem, colors = scene.rem, scene.colors
    alarm = {"": None, "warning": colors.warn, "critical": colors.bad}[scene.bar_levels.get(bar.key, "")]
    size, middle, top = WORD * rem, place.top + (BAR_WORDS / 2) * rem, place.top + BAR_WORDS * rem
    text = shortened(_bar_text(scene, bar), 0.85 * place.width, size)
    name = shortened(clean(bar.label), place.width - width_of(text, size) - rem, size, end=True)
    right = place.left + place.width
    at, parts = place.left, []
    for order, (line, value) in enumerate(bar.parts):
        share = value / bar.whole if bar.whole > 0 and value > 0 else 0.0
        width = min(share * place.width, right - at)
        color, strength = (alarm, LATER_PART if order else None) if alarm else (colors.of(line.color), None)
        parts.append(element("rect", x=at, y=top, width=width, height=place.height, fill=color, fill_opacity=strength))
        at += width
    return (
        element("text", words(name), x=place.left, y=middle + 0.3 * size, font_size=size, fill=colors.ink)
        + element(
            "text", words(text), x=right, y=middle + 0.3 * size, text_anchor="end", font_size=size,
            fill=alarm or colors.soft,
        )
        + element("rect", x=place.left, y=top, width=place.width, height=place.height, fill=colors.grid)
        + element("g", *parts, opacity=STALE if scene.stale else None)
    )  # fmt: skip


def _bar_text(scene: Scene, bar: Bar) -> str:
    unit = scene.resolved.unit
    left = next((line for line in scene.resolved.remainder if line.key == bar.key), None)
    if left is None:
        return format_value(bar.used, unit)
    word = word_of(scene.panel, scene.panel.parts, left.part)
    return f"{format_value(bar.rest, unit)} {word} of {format_value(bar.whole, unit)}"
