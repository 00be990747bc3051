"""`/api/v1/history`: how some series were, or a panel, as JSON or CSV."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from vitalcast import clocks
from vitalcast.core.panels.selection import request_selection
from vitalcast.core.panels.whole_steps import aggregate_of
from vitalcast.core.query.ask import ask
from vitalcast.core.query.csv import csv_of
from vitalcast.core.query.limits import QueryLimits
from vitalcast.core.query.times import iso_of
from vitalcast.core.stream.commands.checks import wrong_for_panel
from vitalcast.core.stream.results import number_parts, result_json
from vitalcast.core.vocabulary import ErrorCode
from vitalcast.core.wire.messages import describe_series
from vitalcast.errors import ApiError, ProtocolError
from vitalcast.live.service import Service
from vitalcast.web.api.history_query import FORMAT, HOST, LINES, PANEL, PARAMETERS, RANGE_S, check_panel_alone, wish_of
from vitalcast.web.api.long_csv import LongCsv
from vitalcast.web.api.selections import RATIO_TO, divisor_asked, patterns_of, selection_of
from vitalcast.web.edge.accept import Offer, best_offer
from vitalcast.web.edge.caching import cache_headers, etag_of, knows
from vitalcast.web.edge.caller import grant_of, panel_called
from vitalcast.web.edge.endpoint import PANELS, Endpoint, EndpointGroup
from vitalcast.web.edge.fields import bad
from vitalcast.web.edge.moments import Range, range_of
from vitalcast.web.edge.schemas import Json, json_answer, list_of, object_of, ref, text_of, texts_of, whole_of
from vitalcast.web.edge.waiting import unless_gone
from vitalcast.web.edge.where import where_of

if TYPE_CHECKING:
    from vitalcast.core.metrics.timeline import Timeline
    from vitalcast.core.panels.panel_over_past import PanelOverPast
    from vitalcast.core.query.past import Past
    from vitalcast.core.query.query import Query, Result

JSON, CSV = Offer("application/json"), Offer("text/csv")
_BY_FORMAT: Final = {"json": JSON, "csv": CSV}
_ODD: Final = re.compile(r"[^A-Za-z0-9._-]+")
_MEDIA_TYPES: Final = {JSON.type: JSON.type, CSV.type: f"{CSV.type}; charset=utf-8; header=present"}
SHORT_VALUES: Final = 100_000  # two megabytes of text
PART_BYTES: Final = 65_536


@dataclass(frozen=True, slots=True)
class _Answer:
    """What was found: the whole of it where it is short, else parts to be made one by one; and its tag."""

    body: bytes | None
    parts: Iterator[bytes]
    etag: str


class HistoryAnswers:
    """Answers about the past of a service's sources. `now_ms` is the time of day."""

    def __init__(self, service: Service, *, now_ms: Callable[[], int] = clocks.wall_ms) -> None:
        self._service = service
        self._now_ms = now_ms

    async def history(self, request: Request) -> Response:
        """Return how the series that are asked for were in a range."""
        offer = _offer(request)
        timeline = self._source(request)
        range_, query, panel = self._query(request, timeline)
        limits = QueryLimits(values=self._service.hub.limits.snapshot_values)
        if offer is CSV and query.step_ms is not None and query.top is None and query.ratio_to is None:
            holds, grant = self._service.access.holds, grant_of(request)
            long = LongCsv(self._service.queries, timeline, query, limits, lambda: holds(grant))
            survey = await unless_gone(request, asyncio.ensure_future(long.survey()))
            if not long.fits(survey):
                headers = _headers(request, range_) | _as_file(timeline, range_)
                if request.method == "HEAD":  # nothing has to be read for it
                    return Response(None, 200, headers, _MEDIA_TYPES[CSV.type])
                return StreamingResponse(long.parts(survey), 200, headers, _MEDIA_TYPES[CSV.type])
        about = {"source": timeline.id, "host": timeline.name, "start": range_.start_ms, "end": range_.end_ms}

        def answered(result: Result) -> _Answer:
            if panel is None or offer is CSV:
                return _answer(result, about, offer)
            series, values, head = panel.shown(
                result.series, result.times_ms, result.values, result.step_ms, query.aggregates
            )
            shown = replace(result, series=series, values=values, aggregates=query.aggregates)
            return _answer(shown, about | head, offer)

        by = query.aggregates if panel is None or offer is CSV else panel.to_ask(query.aggregates)

        def prepare() -> Callable[[Past], _Answer]:
            read = ask(timeline, replace(query, aggregates=by), limits)
            return lambda past: answered(read(past))

        found = await unless_gone(request, self._service.queries.run_prepared(prepare))
        headers = _headers(request, range_) | {"ETag": found.etag}
        if knows(request, found.etag):
            return Response(status_code=304, headers=headers)
        if offer is CSV:
            headers |= _as_file(timeline, range_)
        if found.body is not None:
            return Response(found.body, 200, headers, _MEDIA_TYPES[offer.type])
        return StreamingResponse(found.parts, 200, headers, _MEDIA_TYPES[offer.type])

    def _source(self, request: Request) -> Timeline:
        try:
            return self._service.hub.sources.find(HOST.of(request), advised=grant_of(request).within is None)
        except ProtocolError as error:
            raise ApiError(503 if error.temporary else 404, ErrorCode.BAD_REQUEST, error.message) from None

    def _query(self, request: Request, timeline: Timeline) -> tuple[Range, Query, PanelOverPast | None]:
        grant, panel_id, panel, divisor = grant_of(request), PANEL.of(request), None, None
        all_lines = LINES.of(request) == "all"
        if panel_id is None:
            patterns = patterns_of(request) or [">"]
            wish = wish_of(request)
            selection = grant.narrowed(selection_of(patterns, grant, timeline.catalogue, where_of(request)))
            if (asked := divisor_asked(request)) is not None:
                divisor = grant.narrowed(
                    selection_of(asked[0], grant, timeline.catalogue, asked[1], name=RATIO_TO.name)
                )
        else:
            check_panel_alone(request)
            found = panel_called(panel_id, self._service.dashboards.panels, grant)
            wish = wish_of(request, usual=(aggregate_of(found),))
            if (wrong := wrong_for_panel(wish.aggregates)) is not None:
                raise bad(wrong)
            wanted = request_selection(found)
            named = grant.narrowed(wanted) == wanted
            panel = self._service.panels.over_past(timeline, panel_id, named=named, all_lines=all_lines)
            selection = panel.selection
        range_ = range_of(request, self._now_ms(), default_s=RANGE_S, shift_ms=wish.shift_ms)
        grant.check_step(wish.step_ms)
        query = wish.query(selection, range_, step_min_ms=grant.interval_min_ms)
        return range_, replace(query, ratio_to=divisor), panel


