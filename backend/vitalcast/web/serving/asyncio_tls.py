"""The two things that asyncio does not offer for its connections with TLS. Written for Python 3.11 to 3.14.

`tests.web.serving.test_asyncio_tls` looks at each with a real connection, and fails where a version has it otherwise.
"""

from __future__ import annotations

import asyncio
from asyncio import sslproto
from typing import Any, Final

RECORD_BYTES: Final = 16_384  # the longest that TLS has


def bound_buffers() -> None:
    """Have each connection with TLS keep room for one record, and not asyncio's 256 KiB, from before its handshake."""
    sslproto.SSLProtocol.max_size = RECORD_BYTES


def transport_below(transport: asyncio.Transport) -> asyncio.Transport | None:
    """Return the transport of the bytes that a transport with TLS has encrypted, None for one without TLS.

    It has a buffer of its own, of which the one above tells nothing.
    """
    protocol: Any = getattr(transport, "_ssl_protocol", None)
    return None if protocol is None else protocol._transport
