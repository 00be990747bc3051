"""Which series a server has, as it lists them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from vitalcast.client.reading import NONSENSE, Json, series_of
from vitalcast.errors import AskError


class ListedSeries(NamedTuple):
    """A series that there is: `kind` is OpenTelemetry's word for its instrument."""

    key: str
    name: str
    unit: str
    kind: str
    description: str
    attributes: Mapping[str, str]
    labels: Mapping[str, str]


def read_catalogue(message: Json) -> list[ListedSeries]:
    """Return the series of a `catalogue`. Raises AskError where it is none."""
    try:
        said = message["series"]
        return [
            ListedSeries(
                one.key, one.name, one.unit, str(more["kind"]), str(more["description"]), one.attributes, one.labels
            )
            for one, more in zip(series_of(said, ("last",)), said, strict=True)
        ]
    except (AttributeError, KeyError, TypeError, ValueError):
        raise AskError(NONSENSE) from None
