"""One source's memory: what it is, which metrics it has, and its recent frames."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from vitalcast.core.metrics.catalogue import SERIES_MAX, Catalogue
from vitalcast.core.metrics.model import Descriptor, Frame, Series
from vitalcast.core.metrics.names import Selection
from vitalcast.core.metrics.resource import Resource, Source
from vitalcast.core.metrics.ring import Ring
from vitalcast.core.metrics.table_info import TableInfo


class Timeline:
    """Remembers one source. Its offsets count ticks within its epoch, and its times are of its own clock.

    `descriptors` are metrics that it may have before any series of them is seen, and `own_names` what our collectors
    can give on any machine. `tables` are what is known of its tables, by name. `recorded` says that a history keeps
    what the ring forgets.
    """

    def __init__(
        self,
        source: Source,
        *,
        ring: Ring | None = None,
        descriptors: Iterable[Descriptor] = (),
        own_names: Collection[str] = (),
        tables: Mapping[str, TableInfo] | None = None,
        series_max: int = SERIES_MAX,
    ) -> None:
        self.source = source
        self.ring = ring or Ring(interval_ms=source.interval_ms)
        self.catalogue = Catalogue(
            descriptors, own_names=own_names, series_max=series_max, clear=self.ring.clear_columns
        )
        self.tables: Mapping[str, TableInfo] = tables or {}
        self.recorded = False
        self.recorded_before = True  # whether a history may have something of before this run

    @property
    def id(self) -> str:
        return self.source.id

    @property
    def resource(self) -> Resource:
        return self.source.resource

    @property
    def name(self) -> str:
        return self.source.resource.name

    @property
    def epoch(self) -> str:
        return self.source.epoch

    @property
    def interval_ms(self) -> int:
        return self.source.interval_ms

    @property
    def interval_min_ms(self) -> int:
        return self.source.interval_min_ms

    @property
    def newest(self) -> Frame:
        """The newest frame. There is one before anybody is let in."""
        frame = self.ring.newest
        assert frame is not None
        return frame

    def series(self) -> list[Series]:
        """Return the series that are there now, by key."""
        return sorted((one for one in self.newest.layout.series if one is not None), key=lambda one: one.key)

    def meant(self, selection: Selection) -> tuple[Series, ...]:
        """Return the series that a selection means now, by key."""
        return self.catalogue.choices.of(selection).chosen.series

    def take(self, frame: Frame) -> Frame:
        """Remember the newest frame, whose offset is above all before it; return it as it is remembered.

        Raises ValueError for an offset that is not.
        """
        newest = self.ring.newest
        if newest is not None and frame.offset <= newest.offset:
            raise ValueError(f"offset {frame.offset} does not follow {newest.offset}")
        laid = self.catalogue.lay(frame, self.ring.oldest_offset)
        self.ring.append(laid)
        return laid

    def resume(self, epoch: str) -> None:
        """Go on with the epoch of an earlier run; before the first frame."""
        self.source = replace(self.source, epoch=epoch)

    def describe(self, source: Source) -> None:
        """Take over what the source says of itself now, its name or its pace."""
        self.source = source
        self.ring.interval_ms = source.interval_ms

    def restart(self, source: Source) -> None:
        """Forget all frames: the source has begun anew, and its offsets mean something else."""
        self.describe(source)
        self.ring.clear()
        self.catalogue.forget_past()
