"""JSON Schemas of all messages, from the models that parse commands and the records of what the server sends."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from vitalcast.core.wire.commands import MODELS
from vitalcast.core.wire.records import PLAIN_RECORDS, RECORDS
from vitalcast.core.wire.sse_records import SSE_RECORDS

Json = dict[str, Any]
REF = "#/components/schemas/{model}"


def message_schemas() -> Json:
    """Return the schema of every message and of its parts, by the name of its model.

    What clients send has the fields that it has and no others. What the server sends may get more: ignore those.
    """
    records = [one for many in (*RECORDS.values(), *PLAIN_RECORDS.values(), *SSE_RECORDS.values()) for one in many]
    return schemas_of([*MODELS.values(), *records])


def schemas_of(models: Iterable[type[BaseModel]]) -> Json:
    """Return the schemas of models, and of all that they refer to."""
    _, found = models_json_schema([(model, "validation") for model in models], ref_template=REF)
    schemas: Json = _plain(found["$defs"])
    return {name: schemas[name] for name in sorted(schemas)}


def closed(schema: Any) -> Any:
    """Return a schema by which an object has no fields but those that are named."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    named = any(isinstance(schema.get(key), dict) for key in ("properties", "patternProperties"))
    more = {"additionalProperties": False} if named else {}
    return more | {key: closed(value) for key, value in schema.items()}


def payload_of(models: Iterable[type[BaseModel]]) -> Json:
    """Return the schema of a message that is one of these."""
    refs = [{"$ref": REF.format(model=model.__name__)} for model in models]
    return refs[0] if len(refs) == 1 else {"anyOf": refs}


def _plain(schema: Any) -> Any:
    """Return a schema in the form that is easiest to read, which every version of JSON Schema understands."""
    if isinstance(schema, list):
        return [_plain(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {key: _plain(value) for key, value in schema.items() if not _says_nothing(key, value)}
    if "anyOf" in kept:
        kept = _joined(kept.pop("anyOf")) | kept
    if "$ref" in kept and len(kept) > 1:  # beside which older versions read nothing
        kept = {"allOf": [{"$ref": kept.pop("$ref")}]} | kept
    return kept


def _says_nothing(key: str, value: Any) -> bool:
    """Say whether it is a title that repeats a name, or a default of null."""
    return (key == "title" and isinstance(value, str)) or (key == "default" and value is None)


def _joined(members: list[Json]) -> Json:
    """Return what one of several types may be as a list of types, where each member is no more than a type."""
    types = [one.get("type") for one in members]
    bounds = [{key: value for key, value in one.items() if key not in ("type", "description")} for one in members]
    said = [one for one in bounds if one]
    if not all(isinstance(one, str) for one in types) or len(said) > 1 or any("enum" in one for one in said):
        return {"anyOf": members}
    return {"type": types} | (said[0] if said else {})
