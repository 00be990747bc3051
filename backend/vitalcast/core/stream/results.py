"""Answers about the past as messages, written where they were worked out: in a thread, and in parts.

A large array that is written at one go would keep the interpreter's lock, and with it the loop, for as long.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from vitalcast.core.query.past import Reach
from vitalcast.core.wire.messages import Message, describe_series, reply

if TYPE_CHECKING:
    import numpy.typing as npt

    from vitalcast.core.metrics.model import Series
    from vitalcast.core.processes.answer import ProcessAnswer
    from vitalcast.core.query.query import Result

    Floats = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.int64]

VALUES_AT_ONCE = 20_000  # a millisecond


def result_json(result: Result) -> dict[str, Any]:
    """Return what is said of an answer beside its range and its values."""
    said: dict[str, Any] = {"step": result.step_ms / 1000, "tiers": tiers_json(result.reaches)}
    if result.expired_ms is not None:
        said["expired"] = result.expired_ms
    if result.approximate:
        said["approximate"] = True
    return said | {"aggregate": [aggregate.value for aggregate in result.aggregates]}


def tiers_json(reaches: Iterable[Reach]) -> list[dict[str, Any]]:
    """Return which tier brought what."""
    return [{"tier": one.tier.label, "start": one.start_ms, "end": one.end_ms} for one in reaches]


def columns_json(series: Sequence[Series], times_ms: Integers, values: Floats) -> dict[str, Any]:
    """Return series, times and values as a snapshot has them: a list for each column of `values`."""
    columns = [b"[%b]" % b"".join(number_parts(column)) for column in np.ascontiguousarray(values.T)]
    return {
        "series": describe_series(series),
        "times": times_ms,
        "values": orjson.Fragment(b"[" + b",".join(columns) + b"]"),
    }


def number_parts(numbers: Floats | Integers) -> Iterator[bytes]:
    """Yield the items of a JSON array, some at a time; what is no number is null."""
    for start in range(0, len(numbers), VALUES_AT_ONCE):
        part = np.ascontiguousarray(numbers[start : start + VALUES_AT_ONCE])
        yield (b"," if start else b"") + orjson.dumps(part, option=orjson.OPT_SERIALIZE_NUMPY)[1:-1]


def processes_message(id_: int | str | None, answer: ProcessAnswer, about: Mapping[str, object]) -> Message:
    """Return the rows of a moment or a window as a message; `about` says of what."""
    return reply(
        "result",
        id_,
        **about,
        table="processes",
        start=answer.start_ms,
        end=answer.end_ms,
        interval=answer.interval_ms / 1000,
        columns=[one._asdict() for one in answer.columns],
        rows=answer.rows,
        matches=answer.matches,
    )
