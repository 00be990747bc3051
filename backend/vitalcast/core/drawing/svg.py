"""SVG as text: elements, words that are only words, and about how wide words are."""

from __future__ import annotations

import unicodedata
from html import escape

NAMESPACE = "http://www.w3.org/2000/svg"

# Widths in em of a wide common face, Verdana, and of DejaVu Sans where that is wider: others need less room.
_WIDTHS: dict[str, float] = {
    character: width
    for width, characters in (
        (0.28, "ijl'"),
        (0.36, " \u00a0f.,I|"),
        (0.43, "rt:;!J/\\()[]-"),
        (0.53, 'csz"*?'),
        (0.6, "aekvxyLF"),
        (0.64, "bdghnopqu0123456789$_EPTYZ`{}"),
        (0.7, "ABCKRSVX&"),
        (0.79, "DGHNOQU\u2026"),
        (0.83, "w+<=>^~#M\u2212\u2013"),
        (1.0, "mW%@\u2014"),
    )
    for character in characters
}
_OTHER = 0.7
_BOLD = 1.12


def clean(text: str, most: int = 200) -> str:
    """Return a stranger's text as one line that says what it shows: nothing that XML forbids, hides or turns around."""
    kept = "".join(" " if one.isspace() and one != "\u00a0" else one for one in text[: 4 * most])
    visible = "".join(one for one in kept if unicodedata.category(one)[0] != "C")
    words = " ".join(visible.split(" ")).strip()
    return words if len(words) <= most else f"{words[: most - 1].rstrip()}…"


def element(name: str, *children: str, **attributes: str | float | None) -> str:
    """Return an element. An underscore in an attribute's name stands for a hyphen; None leaves it out."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(value) if isinstance(value, str) else number(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return f"<{name}{written}>{''.join(children)}</{name}>" if children else f"<{name}{written}/>"


def words(text: str) -> str:
    """Return a text as an element's content."""
    return escape(clean(text), quote=False)


def number(value: float) -> str:
    """Return a number with a tenth of a pixel at most."""
    text = f"{value:.1f}"
    return "0" if text == "-0.0" else text.removesuffix(".0")


def width_of(text: str, size: float, *, bold: bool = False) -> float:
    """Return about how wide a text is in pixels, rather too much than too little."""
    return sum(map(_width, text)) * size * (_BOLD if bold else 1)


def _width(character: str) -> float:
    if (known := _WIDTHS.get(character)) is not None:
        return known
    if unicodedata.combining(character):
        return 0.0
    return 1.05 if unicodedata.east_asian_width(character) in "WF" else _OTHER


def shortened(text: str, room: float, size: float, *, bold: bool = False, end: bool = False) -> str:
    """Return as much of a text as fits the room: its start, or its `end` where that says more, and an ellipsis."""
    if width_of(text, size, bold=bold) <= room:
        return text
    kept = len(text) - 1
    while kept > 0:
        shorter = f"…{text[-kept:].lstrip()}" if end else f"{text[:kept].rstrip()}…"
        if width_of(shorter, size, bold=bold) <= room:
            return shorter
        kept -= 1
    return "…" if room > size else ""
