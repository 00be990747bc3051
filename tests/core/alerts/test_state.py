"""Rules fire after their time, keep firing for theirs, and never take a missing value for good news."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitalcast.core.alerts.rule import Limit, Rule, Severity
from vitalcast.core.alerts.state import LimitState, Phase, RuleState

NAN = math.nan


def phases(limit: Limit, values: list[float], step_ms: int = 1000) -> list[Phase]:
    state, out = LimitState(), []
    for at, value in enumerate(values):
        state = state.after(limit, value, at * step_ms)
        out.append(state.phase)
    return out


def warning(threshold: float = 10.0, **times: float | int | None) -> Limit:
    return Limit(Severity.WARNING, threshold, **times)  # type: ignore[arg-type]  # a test's short form


OK, PENDING, FIRING, RESOLVED, NO_DATA = Phase


def test_without_a_time_the_first_value_fires_and_the_first_below_resolves() -> None:
    assert phases(warning(), [9, 10, 12, 9, 9]) == [OK, FIRING, FIRING, RESOLVED, RESOLVED]


def test_a_value_must_exceed_the_limit_for_its_whole_time() -> None:
    assert phases(warning(for_ms=2000), [10, 10, 9, 10, 10, 10]) == [PENDING, PENDING, OK, PENDING, PENDING, FIRING]


def test_what_fires_goes_on_until_it_falls_below_recover() -> None:
    assert phases(warning(recover=8.0), [10, 9, 8, 7.9, 9]) == [FIRING, FIRING, FIRING, RESOLVED, RESOLVED]


def test_what_fires_is_kept_for_its_time() -> None:
    assert phases(warning(keep_ms=3000), [10, 1, 1, 1]) == [FIRING, FIRING, FIRING, RESOLVED]
    assert phases(warning(keep_ms=3000), [10, 1, 1, 10, 1, 1]) == [FIRING] * 6


def test_a_missing_value_resolves_nothing() -> None:
    assert phases(warning(), [10, NAN, NAN, 10]) == [FIRING, NO_DATA, NO_DATA, FIRING]
    assert phases(warning(), [10, NAN, NAN, 9]) == [FIRING, NO_DATA, NO_DATA, RESOLVED]


def test_what_fires_again_after_missing_values_is_the_same_incident() -> None:
    limit = warning(for_ms=1000)
    state = LimitState()
    for at, value in enumerate([10, 10, NAN, 10]):
        state = state.after(limit, value, at * 1000)
    assert (state.phase, state.fired_ms) == (FIRING, 1000)


def test_a_missing_value_starts_what_is_pending_anew() -> None:
    assert phases(warning(for_ms=2000), [10, 10, NAN, 10, 10]) == [PENDING, PENDING, NO_DATA, PENDING, PENDING]


def test_parts_that_add_up_to_a_limit_exceed_it() -> None:
    assert phases(warning(0.3), [0.1 + 0.1 + 0.1 - 1e-16]) == [FIRING]


def test_each_severity_has_its_own_time_and_the_worst_is_the_level() -> None:
    rule = Rule((Limit(Severity.WARNING, 10, for_ms=1000), Limit(Severity.CRITICAL, 20, for_ms=3000)))
    state, levels = RuleState.of(rule), []
    for at, value in enumerate([25, 25, 25, 25, 15, 5, NAN]):
        state = state.after(rule, value, at * 1000)
        levels.append(state.level(rule))
    warns, critical = Severity.WARNING, Severity.CRITICAL
    assert levels == [None, warns, warns, critical, warns, None, None]
    assert not state.has_data


def test_a_value_that_changes_nothing_makes_no_new_state() -> None:
    rule = Rule((Limit(Severity.WARNING, 10),))
    state = RuleState.of(rule).after(rule, 1.0, 0)
    assert state.after(rule, 2.0, 1000) is state


def test_one_value_alone_is_judged_by_the_worst_limit_that_it_exceeds() -> None:
    rule = Rule((Limit(Severity.WARNING, 10, for_ms=5000), Limit(Severity.CRITICAL, 20)))
    assert [rule.judge(value) for value in (9, 10, 20, NAN)] == [None, Severity.WARNING, Severity.CRITICAL, None]


def test_limits_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="recover: 11 is above the threshold, 10"):
        warning(recover=11.0)
    with pytest.raises(ValueError, match="0 or more"):
        warning(for_ms=-1)
    with pytest.raises(ValueError, match="warning before critical"):
        Rule((Limit(Severity.CRITICAL, 2), Limit(Severity.WARNING, 1)))
    with pytest.raises(ValueError, match="each severity once"):
        Rule((Limit(Severity.WARNING, 1), Limit(Severity.WARNING, 2)))


# --- against a reference that looks at the whole past anew for each moment ------------------------------------------


def fires(limit: Limit, past: list[tuple[int, float]]) -> bool:
    """Say whether a limit fires after these moments, the newest last."""
    time_ms, value = past[-1]
    if math.isnan(value):
        return False
    if fired_before(limit, past[:-1]):
        held = [time for time, one in past[:-1] if one >= recover_of(limit)]
        return value >= recover_of(limit) or time_ms - held[-1] < limit.keep_ms
    unbroken = time_ms
    for time, one in reversed(past):
        if not one >= limit.threshold:
            break
        unbroken = time
    return value >= limit.threshold and time_ms - unbroken >= limit.for_ms


def fired_before(limit: Limit, past: list[tuple[int, float]]) -> bool:
    """Say whether it fired at the newest of these moments that has a value."""
    known = [at for at, (_, value) in enumerate(past) if not math.isnan(value)]
    return bool(known) and fires(limit, past[: known[-1] + 1])


def recover_of(limit: Limit) -> float:
    return limit.threshold if limit.recover is None else limit.recover


LIMITS = st.builds(
    lambda threshold, slack, for_ms, keep_ms: Limit(Severity.WARNING, threshold, for_ms, keep_ms, threshold - slack),
    st.sampled_from((2.0, 3.0)),
    st.sampled_from((0.0, 1.0)),
    st.sampled_from((0, 1000, 2500)),
    st.sampled_from((0, 1000, 2500)),
)
MOMENTS = st.lists(
    st.tuples(st.sampled_from((100, 1000, 3000)), st.sampled_from((0.0, 1.0, 2.0, 3.0, NAN))), min_size=1, max_size=12
)


@given(LIMITS, MOMENTS)
def test_a_limit_fires_when_the_whole_past_says_so(limit: Limit, moments: list[tuple[int, float]]) -> None:
    state, past, now_ms = LimitState(), [], 0
    for step_ms, value in moments:
        now_ms += step_ms
        past.append((now_ms, value))
        state = state.after(limit, value, now_ms)
        assert (state.phase is FIRING) == fires(limit, past)
        assert (state.phase is NO_DATA) == math.isnan(value)
        assert state.phase is not RESOLVED or not fires(limit, past)


@given(LIMITS, MOMENTS)
def test_nothing_is_resolved_by_a_missing_value(limit: Limit, moments: list[tuple[int, float]]) -> None:
    state, now_ms = LimitState(), 0
    for step_ms, value in moments:
        now_ms += step_ms
        before, state = state, state.after(limit, value, now_ms)
        if state.phase is RESOLVED and before.phase is not RESOLVED:
            assert not math.isnan(value)
            assert before.fired_ms is not None


@given(LIMITS, LIMITS, MOMENTS)
def test_a_rule_is_what_each_of_its_limits_is(one: Limit, other: Limit, moments: list[tuple[int, float]]) -> None:
    limits = (one, replace(other, severity=Severity.CRITICAL))
    rule, now_ms = Rule(limits), 0
    state, each = RuleState.of(rule), [LimitState(), LimitState()]
    for step_ms, value in moments:
        now_ms += step_ms
        state = state.after(rule, value, now_ms)
        each = [before.after(limit, value, now_ms) for limit, before in zip(limits, each, strict=True)]
        assert list(state.limits) == each


@given(
    LIMITS,
    st.lists(st.tuples(st.sampled_from((100, 1000, 3000)), st.floats(1.5, 3.5, width=16)), min_size=1, max_size=200),
)
def test_no_noise_about_a_threshold_changes_a_level_oftener_than_its_times_allow(
    limit: Limit, moments: list[tuple[int, float]]
) -> None:
    """From one time that it begins to fire to the next, both times have passed."""
    state, begun, now_ms = LimitState(), [], 0
    for step_ms, value in moments:
        now_ms += step_ms
        before, state = state, state.after(limit, value, now_ms)
        if state.phase is FIRING and before.phase is not FIRING:
            begun.append(now_ms)
    assert all(later - earlier >= limit.for_ms + limit.keep_ms for earlier, later in pairwise(begun))
