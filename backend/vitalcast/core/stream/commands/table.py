"""`table`: a stream of a table's rows."""

from __future__ import annotations

from collections.abc import Mapping

from vitalcast.core.metrics.table_info import TableInfo
from vitalcast.core.stream.commands.checks import check_table
from vitalcast.core.stream.commands.joining import start
from vitalcast.core.stream.conversation import Conversation
from vitalcast.core.stream.keys import TableKey
from vitalcast.core.vocabulary import ErrorCode
from vitalcast.core.wire.commands import Table
from vitalcast.core.wire.messages import Message
from vitalcast.errors import ProtocolError


def table(conversation: Conversation, command: Table) -> list[Message]:
    """Begin a stream of rows: the ack with the columns, then the newest rows where there are any."""
    conversation.check_new(command.stream)
    timeline = conversation.source(command.host)
    info = _info(conversation, command, timeline.tables)
    units = {column["name"]: column["unit"] for column in info.columns}
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
        conversation.interval_ms(command.interval, timeline, shortest_ms=info.interval_min_ms),
        descending=command.order == "descending" if command.order else bool(units[sort]),
        filter=command.filter.strip().casefold(),
        keys=None if command.keys is None else _keys(command.table, info, command.keys),
        fold=command.fold,
    )
    return start(conversation, command, key)


def _keys(name: str, info: TableInfo, keys: list[int | str]) -> frozenset[int | str]:
    """Return the keys. Raises ProtocolError where the table has none of their type."""
    for key in keys:
        if not isinstance(key, info.key_type):
            what = "numbers" if info.key_type is int else "texts"
            raise ProtocolError(
                ErrorCode.BAD_REQUEST, f"keys: those of {name!r} are {what}, its column {info.columns[0]['name']!r}"
            )
    return frozenset(keys)


def _info(conversation: Conversation, command: Table, tables: Mapping[str, TableInfo]) -> TableInfo:
    """Return what is known of the table. Raises ProtocolError where the caller has no such table."""
    grant = conversation.grant
    check_table(command.table, grant)
    info = tables.get(command.table)
    if info is None:
        known = ", ".join(sorted(filter(grant.allows_table, tables))) or "none"
        raise ProtocolError(ErrorCode.UNKNOWN_METRIC, f"table: {command.table!r} is not here; known: {known}")
    return info
