"""What a start of ours tells of what was before: how the last run ended, and whether the machine was down meanwhile."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from vitalcast.core.events.event import Event, EventKind, Severity

BOOT, VERSION = "boot.id", "version"  # attributes of a start


class Now(NamedTuple):
    """What a start sees. `boot` names the run of the kernel, and nothing where that is not known; so with `boot_ms`."""

    time_ms: int
    version: str
    boot: str = ""
    boot_ms: int | None = None


class Draft(NamedTuple):
    """An event yet to be noted."""

    kind: EventKind
    title: str
    time_ms: int
    end_ms: int | None = None
    severity: Severity = Severity.INFO
    attributes: Mapping[str, str | int | float] = {}


def begin(now: Now, before: Iterable[Event], last_ms: int | None) -> list[Draft]:
    """Return what to note at a start, in order of time.

    `before` are the starts and stops that are known, in the order in which they were noted, and `last_ms` is when the
    newest tick was.
    """
    started = stopped = None
    for event in before:
        if event.kind is EventKind.START:
            started, stopped = event, None
        elif event.kind is EventKind.STOP:
            stopped = event
    start = _start(now, started)
    if started is None:
        return [*_booted(now), start]
    seen_ms = min(now.time_ms, max(started.time_ms, last_ms or 0) if stopped is None else stopped.time_ms)
    if _is_another_boot(now, started, seen_ms):
        return [_down(now, seen_ms, clean=stopped is not None), *_booted(now), start]
    return [*([_cut_off(seen_ms)] if stopped is None else []), start]


def _start(now: Now, before: Event | None) -> Draft:
    attributes = {VERSION: now.version} | ({BOOT: now.boot} if now.boot else {})
    title = f"Vitalcast {now.version} started"
    other = None if before is None else before.attributes.get(VERSION)
    if other is not None and other != now.version:
        title, attributes = f"{title}; before it was {other}", attributes | {f"{VERSION}.before": str(other)}
    return Draft(EventKind.START, title, now.time_ms, attributes=attributes)


def _cut_off(seen_ms: int) -> Draft:
    title = "Vitalcast ended without a stop; its last sample was then"
    return Draft(EventKind.STOP, title, seen_ms, severity=Severity.WARNING, attributes={"clean": 0})


def _booted(now: Now) -> list[Draft]:
    if now.boot_ms is None or now.boot_ms > now.time_ms:
        return []
    return [Draft(EventKind.BOOT, "Machine booted", now.boot_ms, attributes={BOOT: now.boot} if now.boot else {})]


def _down(now: Now, seen_ms: int, *, clean: bool) -> Draft:
    """Return the time in which the machine was down, which at least began after it was last seen."""
    end_ms = now.time_ms if now.boot_ms is None else now.boot_ms
    title = "Machine shut down" if clean else "Machine stopped without a clean shutdown"
    severity = Severity.INFO if clean else Severity.WARNING
    return Draft(EventKind.SHUTDOWN, title, seen_ms, max(end_ms, seen_ms), severity, {"clean": int(clean)})


def _is_another_boot(now: Now, started: Event, seen_ms: int) -> bool:
    before = str(started.attributes.get(BOOT, ""))
    if before and now.boot:
        return before != now.boot
    return now.boot_ms is not None and now.boot_ms > seen_ms
