"""How many processes there are in each state, and how many were created."""

from __future__ import annotations

from collections import Counter

from vitalcast.collectors.base import Collector
from vitalcast.collectors.declaration import Declaration
from vitalcast.collectors.process_scan import SHARED_S, ProcessScanner
from vitalcast.collectors.procfs import number, open_if_readable
from vitalcast.core.metrics.model import Descriptor, Kind, Sample
from vitalcast.machine import HERE, Roots

COUNT = Descriptor(
    "system.process.count",
    "{process}",
    Kind.UPDOWNCOUNTER,
    # "blocked" is not among the conventions' states, but tells a hanging disk from an idle machine.
    "Processes by state; a blocked process waits for a device and cannot be interrupted.",
    ("process.state",),
)
CREATED = Descriptor("system.process.created", "{process}", Kind.COUNTER, "Processes created since boot.")

DESCRIPTORS = (COUNT, CREATED)

STATES = ("running", "sleeping", "blocked", "stopped", "defunct")


class ProcessCollector(Collector):
    """Counts the processes of a scan that others share. Only Linux tells how many were created."""

    name = "process"
    cadence_s = 5.0

    def __init__(self, *, roots: Roots = HERE, scanner: ProcessScanner | None = None) -> None:
        super().__init__()
        self._scanner = scanner or ProcessScanner(roots)
        self._scanner.check()
        self._stat = open_if_readable(roots.procfs / "stat", is_one_record=True)
        self.descriptors = DESCRIPTORS if self._stat else (COUNT,)

    def collect(self, now_s: float) -> list[Sample]:
        scan = self._scanner.scan(now_s, max_age_s=SHARED_S)
        states = Counter(process.state for process in scan.processes.values())
        samples = [self.sample(COUNT, states[state], state) for state in STATES]
        if self._stat is not None:
            samples.append(self.sample(CREATED, number(self._stat.read(), b"\nprocesses ")))
        return samples


COLLECTORS = (
    Declaration(
        ProcessCollector.name, DESCRIPTORS, lambda setup: ProcessCollector(roots=setup.roots, scanner=setup.scanner)
    ),
)
