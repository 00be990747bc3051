"""The messages of `vitalcast.v1.json`: parsing and checking what clients send, encoding what they get."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError

from vitalcast.core.metrics.model import Descriptor, Series
from vitalcast.core.metrics.names import Selection
from vitalcast.core.vocabulary import Aggregate, CloseCode, ErrorCode, GapReason
from vitalcast.core.wire.websocket import OPCODE_TEXT, frame
from vitalcast.errors import ProtocolError

SCHEMA_VERSION = "1.44"
FIELDS_MAX = 16  # of one command
ITEMS_MAX = 64  # of a list or mapping in a command, unless another bound is named
ATTRIBUTE_CHARS_MAX = 4096  # a mountpoint may be as long
SHOWN_CHARS = 60
SHOWN_ITEMS = 5
TOKEN_CHARS_MAX = 4000  # a cookie, with its name and its attributes, has 4096


@dataclass(frozen=True, slots=True)
class Limits:
    """What one socket, and all together, may ask for."""

    message_bytes: int = 65_536
    streams: int = 64
    series: int = 10_000
    series_per_source: int = 20_000
    messages_per_second: int = 50
    connections: int = 20_000
    connections_per_address: int = 1_000
    groups: int = 20_000
    groups_mib: int = 64
    unread_mib: int = 64
    snapshot_values: int = 1_000_000
    table_rows: int = 500

    def public(self) -> dict[str, int]:
        """Return the part that a client needs to know."""
        return {
            "message_bytes": self.message_bytes,
            "streams": self.streams,
            "series": self.series,
            "messages_per_second": self.messages_per_second,
            "snapshot_values": self.snapshot_values,
            "table_rows": self.table_rows,
        }


DEFAULT_LIMITS = Limits()


# --- what clients send -------------------------------------------------------------------------------------------

Text = Annotated[str, Field(min_length=1, max_length=256)]
# At the first item that is wrong the rest of a list is not looked at: nobody reads a thousand errors.
Patterns = Annotated[list[Text], Field(min_length=1, max_length=ITEMS_MAX, fail_fast=True)]
Values = Annotated[
    list[Annotated[str, Field(max_length=ATTRIBUTE_CHARS_MAX)]],
    Field(min_length=1, max_length=ITEMS_MAX, fail_fast=True),
]
Interval = Annotated[float, Field(ge=0.1, le=3600, allow_inf_nan=False)]
Range = Annotated[float, Field(ge=1, le=86_400, allow_inf_nan=False)]
Seconds = Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)]
Offset = Annotated[int, Field(ge=0, le=2**53)]
# Told apart by type alone, so that a wrong one is told once; the tags are what pydantic calls the members by itself.
RowKey = Annotated[
    Annotated[Offset, Tag("int")] | Annotated[Text, Tag("constrained-str")],
    Discriminator(lambda value: "constrained-str" if isinstance(value, str) else "int"),
]


class _Strict(BaseModel):
    # Built when the first command comes: a start has no use for them.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


class Since(_Strict):
    """The last position that a client holds: positions are of one source each, whose epoch says which."""

    epoch: Text
    offset: Offset
    source: Text | None = None

    def is_of(self, source: str, epoch: str) -> bool:
        """Say whether the position is one of this source and epoch."""
        return self.epoch == epoch and self.source in (None, source)


class _Command(_Strict):
    id: int | Annotated[str, Field(max_length=64)] | None = None


class Hello(_Command):
    type: Literal["hello"]
    token: Annotated[str, Field(min_length=1, max_length=TOKEN_CHARS_MAX)] | None = None


class Subscribe(_Command):
    type: Literal["subscribe"]
    stream: Text
    host: Text | None = None
    metrics: Patterns | None = None
    panel: Text | None = None
    range: Range | None = None
    where: Annotated[dict[Text, Values], Field(max_length=ITEMS_MAX)] = {}
    interval: Interval | None = None
    aggregate: Annotated[
        list[Literal["last", "avg", "min", "max"]], Field(min_length=1, max_length=4, fail_fast=True)
    ] = ["last"]
    backfill: Seconds = 0
    since: Since | None = None

    def selection(self) -> Selection:
        """Raises ProtocolError for a malformed pattern."""
        if self.metrics is None:
            raise ProtocolError(ErrorCode.BAD_REQUEST, "metrics: is missing; give patterns of metrics, or a panel")
        if self.range is not None:
            raise ProtocolError(ErrorCode.BAD_REQUEST, "range: only the stream of a panel has one; give backfill")
        return _selection(self.metrics, self.where)

    def panel_id(self) -> str:
        """Raises ProtocolError for fields that do not go with a panel."""
        beside = sorted(self.model_fields_set & {"metrics", "where", "aggregate"})
        if beside or self.panel is None:
            raise ProtocolError(
                ErrorCode.BAD_REQUEST, f"{', '.join(beside)}: a panel brings its own; leave this out, or the panel"
            )
        return self.panel

    def aggregates(self) -> tuple[Aggregate, ...]:
        """Return the aggregates in the order asked, each once."""
        return tuple(Aggregate(name) for name in dict.fromkeys(self.aggregate))


class Update(_Command):
    type: Literal["update"]
    stream: Text
    interval: Interval | None = None
    range: Range | None = None
    paused: bool | None = None
    backfill: Seconds = 0
    since: Since | None = None


class Unsubscribe(_Command):
    type: Literal["unsubscribe"]
    stream: Text


class List(_Command):
    type: Literal["list"]
    host: Text | None = None
    metrics: Patterns = [">"]

    def selection(self) -> Selection:
        """Raises ProtocolError for a malformed pattern."""
        return _selection(self.metrics, {})


class Table(_Command):
    type: Literal["table"]
    stream: Text
    host: Text | None = None
    table: Text
    sort: Text | None = None
    order: Literal["ascending", "descending"] | None = None
    filter: Annotated[str, Field(max_length=100)] = ""
    keys: Annotated[list[RowKey], Field(min_length=1, max_length=100_000, fail_fast=True)] | None = None
    limit: Annotated[int, Field(ge=1, le=100_000)] = 15
    interval: Interval = 2.0


class Ping(_Command):
    type: Literal["ping"]


Command = Hello | Subscribe | Update | Unsubscribe | List | Table | Ping
_MODELS: dict[str, type[Command]] = {
    "hello": Hello,
    "subscribe": Subscribe,
    "update": Update,
    "unsubscribe": Unsubscribe,
    "list": List,
    "table": Table,
    "ping": Ping,
}
COMMAND_TYPES = tuple(_MODELS)


def _selection(patterns: list[str], where: Mapping[str, list[str]]) -> Selection:
    try:
        return Selection.of(patterns, where)
    except ValueError as error:
        raise ProtocolError(ErrorCode.BAD_REQUEST, f"metrics: {error}") from None


def load_object(text: str | bytes) -> dict[str, Any] | None:
    """Return the JSON object that a text holds, None for any other text."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None


