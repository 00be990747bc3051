from __future__ import annotations

import math
from collections import defaultdict
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitalcast.core.processes.answer import ProcessAnswer, ProcessRequest, at_moment
from vitalcast.core.processes.answer import over_window as over_parts
from vitalcast.core.processes.snapshot import ENDED, ProcessRow, ProcessSnapshot
from vitalcast.core.processes.usage import add_up, sum_up

START_MS = 1_790_000_000_000


def row(
    pid: int = 1,
    name: str = "init",
    *,
    started: int = START_MS - 60_000,
    cpu: float | None = 0.5,
    memory: int | None = 1000,
    read: float | None = None,
    write: float | None = None,
    state: str = "sleeping",
    user: str | None = "root",
    unit: str | None = None,
    command: str | None = None,
) -> ProcessRow:
    return ProcessRow(pid, started, 0, name, user, unit, 1, state, cpu, memory, read, write, command)


def snapshot(index: int, *rows: ProcessRow, interval_ms: int = 5000) -> ProcessSnapshot:
    return ProcessSnapshot(START_MS + (index + 1) * interval_ms, interval_ms, rows)


def over_window(past: list[ProcessSnapshot], start_ms: int, end_ms: int, request: ProcessRequest) -> ProcessAnswer:
    return over_parts([sum_up(past)], start_ms, end_ms, request)


def table(answer: ProcessAnswer) -> list[dict[str, object]]:
    names = [column.name for column in answer.columns]
    return [dict(zip(names, cells, strict=True)) for cells in answer.rows]


amounts = st.none() | st.floats(0, 1e9)
rows = st.builds(
    row,
    pid=st.integers(1, 4),
    name=st.sampled_from(["gzip", "python", "init"]),
    started=st.sampled_from([START_MS - 60_000, START_MS + 4_000]),
    cpu=st.none() | st.floats(0, 8),
    memory=st.none() | st.integers(0, 2**40),
    read=amounts,
    write=amounts,
    state=st.sampled_from(["running", ENDED]),
)
pasts = st.lists(st.lists(rows, max_size=4, unique_by=lambda one: one.pid), max_size=12).map(
    lambda all_: [snapshot(index, *one) for index, one in enumerate(all_)]
)


@given(pasts)
def test_a_window_sums_what_each_process_used(past: list[ProcessSnapshot]) -> None:
    seen: dict[tuple[int, int], list[tuple[ProcessSnapshot, ProcessRow]]] = defaultdict(list)
    for one in past:
        for each in one.rows:
            seen[each.pid, each.started_ms].append((one, each))
    used = sum_up(past)
    assert used.covered_ms == 5000 * len(past)
    assert {(one.newest.pid, one.newest.started_ms) for one in used.processes} == seen.keys()
    for one in used.processes:
        found = seen[one.newest.pid, one.newest.started_ms]
        alive = [each for _, each in found if each.state != ENDED]
        for got, values in (
            (one.cpu_s, [each.cpu for each in alive]),
            (one.read, [each.read for each in alive]),
            (one.write, [each.write for each in alive]),
        ):
            known = [value for value in values if value is not None]
            assert got == (pytest.approx(5 * math.fsum(known)) if known else None)
        assert one.cpu_peak == max((each.cpu for each in alive if each.cpu is not None), default=None)
        assert one.memory_peak == max((each.memory for each in alive if each.memory is not None), default=None)
        assert one.last_ms == found[-1][0].time_ms
        assert one.first_ms == max(found[0][0].time_ms - 5000, min(one.newest.started_ms, found[0][0].time_ms))
        assert one.ended or not any(each.state == ENDED for _, each in found)


@given(pasts, st.lists(st.integers(0, 12), max_size=3))
def test_parts_of_a_window_come_to_the_whole(past: list[ProcessSnapshot], cuts: list[int]) -> None:
    bounds = [0, *sorted(cuts), len(past)]
    parts = [sum_up(past[low:high]) for low, high in pairwise(bounds)]
    together, whole = add_up(parts), sum_up(past)
    assert (together.covered_ms, together.interval_ms) == (whole.covered_ms, whole.interval_ms)
    for one, other in zip(together.processes, whole.processes, strict=True):
        assert one[1:6:4] == pytest.approx(other[1:6:4], nan_ok=True) or None in one[1:6:4]
        assert (one[2], one[3], *one[6:]) == (other[2], other[3], *other[6:])
        assert (one.newest.pid, one.newest.started_ms) == (other.newest.pid, other.newest.started_ms)
        assert one.newest == other.newest


