"""Which addresses this machine alone can reach."""

from __future__ import annotations

import ipaddress
import socket


def is_loopback(host: str) -> bool:
    """Say whether only this machine can reach `host`. A name other than localhost counts as reachable.

    So does localhost itself where it stands for any address but loopback: RFC 6761, 6.3 says that it must not, but it
    is what /etc/hosts says that is bound.
    """
    if host.lower() != "localhost":
        return is_loopback_address(host)
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:  # nothing that could be bound
        return True
    return all(is_loopback_address(str(address[0])) for *_, address in found)


def is_loopback_address(text: str) -> bool:
    try:
        return ipaddress.ip_address(text).is_loopback
    except ValueError:
        return False
