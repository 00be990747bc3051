"""Drops the rows of a history's file that nobody can have written: a disk that rots, or another program, did."""

from __future__ import annotations

import sqlite3

from vitalcast.history.schema import blocks_of

_AXES_MAX = 2**31 - 1
_NONSENSE_AXES = """
SELECT id FROM axis WHERE id NOT BETWEEN 1 AND 2147483647
  OR tier NOT IN (0, 60000, 600000, 3600000) OR typeof(tier) != 'integer'
  OR level NOT BETWEEN 0 AND 2 OR typeof(level) != 'integer'
  OR state NOT BETWEEN 0 AND 2 OR typeof(state) != 'integer'
  OR stretch NOT BETWEEN 1 AND 1099511627776 OR typeof(stretch) != 'integer'
  OR epoch NOT BETWEEN 0 AND 1099511627776 OR typeof(epoch) != 'integer'
  OR first_offset NOT BETWEEN 0 AND 4503599627370496 OR typeof(first_offset) != 'integer'
  OR last_offset NOT BETWEEN 0 AND 4503599627370496 OR typeof(last_offset) != 'integer'
  OR first_ms NOT BETWEEN 0 AND 253402304400000 OR typeof(first_ms) != 'integer'
  OR last_ms NOT BETWEEN 0 AND 253402304400000 OR typeof(last_ms) != 'integer'
  OR rows NOT BETWEEN 1 AND 4096 OR typeof(rows) != 'integer'
  OR nbytes NOT BETWEEN 0 AND 1099511627776 OR typeof(nbytes) != 'integer'
  OR kept_ms NOT BETWEEN 0 AND 1099511627776000 OR typeof(kept_ms) != 'integer'
  OR typeof(fast) != 'integer' OR typeof(offsets) != 'blob' OR typeof(times) != 'blob'
"""
_NONSENSE_CHUNKS = """
DELETE FROM chunk WHERE first_offset NOT BETWEEN 1 AND 4503599627370496
  OR last_offset NOT BETWEEN first_offset AND 4503599627370496 OR typeof(last_offset) != 'integer'
  OR stretch NOT BETWEEN 1 AND 1099511627776 OR typeof(stretch) != 'integer'
  OR epoch NOT BETWEEN 1 AND 1099511627776 OR typeof(epoch) != 'integer'
  OR first_ms NOT BETWEEN 0 AND 253402300799999 OR typeof(first_ms) != 'integer'
  OR last_ms NOT BETWEEN first_ms AND 253402300799999 OR typeof(last_ms) != 'integer'
  OR rows NOT BETWEEN 1 AND 2400 OR typeof(rows) != 'integer' OR typeof(loose) != 'integer'
  OR typeof(series) != 'blob' OR typeof(columns) != 'blob'
"""
_NONSENSE_SERIES = """
DELETE FROM series WHERE id NOT BETWEEN 1 AND 4294967295 OR typeof(key) != 'text' OR typeof(unit) != 'text'
  OR typeof(name) != 'text' OR typeof(kind) != 'text' OR typeof(description) != 'text'
  OR typeof(attributes) != 'text' OR typeof(labels) != 'text'
  OR first_ms NOT BETWEEN -3600000 AND 253402304400000 OR typeof(first_ms) != 'integer'
  OR last_ms NOT BETWEEN -3600000 AND 253402304400000 OR typeof(last_ms) != 'integer'
  OR last_axis NOT BETWEEN 0 AND 2147483647 OR typeof(last_axis) != 'integer'
"""
_NONSENSE_STRETCHES = """
DELETE FROM stretch WHERE id NOT BETWEEN 1 AND 1099511627776
  OR first_ms NOT BETWEEN 0 AND 253402300799999 OR typeof(first_ms) != 'integer'
  OR last_ms NOT BETWEEN first_ms AND 253402300799999 OR typeof(last_ms) != 'integer'
"""
_NONSENSE_EPOCHS = """
DELETE FROM epoch WHERE id NOT BETWEEN 1 AND 1099511627776
  OR typeof(name) != 'text' OR length(name) NOT BETWEEN 1 AND 64
"""


_DELETES = (_NONSENSE_CHUNKS, _NONSENSE_SERIES, _NONSENSE_STRETCHES, _NONSENSE_EPOCHS)


def has_nonsense(connection: sqlite3.Connection) -> bool:
    """Say whether there is anything to drop, without writing."""
    looks = (_NONSENSE_AXES, *(statement.replace("DELETE", "SELECT 1", 1) for statement in _DELETES))
    return any(connection.execute(look).fetchone() for look in looks)


def drop_nonsense(connection: sqlite3.Connection) -> int:
    """Drop rows that make no sense; return how many. Belongs into a transaction of the caller."""
    gone = 0
    for (id_,) in connection.execute(_NONSENSE_AXES).fetchall():
        connection.execute("DELETE FROM axis WHERE id = ?", (id_,))
        if isinstance(id_, int) and 0 < id_ <= _AXES_MAX:
            connection.execute("DELETE FROM block WHERE id BETWEEN ? AND ?", blocks_of(id_))
        gone += 1
    for statement in _DELETES:
        gone += connection.execute(statement).rowcount
    return gone
