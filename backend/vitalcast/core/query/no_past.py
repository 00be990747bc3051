"""The past of a source of which nothing is kept but what its ring has."""

from __future__ import annotations

from collections.abc import Iterator

from vitalcast.core.events.event import Event
from vitalcast.core.metrics.model import Series
from vitalcast.core.processes.snapshot import ProcessSnapshot
from vitalcast.core.processes.usage import WindowUsage
from vitalcast.core.query.past import Extent, Rollup, Ticks


class NoPast:
    """A Past without anything in it, whatever is asked for."""

    def extent(self) -> Extent:
        """Say that it goes nowhere."""
        return Extent()

    def series(self, *_: object, **__: object) -> list[Series]:
        """There are none."""
        return []

    def ticks(self, *_: object, **__: object) -> Iterator[Ticks]:
        """There are none."""
        return iter(())

    def rollups(self, *_: object, **__: object) -> Iterator[Rollup]:
        """There are none."""
        return iter(())

    def after(self, *_: object, **__: object) -> list[Ticks] | None:
        """Nobody knows."""
        return None

    def events(self, *_: object, **__: object) -> list[Event]:
        """There are none."""
        return []

    def processes(self, *_: object, **__: object) -> Iterator[ProcessSnapshot]:
        """There are none."""
        return iter(())

    def process_usage(self, *_: object, **__: object) -> Iterator[WindowUsage]:
        """There are none."""
        return iter(())

    def interrupt(self) -> None:
        """Nothing is being read."""

    def close(self) -> None:
        """Nothing is held."""
