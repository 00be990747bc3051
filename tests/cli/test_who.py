"""What a terminal and programs get of the processes of a time."""

from __future__ import annotations

from typing import Any

import pytest

from vitalcast.cli.who import Processes, csv_lines, fitting, heading, plain_lines, read_processes, shown
from vitalcast.core.processes.answer import ProcessRequest, at_moment, over_window
from vitalcast.core.processes.snapshot import ProcessRow, ProcessSnapshot
from vitalcast.core.processes.usage import sum_up
from vitalcast.errors import AskError

TIME_MS = 1_790_000_000_000


def snapshot(at_ms: int = TIME_MS) -> ProcessSnapshot:
    rows = tuple(
        ProcessRow(
            pid=100 + number,
            started_ms=TIME_MS - 3_600_000,
            parent=1,
            name=name,
            user=None if number else "root",
            unit="docker-0123456789ab.scope",
            threads=4,
            state="running",
            cpu=0.5 + number,
            memory=2**30,
            read=None,
            write=1024.0,
        )
        for number, name in enumerate(["gzip", "=cmd|' /C calc'!A0", "a\x1b[31m,b"])
    )
    return ProcessSnapshot(at_ms, 5000, rows)


def answer(*, window: bool = False) -> Processes:
    request = ProcessRequest()
    found = (
        over_window([sum_up([snapshot(), snapshot(TIME_MS + 5000)])], TIME_MS - 5000, TIME_MS + 5000, request)
        if window
        else at_moment([snapshot()], TIME_MS, request)
    )
    return read_processes(
        {
            "start": found.start_ms,
            "end": found.end_ms,
            "interval": found.interval_ms / 1000,
            "columns": [column._asdict() for column in found.columns],
            "rows": found.rows,
        }
    )


@pytest.mark.parametrize("window", [False, True])
@pytest.mark.parametrize("width", [10, 30, 60, 80, 120, 300])
def test_as_many_columns_are_shown_as_there_is_room_for(width: int, window: bool) -> None:
    found = answer(window=window)
    chosen = [found.columns[at][0] for at in fitting(found, width)]
    assert chosen[0] == "name"
    assert chosen[1:2] == (["cpu"] if width >= 30 else [])
    wide = sum(
        max(len(name), *(len(shown(row[at], *found.columns[at])) for row in found.rows)) + 2
        for at, name in ((at, found.columns[at][0]) for at in fitting(found, width))
    )
    assert wide <= max(width, 24) + 2 * len(chosen)
    if width == 300:
        assert set(chosen) == {name for name, _ in found.columns}


def test_the_narrowest_terminal_shows_by_what_processes_are_ordered() -> None:
    found = answer(window=True)
    assert [found.columns[at][0] for at in fitting(found, 38, "memory_peak")] == ["name", "memory_peak"]


def test_cells_are_shown_as_people_read_them() -> None:
    assert shown(0.5, "cpu", "1") == "50.0 %"
    assert shown(2**30, "memory", "By") == "1.00 GiB"
    assert shown(1024.0, "write", "By/s") == "1.00 KiB/s"
    assert shown(None, "read", "By/s") == "–"
    assert shown(True, "ended", "") == "yes"
    assert shown(1234567, "pid", "1") == "1234567"
    assert shown("a\x1b[31m", "name", "") == "a\\x1b[31m"


def test_lines_for_programs_hold_all_columns_and_no_control_characters() -> None:
    found = answer()
    lines = list(plain_lines(found))
    assert all(len(line.split("\t")) == len(found.columns) for line in lines)
    assert "\x1b" not in "".join(lines)
    assert lines[0].split("\t")[1] == "a\\x1b[31m,b"


def test_csv_names_its_columns_and_runs_in_no_spreadsheet() -> None:
    head, *rows = csv_lines(answer())
    assert head.startswith("pid,name,user,unit,parent,")
    assert any("'=cmd" in row for row in rows)
    assert not any(row.split(",")[1].startswith("=") for row in rows)


def test_the_heading_says_which_time_and_how_many() -> None:
    words = heading(answer()._replace(matches=50))
    assert words.endswith("3 of 50 processes that were among the top")


@pytest.mark.parametrize(
    "wrong",
    [{}, {"columns": [{"name": "pid"}]}, {"rows": [[1]]}, {"rows": 1}, {"rows": [[[]] * 12]}, {"interval": "x"}],
)
def test_what_is_no_answer_is_refused(wrong: dict[str, Any]) -> None:
    good = {"start": 0, "end": 0, "interval": 5, "columns": [], "rows": []}
    with pytest.raises(AskError, match="makes no sense"):
        read_processes(good | wrong if wrong else {})
