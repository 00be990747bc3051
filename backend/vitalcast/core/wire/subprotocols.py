"""The subprotocols that a WebSocket may ask for, and what each is written in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from vitalcast.core.vocabulary import BINARY_SUBPROTOCOL, SUBPROTOCOL
from vitalcast.core.wire.binary import BINARY
from vitalcast.core.wire.encodings import JSON, Encoding

SUBPROTOCOLS: Mapping[str, Encoding] = {SUBPROTOCOL: JSON, BINARY_SUBPROTOCOL: BINARY}


def agreed(offered: Iterable[str]) -> str | None:
    """Return the first of a client's subprotocols that there is, for it names the one it likes best first.

    With None it is a plain socket.
    """
    return next((one for one in offered if one in SUBPROTOCOLS), None)
