"""The metrics that the settings name, held against those that there can be."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from vitalcast.config.schema import Settings
from vitalcast.core.metrics.names import Selection
from vitalcast.core.text import nearest_of


def metric_warnings(settings: Settings, known: Collection[str]) -> tuple[str, ...]:
    """Return a line for each pattern that matches none of the known names: others may send such a metric yet.

    `known` has what any machine may have: a panel for sensors is right on a machine without them.
    """
    lines = []
    for key, pattern in _patterns(settings):
        if pattern in known or any(map(Selection.of([pattern]).matches_name, known)):
            continue
        close = nearest_of(pattern, known)
        hint = f"did you mean {close!r}?" if close else "it stays empty until something sends one"
        lines.append(f"{key}: {pattern!r} matches no metric; {hint}")
    return tuple(lines)


def _patterns(settings: Settings) -> Iterator[tuple[str, str]]:
    for pattern in settings.stream.metrics:
        yield "stream.metrics", pattern
    for position, panel in enumerate(settings.panels):
        place = f"panels[{position}] ({panel.id})"
        for pattern in panel.metrics:
            yield f"{place}.metrics", pattern
        for key, metric in panel.named().items():
            yield f"{place}.{key}", metric
        if panel.headline.metric:
            yield f"{place}.headline.metric", panel.headline.metric
