"""What a grant covers is decided by grammar alone, and never says more than matching does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitalcast.core.metrics.model import Descriptor, Kind, Series
from vitalcast.core.metrics.names import Selection
from vitalcast.core.stream.grants import Grant
from vitalcast.core.vocabulary import ErrorCode, Scope
from vitalcast.errors import ProtocolError

TOKEN = st.sampled_from(["a", "b", "c"])
NAME = st.lists(TOKEN, min_size=1, max_size=4).map(".".join)
PATTERN = st.tuples(st.lists(TOKEN | st.just("*"), max_size=3), TOKEN | st.sampled_from(["*", ">"])).map(
    lambda parts: ".".join([*parts[0], parts[1]])
)
VALUES = st.lists(st.sampled_from(["x", "y"]), min_size=1, max_size=2, unique=True)
WHERE = st.dictionaries(st.sampled_from(["p", "q"]), VALUES, max_size=2)
SELECTION = st.builds(Selection.of, st.lists(PATTERN, min_size=1, max_size=3), WHERE)


@pytest.mark.parametrize(
    ("outer", "inner", "contained"),
    [
        ("system.>", "system.cpu.*", True),
        ("system.>", "system.>", True),
        ("system.cpu.*", "system.cpu.>", False),
        ("system.*", "system.>", False),
        ("system.cpu.utilization", "system.cpu.utilization", True),
        ("system.cpu.utilization", "system.cpu.*", False),
        (">", "*", True),
        ("system.>", "system", False),
        ("*.cpu", "system.cpu", True),
        ("system.*", "*.cpu", False),
    ],
)
def test_a_pattern_contains_another(outer: str, inner: str, contained: bool) -> None:
    assert Selection.of([outer]).contains(Selection.of([inner])) is contained


def test_a_restriction_contains_only_what_is_restricted_as_much() -> None:
    some = Selection.of(["a"], {"p": ["x", "y"]})
    assert some.contains(Selection.of(["a"], {"p": ["x"], "q": ["z"]}))
    assert not some.contains(Selection.of(["a"], {"p": ["x", "z"]}))
    assert not some.contains(Selection.of(["a"]))


@given(
    st.lists(SELECTION, max_size=3),
    SELECTION,
    NAME,
    st.fixed_dictionaries({"p": st.sampled_from("xyz"), "q": st.sampled_from("xyz")}),
)
def test_whoever_may_have_a_selection_may_see_all_that_it_matches(
    granted: list[Selection], wanted: Selection, name: str, attributes: dict[str, str]
) -> None:
    grant = Grant(Scope.STREAM, within=tuple(granted))
    descriptor = Descriptor(name, "1", Kind.GAUGE, "", ("p", "q"))
    series = Series(descriptor, tuple(attributes.values()))
    if grant.covers(wanted) and wanted.matches(series):
        assert grant.allows(series)
        assert grant.allows_name(name)


def test_what_lies_outside_is_named_pattern_by_pattern() -> None:
    grant = Grant(Scope.EMBED, within=(Selection.of(["a.>"]), Selection.of(["b", "c"], {"p": ["x"]})))
    assert grant.outside(Selection.of(["a.b", "a.*", "b"])) == ("b",)
    assert grant.outside(Selection.of(["a.b", "b", "*"], {"p": ["x"]})) == ("*",)
    assert grant.covers(Selection.of(["a.b", "b"], {"p": ["x"]}))


def test_without_limits_everything_may_be_seen() -> None:
    grant = Grant(Scope.VIEW)
    assert grant.covers(Selection.of([">"]))
    assert grant.allows_table("processes")
    assert grant.allows_panel("cpu")
    assert not grant.expired(2**60)


def test_a_table_is_a_subject_among_others() -> None:
    grant = Grant(Scope.STREAM, within=(Selection.of(["system.>"]), Selection.of(["table.processes"])))
    assert grant.allows_table("processes")
    assert not Grant(Scope.STREAM, within=(Selection.of(["system.>"]),)).allows_table("processes")


LOAD = Descriptor("process.cpu.utilization", "1", Kind.GAUGE, "", ("process.executable.name",))
OWN = Descriptor("process.cpu.utilization", "1", Kind.GAUGE, "", ("cpu.mode",))
NGINX, VITALCAST = Series(LOAD, ("nginx",)), Series(OWN, ("user",))


@pytest.mark.parametrize(
    ("within", "sees"), [(None, True), (["process.>"], False), (["process.>", "table.processes"], True), ([">"], True)]
)
def test_names_of_programs_and_users_need_the_process_table(within: list[str] | None, sees: bool) -> None:
    grant = Grant(Scope.EMBED, within=None if within is None else (Selection.of(within),))
    wanted = Selection.of(["process.>"])
    assert grant.sees_names is sees
    assert (grant.allows(NGINX), grant.narrowed(wanted).matches(NGINX)) == (sees, sees)
    assert grant.allows(VITALCAST) and grant.narrowed(wanted).matches(VITALCAST)
    assert grant.covers(grant.narrowed(wanted))


def test_what_can_name_nobody_is_the_same_subscription_for_everybody() -> None:
    grant = Grant(Scope.EMBED, within=(Selection.of(["system.>", "process.*"]),))
    for patterns in (["system.cpu.*"], ["system.load", "hw.>", "vitalcast.*"]):
        wanted = Selection.of(patterns)
        assert grant.narrowed(wanted) is wanted
    for patterns in (["system.load", "process.*"], [">"], ["*.load"]):
        assert grant.narrowed(Selection.of(patterns)).without


def test_no_further_back_is_looked_than_may_be() -> None:
    assert Grant(Scope.VIEW).reach_s(10**9) == 10**9
    grant = Grant(Scope.EMBED, since_s=900)
    assert (grant.reach_s(60), grant.reach_s(3600)) == (60, 900)


def test_a_range_begins_where_may_be_looked() -> None:
    assert Grant(Scope.VIEW).start_ms(0, 1000, 10**12) == 0
    grant = Grant(Scope.EMBED, since_s=900)
    assert grant.start_ms(0, 2_000_000, 1_000_000) == 100_000
    assert grant.start_ms(500_000, 600_000, 1_000_000) == 500_000
    assert grant.start_ms(0, 100_001, 1_000_000) == 100_000


@pytest.mark.parametrize(("end_ms", "shift_ms"), [(100_000, 0), (100_001, 1), (1_000_000, 900_000)])
def test_a_range_longer_ago_than_may_be_looked_is_denied_shifted_or_not(end_ms: int, shift_ms: int) -> None:
    with pytest.raises(ProtocolError, match="this token sees 15m back") as caught:
        Grant(Scope.EMBED, since_s=900).start_ms(0, end_ms, 1_000_000, shift_ms=shift_ms)
    assert caught.value.code == ErrorCode.DENIED


def test_a_range_that_is_shifted_begins_so_much_later() -> None:
    assert Grant(Scope.EMBED, since_s=900).start_ms(0, 1_000_000, 1_000_000, shift_ms=300_000) == 400_000


def test_an_end_is_the_first_moment_without() -> None:
    grant = Grant(Scope.EMBED, expires_ms=1000)
    assert not grant.expired(999)
    assert grant.expired(1000)
