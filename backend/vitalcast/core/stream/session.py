"""One socket's side of the conversation as a state machine: a text comes in, replies go out."""

from __future__ import annotations

import enum
import logging
from collections.abc import Callable
from dataclasses import dataclass

from vitalcast.core.metrics.catalogue import Catalogue
from vitalcast.core.metrics.names import Selection
from vitalcast.core.stream.grants import OPEN, Caller, Grant
from vitalcast.core.stream.groups import Group, Replay, SeriesKey, TableGroup, TableKey
from vitalcast.core.stream.hub import AnyGroup, Hub
from vitalcast.core.vocabulary import VERSION, Aggregate, CloseCode, ErrorCode, GapReason, Scope
from vitalcast.core.wire.messages import (
    SCHEMA_VERSION,
    Command,
    Hello,
    List,
    Message,
    Ping,
    Since,
    Subscribe,
    Table,
    Unsubscribe,
    Update,
    command_id,
    describe_catalogue,
    error_reply,
    few,
    gap,
    is_command,
    load_object,
    parse_command,
    reply,
)
from vitalcast.errors import AccessError, ProtocolError

logger = logging.getLogger(__name__)

READS_A_MESSAGE = 20_000  # a snapshot counts as one message more for each so many values that are looked at
READS_A_SNAPSHOT_VALUE = 4  # at most, of the values that a snapshot may have
LISTED_A_MESSAGE = 500  # series, of the answer to `list`
LISTED_BYTES = 300  # of one of them
TABLE_INTERVAL_MIN_MS = 1000  # a scan of all processes is no cheap reading
EVERYTHING = (">",)

Verify = Callable[[str, Caller], Grant]  # raises AccessError, or ProtocolError to have it tried later


def no_tokens(_token: str, _caller: Caller) -> Grant:
    raise AccessError(ErrorCode.UNAUTHORIZED, "token: this server has not made it")


class Mode(enum.Enum):
    """How a socket is spoken to. The one move is from PLAIN to PROTOCOL, by the first command."""

    PLAIN = "plain"
    PROTOCOL = "protocol"


@dataclass(slots=True)
class Stream:
    """A subscription under the client's own name; `group` is None while it is paused."""

    key: SeriesKey | TableKey
    group: AnyGroup | None


