"""Equal subscriptions to a table share one group: its rows are encoded once for all of them."""

from __future__ import annotations

import math

from vitalcast.core.stream.keys import GROUP_BYTES, TableKey, key_bytes
from vitalcast.core.wire.messages import Message

ROW_BYTES = 200


class TableGroup:
    """A table subscription that any number of streams share."""

    gap = None

    __slots__ = (
        "_latest",
        "due_s",
        "emissions",
        "emitted_offset",
        "held_bytes",
        "id",
        "key",
        "series_version",
        "streams",
    )

    def __init__(self, id_: int, key: TableKey) -> None:
        self.id = id_
        self.key = key
        self.streams = 0
        self.series_version = 0
        self.emissions = 0
        self.emitted_offset = 0
        self.due_s = -math.inf  # on the clock that its reader goes by
        self.held_bytes = 0  # as the hub has counted it
        self._latest: Message | None = None

    @property
    def interval_ms(self) -> int:
        return self.key.interval_ms

    @property
    def nbytes(self) -> int:
        """About how much memory this group takes, as many rows as it may have counted."""
        return GROUP_BYTES + key_bytes(self.key) + self.key.limit * ROW_BYTES

    def latest(self) -> Message | None:
        """Return the newest rows, None before the first."""
        return self._latest

    def encode(
        self,
        offset: int,
        time_ms: int,
        columns: list[str],
        rows: list[tuple[object, ...]],
        *,
        matches: int,
        total: int,
        folded: int = 0,
    ) -> Message:
        """Make these rows the newest and return them as a message.

        `matches` and `total` count those beyond the limit too, and `folded` those that do nothing and were left out.
        """
        self.emissions += 1
        self.emitted_offset = offset
        said: dict[str, object] = {
            "type": "rows",
            "group": self.id,
            "offset": offset,
            "time": time_ms,
            "columns": columns,
            "rows": rows,
            "matches": matches,
            "total": total,
        }
        self._latest = Message.of(said | {"folded": folded} if self.key.fold else said)
        return self._latest
