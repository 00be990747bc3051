"""A restart in the middle of a conversation: a client that comes back finds what it would have found without one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.machine import GHOST, IO, LOAD, Client, Machine, ask, disk

from vitalcast.core.metrics.catalogue import Catalogue
from vitalcast.core.metrics.model import Descriptor, Kind, Series
from vitalcast.core.metrics.resource import Resource, Source
from vitalcast.core.metrics.ring import Ring
from vitalcast.core.metrics.timeline import Timeline
from vitalcast.history.base import Resumed, Rows
from vitalcast.history.refill import refill
from vitalcast.history.sqlite import SqliteHistory

LOADS = Series(LOAD)


class Restarted:
    """A machine that keeps its history in a file, and can be stopped and started again."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "history.db"
        self.machine = Machine()
        self._open()

    def _open(self) -> None:
        machine = self.machine
        self.history = SqliteHistory(
            self.path, clock_ms=lambda: machine.time_ms, steady_ms=lambda: machine.steady_ms, boot=lambda: "boot-1"
        )
        self.resumed = self.history.open(epoch=machine.timeline.epoch, interval_ms=1000)

    def tick(self, load: float, disks: list[str]) -> None:
        self.machine.tick(load, disks)
        self.history.append(self.machine.ring.newest)  # type: ignore[arg-type]

    def restart(self, down_ms: int) -> None:
        self.history.close()
        before = self.machine
        before.wait(down_ms)
        self.machine = Machine(epoch="another")
        self.machine.time_ms, self.machine.now_s = before.time_ms, before.now_s
        self._open()
        assert self.resumed is not None
        self.machine.offset = self.resumed.offset
        refill(self.resumed, self.machine.timeline)


def subscribe(machine: Machine, since: tuple[str, int] | None, **fields: Any) -> tuple[dict[str, Any], Client]:
    extra = {} if since is None else {"since": {"epoch": since[0], "offset": since[1]}}
    ack, *rest = ask(machine.session(), type="subscribe", id=1, stream="a", metrics=["system.>"], **fields, **extra)
    client = Client()
    for message in rest:
        client.take(message)
    return ack, client


def test_a_position_from_before_the_restart_is_recovered_with_a_gap_for_the_downtime(tmp_path: Path) -> None:
    restarted = Restarted(tmp_path)
    for number in range(10):
        restarted.tick(number, ["sda"])
    restarted.restart(down_ms=5_000)
    for number in range(3):
        restarted.tick(20 + number, ["sda"])
    ack, client = subscribe(restarted.machine, ("epoch-1", 6))
    assert (ack["recovered"], ack["epoch"]) == (True, "epoch-1")
    assert list(client.points["system.load#0"].values()) == [6, 7, 8, 9, 20, 21, 22]
    assert client.gaps == [(11, 14, "sampler")]
    restarted.history.close()


def test_a_client_that_saw_the_last_tick_before_a_long_downtime_misses_only_that(tmp_path: Path) -> None:
    restarted = Restarted(tmp_path)
    for number in range(1000):
        restarted.tick(number, ["sda"])
    restarted.restart(down_ms=36_000_000)
    restarted.tick(7, ["sda"])
    ack, client = subscribe(restarted.machine, ("epoch-1", 1000))
    assert ack["recovered"] is True
    assert list(client.points["system.load#0"].values()) == [7]
    ((first, last, why),) = client.gaps
    assert (first, last, why) == (1001, restarted.machine.offset - 1, "sampler")
    assert last - first + 1 == 35_999
    restarted.history.close()


def test_what_the_store_has_forgotten_is_said_to_have_expired(tmp_path: Path) -> None:
    restarted = Restarted(tmp_path)
    for number in range(1500):
        restarted.tick(number, ["sda"])
    restarted.restart(down_ms=1_000)
    restarted.tick(7, ["sda"])
    assert restarted.machine.ring.first_row == 1
    ack, client = subscribe(restarted.machine, ("epoch-1", 10))
    assert ack["recovered"] is False
    assert client.gaps[0][2] == "expired"
    restarted.history.close()


@st.composite
def plans(draw: st.DrawFn) -> list[set[str]]:
    """Which disks are there at each tick. None comes back: memory alone does not know its past then, the file does."""
    length = draw(st.integers(2, 30))
    tick = st.integers(0, length)
    lives = {name: sorted((draw(tick), draw(tick))) for name in ("sda", "sdb", "sdc")}
    return [{name for name, (first, end) in lives.items() if first <= number < end} for number in range(length)]


