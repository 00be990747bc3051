"""`[[panels]]` of the configuration file."""

from __future__ import annotations

from vitalcast.config.tables import TableArray
from vitalcast.core.panels.schema import PANEL_FIELDS, Panel

PANELS_MAX = 64


PANELS = TableArray(
    name="panels",
    one="panel",
    model=Panel,
    fields=PANEL_FIELDS,
    most=PANELS_MAX,
    introduction=(
        "The panels of the dashboard, in order. These are the built-in panels; panels in your file replace all of "
        "them, so keep those that you want to see beside your own. A panel is shown while there are series for it; a "
        "metric that does not exist here gets a warning. `panels = []`, above the first section, means no panels. "
        "Panels cannot be set in the environment. Keys:"
    ),
)
