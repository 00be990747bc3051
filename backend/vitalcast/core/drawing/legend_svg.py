"""The legend of a panel's image, as SVG: its lines with their colours and newest values."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vitalcast.core.drawing.format import format_value
from vitalcast.core.drawing.pieces_svg import draw_mark, draw_words
from vitalcast.core.drawing.scene import STALE
from vitalcast.core.drawing.svg import clean, element, shortened, width_of
from vitalcast.core.panels.line import Line
from vitalcast.core.panels.resolve import Mark, mark_of, way_of, word_of
from vitalcast.core.panels.shown import Shown, ranked_of

if TYPE_CHECKING:
    from vitalcast.core.drawing.theme import Colors
    from vitalcast.core.drawing.window import Window

ROWS_LISTED_MAX = 16  # more rows of a heatmap are read from its picture
SHARE_MAX = 0.4  # of the picture's height
SIZE, ROW = 0.82, 1.25  # of type and of a row, in rem
ITEM, ITEM_PAIRED, APART = 8.6, 15.5, 1.2  # the least width of an entry, and what is between two


@dataclass(frozen=True, slots=True)
class _Value:
    """A value in the legend, after its triangle if it has one; whether it goes down says its colour."""

    text: str
    mark: Mark = ""
    down: bool = False


@dataclass(frozen=True, slots=True)
class _Item:
    """An entry of the legend."""

    key: str
    color: int | None
    label: str
    values: tuple[_Value, ...]


@dataclass(frozen=True, slots=True)
class Legend:
    """Where a legend has room: from `left` on, `width` wide, in a picture of this `height`."""

    shown: Shown
    window: Window
    colors: Colors
    rem: float
    left: float
    width: float
    height: float
    stale: bool

    def draw(self, bottom: float, room: float) -> tuple[str, int]:
        """Return the legend and how many rows it takes of the room above `bottom`."""
        row, all_items = ROW * self.rem, self._items()
        items = self._listed(all_items)
        zeros = len(all_items) - len(items)
        rows_max = max(0, math.floor(min(room, SHARE_MAX * self.height) / row))
        if not items or not rows_max:
            return "", 0
        unseen = 0 if self.shown.panel.chart == "bar" else self.shown.more  # whose chart says it
        others = unseen + zeros > 0
        width, columns = self._columns(items, len(items) + others, rows_max)
        if len(items) + others > columns * rows_max:
            fits = columns * rows_max - 1
            unseen += len(items) - fits
            places = places_of(self.shown, self.window)
            kept = sorted(items, key=lambda item: places.get(item.key, 0))[:fits]
            items = [item for item in items if item in kept]
        if unseen or zeros:
            items.append(_Item("", None, f"{unseen + zeros} more" if unseen else f"{zeros} more at 0", ()))
        rows = math.ceil(len(items) / columns)
        step = (self.width + APART * self.rem) / columns
        drawn = [
            self._item(item, self.left + at % columns * step, bottom - (rows - at // columns - 0.72) * row, width)
            for at, item in enumerate(items)
        ]
        return "".join(drawn), rows

    def _columns(self, items: list[_Item], count: int, rows_max: int) -> tuple[float, int]:
        """Return how wide an entry is, as wide as it needs where there is room, and how many are in a row."""
        rem, apart = self.rem, APART * self.rem
        least = (ITEM_PAIRED if self.shown.panel.below else ITEM) * rem
        needed = max(least, *(self._needed(item) for item in items))
        for wanted in (needed, least):
            columns = max(1, math.floor((self.width + apart) / (wanted + apart)))
            if count <= columns * rows_max:
                break
        return min(needed, (self.width + apart) / columns - apart), columns

    def _needed(self, item: _Item) -> float:
        size = SIZE * self.rem
        values = [width_of(one.text, size) + (0.75 * self.rem if one.mark else 0) for one in item.values]
        several = len(values) * max(*values, 6.4 * self.rem) if len(values) > 1 else sum(values)  # columns of one width
        return width_of(clean(item.label), size) + several + 2 * self.rem

    def _items(self) -> list[_Item]:
        panel = self.shown.panel
        if panel.chart == "bar":
            parts = {line.part or line.label: line.color for line in self.shown.lines}
            if len(parts) < 2:
                return []  # what bars of one part show, their numbers say
            return [_Item(part, color, word_of(panel, panel.parts, part), ()) for part, color in parts.items()]
        if panel.chart == "heatmap":
            listed = self.shown.lines if len(self.shown.lines) <= min(ROWS_LISTED_MAX, self.height // 25) else ()
            return [_Item(line.key, None, line.label, (_Value(self._text(line)),)) for line in listed]
        items: dict[str, _Item] = {}
        for line in (
            reversed(self.shown.lines) if panel.stack else self.shown.lines
        ):  # the uppermost band first, as the eye meets it
            known = items.get(line.key)
            items[line.key] = _Item(
                line.key, line.color, line.label, (*(known.values if known else ()), self._value(line))
            )
        return list(items.values())

    def _listed(self, items: list[_Item]) -> list[_Item]:
        """Return the entries by value, without those at 0 where that makes room for two or more, as the page does."""
        if self.shown.panel.chart != "line" or len(items) < 2:
            return items
        nil = format_value(0.0, self.shown.resolved.unit)
        sizes = dict.fromkeys((item.key for item in items), math.nan)
        at_zero = dict.fromkeys(sizes, True)
        for line in self.shown.lines:
            value, known = value_of(line, self.window), sizes[line.key]
            if not math.isnan(value):
                sizes[line.key] = abs(value) + (0.0 if math.isnan(known) else known)
                at_zero[line.key] &= format_value(value, self.shown.resolved.unit) == nil

        def place(item: _Item) -> tuple[bool, float]:
            size = sizes[item.key]
            return at_zero[item.key], math.inf if math.isnan(size) else -size

        ordered = sorted(items, key=place)
        most = max(1, len(items) - sum(at_zero.values()))
        return ordered[:most] if len(items) - most > 1 else ordered

    def _value(self, line: Line) -> _Value:
        panel, resolved = self.shown.panel, self.shown.resolved
        if not panel.below:
            return _Value(self._text(line))
        mark = mark_of(panel, resolved, down=line.down)
        word = "" if mark else clean(way_of(panel, resolved, down=line.down))
        return _Value(f"{word} {self._text(line)}".strip(), mark, line.down)

    def _text(self, line: Line) -> str:
        return format_value(value_of(line, self.window), self.shown.resolved.unit)

    def _item(self, item: _Item, left: float, line: float, width: float) -> str:
        rem, colors, size = self.rem, self.colors, SIZE * self.rem
        drawn, at = "", left
        if item.color is not None:
            side = 0.62 * rem
            ways = sorted({value.down for value in item.values}) or [False]
            drawn += "".join(
                element(
                    "rect", x=left + nth * side / len(ways), y=line - 0.6 * rem, width=side / len(ways), height=side,
                    fill=colors.of(item.color, down=down), opacity=STALE if self.stale else None,
                )
                for nth, down in enumerate(ways)
            )  # fmt: skip
            at += side + 0.45 * rem
        right = left + width
        each = min((6.4 if all(value.mark for value in item.values) else 8.6) * rem, 0.36 * width)
        long = max((width_of(one.text, size) + (0.75 * rem if one.mark else 0) for one in item.values), default=0.0)
        if len(item.values) * long + width_of(clean(item.label), size) + 1.5 * rem <= width:
            each = max(each, long)  # there is room for all of it
        for value in reversed(item.values):
            shown = shortened(value.text, each if len(item.values) > 1 else width, size)
            drawn += draw_words(shown, right, line, size, colors.soft if self.stale else colors.ink, anchor="end")
            taken = width_of(shown, size)
            if value.mark:
                start = right - taken - 0.75 * rem
                drawn += draw_mark(start, line - 0.15 * rem, 0.5 * rem, colors.soft, down=value.mark == "down")
                taken += 0.75 * rem
            right -= max(taken, each) if len(item.values) > 1 else taken
        room = right - at - 0.45 * rem
        return drawn + draw_words(shortened(clean(item.label), room, size), at, line, size, colors.soft)


def places_of(shown: Shown, window: Window) -> dict[str, int]:
    """Return each key's place among all, that of what the panel's number is about first."""
    return {key: at for at, key in enumerate(ranked_of(shown.panel, shown.resolved, window.seen))}


def value_of(line: Line, window: Window) -> float:
    """Return the newest value of a line, `nan` where there is none."""
    return float(window.newest[line.column]) if line.column < len(window.newest) else math.nan
