"""The recorded processes and the events of the generated past, which tell what its series tell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from tests.browser.past_machine import Machine
from tests.browser.past_moments import Moments
from tests.browser.past_story import (
    BACKUP_MS,
    DAY_MS,
    GZIP,
    HOUR_MS,
    JAVA,
    JAVA_SHARE,
    MINUTE_MS,
    PROGRAMS,
    RESTIC,
    SECOND_MS,
    Program,
    Story,
)

from vitalcast import __version__, clocks
from vitalcast.core.drawing.format import format_value
from vitalcast.core.events.event import Event, EventKind, Severity
from vitalcast.core.processes.snapshot import ENDED, ProcessRow, ProcessSnapshot

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

SNAPSHOT_MS = 5000
CRON, LOGROTATE, FIRST_GZIP, RESTIC_PID, JAVA_PID = 640, 39_990, 40_001, 28_100, 21_377
IDS_PER_MS = 4096


def snapshots(machine: Machine, start_ms: int, end_ms: int) -> Iterator[ProcessSnapshot]:
    """Yield what the flight recorder took down in (start, end], every five seconds."""
    first_ms = (start_ms // SNAPSHOT_MS + 1) * SNAPSHOT_MS
    times = np.arange(first_ms, end_ms + 1, SNAPSHOT_MS, dtype=np.int64)
    if not len(times):
        return
    moments = Moments(machine, times, np.random.default_rng(5))
    tables = [_table(machine, moments, one) for one in (*PROGRAMS, *_rare(machine))]
    before: dict[int, ProcessRow] = {}
    for index, time_ms in enumerate(times.tolist()):
        rows = [row for table in tables for row in table[index]]
        now = {row.pid: row for row in rows}
        ended = [
            row._replace(state=ENDED, threads=None, cpu=None, memory=None, read=None, write=None)
            for pid, row in before.items()
            if pid not in now
        ]
        total = round(float(moments.busy[index]) * machine.cores, 4)
        yield ProcessSnapshot(time_ms, SNAPSHOT_MS, (*rows, *ended), total)
        before = now


def _rare(machine: Machine) -> Sequence[Program]:
    gzips = tuple(FIRST_GZIP + number for number in range(max(2, machine.cores)))
    return (
        Program(GZIP, 0, 0, 9, gzips, "root", "logrotate.service"),
        Program(RESTIC, 0, 0, 260, (RESTIC_PID,), "backup", "restic-backup.service"),
        Program(JAVA, 0, 0, 700, (JAVA_PID,), "app", "reports.service"),
    )


def _table(machine: Machine, moments: Moments, program: Program) -> list[list[ProcessRow]]:
    """Return the rows of a program's processes at each moment; none where it was not there."""
    count = len(program.pids)
    cpu = moments.shares[program.name] * machine.cores / count
    memory = moments.memory(program.name) / count
    read, write = (moments.moved(program.name, way) / count for way in ("read", "write"))
    started_ms, parent = _origin(machine.story, program.name)
    found: list[list[ProcessRow]] = []
    for index in range(len(cpu)):
        if np.isnan(cpu[index]):
            found.append([])
            continue
        amounts = (
            round(float(cpu[index]), 4),
            int(memory[index]) // 4096 * 4096,
            *(float(round(0.0 if np.isnan(one[index]) else float(one[index]))) for one in (read, write)),
        )
        state = "running" if amounts[0] > 0.5 else "sleeping"
        found.append(
            [
                ProcessRow(
                    *(pid, started_ms, parent if number == 0 or program.name == GZIP else program.pids[0]),
                    *(program.name, program.user, program.unit, 4 if program.name == JAVA else 1, state, *amounts),
                )
                for number, pid in enumerate(program.pids)
            ]
        )
    return found


def _origin(story: Story, name: str) -> tuple[int, int]:
    """Return when the processes of a program started, and by which process."""
    match name:
        case "gzip":
            return story.spike_ms, LOGROTATE
        case "restic":
            return story.backups_ms[-1], CRON
        case "java":
            return story.oom_ms - 2 * HOUR_MS, 1
        case _:
            return story.start_ms - DAY_MS, 1


