"""What an address asks of the past: its parameters, and the query that they make."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from vitalcast.core.query.query import Query
from vitalcast.core.vocabulary import Aggregate, Reduce
from vitalcast.core.wire.bounds import AGGREGATES_MAX, ATTRIBUTES_MAX, BACK_S_MAX, POINTS, POINTS_MAX, STEP_S, TOP_MAX
from vitalcast.web.api.selections import METRICS, RATIO_TO, RATIO_WHERE
from vitalcast.web.edge.errors import shown
from vitalcast.web.edge.fields import Parameter, bad
from vitalcast.web.edge.moments import END, START, Range
from vitalcast.web.edge.where import WHERE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request

    from vitalcast.core.metrics.names import Selection

RANGE_S: Final = 3600.0
PANEL: Final = Parameter("panel", "The id of a panel, in place of metrics.", {"type": "string"})
LINES: Final = Parameter(
    "lines",
    "Of a panel in JSON, all lines or only those that are drawn.",
    {"type": "string", "enum": ["drawn", "all"], "default": "drawn"},
    "drawn or all",
)
HOST: Final = Parameter("host", "The id or the name of a source, by default this machine.", {"type": "string"})
POINTS_PARAMETER: Final = Parameter(
    "points",
    "At least so many points of each series, where there are as many.",
    {"type": "integer", "minimum": 1, "maximum": POINTS_MAX, "default": POINTS},
    f"a whole number from 1 to {POINTS_MAX}",
)
STEP: Final = Parameter(
    "step",
    "How many seconds points are apart, in place of `points`.",
    {"type": "number", "minimum": STEP_S[0], "maximum": STEP_S[1]},
    f"seconds from {STEP_S[0]:g} to {STEP_S[1]:.0f}",
)
AGGREGATE: Final = Parameter(
    "aggregate",
    "How the samples of a step are aggregated; several are repeated or separated by commas. Default: avg.",
    {
        "type": "array",
        "items": {"type": "string", "enum": [one.value for one in Aggregate]},
        "maxItems": AGGREGATES_MAX,
    },
    more={"style": "form", "explode": True},
)
GROUP_BY: Final = Parameter(
    "group_by",
    "Attributes, repeated or separated by commas: series of a metric with equal values of these become one. "
    "Empty: all series of a metric do.",
    {"type": "array", "items": {"type": "string", "pattern": "^[^,]*$"}, "maxItems": ATTRIBUTES_MAX},
    more={"style": "form", "explode": True},
)
REDUCE: Final = Parameter(
    "reduce",
    "How the series of a group are combined at each step. Default: sum.",
    {"type": "string", "enum": [one.value for one in Reduce]},
    ", ".join(one.value for one in Reduce),
)
TOP: Final = Parameter(
    "top",
    "Only so many series, those with the highest mean.",
    {"type": "integer", "minimum": 1, "maximum": TOP_MAX},
    f"a whole number from 1 to {TOP_MAX}",
)
SHIFT: Final = Parameter(
    "shift",
    "Values of so many seconds before, under the times that are asked for.",
    {"type": "number", "minimum": 0, "maximum": BACK_S_MAX, "default": 0},
    f"seconds from 0 to {BACK_S_MAX:.0f}",
)
FORMAT: Final = Parameter(
    "format",
    "The format, in place of the header Accept.",
    {"type": "string", "enum": ["json", "csv"]},
    "json or csv",
)
PARAMETERS: Final = (
    METRICS, PANEL, LINES, HOST, WHERE, START, END,
    POINTS_PARAMETER, STEP, AGGREGATE, GROUP_BY, REDUCE, RATIO_TO, RATIO_WHERE, TOP, SHIFT, FORMAT,
)  # fmt: skip
OF_METRICS: Final = (METRICS, WHERE, GROUP_BY, REDUCE, RATIO_TO, RATIO_WHERE, TOP)  # which do not go with a panel


class Wish(NamedTuple):
    """What is asked for beside the series and the range."""

    points: int | None
    step_ms: int | None
    aggregates: tuple[Aggregate, ...]
    group_by: tuple[str, ...] | None
    reduce: Reduce
    top: int | None
    shift_ms: int

    def query(self, selection: Selection, range_: Range, *, step_min_ms: int) -> Query:
        ends, hidden_ms = (range_.start_ms, range_.end_ms), range_.hidden_ms
        return Query(selection, *ends, hidden_ms=hidden_ms, step_min_ms=step_min_ms, **self._asdict())


def wish_of(request: Request, *, usual: Sequence[Aggregate] = (Aggregate.AVG,)) -> Wish:
    """Return what an address wishes; without aggregates the `usual`. Raises ApiError that says what would be right."""
    step_s = STEP.of(request)
    points = POINTS_PARAMETER.of(request)
    if step_s is not None and POINTS_PARAMETER.name in request.query_params:
        raise bad("points, step: give one of them")
    reduce = REDUCE.of(request)
    group_by = _group_by(request)
    if group_by is None and reduce is not None:
        group_by = ()
    return Wish(
        points if step_s is None else None,
        None if step_s is None else round(step_s * 1000),
        _aggregates(request) or tuple(usual),
        group_by,
        Reduce.SUM if reduce is None else Reduce(reduce),
        TOP.of(request),
        round(1000 * SHIFT.of(request)),
    )


def check_panel_alone(request: Request) -> None:
    """Raise ApiError for what says which series are meant, where a panel does."""
    if beside := [one.name for one in OF_METRICS if one.name in request.query_params]:
        raise bad(f"{', '.join(beside)}: does not go with panel; leave one of them out")


def _aggregates(request: Request) -> tuple[Aggregate, ...]:
    texts = AGGREGATE.all_of(request, separator=",")
    known = [one.value for one in Aggregate]
    if len(texts) > AGGREGATES_MAX:
        raise bad(f"aggregate: {len(texts)} are more than {AGGREGATES_MAX}")
    for text in texts:
        if text not in known:
            raise bad(f"aggregate: {shown(text)} is not valid; give {', '.join(known)}")
    return tuple(dict.fromkeys(map(Aggregate, texts)))


def _group_by(request: Request) -> tuple[str, ...] | None:
    if GROUP_BY.name not in request.query_params:
        return None
    names = GROUP_BY.all_of(request, separator=",")
    if len(names) > ATTRIBUTES_MAX:
        raise bad(f"group_by: {len(names)} attributes are more than {ATTRIBUTES_MAX}")
    return tuple(dict.fromkeys(filter(None, names)))
