"""The values of one tick, as all groups of an interval share them: compared once, and written as JSON once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import orjson

from vitalcast.core.metrics.choices import Chosen, Places

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]


class TickValues:
    """The values of one tick for all series of a source, `values_per_series` of each.

    `values` is series-major, by the columns of the layout, and `before` holds those of the tick that the same groups
    got last, None where there was none. Whether `texts` are made of all values at once, or by each emission of those
    that are its own, is the caller's to say: with `share_texts`, where emissions together have more values than there
    are.
    """

    __slots__ = ("_before", "_changed", "_emissions", "_share_texts", "_stamp", "_texts", "offset", "time_ms", "values")

    def __init__(
        self, offset: int, time_ms: int, values: Floats, *, before: Floats | None = None, share_texts: bool = False
    ) -> None:
        self.offset = offset
        self.time_ms = time_ms
        self.values = values
        self._before = before
        self._share_texts = share_texts
        self._changed: npt.NDArray[np.bool_] | None = None
        self._texts: list[bytes] | None = None
        self._stamp = b""
        self._emissions: dict[Chosen, Emission] = {}

    def emission(self, chosen: Chosen, values_per_series: int) -> Emission:
        """Return what these series emit at this tick; the same object for all that ask while the tick is new."""
        emission = self._emissions.get(chosen)
        if emission is None:
            emission = self._emissions[chosen] = Emission(self, chosen.places(values_per_series))
        return emission

    @property
    def stamp(self) -> bytes:
        """The tick's offset and time as members of a JSON object."""
        if not self._stamp:
            self._stamp = b'"offset":%d,"time":%d' % (self.offset, self.time_ms)
        return self._stamp

    @property
    def texts(self) -> list[bytes] | None:
        """All values in JSON, where that pays."""
        if self._texts is None and self._share_texts:
            self._texts = texts_of(self.values)
        return self._texts

    @property
    def changed(self) -> npt.NDArray[np.bool_] | None:
        """Which values are not what they were, None where it is not known of any."""
        if self._changed is None and self._before is not None:
            self._changed = _differ(self.values, self._before)
        return self._changed

    def settle(self) -> None:
        """Forget what only the groups that are due now had a use for; an emission can still be had as a whole."""
        self._before = self._changed = self._texts = None
        self._share_texts = False
        self._emissions = {}


class Emission:
    """What some series emit at one tick. `bodies` is for the encodings, which keep there what they have made of it."""

    __slots__ = ("_places", "bodies", "tick")

    def __init__(self, tick: TickValues, places: Places) -> None:
        self.tick = tick
        self._places = places
        self.bodies: dict[object, bytes] = {}

    def __len__(self) -> int:
        return len(self._places.index)

    @property
    def values(self) -> Floats:
        return self.tick.values[self._places.index]

    def joined(self) -> bytes:
        """Return all values as the items of a JSON array."""
        texts = self.tick.texts
        return (
            orjson.dumps(self.values, option=orjson.OPT_SERIALIZE_NUMPY)[1:-1]
            if texts is None
            else b",".join(self._places.of(texts))
        )

    def changed(self) -> npt.NDArray[np.intp] | None:
        """Return the positions of the values that changed since the emission before; None where there was none."""
        changed = self.tick.changed
        return None if changed is None else changed[self._places.index].nonzero()[0]

    def texts(self, positions: npt.NDArray[np.intp]) -> list[bytes]:
        """Return the values at these positions in JSON, one by one."""
        index = self._places.index[positions]
        texts = self.tick.texts
        return texts_of(self.tick.values[index]) if texts is None else [texts[place] for place in index.tolist()]


def texts_of(values: Floats) -> list[bytes]:
    """Return each value in JSON, `nan` as null."""
    joined: bytes = orjson.dumps(values, option=orjson.OPT_SERIALIZE_NUMPY)[1:-1]
    return joined.split(b",") if joined else []


def _differ(values: Floats, before: Floats) -> npt.NDArray[np.bool_]:
    """Compare bit by bit, so that a value which is still missing has not changed; one that is new has."""
    both = min(len(values), len(before))
    differ = np.ones(len(values), dtype=np.bool_)
    differ[:both] = values[:both].view(np.int64) != before[:both].view(np.int64)
    return differ
