"""A badge: a label and what there is to say of it, in a strip of twenty pixels, as SVG."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from vitalcast.core.drawing.svg import NAMESPACE, clean, element, shortened, width_of, words
from vitalcast.core.drawing.theme import THEMES

BadgeLevel = Literal["", "good", "warning", "critical", "unknown"]
Style = Literal["flat", "flat-square"]

HEIGHT = 20
SIZE = 11
FONT = "Verdana, DejaVu Sans, Geneva, sans-serif"
_PAD = 6
_BASELINE = 14
_RADIUS = 3
_LABEL_WIDTH_MAX = 240
_WORDS_WIDTH_MAX = 420

_LIGHT, _DARK = THEMES["light"], THEMES["dark"]
_WHITE = "#ffffff"
_LABEL = (_DARK.axis, _WHITE)
_COLORS: dict[BadgeLevel, tuple[str, str]] = {  # of the ground and of the words
    "": (_LIGHT.lines[0], _WHITE),
    "good": (_LIGHT.good, _WHITE),
    "warning": (_DARK.warn, _LIGHT.ink),
    "critical": (_LIGHT.bad, _WHITE),
    "unknown": (_LIGHT.soft, _WHITE),
}


@dataclass(frozen=True, slots=True)
class Badge:
    """What a badge says. `detail` is for those who cannot see it; without it the label and the words are read."""

    label: str
    words: str
    level: BadgeLevel = ""
    detail: str = ""


def draw_badge(badge: Badge, style: Style = "flat") -> str:
    """Return the badge as an SVG document."""
    label = shortened(clean(badge.label), _LABEL_WIDTH_MAX, SIZE)
    said = shortened(clean(badge.words), _WORDS_WIDTH_MAX, SIZE)
    first, second = (round(width_of(text, SIZE)) for text in (label, said))
    left = first + 2 * _PAD if label else 0
    width = left + second + 2 * _PAD
    detail = badge.detail or ": ".join(filter(None, (badge.label, badge.words)))
    ground, ink = _COLORS[badge.level]
    return element(
        "svg",
        element("title", words(detail)),
        _ground(left, width, ground, 0 if style == "flat-square" else _RADIUS),
        _text(label, _PAD, first, _LABEL[1]) if label else "",
        _text(said, left + _PAD, second, ink),
        xmlns=NAMESPACE,
        width=width,
        height=HEIGHT,
        viewBox=f"0 0 {width} {HEIGHT}",
        role="img",
        aria_label=clean(detail),
        font_family=FONT,
        font_size=SIZE,
    )


def _ground(left: float, width: float, color: str, radius: float) -> str:
    """Two grounds as one shape with round corners: the whole in the colour, and the label's part over it."""
    whole = element("rect", width=width, height=HEIGHT, rx=radius or None, fill=color)
    if not left:
        return whole
    corner = f"A{radius},{radius} 0 0 1" if radius else "L"
    path = f"M{left},0V{HEIGHT}H{radius}{corner} 0,{HEIGHT - radius}V{radius}{corner} {radius},0Z"
    return whole + element("path", d=path, fill=_LABEL[0])


def _text(text: str, x: float, width: float, color: str) -> str:
    """Words that take the room they were given, whatever the face."""
    return element("text", words(text), x=x, y=_BASELINE, textLength=width or None, fill=color) if text else ""
