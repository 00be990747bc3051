"""The past of a source of which nothing is kept but what its ring has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

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

    def series(self, *_: Any, **__: Any) -> list[Series]:
        """There are none."""
        return []

    def ticks(self, *_: Any, **__: Any) -> Iterator[Ticks]:
        """There are none."""
        return iter(())

    def rollups(self, *_: Any, **__: Any) -> Iterator[Rollup]:
        """There are none."""
        return iter(())

    def after(self, *_: Any, **__: Any) -> list[Ticks] | None:
        """Nobody knows."""
        return None

    def events(self, *_: Any, **__: Any) -> list[Event]:
        """There are none."""
        return []

    def processes(self, *_: Any, **__: Any) -> Iterator[ProcessSnapshot]:
        """There are none."""
        return iter(())

    def process_usage(self, *_: Any, **__: Any) -> Iterator[WindowUsage]:
        """There are none."""
        return iter(())

    def interrupt(self) -> None:
        """Nothing is being read."""

    def close(self) -> None:
        """Nothing is held."""
