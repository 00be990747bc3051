"""Ticks of a group with each value under the key of its series, for clients that keep no columns in mind."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vitalcast.core.vocabulary import Aggregate, GapReason
from vitalcast.core.wire.messages import Message
from vitalcast.core.wire.sse import Event, in_order, named_text

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from vitalcast.core.metrics.model import Series

    Floats = npt.NDArray[np.float64]

MADE = "@"  # begins what a panel sends beside its lines, which is said in other words


def keys_of(series: Iterable[Series], aggregates: Sequence[Aggregate]) -> list[str]:
    """Return what each value is called: the key of its series, as in `max(…)` where there are several aggregates."""
    if len(aggregates) == 1:
        return [one.key for one in series]
    return [f"{aggregate}({one.key})" for one in series for aggregate in aggregates]


@dataclass(frozen=True, slots=True)
class NamedTicks:
    """Writes ticks of an epoch, whose values have these keys. `more` returns what is said of a row beside them."""

    epoch: str
    keys: list[str]
    more: Callable[[Floats], Mapping[str, object]]

    def event(self, offset: int, time_ms: int, values: Floats) -> Message:
        """Return one tick."""
        return Event(self._text(offset, time_ms, values))

    def events(
        self,
        offsets: Iterable[int | None],
        times_ms: Iterable[int],
        rows: Iterable[Floats],
        missed: Sequence[tuple[int, int]] = (),
    ) -> list[Message]:
        """Return some ticks as one message, with what the sampler missed between them; an offset may be unknown."""
        texts = ((one[0], self._text(*one)) for one in zip(offsets, times_ms, rows, strict=True))
        return [Event(b"".join(in_order(texts, missed, GapReason.SAMPLER)))]

    def _text(self, offset: int | None, time_ms: int, values: Floats) -> bytes:
        pairs = zip(self.keys, values.tolist(), strict=True)
        metrics = {key: value for key, value in pairs if not key.startswith(MADE)}
        return named_text(self.epoch, offset, time_ms, metrics, self.more(values))
