"""What one caller may see and do: the whole, or what a token is limited to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from vitalcast.core.durations import duration_of
from vitalcast.core.metrics.model import Series
from vitalcast.core.metrics.names import Selection
from vitalcast.core.vocabulary import ErrorCode, Scope
from vitalcast.errors import ProtocolError

TOKEN_NAME_CHARS_MAX = 120
SCREEN_NAME_CHARS_MAX = 60
TABLE_PREFIX = "table."  # a table is granted by a pattern that means this and its name
NAMING_TABLE = "processes"  # whoever may see it may see names of programs and users everywhere
EVENTS_TABLE = "events"  # whoever may see it may see events
NAMING_ATTRIBUTES = frozenset(
    {
        "process.command",
        "process.command_args",
        "process.command_line",
        "process.executable.name",
        "process.executable.path",
        "process.owner",
        "process.real_user.name",
        "process.saved_user.name",
        "process.title",
        "process.user.name",
        "user.email",
        "user.full_name",
        "user.id",
        "user.name",
    }
)
NAMELESS = frozenset({"system", "hw", "vitalcast"})  # what begins so is ours, and none of it has such an attribute


@dataclass(frozen=True, slots=True)
class Grant:
    """What one caller may see and do.

    `within` is what may be seen, of which any one selection suffices; None is everything. `panels` are the ids of
    those that may be embedded, None for all, and `dashboard` says whether they may be shown together. `origins` are
    the other sites whose pages may use it; None leaves that to the settings. `interval_min_ms` is the shortest
    interval that may be asked for, `since_s` how many seconds back may be looked (None: as far as anything is kept),
    and `expires_ms` is in Unix milliseconds.
    """

    scope: Scope
    token_id: str | None = None
    within: tuple[Selection, ...] | None = None
    interval_min_ms: int = 0
    since_s: float | None = None
    panels: frozenset[str] | None = None
    dashboard: bool = True
    origins: frozenset[str] | None = None
    expires_ms: int | None = None

    def outside(self, selection: Selection) -> tuple[str, ...]:
        """Return the patterns of a selection that can mean what may not be seen, whatever series there are."""
        if self.within is None:
            return ()
        within = [one for one in self.within if one.restricts_no_more(selection)]
        return tuple(pattern for pattern in selection.patterns if not any(one.means(pattern) for one in within))

    def covers(self, selection: Selection) -> bool:
        """Say whether all that a selection can mean may be seen, whatever series there are."""
        return not self.outside(selection)

    @property
    def sees_names(self) -> bool:
        """Whether names of programs and users may be seen, and what describes a machine beyond its own name."""
        return self.allows_table(NAMING_TABLE)

    @property
    def sees_events(self) -> bool:
        """Whether events may be seen; by embeds only where their token names them, as none of version 0.1 does."""
        if self.scope is Scope.EMBED:
            return any(f"{TABLE_PREFIX}{EVENTS_TABLE}" in one.patterns for one in self.within or ())
        return self.allows_table(EVENTS_TABLE)

    def narrowed(self, selection: Selection) -> Selection:
        """Return the part of a selection that names no program and no user, or all of it to who may see names."""
        if self.sees_names or all(pattern.partition(".")[0] in NAMELESS for pattern in selection.patterns):
            return selection
        return replace(selection, without=selection.without | NAMING_ATTRIBUTES)

    def reach_s(self, wanted_s: float) -> float:
        """Return how many of these seconds back may be looked."""
        return wanted_s if self.since_s is None else min(wanted_s, self.since_s)

    def hidden_ms(self, now_ms: int) -> int:
        """Return the time before which nothing may be seen; 0 where all may be."""
        return 0 if self.since_s is None else now_ms - round(self.since_s * 1000)

    def start_ms(self, start_ms: int, end_ms: int, now_ms: int, *, shift_ms: int = 0) -> int:
        """Return where (start_ms, end_ms] begins for this caller, who gets what was `shift_ms` before.

        Raises ProtocolError where all of it is longer ago than may be looked.
        """
        if self.since_s is None:
            return start_ms
        earliest_ms = self.hidden_ms(now_ms) + shift_ms
        if end_ms <= earliest_ms:
            raise ProtocolError(ErrorCode.DENIED, f"this token sees {duration_of(self.since_s)} back")
        return max(start_ms, earliest_ms)

    def check_step(self, step_ms: int | None) -> None:
        """Raise ProtocolError where steps of the past are shorter than what this caller may have of the present."""
        if step_ms is not None and step_ms < self.interval_min_ms:
            raise ProtocolError(
                ErrorCode.LIMIT,
                f"step: the shortest for this token is {self.interval_min_ms / 1000:g} s, not {step_ms / 1000:g}",
            )

    def allows(self, series: Series) -> bool:
        """Say whether this series may be seen."""
        if self.within is None:
            return True
        if not self.sees_names and series.says_any(NAMING_ATTRIBUTES):
            return False
        return any(one.matches(series) for one in self.within)

    def allows_name(self, name: str) -> bool:
        """Say whether any series of this metric may be seen."""
        return self.within is None or any(one.matches_name(name) for one in self.within)

    def allows_table(self, name: str) -> bool:
        return self.allows_name(f"{TABLE_PREFIX}{name}")

    def shows_panel(self, id_: str, selection: Selection) -> bool:
        """Say whether a panel that selects this may be shown, with all that it asks for."""
        if self.within is None:
            return True
        return (self.scope is Scope.STREAM or self.allows_panel(id_)) and self.covers(selection)

    def allows_panel(self, id_: str) -> bool:
        return self.panels is None or id_ in self.panels

    def expired(self, now_ms: int) -> bool:
        return self.expires_ms is not None and now_ms >= self.expires_ms


class Caller(NamedTuple):
    """Who is at the other end of a socket.

    `grant` is None while it has yet to be told, `address` is where it comes from, and `origin` the other site whose
    page it is, None for our own pages and for programs.
    """

    grant: Grant | None
    address: str = ""
    origin: str | None = None


OPEN = Caller(Grant(Scope.ADMIN))
