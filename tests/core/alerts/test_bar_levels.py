"""Bars are judged each by itself, and a panel of bars is as bad as its worst bar."""

from __future__ import annotations

import math

import numpy as np
import pytest

from vitalcast.core.alerts.bar_levels import BarLevels
from vitalcast.core.alerts.levels import Levels
from vitalcast.core.alerts.rule import Limit, Rule, Severity

RULE = Rule((Limit(Severity.WARNING, 0.85, 3000), Limit(Severity.CRITICAL, 0.95, 3000)))
KEYS = ("/", "/home")
NAN = math.nan


def judged(levels: BarLevels, *rows: tuple[float, ...], keys: tuple[str, ...] = KEYS, start: int = 1) -> list[bool]:
    """Judge a tick a second; return after which of them the panel's level was another."""
    return [levels.take(at, keys, row, at * 1000) for at, row in enumerate(rows, start)]


def test_the_panel_is_as_bad_as_its_worst_bar() -> None:
    levels = BarLevels(RULE)
    assert judged(levels, *[(0.99, 0.9)] * 5) == [True, False, False, True, False]
    assert levels.severity is Severity.CRITICAL
    assert (levels.bar_number("/"), levels.bar_number("/home")) == (2.0, 1.0)
    assert judged(levels, (0.1, 0.9), start=6) == [True]
    assert (levels.severity, levels.number) == (Severity.WARNING, 1.0)


def test_bars_that_are_full_by_turns_are_spikes() -> None:
    levels = BarLevels(RULE)
    judged(levels, *[(0.99, 0.1), (0.1, 0.99)] * 6)
    assert (levels.severity, levels.number) == (None, 0.0)


def test_each_bar_is_what_it_would_be_alone() -> None:
    rng = np.random.default_rng(5)
    rows = rng.choice([0.5, 0.86, 0.96, NAN], size=(400, 2), p=[0.1, 0.4, 0.4, 0.1])
    levels, alone, worst = BarLevels(RULE), [Levels(RULE), Levels(RULE)], []
    for at, row in enumerate(rows.tolist()):
        levels.take(at, KEYS, row, at * 1000)
        for one, value in zip(alone, row, strict=True):
            one.take(at, value, at * 1000)
        numbers = [one.number for one in alone]
        assert [levels.bar_number(key) for key in KEYS] == pytest.approx(numbers, nan_ok=True)
        worst.append(max((number for number in numbers if number >= 0), default=NAN))
    offsets = np.arange(len(rows))
    for key, one in zip(KEYS, alone, strict=True):
        assert np.array_equal(levels.bar_at(key, offsets), one.at(offsets), equal_nan=True)
    assert np.array_equal(levels.at(offsets), worst, equal_nan=True)
    assert {0.0, 1.0, 2.0} <= set(worst)


def test_a_bar_that_goes_says_nothing_and_goes_on_firing_when_it_is_back() -> None:
    levels = BarLevels(RULE)
    judged(levels, *[(0.5, 0.99)] * 5)
    assert judged(levels, (0.5,), keys=("/",), start=6) == [True]
    assert levels.severity is None
    assert math.isnan(levels.bar_number("/home"))
    assert judged(levels, (0.99, 0.5), keys=("/home", "/"), start=7) == [True]
    assert levels.bar_number("/home") == 2.0
    assert levels.bar_at("/home", np.array([3, 4, 6, 7])).tolist() == pytest.approx([0.0, 2.0, NAN, 2.0], nan_ok=True)


def test_only_so_many_bars_that_went_are_remembered() -> None:
    levels = BarLevels(RULE, gone_max=2)
    keys = tuple("abcd")
    judged(levels, *[(0.99,) * 4] * 5, keys=keys)
    judged(levels, (), keys=(), start=6)
    assert math.isnan(levels.number)
    judged(levels, (0.99,) * 4, keys=tuple("abcd"), start=7)
    assert [levels.bar_number(key) for key in keys] == [0.0, 0.0, 2.0, 2.0]


def test_nothing_is_known_of_a_bar_that_never_was() -> None:
    levels = BarLevels(RULE)
    assert math.isnan(levels.bar_number("/"))
    assert np.isnan(levels.bar_at("/", np.arange(3))).all()
