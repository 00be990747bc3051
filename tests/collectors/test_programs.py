from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.collectors.support import PSUTIL, by_key, write_files, write_proc
from tests.collectors.test_process_source import HZ, PAGE, stat_line

from vitalcast.collectors.process_scan import ProcessScanner
from vitalcast.collectors.programs import ProgramsCollector
from vitalcast.core.metrics.model import Sample
from vitalcast.machine import Roots

IO = "rchar: 9\nread_bytes: {}\nwrite_bytes: {}\n"
MIB = 2**20 // PAGE


@pytest.fixture
def proc(tmp_path: Path) -> Roots:
    return write_proc(
        tmp_path,
        {
            "stat": "cpu  0 0 0 0 0 0 0\n",
            "uptime": "1000.00 1.0\n",
            "1/stat": stat_line(1, "init", pages=5 * MIB),
            "2/stat": stat_line(2, "kthreadd"),
            "3/stat": stat_line(3, "python", pages=20 * MIB),
            "3/io": IO.format(0, 0),
            "4/stat": stat_line(4, "python", pages=30 * MIB),
            "4/io": IO.format(0, 0),
        },
    )


def kernel_thread(pid: int, name: str, **fields: int) -> str:
    return stat_line(pid, name, **fields).replace(") S 1 ", ") S 2 ")


def values(samples: list[Sample], metric: str) -> dict[str, float]:
    """Return the values of a metric by the rest of the key."""
    found = {key: value for key, value in by_key(samples).items() if key.startswith(f"{metric}{{")}
    return {key.removeprefix(metric).replace("process.executable.name=", ""): value for key, value in found.items()}


def test_processes_of_a_program_are_one_and_all_together_are_what_was_busy(proc: Roots) -> None:
    write_files(proc.procfs, {"2/stat": stat_line(2, "kthreadd").replace(") S 1 ", ") S 0 ")})
    collector = ProgramsCollector(roots=proc)
    collector.collect(10.0)
    files: dict[str, str | bytes] = {
        "stat": f"cpu  {5 * HZ} 0 {HZ} {4 * HZ - HZ // 2} 0 {HZ // 4} {HZ // 4}\n",
        "3/stat": stat_line(3, "python", pages=20 * MIB, ticks=3 * HZ),
        "4/stat": stat_line(4, "python", pages=30 * MIB, ticks=HZ),
        "1/stat": stat_line(1, "init", pages=5 * MIB, ticks=HZ // 100),
        "5/stat": kernel_thread(5, "kworker/u8:3-events", ticks=HZ // 2, started=1001 * HZ),
        "uptime": "1002.00 1.0\n",
    }
    write_files(proc.procfs, files)
    samples = collector.collect(15.0)
    cpu = values(samples, "process.cpu.utilization")
    # Of six seconds that processes were charged, 4.51 can be named and the rest is too much for chance; interrupts
    # took half a second more.
    assert cpu == {
        '{"python"}': 0.4,
        '{"kworker"}': 0.05,
        '{"(short-lived)"}': 0.149,
        '{"(others)"}': 0.051,
    }
    assert sum(cpu.values()) == pytest.approx(0.65)
    assert values(samples, "process.memory.usage") == {'{"python"}': 50 * 2**20, '{"(others)"}': 5 * 2**20}


def test_disk_bytes_are_rates_by_direction(proc: Roots) -> None:
    collector = ProgramsCollector(roots=proc)
    first = collector.collect(10.0)
    assert values(first, "process.cpu.utilization") == values(first, "process.disk.io.rate") == {}
    write_files(proc.procfs, {"3/io": IO.format(50_000, 0), "3/stat": stat_line(3, "python", ticks=1)})
    write_files(proc.procfs, {"4/io": IO.format(25_000, 100_000), "4/stat": stat_line(4, "python", ticks=1)})
    assert {key: value for key, value in by_key(collector.collect(15.0)).items() if "disk" in key} == {
        'process.disk.io.rate{disk.io.direction="read",process.executable.name="python"}': 15_000,
        'process.disk.io.rate{disk.io.direction="write",process.executable.name="python"}': 20_000,
        'process.disk.io.rate{disk.io.direction="read",process.executable.name="(others)"}': 0,
        'process.disk.io.rate{disk.io.direction="write",process.executable.name="(others)"}': 0,
    }


def test_children_that_nobody_saw_are_short_lived(proc: Roots) -> None:
    collector = ProgramsCollector(roots=proc)
    collector.collect(10.0)
    reaped = stat_line(3, "python", pages=20 * MIB).replace(" 0 0 5 6 20 ", f" 0 0 {5 + 2 * HZ} 6 20 ")
    assert reaped != stat_line(3, "python", pages=20 * MIB)
    write_files(proc.procfs, {"stat": f"cpu  {3 * HZ} 0 0 {7 * HZ}\n", "3/stat": reaped})
    cpu = values(collector.collect(15.0), "process.cpu.utilization")
    assert cpu == {'{"(short-lived)"}': 0.2, '{"(others)"}': 0.1}


def test_a_program_that_ended_stays_in_with_nothing_for_as_long_as_live_charts_reach(proc: Roots) -> None:
    collector = ProgramsCollector(roots=proc)
    collector.collect(10.0)
    (proc.procfs / "3" / "stat").unlink()
    (proc.procfs / "4" / "stat").unlink()
    assert values(collector.collect(15.0), "process.memory.usage") == {'{"python"}': 0, '{"(others)"}': 5 * 2**20}
    assert values(collector.collect(900.0), "process.memory.usage") == {'{"python"}': 0, '{"(others)"}': 5 * 2**20}
    assert values(collector.collect(980.0), "process.memory.usage") == {'{"(others)"}': 5 * 2**20}


def test_a_scan_that_is_shared_gives_the_same_again(proc: Roots) -> None:
    scanner = ProcessScanner(proc)
    collector = ProgramsCollector(roots=proc, scanner=scanner)
    collector.collect(10.0)
    samples = collector.collect(15.0)
    assert collector.collect(16.0) == samples != []


def test_a_program_cannot_pass_for_the_others(proc: Roots) -> None:
    write_files(proc.procfs, {"3/stat": stat_line(3, "(others)", pages=20 * MIB)})
    memory = values(ProgramsCollector(roots=proc).collect(10.0), "process.memory.usage")
    assert memory == {'{"python"}': 30 * 2**20, r'{"\\x28others)"}': 20 * 2**20, '{"(others)"}': 5 * 2**20}


def test_without_proc_programs_are_known_too() -> None:
    collector = ProgramsCollector(roots=PSUTIL)
    collector.collect(time.monotonic())
    until_s = time.process_time() + 0.3
    while time.process_time() < until_s:
        pass
    cpu = values(collector.collect(time.monotonic() + 3), "process.cpu.utilization")
    assert max(cpu, key=lambda name: cpu[name]) != '{"(others)"}'


def test_short_commands_one_after_the_other_are_seen() -> None:
    collector = ProgramsCollector()
    collector.collect(time.monotonic())
    work = "import time\nwhile time.process_time() < 0.15: pass"
    begin_s = time.monotonic()
    for _ in range(4):
        subprocess.run([sys.executable, "-c", work], check=True)
    elapsed_s = time.monotonic() - begin_s
    samples = collector.collect(max(time.monotonic(), begin_s + 3))
    cpu = values(samples, "process.cpu.utilization")
    assert cpu['{"(short-lived)"}'] * (os.cpu_count() or 1) * elapsed_s >= 0.4
    assert sum(cpu.values()) <= 1.001
