"""The pairing code of a wall screen as a QR code, which opens the page that approves it."""

from __future__ import annotations

from typing import Final

from starlette.types import Scope

from vitalcast.access.origin import parse_authority
from vitalcast.config.loopback import is_loopback_address

_HOST: Final = b"host"
# What scanners ask for around a code (ISO/IEC 18004, 9.1), in modules.
_QUIET_ZONE: Final = 4


def approve_url(scope: Scope, public_base: str, code: str) -> str:
    """Return where a phone approves this code: `/screens` as the screen itself reached the server.

    Empty where the screen did so by a loopback address, which means something else to every phone.
    """
    base = public_base or _own_base(scope)
    return f"{base}screens?code={code}" if base else ""


def _own_base(scope: Scope) -> str:
    # The edge has checked it: a Host header names this server, and there is one of them.
    host = next((value.decode("latin-1") for name, value in scope["headers"] if name == _HOST), "")
    authority = parse_authority(host)
    if authority is None or authority.host == "localhost" or is_loopback_address(authority.host):
        return ""
    return f"{scope['scheme']}://{host.lower()}{scope.get('root_path', '')}/"


def qr_image(text: str) -> str:
    """Return a QR code as the address of an image: a `data:` URI, which the pages' policy lets them show.

    Black on white whatever the theme: many scanners read no inverted code.
    """
    import segno  # which only servers with screens to pair need

    code = segno.make_qr(text, error="m", boost_error=False)
    return code.svg_data_uri(border=_QUIET_ZONE, dark="#000", light="#fff", omitsize=True)
