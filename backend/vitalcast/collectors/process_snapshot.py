"""Takes down the processes that used most of the machine, scan by scan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from heapq import nlargest
from typing import NamedTuple

from vitalcast.collectors.process_scan import ProcessScanner, Scan
from vitalcast.collectors.process_source import Process
from vitalcast.collectors.process_usage import ProcessesUsed, used_between
from vitalcast.core.processes.snapshot import ENDED, ProcessRow, ProcessSnapshot

COMMAND_CHARS_MAX = 500  # a command line may have megabytes
_DETAILS_EVERY = 12  # snapshots: a user or a unit hardly ever changes


class _Details(NamedTuple):
    """What costs a look at the process itself; `of` is the process as it was then."""

    of: Process
    user: str | None
    unit: str | None
    command: str | None


class SnapshotTaker:
    """Makes a snapshot of the `top` processes each by CPU, memory, bytes read and bytes written since the last.

    Called from a worker thread, never twice at the same time. What costs a look at a process is asked once of each, and
    again now and then. A process that was in a snapshot is in one more, as `ended`, when it has ended: this is how one
    knows that it did.
    """

    def __init__(self, scanner: ProcessScanner, *, top: int, command_line: bool = False) -> None:
        self._scanner = scanner
        self._top = top
        self._command_line = command_line
        self._before: Scan | None = None
        self._recorded: dict[int, ProcessRow] = {}  # of those that go on
        self._details: dict[int, _Details] = {}
        self._turn = 0

    def check(self) -> None:
        """Raise OSError where there are no processes to be seen."""
        self._scanner.check()

    def take(self, now_s: float, *, max_age_s: float = 0.0) -> tuple[float, ProcessSnapshot | None]:
        """Return when the processes were scanned, and what they used since the last time; None the first time.

        `now_s` is monotonic; a scan that is at most so old may be used. Raises OSError.
        """
        scan = self._scanner.scan(now_s, max_age_s=max_age_s, io=True)
        before = self._before
        self._before = scan
        if before is None or scan.taken_s <= before.taken_s:
            return scan.taken_s, None
        return scan.taken_s, self._snapshot(scan, used_between(before, scan))

    def _snapshot(self, scan: Scan, used: ProcessesUsed) -> ProcessSnapshot:
        self._turn = (self._turn + 1) % _DETAILS_EVERY
        ended = self._ended(scan.processes)
        rows = [self._row(scan.processes[pid], used) for pid in _top(scan.processes, used, self._top)]
        self._recorded.update((row.pid, row) for row in rows)
        total_cpu = None if used.whole is None else round(used.whole.busy_s / used.interval_s, 4)
        return ProcessSnapshot(scan.time_ms, round(used.interval_s * 1000), (*rows, *ended), total_cpu)

    def _ended(self, processes: Mapping[int, Process]) -> list[ProcessRow]:
        """Return the last rows of those recorded ones that are no more."""
        ended = []
        for pid, row in list(self._recorded.items()):
            process = processes.get(pid)
            if process is None or self._started_ms(process) != row.started_ms:
                ended.append(row._replace(state=ENDED, threads=None, cpu=None, memory=None, read=None, write=None))
                del self._recorded[pid]
                self._details.pop(pid, None)
        return ended

    def _row(self, process: Process, used: ProcessesUsed) -> ProcessRow:
        details = self._details_of(process)
        cpu_s = used.cpu_s.get(process.pid, 0.0)
        moved = used.io.get(process.pid)
        return ProcessRow(
            process.pid,
            self._started_ms(process),
            process.parent or 0,
            process.name,
            details.user,
            details.unit,
            process.threads,
            process.state,
            None if cpu_s is None else round(cpu_s / used.interval_s, 4),
            process.memory_bytes,
            None if moved is None else float(round(moved[0] / used.interval_s)),
            None if moved is None else float(round(moved[1] / used.interval_s)),
            details.command,
        )

    def _details_of(self, process: Process) -> _Details:
        pid, known = process.pid, self._details.get(process.pid)
        if known is not None and (known.of.started_s, known.of.name) != (process.started_s, process.name):
            known = None  # it is another program now
        if known is None or pid % _DETAILS_EVERY == self._turn:
            now = self._look_at(process)
            if known is not None:  # one that is ending says no more where it ran
                now = _Details(process, now.user or known.user, now.unit or known.unit, now.command or known.command)
            known = self._details[pid] = now
        return known

    def _look_at(self, process: Process) -> _Details:
        pid, source = process.pid, self._scanner.source
        command = (source.command(pid) or "")[:COMMAND_CHARS_MAX] or None if self._command_line else None
        return _Details(process, source.user(pid), source.unit(pid), command)

    def _started_ms(self, process: Process) -> int:
        return round(self._scanner.source.start_ms + process.started_s * 1000)


def _top(processes: Mapping[int, Process], used: ProcessesUsed, top: int) -> Iterable[int]:
    """Return the pids of those that used most of anything, by CPU and then by memory."""
    cpu_s = {pid: amount for pid, amount in used.cpu_s.items() if amount}
    memory = {pid: process.memory_bytes for pid, process in processes.items() if process.memory_bytes}
    chosen = dict.fromkeys(_most(cpu_s, top))
    chosen |= dict.fromkeys(_most(memory, top))
    for direction in (0, 1):
        chosen |= dict.fromkeys(_most({pid: moved[direction] for pid, moved in used.io.items()}, top))
    return chosen


def _most(amounts: Mapping[int, float], top: int) -> list[int]:
    """Return the pids with the greatest amounts above nothing; the lower pid of equals."""
    some = ((amount, -pid) for pid, amount in amounts.items() if amount > 0)
    return [-pid for _, pid in nlargest(top, some)]
