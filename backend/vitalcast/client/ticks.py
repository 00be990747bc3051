"""What a stream of metrics gives a program: ticks, their series, and what was lost between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from math import inf, isfinite
from typing import TYPE_CHECKING, Final, NamedTuple

from vitalcast.client.panels import Headline, Line, PanelHead

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Position(NamedTuple):
    """Where a stream stands: `offset` counts the ticks of the store that `epoch` names."""

    epoch: str
    offset: int


class Gap(NamedTuple):
    """Ticks that will not come, `first` to `last`, and why.

    `why` is `slow` (this program or the line could not take them), `sampler` (they were not sampled), `expired` (they
    are no longer kept), or `restart`: the server counts anew, so that nobody knows how many there were, and both
    bounds are None.
    """

    first: int | None
    last: int | None
    why: str


class Series(NamedTuple):
    """What a column is: `key` is its name with its attributes, or `max(key)` where several aggregates were asked for.

    `attributes` tell it from others of its name, `labels` describe it.
    """

    key: str
    name: str
    unit: str
    attributes: Mapping[str, str]
    labels: Mapping[str, str] = {}
    aggregate: str = ""


class Columns:
    """The series of a stream's columns, shared by its ticks, and for a panel what the server says of them."""

    __slots__ = ("index", "panel", "series")

    def __init__(self, series: Sequence[Series], panel: PanelHead | None = None) -> None:
        self.series = tuple(series)
        self.index: dict[str, int] = {}
        for position, one in enumerate(self.series):
            self.index.setdefault(one.key, position)
        self.panel = panel

    def __len__(self) -> int:
        return len(self.series)


NO_COLUMNS: Final = Columns(())


class Tick(Mapping[str, "float | None"]):
    """The values of one time, by their series' keys; None where there is none.

    `offset` counts the server's ticks. It is None for what a stream begins with or catches up on, but for the newest of
    it: of those the server tells times alone. `gaps` are the ticks that were lost right before this one.
    """

    __slots__ = ("_columns", "_values", "gaps", "offset", "position", "time_ms")

    def __init__(
        self,
        time_ms: int,
        offset: int | None,
        columns: Columns,
        values: Sequence[float],
        *,
        gaps: tuple[Gap, ...] = (),
        position: Position | None = None,
    ) -> None:
        """`values` has one for each column, `nan` for none."""
        self.time_ms = time_ms
        self.offset = offset
        self.gaps = gaps
        self.position = position
        self._columns = columns
        self._values = values

    def __getitem__(self, key: str) -> float | None:
        value = self._values[self._columns.index[key]]
        return value if isfinite(value) else None

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns.index)

    def __len__(self) -> int:
        return len(self._columns.index)

    def __repr__(self) -> str:
        return f"<Tick {self.time.isoformat(timespec='milliseconds')} {dict(self)}>"

    @property
    def time(self) -> datetime:
        """The time in UTC."""
        return _EPOCH + timedelta(milliseconds=self.time_ms)

    @property
    def gap(self) -> Gap | None:
        """What was lost right before this tick; of several gaps the one with the most ticks."""
        return max(self.gaps, key=_size, default=None)

    @property
    def series(self) -> tuple[Series, ...]:
        """What each column is, in the order of `row`."""
        return self._columns.series

    @property
    def lines(self) -> tuple[Line, ...]:
        """Of a panel the lines that it draws, in order."""
        panel = self._columns.panel
        return () if panel is None else panel.lines_at(self._values)

    @property
    def headline(self) -> Headline | None:
        """The number that stands for a panel; None where it shows nothing for now, and of what is no panel."""
        panel = self._columns.panel
        return None if panel is None else panel.headline_at(self._values)

    @property
    def level(self) -> str:
        """The level of a panel: `warning`, `critical`, or empty."""
        headline = self.headline
        return "" if headline is None else headline.level

    @property
    def row(self) -> npt.NDArray[np.float64]:
        """The values in the order of `series`, `nan` for none."""
        import numpy as np

        return np.array(self._values, dtype=np.float64)


def _size(gap: Gap) -> float:
    return inf if gap.first is None or gap.last is None else gap.last - gap.first


def follow_lost(lost: Tick, after: Tick) -> None:
    """Have a tick tell that the one before it was dropped here, and what was lost before that."""
    gap = Gap(lost.offset, lost.offset, "slow")
    for one in lost.gaps:
        gap = joined(one, gap)
    if after.gaps and after.gaps[0].why == gap.why:
        gap, after.gaps = joined(gap, after.gaps[0]), after.gaps[1:]
    after.gaps = (gap, *after.gaps)


def joined(one: Gap, other: Gap) -> Gap:
    """Return two gaps as one, for the reason of the later."""
    if one.first is None or one.last is None or other.first is None or other.last is None:
        return Gap(None, None, other.why)
    return Gap(min(one.first, other.first), max(one.last, other.last), other.why)
