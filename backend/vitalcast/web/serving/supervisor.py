"""Tells whoever supervises the process, as systemd does, that it serves and that it ends: see sd_notify(3)."""

from __future__ import annotations

import logging
import os
import socket

logger = logging.getLogger(__name__)

VARIABLE = "NOTIFY_SOCKET"


def tell(*lines: str) -> None:
    """Send assignments such as `READY=1` to the supervisor, if there is one. Never waits, never raises."""
    address = os.environ.get(VARIABLE, "")
    if address[:1] not in ("/", "@"):
        return
    if address[0] == "@":  # Linux's own names for sockets begin with a NUL
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as peer:
            peer.setblocking(False)
            peer.sendto("\n".join(lines).encode(), address)
    except OSError as error:
        logger.info("the supervisor at %s cannot be told: %s", VARIABLE, error)
