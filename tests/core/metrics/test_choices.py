"""What a selection means, kept up change by change, is what looking at every series anew would find."""

from __future__ import annotations

import gc
from dataclasses import replace

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from vitalcast.core.metrics.catalogue import Catalogue
from vitalcast.core.metrics.choices import Choice, Choices
from vitalcast.core.metrics.frames import FrameBuilder
from vitalcast.core.metrics.model import Descriptor, Kind, Layout, Sample, Series
from vitalcast.core.metrics.names import Selection
from vitalcast.core.wire.messages import describe_series

DESCRIPTORS = [
    Descriptor(name, "1", Kind.GAUGE, "", attributes)
    for name, attributes in [
        ("a", ()),
        ("a.b", ("k",)),
        ("a.b.c", ("k", "j")),
        ("a.c", ("j",)),
        ("b.c.d.e", ("k",)),
    ]
] + [Descriptor("a.b", "By", Kind.GAUGE, "", ("k",))]  # in another unit it is another series
values = st.sampled_from(["x", "y", "z"])
labels = st.sampled_from([(), (("other", "x"),), (("other", "y"),), (("j", "z"), ("other", "x"))])
series = st.sampled_from(DESCRIPTORS).flatmap(
    lambda one: st.tuples(st.tuples(*[values] * len(one.attributes)), labels).map(lambda found: Series(one, *found))
)
tokens = st.sampled_from(["a", "b", "c", "d", "*"])
patterns = st.lists(tokens, min_size=1, max_size=4).map(".".join) | st.lists(tokens, max_size=3).map(
    lambda parts: ".".join([*parts, ">"])
)
selections = st.builds(
    lambda patterns, where, without: replace(Selection.of(patterns, where), without=without),
    st.lists(patterns, min_size=1, max_size=4),
    st.dictionaries(st.sampled_from(["k", "j", "other"]), st.lists(values, min_size=1, max_size=2), max_size=2),
    st.frozensets(st.sampled_from(["k", "j", "other"]), max_size=2),
)


def anew(selection: Selection, layout: Layout) -> list[tuple[Series, int]]:
    """Look at every series, as one would without an index."""
    found = [(one, column) for column, one in enumerate(layout.series) if one is not None and selection.matches(one)]
    return sorted(found, key=lambda entry: (entry[0].key, entry[0].descriptor.unit))


def places(choice: Choice) -> list[tuple[Series, int]]:
    return list(zip(choice.chosen.series, choice.chosen.columns.tolist(), strict=True))


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sets(series, max_size=12), min_size=1, max_size=8), st.lists(selections, max_size=6), st.data())
def test_change_by_change_is_as_looking_anew(
    ticks: list[set[Series]], wanted: list[Selection], data: st.DataObject
) -> None:
    known = data.draw(st.sets(st.sampled_from([one.name for one in DESCRIPTORS])))
    catalogue, frames, choices = (
        Catalogue(DESCRIPTORS),
        FrameBuilder(),
        Choices(known),
    )  # of which the rest is learnt as it comes
    held: dict[Selection, Choice] = {}
    for offset, there in enumerate(ticks):
        oldest = data.draw(st.integers(0, offset + 1))  # up to which columns are free again
        layout = catalogue.lay(frames.frame(offset + 1, 0, [Sample(one, 0.0) for one in there]), oldest).layout
        choices.follow(layout)
        for selection in data.draw(st.lists(st.sampled_from(wanted), max_size=2)) if wanted else ():
            if selection not in held:
                held[selection] = choices.of(selection)
            else:
                del held[selection]
        for selection, choice in held.items():
            assert places(choice) == anew(selection, layout)


def machine(*disks: str) -> Layout:
    return Layout(tuple(Series(DESCRIPTORS[1], (disk,)) for disk in disks))


def test_selections_that_mean_the_same_share_it() -> None:
    choices = Choices([one.name for one in DESCRIPTORS])
    layout = machine("x", "y")
    choices.follow(layout)
    one, other = choices.of(Selection.of(["a.>"])), choices.of(Selection.of(["*.b", "a.b"]))
    assert one.chosen is other.chosen
    choices.follow(Layout((*layout.series, Series(DESCRIPTORS[1], ("z",)))))
    assert one.chosen is other.chosen
    assert len(one.chosen.series) == 3


def test_what_a_change_does_not_concern_is_left_alone() -> None:
    choices = Choices([one.name for one in DESCRIPTORS])
    layout = machine("x", "y")
    choices.follow(layout)
    concerned, not_by_name = choices.of(Selection.of(["a.b"])), choices.of(Selection.of(["a.c"]))
    not_by_value = choices.of(Selection.of(["a.b"], {"k": ["x"]}))
    before = [one.chosen for one in (concerned, not_by_name, not_by_value)]
    choices.follow(Layout((*layout.series, Series(DESCRIPTORS[1], ("z",)))))
    after = [one.chosen for one in (concerned, not_by_name, not_by_value)]
    assert [a is b for a, b in zip(before, after, strict=True)] == [False, True, True]


def test_a_choice_that_nobody_holds_is_forgotten() -> None:
    choices = Choices([one.name for one in DESCRIPTORS])
    choices.follow(machine("x"))
    choice = choices.of(Selection.of(["a.b"]))
    assert choices.of(Selection.of(["a.b"])) is choice
    del choice
    gc.collect()
    assert (len(choices._choices), len(choices._chosen)) == (0, 0)


@given(st.lists(series, max_size=5))
def test_series_are_described_as_json_would(there: list[Series]) -> None:
    plain = [
        {"name": one.name, "unit": one.descriptor.unit, "attributes": one.attributes}
        | ({"labels": dict(one.labels)} if one.labels else {})
        for one in there
    ]
    for _ in range(2):
        assert orjson.dumps({"series": describe_series(there)}) == orjson.dumps({"series": plain})
