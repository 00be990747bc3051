"""Holds messages to what is written down of them: `/asyncapi.json` is made from the same schemas.

What the server sends has no field that its record does not name: clients may meet more, our own server sends none.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import jsonschema_rs

from vitalcast.core.wire.commands import MODELS
from vitalcast.core.wire.records import PLAIN_RECORDS, RECORDS
from vitalcast.core.wire.schemas import closed, message_schemas, payload_of
from vitalcast.core.wire.sse_records import SSE_RECORDS

Json = dict[str, Any]
SHOWN_CHARS = 500


def check_message(message: Mapping[str, Any]) -> None:
    """Hold a message of the server to the schema of its type."""
    kind = message["type"]
    validator = _validators().get(kind)
    assert validator is not None and kind not in MODELS, f"the server sends no {kind!r}: {str(message)[:SHOWN_CHARS]}"
    if not validator.is_valid(message):
        raise AssertionError(f"{_where(next(validator.iter_errors(message)))} in {str(message)[:SHOWN_CHARS]}")


def check_event(kind: str, data: Any) -> None:
    """Hold a server-sent event to the schema of its kind: in the form `columns` it is a message."""
    if isinstance(data, dict) and "type" in data:
        assert data["type"] == kind, (kind, data["type"])
        check_message(data)
        return
    validator = _validators().get(_event(kind))
    assert validator is not None, f"there are no events {kind!r}: {str(data)[:SHOWN_CHARS]}"
    if not validator.is_valid(data):
        raise AssertionError(f"{_where(next(validator.iter_errors(data)))} in {str(data)[:SHOWN_CHARS]}")


def is_command(command: Mapping[str, Any]) -> bool:
    """Say whether a command is one by the schema of its type."""
    kind = command.get("type")
    return isinstance(kind, str) and kind in MODELS and _validators()[kind].is_valid(command)


def check_accepted(command: Mapping[str, Any]) -> None:
    """Hold a command that the server has accepted to the schema of its type."""
    assert is_command(command), f"accepted, and against its schema: {str(command)[:SHOWN_CHARS]}"


def _where(error: Any) -> str:
    said = "/".join(map(str, error.instance_path)) or "the message"
    inner = [one for many in getattr(error.kind, "context", []) for one in many]
    return f"{said}: {'; '.join(str(one.message)[:SHOWN_CHARS] for one in inner) or error.message[:SHOWN_CHARS]}"


@cache
def _validators() -> dict[str, Any]:
    schemas = closed(message_schemas())
    models: dict[str, tuple[Any, ...]] = {name: (model,) for name, model in MODELS.items()}
    events = {_event(kind): many for kind, many in SSE_RECORDS.items()}
    return {
        name: jsonschema_rs.validator_for(payload_of(many) | {"components": {"schemas": schemas}})
        for name, many in {**models, **RECORDS, **PLAIN_RECORDS, **events}.items()
    }


def _event(kind: str) -> str:
    return f"event: {kind}"
