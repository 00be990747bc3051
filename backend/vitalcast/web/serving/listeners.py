"""The sockets that Vitalcast listens on, and how their addresses are written."""

from __future__ import annotations

import errno
import os
import re
import socket
from collections.abc import Iterator, Sequence
from typing import Any, Final

from vitalcast.errors import ConfigError

BACKLOG: Final = 4096  # connections that may wait
FREE_PORTS_TRIED: Final = 20


def listen(host: str, port: int) -> list[socket.socket]:
    """Return a socket for each address that `host` stands for, all on one port, 0 being any that is free for all.

    An address that this machine does not have is left out where there are others: /etc/hosts may call ::1 localhost
    where there is no IPv6. Raises ConfigError that names the key at fault.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError):
        raise ConfigError("server.host", f"{host!r} is not an address of this machine; try 127.0.0.1") from None
    addresses = list(dict.fromkeys((family, address) for family, _, _, _, address in found))
    for tried in range(FREE_PORTS_TRIED):
        try:
            return _listen_on_all(addresses, port)
        except OSError as error:
            # A port that is free for the first address may be taken for the second.
            if port or error.errno != errno.EADDRINUSE or tried == FREE_PORTS_TRIED - 1:
                raise _explain(error, host, port) from None
    raise AssertionError


def _listen_on_all(addresses: Sequence[tuple[int, Any]], port: int) -> list[socket.socket]:
    listeners: list[socket.socket] = []
    missing: OSError | None = None
    try:
        for family, address in addresses:
            try:
                listener = _listen(family, (address[0], port, *address[2:]), alone=len(addresses) == 1)
            except OSError as error:
                if error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                    raise
                missing = error
                continue
            listeners.append(listener)
            port = listener.getsockname()[1]
    except OSError:
        for listener in listeners:
            listener.close()
        raise
    if missing is not None and not listeners:
        raise missing
    return listeners


def _listen(family: int, address: Any, *, alone: bool) -> socket.socket:
    # With its protocol named: asyncio turns off Nagle's algorithm only where it is, and a response of two writes would
    # wait 40 ms for the peer's delayed acknowledgement.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6 and not alone:  # `::` would take the port of 0.0.0.0 too
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    listener.setblocking(False)
    return listener


def hosts_of(listeners: Sequence[socket.socket]) -> Iterator[str]:
    """Yield the hosts to write into an address of these, this machine's first: nobody can open 0.0.0.0."""
    hosts = [written(listener.getsockname()) for listener in listeners]
    for wildcard, loopback in (("0.0.0.0", "127.0.0.1"), ("::", "::1")):  # noqa: S104 - nothing is bound here
        if wildcard in hosts:
            hosts[hosts.index(wildcard)] = loopback
            hosts += _own_name()
    for host in dict.fromkeys(hosts):
        yield bracketed(host)


def _own_name() -> list[str]:
    """Return this machine's name where it may stand in an address (RFC 3986, section 3.2.2): it may be any bytes."""
    name = socket.gethostname()
    return [name] if re.fullmatch(r"[A-Za-z0-9._~-]+", name) else []


def bracketed(host: str) -> str:
    """Return a host as an address has it; the zone of a link-local one stands behind %25 (RFC 6874, 2).

    Browsers open no such address in any spelling; curl does, takes this one and leaves the zone out of the Host header.
    """
    return f"[{host.replace('%', '%25')}]" if ":" in host else host


def written(address: tuple[Any, ...]) -> str:
    """Return the host of a socket's address. Python leaves the zone of a link-local one to the fourth of the parts."""
    host, zone = str(address[0]), address[3] if len(address) == 4 else 0
    if not zone or "%" in host:
        return host
    try:
        return f"{host}%{socket.if_indextoname(zone)}"
    except OSError:  # it has just gone
        return f"{host}%{zone}"


def _explain(error: OSError, host: str, port: int) -> ConfigError:
    if error.errno == errno.EADDRINUSE:
        return ConfigError(
            "server.port", f"{port} on {host} is taken by another program; stop it, or choose another with --port"
        )
    if error.errno == errno.EACCES:
        return ConfigError("server.port", f"{port} needs more rights than this user has; choose a port from 1024")
    if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
        return ConfigError("server.host", f"{host} is not an address of this machine; try 127.0.0.1")
    return ConfigError("server.host", f"cannot listen on {host}:{port}: {error.strerror}")
