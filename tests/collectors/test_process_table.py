from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.collectors.support import write_files, write_proc
from tests.collectors.test_process_source import HZ, PAGE, stat_line

from vitalcast.collectors.base import TableQuery, TableRows
from vitalcast.collectors.process_scan import ProcessScanner
from vitalcast.collectors.process_source import Process, PsutilSource
from vitalcast.collectors.process_table import ProcessTable
from vitalcast.errors import CollectorError
from vitalcast.machine import Roots

IO = "rchar: 9\nread_bytes: {}\nwrite_bytes: {}\n"


class FixedSource(PsutilSource):
    """Lists the given processes."""

    def __init__(self, processes: list[Process]) -> None:
        self.processes = processes

    def scan(self) -> dict[int, Process]:
        return {process.pid: process for process in self.processes}


@pytest.fixture
def proc(tmp_path: Path) -> Roots:
    return write_proc(
        tmp_path,
        {
            "stat": "",
            "uptime": "1000.00 1.0\n",
            "1/stat": stat_line(1, "init", ticks=10 * HZ, pages=100),
            "2/stat": stat_line(2, "web", ticks=20 * HZ, pages=300, threads=8, started=500 * HZ),
            "3/stat": stat_line(3, "db", ticks=5 * HZ, pages=200, threads=4, started=600 * HZ),
            "3/io": IO.format(0, 0),
        },
    )


def read(table: ProcessTable, sort: str, now_s: float, limit: int = 10) -> list[dict[str, object]]:
    (answer,) = table.read([TableQuery(sort, limit)], now_s)
    return [dict(zip((column.name for column in table.columns), row, strict=True)) for row in answer.rows]


def names(answer: TableRows) -> list[object]:
    return [row[1] for row in answer.rows]


def test_rows_are_sorted_and_cut(proc: Roots) -> None:
    table = ProcessTable(roots=proc)
    by_memory, by_name = table.read([TableQuery("memory", 2), TableQuery("name", 10)], 1.0)
    assert names(by_memory) == ["web", "db"]
    assert names(by_name) == ["db", "init", "web"]
    assert table.read([TableQuery("name", 0)], 2.0) == [TableRows([], 3, 3)]
    assert table.read([], 3.0) == []