class Session:
    """Keeps a socket's streams and answers its messages, within what its caller may.

    `now_ms` gives the wall clock in Unix milliseconds and `now_s` a monotonic time. A caller without a grant is
    answered nothing until a `hello` has brought a token that `verify` knows. `room` says whether an answer of about so
    many bytes may be made now. After `receive`, `group_ids` says which
    groups the socket belongs to, and `ending` why it is to be closed, if it is. Nothing escapes from here but replies.
    """

    __slots__ = (
        "_allowance",
        "_allowance_s",
        "_default",
        "_dropped",
        "_heartbeat_s",
        "_hub",
        "_now_ms",
        "_now_s",
        "_refusals",
        "_room",
        "_verify",
        "caller",
        "ending",
        "errors",
        "mode",
        "streams",
    )

    def __init__(
        self,
        hub: Hub,
        *,
        plain: SeriesKey | None,
        now_ms: Callable[[], int],
        now_s: Callable[[], float],
        heartbeat_s: float = 10.0,
        caller: Caller = OPEN,
        verify: Verify = no_tokens,
        room: Callable[[int], bool] = lambda _nbytes: True,
    ) -> None:
        self.caller = caller
        self.ending: tuple[CloseCode, str] | None = None
        self._verify = verify
        self._room = room
        self._hub = hub
        self._now_ms = now_ms
        self._now_s = now_s
        self._heartbeat_s = heartbeat_s
        self._allowance = float(hub.limits.messages_per_second)
        self._allowance_s = now_s()
        self._refusals = self._allowance
        self._dropped = 0
        self.errors = 0
        self.streams: dict[str, Stream] = {}
        default = _narrowed(plain, caller.grant, hub.catalogue) if plain is not None else None
        self._default = hub.join(default) if default is not None else None
        self.mode = Mode.PROTOCOL if default is None else Mode.PLAIN

    @property
    def group_ids(self) -> tuple[int, ...]:
        """The groups whose emissions go to this socket, in order."""
        ids = {stream.group.id for stream in self.streams.values() if stream.group is not None}
        if self._default is not None:
            ids.add(self._default.id)
        return tuple(sorted(ids))

    def open(self, *, plain: bool = False) -> list[Message]:
        """Return what the client gets before it asks: the newest metrics, or the welcome.

        `plain` says that it waits for the metrics: where it may not have them, it is told.
        """
        grant = self.caller.grant
        if grant is None:
            return [
                reply(
                    "welcome",
                    None,
                    version=VERSION,
                    time=self._now_ms(),
                    heartbeat=self._heartbeat_s,
                    auth="required",
                )
            ]
        if isinstance(self._default, Group):
            return [self._default.newest(self._hub.newest)]
        refusal = []
        if plain:
            why = "the default stream is more than this token may see; subscribe to what it may"
            refusal = self._refuse(None, ProtocolError(ErrorCode.DENIED, why))
        return [*refusal, self._welcome(grant)]

    def _welcome(self, grant: Grant) -> Message:
        hub = self._hub
        return reply(
            "welcome",
            None,
            version=VERSION,
            epoch=hub.epoch,
            time=self._now_ms(),
            host=hub.host,
            interval=max(hub.interval_ms, grant.interval_min_ms) / 1000,
            interval_min=max(hub.interval_min_ms, grant.interval_min_ms) / 1000,
            heartbeat=self._heartbeat_s,
            limits=hub.limits.public(),
            schema=SCHEMA_VERSION,
        )

    def close(self) -> None:
        """Leave all groups. Safe to call again."""
        self._leave_default()
        while self.streams:
            _, stream = self.streams.popitem()
            self._release(stream)

    def receive(self, text: str | bytes) -> list[Message]:
        """Answer one text message. `bytes` are UTF-8."""
        if not self._allowed():
            return self._throttled(text)
        limit, size = self._hub.limits.message_bytes, len(text)
        if isinstance(text, str) and size <= limit < 4 * size:
            size = len(text.encode(errors="replace"))  # a character has up to four bytes
        if size > limit:
            error = ProtocolError(ErrorCode.LIMIT, f"a message has {limit} bytes at most, this one {size}")
            return self._refuse(None, error)
        value = load_object(text)
        if self.mode is Mode.PLAIN and not is_command(value):
            return [Message(b"Message text was: " + (text.encode() if isinstance(text, str) else text))]
        self._speak_protocol()
        id_ = command_id(value)
        try:
            if self.caller.grant is None and (value is None or value.get("type") != "hello"):
                raise _nobody()
            return self._handle(parse_command(value, keys_max=self._hub.limits.table_rows))
        except ProtocolError as error:
            return self._refuse(id_, error)
        except Exception:  # a fault of ours costs this answer and not the socket
            logger.exception("a message was not answered")
            return self._refuse(id_, ProtocolError(ErrorCode.INTERNAL, "a fault of the server, which has logged it"))

    def receive_binary(self, size_bytes: int) -> list[Message]:
        """Answer a binary message: there is no use for one here."""
        if not self._allowed():
            return self._throttled(b"")
        if self.caller.grant is None:
            return self._refuse(None, _nobody())
        return self._refuse(
            None,
            ProtocolError(
                ErrorCode.BAD_REQUEST, f"a binary message of {size_bytes} bytes; send JSON as a text message"
            ),
        )

    def _refuse(self, id_: int | str | None, error: ProtocolError) -> list[Message]:
        self.errors += 1
        return [error_reply(id_, error)]

    def _speak_protocol(self) -> None:
        self.mode = Mode.PROTOCOL
        self._leave_default()

    def _leave_default(self) -> None:
        if self._default is not None:
            self._hub.leave(self._default)
            self._default = None

    # --- the flood gate: a token bucket, a second deep -----------------------------------------------------------

    def _allowed(self) -> bool:
        rate = self._hub.limits.messages_per_second
        now_s = self._now_s()
        earned = (now_s - self._allowance_s) * rate
        self._allowance = min(self._allowance + earned, rate)
        self._refusals = min(self._refusals + earned, rate)
        self._allowance_s = now_s
        if self._allowance < 1:
            return False
        self._allowance -= 1
        self._dropped = 0
        return True

    def _throttled(self, text: str | bytes) -> list[Message]:
        """Refuse a message past the rate: with no more refusals than messages a second, lest a flood breed another."""
        self._dropped += 1
        if self._refusals < 1:
            return []
        self._refusals -= 1
        rate = self._hub.limits.messages_per_second
        short = len(text) <= self._hub.limits.message_bytes
        return self._refuse(
            command_id(load_object(text)) if short else None,
            ProtocolError(
                ErrorCode.RATE_LIMITED,
                f"more than {rate} messages a second: {self._dropped} in a row were not read; slow down",
                temporary=True,
            ),
        )

    # --- who is there --------------------------------------------------------------------------------------------

    def _grant(self) -> Grant:
        if self.caller.grant is None:
            raise _nobody()
        return self.caller.grant

    def _hello(self, command: Hello) -> list[Message]:
        before = self.caller.grant
        if command.token is not None:
            try:
                grant = self._verify(command.token, self.caller)
            except AccessError as error:
                if not error.temporary:
                    self.ending = (CloseCode.REVOKED if error.revoked else CloseCode.BAD_TOKEN, error.message)
                raise
            self.caller = self.caller._replace(grant=grant)
        grant = self._grant()
        messages = [reply("ack", command.id, scope=grant.scope.value, expires=grant.expires_ms)]
        if before is None:
            return [*messages, self._welcome(grant)]
        return messages + self._withdraw(grant)

    def _withdraw(self, grant: Grant) -> list[Message]:
        """End the streams that a new grant does not cover; return the errors that say so."""
        messages = []
        for name, stream in list(self.streams.items()):
            try:
                self._check_granted(stream.key, grant)
            except ProtocolError as error:
                self._release(stream)
                del self.streams[name]
                self.errors += 1
                messages.append(error_reply(None, error, stream=name))
        return messages

    @staticmethod
    def _check_granted(key: SeriesKey | TableKey, grant: Grant) -> None:
        if isinstance(key, TableKey):
            _check_table(key.table, grant)
        else:
            _check_covered(key.selection, grant)
        if key.interval_ms < grant.interval_min_ms:
            raise ProtocolError(
                ErrorCode.LIMIT,
                f"interval: the shortest for this token is {grant.interval_min_ms / 1000:g} s, "
                f"this stream's is {key.interval_ms / 1000:g}",
            )

    # --- commands ------------------------------------------------------------------------------------------------

    def _handle(self, command: Command) -> list[Message]:
        match command:
            case Subscribe():
                return self._subscribe(command)
            case Update():
                return self._update(command)
            case Unsubscribe():
                return self._unsubscribe(command)
            case List():
                return self._list(command)
            case Table():
                return self._table(command)
            case Ping():
                return [reply("pong", command.id, time=self._now_ms())]
            case Hello():
                return self._hello(command)

    def _subscribe(self, command: Subscribe) -> list[Message]:
        self._check_new(command.stream)
        selection = command.selection()
        _check_covered(selection, self._grant())
        self._check_known(selection)
        key = SeriesKey(selection, self._interval_ms(command.interval), command.aggregates())
        return self._start(command, key, command.since, command.backfill)

    def _table(self, command: Table) -> list[Message]:
        self._check_new(command.stream)
        grant = self._grant()
        _check_table(command.table, grant)
        columns = self._hub.tables.get(command.table)
        if columns is None:
            known = ", ".join(sorted(filter(grant.allows_table, self._hub.tables))) or "none"
            raise ProtocolError(ErrorCode.UNKNOWN_METRIC, f"table: {command.table!r} is not here; known: {known}")
        units = {column["name"]: column["unit"] for column in columns}
        sort = command.sort or next(iter(units))
        if sort not in units:
            raise ProtocolError(ErrorCode.BAD_REQUEST, f"sort: {sort!r} is not one of {', '.join(units)}")
        most = self._hub.limits.table_rows
        if command.limit > most:
            raise ProtocolError(ErrorCode.LIMIT, f"limit: at most {most} rows")
        key = TableKey(
            command.table,
            sort,
            command.limit,
            self._interval_ms(command.interval, shortest_ms=TABLE_INTERVAL_MIN_MS),
            descending=command.order == "descending" if command.order else bool(units[sort]),
            filter=command.filter.strip().casefold(),
            keys=None if command.keys is None else frozenset(command.keys),
        )
        return self._start(command, key, None, 0)

    def _start(
        self, command: Subscribe | Table, key: SeriesKey | TableKey, since: Since | None, backfill: float
    ) -> list[Message]:
        group = self._hub.join(key)
        try:
            messages = self._joined(command, group, since, backfill)
        except ProtocolError:
            self._hub.leave(group)
            raise
        self.streams[command.stream] = Stream(group.key, group)  # whose key all its streams share
        return messages

    def _update(self, command: Update) -> list[Message]:
        stream = self._stream(command.stream)
        if command.interval is None and command.paused is None:
            raise ProtocolError(ErrorCode.BAD_REQUEST, "interval or paused: an update changes at least one of them")
        key = stream.key
        if command.interval is not None:
            shortest_ms = TABLE_INTERVAL_MIN_MS if isinstance(key, TableKey) else 0
            key = key._replace(interval_ms=self._interval_ms(command.interval, shortest_ms=shortest_ms))
        paused = stream.group is None if command.paused is None else command.paused
        if paused:
            self._release(stream)
            stream.key = key
            self._hub.hold(key)
            return [self._ack(command, None, key, recovered=False)]
        if stream.group is not None and key == stream.key and command.since is None and not command.backfill:
            return [self._ack(command, stream.group, key, recovered=False)]
        group = self._hub.join(key)
        try:
            messages = self._joined(command, group, command.since, command.backfill)
        except ProtocolError:
            self._hub.leave(group)
            raise
        self._release(stream)
        stream.key, stream.group = key, group
        return messages

    def _unsubscribe(self, command: Unsubscribe) -> list[Message]:
        stream = self._stream(command.stream)
        message = self._ack(command, stream.group, stream.key, recovered=False)
        del self.streams[command.stream]
        self._release(stream)
        return [message]

    def _list(self, command: List) -> list[Message]:
        selection, grant = command.selection(), self._grant()
        if selection.patterns != EVERYTHING:  # which means all that there is for this caller
            _check_covered(selection, grant)
            self._check_known(selection)
        series = [one for one in self._hub.meant(selection) if grant.allows(one)]
        self._check_room(len(series) * LISTED_BYTES)
        self._allowance -= len(series) / LISTED_A_MESSAGE
        return [reply("catalogue", command.id, series=describe_catalogue(series))]

    # --- parts of them -------------------------------------------------------------------------------------------

    def _check_new(self, name: str) -> None:
        if name in self.streams:
            raise ProtocolError(
                ErrorCode.DUPLICATE_STREAM, f"stream: {name!r} is taken; update or unsubscribe it, or choose another"
            )
        if len(self.streams) >= self._hub.limits.streams:
            raise ProtocolError(ErrorCode.LIMIT, f"a socket has {self._hub.limits.streams} streams at most")

    def _check_known(self, selection: Selection) -> None:
        if not self._hub.catalogue.knows(selection):
            raise ProtocolError(
                ErrorCode.UNKNOWN_METRIC,
                f"metrics: nothing here is called {few(selection.patterns)}; 'list' shows what there is",
            )

    def _interval_ms(self, interval_s: float | None, *, shortest_ms: int = 0) -> int:
        granted_ms = self._grant().interval_min_ms
        if interval_s is None:
            return max(self._hub.interval_ms, granted_ms)
        interval_ms, shortest_ms = round(interval_s * 1000), max(shortest_ms, self._hub.interval_min_ms)
        if interval_ms < max(shortest_ms, granted_ms):
            where, least_ms = ("here", shortest_ms) if shortest_ms >= granted_ms else ("for this token", granted_ms)
            raise ProtocolError(
                ErrorCode.LIMIT, f"interval: the shortest {where} is {least_ms / 1000:g} s, got {interval_s:g}"
            )
        return interval_ms

    def _stream(self, name: str) -> Stream:
        stream = self.streams.get(name)
        if stream is None:
            known = few(map(repr, self.streams)) or "none"
            raise ProtocolError(ErrorCode.BAD_REQUEST, f"stream: there is no {name!r}; this socket has {known}")
        return stream

    def _release(self, stream: Stream) -> None:
        """End what a stream has in the hub: its part in a group, or its place while it is paused."""
        if stream.group is not None:
            self._hub.leave(stream.group)
            stream.group = None
        else:
            self._hub.drop(stream.key)

    def _joined(
        self, command: Subscribe | Table | Update, group: AnyGroup, since: Since | None, backfill: float
    ) -> list[Message]:
        """Return the ack and the past that a socket gets when a stream of it joins a group."""
        if isinstance(group, TableGroup):
            latest = group.latest()
            return [self._ack(command, group, group.key, recovered=False), *([latest] if latest else [])]
        ring = self._hub.ring
        replay: Replay | None = None
        if since is not None and since.epoch == self._hub.epoch:
            replay = group.plan_since(ring, since.offset)
        recovered = replay is not None
        if replay is None:
            replay = group.plan_backfill(ring, round(backfill * 1000))
        limit = self._hub.limits.snapshot_values
        if group.replay_values(replay) > limit:
            raise ProtocolError(
                ErrorCode.LIMIT,
                f"backfill: {group.replay_values(replay)} values and a snapshot has {limit} at most; "
                "ask for fewer series, a shorter backfill or a longer interval",
            )
        reads = group.replay_reads(replay)
        if reads > READS_A_SNAPSHOT_VALUE * limit:
            raise ProtocolError(
                ErrorCode.LIMIT,
                f"backfill: {reads} values to aggregate and a snapshot reads {READS_A_SNAPSHOT_VALUE * limit} at most; "
                "ask for fewer series or a shorter backfill",
            )
        self._check_room(group.replay_bytes(replay))
        self._allowance -= reads / READS_A_MESSAGE
        messages = [self._ack(command, group, group.key, recovered=recovered), *group.snapshot(ring, replay)]
        if since is not None and since.epoch == self._hub.epoch and not recovered:
            first = ring.offsets()[replay.start_row - ring.first_row]
            if first - 1 > since.offset:
                messages.insert(1, gap(group.id, since.offset + 1, int(first) - 1, GapReason.EXPIRED))
        return messages

    def _check_room(self, nbytes: int) -> None:
        if not self._room(nbytes):
            raise ProtocolError(
                ErrorCode.LIMIT,
                f"clients have yet to take {self._hub.limits.unread_mib} MiB that they asked for; try again later",
                temporary=True,
            )

    def _ack(
        self,
        command: Subscribe | Table | Update | Unsubscribe,
        group: AnyGroup | None,
        key: SeriesKey | TableKey,
        *,
        recovered: bool,
    ) -> Message:
        if isinstance(key, TableKey):
            content: dict[str, object] = {"columns": self._hub.tables[key.table]}
        else:
            content = {"series": len(group.series) if isinstance(group, Group) else 0}
            if key.aggregates != (Aggregate.LAST,):
                content["aggregate"] = key.aggregates
        return reply(
            "ack",
            command.id,
            stream=command.stream,
            group=group.id if group is not None else None,
            epoch=self._hub.epoch,
            offset=self._hub.newest.offset,
            interval=key.interval_ms / 1000,
            **content,
            recovered=recovered,
            paused=group is None,
        )


