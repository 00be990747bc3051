"""Which programs used most of a resource."""

from __future__ import annotations

from typing import Any

from vitalcast.core.processes.culprits import PROGRAMS_MAX, Culprits, Used
from vitalcast.core.processes.snapshot import ProcessRow, ProcessSnapshot


def row(name: str, **fields: Any) -> ProcessRow:
    known: dict[str, Any] = {"cpu": 0.0, "memory": 0, "read": 0.0, "write": None} | fields
    return ProcessRow(1, 0, 0, name, None, None, 1, "running", **known)


def snapshot(*rows: ProcessRow, interval_ms: int = 5000) -> ProcessSnapshot:
    return ProcessSnapshot(0, interval_ms, rows)


def test_processes_of_a_program_count_together_over_all_snapshots() -> None:
    culprits = Culprits(Used.CPU)
    culprits.add(snapshot(row("chromium", cpu=0.5), row("gzip", cpu=0.9), row("chromium", cpu=0.5)))
    culprits.add(snapshot(row("gzip", cpu=0.9), row("python", cpu=0.3), row("idle", cpu=0.01), row("gone", cpu=None)))
    assert culprits.first() == ("gzip", "chromium", "python")
    assert culprits.first(1) == ("gzip",)


def test_how_long_a_snapshot_lasted_counts() -> None:
    culprits = Culprits(Used.CPU)
    culprits.add(snapshot(row("short", cpu=1.0), interval_ms=1000))
    culprits.add(snapshot(row("long", cpu=0.5), interval_ms=5000))
    assert culprits.first() == ("long", "short")


def test_of_memory_the_most_at_any_time_counts() -> None:
    culprits = Culprits(Used.MEMORY)
    for memory in (500, 100):
        culprits.add(snapshot(row("grew", memory=memory), row("stays", memory=400)))
    assert culprits.first() == ("grew", "stays")


def test_of_disks_reads_and_writes_count() -> None:
    culprits = Culprits(Used.DISK)
    culprits.add(snapshot(row("reads", read=10.0, write=None), row("writes", read=1.0, write=20.0), row("neither")))
    assert culprits.first() == ("writes", "reads")


def test_without_any_there_are_none_and_many_are_bounded() -> None:
    culprits = Culprits(Used.CPU)
    assert culprits.first() == ()
    culprits.add(snapshot(row("most", cpu=99.0), *(row(f"p{number}", cpu=0.1) for number in range(PROGRAMS_MAX + 1))))
    assert len(culprits._sums) <= PROGRAMS_MAX
    assert culprits.first() == ("most",)
