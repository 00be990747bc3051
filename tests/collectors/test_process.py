from __future__ import annotations

from pathlib import Path

from tests.collectors.support import PSUTIL, by_key, write_proc
from tests.collectors.test_process_source import stat_line

from vitalcast.collectors.process import COUNT, ProcessCollector


def test_every_state_is_counted_also_when_it_has_none(tmp_path: Path) -> None:
    proc = write_proc(
        tmp_path,
        {
            "stat": "cpu  1 2 3\nbtime 1795370392\nprocesses 3178\nprocs_running 2\n",
            "uptime": "1000.00 1.0\n",
            "1/stat": stat_line(1, "init", state="S"),
            "2/stat": stat_line(2, "a) R (b", state="D"),
            "3/stat": stat_line(3, "worker", state="I"),
            "4/stat": stat_line(4, "dead", state="Z"),
            "5/stat": "5 (gar",
            "6/stat": b"6 (b\xff\n) Z) R 1\n",  # cut off
            "net/stat": "not a process",
            "\N{SUPERSCRIPT TWO}/stat": stat_line(2, "not one either"),
        },
    )
    assert by_key(ProcessCollector(roots=proc).collect(1.0)) == {
        'system.process.count{process.state="running"}': 0,
        'system.process.count{process.state="sleeping"}': 2,
        'system.process.count{process.state="blocked"}': 1,
        'system.process.count{process.state="stopped"}': 0,
        'system.process.count{process.state="defunct"}': 1,
        "system.process.created": 3178,
    }


def test_without_proc_only_the_states_are_known() -> None:
    collector = ProcessCollector(roots=PSUTIL)
    assert collector.descriptors == (COUNT,)
    assert sum(sample.value for sample in collector.collect(1.0)) > 1
