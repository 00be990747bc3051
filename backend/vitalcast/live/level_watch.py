"""Notes when the level of a panel is not good: from when to when, how bad, and which programs had to do with it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from vitalcast import clocks
from vitalcast.core.alerts.levels import GOOD
from vitalcast.core.alerts.panel_rule import panel_rule
from vitalcast.core.drawing.format import format_duration, format_value, is_ratio
from vitalcast.core.events.event import CUT_OFF, Event, EventKind, Severity
from vitalcast.core.events.level_span import LevelSpan, Reading, Turn
from vitalcast.core.metrics.model import Frame
from vitalcast.core.metrics.timeline import Timeline
from vitalcast.core.panels.schema import Panel
from vitalcast.core.panels.state import PanelState
from vitalcast.core.processes.culprits import Culprits, Used
from vitalcast.core.processes.snapshot import ProcessSnapshot
from vitalcast.core.stream.grants import NAMELESS, NAMING_ATTRIBUTES
from vitalcast.live.burst import Burst
from vitalcast.live.event_log import EventLog
from vitalcast.live.panel_board import PanelBoard

BAD = {1.0: Severity.WARNING, 2.0: Severity.CRITICAL}  # by the level's number
SNAPSHOTS_KEPT = 12  # a minute of them
# By the beginning of a metric's name, what its programs use much of.
USED = {
    "system.cpu.": Used.CPU,
    "system.load.": Used.CPU,
    "process.cpu.": Used.CPU,
    "system.memory.": Used.MEMORY,
    "system.paging.": Used.MEMORY,
    "process.memory.": Used.MEMORY,
    "system.disk.": Used.DISK,
    "process.disk.": Used.DISK,
}
PRESSURE = "system.pressure."
PRESSURES = {"CPU": Used.CPU, "memory": Used.MEMORY, "I/O": Used.DISK}  # by the label of the line


@dataclass(slots=True)
class _Followed:
    """A panel that is watched: its span, what it is in the log, and who uses what it is about."""

    panel: Panel
    span: LevelSpan
    unit: str = ""
    event: Event | None = None
    culprits: Culprits | None = None


class LevelWatch:
    """Watches the panels of one timeline.

    `advance` is to be called with each frame once the board has judged it, and `see` with each snapshot of the
    processes. A level that becomes critical begins a burst.
    """

    def __init__(
        self,
        log: EventLog,
        board: PanelBoard,
        timeline: Timeline,
        *,
        burst: Burst | None = None,
        burst_s: float = 0,
        steady_ms: Callable[[], int] = clocks.steady_ms,
    ) -> None:
        self._log = log
        self._board = board
        self._timeline = timeline
        self._burst = burst
        self._burst_s = burst_s
        self._steady_ms = steady_ms
        self._followed: dict[str, _Followed] = {}
        self._snapshots: deque[ProcessSnapshot] = deque(maxlen=SNAPSHOTS_KEPT)
        self._watched_ms: int | None = None  # since when, by the steady clock

    def advance(self, timeline: Timeline, frame: Frame) -> None:
        """Take in the newest frame, if it is of the timeline that is watched."""
        if timeline is not self._timeline:
            return
        steady_ms = self._steady_ms()
        if self._watched_ms is None:
            self._watched_ms = steady_ms
        if self._burst is not None:
            self._burst.advance(steady_ms)
        unseen = dict(self._followed)
        for panel, level, state in self._board.judged(timeline):
            unseen.pop(panel.id, None)
            self._take(panel, level, state, frame, steady_ms)
        for id_, followed in unseen.items():  # their panels are no more
            self._end(followed, Reading(None, 0.0, "", frame.time_ms, steady_ms))
            del self._followed[id_]

    def see(self, snapshot: ProcessSnapshot) -> None:
        """Take in who uses the machine."""
        self._snapshots.append(snapshot)
        for followed in self._followed.values():
            if followed.span.is_open and followed.culprits is not None:
                followed.culprits.add(snapshot)
                if followed.event is not None and not followed.event.names:
                    self._amend(followed)

    def end(self, now_ms: int) -> None:
        """End what is not good: it may go on, but is watched no longer."""
        for followed in self._followed.values():
            if followed.span.is_open:
                self._end(followed, Reading(None, 0.0, "", now_ms, self._steady_ms()))
                if followed.event is not None:
                    self._log.amend(followed.event, attributes=CUT_OFF)
        self._followed.clear()

    def _take(self, panel: Panel, level: float, state: PanelState, frame: Frame, steady_ms: int) -> None:
        followed = self._followed.get(panel.id)
        if followed is None and level not in BAD:  # nearly always
            return
        if followed is not None and followed.panel.thresholds != panel.thresholds:
            self._end(followed, Reading(None, 0.0, "", frame.time_ms, steady_ms))
            followed = None
        if followed is None:
            assert panel.thresholds is not None
            span = LevelSpan(round(panel.thresholds.for_s * 1000), watched_ms=self._watched_ms)
            followed = self._followed[panel.id] = _Followed(panel, span)
        followed.panel = panel
        turn = followed.span.take(self._reading(followed, level, state, frame, steady_ms))
        if turn is not None:
            self._turned(followed, turn, steady_ms)

    @staticmethod
    def _reading(followed: _Followed, level: float, state: PanelState, frame: Frame, steady_ms: int) -> Reading:
        severity = BAD.get(level)
        if severity is None:
            return Reading(None, 0.0, "", frame.time_ms, steady_ms, known=level == GOOD)
        now = state.headline.now(frame.values)
        main, rule = now.main, panel_rule(followed.panel)
        followed.unit = main.unit
        whose = main.label.removeprefix(state.headline.word).strip()
        calm = rule is None or rule.judge(now.judged) is None
        return Reading(severity, main.value, whose, frame.time_ms, steady_ms, calm=calm)

    def _turned(self, followed: _Followed, turn: Turn, steady_ms: int) -> None:
        span = followed.span
        if turn is Turn.BEGUN:
            self._begin(followed)
        else:
            self._amend(followed)
        if turn in (Turn.BEGUN, Turn.WORSE, Turn.RESUMED) and span.severity is Severity.CRITICAL:
            self._hasten(followed, steady_ms)

    def _begin(self, followed: _Followed) -> None:
        span = followed.span
        assert span.severity is not None
        used = used_by(followed.panel, span.whose)
        followed.culprits = None if used is None else Culprits(used)
        if followed.culprits is not None:
            for snapshot in self._snapshots:
                if snapshot.time_ms > span.begun_ms:
                    followed.culprits.add(snapshot)
        followed.event = self._log.note(
            EventKind.LEVEL,
            self._title(followed),
            severity=span.severity,
            time_ms=span.begun_ms,
            names=self._names(followed),
            attributes={"panel": followed.panel.id, "value": round(span.peak, 6)},
            ongoing=True,
        )

    def _amend(self, followed: _Followed) -> None:
        span = followed.span
        if followed.event is None:  # one too many of its kind
            return
        followed.event = self._log.amend(
            followed.event,
            title=self._title(followed),
            severity=span.severity,
            names=self._names(followed),
            attributes={"value": round(span.peak, 6)} | ({"times": span.times} if span.times > 1 else {}),
            end_ms=None if span.is_open else span.end_ms,
            reopened=span.is_open,
        )

    def _end(self, followed: _Followed, now: Reading) -> None:
        if followed.span.is_open:
            followed.span.close(now)
            self._amend(followed)

    def _hasten(self, followed: _Followed, steady_ms: int) -> None:
        tick_ms = None if self._burst is None else self._burst.begin(steady_ms)
        if tick_ms is not None and followed.event is not None:
            attributes = {"burst_s": self._burst_s, "burst_interval_s": tick_ms / 1000}
            followed.event = self._log.amend(followed.event, attributes=attributes)

    @staticmethod
    def _title(followed: _Followed) -> str:
        span, panel = followed.span, followed.panel
        whose = f", {span.whose}," if span.whose and not _names_people(panel) else ""
        lasted_s = span.lasted_ms // 1000
        how_long = f" for {format_duration(lasted_s)}" if lasted_s else ""
        if span.times > 1:
            how_long = f", {span.times} times in {format_duration(lasted_s)}"
        return f"{panel.title}{whose} {_number(span.peak, followed.unit)}{how_long}"

    @staticmethod
    def _names(followed: _Followed) -> tuple[str, ...]:
        if _names_people(followed.panel) and followed.span.whose:
            return (followed.span.whose,)
        return () if followed.culprits is None else followed.culprits.first()


def used_by(panel: Panel, whose: str) -> Used | None:
    """Return what programs use much of when the level of this panel is not good; None where it is not theirs."""
    metric = panel.metrics[0]
    if metric.startswith(PRESSURE):
        return PRESSURES.get(whose)
    return next((used for beginning, used in USED.items() if metric.startswith(beginning)), None)


def _names_people(panel: Panel) -> bool:
    """Say whether the lines of a panel may be called by programs or users, whose names not everybody may see."""
    if not NAMING_ATTRIBUTES.isdisjoint((*panel.by, panel.parts)):
        return True
    return not panel.by and any(metric.partition(".")[0] not in NAMELESS for metric in panel.metrics)


def _number(value: float, unit: str) -> str:
    return f"{value * 100:.0f} %" if is_ratio(unit) else format_value(value, unit)
