"""Asks a past who used the machine, at a moment or over a window."""

from __future__ import annotations

from collections.abc import Collection

from vitalcast.core.processes.answer import ProcessAnswer, ProcessRequest, at_moment, over_window
from vitalcast.core.processes.course import course_of
from vitalcast.core.processes.moment import NEAR_MS
from vitalcast.core.query.past import Past


def who_at(past: Past, at_ms: int, request: ProcessRequest, *, hidden_ms: int = 0) -> ProcessAnswer:
    """Answer for a moment; what was recorded up to `hidden_ms` is not looked at.

    Raises ValueError for a column that there is none of, and what a Past raises.
    """
    near = past.processes(max(at_ms - NEAR_MS, hidden_ms), at_ms + NEAR_MS)
    return at_moment(near, at_ms, request)


def course_between(past: Past, pids: Collection[int], start_ms: int, end_ms: int, points: int) -> ProcessAnswer:
    """Answer what the processes of some pids did in (start_ms, end_ms]. Raises what a Past raises."""
    return course_of(past.processes(start_ms, end_ms, pids=pids), pids, start_ms, end_ms, points)


def who_between(past: Past, start_ms: int, end_ms: int, request: ProcessRequest) -> ProcessAnswer:
    """Answer for (start_ms, end_ms]. Raises ValueError for a column that there is none of, and what a Past raises."""
    return over_window(past.process_usage(start_ms, end_ms), start_ms, end_ms, request)
