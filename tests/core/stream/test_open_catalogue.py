"""Metrics come and go while a client listens, and what is not there yet is waited for."""

from __future__ import annotations

import pytest
from tests.core.machine import LOAD, Machine, ask, decode
from tests.core.stream.talk import subscribe

from vitalcast.core.metrics.model import Descriptor, Kind, Series

pytestmark = pytest.mark.usefixtures("each_bus")


@pytest.mark.parametrize("pattern", ["Queue/length:p99", "queue-1.*", "system.gpu.*", "job:errors.>", "system"])
def test_what_is_not_there_yet_is_waited_for(machine: Machine, pattern: str) -> None:
    ack, snapshot = subscribe(machine.session(), metrics=[pattern])
    assert (ack["type"], ack["series"], snapshot["series"], snapshot["values"]) == ("ack", 0, [], [])


def test_a_metric_that_comes_is_told_and_one_that_goes_too(machine: Machine) -> None:
    session = machine.session()
    subscribe(session, metrics=["Queue/1.*", "system.load"])
    [group] = session.group_ids
    load, queue = Series(LOAD), Series(Descriptor("Queue/1.length", "{job}", Kind.GAUGE, ""), (), (("team", "a"),))
    told = [
        decode(machine.take(machine.frame(readings))[group])
        for readings in ({load: 1.0}, {load: 1.0, queue: 7.0}, {load: 1.0, queue: 7.0}, {load: 2.0})
    ]
    assert [[message["type"] for message in messages] for messages in told] == [
        ["data"],
        ["series", "data"],
        ["data"],
        ["series", "data"],
    ]
    assert told[1][0]["series"][0] == {
        "name": "Queue/1.length",
        "unit": "{job}",
        "attributes": {},
        "labels": {"team": "a"},
    }
    assert told[1][1]["values"] == [7.0, 1.0]
    assert [one["name"] for one in told[3][0]["series"]] == ["system.load"]


def test_a_label_narrows_a_stream_and_its_change_is_told(machine: Machine) -> None:
    session = machine.session()
    ack, _ = subscribe(session, metrics=["queue.>"], where={"image": ["b"]})
    assert ack["series"] == 0
    subscribe(session, stream="all", metrics=["queue.>"])
    chosen, everything = session.group_ids
    queue = Descriptor("queue.length", "1", Kind.GAUGE, "")
    said = []
    for image in ("a", "b"):
        out = machine.take(machine.frame({Series(queue, (), (("image", image),)): 7.0}))
        said.append([[message["type"] for message in decode(out.get(group, []))] for group in (chosen, everything)])
    assert said == [[["data"], ["series", "data"]], [["series", "data"], ["series", "data"]]]
    [catalogue] = ask(session, type="list", metrics=["queue.length"])
    assert [one["labels"] for one in catalogue["series"]] == [{"image": "b"}]
