"""Which machine is read: an id that stays, its name, and what it is."""

from __future__ import annotations

import hashlib
import logging
import os
import platform
import re
import secrets
from pathlib import Path

from vitalcast.collectors.host import host_name
from vitalcast.collectors.procfs import read_if_readable
from vitalcast.core.metrics.resource import NAME_CHARS_MAX, Resource
from vitalcast.core.text import from_system, printable
from vitalcast.machine import HERE, Roots

logger = logging.getLogger(__name__)

ID_KEY = b"vitalcast.host"
ID_BYTES = 16
ID_FILE = "host-id"
_MACHINE_ID = re.compile(rb"[0-9a-f]{32}")
_KEPT_ID = re.compile(r"[0-9a-f]{32}")
_MODEL = re.compile(rb"^(?:model name|Hardware|cpu model)\s*:\s*(.+)$", re.MULTILINE)
_CPUINFO_BYTES_MAX = 16_384  # the first processor says it


def host_resource(roots: Roots = HERE, *, id_: str = "", name: str = "", data_folder: Path | None = None) -> Resource:
    """Return the machine that is read, by this id and name where they are given.

    The id is a keyed hash of /etc/machine-id, which machine-id(5) asks not to be shown as it is. Where there is none it
    is random and kept in `data_folder`, and where that cannot be written it lasts as long as this process.
    """
    name = (printable(name) or host_name(roots) or "localhost")[:NAME_CHARS_MAX]
    given = {
        "host.name": name,
        "os.type": platform.system().lower(),
        "os.version": os_version(roots),
        "os.description": os_description(roots),
        "os.build_id": platform.release(),
        "host.arch": platform.machine(),
        "host.cpu.model.name": cpu_model(roots),
    }
    attributes = tuple(sorted((key, from_system(value)) for key, value in given.items() if value))
    return Resource(id_ or machine_id(roots) or _kept_id(data_folder), name, attributes=attributes)


def machine_id(roots: Roots = HERE) -> str:
    """Return the id made of the machine's own, nothing where it has none."""
    text = (read_if_readable(roots.rootfs / "etc" / "machine-id") or b"").strip()
    if not _MACHINE_ID.fullmatch(text) or not text.strip(b"0"):
        return ""
    return hashlib.blake2b(text, key=ID_KEY, digest_size=ID_BYTES).hexdigest()


def _kept_id(data_folder: Path | None) -> str:
    fresh = secrets.token_hex(ID_BYTES)
    if data_folder is None:
        return fresh
    path = data_folder / ID_FILE
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return _read_id(path)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(fresh + "\n")
    except OSError as error:
        logger.warning("this machine has no /etc/machine-id and %s cannot be written (%s)", path, error.strerror)
        logger.warning("its id changes with every start; set host.id to keep one")
    return fresh


def _read_id(path: Path) -> str:
    text = path.read_text(encoding="ascii", errors="replace").strip()
    if _KEPT_ID.fullmatch(text):
        return text
    logger.warning("%s holds no id; remove it, or set host.id", path)
    return hashlib.blake2b(text.encode(), key=ID_KEY, digest_size=ID_BYTES).hexdigest()


def os_version(roots: Roots = HERE) -> str:
    """Return the version of the operating system, by its /etc/os-release; see os-release(5)."""
    for folder in ("etc", "usr/lib"):
        text = read_if_readable(roots.rootfs / folder / "os-release")
        if text is not None:
            return parse_os_release(text)
    return platform.release()


def os_description(roots: Roots = HERE) -> str:
    """Return what the operating system calls itself, such as `Debian GNU/Linux 12 (bookworm)`."""
    for folder in ("etc", "usr/lib"):
        text = read_if_readable(roots.rootfs / folder / "os-release")
        if text is not None:
            return _field(text, b"PRETTY_NAME")
    return ""


def parse_os_release(text: bytes) -> str:
    """Parse /etc/os-release: `VERSION_ID`, or `BUILD_ID` of one that rolls."""
    return _field(text, b"VERSION_ID") or _field(text, b"BUILD_ID")


def _field(text: bytes, name: bytes) -> str:
    fields = dict(line.split(b"=", 1) for line in text.split(b"\n") if b"=" in line)
    return from_system(fields.get(name, b"").strip().strip(b"\"'")[:255])


def cpu_model(roots: Roots = HERE) -> str:
    """Return what /proc/cpuinfo calls the processor, nothing where it does not."""
    try:
        with (roots.procfs / "cpuinfo").open("rb") as file:
            return parse_cpu_model(file.read(_CPUINFO_BYTES_MAX))
    except OSError:
        return platform.processor() if roots.psutil else ""


def parse_cpu_model(text: bytes) -> str:
    found = _MODEL.search(text)
    return from_system(b" ".join(found[1].split())[:255]) if found else ""
