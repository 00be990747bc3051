"""Settings that have another name now. The old one is taken over with a warning for one version, and then unknown."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

RETIRED: Mapping[str, str] = MappingProxyType(
    {
        # Until 0.1.
        "limits.groups": "limits.subscriptions",
        "limits.groups_mib": "limits.subscriptions_mib",
    }
)