def _nobody() -> ProtocolError:
    return ProtocolError(
        ErrorCode.UNAUTHORIZED, 'a token is needed here; send {"type":"hello","token":"…"} before anything else'
    )


def _check_covered(selection: Selection, grant: Grant) -> None:
    if outside := grant.outside(selection):
        what = few(outside) + (" with this 'where'" if selection.where else "")
        raise ProtocolError(ErrorCode.DENIED, f"metrics: {what} is more than this token may see")


def _check_table(name: str, grant: Grant) -> None:
    if not grant.allows_table(name):
        raise ProtocolError(ErrorCode.DENIED, f"table: {name!r} is more than this token may see")


def _narrowed(key: SeriesKey, grant: Grant | None, catalogue: Catalogue) -> SeriesKey | None:
    """Return the part of the default stream that a caller may have without asking; None where that is nothing."""
    if grant is None or grant.scope is Scope.EMBED:
        return None
    selection = key.selection
    if not grant.covers(selection):
        names = [one for one in catalogue.descriptors if selection.matches_name(one) and grant.allows_name(one)]
        selection = Selection.of(names, dict(selection.where))
        if not names or not grant.covers(selection):
            return None
    return key._replace(selection=selection, interval_ms=max(key.interval_ms, grant.interval_min_ms))
