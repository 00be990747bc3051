"""Writes the generated past into a history's file: rollups of a month as a machine that ran for so long has them, and
the last hours tick by tick as the server writes them.

What is finest is gone first, as it is once a file is full: before the last hours there are minutes, for nine days, and
before these ten minutes and hours, each with least, mean and greatest.
"""

from __future__ import annotations

import pickle
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from tests.browser.past_machine import Machine
from tests.browser.past_records import SNAPSHOT_MS, events, recorded, snapshots, stopped
from tests.browser.past_story import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, Story, last_clock

from vitalcast.collectors.resource import host_resource
from vitalcast.core.metrics.model import Frame, Layout
from vitalcast.core.query.tier import Tier
from vitalcast.history.compaction import AxisWriter, add_rollup
from vitalcast.history.continuity import Position
from vitalcast.history.database import Database
from vitalcast.history.event_store import EventStore
from vitalcast.history.process_store import ProcessStore
from vitalcast.history.rollup import Steps, coarser, joined, steps_of_ticks
from vitalcast.history.room import Cap, Room
from vitalcast.history.schema import hour_of
from vitalcast.history.sqlite import SqliteHistory
from vitalcast.history.stretches import Piece
from vitalcast.machine import HERE

if TYPE_CHECKING:
    import numpy.typing as npt

    Integers = npt.NDArray[np.int64]

DATABASE, MACHINE = "history.db", "machine.pickle"
EPOCH = "0000000000005a57"
MINUTES_MS = 9 * DAY_MS
WEEK_MS = 7 * DAY_MS
FLUSH_MS = 600 * SECOND_MS  # as much at once as a chunk holds


def now_ms() -> int:
    """Return the last whole second."""
    return time.time_ns() // 10**9 * 1000


def make(folder: Path, *, end_ms: int | None = None, spike_ms: int | None = None, deploy_ms: int | None = None) -> None:
    """Make a past in a folder that is empty.

    It ends now, had its spike an hour before and its last deploy at two in the night, unless said otherwise.
    """
    end_ms = end_ms or now_ms()
    spike_ms = (spike_ms or end_ms - HOUR_MS) // SNAPSHOT_MS * SNAPSHOT_MS
    machine = Machine(Story(end_ms, spike_ms, deploy_ms or last_clock(end_ms, 2)))
    until_ms = hour_of(end_ms) - 3 * HOUR_MS
    source = host_resource(HERE, data_folder=folder).id
    write_month(folder / DATABASE, machine, until_ms)
    write_records(folder / DATABASE, machine, until_ms, source)
    write_ticks(folder / DATABASE, machine, until_ms, end_ms, source)
    (folder / MACHINE).write_bytes(pickle.dumps(machine))


def machine_of(folder: Path) -> Machine:
    """Return the machine whose past is in this folder."""
    machine: Machine = pickle.loads((folder / MACHINE).read_bytes())
    return machine


def go_on(folder: Path) -> Story:
    """Add to a past what has passed since it was made, for a server that starts at once; return its story."""
    machine = machine_of(folder)
    source = host_resource(HERE, data_folder=folder).id
    write_ticks(folder / DATABASE, machine, machine.last_ms, now_ms(), source, stops=True)
    return machine.story


