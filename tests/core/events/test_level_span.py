"""A level that is not good, as one span."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vitalcast.core.events.event import Severity
from vitalcast.core.events.level_span import LevelSpan, Reading, Turn

WALL_MS = 1_000_000_000
LEVELS = {"": None, "w": Severity.WARNING, "c": Severity.CRITICAL}


class Follower:
    """A span that is told a level each second."""

    def __init__(self, for_ms: int = 5000) -> None:
        self.span = LevelSpan(for_ms)
        self.second = 0

    def take(self, level: str, value: float = 0.9, whose: str = "") -> Turn | None:
        self.second += 1
        steady_ms = self.second * 1000
        known, severity = level != "?", LEVELS.get(level)
        return self.span.take(Reading(severity, value, whose, WALL_MS + steady_ms, steady_ms, known))

    def turns(self, levels: str) -> list[str]:
        """Return the turns of a level a second, `.` being good and `?` unknown, each with its second."""
        found = [(self.second + 1, self.take("" if level == "." else level)) for level in levels]
        return [f"{second} {turn.value}" for second, turn in found if turn is not None]


def test_it_began_before_its_level_was_shown_and_ended_when_it_was_good() -> None:
    one = Follower()
    assert one.turns("." * 9 + "w" * 20 + "." * 10) == ["10 begun", "35 ended"]
    assert (one.span.begun_ms, one.span.end_ms) == (WALL_MS + 5000, WALL_MS + 30_000)
    assert one.span.lasted_ms == 25_000
    assert not one.span.is_open


def test_it_did_not_begin_before_it_was_watched() -> None:
    one = Follower()
    one.span = LevelSpan(5000, watched_ms=3000)
    assert one.turns("...ww") == ["4 begun"]
    assert (one.span.begun_ms, one.span.lasted_ms) == (WALL_MS + 3000, 2000)
    assert one.turns("." * 80 + "w") == ["11 ended", "86 begun"]
    assert one.span.begun_ms == WALL_MS + 81_000


def test_it_is_as_bad_as_its_worst() -> None:
    one = Follower()
    one.take("w", 0.86, "a")
    assert one.take("c", 0.99, "b") is Turn.WORSE
    assert one.take("w", 0.88, "c") is None
    assert (one.span.severity, one.span.peak, one.span.whose) == (Severity.CRITICAL, 0.99, "b")


def test_what_flickers_goes_on_and_what_comes_back_soon_is_the_same() -> None:
    one = Follower(0)
    assert one.turns("w.w..w...w....w" + "." * 6) == ["1 begun", "21 ended"]
    assert one.turns("." * 50 + "c" + "." * 6) == ["72 resumed", "78 ended"]
    assert (one.span.times, one.span.severity, one.span.begun_ms) == (2, Severity.CRITICAL, WALL_MS + 1000)
    assert one.turns("." * 60 + "w") == ["139 begun"]
    assert (one.span.times, one.span.severity) == (1, Severity.WARNING)


def test_a_value_that_is_missing_is_no_good_news_but_one_that_stays_away_is_not_waited_for() -> None:
    one = Follower()
    assert one.turns("." * 9 + "ww" + "?" * 50 + "w") == ["10 begun"]
    assert one.turns("?" * 70) == ["122 ended"]
    assert one.span.end_ms == WALL_MS + 62_000
    assert one.turns("?" * 100) == []


def test_while_it_lasts_it_is_said_again_after_longer_and_longer() -> None:
    one = Follower()
    turns = one.turns("w" * 86_400)
    assert turns[:4] == ["1 begun", "56 lasts", "116 lasts", "236 lasts"]
    assert len(turns) < 15


@given(st.text(alphabet=".?wc", max_size=200), st.sampled_from((0, 2000, 5000)))
def test_whatever_the_levels_spans_begin_and_end_by_turns(levels: str, for_ms: int) -> None:
    one, is_open = Follower(for_ms), False
    for level in levels:
        turn = one.take("" if level == "." else level)
        assert (turn in (Turn.BEGUN, Turn.RESUMED)) == (not is_open and one.span.is_open)
        assert (turn is Turn.ENDED) == (is_open and not one.span.is_open)
        is_open = one.span.is_open
        if turn is not None:
            assert one.span.severity is not None
            assert one.span.times >= 1
            assert one.span.lasted_ms >= 0
        if turn is Turn.ENDED:
            assert one.span.begun_ms <= one.span.end_ms <= WALL_MS + one.second * 1000
