"""`table`: a stream of a table's rows."""

from __future__ import annotations

from collections.abc import Mapping

from vitalcast.core.metrics.timeline import Columns
from vitalcast.core.stream.commands.checks import check_table
from vitalcast.core.stream.commands.joining import start
from vitalcast.core.stream.conversation import Conversation
from vitalcast.core.stream.keys import TableKey
from vitalcast.core.vocabulary import ErrorCode
from vitalcast.core.wire.messages import Message, Table
from vitalcast.errors import ProtocolError

INTERVAL_MIN_MS = 1000  # a scan of all processes is no cheap reading


def table(conversation: Conversation, command: Table) -> list[Message]:
    """Begin a stream of rows: the ack with the columns, then the newest rows where there are any."""
    conversation.check_new(command.stream)
    timeline = conversation.hub.find(command.host)
    units = _column_units(conversation, command, timeline.tables)
    sort = command.sort or next(iter(units))
    if sort not in units:
        raise ProtocolError(ErrorCode.BAD_REQUEST, f"sort: {sort!r} is not one of {', '.join(units)}")
    most = conversation.hub.limits.table_rows
    if command.limit > most:
        raise ProtocolError(ErrorCode.LIMIT, f"limit: at most {most} rows")
    key = TableKey(
        timeline.id,
        command.table,
        sort,
        command.limit,
        conversation.interval_ms(command.interval, timeline, shortest_ms=INTERVAL_MIN_MS),
        descending=command.order == "descending" if command.order else bool(units[sort]),
        filter=command.filter.strip().casefold(),
        keys=None if command.keys is None else frozenset(command.keys),
    )
    return start(conversation, command, key)


def _column_units(conversation: Conversation, command: Table, tables: Mapping[str, Columns]) -> dict[str, str]:
    """Return the unit of each column. Raises ProtocolError where the caller has no such table."""
    grant = conversation.grant
    check_table(command.table, grant)
    columns = tables.get(command.table)
    if columns is None:
        known = ", ".join(sorted(filter(grant.allows_table, tables))) or "none"
        raise ProtocolError(ErrorCode.UNKNOWN_METRIC, f"table: {command.table!r} is not here; known: {known}")
    return {column["name"]: column["unit"] for column in columns}
