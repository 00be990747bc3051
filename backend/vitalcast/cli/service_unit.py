"""The text of the systemd unit that runs the server, hardened as far as it can be without losing sight of the machine.

What is not in it is left out on purpose. `PrivateUsers`, `ProtectProc` and `ProcSubset` hide the users and processes
that are to be shown; `ProtectHostname` would keep the name that the machine had at the start; `PrivateDevices` and
`ProtectKernelLogs` hide the kernel's log, which says whom it killed for want of memory.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from vitalcast.core.text import printable
from vitalcast.errors import ServiceError

NAME: Final = "vitalcast.service"
ACCOUNT: Final = "vitalcast"
STATE_FOLDER: Final = "/var/lib/vitalcast"
MARK: Final = "# Written by `vitalcast service install`"
SYSUSERS: Final = f'u {ACCOUNT} - "Vitalcast" {STATE_FOLDER}\n'
EXIT_MISUSED: Final = 2  # of the server: its settings are wrong, and will be so at the next start

# What needs no namespace of mounts, so that a user's own manager can do it too.
_SHARED: Final = """\
UMask=0077
NoNewPrivileges=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native
SystemCallErrorNumber=EPERM
SystemCallFilter=@system-service
SystemCallFilter=~@privileged
"""
_OF_SYSTEM: Final = f"""\
User={ACCOUNT}
Group={ACCOUNT}
StateDirectory={ACCOUNT}
StateDirectoryMode=0700
ProtectSystem=strict
ProtectHome=read-only
PrivateTmp=yes
ProtectControlGroups=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectClock=yes
RemoveIPC=yes
DevicePolicy=closed
DeviceAllow=/dev/kmsg r
"""
_NETWORK: Final = "Wants=network-online.target\nAfter=network-online.target\n"  # an address to listen on may be late
_PLAIN: Final = re.compile(r"[\w@+=:,./-]+", re.ASCII)
_UNWRITABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")  # a unit is lines of UTF-8


class Service(NamedTuple):
    """What a unit is about. `capabilities` and `writable` are for one of the system, which else has neither."""

    command: Sequence[str]
    folder: str
    system: bool
    environment: Mapping[str, str]
    capabilities: Sequence[str] = ()
    writable: Sequence[str] = ()


def unit_text(service: Service) -> str:
    """Return the unit. It holds no secret: whoever logs in to the machine can read it.

    Raises ServiceError for a name that would be read back as something else.
    """
    program, *arguments = service.command
    # No variables are looked for in the program's own path, and so `$$` is not read as `$` there.
    command = " ".join([quoted(program), *map(_of_command, arguments)])
    of_system = _system_part(service) if service.system else ""
    variables = "".join(f"Environment={quoted(f'{name}={value}')}\n" for name, value in service.environment.items())
    return f"""\
{MARK}, which writes it anew; `systemctl edit` keeps changes of your own.
[Unit]
Description=Vitalcast, the vital signs of this machine
{_NETWORK if service.system else ""}
[Service]
Type=notify
ExecStart={command}
ExecReload=/bin/kill -HUP $MAINPID
Restart=on-failure
RestartSec=2
RestartPreventExitStatus={EXIT_MISUSED}
WorkingDirectory=-{_to_the_end_of_a_line(service.folder)}
{variables}{of_system}{_SHARED}
[Install]
WantedBy={"multi-user.target" if service.system else "default.target"}
"""


def _system_part(service: Service) -> str:
    names = " ".join(service.capabilities)
    capabilities = f"AmbientCapabilities={names}\nCapabilityBoundingSet={names}\n"
    return _OF_SYSTEM + capabilities + "".join(f"ReadWritePaths={quoted(path)}\n" for path in service.writable)


def quoted(word: str) -> str:
    """Return a word of a list as systemd reads it back: see systemd.syntax(7)."""
    word = _specifiers_kept(word)
    if _PLAIN.fullmatch(word):
        return word
    return '"' + word.replace("\\", r"\\").replace('"', r"\"") + '"'


def _of_command(word: str) -> str:
    return quoted(word).replace("$", "$$")  # which would name a variable: see systemd.service(5)


def _to_the_end_of_a_line(path: str) -> str:
    if path.endswith("\\") or path != path.strip():  # the next line would go on with it, or its end be lost
        raise ServiceError(f"a unit cannot name {printable(path)!r}; give the folder another name")
    return _specifiers_kept(path)


def _specifiers_kept(text: str) -> str:
    if _UNWRITABLE.search(text):
        raise ServiceError(f"a unit cannot name {printable(text)}, which holds a control character or is no UTF-8")
    return text.replace("%", "%%")
