"""What one process did over a while: in steps, as far as it was recorded."""

from __future__ import annotations

from vitalcast.core.processes.course import COURSE_COLUMNS, course_of
from vitalcast.core.processes.snapshot import ENDED, ProcessRow, ProcessSnapshot

NAMES = [column.name for column in COURSE_COLUMNS]


def row(pid: int, cpu: float | None, *, started_ms: int = 0, state: str = "running", read: float = 10.0) -> ProcessRow:
    return ProcessRow(pid, started_ms, 1, "gzip", "root", None, 1, state, cpu, 4096, read, None)


def snapshot(time_ms: int, *rows: ProcessRow) -> ProcessSnapshot:
    return ProcessSnapshot(time_ms, 5000, rows)


def test_a_step_has_the_mean_the_peak_and_the_newest_of_what_was_recorded_in_it() -> None:
    taken = [snapshot(5000, row(7, 0.5), row(8, 1.0)), snapshot(10_000, row(7, 0.9)), snapshot(15_000, row(8, 1.0))]
    answer = course_of(taken, {7}, 0, 20_000, points=1)
    assert [dict(zip(NAMES, one, strict=True)) for one in answer.rows] == [
        {
            "time": 10_000, "cpu": 0.7, "cpu_peak": 0.9, "memory": 4096, "read": 10, "write": None, "threads": 1,
            "state": "running", "started": 0,
        }
    ]  # fmt: skip
    assert answer.interval_ms == 5000


def test_steps_without_it_are_left_out_and_an_end_is_said() -> None:
    gone = row(7, None, state=ENDED)
    taken = [snapshot(5000, row(7, 0.5)), snapshot(10_000, row(8, 1.0)), snapshot(15_000, gone)]
    answer = course_of(taken, {7}, 0, 15_000, points=3)
    assert [(one[0], one[1], one[7]) for one in answer.rows] == [(5000, 0.5, "running"), (15_000, None, "ended")]


def test_a_later_process_of_the_same_id_has_rows_of_its_own() -> None:
    taken = [snapshot(5000, row(7, 0.5)), snapshot(10_000, row(7, 0.1, started_ms=9000))]
    assert [(one[1], one[8]) for one in course_of(taken, {7}, 0, 10_000, points=1).rows] == [(0.5, 0), (0.1, 9000)]


def test_of_several_rows_begin_with_whose_they_are() -> None:
    taken = [snapshot(5000, row(7, 0.5), row(8, 1.0), row(9, 0.2)), snapshot(10_000, row(8, 0.5))]
    answer = course_of(taken, {7, 8}, 0, 10_000, points=1)
    assert [column.name for column in answer.columns] == ["pid", *NAMES]
    assert [one[:3] for one in answer.rows] == [(7, 5000, 0.5), (8, 10_000, 0.75)]
