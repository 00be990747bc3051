"""Words and marks in a row, as SVG."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from vitalcast.core.drawing.svg import element, width_of, words


@dataclass(frozen=True, slots=True)
class Piece:
    """A word of the head, or a mark of this size, and the room before it."""

    text: str
    size: float
    color: str
    bold: bool = False
    before: float = 0.0
    mark: str = ""

    @property
    def width(self) -> float:
        return self.size if self.mark else width_of(self.text, self.size, bold=self.bold)


def width_of_all(pieces: Iterable[Piece]) -> float:
    """Return how wide a row of pieces is."""
    return sum(piece.before + piece.width for piece in pieces)


def laid_out(pieces: list[Piece], right: float, line: float) -> str:
    """Draw pieces in a row that ends there. Words between two marks are one text, so that they keep together."""
    drawn, run = "", list[Piece]()
    for piece in reversed(pieces):
        if piece.mark:
            right -= width_of_all(run) + piece.size
            drawn += _run(run, right + piece.size + width_of_all(run), line)
            drawn += draw_mark(right, line, piece.size, piece.color, down=piece.mark == "down")
            right -= piece.before
            run = []
        else:
            run.insert(0, piece)
    return drawn + _run(run, right, line)


def _run(pieces: list[Piece], right: float, line: float) -> str:
    """Draw words that end there. Between them are spaces: resvg does not count `dx` where a text is anchored."""
    spans = [
        element(
            "tspan", (_spaces(piece) if at else "") + words(piece.text), font_size=piece.size, fill=piece.color,
            font_weight=600 if piece.bold else None,
        )
        for at, piece in enumerate(pieces)
    ]  # fmt: skip
    return element("text", *spans, x=right, y=line, text_anchor="end") if spans else ""


def _spaces(piece: Piece) -> str:
    return "\u00a0" * max(1, round(piece.before / width_of("\u00a0", piece.size, bold=piece.bold)))


def draw_mark(left: float, line: float, size: float, color: str, *, down: bool) -> str:
    """A triangle, drawn: not every font has one."""
    high = 0.85 * size
    shape = (
        f"l{size:.1f},0l{-size / 2:.1f},{high:.1f}z"
        if down
        else f"m0,{high:.1f}l{size:.1f},0l{-size / 2:.1f},{-high:.1f}z"
    )
    return element("path", d=f"M{left:.1f},{line - high:.1f}{shape}", fill=color)


def draw_words(
    text: str, x: float, y: float, size: float, color: str, *, weight: int | None = None, anchor: str | None = None
) -> str:
    """Return a text at a place; nothing for no text."""
    if not text:
        return ""
    return element("text", words(text), x=x, y=y, font_size=size, font_weight=weight, text_anchor=anchor, fill=color)