def command_id(value: Mapping[str, Any] | None) -> int | str | None:
    """Return the id that a reply to this message should carry, None where it has no proper one."""
    found = (value or {}).get("id")
    return (
        found if (type(found) is int and abs(found) < 2**63) or (isinstance(found, str) and len(found) <= 64) else None
    )


def is_command(value: Mapping[str, Any] | None) -> bool:
    """Say whether this JSON object is meant as a command, well-formed or not."""
    return value is not None and isinstance(value.get("type"), str) and value["type"] in _MODELS


def parse_command(value: Mapping[str, Any] | None, *, keys_max: int = DEFAULT_LIMITS.table_rows) -> Command:
    """Check a client's message. Raises ProtocolError that names each field that is wrong and what would be right.

    `keys_max` bounds the `keys` of a table.
    """
    if value is None:
        raise ProtocolError(ErrorCode.BAD_REQUEST, 'not a JSON object; send for example {"type":"ping"}')
    if not is_command(value):
        known = ", ".join(COMMAND_TYPES)
        raise ProtocolError(ErrorCode.UNKNOWN_TYPE, f"type: {_short(value.get('type'))} is not one of {known}")
    _check_sizes(value, keys_max)
    try:
        return _MODELS[value["type"]].model_validate(value)
    except ValidationError as error:
        raise ProtocolError(ErrorCode.BAD_REQUEST, "; ".join(map(_describe, _first(error)))) from None


def _check_sizes(command: Mapping[str, Any], keys_max: int) -> None:
    """Refuse what has more items than may be, before any of them is looked at."""
    if len(command) > FIELDS_MAX:
        raise ProtocolError(
            ErrorCode.BAD_REQUEST, f"a command has {FIELDS_MAX} fields at most, this one {len(command)}"
        )
    for name, value in command.items():
        if name == "keys" and isinstance(value, list):
            if len(value) > keys_max and type(value[0]) in (int, str):  # else that is what is wrong, and said below
                raise ProtocolError(ErrorCode.LIMIT, f"keys: at most {keys_max}, as many as a table has rows")
        elif isinstance(value, list | dict):
            _check_size(name, value)
            for key, inner in value.items() if isinstance(value, dict) else ():
                if isinstance(inner, list | dict):
                    _check_size(f"{_cut(name)}.{_cut(key)}", inner)


