"""What one caller may see and do: the whole, or what a token is limited to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from vitalcast.core.metrics.model import Series
from vitalcast.core.metrics.names import Selection
from vitalcast.core.vocabulary import Scope

TOKEN_NAME_CHARS_MAX = 120
SCREEN_NAME_CHARS_MAX = 60
TABLE_PREFIX = "table."  # a table is granted by a pattern that means this and its name


@dataclass(frozen=True, slots=True)
class Grant:
    """What one caller may see and do.

    `within` is what may be seen, of which any one selection suffices; None is everything. `panels` are the ids of
    those that may be embedded, None for all, and `dashboard` says whether they may be shown together. `origins` are
    the other sites whose pages may use it; None leaves that to the settings. `interval_min_ms` is the shortest
    interval that may be asked for, and `expires_ms` is in Unix milliseconds.
    """

    scope: Scope
    token_id: str | None = None
    within: tuple[Selection, ...] | None = None
    interval_min_ms: int = 0
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

    def allows(self, series: Series) -> bool:
        """Say whether this series may be seen."""
        return self.within is None or any(one.matches(series) for one in self.within)

    def allows_name(self, name: str) -> bool:
        """Say whether any series of this metric may be seen."""
        return self.within is None or any(one.matches_name(name) for one in self.within)

    def allows_table(self, name: str) -> bool:
        return self.allows_name(f"{TABLE_PREFIX}{name}")

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
