"""What commands refuse before they do anything: what is not there, and what the caller may not see."""

from __future__ import annotations

import math
from collections.abc import Sequence

from vitalcast.core.metrics.growth import derives
from vitalcast.core.metrics.names import Selection
from vitalcast.core.metrics.timeline import Timeline
from vitalcast.core.stream.grants import Grant
from vitalcast.core.stream.hub import Hub
from vitalcast.core.stream.keys import AnyKey, EventKey, PanelKey, SeriesKey, TableKey
from vitalcast.core.text import few
from vitalcast.core.vocabulary import Aggregate, ErrorCode
from vitalcast.core.wire.bounds import PANEL_AGGREGATES_MAX
from vitalcast.core.wire.commands import RatioTo
from vitalcast.errors import ProtocolError, UnknownIdError


def check_known(selection: Selection, timeline: Timeline, field: str = "metrics") -> None:
    """Raise ProtocolError where a selection can mean nothing here, whatever comes."""
    catalogue = timeline.catalogue
    impossible = catalogue.impossible(selection)
    if len(impossible) == len(selection.patterns):
        nearest = catalogue.advice(impossible[0])
        advice = f"did you mean {nearest}?" if nearest else "'list' shows the metrics"
        raise ProtocolError(ErrorCode.UNKNOWN_METRIC, f"{field}: nothing here is called {few(impossible)}; {advice}")


def granted(selection: Selection, grant: Grant, field: str = "metrics") -> Selection:
    """Return a selection as its caller may have it: who may not see names gets no series with one.

    Raises ProtocolError where it can mean more than may be seen otherwise.
    """
    if outside := grant.outside(selection):
        what = few(outside) + (" with this 'where'" if selection.where else "")
        raise ProtocolError(ErrorCode.DENIED, f"{field}: {what} is more than this token may see")
    return grant.narrowed(selection)


def divisor_of(ratio_to: RatioTo | None, timeline: Timeline, grant: Grant) -> Selection | None:
    """Return what values are to be divided by, as its caller may have it, None for nothing. Raises ProtocolError."""
    if ratio_to is None:
        return None
    field = "ratio_to.metrics"
    selection = granted(ratio_to.selection(), grant, field)
    check_known(selection, timeline, field)
    return selection


def check_table(name: str, grant: Grant) -> None:
    """Raise ProtocolError where a table may not be seen."""
    if not grant.allows_table(name):
        raise ProtocolError(ErrorCode.DENIED, f"table: {name!r} is more than this token may see")


def check_events(grant: Grant) -> None:
    """Raise ProtocolError where events may not be seen."""
    if not grant.sees_events:
        raise ProtocolError(ErrorCode.DENIED, "events: they are more than this token may see")


def named_panel(panel_id: str, hub: Hub, grant: Grant) -> bool:
    """Say whether a caller sees all of a panel's series, those that name a program or a user included.

    Raises ProtocolError where there is no such panel, or it can show more than may be seen otherwise.
    """
    if hub.panels is None:
        raise ProtocolError(ErrorCode.UNKNOWN_METRIC, "panel: there are none here; subscribe to metrics")
    try:
        selection = hub.panels.selection(panel_id)
    except UnknownIdError as error:
        if grant.within is not None:  # whether there is one is not for this caller to know
            raise _panel_denied(panel_id) from None
        raise ProtocolError(ErrorCode.UNKNOWN_METRIC, f"panel: {error}") from None
    if not grant.shows_panel(panel_id, selection):
        raise _panel_denied(panel_id)
    return grant.narrowed(selection) == selection


def _panel_denied(panel_id: str) -> ProtocolError:
    return ProtocolError(ErrorCode.DENIED, f"panel: {panel_id!r} is more than this token may see")


def wrong_for_panel(aggregates: Sequence[Aggregate]) -> str | None:
    """Return why a panel cannot be asked for these aggregates of its past; None where it can."""
    if len(aggregates) > PANEL_AGGREGATES_MAX:
        return f"aggregate: of a panel at most {PANEL_AGGREGATES_MAX} at once"
    if derives(aggregates):
        return "aggregate: a panel has no delta and no rate; give its metrics in place of the panel"
    return None


def check_shift_granted(key: SeriesKey, grant: Grant) -> None:
    """Raise ProtocolError where a stream shows what was longer ago than its caller may look."""
    if key.shift_ms and key.shift_ms + key.interval_ms > grant.reach_s(math.inf) * 1000:
        raise ProtocolError(ErrorCode.DENIED, f"shift: this token sees {grant.since_s:g} s back")


def check_granted(key: AnyKey, hub: Hub, grant: Grant) -> None:
    """Raise ProtocolError where a stream that is there is more than a new grant allows."""
    if isinstance(key, EventKey):
        check_events(grant)
        if key.named and not grant.sees_names:
            raise ProtocolError(ErrorCode.DENIED, "events: this token may not see names of programs and users")
        return
    if isinstance(key, TableKey):
        check_table(key.table, grant)
    elif isinstance(key, PanelKey):
        named = named_panel(key.panel, hub, grant)
        if key.named and not named:
            raise ProtocolError(ErrorCode.DENIED, "panel: this token may not see names of programs and users")
        if (reach_s := grant.reach_s(key.range_ms / 1000)) * 1000 < key.range_ms:
            raise ProtocolError(ErrorCode.DENIED, f"range: this token sees {reach_s:g} s back")
    elif any(granted(one, grant) != one for one in key.selections):
        raise ProtocolError(ErrorCode.DENIED, "metrics: this token may not see names of programs and users")
    else:
        check_shift_granted(key, grant)
    if key.interval_ms < grant.interval_min_ms:
        raise ProtocolError(
            ErrorCode.LIMIT,
            f"interval: the shortest for this token is {grant.interval_min_ms / 1000:g} s, "
            f"this stream's is {key.interval_ms / 1000:g}",
        )
