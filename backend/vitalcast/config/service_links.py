"""Variables that an orchestrator sets for a service that happens to be called vitalcast, or vitalcast-something.

Kubernetes tells each container of every service in its namespace, Docker of every linked container:
`VITALCAST_PORT=tcp://10.0.0.1:8000`, `VITALCAST_SERVICE_HOST=10.0.0.1` and so on. They begin as settings do and are
none. Each is known by its form and its value together, so that a setting whose name is misspelt is still an error.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping

# https://kubernetes.io/docs/tutorials/services/connect-applications-service/#environment-variables and
# https://docs.docker.com/engine/network/links/#environment-variables; a setting has two underscores after its section.
_SERVICE = r"VITALCAST(?:_[A-Z0-9]+)*?"
_PORT = r"_PORT_[0-9]{1,5}_(?:TCP|UDP|SCTP)"
_URL = re.compile(rf"({_SERVICE})(?:_PORT|{_PORT}(?:_(?:START|END))?)")
_HOST = re.compile(rf"{_SERVICE}(?:_SERVICE_HOST|{_PORT}_ADDR)")
_NUMBER = re.compile(rf"{_SERVICE}(?:_SERVICE_PORT(?:_[A-Z0-9_]+)?|{_PORT}_PORT(?:_(?:START|END))?)")
_PROTOCOL = re.compile(rf"{_SERVICE}{_PORT}_PROTO")
_NAME = re.compile(rf"({_SERVICE})_NAME")
_OF_CONTAINER = re.compile(rf"({_SERVICE})_ENV_.+")


def without_service_links(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables without those of service links."""
    linked = {match[1] for name, value in environ.items() if (match := _named(name, value)) is not None}
    return {name: value for name, value in environ.items() if not _is_link(name, value, linked)}


def _named(name: str, value: str) -> re.Match[str] | None:
    """Return the match of a variable by which it is known for certain that there is a link, the service first."""
    if match := _URL.fullmatch(name):
        return match if _is_url(value) else None
    match = _NAME.fullmatch(name)
    return match if match and re.fullmatch(r"/[\w.-]+/[\w.-]+", value) else None


def _is_link(name: str, value: str, linked: set[str]) -> bool:
    if _named(name, value):
        return True
    if _HOST.fullmatch(name):
        return _is_address(value)
    if _NUMBER.fullmatch(name):
        return re.fullmatch(r"[0-9]{1,5}", value) is not None
    if _PROTOCOL.fullmatch(name):
        return value.lower() in ("tcp", "udp", "sctp")
    # Docker hands on all that the linked container's own environment holds.
    match = _OF_CONTAINER.fullmatch(name)
    return match is not None and match[1] in linked


def _is_url(value: str) -> bool:
    match = re.fullmatch(r"(?:tcp|udp|sctp)://(.+):[0-9]{1,5}", value)
    return match is not None and _is_address(match[1].removeprefix("[").removesuffix("]"))


def _is_address(value: str) -> bool:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True