def write_month(path: Path, machine: Machine, until_ms: int) -> None:
    """Make a file with the rollups up to a whole hour."""
    story = machine.story
    database = Database(path, extra=(EventStore.SCHEMA, ProcessStore.SCHEMA))
    try:
        database.connection.execute("PRAGMA synchronous = OFF")
        room = Room(database, path, Cap(512 * 2**20))
        with database.writing():
            ids = database.series.number(machine.series, hour_of(story.start_ms + 1), 0)
            database.series.number(machine.series, until_ms, 0)
            stretch = database.stretches.extend(Piece(0, 1, True), story.start_ms + MINUTE_MS, until_ms)
            database.put_position(Position(EPOCH, 1, until_ms, 100, False, kept_ms=until_ms - story.start_ms))
            database.stretches.epoch(EPOCH)
        writer = AxisWriter(database, room)
        hours = []
        for start_ms, end_ms in _spans(story.start_ms, until_ms, WEEK_MS):
            tens = []
            for day_ms, next_ms in _spans(start_ms, end_ms, DAY_MS):
                in_minutes = next_ms > until_ms - MINUTES_MS
                times = _grid(day_ms, next_ms, MINUTE_MS // 2 if in_minutes else MINUTE_MS, story.hole)
                values = machine.values(times)
                if in_minutes:
                    minutes = steps_of_ticks(times, values, Tier.MINUTE, histogram=False)
                    _put(database, writer, ids, stretch, 1, Tier.MINUTE, minutes)
                tens.append(steps_of_ticks(times, values, Tier.TEN_MINUTES, histogram=True))
            week = joined(tens)
            _put(database, writer, ids, stretch, 2, Tier.TEN_MINUTES, week)
            hours.append(coarser(week, Tier.HOUR))
        _put(database, writer, ids, stretch, 2, Tier.HOUR, joined(hours))
    finally:
        database.close()


def _spans(start_ms: int, end_ms: int, span_ms: int) -> Iterator[tuple[int, int]]:
    """Cut a time where spans end."""
    while start_ms < end_ms:
        next_ms = min(end_ms, (start_ms // span_ms + 1) * span_ms)
        yield start_ms, next_ms
        start_ms = next_ms


def _grid(start_ms: int, end_ms: int, step_ms: int, hole: tuple[int, int]) -> Integers:
    times = np.arange(start_ms, end_ms, step_ms, dtype=np.int64) + step_ms
    return times[(times <= hole[0]) | (times > hole[1])]


def _put(
    database: Database, writer: AxisWriter, ids: Sequence[int], stretch: int, level: int, tier: Tier, steps: Steps
) -> None:
    """Write one axis of a tier, which is as long as its level says."""
    with database.writing():
        making = writer.begin(tier, level, stretch, steps.times_ms, kept_ms=1)
    add_rollup(making, ids, steps)
    writer.write_rest()
    with database.writing():
        writer.finish()
        database.series.note_axis(ids, database.newest_axis())


def write_records(path: Path, machine: Machine, until_ms: int, source: str) -> None:
    """Add to a file of the month what happened, and who was there."""
    story = machine.story
    database = Database(path, extra=(EventStore.SCHEMA, ProcessStore.SCHEMA))
    try:
        with database.writing():
            happened = (one for one in events(machine, source) if one.time_ms <= until_ms)
            EventStore().put(database.connection, happened)
            for start_ms, end_ms in recorded(story, until_ms):
                ProcessStore().put(database.connection, snapshots(machine, start_ms, end_ms))
    finally:
        database.close()


def write_ticks(path: Path, machine: Machine, start_ms: int, end_ms: int, source: str, *, stops: bool = False) -> None:
    """Add the ticks of (start, end], one a second, as a server of then writes them; at the end it may say a stop."""
    story = machine.story
    away_ms, back_ms = story.restart
    if start_ms < away_ms < end_ms:
        write_ticks(path, machine, start_ms, away_ms, source)
        write_ticks(path, machine, back_ms, end_ms, source, stops=stops)
        return
    now_ms = start_ms
    history = SqliteHistory(
        path, clock_ms=lambda: now_ms, steady_ms=lambda: now_ms - story.start_ms, boot=lambda: "past", window_ms=0
    )
    resumed = history.open(epoch=f"{start_ms:016x}", interval_ms=SECOND_MS)
    offset = 0 if resumed is None else resumed.offset
    layout = Layout(machine.series)
    happened = [one for one in events(machine, source) if start_ms < one.time_ms <= end_ms]
    for begin_ms, until_ms in _spans(start_ms, end_ms, FLUSH_MS):
        times = np.arange(begin_ms + SECOND_MS, until_ms + 1, SECOND_MS, dtype=np.int64)
        if not len(times):
            break
        for time_ms, values in zip(times.tolist(), machine.values(times), strict=True):
            offset += 1
            history.append(Frame(offset, time_ms, layout, values, steady_ms=time_ms - story.start_ms))
        for snapshot in snapshots(machine, begin_ms, until_ms):
            history.append_processes(snapshot)
        for event in happened:
            if begin_ms < event.time_ms <= until_ms:
                history.append_event(event)
        now_ms = until_ms
        history.flush()
    if stops:
        history.append_event(stopped(end_ms, source))
    history.close()