def _headers(request: Request, range_: Range) -> dict[str, str]:
    return cache_headers(request, fixed=range_.fixed, vary="Accept")


def _as_file(timeline: Timeline, range_: Range) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{_file_name(timeline.name, range_)}"'}


def _offer(request: Request) -> Offer:
    if (asked := FORMAT.of(request)) is not None:
        return _BY_FORMAT[asked]
    accept = ",".join(request.headers.getlist("accept")) or "*/*"
    offer = best_offer(accept, (JSON, CSV), ignoring=("charset", "header"))
    if offer is None:
        raise ApiError(406, ErrorCode.BAD_REQUEST, "this address has application/json and text/csv")
    return offer


def _answer(result: Result, about: dict[str, Any], offer: Offer) -> _Answer:
    said = about | result_json(result) | {"series": describe_series(result.described)}
    head = orjson.dumps(said, option=orjson.OPT_SERIALIZE_NUMPY)
    etag = etag_of(offer.type.encode(), head, result.times_ms.tobytes(), np.ascontiguousarray(result.values).data)
    parts = _of_some_size(_json_parts(result, head) if offer is JSON else csv_of(result))
    return _Answer(b"".join(parts) if result.values.size <= SHORT_VALUES else None, parts, etag)


def _of_some_size(parts: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the same in fewer parts: each is made in a thread, which costs as much as some thousand bytes."""
    gathered, nbytes = list[bytes](), 0
    for part in parts:
        gathered.append(part)
        nbytes += len(part)
        if nbytes >= PART_BYTES:
            yield b"".join(gathered)
            gathered, nbytes = [], 0
    yield b"".join(gathered)


def _json_parts(result: Result, head: bytes) -> Iterator[bytes]:
    """Yield the answer in parts of a bounded size: a list for each column of values."""
    yield head[:-1] + b',"times":['
    yield from number_parts(result.times_ms)
    yield b'],"values":['
    columns = result.values.T
    for at, column in enumerate(columns):
        yield b"[" if at == 0 else b"],["
        yield from number_parts(column)
    yield b"]]}" if len(columns) else b"]}"


def _file_name(host: str, range_: Range) -> str:
    """Return a name that is one on every system."""
    times = "-".join(re.sub("[-:]|\\.[0-9]+", "", iso_of(time_ms)) for time_ms in (range_.start_ms, range_.end_ms))
    return f"{_ODD.sub('_', host)[:60].strip('._-') or 'vitalcast'}-{times}.csv"


def history_endpoints(answers: HistoryAnswers) -> EndpointGroup:
    """Return the address of the past."""
    return EndpointGroup(
        "History",
        (
            Endpoint(
                "GET",
                "/api/v1/history",
                answers.history,
                PANELS,
                "Past values",
                "Series, or those of a panel, over any range that is kept, as JSON or CSV. A time is the end of its "
                "step; steps are aligned to the clock. `tiers` says from what the values come: samples as they came "
                "(`raw`), or what is kept of each 1, 10 or 60 minutes. `expired` is the time before which nothing is "
                "kept. No value is null, or in CSV an empty cell. Of a panel, JSON has the columns and all else that "
                "its snapshot has on the WebSocket: `lines`, `headline` and the like.",
                parameters=lambda: PARAMETERS,
                answers={
                    200: json_answer("The values.", ref("History"))
                    | {
                        "content": json_answer("", ref("History"))["content"]
                        | {CSV.type: {"schema": {"type": "string"}}}
                    },
                    304: {"description": "They are those that the client has, by its header If-None-Match."},
                },
                errors={
                    400: "A parameter is unknown or not valid, or the answer would be too long.",
                    404: "No metric that can exist here has such a name, or there is no such panel or source.",
                    406: "The Accept header takes neither format.",
                    503: "Too much is asked at once, or the past cannot be read.",
                },
                url_token=True,
                cost=10,
            ),
        ),
        schemas,
    )


def schemas() -> Json:
    attributes: Json = {"type": "object", "additionalProperties": {"type": "string"}}
    series = object_of(
        "A series.",
        {
            "name": text_of("Its metric."),
            "unit": text_of("Its unit in UCUM."),
            "attributes": attributes | {"description": "Its attributes."},
            "labels": attributes | {"description": "What describes it beside its attributes."},
        },
        optional=("labels",),
    )
    tier = object_of(
        "Where a part of the range comes from.",
        {
            "tier": text_of("What was kept.", enum=["raw", "1m", "10m", "1h"]),
            "start": whole_of("Where the part begins, in Unix milliseconds."),
            "end": whole_of("Where it ends."),
        },
    )
    numbers: Json = {"type": "array", "items": {"type": ["number", "null"]}}
    return {
        "PastSeries": series,
        "Tier": tier,
        "History": object_of(
            "Past values.",
            {
                "source": text_of("The id of the source."),
                "host": text_of("Its name.", example="web-1"),
                "start": whole_of("The range begins after this, in Unix milliseconds."),
                "end": whole_of("The range ends with this."),
                "step": {"type": "number", "description": "How many seconds the times are apart."},
                "tiers": list_of("Tier"),
                "expired": whole_of("The time before which nothing is kept that was asked for."),
                "approximate": {"type": "boolean", "description": "Percentiles are within 2 %."},
                "aggregate": texts_of("What the values of each series are, in this order."),
                "series": list_of("PastSeries"),
                "times": {"type": "array", "items": {"type": "integer"}, "description": "In Unix milliseconds."},
                "values": {
                    "type": "array",
                    "items": numbers,
                    "description": "A list for each series and aggregate, with a value for each time.",
                },
            },
            optional=("expired", "approximate"),
        ),
    }
