"""Ranges and moments of a request, by whoever asks."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.requests import Request

from vitalcast.core.stream.grants import Grant
from vitalcast.core.vocabulary import Scope
from vitalcast.errors import ApiError
from vitalcast.web.edge.moments import Range, moment_of, range_of

NOW_MS = 1_790_000_000_000
LIMITED = Grant(Scope.EMBED, since_s=3600)


def asking(query: str, grant: Grant | None = None) -> Request:
    state = {"grant": grant or Grant(Scope.VIEW)}
    scope: dict[str, Any] = {"type": "http", "query_string": query.encode(), "headers": [], "state": state}
    return Request(scope)


def asked(query: str, grant: Grant | None = None, **more: Any) -> Range:
    return range_of(asking(query, grant), NOW_MS, default_s=300, **more)


def refusal(query: str, grant: Grant | None = None, **more: Any) -> tuple[int, str]:
    with pytest.raises(ApiError) as caught:
        asked(query, grant, **more)
    return caught.value.status, caught.value.message


def test_without_a_wish_the_range_is_the_last_seconds() -> None:
    assert asked("")[:3] == (NOW_MS - 300_000, NOW_MS, False)


def test_a_start_alone_reaches_until_now_and_an_end_alone_is_its_last_seconds() -> None:
    assert asked("start=-1h")[:3] == (NOW_MS - 3_600_000, NOW_MS, False)
    assert asked("end=-1h")[:3] == (NOW_MS - 3_900_000, NOW_MS - 3_600_000, False)


def test_a_range_that_is_over_stays_the_same_only_where_no_end_of_it_moves() -> None:
    begin, end = NOW_MS - 7_200_000, NOW_MS - 3_600_000
    assert asked(f"start={begin}&end={end}")[:3] == (begin, end, True)
    assert asked("start=2026-09-21T12:00:00Z&end=2026-09-21T13:00:00Z").fixed
    for moving in (f"start=-2h&end={end}", f"start={begin}&end=-1h", f"start={begin}&end=now", f"start={begin}"):
        assert not asked(moving).fixed
    assert asked(f"start={begin}&end={NOW_MS - 60_000}").fixed
    assert not asked(f"start={begin}&end={NOW_MS - 59_999}").fixed


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("start=soon", "start: 'soon' is no time; give Unix milliseconds, ISO 8601"),
        ("end=", "end: '' is no time; give "),
        ("start=now", f"start: {NOW_MS} is not before end, {NOW_MS}; give an earlier start"),
        ("start=-1h&end=-2h", "is not before end"),
        ("end=9999-12-31T23:59:59-12:00", "end: is past the year 9998; give "),
    ],
)
def test_what_is_no_range_is_told_what_would_be_right(query: str, said: str) -> None:
    status, message = refusal(query)
    assert status == 400
    assert said in message


def test_a_range_begins_no_earlier_than_its_caller_may_look() -> None:
    assert asked("start=-2h", LIMITED) == (NOW_MS - 3_600_000, NOW_MS, False, NOW_MS - 3_600_000)
    assert asked("start=-2h&end=-30m", LIMITED)[:3] == (NOW_MS - 3_600_000, NOW_MS - 1_800_000, False)
    assert refusal("start=-3h&end=-1h", LIMITED) == (403, "this token sees 1h back")
    assert refusal("start=-30m", LIMITED, shift_ms=3_600_000) == (403, "this token sees 1h back")


def test_what_is_cut_does_not_stay_the_same() -> None:
    begin, end = NOW_MS - 7_200_000, NOW_MS - 1_800_000
    assert not asked(f"start={begin}&end={end}", LIMITED).fixed
    assert asked(f"start={NOW_MS - 3_000_000}&end={end}", LIMITED).fixed


def test_a_moment_is_none_unless_it_is_asked_for() -> None:
    assert moment_of(asking(""), NOW_MS) is None
    assert moment_of(asking("at=-90s"), NOW_MS) == NOW_MS - 90_000
    assert moment_of(asking("at=-59m", LIMITED), NOW_MS) == NOW_MS - 59 * 60_000
    for query, status in (("at=1h", 400), ("at=-60m", 403)):
        with pytest.raises(ApiError) as caught:
            moment_of(asking(query, LIMITED), NOW_MS)
        assert caught.value.status == status
