"""Ticks of a group with each value under the key of its series, for clients that keep no columns in mind."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import orjson

from vitalcast.core.vocabulary import Aggregate, GapReason
from vitalcast.core.wire.emission import texts_of
from vitalcast.core.wire.messages import Message
from vitalcast.core.wire.sse import Event, event_text, in_order, position_of

if TYPE_CHECKING:
    import numpy.typing as npt

    from vitalcast.core.metrics.model import Series

    Floats = npt.NDArray[np.float64]

MADE = "@"  # begins what a panel sends beside its lines, which is said in other words
ROW_VALUES = 10  # as many values take as long to write as what stands around those of a tick
VALUE_BYTES = 70  # of a value with its key, as a rule
VALUES_AT_ONCE = 16_384  # that are written at one go, each of which is an object by itself until then
EVENTS_BYTES = 262_144  # after which what is said at once goes on in another message


def keys_of(series: Iterable[Series], aggregates: Sequence[Aggregate]) -> list[str]:
    """Return what each value is called: the key of its series, as in `max(…)` where there are several aggregates."""
    if len(aggregates) == 1:
        return [one.key for one in series]
    return [f"{aggregate}({one.key})" for one in series for aggregate in aggregates]


class NamedTicks:
    """Writes ticks of an epoch, which have a value for each series and aggregate.

    `more` returns what is said of a tick's values beside them.
    """

    def __init__(
        self,
        epoch: str,
        series: tuple[Series, ...],
        aggregates: Sequence[Aggregate],
        more: Callable[[Floats], Mapping[str, object]],
    ) -> None:
        self.epoch = epoch
        self.series = series
        self._more = more
        keys = keys_of(series, aggregates)
        self._shown = np.array([at for at, key in enumerate(keys) if not key.startswith(MADE)], dtype=np.intp)
        # A row is written by one `%`, which costs a tenth of a mapping; the keys may have that sign themselves.
        members = b",".join(orjson.dumps(keys[at]).replace(b"%", b"%%") + b":%b" for at in self._shown.tolist())
        self._metrics = b'"metrics":{' + members + b"}}"
        position = position_of(epoch, 0)[:-1].replace(b"%", b"%%")
        tick = b'{"time":%d,"offset":%d,%b' + self._metrics
        self._tick = event_text(b"metrics", tick, position + b"%d")
        self._step = event_text(b"metrics", b'{"time":%d,%b' + self._metrics)

    def event(self, offset: int, time_ms: int, values: Floats) -> Message:
        """Return one tick."""
        [(_, text)] = self._texts((offset,), (time_ms,), values[None])
        return Event(text)

    def events(
        self,
        offsets: Iterable[int | None],
        times_ms: Iterable[int],
        rows: Floats,
        missed: Sequence[tuple[int, int]] = (),
    ) -> list[Message]:
        """Return some ticks, with what the sampler missed between them, in as many messages as keep each from being
        long; an offset may be unknown.
        """
        texts = in_order(self._texts(tuple(offsets), tuple(times_ms), rows), missed, GapReason.SAMPLER)
        return [Event(b"".join(part)) for part in _parts(texts)]

    def _texts(
        self, offsets: Sequence[int | None], times_ms: Sequence[int], rows: Floats
    ) -> Iterator[tuple[int | None, bytes]]:
        at_once = max(1, VALUES_AT_ONCE // max(1, len(self._shown)))
        for begin in range(0, len(rows), at_once):
            part = slice(begin, begin + at_once)
            yield from self._texts_at_once(offsets[part], times_ms[part], rows[part])

    def _texts_at_once(
        self, offsets: Sequence[int | None], times_ms: Sequence[int], rows: Floats
    ) -> Iterator[tuple[int | None, bytes]]:
        width = len(self._shown)
        texts = texts_of(np.ascontiguousarray(rows[:, self._shown]).ravel())
        for at, (offset, time_ms) in enumerate(zip(offsets, times_ms, strict=True)):
            more, values = self._said(rows[at]), texts[at * width : (at + 1) * width]
            if offset is None:
                yield None, self._step % (time_ms, more, *values)
            else:
                yield offset, self._tick % (offset, time_ms, offset, more, *values)

    def _said(self, row: Floats) -> bytes:
        more = self._more(row)
        return orjson.dumps(more, option=orjson.OPT_SERIALIZE_NUMPY)[1:-1] + b"," if more else b""


def _parts(texts: Iterable[bytes]) -> Iterator[list[bytes]]:
    part: list[bytes] = []
    size = 0
    for text in texts:
        part.append(text)
        size += len(text)
        if size >= EVENTS_BYTES:
            yield part
            part, size = [], 0
    if part:
        yield part
