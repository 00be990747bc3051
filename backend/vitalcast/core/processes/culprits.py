"""Which programs used most of a resource over a while."""

from __future__ import annotations

import enum
from collections import defaultdict
from heapq import nlargest

from vitalcast.core.processes.snapshot import ProcessRow, ProcessSnapshot

NAMED_MAX = 3
LEAST_SHARE = 0.05  # of what the first one used: who used less had little to do with it
PROGRAMS_MAX = 500


class Used(enum.Enum):
    """What a program can use much of."""

    CPU = "cpu"
    MEMORY = "memory"
    DISK = "disk"


class Culprits:
    """Adds up what programs used of one resource, snapshot by snapshot; of memory, the most at any time."""

    def __init__(self, used: Used) -> None:
        self._used = used
        self._sums: dict[str, float] = {}

    def add(self, snapshot: ProcessSnapshot) -> None:
        """Take in a snapshot."""
        now: defaultdict[str, float] = defaultdict(float)
        for row in snapshot.rows:
            now[row.name] += self._amount(row, snapshot.interval_ms)
        for name, amount in now.items():
            before = self._sums.get(name, 0.0)
            self._sums[name] = max(before, amount) if self._used is Used.MEMORY else before + amount
        if len(self._sums) > PROGRAMS_MAX:
            self._sums = dict(nlargest(PROGRAMS_MAX // 2, self._sums.items(), key=lambda item: item[1]))

    def _amount(self, row: ProcessRow, interval_ms: int) -> float:
        match self._used:
            case Used.CPU:
                return (row.cpu or 0.0) * interval_ms
            case Used.MEMORY:
                return row.memory or 0
            case Used.DISK:
                return ((row.read or 0.0) + (row.write or 0.0)) * interval_ms

    def first(self, count: int = NAMED_MAX) -> tuple[str, ...]:
        """Return the programs that used most, the first first."""
        most = nlargest(count, self._sums.items(), key=lambda item: (item[1], item[0]))
        return tuple(name for name, amount in most if amount > 0 and amount >= LEAST_SHARE * most[0][1])
