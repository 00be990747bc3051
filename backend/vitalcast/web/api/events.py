"""The events of this machine, and marks: events that a client makes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import Response

from vitalcast import clocks
from vitalcast.core.events.checked import TITLE_CHARS_MAX, checked_attributes, checked_title
from vitalcast.core.events.event import Event, EventFilter, EventKind, Severity
from vitalcast.core.query.times import FORMS, MOMENT_MAX_MS, time_of
from vitalcast.core.text import advice_for
from vitalcast.core.vocabulary import ErrorCode
from vitalcast.errors import ApiError
from vitalcast.web.edge.caller import grant_of
from vitalcast.web.edge.endpoint import ADMINS, READERS, Endpoint, EndpointGroup
from vitalcast.web.edge.errors import json_response
from vitalcast.web.edge.fields import PRINTABLE_PATTERN, Body, Field, Parameter, bad
from vitalcast.web.edge.moments import END, START, range_of
from vitalcast.web.edge.schemas import Json, json_answer, list_of, object_of, ref, text_of, whole_of

if TYPE_CHECKING:
    from starlette.requests import Request

    from vitalcast.core.query.past import Past
    from vitalcast.live.service import Service

DEFAULT_S: Final = 86_400.0
KINDS_MAX: Final = 64
AHEAD_MAX_MS: Final = 60_000  # as far as the clocks of two machines may be apart
_KINDS: Final = [kind.value for kind in EventKind]
_SEVERITIES: Final = [severity.value for severity in Severity]
_KIND: Final = Parameter(
    "kind",
    "Kinds of events, repeated or separated by commas. Default: all.",
    {"type": "array", "items": {"type": "string", "enum": _KINDS}, "maxItems": KINDS_MAX},
    more={"style": "form", "explode": True},
)
_SEVERITY: Final = Parameter(
    "severity",
    "The least severity.",
    {"type": "string", "enum": _SEVERITIES, "default": Severity.INFO.value},
    " or ".join(_SEVERITIES),
)
_LIMIT: Final = Parameter(
    "limit",
    "How many events at most; the newest are returned.",
    {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100},
    "a whole number from 1 to 1000",
)
_TIME: Final[Json] = {"type": ["integer", "string"], "minimum": 0, "maximum": MOMENT_MAX_MS, "maxLength": 64}
_TIME_FORM: Final = FORMS
NEW_MARK: Final = Body(
    "A new mark, or with `id` what has become of one that goes on.",
    {
        "title": Field(
            {
                "type": "string",
                "minLength": 1,
                "maxLength": TITLE_CHARS_MAX,
                "pattern": PRINTABLE_PATTERN,
                "description": "What happened, in one line. Required for a new mark.",
            },
            f"a string of 1 to {TITLE_CHARS_MAX} printable characters",
        ),
        "time": Field(_TIME | {"description": f"When it happened or began, by default now: {FORMS}."}, _TIME_FORM),
        "end": Field(_TIME | {"description": f"When it ended: {FORMS}. With `id`, by default now."}, _TIME_FORM),
        "ongoing": Field(
            {"type": "boolean", "description": "Whether it goes on: a later request with its `id` ends it."},
            "true or false",
        ),
        "severity": Field(
            {"type": "string", "enum": _SEVERITIES, "description": "How bad it is; by default `info`."},
            " or ".join(_SEVERITIES),
        ),
        "attributes": Field(
            {
                "type": "object",
                "additionalProperties": {"type": ["string", "number"]},
                "description": "What else is to be known of it: short strings and numbers. With `id` they are added.",
            },
            "an object of strings and numbers",
        ),
        "id": Field(
            {"type": "string", "maxLength": 64, "description": "The id of a mark that goes on, to end it."},
            "the id of a mark",
        ),
    },
    bytes_max=16_384,
    more={"anyOf": [{"required": ["title"]}, {"required": ["id"]}]},
    name="NewMark",
)


class Events:
    """Answers which events there were, and makes marks."""

    def __init__(self, service: Service, *, now_ms: Callable[[], int] = clocks.wall_ms) -> None:
        self._service = service
        self._now_ms = now_ms

    async def list(self, request: Request) -> Response:
        """Return the newest events of a range, oldest first."""
        grant, timeline = grant_of(request), self._service.timeline
        if not grant.sees_events:
            raise ApiError(403, ErrorCode.DENIED, "events: your token does not cover table.events")
        asked = range_of(request, self._now_ms(), default_s=DEFAULT_S)
        wanted, limit = EventFilter(_kinds(request), Severity(_SEVERITY.of(request))), _LIMIT.of(request)

        # Without an end also what was noted while the clock was ahead, as that it was set.
        end_ms = asked.end_ms if END.name in request.query_params else MOMENT_MAX_MS

        def read(past: Past) -> list[Event]:
            return past.events(asked.start_ms, end_ms, wanted, limit=limit)

        events = await self._service.queries.run(read)
        return json_response(
            {
                "source": timeline.id,
                "host": timeline.name,
                "start": asked.start_ms,
                "end": asked.end_ms,
                "events": [event.shown(named=grant.sees_names) for event in events],
            }
        )

    async def mark(self, request: Request) -> Response:
        """Make a mark, or end one that goes on."""
        given = await NEW_MARK.of(request)
        try:
            attributes = checked_attributes(given.get("attributes", {}))
        except ValueError as error:
            raise bad(f"attributes: {error}") from None
        if "id" in given:
            return json_response(self._end(given, attributes).shown(named=True))
        return json_response(self._begin(given, attributes).shown(named=True), 201)

    def _begin(self, given: dict[str, Any], attributes: dict[str, Any]) -> Event:
        try:
            title = checked_title(given.get("title", ""))
        except ValueError as error:
            raise bad(f"title: {error}") from None
        time_ms = self._time(given, "time")
        time_ms = self._now_ms() if time_ms is None else time_ms
        end_ms = self._time(given, "end")
        if end_ms is not None and given.get("ongoing"):
            raise bad("ongoing: it has an end; leave one of both out")
        if end_ms is not None and end_ms < time_ms:
            raise bad("end: is before time; give a later one")
        event = self._service.events.note(
            EventKind.MARK,
            title,
            severity=Severity(given.get("severity", Severity.INFO)),
            time_ms=time_ms,
            end_ms=end_ms,
            attributes=attributes,
            ongoing=given.get("ongoing", False),
        )
        if event is None:
            raise ApiError(429, ErrorCode.RATE_LIMITED, "marks come too fast; try again in a minute")
        return event

    def _end(self, given: dict[str, Any], attributes: dict[str, Any]) -> Event:
        event = self._service.events.ongoing(given["id"])
        if event is None or event.kind is not EventKind.MARK:
            raise ApiError(404, ErrorCode.BAD_REQUEST, "id: no mark that goes on has it")
        if beside := [name for name in ("time", "ongoing") if name in given]:
            raise bad(f"{beside[0]}: does not change when a mark ends; leave it out")
        end_ms = self._time(given, "end")
        if end_ms is not None and end_ms < event.time_ms:
            raise bad("end: is before the mark began; give a later one")
        return self._service.events.amend(
            event,
            title=given.get("title"),
            severity=Severity(given["severity"]) if "severity" in given else None,
            attributes=attributes,
            end_ms=self._now_ms() if end_ms is None else end_ms,
        )

    def _time(self, given: dict[str, Any], name: str) -> int | None:
        """Return the moment in a field, None where there is none. Raises ApiError."""
        value, now_ms = given.get(name), self._now_ms()
        if value is None:
            return None
        try:
            time_ms = time_of(str(value), now_ms)
        except ValueError as error:
            raise bad(f"{name}: {error}") from None
        if time_ms > now_ms + AHEAD_MAX_MS:
            raise bad(f"{name}: is yet to come; give a time that has been")
        return time_ms


def _kinds(request: Request) -> tuple[str, ...] | None:
    kinds = _KIND.all_of(request, separator=",")
    if len(kinds) > KINDS_MAX:
        raise bad(f"kind: at most {KINDS_MAX}, these are {len(kinds)}")
    for kind in kinds:
        if kind not in _KINDS:
            raise bad(f"kind: {kind[:64]!a} is none of them; {advice_for(kind[:64], _KINDS)}")
    return tuple(dict.fromkeys(kinds)) or None


def event_endpoints(events: Events) -> EndpointGroup:
    """Return the addresses of events."""
    return EndpointGroup(
        "Events",
        (
            Endpoint(
                "GET",
                "/api/v1/events",
                events.list,
                READERS,
                "List events",
                "The newest events of a range, oldest first; by default of the last 24 hours.",
                parameters=lambda: (START, END, _KIND, _SEVERITY, _LIMIT),
                answers={200: json_answer("The events.", ref("Events"))},
                errors={
                    400: "A parameter is unknown or not valid.",
                    503: "The history cannot be read, or there are too many queries.",
                },
                cost=4,
            ),
            Endpoint(
                "POST",
                "/api/v1/events",
                events.mark,
                ADMINS,
                "Make a mark",
                "An event of your own, such as a deployment. With `ongoing` it goes on until a request with its `id`.",
                body=NEW_MARK,
                answers={
                    200: json_answer("The mark, which has ended.", ref("Event")),
                    201: json_answer("The new mark.", ref("Event")),
                },
                errors={
                    400: "A field is unknown or not valid.",
                    404: "No mark that goes on has this id.",
                },
                cost=4,
            ),
        ),
        _schemas,
    )


def _schemas() -> Json:
    return {
        "Event": object_of(
            "Something that happened at a moment, or went on for a while.",
            {
                "id": text_of("Names the event. One with the same id replaces it."),
                "source": text_of("The id of the machine."),
                "time": whole_of("When it happened or began, in Unix ms."),
                "end": whole_of("When it ended, in Unix ms; null for a moment, and while it goes on.", null=True),
                "kind": text_of("What sort of thing happened.", enum=_KINDS),
                "severity": text_of("How bad it is.", enum=_SEVERITIES),
                "title": text_of("What happened, in one line."),
                "attributes": {
                    "type": "object",
                    "additionalProperties": {"type": ["string", "number", "array"], "items": {"type": "string"}},
                    "description": "Short strings and numbers; `names` is a list of strings.",
                },
            },
        ),
        "Events": object_of(
            "The events of a range.",
            {
                "source": text_of("The id of the machine."),
                "host": text_of("The name of the machine."),
                "start": whole_of("Where the range begins, in Unix ms; no earlier than the token sees."),
                "end": whole_of("Where the range ends, in Unix ms."),
                "events": list_of("Event"),
            },
        ),
    }
