"""What a query and a body may hold. The schema that the documentation shows is the one that is checked here.

So neither can allow what the other refuses: a bound is written once, as JSON Schema, of which `fits` knows as much as
is used.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson

from vitalcast.core.vocabulary import ErrorCode
from vitalcast.errors import ApiError
from vitalcast.web.edge.errors import shown
from vitalcast.web.edge.schemas import Json

if TYPE_CHECKING:
    from starlette.requests import Request

# Numbers as they may stand in an address. Python would also take digits of every script, `1_000`, `nan` and blanks.
_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,18}")
_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")
_NUMBER_CHARS_MAX: Final = 100
# Text without what controls a terminal or the direction of text; what else does not print is refused where it enters.
PRINTABLE_PATTERN: Final = (
    r"^[^\u0000-\u001f\u007f-\u009f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb]*$"
)


# --- values --------------------------------------------------------------------------------------------------------


def fits(value: object, schema: Json) -> bool:
    """Say whether a value is one of this schema, which may say its type, an enum, bounds, lengths and a pattern."""
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if not any(_is_of(value, name) for name in types):
        return False
    if "enum" in schema and value not in schema["enum"]:
        return False
    if isinstance(value, str):
        pattern = schema.get("pattern")
        within = _within(len(value), schema, "minLength", "maxLength")
        return within and (pattern is None or re.fullmatch(pattern, value) is not None)
    if isinstance(value, list):
        return _within(len(value), schema, "minItems", "maxItems") and all(fits(one, schema["items"]) for one in value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _within(value, schema, "minimum", "maximum")
    return True


def _is_of(value: object, type_: str) -> bool:
    if isinstance(value, bool) or type_ == "boolean":  # which Python takes for a number
        return isinstance(value, bool) and type_ == "boolean"
    return isinstance(value, _TYPES[type_])


_TYPES: Final[Mapping[str, type | tuple[type, ...]]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "array": list,
    "object": dict,
    "null": type(None),
}


def _within(number: float, schema: Json, least: str, most: str) -> bool:
    return bool(schema.get(least, -math.inf) <= number <= schema.get(most, math.inf))


# --- queries -------------------------------------------------------------------------------------------------------


class Parameter(NamedTuple):
    """A parameter of an address: its schema, and in words what it takes."""

    name: str
    description: str
    schema: Json
    form: str = ""
    more: Mapping[str, Any] = MappingProxyType({})  # what else the documentation says

    @property
    def in_path(self) -> bool:
        """Whether it is a part of the path, and not of the query."""
        return self.more.get("in") == "path"

    @property
    def names(self) -> str | None:
        """The pattern of the names that it has, where it stands for many; else None."""
        pattern: str | None = self.schema.get("propertyNames", {}).get("pattern")
        return pattern

    def described(self) -> Json:
        known: Json = {"name": self.name, "in": "query", "description": self.description, "schema": self.schema}
        return known | dict(self.more)

    def of(self, request: Request) -> Any:
        """Return its value in a request, or its default. Raises ApiError that says what would be right."""
        text = request.query_params.get(self.name)
        if text is None:
            return self.schema.get("default")
        value = _value_of(text, self.schema["type"])
        if not fits(value, self.schema):
            raise self.refused(text)
        return value

    def all_of(self, request: Request, *, separator: str | None = None) -> list[str]:
        """Return the values of one that may come again, parted at the separator too."""
        texts = request.query_params.getlist(self.name)
        if separator is not None:
            texts = [part.strip(" ") for text in texts for part in text.split(separator)]
        return texts

    def refused(self, text: str) -> ApiError:
        return bad(f"{self.name}: {shown(text)} is not valid; give {self.form}")


def path_parameter(name: str, description: str, example: str) -> Parameter:
    """Return a part of a path, which takes any text; whether there is such a thing is its endpoint's to say."""
    return Parameter(name, description, {"type": "string"}, more={"in": "path", "required": True, "example": example})


URL_TOKEN: Final = Parameter(
    "token", "A token of scope `embed`, where one is needed and no header can be sent.", {"type": "string"}
)


def _value_of(text: str, type_: str) -> object:
    """Return what a text of an address means as this type; None where it is none of it."""
    if type_ == "string":
        return text
    if type_ == "integer":
        return int(text) if _INTEGER.fullmatch(text) else None
    number = float(text) if len(text) <= _NUMBER_CHARS_MAX and _NUMBER.fullmatch(text) else math.nan
    return number if math.isfinite(number) else None


# --- bodies --------------------------------------------------------------------------------------------------------


class Field(NamedTuple):
    """A field of a body: its schema, and in words what it takes."""

    schema: Json
    form: str


class Body(NamedTuple):
    """The JSON object that an address takes."""

    description: str
    fields: Mapping[str, Field]
    required: tuple[str, ...] = ()
    bytes_max: int = 4096
    more: Mapping[str, Any] = MappingProxyType({})  # what else the documentation says
    name: str = ""  # among the documentation's schemas; without one it stands where it is sent

    def described(self) -> Json:
        known: Json = {
            "type": "object",
            "description": self.description,
            "properties": {name: field.schema for name, field in self.fields.items()},
            "required": list(self.required),
            "additionalProperties": False,
        }
        return known | dict(self.more)

    async def of(self, request: Request) -> dict[str, Any]:
        """Read the body of a request; return its fields. Raises ApiError that says what would be right."""
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > self.bytes_max:
                raise ApiError(413, ErrorCode.LIMIT, f"a body has {self.bytes_max} bytes at most here")
        return self.read(body)

    def read(self, body: bytes) -> dict[str, Any]:
        """Return the fields of a body. Raises ApiError."""
        form = f"an object with {' and '.join(self.fields)}" if self.fields else "an empty object"
        try:
            given = orjson.loads(body)
        except orjson.JSONDecodeError:
            raise bad("the body is not JSON") from None
        if not isinstance(given, dict):
            raise bad(f"the body is not an object; give {form}")
        if unknown := [shown(name) for name in given if name not in self.fields]:
            raise bad(f"unknown field {', '.join(unknown[:5])}; there are {', '.join(self.fields) or 'none'}")
        for name, field in self.fields.items():
            if not fits(given[name], field.schema) if name in given else name in self.required:
                raise bad(f"{name}: give {field.form}")
        return given


def bad(message: str) -> ApiError:
    return ApiError(400, ErrorCode.BAD_REQUEST, message)
