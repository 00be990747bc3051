"""What Vitalcast counts of itself while it runs, to be published by the runtime collector."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class RuntimeStats:
    """What the rest of the program counts about itself. Everyone adds to it; only RuntimeCollector reads it.

    Counters only grow. Each field has one writer, or all its writers on one event loop; the dicts are keyed by
    collector name and replaced entry by entry.
    """

    sampler_lag_s: float = 0.0
    """How late the newest tick started."""
    tick_duration_s: float = 0.0
    """What the newest tick cost, from its start to its last frame handed over."""
    ticks: int = 0
    ticks_missed: int = 0
    sockets: int = 0
    """Open now."""
    sockets_blocked: int = 0
    """Of them, those whose clients do not take what they are given."""
    groups: int = 0
    streams: int = 0
    ring_bytes: int = 0
    """Of all sources."""
    sources: int = 0
    series_refused: int = 0
    """Now left out, because their sources have more than may be."""
    frames_refused: int = 0
    """Those that came again, and those of sources past the bound."""
    frames_sent: int = 0
    bytes_sent: int = 0
    frames_conflated: int = 0
    """Frames that a slow socket never got, a newer one having taken their place."""
    gaps: int = 0
    """`gap` messages that told of it."""
    messages_received: int = 0
    errors_sent: int = 0
    sockets_closed_slow: int = 0
    collector_duration_s: dict[str, float] = field(default_factory=dict)
    collector_success: dict[str, int] = field(default_factory=dict)
    """1 if the collector's newest read succeeded, otherwise 0."""
