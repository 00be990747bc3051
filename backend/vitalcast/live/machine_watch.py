"""Notes what the frames of a machine tell beside their values: gaps, clocks that were set, and what came or went."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from vitalcast import clocks
from vitalcast.core.drawing.format import format_duration
from vitalcast.core.events.checked import Attributes
from vitalcast.core.events.event import Event, EventKind, Severity
from vitalcast.core.events.gaps import ClockWatch, Gap, GapWatch, Tick
from vitalcast.core.events.presence import Change, Presence
from vitalcast.core.metrics.model import Frame, Layout
from vitalcast.core.metrics.timeline import Timeline
from vitalcast.core.text import few
from vitalcast.live.event_log import EventLog

HELD_UP_MS = 50  # between the readings of two clocks: then neither says anything of the other
JOINED_MS = 60_000  # gaps that are no further apart are one
CLOCK_WARNING_MS = 60_000


class Subject(NamedTuple):
    """Things that come and go: the metric and the attribute by which they are seen, and how they are spoken of."""

    metric: str
    attribute: str
    kind: EventKind
    one: str
    many: str
    came: str
    gone: Severity = Severity.WARNING  # how bad it is where one is gone


SUBJECTS = (
    Subject("system.disk.io", "system.device", EventKind.DEVICE, "Disk", "disks", "came"),
    Subject(
        "system.network.io",
        "network.interface.name",
        EventKind.DEVICE,
        "Network interface",
        "network interfaces",
        "came",
        Severity.INFO,  # those of containers come and go with them
    ),
    Subject(
        "system.filesystem.usage",
        "system.filesystem.mountpoint",
        EventKind.FILESYSTEM,
        "Filesystem",
        "filesystems",
        "mounted",
    ),
)


class MachineWatch:
    """Watches one timeline; `advance` is to be called with each of its frames."""

    def __init__(
        self,
        log: EventLog,
        timeline: Timeline,
        *,
        wall_ms: Callable[[], int] = clocks.wall_ms,
        steady_ms: Callable[[], int] = clocks.steady_ms,
        awake_ms: Callable[[], int] = lambda: time.monotonic_ns() // 1_000_000,
    ) -> None:
        self._log = log
        self._timeline = timeline
        self._wall_ms = wall_ms
        self._steady_ms = steady_ms
        self._awake_ms = awake_ms
        self._gaps = GapWatch()
        self._clock = ClockWatch()
        self._gap: Event | None = None
        self._layout: Layout | None = None
        self._there: Mapping[Subject, frozenset[str]] = MappingProxyType({})
        self._presence = {subject: Presence() for subject in SUBJECTS}

    def advance(self, timeline: Timeline, frame: Frame) -> None:
        """Take in the newest frame, if it is of the timeline that is watched."""
        if timeline is not self._timeline:
            return
        steady_ms, wall_ms, after_ms = self._steady_ms(), self._wall_ms(), self._steady_ms()
        if after_ms - steady_ms < HELD_UP_MS and (by_ms := self._clock.take(wall_ms, after_ms)):
            self._clock_set(by_ms)
        if (gap := self._gaps.take(Tick(frame.offset, frame.time_ms, after_ms, self._awake_ms()))) is not None:
            self._missed(gap)
        if frame.layout is not self._layout:
            self._layout = frame.layout
            self._there = {subject: _there(subject, frame.layout) for subject in SUBJECTS}
        for subject, presence in self._presence.items():
            if any(change := presence.take(self._there[subject], after_ms)):
                self._changed(subject, change)

    def _clock_set(self, by_ms: int) -> None:
        how = "forward" if by_ms > 0 else "back"
        self._log.note(
            EventKind.CLOCK,
            f"Clock set {how} by {format_duration(abs(by_ms) / 1000)}",
            severity=Severity.WARNING if abs(by_ms) >= CLOCK_WARNING_MS else Severity.INFO,
            attributes={"by_s": by_ms / 1000},
        )

    def _missed(self, gap: Gap) -> None:
        before = self._gap
        if before is not None and not gap.suspended and 0 <= gap.start_ms - (before.end_ms or 0) <= JOINED_MS:
            count = int(before.attributes.get("gaps", 1)) + 1
            ticks = int(before.attributes["ticks"]) + gap.missed
            lasted = format_duration((gap.end_ms - before.time_ms) / 1000)
            self._gap = self._log.amend(
                before,
                title=f"Not sampled {count} times within {lasted}",
                attributes={"gaps": count, "ticks": ticks},
                end_ms=gap.end_ms,
            )
            return
        lasted = format_duration((gap.end_ms - gap.start_ms) / 1000)
        event = self._log.note(
            EventKind.GAP,
            f"Suspended for {lasted}" if gap.suspended else f"Not sampled for {lasted}",
            severity=Severity.INFO if gap.suspended else Severity.WARNING,
            time_ms=gap.start_ms,
            end_ms=gap.end_ms,
            attributes={"ticks": gap.missed, "why": "suspended" if gap.suspended else "held up"},
        )
        self._gap = None if gap.suspended else event

    def _changed(self, subject: Subject, change: Change) -> None:
        if change.came:
            self._say(subject, change.came, subject.came, Severity.INFO)
        if change.gone:
            self._say(subject, change.gone, "is gone" if len(change.gone) == 1 else "are gone", subject.gone)

    def _say(self, subject: Subject, names: tuple[str, ...], verb: str, severity: Severity) -> None:
        attributes: Attributes
        if len(names) == 1:
            title, attributes = f"{subject.one} {names[0]} {verb}", {subject.attribute: names[0]}
        else:
            title, attributes = f"{len(names)} {subject.many} {verb}: {few(names)}", {"count": len(names)}
        self._log.note(subject.kind, title, severity=severity, attributes=attributes, sort=subject.metric)


def _there(subject: Subject, layout: Layout) -> frozenset[str]:
    """Return the names of what is there by a layout."""
    found = (one.attributes.get(subject.attribute) for one in layout.series if one and one.name == subject.metric)
    return frozenset(name for name in found if name is not None)
