"""The groups of one interval that want the same aggregates: they share the values of a tick, and how it is written."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from vitalcast.core.metrics.model import Frame
from vitalcast.core.stream.groups import Group
from vitalcast.core.stream.output import Output
from vitalcast.core.stream.run import Run
from vitalcast.core.vocabulary import Aggregate
from vitalcast.core.wire.emission import TickValues
from vitalcast.core.wire.encodings import Encoding

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

logger = logging.getLogger(__name__)

RUN_MIN = 16  # groups from which on it pays to write them at one go


class Peers:
    """Keeps the newest values, and has as many groups as can be written at one go in runs."""

    __slots__ = ("_never", "_runs", "aggregates", "groups", "newest", "wanted")

    def __init__(self, aggregates: tuple[Aggregate, ...]) -> None:
        self.aggregates = aggregates
        self.groups: dict[int, Group] = {}
        self.wanted = 0  # values of all groups together
        self.newest: TickValues | None = None
        self._runs: list[Run] | None = None  # None where they are to be made anew
        self._never: list[Group] = []  # that are in none of them

    def add(self, group: Group) -> None:
        self.groups[group.id] = group
        self.wanted += group.width
        self._end_runs()

    def remove(self, group: Group) -> None:
        self._end_runs()
        del self.groups[group.id]
        self.wanted -= group.width

    def relaid(self) -> None:
        """Note that the groups may have other series now."""
        self.wanted = sum(group.width for group in self.groups.values())
        self._end_runs()

    def emit(self, frame: Frame, values: npt.NDArray[np.float64], out: Output) -> None:
        """Make these the newest values, and add to `out` what the groups' members get for them."""
        tick = self._turn(frame, values)
        try:
            self._run(tick, out)
        except Exception:  # a fault of ours: then each is written alone
            logger.exception("nothing was written at one go at offset %d", frame.offset)
            self._end_runs()
        for group in self._alone():
            try:
                out.add(group.id, group.emit(tick))
            except Exception:  # a fault of ours in one group must not cost the others the frame
                logger.exception("group %d failed at offset %d", group.id, frame.offset)
                group.resync()
        for run in self._runs or ():
            for group_id in list(run.left):
                self.groups[group_id].enter(run)
        tick.settle()

    def _turn(self, frame: Frame, values: npt.NDArray[np.float64]) -> TickValues:
        before = None if self.newest is None else self.newest.values
        shared = self._worth_sharing(len(values))
        self.newest = TickValues(frame.offset, frame.time_ms, values, before=before, shared=shared)
        return self.newest

    def _worth_sharing(self, values: int) -> bool:
        """Say whether so many values are written once for all: where the groups together want more than there are."""
        return len(self.groups) > 1 and self.wanted >= values

    def _alone(self) -> list[Group]:
        """Return the groups that are in no run."""
        if not self._runs:
            return list(self.groups.values())
        return self._never + [self.groups[group_id] for run in self._runs for group_id in run.left]

    # --- runs ----------------------------------------------------------------------------------------------------

    def _run(self, tick: TickValues, out: Output) -> None:
        if not tick.shared:
            self._end_runs()
            return
        if self._runs is None:
            self._runs = self._make_runs()
        out.bulks += [run.emit(tick) for run in self._runs if run.anybody]

    def _make_runs(self) -> list[Run]:
        by_encoding: dict[Encoding, list[Group]] = {}
        self._never = []
        for group in self.groups.values():
            (by_encoding.setdefault(group.key.encoding, []) if group.can_run else self._never).append(group)
        runs = []
        for encoding, groups in by_encoding.items():
            rows = [(group.head, group.chosen) for group in groups]
            bulk = encoding.bulk(rows, len(self.aggregates)) if len(rows) >= RUN_MIN else None
            if bulk is None:
                self._never += groups
            else:
                runs.append(Run([group.id for group in groups], bulk))
        return runs

    def _end_runs(self) -> None:
        if self._runs:
            for group in self.groups.values():
                group.step_out()
        self._runs = None
