"""Which attributes series must have, as addresses say it: `where=cpu.mode=user`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from vitalcast.web.edge.fields import Parameter, bad, fits

if TYPE_CHECKING:
    from starlette.requests import Request

WHERE_MAX = 16
WHERE: Final = Parameter(
    "where",
    "Only series with this attribute, as in `cpu.mode=user`; may be repeated.",
    {"type": "array", "maxItems": WHERE_MAX, "items": {"type": "string", "pattern": r"^[^=]+=[\s\S]*$"}},
    "an attribute and its value, such as cpu.mode=user",
    {"style": "form", "explode": True},
)


def where_of(
    request: Request, more: Sequence[tuple[str, str]] = (), *, parameter: Parameter = WHERE
) -> dict[str, tuple[str, ...]]:
    """Return the values that are wanted of each attribute, those of `more` first. Raises ApiError."""
    pairs = list(more)
    for text in parameter.all_of(request):
        if not fits(text, parameter.schema["items"]):
            raise parameter.refused(text)
        name, _, value = text.partition("=")
        pairs.append((name, value))
    if len(pairs) > WHERE_MAX:
        raise bad(f"{parameter.name}: {len(pairs)} values are more than {WHERE_MAX}")
    names = dict.fromkeys(name for name, _ in pairs)
    return {name: tuple(value for other, value in pairs if other == name) for name in names}
