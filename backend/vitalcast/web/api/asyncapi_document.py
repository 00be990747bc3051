"""The streams as AsyncAPI describes them, made from the records of their messages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pydantic import BaseModel

from vitalcast import __version__
from vitalcast.core.vocabulary import BINARY_SUBPROTOCOL, SUBPROTOCOL
from vitalcast.core.wire.binary_layout import LAYOUT
from vitalcast.core.wire.commands import MODELS
from vitalcast.core.wire.examples import EXAMPLES, SSE_EXAMPLES
from vitalcast.core.wire.records import ANSWERS, PLAIN_RECORDS, RECORDS
from vitalcast.core.wire.schemas import Json, message_schemas, payload_of
from vitalcast.core.wire.sse import EVENT_STREAM, ID_PATTERN
from vitalcast.core.wire.sse_records import SSE_RECORDS
from vitalcast.web.api.openapi import SECURITY_SCHEMES
from vitalcast.web.api.stream_query import PARAMETERS

DESCRIPTION: Final = """A machine's vital signs, live: the streams of Vitalcast. The HTTP API is described by
`openapi.json`, and what messages mean by the manual at `/docs`.

Clients ignore messages of a type, and fields, that they do not know: later versions may have more. The server refuses
fields of commands that it does not know.
"""
_WIRE_DATA: Final = "binaryData"
_ECHO: Final = "echo"
_LEFT: Final = "left"
_TEXT: Final = "text"
_COLUMNS: Final = ("ack", "snapshot", "series", "data", "gap", "error", "bye")  # of the messages, as events


def document() -> Json:
    """Return the document, without the address of a server."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Vitalcast",
            "version": __version__,
            "description": DESCRIPTION,
            "license": {"name": "MIT"},
        },
        "defaultContentType": "application/json",
        "channels": _channels(),
        "operations": {**_operations("json"), **_operations("binary"), **_plain_operations(), **_event_operations()},
        "components": {
            "messages": _messages(),
            "schemas": message_schemas(),
            "securitySchemes": _security_schemes(),
        },
    }


# --- messages -----------------------------------------------------------------------------------------------------


def _messages() -> Json:
    models: dict[str, tuple[type[BaseModel], ...]] = {name: (model,) for name, model in MODELS.items()}
    messages = {name: _message(name, many) for name, many in {**models, **RECORDS, **PLAIN_RECORDS}.items()}
    return messages | {
        _WIRE_DATA: {
            "name": _WIRE_DATA,
            "summary": "One tick of a stream, in binary.",
            "description": _layout_text(),
            "contentType": "application/octet-stream",
            "payload": {"type": "string", "format": "binary"},
            "x-layout": [part._asdict() for part in LAYOUT],
        },
        _TEXT: _text(_TEXT, "Any text that is no command."),
        _ECHO: _text(_ECHO, "Your own text.", "^Message text was: "),
        _LEFT: _text(_LEFT, "Another plain socket was closed.", "^Client #[0-9]+ left the chat$"),
        **{_event_name(kind): _event(kind, models) for kind, models in SSE_RECORDS.items()},
    }


def _message(name: str, models: tuple[type[BaseModel], ...]) -> Json:
    return {
        "name": name,
        "summary": (models[0].__doc__ or "").strip().splitlines()[0],
        "payload": payload_of(models),
        "examples": [{"payload": one} for one in EXAMPLES.get(name, ())],
    }


def _event_name(kind: str) -> str:
    return f"{kind}Event"


def _event(kind: str, models: tuple[type[BaseModel], ...]) -> Json:
    """Return a server-sent event, of which the payload is the data; what stands beside it are its headers."""
    headers: Json = {"event": {"type": "string", "const": kind}}
    if kind == "metrics":
        headers["id"] = {"type": "string", "pattern": f"^{ID_PATTERN}$", "description": "The position: epoch:offset."}
    name = _event_name(kind)
    examples = [{"payload": one} for one in SSE_EXAMPLES[kind]]
    return _message(name, models) | {"headers": {"type": "object", "properties": headers}, "examples": examples}


def _text(name: str, summary: str, pattern: str | None = None) -> Json:
    payload: Json = {"type": "string"} | ({} if pattern is None else {"pattern": pattern})
    return {"name": name, "summary": summary, "contentType": "text/plain", "payload": payload}


def _layout_text() -> str:
    rows = "\n".join(f"| {part.type} | {part.at} | {part.meaning} |" for part in LAYOUT)
    return f"All numbers are little-endian.\n\n| type | at byte | meaning |\n|---|---|---|\n{rows}\n"


