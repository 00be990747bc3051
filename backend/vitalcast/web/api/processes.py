"""Which processes used the machine, at a moment or over a window."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from starlette.responses import Response

from vitalcast import clocks
from vitalcast.core.processes.answer import (
    SORT_DEFAULT,
    ProcessAnswer,
    ProcessRequest,
    check_request,
)
from vitalcast.core.processes.course import COURSE_POINTS
from vitalcast.core.query.who import course_between, who_at, who_between
from vitalcast.core.stream.grants import NAMING_TABLE
from vitalcast.core.vocabulary import ErrorCode
from vitalcast.core.wire.bounds import FILTER_CHARS_MAX
from vitalcast.errors import ApiError
from vitalcast.web.edge.caller import grant_of
from vitalcast.web.edge.endpoint import READERS, Endpoint, EndpointGroup
from vitalcast.web.edge.errors import json_response
from vitalcast.web.edge.fields import Parameter, bad
from vitalcast.web.edge.moments import AT, END, START, moment_of, range_of
from vitalcast.web.edge.schemas import Json, json_answer, list_of, object_of, ref, text_of, whole_of

if TYPE_CHECKING:
    from starlette.requests import Request

    from vitalcast.core.query.past import Past
    from vitalcast.live.service import Service

DEFAULT_S: Final = 3600.0
_ORDERS: Final = ("ascending", "descending")
_SORTS: Final = ("cpu", "memory", "read", "write", "cpu_peak", "memory_peak", "pid", "name", "user", "unit", "started")
_SORT: Final = Parameter(
    "sort",
    "The column to sort by; of a range, `memory` is its peak.",
    {"type": "string", "enum": list(_SORTS), "default": SORT_DEFAULT},
    f"one of {', '.join(_SORTS)}",
)
_ORDER: Final = Parameter(
    "order",
    "The order. Default: numbers from the highest down, text from A to Z.",
    {"type": "string", "enum": list(_ORDERS)},
    " or ".join(_ORDERS),
)
_FILTER: Final = Parameter(
    "filter",
    "Text that the name, pid, user or unit must contain, in any case; in double quotes, all of it.",
    {"type": "string", "maxLength": FILTER_CHARS_MAX, "default": ""},
    f"at most {FILTER_CHARS_MAX} characters",
)
_LIMIT: Final = Parameter(
    "limit",
    "How many processes at most.",
    {"type": "integer", "minimum": 1, "maximum": 1000, "default": 20},
    "a whole number from 1 to 1000",
)

_PID: Final = Parameter(
    "pid",
    "The id of one process: then a row is a step of what it did, as far as it was recorded.",
    {"type": "integer", "minimum": 1, "maximum": 2**31},
    "the id of a process",
)
_POINTS: Final = Parameter(
    "points",
    "With `pid`, about how many rows.",
    {"type": "integer", "minimum": 1, "maximum": 1000, "default": COURSE_POINTS},
    "a whole number from 1 to 1000",
)


class Processes:
    """Answers of what the flight recorder has taken down."""

    def __init__(self, service: Service, *, now_ms: Callable[[], int] = clocks.wall_ms) -> None:
        self._service = service
        self._now_ms = now_ms

    async def list(self, request: Request) -> Response:
        """Return the processes of a moment, or of a range."""
        grant = grant_of(request)
        if not grant.allows_table(NAMING_TABLE):
            raise ApiError(403, ErrorCode.DENIED, "processes: your token does not cover table.processes")
        wanted, now_ms, pid, points = self._wanted(request), self._now_ms(), _PID.of(request), _POINTS.of(request)
        if pid is not None:
            return json_response(self._shown(await self._course(request, pid, points, now_ms)))
        at_ms = moment_of(request, now_ms)
        if at_ms is not None and (beside := [one.name for one in (START, END) if one.name in request.query_params]):
            raise bad(f"{beside[0]}: at is given too; give either a moment or a range")
        if at_ms is None and not {START.name, END.name} & request.query_params.keys():
            at_ms = now_ms
        _check(wanted, window=at_ms is None)
        if at_ms is not None:
            moment_ms, hidden_ms = at_ms, grant.hidden_ms(now_ms)
            answer = await self._ask(lambda past: who_at(past, moment_ms, wanted, hidden_ms=hidden_ms))
        else:
            window = range_of(request, now_ms, default_s=DEFAULT_S)
            answer = await self._ask(lambda past: who_between(past, window.start_ms, window.end_ms, wanted))
        return json_response(self._shown(answer))

    def _wanted(self, request: Request) -> ProcessRequest:
        order = _ORDER.of(request)
        return ProcessRequest(
            sort=_SORT.of(request),
            descending=None if order is None else order == "descending",
            filter=_FILTER.of(request),
            limit=_LIMIT.of(request),
            command=self._service.settings.collectors.process_command_line,
        )

    async def _course(self, request: Request, pid: int, points: int, now_ms: int) -> ProcessAnswer:
        """Answer about one process."""
        names = (AT.name, _SORT.name, _ORDER.name, _FILTER.name, _LIMIT.name)
        if beside := [name for name in names if name in request.query_params]:
            raise bad(f"{beside[0]}: does not go with pid; leave one of them out")
        window = range_of(request, now_ms, default_s=DEFAULT_S)
        return await self._ask(lambda past: course_between(past, (pid,), window.start_ms, window.end_ms, points))

    async def _ask(self, ask: Callable[[Past], ProcessAnswer]) -> ProcessAnswer:
        return await self._service.queries.run(ask)

    def _shown(self, answer: ProcessAnswer) -> Json:
        timeline = self._service.timeline
        return {
            "source": timeline.id,
            "host": timeline.name,
            "start": answer.start_ms,
            "end": answer.end_ms,
            "interval": answer.interval_ms / 1000,
            "columns": [column._asdict() for column in answer.columns],
            "rows": answer.rows,
            "matches": answer.matches,
        }


def _check(wanted: ProcessRequest, *, window: bool) -> None:
    try:
        check_request(wanted, window=window)
    except ValueError as error:
        raise bad(str(error)) from None


def process_endpoints(processes: Processes) -> EndpointGroup:
    """Return the address of recorded processes."""
    return EndpointGroup(
        "Processes",
        (
            Endpoint(
                "GET",
                "/api/v1/processes",
                processes.list,
                READERS,
                "List the processes of the past",
                "The processes that used most of the machine at a moment, by default now, or over a range: then with "
                "what each used in all, its peaks, and whether it has ended. With `pid`, what "
                "one process did over a range.",
                parameters=lambda: (AT, START, END, _SORT, _ORDER, _FILTER, _LIMIT, _PID, _POINTS),
                answers={200: json_answer("The processes.", ref("Processes"))},
                errors={
                    400: "A parameter is unknown or not valid.",
                    503: "The history cannot be read, or there are too many queries.",
                },
                cost=4,
            ),
        ),
        _schemas,
    )


def _schemas() -> Json:
    return {
        "ProcessColumn": object_of(
            "A column of processes.",
            {
                "name": text_of("Its name."),
                "unit": text_of("Its unit in UCUM; empty for text and true or false."),
                "description": text_of("What it says."),
            },
        ),
        "Processes": object_of(
            "The processes of a moment or a range, a row for each.",
            {
                "source": text_of("The id of the machine."),
                "host": text_of("The name of the machine."),
                "start": whole_of("Where the time that is told of begins, in Unix ms."),
                "end": whole_of("Where it ends, in Unix ms."),
                "interval": {
                    "type": "number",
                    "description": "Seconds between recordings; 0 where nothing was recorded.",
                },
                "columns": list_of("ProcessColumn"),
                "rows": {
                    "type": "array",
                    "items": {"type": "array", "items": {"type": ["string", "number", "boolean", "null"]}},
                    "description": "A row has a value for each column, null where it is not known.",
                },
                "matches": whole_of("How many processes there are without `limit`."),
            },
        ),
    }
