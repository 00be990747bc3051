"""What happened on the machine of the generated past, and which programs it runs.

Days have a rhythm, a backup runs each night, `java` swells until the kernel kills it, and `gzip` takes all CPUs for 25
seconds.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

SECOND_MS, MINUTE_MS, HOUR_MS, DAY_MS = 1000, 60_000, 3_600_000, 86_400_000
SPIKE_MS = 25_000
BACKUP_MS = 18 * MINUTE_MS
SWELLS_MS = 2 * HOUR_MS
JAVA_SHARE = 0.76  # of the memory, when it is killed
MIB = 2**20
GZIP, RESTIC, JAVA = "gzip", "restic", "java"


class Program(NamedTuple):
    """A program: the shares of the host that it takes always and at noon, its memory, and who runs it."""

    name: str
    always: float
    at_noon: float
    memory_mib: int
    pids: tuple[int, ...]
    user: str
    unit: str
    read: float = 0.0
    write: float = 0.0


PROGRAMS = (
    Program("postgres", 0.02, 0.09, 1400, (812, 1204, 1205, 1371), "postgres", "postgresql.service", 4e4, 6e5),
    Program("python3", 0.02, 0.07, 620, (1420, 1421), "app", "shop.service", 0, 3e4),
    Program("nginx", 0.005, 0.03, 90, (930, 931, 932), "www-data", "nginx.service", 0, 1.2e5),
    Program("node", 0.01, 0.02, 310, (1502,), "app", "shop-assets.service"),
    Program("redis-server", 0.004, 0.006, 140, (977,), "redis", "redis-server.service", 0, 1e4),
    Program("containerd", 0.004, 0.0, 75, (701,), "root", "containerd.service"),
    Program("systemd-journal", 0.002, 0.002, 48, (301,), "root", "systemd-journald.service", 0, 2e4),
)


@dataclass(frozen=True)
class Story:
    """When things happened, in Unix ms; `end_ms` is the newest tick."""

    end_ms: int
    spike_ms: int
    deploy_ms: int
    days: int = 30

    @property
    def start_ms(self) -> int:
        """The beginning, a whole hour."""
        return (self.end_ms - self.days * DAY_MS) // HOUR_MS * HOUR_MS

    @property
    def spike_end_ms(self) -> int:
        return self.spike_ms + SPIKE_MS

    @property
    def oom_ms(self) -> int:
        return self.end_ms - 26 * HOUR_MS

    @property
    def restart(self) -> tuple[int, int]:
        """From when to when the server was away."""
        return self.end_ms - 100 * MINUTE_MS, self.end_ms - 96 * MINUTE_MS

    @property
    def hole(self) -> tuple[int, int]:
        """From when to when nothing was sampled, nine days ago."""
        end_ms = self.end_ms // HOUR_MS * HOUR_MS - 9 * DAY_MS
        return end_ms - 100 * MINUTE_MS, end_ms - 60 * MINUTE_MS

    @cached_property
    def backups_ms(self) -> tuple[int, ...]:
        """When the backup of each night began."""
        newest = last_clock(self.end_ms - BACKUP_MS, 3)
        nights = (newest - day * DAY_MS for day in range(self.days))
        return tuple(night for night in reversed(list(nights)) if night > self.start_ms)


def last_clock(before_ms: int, hour: int) -> int:
    """Return when it last was this hour here, before some time."""
    local = time.localtime(before_ms / 1000)
    seconds = local.tm_hour * 3600 + local.tm_min * 60 + local.tm_sec
    found = before_ms - before_ms % 1000 - (seconds - hour * 3600) * 1000
    return found if found < before_ms else found - DAY_MS
