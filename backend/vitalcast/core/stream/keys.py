"""What makes two subscriptions equal, and about what one takes."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, NamedTuple

from vitalcast.core.events.event import ANY_EVENT, EventFilter
from vitalcast.core.vocabulary import Aggregate, Reduce
from vitalcast.core.wire.encodings import JSON, Encoding

if TYPE_CHECKING:
    from vitalcast.core.metrics.names import Selection

GROUP_BYTES = 2_000  # of a group with nothing in it, the hub's and the manager's share counted
TEXT_BYTES = 60  # of a short text beside its characters


class Form(enum.Enum):
    """How emissions say which series a value belongs to."""

    COLUMNS = "columns"  # by its position, which the snapshot has named
    SELF_DESCRIBING = "self-describing"  # by its key, for sockets that speak no protocol
    NAMED = "named"  # by its key, one message a tick, and nothing else but gaps

    @classmethod
    def of(cls, encoding: Encoding) -> Form:
        """Return the form of subscriptions in an encoding."""
        return cls.NAMED if encoding.named else cls.COLUMNS


class SeriesKey(NamedTuple):
    """What makes two subscriptions equal. `source` is the id of the one whose series they are.

    `group_by`, `reduce`, `ratio_to`, `top` and `shift_ms` are as in Query, save that the top is by the newest value.
    """

    source: str
    selection: Selection
    interval_ms: int
    aggregates: tuple[Aggregate, ...] = (Aggregate.LAST,)
    form: Form = Form.COLUMNS
    encoding: Encoding = JSON
    group_by: tuple[str, ...] | None = None
    reduce: Reduce = Reduce.SUM
    top: int | None = None
    shift_ms: int = 0
    ratio_to: Selection | None = None

    @property
    def selections(self) -> tuple[Selection, ...]:
        """All that is read for it."""
        return (self.selection,) if self.ratio_to is None else (self.selection, self.ratio_to)

    @property
    def is_reduced(self) -> bool:
        """Whether what is sent is not just the series that are selected."""
        return self.group_by is not None or self.top is not None or self.ratio_to is not None


class PanelKey(NamedTuple):
    """What makes two subscriptions of a panel equal: which of its lines are shown depends on the range."""

    source: str
    panel: str
    range_ms: int
    interval_ms: int
    aggregates: tuple[Aggregate, ...] = (Aggregate.LAST,)
    named: bool = True  # whether the viewer may see what names programs and users
    all_lines: bool = False  # also those that a chart has no room for
    form: Form = Form.COLUMNS
    encoding: Encoding = JSON


class TableKey(NamedTuple):
    """What makes two table subscriptions equal."""

    source: str
    table: str
    sort: str
    limit: int
    interval_ms: int
    descending: bool = False
    filter: str = ""
    keys: frozenset[int | str] | None = None
    fold: bool = False


class EventKey(NamedTuple):
    """What makes two subscriptions to events equal. The kinds that are wanted, if not all, are a frozenset."""

    source: str
    wanted: EventFilter = ANY_EVENT
    named: bool = True  # whether the viewer may see what names programs and users


AnyKey = SeriesKey | PanelKey | TableKey | EventKey


def key_bytes(key: AnyKey) -> int:
    """Return about how much memory a key takes."""
    if isinstance(key, PanelKey | EventKey):
        return GROUP_BYTES // 4
    if isinstance(key, TableKey):
        return GROUP_BYTES // 4 + sum(TEXT_BYTES + (len(one) if isinstance(one, str) else 0) for one in key.keys or ())
    values = [text for one in key.selections for _, texts in one.where for text in texts]
    names = [pattern for one in key.selections for pattern in one.patterns]
    return GROUP_BYTES // 4 + sum(len(text) + TEXT_BYTES for text in (*values, *names, *(key.group_by or ())))
