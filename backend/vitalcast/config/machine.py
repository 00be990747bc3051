"""`[host]`, `[sampler]`, `[collectors]` and `[recorder]`: which machine is read, how often, and what of it."""

# Not `from __future__ import annotations`: pydantic would compile each field's text anew, at every start.

from pydantic import Field

from vitalcast.config.types import Globs, Names, root_folder
from vitalcast.core.strict import Strict
from vitalcast.machine import DEFAULT_EXCLUSIONS, HERE


class Host(Strict):
    """The identity of this machine, to tell it from others."""

    id: str = Field(
        default="",
        max_length=64,
        pattern=r"^[A-Za-z0-9_-]*$",
        description="Stable id of this machine; empty: derived from /etc/machine-id",
        json_schema_extra={"form": "letters, digits, '-' and '_'"},
    )
    name: str = Field(
        default="",
        max_length=255,
        pattern=r"^(?:[^\x00-\x1f\x7f-\x9f\u2028\u2029]*\S[^\x00-\x1f\x7f-\x9f\u2028\u2029]*)?$",
        description="Name of this machine; empty: its host name",
        json_schema_extra={"form": 'a name such as "web-1", or an empty string'},
    )


class Sampler(Strict):
    """How often this machine is sampled."""

    interval_s: float = Field(
        default=1.0,
        ge=0.1,
        le=3600,
        description="Interval between ticks, whether anybody is watching or not",
    )
    interval_min_s: float = Field(
        default=0.1,
        ge=0.1,
        le=3600,
        description="Shortest interval a subscriber may request; limits what clients can make this machine do",
    )
    burst_enabled: bool = Field(
        default=True,
        description="Ticks at the shortest interval for a while, at most once in ten minutes, when the level of a "
        "panel becomes critical",
    )
    burst_s: float = Field(default=30.0, ge=1, le=300, description="How long such a burst lasts")


class Collectors(Strict):
    """What is measured on this machine."""

    disabled: Names = Field(
        default=(),
        description="Collectors and tables to turn off, such as those that are slow or not wanted here; without "
        "`processes`, programs are named nowhere",
    )
    process_command_line: bool = Field(
        default=False,
        description="Show and record command lines of processes; off because arguments may hold passwords",
    )
    procfs: str = root_folder(
        HERE.procfs,
        "/host/proc",
        "Where /proc of the watched machine is mounted; elsewhere in a container that watches its host",
    )
    sysfs: str = root_folder(HERE.sysfs, "/host/sys", "Where /sys of the watched machine is mounted")
    cgroupfs: str = root_folder(
        HERE.cgroupfs,
        "/host/sys/fs/cgroup",
        "Where the control groups of the watched machine are mounted; no collector reads them yet",
    )
    rootfs: str = root_folder(
        HERE.rootfs,
        "/host/root",
        "Where the root directory of the watched machine is mounted, for its filesystems, its users and its name",
    )
    exclude_disks: Globs = Field(
        default=DEFAULT_EXCLUSIONS.disks,
        description="Disks to leave out, by name as in /sys/block. Partitions are disk/partition there; a glob with a"
        " slash is matched against that path. Here and below, an empty list leaves nothing out",
    )
    exclude_mounts: Globs = Field(
        default=DEFAULT_EXCLUSIONS.mounts,
        description="Filesystems to leave out, by mountpoint; * also matches slashes",
    )
    exclude_filesystems: Globs = Field(
        default=DEFAULT_EXCLUSIONS.filesystems,
        description="Filesystems to leave out, by type; an overlay mounted at / is always shown. A network filesystem"
        " that is not listed is measured in its own thread, since its server may never answer",
    )
    exclude_interfaces: Globs = Field(
        default=DEFAULT_EXCLUSIONS.interfaces, description="Network interfaces to leave out, by name"
    )
    exclude_sensors: Globs = Field(
        default=DEFAULT_EXCLUSIONS.sensors,
        description="Temperatures, fans and batteries to leave out, by hw.id or hw.name, such as coretemp/0 or Core 0",
    )


class Recorder(Strict):
    """The flight recorder: which processes used the machine, to be asked later."""

    enabled: bool = Field(
        default=True,
        description="Record processes; kept with the history, for about a week. Off too where `processes` is disabled",
    )
    interval_s: float = Field(
        default=5.0,
        ge=1,
        le=60,
        description="Interval between recordings; who used the machine is known as finely as this",
    )
    top: int = Field(
        default=20,
        ge=1,
        le=200,
        description="Processes to record at a time: so many each by CPU, memory, bytes read and bytes written",
    )