# --- channels and operations ---------------------------------------------------------------------------------------


def _channels() -> Json:
    commands, server = tuple(MODELS), tuple(RECORDS)
    in_binary = tuple(_WIRE_DATA if name == "data" else name for name in server)
    return {
        "json": _channel("The protocol, all in JSON.", SUBPROTOCOL, commands + server),
        "binary": _channel("The same protocol with binary data.", BINARY_SUBPROTOCOL, commands + in_binary),
        "plain": _channel(
            "A socket without a subprotocol: the default stream, in messages that explain themselves, and echoes. "
            "The first command turns it into a protocol socket.",
            None,
            (*PLAIN_RECORDS, _TEXT, _ECHO, _LEFT, "error", "bye"),
        ),
        "events": {
            "address": "/api/v1/stream",
            "servers": [{"$ref": "#/servers/http"}],
            "description": f"One subscription as `{EVENT_STREAM}`: by default an event a tick, and with "
            "`format=columns` the messages of the protocol, each as an event of its type.",
            "messages": _message_refs([*map(_event_name, SSE_RECORDS), *_COLUMNS]),
        },
    }


def _channel(description: str, subprotocol: str | None, messages: Iterable[str]) -> Json:
    channel: Json = {
        "address": "/ws",
        "servers": [{"$ref": "#/servers/socket"}],
        "description": description,
        "messages": _message_refs(messages),
    }
    if subprotocol is None:
        return channel | {"bindings": {"ws": {"method": "GET"}}}
    header = {"type": "string", "const": subprotocol}
    headers = {"type": "object", "properties": {"Sec-WebSocket-Protocol": header}, "required": [*_HEADER]}
    return channel | {"bindings": {"ws": {"method": "GET", "headers": headers}}}


def _message_refs(names: Iterable[str]) -> Json:
    return {name: {"$ref": f"#/components/messages/{name}"} for name in names}


_HEADER: Final = ("Sec-WebSocket-Protocol",)


def _operations(channel: str) -> Json:
    """Return what a client asks for, and what the server sends without being asked each time."""
    asked = {
        f"{channel}.{name}": {
            "action": "receive",
            "channel": {"$ref": f"#/channels/{channel}"},
            "summary": (MODELS[name].__doc__ or "").strip(),
            "messages": _refs(channel, [name]),
            "reply": {
                "channel": {"$ref": f"#/channels/{channel}"},
                "messages": _refs(channel, [*ANSWERS[name], "error"]),
            },
        }
        for name in MODELS
    }
    data = _WIRE_DATA if channel == "binary" else "data"
    told = ["welcome", "snapshot", data, "series", "gap", "rows", "event", "heartbeat", "dashboards", "error", "bye"]
    return asked | {f"{channel}.tell": _told(channel, "What the server sends unasked, and what streams bring.", told)}


def _plain_operations() -> Json:
    return {
        "plain.tell": _told("plain", "The default stream, once a second.", [*PLAIN_RECORDS, _LEFT, "error", "bye"]),
        "plain.echo": {
            "action": "receive",
            "channel": {"$ref": "#/channels/plain"},
            "summary": "The server echoes your messages.",
            "messages": _refs("plain", [_TEXT]),
            "reply": {"channel": {"$ref": "#/channels/plain"}, "messages": _refs("plain", [_ECHO])},
        },
    }


def _event_operations() -> Json:
    properties = {one.name: one.schema | {"description": one.description} for one in PARAMETERS}
    query = {"type": "object", "properties": properties, "additionalProperties": False}
    told = _told("events", "What a subscription brings.", [*map(_event_name, SSE_RECORDS), *_COLUMNS])
    return {"events.tell": told | {"bindings": {"http": {"method": "GET", "query": query, "bindingVersion": "0.3.0"}}}}


def _told(channel: str, summary: str, messages: Iterable[str]) -> Json:
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{channel}"},
        "summary": summary,
        "messages": _refs(channel, messages),
    }


def _refs(channel: str, messages: Iterable[str]) -> list[Json]:
    return [{"$ref": f"#/channels/{channel}/messages/{name}"} for name in messages]


def _security_schemes() -> Json:
    """Return the ways to show a token, as AsyncAPI calls them."""
    schemes: Json = {
        name: scheme | {"type": "httpApiKey"} if scheme["type"] == "apiKey" else scheme
        for name, scheme in SECURITY_SCHEMES.items()
    }
    hello = " On the socket, `hello` shows one too."
    return schemes | {"bearer": schemes["bearer"] | {"description": schemes["bearer"]["description"] + hello}}
