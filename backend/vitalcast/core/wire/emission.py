"""The values of one tick, as all groups of an interval share them: compared once, and written as JSON once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import orjson

from vitalcast.core.metrics.choices import Chosen, Places

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

FEW = 128  # up to here Python picks items from a list faster than numpy from an array
KEYS = [b'"%d":' % position for position in range(FEW)]


class TickValues:
    """The values of one tick for all series of a source, the same number for each, series-major by column.

    `before` holds those of the tick that the same groups got last, None where there was none. With `shared`, texts are
    made of all values at once, which pays where the emissions together have more values than there are; else each
    emission writes its own. `stamp` has the offset and the time as members of a JSON object.
    """

    __slots__ = (
        "_before",
        "_changed",
        "_emissions",
        "_news",
        "_texts",
        "offset",
        "shared",
        "stamp",
        "time_ms",
        "values",
    )

    def __init__(
        self, offset: int, time_ms: int, values: Floats, *, before: Floats | None = None, shared: bool = False
    ) -> None:
        self.offset = offset
        self.time_ms = time_ms
        self.values = values
        self.shared = shared
        self.stamp = b'"offset":%d,"time":%d,' % (offset, time_ms)
        self._before = before
        self._changed: npt.NDArray[np.bool_] | None = None
        self._news: list[bytes] | None = None
        self._texts: list[bytes] | None = None
        self._emissions: dict[Chosen, Emission] = {}

    def emission(self, chosen: Chosen, values_per_series: int) -> Emission:
        """Return what these series emit at this tick; the same object for all that ask while the tick is new."""
        emission = self._emissions.get(chosen)
        if emission is None:
            emission = self._emissions[chosen] = Emission(self, chosen.places(values_per_series))
        return emission

    def texts(self) -> list[bytes]:
        """Return all values in JSON, one by one."""
        if self._texts is None:
            self._texts = texts_of(self.values)
        return self._texts

    def changed(self) -> npt.NDArray[np.bool_] | None:
        """Return which values are not what they were, None where there is nothing to compare them with."""
        if self._changed is None and self._before is not None:
            self._changed = _differ(self.values, self._before)
        return self._changed

    def news(self) -> list[bytes] | None:
        """Return the values in JSON that are not what they were, and nothing in place of each other."""
        if self._news is None and (changed := self.changed()) is not None:
            pairs = zip(self.texts(), changed.tolist(), strict=True)
            self._news = [text if differs else b"" for text, differs in pairs]
        return self._news

    def settle(self) -> None:
        """Forget what only the groups that are due now had a use for; an emission can still be had as a whole."""
        self._before = self._changed = self._news = self._texts = None
        self.shared = False
        self._emissions = {}


class Emission:
    """What some series emit at one tick. `bodies` is for the encodings, which keep there what they have made of it."""

    __slots__ = ("_places", "bodies", "tick")

    def __init__(self, tick: TickValues, places: Places) -> None:
        self.tick = tick
        self._places = places
        self.bodies: dict[object, bytes] = {}

    def __len__(self) -> int:
        return self._places.count

    @property
    def values(self) -> Floats:
        return self.tick.values[self._places.index]

    def joined(self) -> bytes:
        """Return all values as the items of a JSON array."""
        if self.tick.shared:
            return b",".join(self._places.pick(self.tick.texts()))
        array: bytes = orjson.dumps(self.values, option=orjson.OPT_SERIALIZE_NUMPY)
        return array[1:-1]

    def changed(self, at_most: int) -> npt.NDArray[np.intp] | None:
        """Return the positions of the values that changed since the emission before.

        None where there are more of them than `at_most`, or where there was none before.
        """
        changed = self.tick.changed()
        if changed is None:
            return None
        (positions,) = changed[self._places.index].nonzero()
        return None if len(positions) > at_most else positions

    def members(self, at_most: int) -> list[bytes] | None:
        """Return what `changed` does as members of a JSON object: the position, and the value."""
        tick, places = self.tick, self._places
        if tick.shared and places.count <= FEW:
            news = tick.news()
            if news is None:
                return None
            members = [key + text for key, text in zip(KEYS, places.pick(news), strict=False) if text]
            return None if len(members) > at_most else members
        positions = self.changed(at_most)
        if positions is None:
            return None
        texts = texts_of(tick.values[places.index[positions]])
        return [b'"%d":%b' % one for one in zip(positions.tolist(), texts, strict=True)]


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
