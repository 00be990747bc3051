"""The flood gate, on a clock of the test's own."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vitalcast.core.stream.flood_gate import FloodGate


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def test_a_full_second_is_admitted_at_once_and_then_as_much_as_is_earned() -> None:
    clock = Clock()
    gate = FloodGate(10, clock)
    assert [gate.admit() for _ in range(12)] == [True] * 10 + [False] * 2
    assert gate.refused == 2
    clock.now_s += 0.2
    assert [gate.admit() for _ in range(3)] == [True, True, False]
    assert gate.refused == 1


def test_a_dear_answer_is_earned_before_the_next_message_is_read() -> None:
    clock = Clock()
    gate = FloodGate(10, clock)
    assert gate.admit()
    gate.charge(29)
    clock.now_s += 2
    assert not gate.admit()
    clock.now_s += 0.1
    assert gate.admit()


steps = st.lists(st.one_of(st.just("message"), st.floats(0, 3), st.integers(0, 40)), max_size=200)


@given(st.integers(1, 50), steps)
def test_in_any_while_no_more_is_admitted_or_refused_with_words_than_the_rate_and_a_second_more(
    rate: int, plan: list[str | float | int]
) -> None:
    clock = Clock()
    gate = FloodGate(rate, clock)
    admitted = refusals = 0
    for step in plan:
        if step == "message":
            if gate.admit():
                admitted += 1
                assert gate.refused == 0
            else:
                assert gate.refused > 0
                refusals += gate.may_refuse()
        elif isinstance(step, int):
            gate.charge(step)
        elif isinstance(step, float):
            clock.now_s += step
        bound = rate * (clock.now_s - 1000.0 + 1) + 1e-6
        assert admitted <= bound
        assert refusals <= bound
