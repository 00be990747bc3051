"""A panel as a stream: which columns it reads, which it sends, and what it says of them.

What is computed of the values, such as the number that stands for the panel, is sent as columns of its own. Their names
begin with `@`, which no metric's name does. So they have a past and a present as all others have, and whoever draws
them needs no rule.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from vitalcast.core.metrics.model import Descriptor, Kind, Series
from vitalcast.core.panels.headline import HeadlineRow, HeadlineRows, HeadlineRule
from vitalcast.core.panels.line import Line
from vitalcast.core.panels.resolve import mark_of, metric_word, name_of, way_of, word_of

if TYPE_CHECKING:
    import numpy.typing as npt

    from vitalcast.core.panels.shown import Shown
    from vitalcast.core.panels.state import ShownOver

    Floats = npt.NDArray[np.float64]
    Offsets = npt.NDArray[np.int64]

Json = dict[str, Any]
LEVEL_NAMES = ("", "warning", "critical")


class PanelView:
    """The columns of one panel over one range.

    `series` describes each column that is sent, and `columns` are those of the source's layout that are read for them,
    of which the first `sent` are sent as they are, and with those `against` it the panel's number, as a share, falls.
    `came_offset` is the tick at which a line came last that was not shown before.
    """

    def __init__(self, over: ShownOver) -> None:
        self._over = over
        self._shown: Shown | None = None
        self.refresh()

    @property
    def panel_id(self) -> str:
        return self._over.state.panel.id

    @property
    def shown(self) -> Shown:
        assert self._shown is not None  # since it was made
        return self._shown

    def place(self, name: str) -> int | None:
        """Return the place among what is sent of what is computed for the whole panel, by its name."""
        return self._place.get(name)

    @property
    def came_offset(self) -> int:
        return self._over.came_offset

    @property
    def reads(self) -> int:
        """How many values were looked at to choose the lines."""
        return self._over.reads

    def refresh(self) -> bool:
        """Choose lines anew where that is due; return whether anything became another."""
        shown = self._over.now()
        if shown is self._shown:
            return False
        self._shown = shown
        self._lay_out(shown)
        return True

    def _lay_out(self, shown: Shown) -> None:
        resolved = shown.resolved
        beside = [at for at in (resolved.max, resolved.reference, resolved.per) if at >= 0]
        drawn = [line.column for line in shown.lines]
        others = [line.column for line in (*resolved.counted, *self._added_up(shown))]
        columns = list(dict.fromkeys([*drawn, *beside, *others]))
        self._at = {column: at for at, column in enumerate(columns)}  # in `columns`
        self.columns: npt.NDArray[np.intp] = np.array(columns, dtype=np.intp)
        self.sent = len(dict.fromkeys([*drawn, *beside]))
        left = {line.column for line in resolved.remainder} | {resolved.per}
        self.against = np.array([self._at[one] for one in sorted(left) if one in self._at], dtype=np.intp)
        self._headline = HeadlineRule(shown.panel, resolved, self._at)
        self._line_ids = np.array([*(line.id for line in self._headline.names), math.nan])  # the last is of nobody
        self._bars = self._bar_places(shown)
        self._bar_order = {key: at for at, key in enumerate(self._bars)}
        self._judged_bars = tuple(self._bars) if self._over.state.levels is not None else ()
        self._made = self._made_series(shown) if resolved.lines else ()
        self._made_names = [one.name for one in self._made if not one.values]  # the panel's own, and not a bar's
        self._place = {one.name: self.sent + at for at, one in enumerate(self._made) if not one.values}
        self.series = (*self._described(shown, columns[: self.sent]), *self._made)

    @staticmethod
    def _added_up(shown: Shown) -> tuple[Line, ...]:
        whole = shown.panel.chart == "bar" or shown.panel.headline.per == "rest"
        return (*shown.resolved.lines, *shown.resolved.remainder) if whole else ()

    def _bar_places(self, shown: Shown) -> dict[str, int]:
        """Return the place of each bar that is drawn among all bars, by its key."""
        if shown.panel.chart != "bar":
            return {}
        drawn = {line.key for line in shown.lines}
        return {line.key: at for at, line in enumerate(self._headline.names) if line.key in drawn}

    @staticmethod
    def _described(shown: Shown, columns: list[int]) -> list[Series]:
        by_column = {line.column: line.series for line in (*shown.resolved.lines, *shown.resolved.remainder)}
        by_column |= shown.resolved.beside
        return [by_column[column] for column in columns]

    def _made_series(self, shown: Shown) -> tuple[Series, ...]:
        headline, unit = self._headline, shown.resolved.unit
        made = [_made("@whole", unit, line=key) for key in self._bars]
        made += [_made("@level", "", line=key) for key in self._judged_bars]
        made.append(_made("@value", headline.unit(share=headline.shows_share)))
        if shown.panel.below:
            made += [_made("@up", unit), _made("@down", unit)]
        elif headline.shows_share and shown.panel.chart != "bar":
            made.append(_made("@number", unit))
        if shown.panel.headline.reduce == "max" or shown.panel.chart == "bar":
            made.append(_made("@which", ""))
        if self._over.state.levels is not None:
            made.append(_made("@level", ""))
        return tuple(made)

    # --- values --------------------------------------------------------------------------------------------------

    def project(self, values: Floats, offsets: Offsets) -> Floats:
        """Return what is sent of rows of the columns that are read, one a tick of `offsets`."""
        sent = values[:, : self.sent]
        if not self._made:
            return sent
        rows = self._headline.over(values)
        bars = [rows.wholes[:, list(self._bars.values())]]
        if self._judged_bars:
            levels = self._over.state.levels
            keys = self._judged_bars
            bars.append(np.full((len(offsets), len(keys)), np.nan) if levels is None else levels.bars_at(keys, offsets))
        own = [self._column(name, rows, offsets)[:, None] for name in self._made_names]
        return np.concatenate([sent, *bars, *own], axis=1)

    def project_row(self, row: Floats, offset: int) -> Floats:
        """Return what is sent of one row, as `project` does of many."""
        sent = row[: self.sent]
        if not self._made:
            return sent
        found = self._headline.at(row)
        made = [found.wholes[at] for at in self._bars.values()]
        if keys := self._judged_bars:
            levels = self._over.state.levels
            made += [math.nan] * len(keys) if levels is None else levels.bars_at_tick(keys, offset)
        made += [self._made_value(name, found, offset) for name in self._made_names]
        values = np.empty(len(self.series))
        values[: self.sent], values[self.sent :] = sent, made
        return values

    def _made_value(self, name: str, found: HeadlineRow, offset: int) -> float:
        match name:
            case "@value":
                return found.share if self._headline.shows_share else found.value
            case "@number":
                return found.value
            case "@up":
                return found.up
            case "@down":
                return found.down
            case "@which":
                return float(self._line_ids[found.which])
            case _:
                levels = self._over.state.levels
                return math.nan if levels is None else levels.at_tick(offset)

    def _column(self, name: str, rows: HeadlineRows, offsets: Offsets) -> Floats:
        match name:
            case "@value":
                return rows.share if self._headline.shows_share else rows.value
            case "@number":
                return rows.value
            case "@up":
                return rows.up
            case "@down":
                return rows.down
            case "@which":
                ids: Floats = self._line_ids[rows.which]
                return ids
            case _:
                levels = self._over.state.levels
                return np.full(len(offsets), np.nan) if levels is None else levels.at(offsets)

    # --- what is said of them ------------------------------------------------------------------------------------

    def head(self, newest: Floats) -> Json:
        """Return what a snapshot says beside its values; `newest` is what is sent of the newest tick."""
        shown = self.shown
        panel, resolved = shown.panel, shown.resolved
        limit = panel.max if isinstance(panel.max, float) else None
        reference = None
        if resolved.reference >= 0:
            reference = {"label": metric_word(panel, panel.reference), "column": self._at[resolved.reference]}
        return {
            "panel": panel.id,
            "unit": resolved.unit,
            "lines": [self._line(shown, line) for line in shown.lines],
            "more": shown.more,
            "axis": {"max": limit, "column": self._optional(resolved.max), "span_min": panel.span_min},
            "reference": reference,
            "headline": self._said(shown, newest) if self._made else None,
        }

    def headline(self, row: Floats) -> Json | None:
        """Return the number in a row of what is sent, where the panel has one."""
        if not self._made:
            return None
        return {
            "label": self._headline.word,
            "value": row[self._place["@value"]],
            "unit": self._headline.unit(share=self._headline.shows_share),
            "level": self.level(row) or "",
        }

    def _optional(self, column: int) -> int | None:
        return self._at[column] if column >= 0 else None

    def _line(self, shown: Shown, line: Line) -> Json:
        said = {
            "id": line.id,
            "key": line.key,
            "label": line.label,
            "name": name_of(shown.panel, shown.resolved, line),
            "color": line.color,
            "direction": "down" if line.down else "up",
            "part": line.part,
            "column": self._at[line.column],
        }
        if line.key in self._bars:
            said["part_label"] = word_of(shown.panel, shown.panel.parts, line.part)
            place = self._bar_order[line.key]
            said["whole"] = self.sent + place
            if self._judged_bars:
                said["levels"] = self.sent + len(self._bars) + place
        return said

    def level(self, row: Floats) -> str | None:
        """Return the panel's level in a row of what is sent, empty for good or unknown; None where it has none."""
        place = self.place("@level")
        if place is None:
            return None
        return "" if math.isnan(row[place]) else LEVEL_NAMES[int(row[place])]

    def _said(self, shown: Shown, newest: Floats) -> Json:
        place, headline = self._place, self._headline
        several = len(headline.names) > 1
        whole = self._optional(shown.resolved.per)
        return {
            "label": headline.word,
            "value": newest[place["@value"]],
            "unit": headline.unit(share=headline.shows_share),
            "level": self.level(newest) or "",
            "column": place["@value"],
            "which": place.get("@which") if several else None,
            "levels": place.get("@level"),
            "end": self._end(shown, newest),
            "rule": self._over.state.rule(math.nan if whole is None else float(newest[whole])),
            "numbers": list(self._numbers(shown, newest)),
        }

    def _numbers(self, shown: Shown, newest: Floats) -> list[Json]:
        panel, resolved, headline = shown.panel, shown.resolved, self._headline

        def number(label: str, unit: str, column: int, **more: str) -> Json:
            return {"label": label, "value": newest[column], "unit": unit, "column": column} | more

        if panel.below:
            ways = ((False, "@up", "up"), (True, "@down", "down"))
            return [
                number(
                    way_of(panel, resolved, down=down), resolved.unit, self._place[name],
                    direction=direction, mark=mark_of(panel, resolved, down=down),
                )
                for down, name, direction in ways
            ]  # fmt: skip
        first = "@number" if "@number" in self._place else "@value"
        unit = resolved.unit if first == "@number" else headline.unit(share=headline.shows_share)
        numbers = [number(headline.word, unit, self._place[first])]
        if resolved.per >= 0 and panel.chart != "bar":
            numbers.append(number(headline.whole_label, resolved.unit, self._at[resolved.per]))
        return numbers

    def _end(self, shown: Shown, newest: Floats) -> float:
        """Return how far a small chart of the number reaches at least, so that little looks little."""
        panel, headline = shown.panel, self._headline
        if headline.shows_share:
            return 1.0
        if isinstance(panel.max, float):
            return panel.max
        if shown.resolved.per >= 0 and (whole := float(newest[self._at[shown.resolved.per]])) > 0:
            return whole
        if panel.unit != "1" and panel.thresholds is not None and panel.thresholds.critical > 0:
            return panel.thresholds.critical
        return panel.span_min


def _made(name: str, unit: str, **attributes: str) -> Series:
    descriptor = Descriptor(name, unit, Kind.GAUGE, "", tuple(attributes))
    return Series(descriptor, tuple(attributes.values()))
