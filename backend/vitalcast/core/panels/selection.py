"""Which series a panel asks for. The dashboard's `requestOf` asks for the same; a test holds them together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vitalcast.core.metrics.names import Selection

if TYPE_CHECKING:
    from vitalcast.core.panels.schema import Panel


def request_selection(panel: Panel) -> Selection:
    """Return the panel's series and yardsticks. `where` would take these away: beside them the viewer applies it."""
    named = list(panel.named().values())
    return Selection.of([*panel.metrics, *named], {} if named else panel.where)
