"""The parts of which an OpenAPI description is made."""

from __future__ import annotations

from typing import Any, Final

Json = dict[str, Any]


def answer(description: str, content: Json) -> Json:
    return {"description": description, "content": content}


def json_answer(description: str, schema: Json) -> Json:
    return answer(description, json_of(schema))


def json_of(schema: Json) -> Json:
    return {"application/json": {"schema": schema}}


def ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def object_of(about: str, properties: Json, *, optional: tuple[str, ...] = ()) -> Json:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "description": about, "properties": properties, "required": required}


def text_of(description: str, **more: Any) -> Json:
    return {"type": "string", "description": description} | more


REVISION: Final[Json] = text_of("Names the panels and playlists that there are; it changes when they do.")


def texts_of(description: str) -> Json:
    return {"type": "array", "items": {"type": "string"}, "description": description}


def whole_of(description: str, *, null: bool = False) -> Json:
    return {"type": ["integer", "null"] if null else "integer", "description": description}


def flag_of(description: str) -> Json:
    return {"type": "boolean", "description": description}


def list_of(name: str) -> Json:
    return {"type": "array", "items": ref(name)}
