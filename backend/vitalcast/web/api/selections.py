"""Which series an address means, and that its caller may see them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from vitalcast.core.metrics.names import PATTERN_CHARS_MAX, Selection
from vitalcast.core.panels.schema import PATTERN
from vitalcast.core.vocabulary import ErrorCode
from vitalcast.errors import ApiError
from vitalcast.web.edge.fields import Parameter, bad
from vitalcast.web.edge.where import WHERE, where_of

if TYPE_CHECKING:
    from starlette.requests import Request

    from vitalcast.core.metrics.catalogue import Catalogue
    from vitalcast.core.stream.grants import Grant

METRICS: Final = Parameter(
    "metrics",
    "Patterns of metric names, repeated or separated by commas. `*` stands for one token between dots and a final `>` "
    "for one or more. Default: all metrics.",
    {
        "type": "array",
        "items": {"type": "string", "pattern": PATTERN, "maxLength": PATTERN_CHARS_MAX},
        "maxItems": 64,
    },
    more={
        "style": "form",
        "explode": True,
        "examples": {
            "cpu": {"summary": "All of the CPU", "value": ["system.cpu.>"]},
            "two": {"summary": "Two metrics", "value": ["system.cpu.utilization", "system.memory.usage"]},
        },
    },
)
RATIO_TO: Final = Parameter(
    "ratio_to",
    "Patterns of other metrics, repeated or separated by commas, by whose values these are divided, after all were "
    "aggregated and reduced.",
    METRICS.schema,
    more={"style": "form", "explode": True},
)
RATIO_WHERE: Final = WHERE._replace(
    name="ratio_where", description="As `where`, for the series of `ratio_to`; may be repeated."
)
_NOWHERE: Final[Mapping[str, Sequence[str]]] = MappingProxyType({})


def patterns_of(request: Request, parameter: Parameter = METRICS) -> list[str]:
    """Return the patterns of an address, none where it has none. Raises ApiError where they are too many."""
    patterns = parameter.all_of(request, separator=",")
    if len(patterns) > (most := parameter.schema["maxItems"]):
        raise bad(f"{parameter.name}: at most {most} patterns, these are {len(patterns)}")
    return patterns


def divisor_asked(request: Request) -> tuple[list[str], Mapping[str, Sequence[str]]] | None:
    """Return patterns and attributes of what values are to be divided by; None for nothing. Raises ApiError."""
    patterns, where = patterns_of(request, RATIO_TO), where_of(request, parameter=RATIO_WHERE)
    if where and not patterns:
        raise bad("ratio_where: is of ratio_to, which is missing; give both, or neither")
    return (patterns, where) if patterns else None


def selection_of(
    patterns: Sequence[str],
    grant: Grant,
    catalogue: Catalogue,
    where: Mapping[str, Sequence[str]] = _NOWHERE,
    *,
    filtered: bool = False,
    name: str = METRICS.name,
) -> Selection:
    """Return what is asked for. Where series are `filtered` by the grant later, `>` alone is all that it allows.

    Raises ApiError for a pattern that is malformed, that the caller may not see, or under which nothing can come.
    """
    try:
        selection = Selection.of(patterns, where)
    except ValueError as error:
        raise bad(f"{name}: {error}") from None
    denied = () if filtered and list(patterns) == [">"] else grant.outside(selection)
    if denied:
        raise ApiError(
            403, ErrorCode.DENIED, f"{name}: your token does not cover {', '.join(denied[:5])}; ask for less"
        )
    if unknown := catalogue.impossible(selection):
        nearest = catalogue.advice(unknown[0])
        advice = f"did you mean {nearest}?" if nearest else "/api/v1/metrics lists the metrics"
        raise ApiError(
            404,
            ErrorCode.UNKNOWN_METRIC,
            f"{name}: nothing here is called {', '.join(unknown[:5])}; {advice}",
        )
    return selection
