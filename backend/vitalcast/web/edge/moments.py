"""The moments and ranges that a request asks for, and how much of them its caller may see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from vitalcast.core.query.times import FORMS, MOMENT_MAX_MS, time_of
from vitalcast.errors import ProtocolError
from vitalcast.web.edge.caller import grant_of
from vitalcast.web.edge.errors import api_error
from vitalcast.web.edge.fields import Parameter, bad

if TYPE_CHECKING:
    from starlette.requests import Request

_FORM: Final = "Unix milliseconds, ISO 8601 (UTC unless it names a zone), or `-3h` from now"
START: Final = Parameter("start", f"Where the range begins: {_FORM}.", {"type": "string"}, FORMS)
END: Final = Parameter("end", f"Where the range ends, by default now: {_FORM}.", {"type": "string"}, FORMS)
AT: Final = Parameter("at", f"The moment: {_FORM}.", {"type": "string"}, FORMS)


SETTLED_MS: Final = 60_000  # after which nothing is still to come of a time: no tick is so late


class Range(NamedTuple):
    """The time in (start_ms, end_ms]. `fixed` says that it is the same whenever it is asked for, and over by now.

    What was before `hidden_ms` is not for the caller.
    """

    start_ms: int
    end_ms: int
    fixed: bool = False
    hidden_ms: int = 0

    def settled(self, now_ms: int) -> bool:
        """Say whether nothing is still to come of it."""
        return self.end_ms <= now_ms - SETTLED_MS


def range_of(
    request: Request,
    now_ms: int,
    *,
    default_s: float,
    start: Parameter = START,
    end: Parameter = END,
    shift_ms: int = 0,
) -> Range:
    """Return the range that is asked for, by default the last `default_s` seconds before its end.

    It begins no earlier than the caller may look, who gets what was `shift_ms` before. Raises ApiError that says what
    would be right.
    """
    end_ms = _moment(request, end, now_ms)
    start_ms = _moment(request, start, now_ms)
    last_ms = now_ms if end_ms is None else end_ms
    first_ms = max(0, last_ms - round(default_s * 1000)) if start_ms is None else start_ms
    if first_ms >= last_ms:
        raise bad(f"start: {first_ms} is not before end, {last_ms}; give an earlier start")
    hidden_ms = grant_of(request).hidden_ms(now_ms)
    seen = Range(_seen(request, first_ms, last_ms, now_ms, shift_ms), last_ms, hidden_ms=hidden_ms)
    named = is_fixed(request, end) and (start_ms is None or is_fixed(request, start))
    return seen._replace(fixed=named and seen.start_ms == first_ms and seen.settled(now_ms))


def moment_of(request: Request, now_ms: int, parameter: Parameter = AT) -> int | None:
    """Return the moment that is asked for, or None. Raises ApiError where there is no such or the caller may not look.

    A moment is in the range that it ends, so that of the earliest is nothing to see.
    """
    at_ms = _moment(request, parameter, now_ms)
    if at_ms is not None:
        _seen(request, at_ms - 1, at_ms, now_ms, 0)
    return at_ms


def _moment(request: Request, parameter: Parameter, now_ms: int) -> int | None:
    text = request.query_params.get(parameter.name)
    if text is None:
        return None
    try:
        time_ms = time_of(text, now_ms)
    except ValueError as error:
        raise bad(f"{parameter.name}: {error}") from None
    if time_ms > MOMENT_MAX_MS:
        raise bad(f"{parameter.name}: is past the year 9998; give {FORMS}")
    return time_ms


def is_fixed(request: Request, parameter: Parameter) -> bool:
    """Say whether a moment is given that is the same whenever it is asked for."""
    return request.query_params.get(parameter.name, "-").strip()[:1] not in "-nN"  # as in `-3h` and `now`


def _seen(request: Request, start_ms: int, end_ms: int, now_ms: int, shift_ms: int) -> int:
    try:
        return grant_of(request).start_ms(start_ms, end_ms, now_ms, shift_ms=shift_ms)
    except ProtocolError as error:
        raise api_error(error) from None