def recorded(story: Story, until_ms: int) -> Iterator[tuple[int, int]]:
    """Yield the times before some hour of which there are processes: around what happened, and a few hours."""
    around = [
        (story.oom_ms - 15 * MINUTE_MS, story.oom_ms + 10 * MINUTE_MS),
        (story.deploy_ms - 5 * MINUTE_MS, story.deploy_ms + 10 * MINUTE_MS),
        (story.backups_ms[-1] - MINUTE_MS, story.backups_ms[-1] + BACKUP_MS + MINUTE_MS),
        (until_ms - HOUR_MS, until_ms),
    ]
    after_ms = story.start_ms
    for start_ms, end_ms in sorted(around):
        start_ms, end_ms = max(start_ms, after_ms), min(end_ms, until_ms)
        if start_ms < end_ms:
            yield start_ms, end_ms
            after_ms = end_ms


def events(machine: Machine, source: str) -> list[Event]:
    """Return all that happened to the machine, in order of time."""
    story = machine.story
    killed_bytes = round(machine.memory_bytes * JAVA_SHARE)
    away, back = story.restart
    found = [
        _event(story.start_ms - DAY_MS, EventKind.BOOT, "Machine booted", attributes=_boot()),
        _started(story.start_ms),
        *(
            _event(one, EventKind.MARK, "Nightly backup", end_ms=one + BACKUP_MS, attributes={"job": "restic"})
            for one in story.backups_ms
        ),
        _event(story.end_ms - 17 * DAY_MS, EventKind.MARK, "Deploy shop 2.3.0", attributes={"version": "2.3.0"}),
        _event(story.end_ms - 5 * DAY_MS, EventKind.MARK, "Deploy shop 2.4.0", attributes={"version": "2.4.0"}),
        _event(story.deploy_ms, EventKind.MARK, "Deploy shop 2.4.1", attributes={"version": "2.4.1"}),
        _event(
            story.hole[0],
            EventKind.GAP,
            "Not sampled for 40 min",
            severity=Severity.WARNING,
            end_ms=story.hole[1],
            attributes={"ticks": 2400, "why": "held up"},
        ),
        _event(
            story.oom_ms,
            EventKind.OOM_KILL,
            f"Memory of the machine ran out: a process was killed, which had {format_value(killed_bytes, 'By')}",
            severity=Severity.CRITICAL,
            names=(JAVA,),
            attributes={"process.pid": JAVA_PID, "memory": killed_bytes, "count": 1},
        ),
        _event(away, EventKind.STOP, "Vitalcast stopped", attributes={"clean": 1}),
        _started(back + SECOND_MS),
        _event(
            story.spike_ms,
            EventKind.LEVEL,
            "CPU 98 % for 25 s",
            severity=Severity.CRITICAL,
            end_ms=story.spike_end_ms,
            names=(GZIP,),
            attributes={"panel": "cpu", "value": 0.98},
        ),
    ]
    return [replace(one, source=source) for one in sorted(found, key=lambda one: one.time_ms)]


def stopped(time_ms: int, source: str) -> Event:
    """Return the end of the run that the past is of."""
    stop = _event(time_ms, EventKind.STOP, "Vitalcast stopped", attributes={"clean": 1})
    return replace(stop, source=source)


def _boot() -> dict[str, str]:
    boot = clocks.boot().partition(" ")[0]
    return {"boot.id": boot} if boot else {}


def _started(time_ms: int) -> Event:
    title = f"Vitalcast {__version__} started"
    return _event(time_ms, EventKind.START, title, attributes={"version": __version__} | _boot())


def _event(
    time_ms: int,
    kind: EventKind,
    title: str,
    *,
    severity: Severity = Severity.INFO,
    end_ms: int | None = None,
    names: tuple[str, ...] = (),
    attributes: Mapping[str, str | int | float] | None = None,
) -> Event:
    id_ = f"{time_ms * IDS_PER_MS + len(kind.value):014x}"
    return Event(id_, "", time_ms, kind, severity, title, end_ms, names, attributes or {})
