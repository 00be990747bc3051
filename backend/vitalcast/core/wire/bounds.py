"""How much may be asked for, on the WebSocket and in HTTP alike."""

from __future__ import annotations

from typing import Final

from vitalcast.core.vocabulary import Aggregate

POINTS: Final = 300  # where neither points nor a step is given
POINTS_MAX: Final = 100_000
STEP_S: Final = (0.1, 31_536_000)  # up to a year
BACK_S_MAX: Final = 315_360_000  # ten years, of a shift or a backfill
TOP_MAX: Final = 1000
ATTRIBUTES_MAX: Final = 16  # to group by
AGGREGATES_MAX: Final = len(Aggregate)
PANEL_AGGREGATES_MAX: Final = 3  # a line, and how far it went
FILTER_CHARS_MAX: Final = 100  # of a table's rows
COURSE_KEYS_MAX: Final = 50  # processes asked about at once: as many as are seen of a table