def test_both_directions_can_be_asked_for_and_what_is_unknown_comes_last_in_both(proc: Roots) -> None:
    table = ProcessTable(roots=proc)
    up, down = table.read([TableQuery("memory", 9, descending=False), TableQuery("name", 9, descending=True)], 1.0)
    assert (names(up), names(down)) == (["init", "db", "web"], ["web", "init", "db"])
    read(table, "read", 2.0)
    for descending in (True, False):
        (answer,) = table.read([TableQuery("read", 9, descending)], 4.0)
        assert names(answer) == ["db", "init", "web"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("web", ["web"]),
        ("WEB", ["web"]),
        ("i", ["init"]),
        ("3", ["db"]),
        ("b", ["db", "web"]),
        (".", []),
        ("no one", []),
    ],
)
def test_a_filter_finds_plain_text_in_names_and_pids(
    proc: Roots, text: str, found: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    table = ProcessTable(roots=proc)
    monkeypatch.setattr(table._source, "user", lambda pid: None)
    (answer,) = table.read([TableQuery("name", 9, filter=text)], 1.0)
    assert (names(answer), answer.matches, answer.total) == (found, len(found), 3)


def test_a_filter_finds_users_and_what_lies_beyond_the_limit(proc: Roots) -> None:
    table = ProcessTable(roots=proc)
    write_files(proc.rootfs, {"etc/passwd": f"ann:x:{os.getuid()}:0::/:/bin/sh\n"})
    (answer,) = table.read([TableQuery("memory", 1, filter="ann")], 1.0)
    assert (names(answer), answer.matches, answer.total) == (["web"], 3, 3)


def test_the_rows_of_some_keys_can_be_asked_for_and_the_ended_are_left_out(proc: Roots) -> None:
    (answer,) = ProcessTable(roots=proc).read([TableQuery("pid", 9, keys=frozenset({1, 3, 99}))], 1.0)
    assert (names(answer), answer.matches, answer.total) == (["db", "init"], 2, 3)


def test_values_are_in_base_units(proc: Roots) -> None:
    web = read(ProcessTable(roots=proc), "memory", 1.0)[0]
    assert (web["pid"], web["threads"], web["memory"], web["age"]) == (2, 8, 300 * PAGE, 500.0)


def test_cpu_is_unknown_at_first_and_then_the_share_of_one_cpu(proc: Roots) -> None:
    table = ProcessTable(roots=proc)
    assert [row["cpu"] for row in read(table, "cpu", 10.0)] == [None, None, None]
    write_files(
        proc.procfs,
        {
            "2/stat": stat_line(2, "web", ticks=23 * HZ, started=500 * HZ),
            "3/stat": stat_line(3, "db", ticks=6 * HZ, started=600 * HZ),
            "uptime": "1002.00 1.0\n",
        },
    )
    assert [(row["name"], row["cpu"]) for row in read(table, "cpu", 12.0)] == [
        ("web", 1.5),
        ("db", 0.5),
        ("init", 0.0),
    ]


def test_a_process_that_started_since_has_used_all_its_time_since(proc: Roots) -> None:
    table = ProcessTable(roots=proc)
    read(table, "cpu", 10.0)
    write_files(proc.procfs, {"4/stat": stat_line(4, "new", ticks=HZ, started=1001 * HZ), "uptime": "1002.00 1.0\n"})
    first = read(table, "cpu", 12.0)[0]
    assert (first["name"], first["cpu"]) == ("new", 0.5)


def test_a_pid_that_is_used_again_is_another_process(proc: Roots) -> None:
    table = ProcessTable(roots=proc)
    read(table, "cpu", 10.0)
    write_files(proc.procfs, {"2/stat": stat_line(2, "again", ticks=HZ, started=1001 * HZ), "uptime": "1002.00 1.0\n"})
    first = read(table, "cpu", 12.0)[0]
    assert (first["name"], first["cpu"]) == ("again", 0.5)


def test_readings_in_quick_succession_compare_with_an_older_one(proc: Roots) -> None:
    table = ProcessTable(roots=proc)
    read(table, "cpu", 10.0)
    write_files(proc.procfs, {"2/stat": stat_line(2, "web", ticks=22 * HZ, started=500 * HZ)})
    assert read(table, "cpu", 12.0)[0]["cpu"] == 1.0
    assert read(table, "cpu", 12.0)[0]["cpu"] == 1.0
    assert read(table, "cpu", 12.4)[0]["cpu"] == pytest.approx(0.83, abs=0.01)


def test_disk_rates_are_known_from_the_second_reading_where_they_may_be_read(proc: Roots) -> None:
    table = ProcessTable(roots=proc)
    assert [row["read"] for row in read(table, "read", 10.0)] == [None, None, None]
    write_files(proc.procfs, {"3/io": IO.format(4096, 1024)})
    rows = read(table, "write", 12.0)
    assert [(row["name"], row["read"], row["write"]) for row in rows] == [
        ("db", 2048.0, 512.0),
        ("init", None, None),  # unknown comes last
        ("web", None, None),
    ]


def test_counters_that_began_anew_are_no_rate(proc: Roots) -> None:
    table = ProcessTable(roots=proc)
    write_files(proc.procfs, {"3/io": IO.format(4096, 1024)})
    read(table, "read", 10.0)
    write_files(proc.procfs, {"3/io": IO.format(0, 2048)})
    assert {(row["read"], row["write"]) for row in read(table, "read", 12.0)} == {(None, None)}


def test_a_process_of_unknown_age_has_no_share_at_first(proc: Roots) -> None:
    table = ProcessTable(roots=proc)
    read(table, "cpu", 10.0)
    write_files(proc.procfs, {"4/stat": stat_line(4, "old", ticks=9 * HZ, started=90000 * HZ)})
    (row,) = [row for row in read(table, "cpu", 12.0) if row["name"] == "old"]
    assert (row["cpu"], row["age"]) == (None, None)
    assert [row["name"] for row in read(table, "age", 14.0)][-1] == "old"


def test_what_the_system_hides_is_unknown_and_comes_last(proc: Roots) -> None:
    scanner = ProcessScanner(proc)
    table = ProcessTable(scanner=scanner)
    hidden = Process(1, "secret", "sleeping", None, None, None, 0.0)
    scanner._source = FixedSource([hidden, hidden._replace(pid=2, name="open", cpu_s=1.0, memory_bytes=5)])
    read(table, "cpu", 1.0)
    for sort in ("cpu", "memory"):
        rows = read(table, sort, 2.0)
        assert [(row["name"], row["cpu"], row["memory"]) for row in rows] == [("open", 0.0, 5), ("secret", None, None)]


def test_users_can_be_sorted_by(proc: Roots) -> None:
    assert len(read(ProcessTable(roots=proc), "user", 1.0)) == 3


def test_command_lines_are_hidden_unless_asked_for(proc: Roots) -> None:
    write_files(proc.procfs, {"2/cmdline": "web\0--password\0hunter2\0"})
    hidden, shown = ProcessTable(roots=proc), ProcessTable(roots=proc, command_line=True)
    assert not [row for row in read(hidden, "memory", 1.0) if "hunter2" in str(row)]
    assert "command" not in [column.name for column in hidden.columns]
    assert read(shown, "memory", 1.0)[0]["command"] == "web --password hunter2"
    with pytest.raises(CollectorError, match="no column 'command'"):
        read(hidden, "command", 2.0)
    # A filter that searched what is hidden would tell it letter by letter.
    for table, found in ((hidden, []), (shown, ["web"])):
        (answer,) = table.read([TableQuery("pid", 9, filter="hunter")], 3.0)
        assert names(answer) == found


def test_idle_threads_of_the_kernel_are_folded_where_that_is_wanted(tmp_path: Path) -> None:
    threads = {f"{pid}/stat": stat_line(pid, f"kworker/{pid}", parent=2, pages=0) for pid in (10, 11)}
    kthreadd = {"2/stat": stat_line(2, "kthreadd", parent=0, pages=0)}
    init = {"1/stat": stat_line(1, "init", pages=100)}
    table = ProcessTable(
        roots=write_proc(tmp_path, {"stat": "", "uptime": "1000.00 1.0\n"} | init | kthreadd | threads)
    )
    table.read([], 1.0)
    write_files(tmp_path, {"11/stat": stat_line(11, "kworker/11", parent=2, pages=0, ticks=HZ)})
    folded, whole = table.read([TableQuery("pid", 9, fold=True), TableQuery("pid", 9)], 2.0)
    assert (names(folded), folded.folded, folded.matches, folded.total) == (["kworker/11", "init"], 2, 4, 4)
    assert (len(whole.rows), whole.folded) == (4, 0)


def test_an_unknown_column_is_refused_by_name(proc: Roots) -> None:
    with pytest.raises(CollectorError, match="no column 'size'; known: pid, name"):
        read(ProcessTable(roots=proc), "size", 1.0)
