"""A picture as PNG, for places that take no SVG: chats, mail, notes. resvg draws it, which the extra `png` brings."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from vitalcast.core.drawing.theme import FONT
from vitalcast.core.vocabulary import ErrorCode
from vitalcast.errors import ApiError
from vitalcast.web.edge.fields import Parameter

MEDIA_TYPE: Final = "image/png"
PIXELS_MAX: Final = 12_000_000  # of 4 bytes each while it is drawn
SCALE: Final = Parameter(
    "scale",
    "Pixels for each pixel of width and height: 2 is sharp on most screens.",
    {"type": "number", "minimum": 0.5, "maximum": 4, "default": 1},
    "a number from 0.5 to 4",
)
_FAMILY: Final = "DejaVu Sans"
FONTS: Final = tuple(str(Path(__file__).parent / "fonts" / f"DejaVuSans{weight}.ttf") for weight in ("", "-Bold"))
# What these do not have is looked for in the machine's own fonts, which takes ten times as long as all else.
_FOREIGN: Final = re.compile(
    "[^\n\x20-\x7e\xa0-\u017f\u0218-\u021b\u02c6-\u02dd\u0370-\u03ff\u0400-\u045f\u2010-\u2027\u2030-\u203a"
    "\u2044\u2070-\u208e\u20a0-\u20bf\u2116\u2122\u2126\u2190-\u21ff\u2202-\u22ff\u25a0-\u25ff]"
)


def is_available() -> bool:
    """Whether what draws PNG is installed."""
    return find_spec("resvg_py") is not None


def check_available() -> None:
    """Raise ApiError that says what to do where this server cannot draw PNG."""
    if not is_available():
        raise ApiError(
            501, ErrorCode.BAD_REQUEST, "this server draws no PNG; install it with: pip install 'vitalcast[png]'"
        )


def check_size(width: int, height: int, scale: float) -> None:
    """Raise ApiError for more pixels than are drawn."""
    if width * height * scale * scale > PIXELS_MAX:
        raise ApiError(
            400, ErrorCode.LIMIT, f"scale: {width * scale:.0f} x {height * scale:.0f} is more than 12 million pixels"
        )


def png_of(svg: str, scale: float) -> bytes:
    """Return a picture of ours as PNG, in the fonts beside this module. It takes a while: not for the loop."""
    import resvg_py  # which most servers never need

    return bytes(
        resvg_py.svg_to_bytes(
            svg_string=svg.replace(FONT, _FAMILY),  # with the machine's fonts, one of them would draw all the words
            zoom=scale,
            skip_system_fonts=_FOREIGN.search(svg) is None,
            font_files=[*FONTS],
            font_family=_FAMILY,
            sans_serif_family=_FAMILY,
        )
    )
