"""An image of a panel, as SVG: its title and number, its chart, its legend, and of which moment all that is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vitalcast.core.drawing.charts_svg import chart_of
from vitalcast.core.drawing.clock import clock_text, range_text, stamp_text, zone_text
from vitalcast.core.drawing.format import format_age, format_duration, format_value
from vitalcast.core.drawing.legend_svg import ROW, Legend, places_of, value_of
from vitalcast.core.drawing.pieces_svg import Piece, draw_words, laid_out, width_of_all
from vitalcast.core.drawing.scene import Box, Scene
from vitalcast.core.drawing.svg import NAMESPACE, clean, element, shortened, width_of, words
from vitalcast.core.drawing.theme import FONT, THEMES, Colors, Theme
from vitalcast.core.drawing.window import empty_text, possible
from vitalcast.core.panels.headline import HeadlineNow, headline_of
from vitalcast.core.panels.resolve import name_of
from vitalcast.core.panels.shown import Shown

if TYPE_CHECKING:
    from datetime import tzinfo

    import numpy.typing as npt

    from vitalcast.core.drawing.window import Window

    Floats = npt.NDArray[np.float64]

WIDTH, HEIGHT = 640, 320
WIDTH_MIN, HEIGHT_MIN = 200, 120
WIDTH_MAX, HEIGHT_MAX = 4000, 3000
TITLE_MAX = 120
SAID_MAX = 8  # lines in the description
NARROW = 420
TWO_ROWS = 160  # lower ones have a head of one row
NO_READINGS = "No data in this window."

# Sizes of type, in rem.
_TITLE, _NUMBER, _SECOND, _SMALL, _FOOT = 0.95, 1.12, 0.95, 0.8, 0.76
_HEAD, _FOOT_ROW = 1.7, 1.4
_CHART_MIN = 5.5
_PAD = 0.75


@dataclass(frozen=True, slots=True)
class Look:
    """How an image is to look. Without a title it has the panel's."""

    width: int = WIDTH
    height: int = HEIGHT
    theme: Theme = "light"
    title: str = ""

    @property
    def rem(self) -> float:
        return 12.0 if self.width < NARROW else 14.0


@dataclass(frozen=True, slots=True)
class Span:
    """Which moments an image shows: up to `to_ms`, which is now where the newest value is `age_s` old and stale.

    One of the `past` names its beginning and its end; `interval_s` is how far apart its values are.
    """

    host: str
    from_ms: float
    to_ms: float
    newest_ms: float
    interval_s: float
    zone: tzinfo
    age_s: float | None = None  # only where that is worth a word
    past: bool = False

    @property
    def stale(self) -> bool:
        return self.age_s is not None


def draw_panel(shown: Shown, window: Window, look: Look, span: Span) -> str:
    """Return the picture as an SVG document. It takes milliseconds: not for the loop."""
    return _Picture(shown, window, look, span).draw()


def draw_message(said: str, look: Look) -> str:
    """Return a picture of this size that has nothing to show, and says why."""
    colors, rem, size = THEMES[look.theme], look.rem, 0.9 * look.rem
    middle = look.height / 2 - (len(lines := _wrapped(said, look.width - 4 * rem, size)) - 1) * 0.65 * rem
    text = [
        element(
            "text", words(line), x=look.width / 2, y=middle + 1.3 * rem * at, text_anchor="middle",
            font_size=size, fill=colors.soft,
        )
        for at, line in enumerate(lines[: max(1, math.floor(look.height / (1.3 * rem)))])
    ]  # fmt: skip
    return _document(look, colors, said, "", *text)


