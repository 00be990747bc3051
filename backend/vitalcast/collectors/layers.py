"""Which interfaces and disks lie over others: what goes through them is counted below, too.

Read from /sys, where anything may lie in a tree that is not the kernel's: links go nowhere or round in circles, and
folders have no end. So no link is followed but by its name, and all that is looked at is bounded.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Collection, Iterable
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from vitalcast.collectors.procfs import read_small

PHYSICAL = "physical"  # the wire or the disk, or what stands for it in a container
VIRTUAL = "virtual"  # over others, or inside the machine
LOOPBACK = "loopback"

DEVICES_MAX = 1024
ENTRIES_MAX = 4096  # of one folder: a bridge has one for each of its ports
FEW = 64  # which are read in 2 ms
READ_AGAIN_S = 60.0
STEPS_MAX = 256  # from a disk down to those that it lies on

_LOOPBACK_TYPE = b"772"  # ARPHRD_LOOPBACK
_LOOPBACK_NAME = re.compile(r"lo[0-9]*|Loopback .*")
# What the kernel calls kinds of devices that carry what goes through others.
_CARRIED = re.compile(rb"^DEVTYPE=(?!wlan$|wwan$)", re.MULTILINE)
# Disks of which /sys does not say what they lie on: of a ZFS pool, a file, memory or a mirror over the network.
_MADE_UP = re.compile(r"(zd|loop|zram|ram|drbd)[0-9].*")


class _Interface(NamedTuple):
    """What /sys says of an interface: the names in its folder, and the link to what has taken it over."""

    entries: frozenset[str]
    master: str
    loopback: bool
    carried: bool  # by its kind, what goes through it goes through another

    @property
    def has_device(self) -> bool:
        return "device" in self.entries

    @property
    def lower(self) -> set[str]:
        return {entry.removeprefix("lower_") for entry in self.entries if entry.startswith("lower_")}


class InterfaceLayers:
    """Knows the layers of interfaces, which are read when some come or go, and once a minute.

    Of a thousand interfaces of containers some come and go all the time, and to read all takes 30 ms. Of so many only
    those that come are read meanwhile.
    """

    def __init__(self, sysfs: Path) -> None:
        self._sysfs = sysfs
        self._names: tuple[str, ...] = ()
        self._found: dict[str, _Interface] = {}
        self._layers: dict[str, str] = {}
        self._read_again_s = -math.inf

    def of(self, names: tuple[str, ...], now_s: float) -> dict[str, str]:
        """Return the layer of each of the interfaces that there are, as far as it is known."""
        if now_s >= self._read_again_s:
            self._found, self._names, self._read_again_s = {}, (), now_s + READ_AGAIN_S
        if names != self._names:
            looked_at = names[:DEVICES_MAX]
            known = self._found if len(names) > FEW else {}
            read = ((name, known.get(name) or _interface(self._sysfs, name)) for name in looked_at)
            self._found = {name: one for name, one in read if one}
            self._names, self._layers = names, _layers_of(looked_at, self._found)
        return self._layers


def _layers_of(names: Iterable[str], found: dict[str, _Interface]) -> dict[str, str]:
    """Return the layer of each interface of which it is known.

    Where there is hardware it counts alone. In a container there is none: there it is what nothing else carries.
    """
    others = {name: one for name, one in found.items() if not one.loopback}
    base = {name for name, one in others.items() if one.has_device and not _counted_below(name, one, others)}
    base = base or {name for name, one in others.items() if _stands_alone(one, others)} or set(others)
    layers = {name: LOOPBACK for name in names if _LOOPBACK_NAME.fullmatch(name)}
    return layers | {
        name: LOOPBACK if one.loopback else PHYSICAL if name in base else VIRTUAL for name, one in found.items()
    }


def _interface(sysfs: Path, name: str) -> _Interface | None:
    folder = _folder(sysfs / "class" / "net", name)
    entries = _entries(folder)
    if not entries:
        return None
    return _Interface(
        entries,
        master=_target(f"{folder}/master"),
        loopback=_text(f"{folder}/type").strip() == _LOOPBACK_TYPE,
        carried=_CARRIED.search(_text(f"{folder}/uevent")) is not None,
    )


def _counted_below(name: str, one: _Interface, others: dict[str, _Interface]) -> bool:
    """Say whether another with hardware counts what this one does.

    One that was taken over by hardware is the fast path of a virtual machine's card, which counts for both. One over
    another that it has not taken over is a port of a switch.
    """
    master = others.get(one.master)
    if master is not None and master.has_device:
        return True
    return any(below in others and others[below].master != name for below in one.lower)


def _stands_alone(one: _Interface, others: dict[str, _Interface]) -> bool:
    if one.carried or one.master in others or not one.lower.isdisjoint(others):
        return False
    return one.entries.isdisjoint(("bridge", "bonding", "tun_flags"))


def disk_layers(sysfs: Path, names: Iterable[str], disk_of: Callable[[str], str]) -> dict[str, str]:
    """Return the layer of each disk of which it is known. `disk_of` returns the disk that a partition is of."""
    names = list(islice(names, DEVICES_MAX))
    shown = frozenset(names)
    blocks = sysfs / "class" / "block"
    found = [name for name in names if _entries(_folder(blocks, name))]
    virtual = {
        name
        for name in found
        if _MADE_UP.fullmatch(name) or disk_of(name) in shown or _lies_on(blocks, name, shown, disk_of)
    }
    all_virtual = len(virtual) == len(found)  # then those below are not shown, and these stand for them
    return {name: VIRTUAL if name in virtual and not all_virtual else PHYSICAL for name in found}


def _lies_on(blocks: Path, name: str, shown: Collection[str], disk_of: Callable[[str], str]) -> bool:
    """Say whether any that is shown is below this disk."""
    seen, pending = {name}, [name]
    while pending and len(seen) < STEPS_MAX:
        for entry in _entries(f"{_folder(blocks, pending.pop())}/slaves"):
            below = entry.replace("!", "/")
            if below not in seen and (below in shown or disk_of(below) in shown):
                return True
            if below not in seen:
                seen.add(below)
                pending.append(below)
    return False


def _folder(parent: Path, name: str) -> str:
    """Return where a device is described; nowhere for a name that would lead out of the folder."""
    name = name.replace("/", "!")
    return f"{parent}/{name}" if name not in (".", "..") and name.isprintable() else ""


def _entries(folder: str) -> frozenset[str]:
    if not folder.startswith("/"):
        return frozenset()
    try:
        with os.scandir(folder) as entries:
            return frozenset(entry.name for entry in islice(entries, ENTRIES_MAX))
    except (OSError, ValueError):
        return frozenset()


def _target(path: str) -> str:
    try:
        return Path(path).readlink().name
    except (OSError, ValueError):
        return ""


def _text(path: str) -> bytes:
    try:
        return read_small(path)
    except (OSError, ValueError):
        return b""
