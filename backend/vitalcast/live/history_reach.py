"""How much history there is, and how far back it reaches or will, in lines for people."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

from vitalcast.collectors.base import Collector
from vitalcast.core.metrics.model import Kind
from vitalcast.core.query.past import Extent
from vitalcast.core.query.tier import Tier

DAY_MS = 86_400_000
YEARS_FROM_MS = 730 * DAY_MS
# What a history of BASE_BYTES and BASE_SERIES that are read once a second reaches, as the shares of a file are made.
BASE_BYTES = 512 * 2**20
BASE_SERIES = 200
BASE_MS = MappingProxyType(
    {
        Tier.RAW: 14 * DAY_MS,
        Tier.MINUTE: 90 * DAY_MS,
        Tier.TEN_MINUTES: 365 * DAY_MS,
        Tier.HOUR: 1700 * DAY_MS,
    }
)
NAMES = MappingProxyType(
    {Tier.RAW: "samples as they came", Tier.MINUTE: "by 1 min", Tier.TEN_MINUTES: "by 10 min", Tier.HOUR: "by 1 h"}
)
COUNT_S = 3.0


def reach_lines(path: Path | str, extent: Extent, *, series: int, interval_ms: int) -> list[str]:
    """Say how much there is in a file, and for each tier since when, and how far back there is room for.

    Without a file only memory has anything.

    `series` is how many are sampled every `interval_ms`; 0 where that is not known.
    """
    if not extent.nbytes_max:
        return ["in memory only, and gone with the server"]
    lines = [f"{_mib(extent.nbytes)} of {_mib(extent.nbytes_max)} MiB in {path}"]
    kept = {one.tier: one.start_ms for one in extent.reaches}
    for tier, room_ms in estimated_ms(extent.nbytes_max, series=series, interval_ms=interval_ms).items():
        since = f"since {_moment(kept[tier])}" if tier in kept else "nothing yet"
        room = f", with room for about {_span(room_ms)}" if series else ""
        lines.append(f"{NAMES[tier]}: {since}{room}")
    for name, from_ms in (("processes", extent.processes_from_ms), ("events", extent.events_from_ms)):
        if from_ms is not None:
            lines.append(f"{name}: since {_moment(from_ms)}")
    if series:
        lines.append(f"{series} series are sampled every {interval_ms / 1000:g} s")
    return lines


def estimated_ms(nbytes_max: int, *, series: int, interval_ms: int) -> dict[Tier, int]:
    """Return how far back each tier of a full file will reach, as far as that can be said beforehand."""
    part = nbytes_max / BASE_BYTES * BASE_SERIES / max(1, series)
    return {
        tier: round(base_ms * part * (max(1.0, interval_ms / 1000) if tier is Tier.RAW else 1.0))
        for tier, base_ms in BASE_MS.items()
    }


def count_series(collectors: Iterable[Collector], *, now_s: Callable[[], float] = time.monotonic) -> int:
    """Return how many series this machine has, rates included, as far as COUNT_S tell."""
    found: list[int] = []

    def count() -> None:
        for collector in collectors:
            with suppress(Exception):  # as in a server, where one that fails does not stop the rest
                samples = collector.collect(now_s())
                found.append(len(samples) + sum(one.series.descriptor.kind is Kind.COUNTER for one in samples))

    thread = threading.Thread(target=count, daemon=True)
    thread.start()
    thread.join(COUNT_S)
    return sum(found)


def _mib(nbytes: int) -> str:
    size = nbytes / 2**20
    return f"{size:.1f}" if 0 < size < 10 else f"{size:.0f}"


def _moment(time_ms: int) -> str:
    return f"{datetime.fromtimestamp(time_ms / 1000, UTC).astimezone():%Y-%m-%d %H:%M}"


def _span(ms: int) -> str:
    if ms >= YEARS_FROM_MS:
        return f"{ms / DAY_MS / 365:.1f} years"
    days = ms / DAY_MS
    return f"{days:.0f} days" if days >= 10 else f"{days:.1f} days" if days >= 1 else f"{ms / 3_600_000:.0f} h"
