"""Settings that have another name now. The old one is taken over with a warning for one version, and then unknown."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

RETIRED: Mapping[str, str] = MappingProxyType(
    {
        # Until 0.1.
        "limits.groups": "limits.subscriptions",
        "limits.groups_mib": "limits.subscriptions_mib",
        "ring.window_s": "memory.window_s",
        "ring.memory_max_mib": "memory.size_max_mib",
        "history.retention_h": "history.retention_max_h",
    }
)

RETIRED_SECTIONS = frozenset(key.partition(".")[0] for key in RETIRED)
