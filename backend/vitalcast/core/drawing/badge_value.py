"""Which number a badge shows: a panel's own, or that of a metric, and how alarming it is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from vitalcast.core.alerts.levels import replayed
from vitalcast.core.alerts.panel_rule import panel_rule
from vitalcast.core.alerts.rule import Limit, Rule, Severity
from vitalcast.core.drawing.badge_svg import Badge, BadgeLevel
from vitalcast.core.drawing.format import format_age, format_value
from vitalcast.core.metrics.names import Selection
from vitalcast.core.panels.headline import HeadlineNow, HeadlineRule
from vitalcast.core.panels.resolve import Resolved, is_excluded, resolve, selection_of, word_of
from vitalcast.core.panels.schema import FOR_S, KEEP_S
from vitalcast.core.panels.shown import Level
from vitalcast.core.vocabulary import ErrorCode
from vitalcast.errors import ProtocolError

if TYPE_CHECKING:
    from vitalcast.core.drawing.window import Recent
    from vitalcast.core.metrics.model import Series
    from vitalcast.core.panels.schema import Panel
    from vitalcast.core.panels.shown import Shown

    Columns = Sequence[Series | None]

Reduce = Literal["sum", "max", "avg", "min"]
VALUES_NAMED_MAX = 8
_LEVELS: dict[Severity, Level] = {Severity.WARNING: "warning", Severity.CRITICAL: "critical"}


@dataclass(frozen=True, slots=True)
class BadgeQuery:
    """What a badge is asked to show. `warning` and `critical` judge the number that it shows, in its base unit."""

    label: str = ""
    where: tuple[tuple[str, tuple[str, ...]], ...] = ()
    reduce: Reduce | None = None
    warning: float | None = None
    critical: float | None = None

    @property
    def judges(self) -> bool:
        """Whether it brings thresholds of its own."""
        return self.warning is not None or self.critical is not None


@dataclass(frozen=True, slots=True)
class _Found:
    """The number in each of the recent ticks, and what its panel says of the newest."""

    values: tuple[float, ...]
    unit: str
    level: BadgeLevel = ""
    detail: str = ""


def panel_badge(shown: Shown, series: Columns, recent: Recent, asked: BadgeQuery) -> Badge:
    """Return the badge of a panel: its number, as the strip of vitals shows it, with the level that it has.

    Of what `asked` changes, the level is that of the recent ticks alone. Raises ProtocolError.
    """
    panel, resolved = shown.panel, shown.resolved
    if asked.where:
        panel, chosen = _counting(panel, _chosen(series, selection_of(panel), asked))
        resolved = resolve(panel, _narrowed(panel, series, chosen))
    counted = resolved.counted
    if asked.where and not counted:
        raise ProtocolError(
            ErrorCode.UNKNOWN_METRIC, f"the number of {panel.id} counts no such series; ask for the metric itself"
        )
    if asked.reduce not in (None, panel.headline.reduce):
        found = _Found(_reduced(recent, [line.column for line in counted], asked.reduce), resolved.unit)
    else:
        level = None if asked.where or recent.then else shown.level
        found = _headline(panel, resolved, recent, share=panel.headline.show == "share", level=level)
    return _badge(panel.vital or panel.title, panel, found, recent, asked)


def metric_badge(name: str, owner: Panel | None, series: Columns, recent: Recent, asked: BadgeQuery) -> Badge:
    """Return the badge of a metric, by the rule of `owner`, the panel that is about it. Raises ProtocolError."""
    chosen = _chosen(series, Selection.of([name]), asked)
    by_rule = None if owner is None else _by_rule(owner, series, recent, chosen, asked)
    if by_rule is not None:
        assert owner is not None
        return _badge(owner.vital or owner.title, owner, by_rule, recent, asked)
    if len(chosen) > 1 and asked.reduce is None:
        raise ProtocolError(ErrorCode.BAD_REQUEST, _several([one for _, one in chosen]))
    unit = chosen[0][1].descriptor.unit if chosen else ""
    found = _Found(_reduced(recent, [at for at, _ in chosen], asked.reduce), unit)
    return _badge(name, owner, found, recent, asked)


def stale_badge(label: str, age_s: float) -> Badge:
    """Return a badge that shows no number, because the newest is old."""
    return Badge(label, f"stale, {format_age(age_s)}", "unknown")


def owner_of(name: str, panels: Iterable[Panel]) -> Panel | None:
    """Return the first panel whose number is about this metric alone."""
    return next((panel for panel in panels if (panel.headline.metric or panel.metrics) in (name, (name,))), None)


def _by_rule(
    owner: Panel, series: Columns, recent: Recent, chosen: list[tuple[int, Series]], asked: BadgeQuery
) -> _Found | None:
    """Return the number by the rule of the metric's panel; None where that is not about what is asked for."""
    if asked.reduce not in (None, owner.headline.reduce):
        return None
    owner, chosen = _counting(owner, chosen)
    resolved = resolve(owner, _narrowed(owner, series, chosen))
    counted = {line.column for line in resolved.counted}
    left = {line.column for line in resolved.remainder}
    named = {value for _, values in asked.where for value in values}
    if asked.where and (not {at for at, _ in chosen} <= counted | left or named & set(owner.rest)):
        return None
    if not counted:
        return None
    return _headline(owner, resolved, recent, share=False)