def _check_size(name: str, value: list[Any] | dict[str, Any]) -> None:
    if len(value) > ITEMS_MAX:
        raise ProtocolError(ErrorCode.BAD_REQUEST, f"{_cut(name)}: has {ITEMS_MAX} items at most, got {len(value)}")


def _first(error: ValidationError) -> list[Any]:
    return error.errors(include_url=False, include_context=False)[:SHOWN_ITEMS]


def _describe(error: Any) -> str:
    where = ".".join(_cut(str(part)) for part in error["loc"] if part not in ("int", "constrained-str")) or "message"
    match error["type"]:
        case "missing":
            return f"{where}: is missing"
        case "extra_forbidden":
            return f"{where}: is not a field of this command"
        case _:
            message = (error["msg"][0].lower() + error["msg"][1:]).replace("input should", "should")
            return f"{where}: {message}" + ("" if where == "token" else f", got {_short(error['input'])}")


def _short(value: Any) -> str:
    return _cut(_shown(value, SHOWN_CHARS))


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN_CHARS else text[: SHOWN_CHARS - 3] + "..."


def _shown(value: Any, chars: int) -> str:
    """Write a value as Python does, as far as `chars` reach: of a large or deep one little is looked at."""
    if isinstance(value, str):
        return repr(value[: chars + 1])
    if not isinstance(value, list | dict):
        return repr(value)
    out, close = ("[", "]") if isinstance(value, list) else ("{", "}")
    for number, item in enumerate(value):
        if len(out) > chars:
            return out
        out += ", " if number else ""
        out += _shown(item, chars - len(out))
        if isinstance(value, dict):
            out += f": {_shown(value[item], chars - len(out))}"
    return out + close


def few(names: Iterable[str]) -> str:
    """Name the first of many."""
    names = list(names)
    rest = len(names) - SHOWN_ITEMS
    return ", ".join(map(_cut, names[:SHOWN_ITEMS])) + (f" and {rest} more" if rest > 0 else "")


# --- what clients get --------------------------------------------------------------------------------------------


class Message:
    """One message for a client, encoded once; `frame` is made at the first socket that wants bytes.

    `opcode` says what it is to WebSocket: a text, or binary.
    """

    __slots__ = ("_frame", "opcode", "payload")

    def __init__(self, payload: bytes, opcode: int = OPCODE_TEXT) -> None:
        self.payload = payload
        self.opcode = opcode
        self._frame: bytes | None = None

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> Message:
        """Encode a JSON object; numpy arrays are lists and `nan` is null."""
        return cls(orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY))

    @property
    def frame(self) -> bytes:
        if self._frame is None:
            self._frame = frame(self.opcode, self.payload)
        return self._frame

    @property
    def text(self) -> str:
        """The payload of a text."""
        return self.payload.decode()


def reply(kind: str, id_: int | str | None, **fields: Any) -> Message:
    """Encode an answer; the id is left out where the command had none."""
    head: dict[str, Any] = {"type": kind} if id_ is None else {"type": kind, "id": id_}
    return Message.of(head | fields)


def error_reply(id_: int | str | None, error: ProtocolError, **fields: Any) -> Message:
    return reply("error", id_, code=int(error.code), message=error.message, temporary=error.temporary, **fields)


def gap(group: int, from_offset: int, to_offset: int, why: GapReason) -> Message:
    return Message.of({"type": "gap", "group": group, "from": from_offset, "to": to_offset, "why": why.value})


def bye(code: CloseCode, reconnect_after_ms: int | None) -> Message:
    """Announce a close of the server's own; None means that the client should stay away."""
    return Message.of({"type": "bye", "code": int(code), "reconnect_after_ms": reconnect_after_ms})


def describe_series(series: Iterable[Series]) -> orjson.Fragment:
    """Return the header of a snapshot, encoded: what each column is. Each series is encoded once for all of them."""
    return orjson.Fragment(b"[" + b",".join([one.wire or _encode_series(one) for one in series]) + b"]")


def _encode_series(one: Series) -> bytes:
    wire: bytes = orjson.dumps({"name": one.name, "unit": one.descriptor.unit, "attributes": one.attributes})
    object.__setattr__(one, "wire", wire)
    return wire


def describe_catalogue(series: Iterable[Series]) -> list[dict[str, Any]]:
    """Return all that is known of each series."""
    return [
        {
            "name": one.name,
            "unit": one.descriptor.unit,
            "kind": one.descriptor.kind.value,
            "description": one.descriptor.description,
            "attributes": one.attributes,
        }
        for one in series
    ]


def describe_metric(descriptor: Descriptor) -> dict[str, Any]:
    return {
        "name": descriptor.name,
        "unit": descriptor.unit,
        "kind": descriptor.kind.value,
        "description": descriptor.description,
        "attributes": list(descriptor.attributes),
    }
