"""The metrics that the settings name, held against those that there are."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator

from vitalcast.config.schema import Settings
from vitalcast.core.metrics.names import Selection
from vitalcast.errors import ConfigError


def check_metrics(settings: Settings, known: Collection[str]) -> None:
    """Check that every pattern can match one of the known names. Raises ConfigError for the first that cannot.

    `known` has what any machine may have: a panel for sensors is right on a machine without them.
    """
    for key, pattern in _patterns(settings):
        if pattern in known or any(map(Selection.of([pattern]).matches_name, known)):
            continue
        close = difflib.get_close_matches(pattern, known, 1)
        hint = f"did you mean {close[0]!r}?" if close else "/api/v1/metrics lists those of a machine"
        raise ConfigError(key, f"{pattern!r} matches no metric; {hint}")


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
