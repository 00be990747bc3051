"""What browsers are told they may do with a page of ours."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

CONTENT_SECURITY_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        # Plotly positions its labels with style attributes; style elements stay forbidden.
        "style-src-attr 'unsafe-inline'",
        # Plotly exports a picture through a data: or blob: image.
        "img-src 'self' data: blob:",
        "font-src 'self'",
        "connect-src 'self'",
        "frame-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'self'",
    )
)


def framed_by(policy: str, ancestors: Iterable[str]) -> dict[str, str]:
    """Return the headers of a page with this policy that, besides our own, pages of these sites may frame.

    X-Frame-Options cannot name sites; being empty it is left out.
    """
    sources = " ".join(["frame-ancestors 'self'", *ancestors])
    return {"Content-Security-Policy": policy.replace("frame-ancestors 'self'", sources), "X-Frame-Options": ""}
