"""A query over the file and the ring of a running machine is what plain numpy makes of all its ticks.

The ring is a real one, which forgets; the file is written, made into blocks and rolled up while it goes on; the server
is restarted, and the clock is set.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.core.machine import ask as heard
from tests.core.query.recorded import Recorded
from tests.core.stream.keeper import settle

from vitalcast.core.metrics.frames import FrameBuilder
from vitalcast.core.metrics.model import Descriptor, Kind, Sample, Series
from vitalcast.core.metrics.names import Selection
from vitalcast.core.metrics.resource import Resource, Source
from vitalcast.core.metrics.ring import Ring
from vitalcast.core.metrics.timeline import Timeline
from vitalcast.core.query.ask import ask
from vitalcast.core.query.limits import QueryLimits
from vitalcast.core.query.query import Query, Result
from vitalcast.core.stream.hub import Hub
from vitalcast.core.stream.session import Session
from vitalcast.core.vocabulary import PERCENTILES, Aggregate, Reduce
from vitalcast.history.refill import refill
from vitalcast.history.sqlite import SqliteHistory
from vitalcast.history.step_blocks import SUM_ERROR

Floats = npt.NDArray[np.float64]

MINUTE_MS, HOUR_MS = 60_000, 3_600_000
START_MS = 1_790_000_000_000
ALL = Selection.of([">"])
AGGREGATES = tuple(Aggregate)
PLAIN = tuple(one for one in Aggregate if one not in PERCENTILES)
PROMISE = 0.02
IO = Descriptor("test.io", "By", Kind.GAUGE, "Bytes.", ("device",))
EVERYTHING = (Series(Descriptor("test.load", "1", Kind.GAUGE, "Load.")), *(Series(IO, (name,)) for name in "abc"))


@dataclass(frozen=True)
class Phase:
    """Some ticks, and what became of the clock and the server before them.

    A restart is `again`, or `anew` where the file was copied meanwhile, or the machine had crashed: with another epoch.
    """

    ticks: int
    step_ms: int
    jump_ms: int = 0
    restart: str = ""
    devices: str = "a"


phases = st.builds(
    Phase,
    ticks=st.integers(1, 120),
    step_ms=st.sampled_from([100, 1000, 1000, 7000, 61_000]),
    jump_ms=st.sampled_from([0, 0, 0, 0, 90_000, HOUR_MS, 5 * HOUR_MS, -1500, -40 * MINUTE_MS, -3 * HOUR_MS]),
    restart=st.sampled_from(["", "", "again", "anew"]),
    devices=st.sampled_from(["", "a", "ab", "bc"]),
)


@dataclass
class World:
    """A machine with a ring and a history, and a plain list of all that was read on it."""

    path: Path
    seed: int = 1
    time_ms: int = START_MS
    steady_ms: int = 1_000_000
    offset: int = 0
    rows: list[tuple[str, int, int, list[float]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._random = np.random.default_rng(self.seed)
        self._start("epoch-1")

    def _start(self, epoch: str) -> None:
        source = Source(Resource("machine-1", "web-1"), epoch)
        self.timeline = Timeline(source, ring=Ring(window_ms=300_000))
        self.timeline.recorded = True
        self._frames = FrameBuilder()
        self.history = SqliteHistory(
            self.path,
            fast_ms=2**60,
            window_ms=300_000,
            clock_ms=lambda: self.time_ms,
            steady_ms=lambda: self.steady_ms,
            boot=lambda: "boot",
        )
        resumed = self.history.open(epoch=epoch, interval_ms=1000)
        if resumed is not None:
            refill(resumed, self.timeline)
            self.offset = resumed.offset

    def live(self, phase: Phase) -> None:
        """Go through a phase; the newest ticks may not have been written."""
        if phase.restart:
            self.history.close()
            if phase.restart == "anew":
                self.path.with_name(f"{self.path.name}.lock").unlink()
            self._start(f"epoch-{len(self.rows)}")
        self.time_ms += phase.jump_ms
        self.steady_ms += max(0, phase.jump_ms)
        for number in range(phase.ticks):
            self.tick(phase.step_ms, phase.devices)
            if number % 30 == 29:
                self.history.flush()

    def tick(self, step_ms: int, devices: str) -> None:
        self.offset += 1
        self.time_ms += step_ms
        self.steady_ms += step_ms
        there = [one for one in EVERYTHING if not one.values or one.values[0] in devices]
        values = {one: float(f"{self._random.lognormal(0, 2) - 1:.4g}") for one in there if self._random.random() > 0.1}
        samples = [Sample(one, values.get(one, float("nan"))) for one in there]
        frame = self._frames.frame(self.offset, self.time_ms, samples, steady_ms=self.steady_ms)
        self.history.append(self.timeline.take(frame))
        row = [values.get(one, float("nan")) for one in EVERYTHING]
        self.rows.append((self.timeline.epoch, self.offset, self.time_ms, row))

    def ask(self, query: Query) -> Result:
        past = self.history.past()
        try:
            return ask(self.timeline, query, QueryLimits(values=2**24))(past)  # a jump of the clock is a long time
        finally:
            past.close()

    def recorded(self) -> Recorded:
        epochs, offsets, times, rows = zip(*self.rows, strict=True)
        return Recorded(EVERYTHING, np.array(times), np.array(rows), list(epochs), np.array(offsets))


def check(result: Result, recorded: Recorded, query: Query) -> None:
    """Hold an answer against the plain one."""
    steps, expected = recorded.answer(query, result.step_ms)
    assert result.times_ms.tolist() == [end for _, end in steps]
    assert {one.key for one in result.series} == {key for key, _ in expected}
    lower, higher = (recorded.answer(query, result.step_ms, method)[1] for method in ("lower", "higher"))
    values = result.values.reshape(len(steps), len(result.series), len(query.aggregates))
    for place, one in enumerate(result.series):
        plain = {aggregate: np.array(expected[one.key, aggregate]) for aggregate in query.aggregates}
        for column, (aggregate, wanted) in enumerate(plain.items()):
            off = np.abs(values[:, place, column] - wanted)
            assert (np.isnan(off) == np.isnan(wanted)).all()
            if aggregate in PERCENTILES and result.approximate:  # of the readings between which it lies
                of = np.maximum(np.abs(lower[one.key, aggregate]), np.abs(higher[one.key, aggregate]))
                assert not (off > PROMISE * of + 1e-9).any()
            else:
                assert not (off > allowed(aggregate, plain)).any()


def allowed(aggregate: Aggregate, plain: dict[Aggregate, Floats]) -> Floats:
    """Return how far off values may be: what was rounded of the sums of steps, and what floats cannot tell."""
    wanted = plain[aggregate]
    if aggregate in (Aggregate.AVG, Aggregate.SUM):
        above = plain[Aggregate.SUM] - plain[Aggregate.COUNT] * plain[Aggregate.MIN]
        share: Floats = 2 * SUM_ERROR * above / (plain[Aggregate.COUNT] if aggregate is Aggregate.AVG else 1)
        return share + 1e-9 * (1 + np.abs(wanted))
    return 1e-9 * (1 + np.abs(wanted))


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=25)
@given(
    st.lists(phases, min_size=1, max_size=6),
    st.integers(0, 2**32),
    st.sampled_from([1000, 7000, MINUTE_MS, 10 * MINUTE_MS, HOUR_MS]),
    st.tuples(st.floats(-0.05, 1.05), st.floats(-0.05, 1.05)).map(sorted).filter(lambda two: two[0] + 0.01 < two[1]),
)
def test_any_answer_is_what_numpy_makes_of_the_ticks(
    lives: list[Phase], seed: int, step_ms: int, part: tuple[float, float]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder) / "history.db", seed)
        for phase in lives:
            world.live(phase)
        recorded = world.recorded()
        first, last = recorded.times_ms.min(), recorded.times_ms.max() + 1000
        low, high = (int(first + at * (last - first)) for at in part)
        for aggregates in (AGGREGATES, PLAIN):
            query = Query(ALL, low, high, step_ms=step_ms, aggregates=aggregates)
            result = world.ask(query)
            check(result, recorded, query)
        world.history.close()


def test_reduced_series_of_days_are_those_of_the_ticks(tmp_path: Path) -> None:
    world = World(tmp_path / "history.db")
    for devices in ("ab", "abc", "bc"):
        world.live(Phase(120, 61_000, devices=devices))
    query = Query(
        Selection.of(["test.io"]),
        START_MS,
        world.time_ms,
        step_ms=10 * MINUTE_MS,
        aggregates=(Aggregate.MAX,),
        group_by=(),
        reduce=Reduce.SUM,
    )
    result = world.ask(query)
    steps, expected = world.recorded().answer(query, 10 * MINUTE_MS)
    assert result.times_ms.tolist() == [end for _, end in steps]
    total = np.nansum(list(expected.values()), axis=0)
    np.testing.assert_allclose(result.values[:, 0], total)
    world.history.close()


def test_what_was_put_back_into_memory_under_another_epoch_is_answered_once(tmp_path: Path) -> None:
    world = World(tmp_path / "history.db")
    for phase in (Phase(400, 1000), Phase(5, 1000, restart="anew"), Phase(5, 1000, restart="again")):
        world.live(phase)
    assert len({epoch for epoch, *_ in world.rows}) == 2
    times = [time_ms for _, _, time_ms, _ in world.rows]
    for step_ms in (1000, MINUTE_MS):
        query = Query(ALL, START_MS, world.time_ms, step_ms=step_ms, aggregates=(Aggregate.COUNT,))
        check(world.ask(query), world.recorded(), query)
    session = Session(
        Hub(home=world.timeline), plain=None, now_ms=lambda: world.time_ms, now_s=lambda: world.steady_ms / 1000
    )
    assert heard(session, type="subscribe", stream="s", metrics=["test.load"], interval=1, backfill=350) == []
    (snapshot,) = (one for one in settle(session, world.history.past()) if one["type"] == "snapshot")
    assert snapshot["times"] == times[-len(snapshot["times"]) :]
    assert len(snapshot["times"]) >= 350
    world.history.close()


def test_backfill_of_a_reduced_stream_from_the_file_is_what_a_query_answers(tmp_path: Path) -> None:
    world = World(tmp_path / "history.db")
    for devices in ("abc", "abc", "abc", "abc", "ab"):
        world.live(Phase(240, 1000, devices=devices))
    world.history.flush()
    session = Session(
        Hub(home=world.timeline), plain=None, now_ms=lambda: world.time_ms, now_s=lambda: world.steady_ms / 1000
    )
    aggregates = (Aggregate.AVG, Aggregate.COUNT, Aggregate.P90)
    fields: dict[str, Any] = {"group_by": [], "aggregate": [one.value for one in aggregates]}
    assert heard(session, type="subscribe", stream="s", metrics=["test.io"], interval=20, backfill=900, **fields) == []
    ack, snapshot = settle(session, world.history.past())
    assert (ack["series"], len(snapshot["times"])) == (1, 45)
    last_ms = snapshot["times"][-1]
    query = Query(
        Selection.of(["test.io"]), last_ms - 900_000, last_ms, step_ms=20_000, aggregates=aggregates, group_by=()
    )
    result = world.ask(query)
    assert snapshot["times"] == result.times_ms.tolist()
    np.testing.assert_allclose(np.array(snapshot["values"]).T, result.values)
    world.history.close()
