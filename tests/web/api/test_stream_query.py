"""What an address asks of a stream, as the command that it is."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.requests import Request

from vitalcast.errors import ApiError
from vitalcast.web.api.stream_query import command_of


def command(query: str) -> dict[str, Any]:
    return command_of(Request({"type": "http", "query_string": query.encode(), "headers": []}), None)


def test_a_divisor_is_a_selection_of_its_own() -> None:
    asked = command("metrics=a&aggregate=rate,delta&ratio_to=b,c&ratio_where=node=x&ratio_where=node=y")
    assert asked == {
        "type": "subscribe",
        "stream": "s",
        "metrics": ["a"],
        "aggregate": ["rate", "delta"],
        "ratio_to": {"metrics": ["b", "c"], "where": {"node": ("x", "y")}},
    }


def test_a_divisor_without_metrics_is_refused() -> None:
    with pytest.raises(ApiError, match="ratio_where: is of ratio_to, which is missing"):
        command("metrics=a&ratio_where=node=x")
