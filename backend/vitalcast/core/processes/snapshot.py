"""The processes that mattered at one moment."""

from __future__ import annotations

from typing import Final, NamedTuple

ENDED: Final = "ended"
"""The state of a process in the snapshot of the interval in which it ended; what it used then is not known."""


class ProcessRow(NamedTuple):
    """One process over the seconds up to a moment; None for what could not be read.

    `cpu` is the share of one CPU, `memory` resident bytes, `read` and `write` bytes a second from and to disks.
    `started_ms` tells processes of the same id apart. `unit` is the systemd unit or the container it runs in.
    """

    pid: int
    started_ms: int
    parent: int
    name: str
    user: str | None
    unit: str | None
    threads: int | None
    state: str
    cpu: float | None
    memory: int | None
    read: float | None
    write: float | None
    command: str | None = None


class ProcessSnapshot(NamedTuple):
    """The top processes of the `interval_ms` up to `time_ms`, and what all processes together used of the CPUs.

    `total_cpu` is the share of one CPU that all used, short-lived ones included; None where it is not known.
    """

    time_ms: int
    interval_ms: int
    rows: tuple[ProcessRow, ...]
    total_cpu: float | None = None