@given(
    pasts,
    st.sampled_from(["pid", "name", "cpu", "memory", "read", "started", "state"]),
    st.none() | st.booleans(),
    st.sampled_from(["", "i", "PY", "2"]),
    st.integers(0, 5),
    st.integers(-10_000, 70_000),
)
def test_a_moments_rows_are_filtered_sorted_and_cut(
    past: list[ProcessSnapshot], sort: str, descending: bool | None, text: str, limit: int, at: int
) -> None:
    answer = at_moment(past, START_MS + at, ProcessRequest(sort, descending, text, limit))
    holding = [one for one in past if one.time_ms - 5000 < START_MS + at <= one.time_ms]
    if holding:
        assert (answer.end_ms, answer.interval_ms) == (holding[0].time_ms, 5000)
        everything = [
            each
            for each in holding[0].rows
            if text.casefold() in each.name or text.casefold() in str(each.user) or text in str(each.pid)
        ]
        assert answer.matches == len(everything)
    assert len(answer.rows) == min(limit, answer.matches)
    values = [each[sort] for each in table(answer)]
    known = [value for value in values if value is not None]
    falls = descending if descending is not None else sort not in {"name", "state"}
    assert known == sorted(known, reverse=falls)  # type: ignore[type-var]
    assert values[len(known) :] == [None] * (len(values) - len(known))


def test_the_moment_between_two_snapshots_is_told_by_the_nearest_and_none_from_afar() -> None:
    past = [snapshot(0, row(1)), snapshot(9, row(2))]
    first_ms, last_ms = past[0].time_ms, past[1].time_ms
    for at_ms, pids in (
        (first_ms, [1]),
        (first_ms - 4999, [1]),
        (first_ms + 10_000, [1]),
        (first_ms + 10_001, []),
        (last_ms - 15_000, []),
        (last_ms - 14_000, [2]),
    ):
        assert [cells[0] for cells in at_moment(past, at_ms, ProcessRequest()).rows] == pids


def test_the_second_time_that_a_clock_passes_a_moment_counts() -> None:
    past = [snapshot(0, row(1)), snapshot(1, row(2)), snapshot(0, row(3))]
    assert [cells[0] for cells in at_moment(past, START_MS + 3000, ProcessRequest()).rows] == [3]


def test_a_window_says_who_has_ended() -> None:
    past = [
        snapshot(0, row(1, "killed"), row(2, "replaced"), row(3, "alive")),
        snapshot(1, row(1, "killed", state=ENDED, cpu=None), row(2, "next", started=START_MS + 6000)),
    ]
    found = table(over_window(past, START_MS, START_MS + 10_000, ProcessRequest(sort="name")))
    assert [(one["name"], one["ended"], one["first"]) for one in found] == [
        ("alive", False, START_MS),
        ("killed", True, START_MS),
        ("next", False, START_MS + 6000),
        ("replaced", True, START_MS),
    ]


def test_a_restart_does_not_make_two_of_one_process() -> None:
    past = [snapshot(0, row(7, started=START_MS - 60_000)), snapshot(1, row(7, started=START_MS - 60_013))]
    (one,) = table(over_window(past, START_MS, START_MS + 10_000, ProcessRequest()))
    assert (one["cpu"], one["cpu_peak"], one["ended"]) == (0.5, 0.5, False)


def test_the_mean_is_of_what_was_recorded() -> None:
    past = [snapshot(0, row(1, cpu=1.0)), snapshot(1, row(2, cpu=2.0))]
    found = table(over_window(past, START_MS - 3_600_000, START_MS + 10_000, ProcessRequest()))
    assert [(one["pid"], one["cpu"], one["cpu_peak"]) for one in found] == [(2, 1.0, 2.0), (1, 0.5, 1.0)]


def test_command_lines_are_shown_and_searched_only_on_request() -> None:
    past = [snapshot(0, row(1, "web", command="web --password hunter2"))]
    hidden, shown = ProcessRequest(filter="hunter"), ProcessRequest(filter="hunter", command=True)
    for ask in (
        lambda request: at_moment(past, START_MS + 5000, request),
        lambda request: over_window(past, START_MS, START_MS + 5000, request),
    ):
        assert ask(hidden).rows == []
        assert "command" not in [column.name for column in ask(hidden).columns]
        assert [cells[-1] for cells in ask(shown).rows] == ["web --password hunter2"]


def test_units_are_searched() -> None:
    past = [snapshot(0, row(1, unit="nginx.service"), row(2))]
    assert [cells[0] for cells in at_moment(past, START_MS + 5000, ProcessRequest(filter="nginx")).rows] == [1]


def test_sorting_by_memory_means_its_peak_over_a_window() -> None:
    past = [snapshot(0, row(1, memory=5), row(2, memory=9)), snapshot(1, row(1, memory=20), row(2, memory=1))]
    window = over_window(past, START_MS, START_MS + 10_000, ProcessRequest(sort="memory"))
    moment = at_moment(past, START_MS + 10_000, ProcessRequest(sort="memory_peak", descending=False))
    assert ([cells[0] for cells in window.rows], [cells[0] for cells in moment.rows]) == ([1, 2], [2, 1])


def test_an_unknown_column_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="sort: 'size' is not one of pid, name"):
        at_moment([], START_MS, ProcessRequest(sort="size"))
    with pytest.raises(ValueError, match="sort: 'threads' is not one of pid, name"):
        over_window([], START_MS, START_MS + 1, ProcessRequest(sort="threads"))