def _headline(panel: Panel, resolved: Resolved, recent: Recent, *, share: bool, level: Level | None = None) -> _Found:
    headline = HeadlineRule(panel, resolved)
    rows = headline.over(recent.rows)
    rule = panel_rule(panel)
    if level is None and rule is not None:
        level = _level(rule, headline.judged(rows).tolist(), recent)
    good: BadgeLevel = "good" if rule is not None and recent.judged else ""
    values = (rows.share if share else rows.value).tolist()
    return _Found(tuple(values), headline.unit(share=share), level or good, _detail(headline.now(recent.newest)))


def _level(rule: Rule, values: Iterable[float], recent: Recent) -> Level:
    if not recent.judged:
        return ""
    severity = replayed(rule, values, recent.times_ms.tolist())
    return "" if severity is None else _LEVELS[severity]


def _chosen(series: Columns, selection: Selection, asked: BadgeQuery) -> list[tuple[int, Series]]:
    """Return the series that are meant and their columns. Raises ProtocolError for what no series has."""
    meant = [(at, one) for at, one in enumerate(series) if one is not None and selection.matches(one)]
    where = dict(asked.where)
    keys = sorted({key for _, one in meant for key in one.attributes})
    for key in where:
        if meant and key not in keys:
            there = f"there are {', '.join(keys)}" if keys else "these series have none"
            raise ProtocolError(ErrorCode.BAD_REQUEST, f"no attribute is called {key!a}; {there}")
    chosen = [(at, one) for at, one in meant if all(one.attributes.get(key) in values for key, values in where.items())]
    if where and not chosen:
        there = _values_of([one for _, one in meant], where)
        raise ProtocolError(ErrorCode.UNKNOWN_METRIC, f"no series here matches; there are {there or 'none'}")
    return chosen


def _counting(panel: Panel, chosen: list[tuple[int, Series]]) -> tuple[Panel, list[tuple[int, Series]]]:
    """Leave out what the panel's number leaves out, unless it is all that is meant: then that is what is asked for."""
    headline = panel.headline.model_copy(update={"exclude": {}})
    once = [(at, one) for at, one in chosen if not is_excluded(panel.headline, one)]
    return panel.model_copy(update={"headline": headline}), once or chosen


def _narrowed(panel: Panel, series: Columns, chosen: list[tuple[int, Series]]) -> Columns:
    """Leave out those of the panel's series that are not meant; what stands beside them stays."""
    kept = {at for at, _ in chosen}
    beside = set(panel.named().values())
    return [one if one is None or at in kept or one.name in beside else None for at, one in enumerate(series)]


def _reduced(recent: Recent, columns: list[int], how: Reduce | None) -> tuple[float, ...]:
    """Return what becomes of the values of these columns in each row: without a wish their sum."""
    rows = recent.rows
    return tuple(_joined([float(row[at]) for at in columns if not math.isnan(row[at])], how) for row in rows)


def _joined(known: list[float], how: Reduce | None) -> float:
    if not known:
        return math.nan
    if how in ("max", "min"):
        return max(known) if how == "max" else min(known)
    return sum(known) / (len(known) if how == "avg" else 1)


def _detail(now: HeadlineNow) -> str:
    return ", ".join(f"{format_value(one.value, one.unit)} {one.label}".strip() for one in now.numbers)


def _several(series: list[Series]) -> str:
    keys = series[0].descriptor.attributes
    told = "; ".join(f"{key}: {_values_of(series, [key])}" for key in keys)
    return f"{len(series)} series have this name; give reduce=sum, max, avg or min, or one of {told}"


def _values_of(series: list[Series], keys: Iterable[str]) -> str:
    values = sorted({one.attributes[key] for key in keys for one in series if key in one.attributes})
    more = len(values) - VALUES_NAMED_MAX
    return ", ".join(values[:VALUES_NAMED_MAX]) + (f" and {more} more" if more > 0 else "")


def _badge(name: str, panel: Panel | None, found: _Found, recent: Recent, asked: BadgeQuery) -> Badge:
    label = asked.label or label_of(name, panel, dict(asked.where))
    value = found.values[-1]
    if math.isnan(value):
        return Badge(label, "no value", "unknown")
    level = found.level
    if asked.judges:
        level = _level(_asked_rule(asked), found.values, recent) or ("good" if recent.judged else "")
    text = format_value(value, found.unit)
    alarm = level if level in ("warning", "critical") else ""
    unknown = ", level unknown" if not recent.judged and (asked.judges or (panel and panel.thresholds)) else ""
    detail = f"{label}: {found.detail or text}{f', {alarm}' if alarm else ''}{unknown}"
    return Badge(label, f"{text} {alarm}".strip(), level, detail)


def label_of(name: str, panel: Panel | None, where: Mapping[str, Sequence[str]]) -> str:
    """Return what a badge is called that nobody named."""
    said = [word_of(panel, key, value) if panel else value for key, values in where.items() for value in values]
    return " ".join((name, *said))


def _asked_rule(asked: BadgeQuery) -> Rule:
    """Return the rule of thresholds in an address, which last as long as those of a panel that says nothing."""
    lasting = round(FOR_S * 1000), round(KEEP_S * 1000)
    limits = ((Severity.WARNING, asked.warning), (Severity.CRITICAL, asked.critical))
    return Rule(tuple(Limit(one, least, *lasting) for one, least in limits if least is not None))
