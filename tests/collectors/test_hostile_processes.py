"""Whatever /proc says of processes, it is recorded as something that can be, or not at all."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.collectors.support import write_proc
from tests.collectors.test_process_source import stat_line

from vitalcast.collectors.process_scan import ProcessScanner
from vitalcast.collectors.process_snapshot import SnapshotTaker
from vitalcast.collectors.programs import ProgramsCollector
from vitalcast.history.process_blocks import pack, unpack

numbers = st.integers(-(2**70), 2**70) | st.integers(0, 10**6)
names = st.text(max_size=20) | st.sampled_from(["(others)", "(short-lived)", "kthreadd", "a) R 1 (b"])
stats = st.builds(
    lambda name, state, ticks, pages, started, parent, children: (
        stat_line(7, name, state=state, ticks=ticks, pages=pages, started=started)
        .replace(f") {state} 1 ", f") {state} {parent} ")
        .replace(" 0 5 6 20 ", f" 0 {children} 6 20 ")
        .encode("utf-8", "replace")
    ),
    *(names, st.sampled_from("RSDZTXI"), numbers, numbers, numbers, numbers, numbers),
)
ios = st.builds(
    lambda read, written: f"rchar: 1\nread_bytes: {read}\nwrite_bytes: {written}\n".encode(), numbers, numbers
)
anything = st.binary(max_size=60)
files = st.fixed_dictionaries(
    {},
    optional={
        name: text
        for pid in (1, 2, 7, 8)
        for name, text in (
            (f"{pid}/stat", stats | anything),
            (f"{pid}/io", ios | anything),
            (f"{pid}/cgroup", st.builds(lambda path: b"0::/" + path, anything) | anything),
            (f"{pid}/cmdline", anything),
        )
    }
    | {
        "stat": st.builds(
            lambda some: ("cpu " + " ".join(map(str, some)) + "\n").encode(), st.lists(numbers, max_size=9)
        )
    },
)


@settings(max_examples=60, deadline=None)
@given(st.lists(files, min_size=2, max_size=4))
def test_what_is_recorded_of_hostile_processes_can_be(looks: list[dict[str, bytes]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        always = {"uptime": "1000 1\n", "stat": "cpu 1 2 3 4\n", "9/stat": stat_line(9, "x")}
        roots = write_proc(Path(folder), always)
        scanner = ProcessScanner(roots)
        taker, programs = SnapshotTaker(scanner, top=3, command_line=True), ProgramsCollector(scanner=scanner)
        for now_s, look in enumerate(looks):
            write_proc(Path(folder), look)
            _, snapshot = taker.take(5.0 * now_s)
            for sample in programs.collect(5.0 * now_s):
                assert 0 <= sample.value < math.inf
                assert sample.series.values[0].isprintable()
            if snapshot is None:
                continue
            for row in snapshot.rows:
                assert all(amount is None or 0 <= amount < math.inf for amount in (row.cpu, row.read, row.write))
                assert all(text is None or text.isprintable() for text in (row.name, row.user, row.unit, row.command))
            (kept,) = unpack(pack([snapshot]))
            assert kept[:2] == snapshot[:2]
            assert len(kept.rows) == len(snapshot.rows)
