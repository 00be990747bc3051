"""The tables of the wire: every field of every message, from the records that parse and describe them."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from tests.reference.markdown import table

from vitalcast.core.wire import panel_records, record_parts
from vitalcast.core.wire.binary_layout import LAYOUT
from vitalcast.core.wire.commands import MODELS, RatioTo, Since
from vitalcast.core.wire.records import ANSWERS, PLAIN_RECORDS, RECORDS
from vitalcast.core.wire.schemas import REF, schemas_of

# What a message is called where one of the same type has other fields.
VARIANTS = {
    "LockedWelcome": "`welcome` before a token",
    "HelloAck": "`ack` of `hello`",
    "TableResult": "`result` of a table",
}
ODD: dict[Any, str] = {"": "empty text", True: "`true`"}
FAR = 2**47  # a bound from here on says nothing to a reader
PARTS = (record_parts.Series, record_parts.ListedSeries, record_parts.Column, record_parts.Tier, record_parts.Limits)
PANEL_PARTS = (
    panel_records.PanelHead,
    panel_records.Line,
    panel_records.Axis,
    panel_records.Reference,
    panel_records.Headline,
    panel_records.Number,
)


def commands_part() -> str:
    rows = [
        (f"`{name}`", said(model), ", ".join(f"`{one}`" for one in ANSWERS[name])) for name, model in MODELS.items()
    ]
    overview = table(("client sends", "meaning", "answer"), *rows)
    parts = [f"### `{name}`\n\n{fields(model, null=False)}" for name, model in MODELS.items() if name != "ping"]
    inner = (("`since`", Since), ("`RatioTo`", RatioTo))
    parts += [f"### {title}\n\n{said(one)}\n\n{fields(one, null=False)}" for title, one in inner]
    return "\n\n".join([overview, *parts])


def messages_part() -> str:
    records = {**RECORDS, **PLAIN_RECORDS}
    parts = [table(("server sends", "meaning"), *((f"`{name}`", said(many[0])) for name, many in records.items()))]
    for name, many in records.items():
        for one in many:
            if issubclass(one, panel_records.PanelHead):
                parts.append("Of a panel it also has the fields of [`PanelHead`](#panelhead).")
            else:
                title = VARIANTS.get(one.__name__, f"`{name}`")
                parts.append(f"### {title}\n\n{'' if one is many[0] else said(one) + chr(10) * 2}{fields(one)}")
    return "\n\n".join([*parts, *map(part, PARTS)])


def panels_part() -> str:
    return "\n\n".join(map(part, PANEL_PARTS))


def binary_part() -> str:
    return table(("type", "at byte", "meaning"), *((one.type, one.at, one.meaning) for one in LAYOUT))


def part(model: type[BaseModel]) -> str:
    return f"### `{model.__name__}`\n\n{said(model)}\n\n{fields(model)}"


def said(model: type[BaseModel]) -> str:
    return " ".join((model.__doc__ or "").split())


def fields(model: type[BaseModel], *, null: bool = True) -> str:
    """Return a table of the fields of a message, without what every one has; `null` says where that may be."""
    schema = schemas_of([model])[model.__name__]
    everywhere = {"type"} | ({"id"} - set(schema["required"])) if "type" in schema["properties"] else set()
    rows = [
        (f"`{name}`", type_words(one, null=null) + ("" if name in schema["required"] else ", optional"), _about(one))
        for name, one in schema["properties"].items()
        if name not in everywhere
    ]
    return table(("field", "type", "meaning"), *rows)


def _about(schema: Any) -> str:
    text: str = schema["description"]
    return text


def type_words(schema: Any, *, null: bool, inner: bool = False) -> str:
    """Return a schema's type in words; of what is `inner` without bounds."""
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            return _either([type_words(one, null=null, inner=inner) for one in schema[key]])
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(REF.format(model=""))
        return f"[`{name}`](#{name.lower()})"
    if "enum" in schema or "const" in schema:
        return _either([ODD.get(one, f"`{one}`") for one in schema.get("enum", [schema.get("const")])])
    types = schema["type"]
    words = [_words(one, schema, null=null, inner=inner) for one in ([types] if isinstance(types, str) else types)]
    return _either([one for one in words if null or one != "null"])


def _words(kind: str, schema: Any, *, null: bool, inner: bool) -> str:
    match kind:
        case "array":
            return f"list of {type_words(schema['items'], null=null, inner=True)}" + _most(schema.get("maxItems"), "")
        case "object":
            one = schema.get("additionalProperties") or next(iter(schema["patternProperties"].values()))
            return f"object of {type_words(one, null=null, inner=True)}"
        case "string":
            return "text" + ("" if inner else _most(schema.get("maxLength"), " characters"))
        case "integer" | "number":
            return ("whole number" if kind == "integer" else "number") + ("" if inner else _bounds(schema))
    return kind


def _most(most: int | None, of: str) -> str:
    return f", at most {most:,}{of}" if most else ""


def _bounds(schema: Any) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is None:
        return ""
    return f", {low:g} or more" if high is None or high >= FAR else f", {low:g} to {high:,}"


def _either(words: list[str]) -> str:
    words = [one for one in dict.fromkeys(words) if one]
    return " or ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)
