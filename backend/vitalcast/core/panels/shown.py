"""Which of a panel's lines are drawn, where it has room for fewer: those that its number stands for.

The dashboard's `charts/model/shown.js` chooses in the same way; a test holds the two to the same answers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vitalcast.core.panels.headline import bars_of
from vitalcast.core.panels.lines import Line, Reading, repainted

if TYPE_CHECKING:
    import numpy.typing as npt

    from vitalcast.core.panels.schema import Panel

    Floats = npt.NDArray[np.float64]

FEW = 3  # so few lines are all shown, whether they move or not


@dataclass(frozen=True, slots=True)
class Seen:
    """The lowest and the highest of each column in the time that is shown, and its newest; `nan` for no reading."""

    lowest: Floats
    highest: Floats
    newest: Floats

    @property
    def sizes(self) -> Floats:
        """How far from zero each column was."""
        return np.fmax(np.abs(self.lowest), np.abs(self.highest))


def busiest(panel: Panel, reading: Reading, seen: Seen) -> list[Line]:
    """Return the lines to draw: of a stack all, else those of the keys that rank highest.

    Bars rank by the share that is used, lines whose number is the highest of all by how high they were, and others by
    how far from zero they were. The line that the number is now is always among them. Of many, those at rest are left
    out; not so rows of a heatmap and bars, which say something by being empty. Lines that would share a colour get
    another.
    """
    if panel.stack and not panel.below:
        return repainted(reading.lines)
    ranked = ranked_of(panel, reading, seen)
    kept = set(ranked[: panel.lines_max])
    if panel.chart == "line" and len(ranked) > FEW and not _below_zero(reading, seen):
        sizes = seen.sizes
        kept &= {line.key for line in reading.lines if sizes[line.column] > 0}
    kept = kept or set(ranked[: min(FEW, panel.lines_max)])
    return repainted(line for line in reading.lines if line.key in kept)


def ranked_of(panel: Panel, reading: Reading, seen: Seen) -> list[str]:
    """Return the keys of all lines, what the panel's number is about first."""
    ranks, leaders = _ranks(panel, reading, seen), _leaders(panel, reading, seen.newest)
    return sorted(ranks, key=lambda key: (key not in leaders, -ranks[key] if ranks[key] == ranks[key] else math.inf))


def _ranks(panel: Panel, reading: Reading, seen: Seen) -> dict[str, float]:
    if panel.chart == "bar":
        return {bar.key: bar.share for bar in bars_of(reading, reading.lines, seen.newest)}
    by_column = (seen.highest if panel.headline.reduce == "max" and not panel.below else seen.sizes).tolist()
    ranks: dict[str, float] = {}
    for line in reading.lines:
        rank, before = by_column[line.column], ranks.get(line.key, math.nan)
        ranks[line.key] = before if before >= rank or math.isnan(rank) else rank
    return ranks


def _leaders(panel: Panel, reading: Reading, newest: Floats) -> set[str]:
    """Return the keys of the lines that are the panel's number now, which may have been low until now."""
    if panel.headline.reduce != "max" or panel.chart == "bar":
        return set()
    known = [line for line in reading.counted if not math.isnan(newest[line.column])]
    ways = ([line for line in known if line.down == down] for down in (False, True))
    return {max(lines, key=lambda line: newest[line.column]).key for lines in ways if lines}


def _below_zero(reading: Reading, seen: Seen) -> bool:
    """Say whether some are below zero, which is a reading like others then and no rest."""
    return bool((seen.lowest[[line.column for line in reading.lines]] < 0).any())
