"""What an address asks of a stream: its parameters, and the `subscribe` that they make."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from vitalcast.core.vocabulary import Aggregate
from vitalcast.core.wire.bounds import AGGREGATES_MAX, BACK_S_MAX, TOP_MAX
from vitalcast.core.wire.encodings import Encoding
from vitalcast.core.wire.sse import COLUMNS, ID_CHARS_MAX, ID_PATTERN, NAMED, since_of
from vitalcast.web.api import history_query
from vitalcast.web.api.history_query import GROUP_BY, LINES, REDUCE
from vitalcast.web.api.selections import METRICS, RATIO_TO, RATIO_WHERE, divisor_asked, patterns_of
from vitalcast.web.edge.errors import shown
from vitalcast.web.edge.fields import Parameter, bad
from vitalcast.web.edge.where import WHERE, where_of

if TYPE_CHECKING:
    from starlette.requests import Request

    from vitalcast.core.wire.commands import Since

STREAM: Final = "s"  # its name among the streams of its connection, of which it is the only one
LAST_EVENT_ID: Final = "Last-Event-ID"
_ENCODINGS: Final[dict[str, Encoding]] = {"named": NAMED, "columns": COLUMNS}

_ID: Final = {"type": "string", "minLength": 1, "maxLength": 256}
PANEL: Final = history_query.PANEL._replace(schema=_ID, form="the id of a panel")
HOST: Final = history_query.HOST._replace(schema=_ID, form="the id or the name of a source")
INTERVAL: Final = Parameter(
    "interval",
    "How many seconds values are apart, by default as samples are.",
    {"type": "number", "minimum": 0.1, "maximum": 3600},
    "seconds from 0.1 to 3600",
)
AGGREGATE: Final = Parameter(
    "aggregate",
    "How the samples of an interval are aggregated; several are repeated or separated by commas. Default: last.",
    {
        "type": "array",
        "items": {"type": "string", "enum": [one.value for one in Aggregate]},
        "maxItems": AGGREGATES_MAX,
    },
    more={"style": "form", "explode": True},
)
TOP: Final = Parameter(
    "top",
    "Only so many series, those with the highest newest value.",
    {"type": "integer", "minimum": 1, "maximum": TOP_MAX},
    f"a whole number from 1 to {TOP_MAX}",
)
SHIFT: Final = Parameter(
    "shift",
    "Values of so many seconds before, under the times of now.",
    {"type": "number", "minimum": 0, "maximum": BACK_S_MAX},
    f"seconds from 0 to {BACK_S_MAX:.0f}",
)
BACKFILL: Final = Parameter(
    "backfill",
    "How many seconds of the past come first. Default: the newest value alone.",
    {"type": "number", "minimum": 0, "maximum": BACK_S_MAX},
    f"seconds from 0 to {BACK_S_MAX:.0f}",
)
FORMAT: Final = Parameter(
    "format",
    "`named`: an event a tick, with each value under the key of its series. `columns`: the messages of the WebSocket.",
    {"type": "string", "enum": list(_ENCODINGS), "default": "named"},
    " or ".join(_ENCODINGS),
)
POSITION: Final = Parameter(
    "last_event_id",
    f"The id of the last event that the client has, to go on after it, where it cannot send the header "
    f"{LAST_EVENT_ID}, which goes before.",
    {"type": "string", "pattern": f"^({ID_PATTERN})?$", "maxLength": ID_CHARS_MAX},
    "the id of an event, as in <epoch>:<offset>",
)
PARAMETERS: Final = (
    METRICS, PANEL, LINES, HOST, WHERE, INTERVAL, AGGREGATE, GROUP_BY, REDUCE, RATIO_TO, RATIO_WHERE, TOP,
    SHIFT, BACKFILL,
    FORMAT, POSITION,
)  # fmt: skip
_PLAIN: Final = (PANEL, HOST, INTERVAL, REDUCE, TOP, SHIFT, BACKFILL)  # which a command has as they are


def encoding_of(request: Request) -> Encoding:
    """Return in which form events are wanted."""
    return _ENCODINGS[FORMAT.of(request)]


def since_asked(request: Request) -> Since | None:
    """Return where the client left off, None where it begins. Raises ApiError for what is no position."""
    ids = request.headers.getlist(LAST_EVENT_ID)
    given, id_ = (LAST_EVENT_ID, ids[-1]) if ids else (POSITION.name, POSITION.of(request) or "")
    if not id_.strip():  # as a browser sends it whose stream had no ids
        return None
    try:
        return since_of(id_.strip())
    except ValueError as error:
        raise bad(f"{given}: {shown(id_)} {error}") from None


def command_of(request: Request, since: Since | None) -> dict[str, Any]:
    """Return the `subscribe` that an address means. Raises ApiError for a parameter that is not valid."""
    command: dict[str, Any] = {"type": "subscribe", "stream": STREAM}
    command |= {one.name: value for one in _PLAIN if (value := one.of(request)) is not None}
    lines = LINES.of(request)
    if "panel" in command:
        command["lines"] = lines
    if (patterns := patterns_of(request)) or "panel" not in command:
        command["metrics"] = patterns or [">"]
    if where := where_of(request):
        command["where"] = where
    if (divisor := divisor_asked(request)) is not None:
        command["ratio_to"] = dict(zip(("metrics", "where"), divisor, strict=True))
    if aggregates := AGGREGATE.all_of(request, separator=","):
        command["aggregate"] = aggregates
    if GROUP_BY.name in request.query_params:
        command["group_by"] = [one for one in GROUP_BY.all_of(request, separator=",") if one]
    return command if since is None else command | {"since": {"epoch": since.epoch, "offset": since.offset}}
