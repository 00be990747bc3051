from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from vitalcast.collectors.roster import Roster


def test_a_name_is_in_while_it_matters_and_for_a_quarter_of_an_hour_after() -> None:
    roster = Roster(least=1.0)
    assert roster.update({"gzip": 2.0, "idle": 0.5}, 0.0) == ["gzip"]
    assert roster.update({"gzip": 2.0}, 30.0) == ["gzip"]
    assert roster.update({"gzip": 0.0}, 35.0) == ["gzip"]
    assert roster.update({}, 929.9) == ["gzip"]
    assert roster.update({}, 930.0) == []


def test_where_it_is_full_who_comes_waits_until_one_has_been_at_rest_for_a_minute() -> None:
    roster = Roster(least=1.0, top=2, room=3)
    assert set(roster.update({"a": 1, "b": 2, "c": 3}, 0.0)) == {"c", "b"}
    assert set(roster.update({"d": 5, "e": 4}, 5.0)) == {"c", "b", "d"}
    assert set(roster.update({"e": 4}, 59.0)) == {"c", "b", "d"}
    assert len(names := set(roster.update({"e": 4}, 60.0))) == 3
    assert names > {"d", "e"}


def test_names_that_are_made_up_are_let_in_slowly() -> None:
    roster = Roster(least=1.0, stay_s=5.0)
    seen: set[str] = set()
    for second in range(0, 3600, 5):
        seen |= set(roster.update({f"made-up-{second}": 9.0, "old": 5.0}, float(second)))
    assert "old" in seen
    assert len(seen) <= 101


@given(st.lists(st.dictionaries(st.sampled_from("abcdefgh"), st.floats(0, 10)), max_size=40))
def test_whoever_is_in_stays_a_minute_and_there_are_never_too_many(rounds: list[dict[str, float]]) -> None:
    roster = Roster(least=1.0, top=2, room=4)
    shown = [roster.update(amounts, 5.0 * index) for index, amounts in enumerate(rounds)]
    assert all(len(names) == len(set(names)) <= 4 for names in shown)
    for index, (before, now) in enumerate(pairwise(shown), 1):
        for name in set(before) - set(now):
            assert all(name in earlier for earlier in shown[max(0, index - 12) : index])
        for name in set(now) - set(before):
            assert rounds[index][name] >= 1.0
