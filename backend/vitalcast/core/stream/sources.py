"""The sources that a hub hears of: which of them is meant by a name, and how many there may be."""

from __future__ import annotations

import logging
from collections.abc import Callable
from itertools import islice

from vitalcast.core.metrics.resource import Source
from vitalcast.core.metrics.timeline import Timeline
from vitalcast.core.text import cut, few, nearest_of
from vitalcast.core.vocabulary import ErrorCode
from vitalcast.errors import ProtocolError

logger = logging.getLogger(__name__)

SOURCES_MAX = 10_000
ADVISED_MAX = 100  # of those looked at for the nearest name: whoever asks must not cost much


class Sources:
    """A timeline for each source, by id. `home` is this machine's, which is meant where none is named.

    `refused` counts the frames of sources past the bound.
    """

    def __init__(self, *, home: Timeline | None, make: Callable[[Source], Timeline], sources_max: int) -> None:
        self.home = home
        self.timelines: dict[str, Timeline] = {} if home is None else {home.id: home}
        self.refused = 0
        self._make = make
        self._sources_max = sources_max

    @property
    def default(self) -> Timeline | None:
        """The source that is meant where none is named: this machine, or the only one there is."""
        if self.home is None and len(self.timelines) == 1:
            return next(iter(self.timelines.values()))
        return self.home

    def find(self, host: str | None, *, advised: bool = True) -> Timeline:
        """Return the source of this id or name, the default one for None.

        Raises ProtocolError that names the field, and where the caller may be `advised` the sources that there are.
        """
        if host is None:
            return self._default()
        if host in self.timelines:
            return self.timelines[host]
        named = [timeline for timeline in self.timelines.values() if timeline.name == host]
        if len(named) == 1:
            return named[0]
        if named:
            ids = f": {few(timeline.id for timeline in named)}" if advised else ""
            raise _wrong(f"{len(named)} sources are called {host!r}; give an id{ids}")
        if not advised:
            raise _wrong(f"{cut(host)!r} is not here")
        names = [timeline.name for timeline in islice(self.timelines.values(), ADVISED_MAX)]
        nearest = nearest_of(host, names)
        advice = f"did you mean {nearest}?" if nearest else f"there are {few(names) or 'none'}"
        raise _wrong(f"{cut(host)!r} is not here; {advice}")

    def _default(self) -> Timeline:
        if (default := self.default) is not None:
            return default
        if not self.timelines:
            raise _wrong("is missing, and there is no source yet", temporary=True)
        raise _wrong(f"is missing, and there are {len(self.timelines)} sources: name one")

    def of(self, source: Source) -> Timeline | None:
        """Return the timeline of a source that is heard of, made if need be; None where there are too many."""
        timeline = self.timelines.get(source.id)
        if timeline is None:
            return self._new(source)
        if source != timeline.source and source.epoch == timeline.epoch:
            timeline.describe(source)  # it has another name now, or ticks at another pace
        return timeline

    def _new(self, source: Source) -> Timeline | None:
        if len(self.timelines) < self._sources_max:
            timeline = self.timelines[source.id] = self._make(source)
            return timeline
        if self.refused == 0:
            logger.warning("there are more than %d sources: those that come later are refused", self._sources_max)
        self.refused += 1
        return None


def _wrong(why: str, *, temporary: bool = False) -> ProtocolError:
    return ProtocolError(ErrorCode.BAD_REQUEST, f"host: {why}", temporary=temporary)
