"""The messages of `vitalcast.v1.json` that clients get, each encoded once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from vitalcast.core.metrics.model import Descriptor, Series
from vitalcast.core.vocabulary import CloseCode, GapReason
from vitalcast.core.wire.websocket import OPCODE_TEXT, frame
from vitalcast.errors import ProtocolError

SCHEMA_VERSION = "1.44"  # of OpenTelemetry's semantic conventions


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
    wire: bytes = orjson.dumps(
        {"name": one.name, "unit": one.descriptor.unit, "attributes": one.attributes} | _labels(one)
    )
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
        | _labels(one)
        for one in series
    ]


def _labels(one: Series) -> dict[str, dict[str, str]]:
    return {"labels": dict(one.labels)} if one.labels else {}


def describe_metric(descriptor: Descriptor) -> dict[str, Any]:
    return {
        "name": descriptor.name,
        "unit": descriptor.unit,
        "kind": descriptor.kind.value,
        "description": descriptor.description,
        "attributes": list(descriptor.attributes),
    }
