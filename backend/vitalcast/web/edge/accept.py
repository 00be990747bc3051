"""What a client would rather have, of what there is: `Accept` and `Accept-Encoding` (RFC 9110, 12.4.2 and 12.5)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

# An element ends at a comma and a parameter at a semicolon, but for those in a quoted string (RFC 9110, 5.6.4).
# A string that does not end takes all that follows, so that no header takes more than one pass.
_QUOTED: Final = r'"(?:[^"\\]|\\.?)*(?:"|$)'
_ELEMENT: Final = re.compile(rf'(?:{_QUOTED}|[^",])+', re.DOTALL)
_PART: Final = re.compile(rf'(?:{_QUOTED}|[^";])+', re.DOTALL)
_QVALUE: Final = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")
HEADER_CHARS_MAX: Final = 4096  # what is beyond is not looked at; a browser sends 100


class Preference(NamedTuple):
    """One element of the header, in lower case: a media range or a coding, its parameters, and its weight."""

    name: str
    parameters: Mapping[str, str]
    weight: float


def preferences(header: str) -> list[Preference]:
    """Return the elements of a header in their order. What is malformed, a weight included, is left out."""
    found = (_preference(element) for element in _ELEMENT.findall(header[:HEADER_CHARS_MAX]))
    return [preference for preference in found if preference is not None]


def _preference(element: str) -> Preference | None:
    if element.lstrip(" \t").startswith(";"):
        return None
    name, *parts = [part.strip(" \t").lower() for part in _PART.findall(element)] or [""]
    if not name:
        return None
    parameters, weight = {}, 1.0
    for key, equals, value in (part.partition("=") for part in parts if part):
        if key.strip(" \t") != "q":
            parameters[key.strip(" \t")] = value.strip(' \t"')
        elif equals and _QVALUE.fullmatch(value.strip(" \t")):
            weight = float(value)
        else:
            return None
    return Preference(name, parameters, weight)


class Offer(NamedTuple):
    """A form that there is: its media type, and those parameters that a range may ask for."""

    type: str
    parameters: Mapping[str, str] = MappingProxyType({})


def best_offer(header: str, offers: Iterable[Offer], *, ignoring: Iterable[str] = ()) -> Offer | None:
    """Return what is wanted most, the earlier offer of equals; None where none is acceptable.

    A range that is more exact has precedence over others, and what no range names is only better than nothing: a
    server may disregard the header (12.5.1), but not a weight of 0. Parameters that are `ignoring` tell no forms apart.
    """
    ranges = preferences(header)
    named: list[tuple[float, int, int, Offer]] = []
    unnamed: list[Offer] = []
    for offer in offers:
        exactness, position, weight = max(
            ((_exactness(one, offer, ignoring), -at, one.weight) for at, one in enumerate(ranges)), default=(-1, 0, 0.0)
        )
        if exactness < 0:
            unnamed.append(offer)
        elif weight > 0:
            named.append((weight, exactness, position, offer))
    if named:
        return max(named, key=lambda one: one[:3])[3]  # the first of equals
    return unnamed[0] if unnamed else None


def _exactness(preference: Preference, offer: Offer, ignoring: Iterable[str]) -> int:
    """Return how exactly a range names an offer, from 0 for `*/*` on; -1 where it does not."""
    asked = {key: value for key, value in preference.parameters.items() if key not in ignoring}
    if preference.name == offer.type:
        return 2 + len(asked) if asked.items() <= offer.parameters.items() else -1
    if asked:
        return -1
    return 1 if preference.name == f"{offer.type.partition('/')[0]}/*" else 0 if preference.name in ("*/*", "*") else -1


IDENTITY: Final = "identity"


def best_coding(header: str, codings: Iterable[str]) -> str:
    """Return which of the content codings to send, the earlier one of equals, or `identity` (12.5.3).

    `*` is any that is not named. Sending as it is stays the last resort, even where it is refused.
    """
    weights = {preference.name.removeprefix("x-"): preference.weight for preference in preferences(header)}
    best, least = IDENTITY, weights.get(IDENTITY, 0.0)
    for coding in codings:
        weight = weights.get(coding, weights.get("*", 0.0))
        if weight > least or (weight == least > 0 and best == IDENTITY):
            best, least = coding, weight
    return best