@settings(max_examples=40, deadline=None)
@given(
    plan=plans(),
    stop=st.data(),
    interval=st.sampled_from([1, 2, 5]),
    aggregate=st.sampled_from([None, ["avg", "max"]]),
)
def test_wherever_the_restart_falls_a_client_recovers_what_an_unbroken_server_would_send(
    plan: list[set[str]],
    stop: st.DataObject,
    interval: int,
    aggregate: list[str] | None,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    at = stop.draw(st.integers(1, len(plan) - 1))
    since = stop.draw(st.integers(0, at))
    unbroken, restarted = Machine(), Restarted(tmp_path_factory.mktemp("history"))
    for number, names in enumerate(plan):
        if number == at:
            restarted.restart(down_ms=0)
        unbroken.tick(number, sorted(names))
        restarted.tick(number, sorted(names))
    fields: dict[str, Any] = {"interval": interval} | ({"aggregate": aggregate} if aggregate else {})
    expected_ack, expected = subscribe(unbroken, ("epoch-1", since), **fields)
    ack, client = subscribe(restarted.machine, ("epoch-1", since), **fields)
    assert ack["recovered"] == expected_ack["recovered"] is True
    assert client.points == expected.points
    assert client.gaps == expected.gaps
    restarted.history.close()


def test_a_series_that_had_been_away_has_its_past_again(tmp_path: Path) -> None:
    restarted = Restarted(tmp_path)
    for disks in (["sda"], [], ["sda"]):
        restarted.tick(1, disks)
    restarted.restart(down_ms=0)
    restarted.tick(1, ["sda"])
    _, client = subscribe(restarted.machine, ("epoch-1", 0))
    assert list(client.points["system.disk.iosda#0"].values()) == [3.0, None, 23.0, 33.0]
    restarted.history.close()


# --- series that mean something else today -----------------------------------------------------------------------


def one_row(*series: Series, offset: int = 5) -> Resumed:
    values = np.arange(1.0, len(series) + 1)[None, :]
    return Resumed("epoch-1", offset, (Rows(series, np.array([offset]), np.array([offset * 1000]), values),))


def refilled(resumed: Resumed) -> tuple[Catalogue, Ring]:
    timeline = Timeline(Source(Resource("id", "web-1"), "another"), descriptors=[LOAD, IO, GHOST])
    refill(resumed, timeline)
    assert timeline.epoch == resumed.epoch
    return timeline.catalogue, timeline.ring


def test_metrics_that_mean_something_else_are_left_out_and_unknown_ones_are_not() -> None:
    pushed = Series(Descriptor("test.pushed", "1", Kind.GAUGE, "By others."))
    percent = Series(Descriptor(LOAD.name, "%", Kind.GAUGE, "Load."))
    split = Series(Descriptor(GHOST.name, GHOST.unit, GHOST.kind, "Fan.", ("fan",)), ("1",))
    catalogue, ring = refilled(one_row(pushed, percent, disk("sda"), split))
    assert [one.key for one in catalogue.layout.series if one is not None] == [pushed.key, disk("sda").key]
    assert ring.newest is not None
    assert ring.newest.values.tolist() == [1.0, 3.0]


def test_a_new_description_is_the_one_that_counts() -> None:
    old = Series(Descriptor(LOAD.name, LOAD.unit, LOAD.kind, "As it was described once."))
    catalogue, _ = refilled(one_row(old))
    assert [one.descriptor for one in catalogue.layout.series if one is not None] == [LOAD]


def test_nothing_kept_still_means_that_there_were_ticks() -> None:
    _, ring = refilled(Resumed("epoch-1", 40, ()))
    assert (ring.first_row, ring.end_row, ring.newest) == (1, 1, None)
    _, ring = refilled(Resumed("epoch-1", 0, ()))
    assert ring.first_row == 0


def test_only_what_is_empty_is_refilled() -> None:
    catalogue, ring = refilled(one_row(LOADS))
    with pytest.raises(ValueError, match="columns are taken"):
        catalogue.adopt([LOADS])
    with pytest.raises(ValueError, match="not empty"):
        ring.forget_first()
