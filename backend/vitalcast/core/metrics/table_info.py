"""What is known of a table before any of its rows are read."""

from __future__ import annotations

from typing import NamedTuple


class Column(NamedTuple):
    """A column of a table: its name on the wire, its unit (UCUM, empty for text and flags) and what it says."""

    name: str
    unit: str
    description: str

    @property
    def is_number(self) -> bool:
        """Whether its highest value is what one looks for first."""
        return bool(self.unit)


class TableInfo(NamedTuple):
    """A table of a source.

    `columns` stand as they do on the wire, each with a name, a unit (UCUM, empty for text) and a description; the
    first holds the keys of the rows. `interval_min_ms` is the shortest pause between two readings of it.
    """

    columns: list[dict[str, str]]
    interval_min_ms: int = 0

    @property
    def key_type(self) -> type[int] | type[str]:
        return int if self.columns[0]["unit"] else str
