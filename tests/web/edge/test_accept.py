"""What a client would rather have: weights, ranges and codings, as RFC 9110 has them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitalcast.web.edge.accept import IDENTITY, Offer, best_coding, best_offer, preferences

TEXT = Offer("text/plain", {"version": "0.0.4"})
NEWER = Offer("text/plain", {"version": "1.0.0"})
OPEN = Offer("application/openmetrics-text", {"version": "1.0.0"})
OFFERS = (TEXT, NEWER, OPEN)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", []),
        (" , ,;q=1,", []),
        ("text/html", [("text/html", {}, 1)]),
        ("TEXT/HTML ;Q=0.5", [("text/html", {}, 0.5)]),
        ("a/b;q=0,c/d;q=0.001", [("a/b", {}, 0), ("c/d", {}, 0.001)]),
        ("a/b ; version=1 ; q=1.000", [("a/b", {"version": "1"}, 1)]),
        ('a/b;t="x,y;q=0";q=0.25', [("a/b", {"t": "x,y;q=0"}, 0.25)]),
        (r'a/b;t="\",c/d"', [("a/b", {"t": r"\",c/d"}, 1)]),
        # A weight that is none says nothing of the element, which counts for nothing then.
        ("a/b;q=2,a/b;q=-1,a/b;q=,a/b;q,a/b;q=0.0001,a/b;q=nan,a/b;q=1.001,a/b;q=.5", []),
    ],
)
def test_a_header_is_its_elements(header: str, expected: list[object]) -> None:
    assert [tuple(preference) for preference in preferences(header)] == expected


@pytest.mark.parametrize(
    ("header", "offer"),
    [
        ("", TEXT),
        ("*/*", TEXT),
        ("text/plain", TEXT),
        ("text/*", TEXT),
        ("text/html", TEXT),
        ("text/plain;version=1.0.0", NEWER),
        ("application/openmetrics-text", OPEN),
        ("application/openmetrics-text;version=1.0.0;charset=utf-8;escaping=allow-utf-8", OPEN),
        ("application/openmetrics-text;version=0.0.1,text/plain;version=0.0.4;q=0.3", TEXT),
        ("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1", OPEN),
        ("application/openmetrics-text;q=0.2,text/plain;q=0.3", TEXT),
        ("application/openmetrics-text, text/plain", OPEN),
        ("text/plain, application/openmetrics-text", TEXT),
        ("*/*, application/openmetrics-text", OPEN),
        ("application/openmetrics-text;q=0", TEXT),
        ("application/openmetrics-text;q=0.000,*/*", TEXT),
        ("text/plain;q=0", OPEN),
        ("text/plain;q=0,*/*", OPEN),
        ("text/*;q=0,*/*;q=0.1", OPEN),
        ("text/plain;version=0.0.4;q=0,text/plain", NEWER),
        ("*/*;q=0,text/plain;version=1.0.0;q=0.1", NEWER),
        ("*/*;q=0", None),
        ("text/*;q=0,application/*;q=0", None),
        ("text/plain;q=0,application/openmetrics-text;q=0,text/html", None),
    ],
)
def test_the_form_that_is_wanted_most_is_chosen(header: str, offer: Offer | None) -> None:
    assert best_offer(header, OFFERS, ignoring=("escaping", "charset")) == offer


@pytest.mark.parametrize(
    ("header", "coding"),
    [
        ("", IDENTITY),
        ("identity", IDENTITY),
        ("br", "br"),
        ("gzip, br", "br"),
        ("x-gzip", "gzip"),
        ("GZIP;Q=1", "gzip"),
        ("br;q=0.1, gzip;q=0.9", "gzip"),
        ("br;q=0, gzip;q=0", IDENTITY),
        ("br;q=0.000, *", "gzip"),
        ("*", "br"),
        ("*;q=0", IDENTITY),
        ("*;q=0, gzip;q=0.5", "gzip"),
        ("identity, gzip;q=0.5", IDENTITY),
        ("identity, gzip", "gzip"),
        ("identity;q=0", IDENTITY),
        ("zstd", IDENTITY),
    ],
)
def test_the_coding_that_is_wanted_most_is_chosen(header: str, coding: str) -> None:
    assert best_coding(header, ("br", "gzip")) == coding


# --- anything at all -----------------------------------------------------------------------------------------------

RANGES = ["*/*", "text/*", "application/*", "text/html", "text/plain", OPEN.type, "text/plain;version=1.0.0"]
WEIGHTS = st.integers(0, 1000).map(lambda thousandths: thousandths / 1000)


@given(st.text(max_size=60) | st.text('a/*;=q01.," \\\t', max_size=60))
def test_any_header_is_read(header: str) -> None:
    assert all(0 <= preference.weight <= 1 and preference.name for preference in preferences(header))
    best_offer(header, OFFERS)
    best_coding(header, ("br", "gzip"))


@given(st.dictionaries(st.sampled_from(RANGES), WEIGHTS, max_size=5), st.data())
def test_what_has_the_weight_of_none_is_never_chosen_and_nothing_with_less_than_another(
    weights: dict[str, float], data: st.DataObject
) -> None:
    header = ", ".join(f"{name};q={weight:.3f}" for name, weight in data.draw(st.permutations(list(weights.items()))))

    def weight_of(offer: Offer) -> float | None:
        """The rule of RFC 9110, 12.5.1 in other words: the most exact range that names it says its weight."""
        names = [f"{offer.type};version={offer.parameters['version']}", offer.type]
        names += [f"{offer.type.split('/')[0]}/*", "*/*"]
        return next((weights[name] for name in names if name in weights), None)

    chosen = best_offer(header, OFFERS)
    found = [weight for one in OFFERS if (weight := weight_of(one)) is not None]
    if chosen is None:
        assert len(found) == len(OFFERS)
        assert not any(found)
    elif weight_of(chosen) is None:
        assert not any(found)
    else:
        assert weight_of(chosen) == max(found) > 0


@given(st.dictionaries(st.sampled_from(["br", "gzip", "zstd", IDENTITY, "*"]), WEIGHTS, max_size=5))
def test_a_coding_of_the_weight_of_none_is_never_sent(weights: dict[str, float]) -> None:
    header = ", ".join(f"{name};q={weight:.3f}" for name, weight in weights.items())
    coding = best_coding(header, ("br", "gzip"))
    of = {one: weights.get(one, weights.get("*", 0)) for one in ("br", "gzip")} | {IDENTITY: weights.get(IDENTITY, 0)}
    assert of[coding] == max(of.values())
