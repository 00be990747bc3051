"""When ticks are due: on multiples of a step of the wall clock, counted on a clock that nobody can set."""

from __future__ import annotations

STEP_MIN_MS = 100  # no two ticks are due closer together, whatever is asked for and however the clock is set
TIME_MAX_MS = 253_402_300_799_999  # no tick's time is later: the end of the year 9999
SET_MS = 5  # less may come from the moment between the readings of the two clocks


class Pace:
    """Says which tick is due next and how many were missed.

    What was missed is measured on the steady clock, so that a wall clock that is set makes no tick a missed one. The
    wall clock gives the ticks their times and decides where in a second they fall; after it was set they move there.
    Both clocks are in milliseconds. The first tick has been at `steady_ms`.
    """

    def __init__(self, step_ms: int, wall_ms: int, steady_ms: int) -> None:
        self._step_ms = step_ms
        self._ahead_ms = wall_ms - steady_ms  # the wall clock of the steady one
        self._last_ms = steady_ms
        self.due_ms = self._multiple(steady_ms + STEP_MIN_MS)

    def follow(self, step_ms: int, wall_ms: int | None, steady_ms: int) -> None:
        """Take in the step that is asked for, and what the clocks say now; None for a wall clock that is in doubt."""
        was_set = wall_ms is not None and abs(wall_ms - steady_ms - self._ahead_ms) >= SET_MS
        if was_set and wall_ms is not None:
            self._ahead_ms = wall_ms - steady_ms
        # A tick that is overdue was due in the step that held then; `take` turns to the new one.
        if steady_ms >= self.due_ms:
            return
        if step_ms != self._step_ms:  # what would have been due in the new step was not missed
            self.due_ms = max(self._next(step_ms), self._multiple(steady_ms))
        elif was_set:
            self.due_ms = self._next(step_ms)

    def take(self, step_ms: int, steady_ms: int) -> tuple[int, int, int] | None:
        """Return the newest tick that is due: how many were missed before it, its time, and when it was due.

        None where none is due yet. The one after it falls on a multiple of `step_ms`.
        """
        if steady_ms < self.due_ms:
            return None
        missed = (steady_ms - self.due_ms) // self._step_ms
        self._last_ms = due_ms = self.due_ms + missed * self._step_ms
        nearest = (due_ms + self._ahead_ms + self._step_ms // 2) // self._step_ms * self._step_ms
        self.due_ms = self._next(step_ms)
        return missed, nearest, due_ms

    def _next(self, step_ms: int) -> int:
        """Return the first multiple that is far enough from the last tick.

        While the step stays the same, half of it is: so a clock that is set by less neither repeats nor skips a time.
        """
        apart_ms = max(STEP_MIN_MS, step_ms // 2) if step_ms == self._step_ms else STEP_MIN_MS
        self._step_ms = step_ms
        return self._multiple(self._last_ms + apart_ms)

    def _multiple(self, from_ms: int) -> int:
        return -(-(from_ms + self._ahead_ms) // self._step_ms) * self._step_ms - self._ahead_ms
