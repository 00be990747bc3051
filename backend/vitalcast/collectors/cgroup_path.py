r"""Says which systemd unit or container a process runs in, by the path of its control group.

Paths as they are seen (cgroups(7), systemd.unit(5), and what container engines write):

    /system.slice/nginx.service                                           nginx.service
    /user.slice/user-1000.slice/user@1000.service/app.slice/a.scope       a.scope
    /system.slice/docker-<id>.scope, /docker/<id>                         docker/<id>
    /kubepods.slice/kubepods-pod<uid>.slice/cri-containerd-<id>.scope     cri-containerd/<id>
    /kubepods/besteffort/pod<uid>/<id>                                    kubepods/<id>
    /lxc.payload.web/system.slice/nginx.service, /lxc/web                 lxc/web
    /machine.slice/machine-qemu\x2d1\x2dweb.scope                         machine/qemu-1-web

Ids are cut to twelve digits, as `docker ps` shows them. Of containers within each other the innermost counts, and a
container counts more than the units inside it.
"""

from __future__ import annotations

import re

from vitalcast.core.text import from_system

_CHARS_MAX = 120
_ID_CHARS = 12
_DELETED = b" (deleted)"  # the kernel's word for a group that was removed under its processes
_UNITS = (b".service", b".scope", b".mount", b".socket", b".swap")

# Engines of which ids may be short; with any other name only a whole SHA-256 is taken for one.
_SCOPE = re.compile(
    rb"(?:(docker|libpod|podman|nerdctl|crio|cri-o|cri-containerd|containerd)-([0-9a-f]{12,64})"
    rb"|([a-z][a-z0-9_.-]{0,30})-([0-9a-f]{64}))\.scope"
)
_COLONS = re.compile(rb"[^:]*:([a-z][a-z0-9_.-]{0,30}):([0-9a-f]{12,64})")
_BARE_ID = re.compile(rb"[0-9a-f]{64}")
_BARE_ENGINES = (b"docker", b"podman", b"libpod", b"kubepods", b"ecs", b"containerd", b"garden")
_LXC = re.compile(rb"lxc\.(?:payload|monitor)\.(.+)")
_NSPAWN = re.compile(rb"systemd-nspawn@(.+)\.service")
_MACHINE = re.compile(rb"machine-(.+)\.scope")
_ESCAPED = re.compile(rb"\\x([0-9a-f]{2})")  # as systemd writes what a unit's name cannot hold


def unit_of(text: bytes) -> str | None:
    """Return the unit or container that /proc/<pid>/cgroup tells, None where it tells none.

    What it holds may be anything; the answer is printable and short.
    """
    for path in _paths(text):
        name = _container(path) or _unit(path)
        if name is not None:
            return from_system(name)[:_CHARS_MAX]
    return None


def _paths(text: bytes) -> list[list[bytes]]:
    """Return the paths in their parts: first that of the one hierarchy (v2), then systemd's own, then the others."""
    ranked = []
    for line in text.split(b"\n"):
        number, _, rest = line.partition(b":")
        controllers, colon, path = rest.partition(b":")
        if not colon or not number.isdigit() or not path.startswith(b"/"):
            continue
        rank = 0 if not controllers else 1 if controllers == b"name=systemd" else 2
        parts = path.removesuffix(_DELETED).split(b"/")
        ranked.append((rank, [part for part in parts if part not in (b"", b"..")]))
    ranked.sort(key=lambda pair: pair[0])
    return [parts for _, parts in ranked]


def _container(parts: list[bytes]) -> bytes | None:
    for place in range(len(parts) - 1, -1, -1):
        part = parts[place]
        if found := _SCOPE.fullmatch(part):
            return _with_id(found[1] or found[3], found[2] or found[4])
        if found := _COLONS.fullmatch(part):
            return _with_id(found[1], found[2])
        if _BARE_ID.fullmatch(part):
            return _with_id(next((one for one in parts[:place] if one in _BARE_ENGINES), b"container"), part)
        if name := _system_container(parts, place):
            return name
    return None


def _system_container(parts: list[bytes], place: int) -> bytes | None:
    """Return the container of a whole system, which has a name and no id."""
    part = parts[place]
    if found := _LXC.fullmatch(part):
        return b"lxc/" + found[1]
    if place and parts[place - 1] == b"lxc":
        return b"lxc/" + part
    if place and parts[place - 1] == b"machine.slice":
        if found := _NSPAWN.fullmatch(part):
            return b"nspawn/" + _unescaped(found[1])
        if found := _MACHINE.fullmatch(part):
            return b"machine/" + _unescaped(found[1])
    return None


def _unit(parts: list[bytes]) -> bytes | None:
    units = [part for part in parts if part.endswith(_UNITS)]
    if len(units) > 1 and units[-1] == b"init.scope":  # systemd itself, of a user
        return units[-2]
    slices = [part for part in parts if part.endswith(b".slice")]
    return next(iter(units[-1:] or slices[-1:]), None)


def _with_id(engine: bytes, id_: bytes) -> bytes:
    return engine + b"/" + id_[:_ID_CHARS]


def _unescaped(name: bytes) -> bytes:
    return _ESCAPED.sub(lambda found: bytes([int(found[1], 16)]), name)
