"""Patterns and selections: NATS's grammar over dotted names."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitalcast.core.metrics.model import Descriptor, Kind, Series
from vitalcast.core.metrics.names import NameIndex, Selection, check_pattern

tokens = st.sampled_from(["system", "cpu", "io", "a", "b1"])
names = st.lists(tokens, min_size=1, max_size=5).map(".".join)


@st.composite
def patterns(draw: st.DrawFn) -> str:
    parts = draw(st.lists(tokens | st.just("*"), min_size=0, max_size=4))
    if draw(st.booleans()) or not parts:
        parts.append(">")
    return ".".join(parts)


def reference_match(pattern: str, name: str) -> bool:
    """Match token by token, as NATS's documentation describes it."""
    wanted, given_ = pattern.split("."), name.split(".")
    for position, token in enumerate(wanted):
        if token == ">":
            return len(given_) > position
        if position >= len(given_) or token not in ("*", given_[position]):
            return False
    return len(wanted) == len(given_)


@given(patterns(), names)
def test_matching_agrees_with_a_walk_over_the_tokens(pattern: str, name: str) -> None:
    assert Selection.of([pattern]).matches_name(name) == reference_match(pattern, name)


@given(st.lists(patterns(), min_size=1, max_size=8), st.sets(names, max_size=8))
def test_an_index_finds_the_names_that_any_of_the_patterns_means(wanted: list[str], known: set[str]) -> None:
    assert NameIndex(known).matching(wanted) == {
        name for name in known if any(reference_match(pattern, name) for pattern in wanted)
    }


def test_patterns_longer_than_every_name_are_not_even_split() -> None:
    index = NameIndex(["system.cpu.time"])
    assert index.matching(["*.*.*.>", "*.*.*.*", ".".join("*" * 120)]) == set()
    assert index.matching(["*.*.>", "x.y.z"]) == {"system.cpu.time"}


@given(st.text(max_size=40))
def test_any_text_is_a_pattern_or_a_clear_error(text: str) -> None:
    try:
        check_pattern(text)
    except ValueError as error:
        assert str(error)


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("", "1 to 256"),
        ("system..cpu", "''"),
        ("system.>.cpu", "last token"),
        ("system cpu", "'system cpu'"),
        ("a." * 32 + "a", "at most 32 tokens"),
        ("system.cpu*", "'cpu*'"),
        ("a" * 257, "257"),
    ],
)
def test_a_malformed_pattern_is_named(pattern: str, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        Selection.of([pattern])


def test_order_and_repetition_make_no_difference() -> None:
    left = Selection.of(["b", "a", "b"], {"k": ["y", "x"], "j": ["z"]})
    right = Selection.of(["a", "b"], {"j": ["z"], "k": ["x", "y", "x"]})
    assert left == right
    assert hash(left) == hash(right)


def test_where_asks_for_one_of_the_values_of_every_key() -> None:
    io = Descriptor("system.network.io", "By", Kind.COUNTER, "", ("network.interface.name", "network.io.direction"))
    eth_in, eth_out, lo_in = (Series(io, pair) for pair in (("eth0", "rx"), ("eth0", "tx"), ("lo", "rx")))
    selection = Selection.of(["system.>"], {"network.interface.name": ["eth0", "eth1"], "network.io.direction": ["rx"]})
    assert [selection.matches(one) for one in (eth_in, eth_out, lo_in)] == [True, False, False]
    assert not Selection.of(["system.>"], {"cpu.mode": ["user"]}).matches(eth_in)


@pytest.mark.parametrize("name", ["my..x", ".", "", "my.", ".my", "my.*", "my.>", "my.\x1b[31m", "x" * 10_000])
def test_a_name_that_nobody_checked_costs_the_others_nothing(name: str) -> None:
    index = NameIndex([name, "my.x", "system.load"])
    assert index.matching(["system.load", "my.x"]) == {"system.load", "my.x"}
    assert index.matching(["system.*"]) == {"system.load"}
    assert index.matching(["*"]) <= {name}
    assert {"my.x"} <= index.matching(["my.*"]) <= {"my.x", name}
    assert {"my.x", "system.load"} <= index.matching(["*.>"]) <= {"my.x", "system.load", name}
