"""The address of a server's WebSocket, whichever of its addresses is given."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit, urlunsplit

LOCAL: Final = "http://127.0.0.1:8000"
SCHEMES: Final = {"ws": "ws", "wss": "wss", "http": "ws", "https": "wss"}
PATH: Final = "/ws"


def socket_url(url: str) -> str:
    """Return the WebSocket URL meant by `url`; a page's `http://host:8000/` will do. Raises ValueError."""
    try:
        parts = urlsplit(url)
        scheme = SCHEMES[parts.scheme]
        known = bool(parts.hostname) and parts.port != 0 and url.isprintable()
        (parts.hostname or "").encode("idna")  # which refuses a name that there cannot be
    except (KeyError, ValueError):
        known = False
    if not known:
        raise ValueError(f"{url!r} is not a WebSocket address; give an address such as ws://127.0.0.1:8000/ws")
    path = parts.path.rstrip("/")
    if not path or (parts.scheme.startswith("http") and not path.endswith(PATH)):  # a page's, maybe below a prefix
        path += PATH
    return urlunsplit((scheme, parts.netloc, path, parts.query, ""))