class _Picture:
    def __init__(self, shown: Shown, window: Window, look: Look, span: Span) -> None:
        window = possible(window)
        self.shown, self.window, self.look, self.span = shown, window, look, span
        self.panel, self.resolved, self.lines = shown.panel, shown.resolved, shown.lines
        self.colors = THEMES[look.theme]
        self.rem = look.rem
        self.title = clean(look.title or self.panel.title, TITLE_MAX)
        self.now = headline_of(self.panel, self.resolved, window.newest)
        self.level = shown.level
        self.stale = span.stale
        self.inner = look.width - 2 * _PAD * self.rem

    def draw(self) -> str:
        rem, look = self.rem, self.look
        head, head_rows = self._head()
        top = (0.35 + _HEAD * head_rows + 0.2) * rem
        bottom = look.height - (_FOOT_ROW + 0.2) * rem
        below = Legend(self.shown, self.window, self.colors, rem, _PAD * rem, self.inner, look.height, self.stale)
        legend, legend_rows = below.draw(bottom, bottom - top - _CHART_MIN * rem)
        bottom -= (legend_rows * ROW + (0.3 if legend_rows else 0)) * rem
        chart = self._chart(Box(_PAD * rem, top, self.inner, max(bottom - top, 1)))
        return _document(look, self.colors, self._name(), self._summary(), head, chart, legend, self._foot())

    # --- in words ------------------------------------------------------------------------------------------------

    def _numbers(self) -> list[str]:
        return [f"{format_value(one.value, one.unit)} {one.label}".strip() for one in self.now.numbers]

    def _name(self) -> str:
        alarm = f", {self.level}" if self.level and not self.stale else ""
        old = f", {self._age()}" if self.stale else ""
        numbers = ", ".join(self._numbers()) if self.resolved.lines else "no data"
        return f"{self.title} on {self.span.host}: {numbers}{alarm}{old}"

    def _age(self) -> str:
        return f"stale, {format_age(self.span.age_s or 0)}"

    def _summary(self) -> str:
        """Say of the lines what can be seen in the picture."""
        known = [(line, value) for line in self.lines if (value := value_of(line, self.window)) == value]
        # Of bars the fullest need not be the largest.
        places = places_of(self.shown, self.window) if self.panel.chart == "bar" else {}
        ranked = sorted(known, key=lambda entry: (places.get(entry[0].key, 0), -entry[1]))[:SAID_MAX]
        panel, resolved = self.panel, self.resolved
        said = [f"{name_of(panel, resolved, line)} {format_value(value, resolved.unit)}" for line, value in ranked]
        when = self._range() if self.span.past else f"{self._span()}, {self._when()}"
        return f"{when}. {', '.join(said)}{'.' if said else ''}".strip()

    def _range(self) -> str:
        return range_text(self.span.from_ms, self.span.to_ms, self.span.zone)

    def _span(self) -> str:
        return f"Last {format_duration((self.span.to_ms - self.span.from_ms) / 1000)}"

    def _when(self) -> str:
        return f"as of {stamp_text(self.span.to_ms, self.span.zone)}"

    # --- the head ------------------------------------------------------------------------------------------------

    def _head(self) -> tuple[str, int]:
        """Return the title and the numbers, in one row where there is room for them, else in two."""
        rem, inner = self.rem, self.inner
        title_width = width_of(self.title, _TITLE * rem, bold=True)
        age, age_width = self._old(inner - min(title_width, 0.5 * inner))
        pieces = self._pieces(inner - title_width - age_width - 1.2 * rem)
        rows = 1 if pieces is not None or self.look.height < TWO_ROWS else 2
        if pieces is None and rows == 1:
            age, age_width = self._old(0)
            pieces = self._pieces(inner - min(title_width, 5 * rem) - age_width - 1.2 * rem)
        pieces = pieces or (self._pieces(inner) if rows == 2 else None) or []
        room = inner - age_width - (width_of_all(pieces) + rem if rows == 1 else 0)
        title = shortened(self.title, room, _TITLE * rem, bold=True)
        left, line = _PAD * rem, (0.35 + 0.72 * _HEAD) * rem
        drawn = draw_words(title, left, line, _TITLE * rem, self.colors.ink, weight=600)
        after = left + width_of(title, _TITLE * rem, bold=True) + 0.6 * rem
        drawn += draw_words(age, after, line, 0.85 * rem, self.colors.warn, weight=600) if age else ""
        right = left + inner
        return drawn + laid_out(
            pieces, right if rows == 1 else left + width_of_all(pieces), line + (rows - 1) * _HEAD * rem
        ), rows

    def _old(self, room: float) -> tuple[str, float]:
        """Return how old the readings are, in as many words as there is room for, and how wide that is."""
        if not self.stale:
            return "", 0.0
        size, apart = 0.85 * self.rem, 0.6 * self.rem
        long, short = (width_of(text, size, bold=True) + apart for text in (self._age(), "stale"))
        return (self._age(), long) if long <= room else ("stale", short)

    def _pieces(self, room: float) -> list[Piece] | None:
        """Return the level and the numbers with as many words as there is room for; None where there is too little."""
        both = bool(self.panel.below)
        told = both and all(one.mark for one in self.now.numbers)  # whose marks say which is which
        for numbers, labels in ((2, True), (2, not told)) if both else ((2, True), (1, True), (1, False)):
            pieces = self._said(self.now, numbers, labels=labels)
            if width_of_all(pieces) <= room:
                return pieces
        return None

    def _said(self, now: HeadlineNow, most: int, *, labels: bool) -> list[Piece]:
        colors, rem, mirror = self.colors, self.rem, bool(self.panel.below)
        level = {"": colors.ink, "warning": colors.warn, "critical": colors.bad}[self.level]
        pieces = []
        if self.level and not self.stale:
            pieces.append(Piece("", 0.75 * rem, level, mark="up"))
            pieces.append(Piece(self.level, _SMALL * rem, level, bold=True, before=0.3 * rem))
        numbers = now.numbers[:most] if self.resolved.lines else ()
        for at, one in enumerate(numbers):
            before = 0.9 * rem if pieces else 0.0
            if one.mark:
                pieces.append(Piece("", 0.5 * rem, colors.soft, mark=one.mark, before=before))
                before = 0.25 * rem
            size = _SECOND if mirror or at else _NUMBER
            color = colors.soft if self.stale or (at and not mirror) else colors.ink if at else level
            text = format_value(one.value, one.unit)
            pieces.append(Piece(text, size * rem, color, bold=not at or mirror, before=before))
            if labels and one.label:
                pieces.append(Piece(clean(one.label), _SMALL * rem, colors.soft, before=0.3 * rem))
        return pieces

    # --- the chart -----------------------------------------------------------------------------------------------

    def _chart(self, box: Box) -> str:
        said = "" if self.resolved.lines else empty_text(past=self.span.past)
        bars = self.panel.chart == "bar"
        if not said and not len(self.window.times_ms) and not bars:
            said = NO_READINGS
        if not self.lines and not said:
            said = NO_READINGS
        middle, line = box.left + box.width / 2, box.top + box.height / 2
        text = draw_words(said, middle, line, 0.9 * self.rem, self.colors.soft, anchor="middle")
        if not self.lines:
            return text
        span = self.span
        scene = Scene(
            self.panel, self.resolved, self.window, self.lines, self.colors, span.from_ms, span.to_ms,
            max(span.interval_s, self.panel.interval) * 1000, span.zone, self.rem, span.stale,
            self.shown.bar_levels,
        )  # fmt: skip
        return chart_of(scene, box) + text

    # --- the foot ------------------------------------------------------------------------------------------------

    def _foot(self) -> str:
        """Say of which machine and which moments all that is."""
        rem, span, size = self.rem, self.span, _FOOT * self.rem
        clock = f"{clock_text(span.to_ms, span.zone)} {zone_text(span.to_ms, span.zone)}"
        newest = f", newest value {clock_text(span.newest_ms, span.zone)}" if self.stale else ""
        bars = self.panel.chart == "bar"
        host = clean(span.host)
        left_texts = (host if bars else f"{host}, {self._span()[0].lower()}{self._span()[1:]}", host)
        whens = (self._when() + newest, self._when(), f"as of {clock}")
        if span.past and not bars:
            left_texts, whens = (host, ""), (self._range(), f"{clock_text(span.from_ms, span.zone)} to {clock}", clock)
        choices = [(left, right) for right in whens for left in left_texts]
        apart = 1.5 * rem
        left, right = next(
            (pair for pair in choices if sum(width_of(text, size) for text in pair) + apart <= self.inner), choices[-1]
        )
        left = shortened(left, self.inner - width_of(right, size) - apart, size)
        line = self.look.height - 0.65 * rem
        edge = _PAD * rem
        return draw_words(left, edge, line, size, self.colors.soft) + draw_words(
            right, edge + self.inner, line, size, self.colors.warn if self.stale else self.colors.soft, anchor="end"
        )


def _wrapped(text: str, room: float, size: float) -> list[str]:
    lines = [""]
    for word in clean(text).split(" "):
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and width_of(longer, size) > room:
            lines.append(shortened(word, room, size))
        else:
            lines[-1] = shortened(longer, room, size)
    return lines


def _document(look: Look, colors: Colors, name: str, summary: str, *children: str) -> str:
    width, height = look.width, look.height
    return element(
        "svg",
        element("title", words(name)),
        element("desc", words(summary)) if summary else "",
        element(
            "rect", x=0.5, y=0.5, width=width - 1, height=height - 1, rx=6, fill=colors.surface, stroke=colors.edge
        ),
        *children,
        xmlns=NAMESPACE,
        width=width,
        height=height,
        viewBox=f"0 0 {width} {height}",
        role="img",
        aria_label=clean(name),
        font_family=FONT,
        font_variant="tabular-nums",
    )  # fmt: skip
