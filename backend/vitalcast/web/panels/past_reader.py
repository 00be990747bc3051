"""Pictures of the past: which range or moment is asked for, and what was read in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from vitalcast import clocks
from vitalcast.core.metrics.names import Selection
from vitalcast.core.panels.folded import folded
from vitalcast.core.panels.selection import request_selection
from vitalcast.core.panels.shown_then import shown_then
from vitalcast.core.panels.state import colors_of
from vitalcast.core.panels.whole_steps import aggregate_of, over_whole_steps, to_ask
from vitalcast.core.query.ask import ask
from vitalcast.core.query.limits import QueryLimits
from vitalcast.core.query.query import Query, Result
from vitalcast.core.vocabulary import Aggregate
from vitalcast.live.service import Service
from vitalcast.web.edge.caller import grant_of
from vitalcast.web.edge.fields import Parameter, bad
from vitalcast.web.edge.moments import AT, END, START, Range, moment_of, range_of
from vitalcast.web.edge.waiting import unless_gone
from vitalcast.web.panels.panel_reader import Pictured

if TYPE_CHECKING:
    from starlette.requests import Request

    from vitalcast.core.panels.schema import Panel
    from vitalcast.core.query.past import Past

PICTURE_AT: Final = AT._replace(description=f"{AT.description} The range ends there, as with `end`.")
RANGE_PARAMETERS: Final = (START, END, PICTURE_AT)
BADGE_STEP_MS: Final = 1000
BADGE_FALLBACK_MS: Final = 2 * 3_600_000  # in which there is a whole step of any tier
_MINUTE_MS: Final = 60_000


class PastReader:
    """Reads the past of a service's panels. `now_ms` is the time of day."""

    def __init__(self, service: Service, *, now_ms: Callable[[], int] = clocks.wall_ms) -> None:
        self._service = service
        self._timeline = service.timeline
        self._now_ms = now_ms

    def range_of(self, request: Request, range_: Parameter) -> Range | None:
        """Return the range of the past that a picture is to show; None for the last seconds, up to now.

        Raises ApiError.
        """
        given = [one.name for one in RANGE_PARAMETERS if one.name in request.query_params]
        if not given:
            return None
        if "at" in given and len(given) > 1:
            raise bad("at: does not go with start or end; give a moment or a range")
        if "start" in given and range_.name in request.query_params:
            raise bad("range: does not go with start; leave one of them out")
        end = AT if "at" in given else END
        return range_of(request, self._now_ms(), default_s=float(range_.of(request)), end=end)

    def moment_of(self, request: Request) -> int | None:
        """Return the moment of the past that a badge is to show; None for now. Raises ApiError."""
        return moment_of(request, self._now_ms())

    def is_settled(self, at_ms: int) -> bool:
        """Say whether nothing is still to come of that moment."""
        return Range(at_ms - 1, at_ms).settled(self._now_ms())

    async def pictured(self, request: Request, panel: Panel, range_: Range, points: int) -> Pictured:
        """Return the panel as it was in a range, with so many points or somewhat more."""
        wanted = request_selection(panel)
        selection = grant_of(request).narrowed(wanted)
        now = self._service.panels.over_past(self._timeline, panel.id, named=selection == wanted)
        peaks = panel.chart == "heatmap"
        aggregate = Aggregate.MAX if peaks else aggregate_of(panel)
        interval_ms = round(panel.interval * 1000)
        least = max(1, min(points, (range_.end_ms - range_.start_ms) // interval_ms)) if interval_ms else points
        query = Query(
            selection,
            range_.start_ms,
            range_.end_ms,
            points=least,
            aggregates=to_ask(panel, (aggregate,)),
            hidden_ms=range_.hidden_ms,
        )

        def pictured(result: Result) -> Pictured:
            from vitalcast.core.drawing.past_window import window_then

            values = over_whole_steps(panel, result.values, (aggregate,))
            series, values = folded(panel, result.series, values)
            result = replace(result, series=series, values=values, aggregates=(aggregate,))
            shown = shown_then(panel, result.series, result.values, palette=now.palette.copy(), colors=now.colors)
            now.remember(colors_of(shown.lines))
            return Pictured(shown, window_then(result, shown.columns, self._timeline.interval_ms), result.step_ms)

        def prepare() -> Callable[[Past], Pictured]:
            read = self._ask(query)
            return lambda past: pictured(read(past))

        return await unless_gone(request, self._service.queries.run_prepared(prepare))

    async def before(self, request: Request, selection: Selection, at_ms: int, span_ms: int) -> Result:
        """Return the values of about that moment: those of each second in the span before, else what is kept of then.

        Of what the grant does not cover there is nothing.
        """
        grant = grant_of(request)
        narrowed = grant.narrowed(selection)
        now_ms = self._now_ms()

        def read_from(start_ms: int, step_ms: int) -> Callable[[Past], Result]:
            seen_ms, hidden_ms = grant.start_ms(start_ms, at_ms, now_ms), grant.hidden_ms(now_ms)
            last = (Aggregate.LAST,)
            return self._ask(Query(narrowed, seen_ms, at_ms, step_ms=step_ms, aggregates=last, hidden_ms=hidden_ms))

        read_exact = read_from(at_ms - span_ms, BADGE_STEP_MS)
        read_coarse = read_from(at_ms - BADGE_FALLBACK_MS, _MINUTE_MS)

        def work(past: Past) -> Result:
            result = read_exact(past)
            return result if len(result.times_ms) else read_coarse(past)

        return await unless_gone(request, self._service.queries.run(work))

    def _ask(self, query: Query) -> Callable[[Past], Result]:
        return ask(self._timeline, query, QueryLimits(values=self._service.hub.limits.snapshot_values))
