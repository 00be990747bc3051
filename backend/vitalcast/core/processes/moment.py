"""Which snapshot tells of a moment."""

from __future__ import annotations

from collections.abc import Iterable

from vitalcast.core.processes.snapshot import ProcessSnapshot

NEAR_MS = 60_000
"""How far from a moment snapshots have to be looked at."""


def nearest(snapshots: Iterable[ProcessSnapshot], at_ms: int) -> ProcessSnapshot | None:
    """Return the snapshot whose interval holds a moment; else the nearest one, no more than two intervals away.

    Of two that are as near the later one counts: a clock that was set back lived through the moment twice.
    """
    best: ProcessSnapshot | None = None
    best_ms = 0
    for snapshot in snapshots:
        away_ms = _away_ms(snapshot, at_ms)
        if away_ms <= 2 * snapshot.interval_ms and (best is None or away_ms <= best_ms):
            best, best_ms = snapshot, away_ms
    return best


def _away_ms(snapshot: ProcessSnapshot, at_ms: int) -> int:
    """Return how far a moment is from (time - interval, time]."""
    if at_ms > snapshot.time_ms:
        return at_ms - snapshot.time_ms
    return max(0, snapshot.time_ms - snapshot.interval_ms + 1 - at_ms)
