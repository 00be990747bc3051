"""A world whose machine has ticked with all series of some panels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from tests.core.machine import Machine
from tests.core.panel_machine import DESCRIPTORS, series_for
from tests.web.conftest import World, make_world

from vitalcast.core.panels.schema import Panel
from vitalcast.core.wire.limits import DEFAULT_LIMITS, Limits

TICKS = 40
Value = Callable[[int, int], float | None]  # of a tick and a series' position


def ramp(tick: int, at: int) -> float:
    return round((tick % 10) / 100 + at / 50, 3)


def world_of(
    *panels: Panel,
    ticks: int = TICKS,
    value: Value = ramp,
    skip_at: int = -1,
    set_ms: int = 0,
    limits: Limits = DEFAULT_LIMITS,
) -> World:
    """Return a world that has ticked with all series of these panels.

    Ticks are missing before tick `skip_at`, and the clock was set by `set_ms` in the middle.
    """
    machine = Machine(limits=limits, descriptors=DESCRIPTORS.values())
    series = sorted({one for panel in panels for one in series_for(panel)}, key=lambda one: one.key)
    for tick in range(ticks):
        machine.time_ms += set_ms if tick == ticks // 2 else 0
        readings = {one: np.nan if (found := value(tick, at)) is None else found for at, one in enumerate(series)}
        machine.take(machine.frame(readings, skip=4 if tick == skip_at else 0))
    return make_world(machine, panels=panels)
