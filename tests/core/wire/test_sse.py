"""Server-sent events: what each message becomes, and positions that come back as they went."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.machine import Machine
from tests.schemas import check_event

from vitalcast.core.stream.session import Session
from vitalcast.core.vocabulary import CloseCode, GapReason
from vitalcast.core.wire.encodings import Encoding
from vitalcast.core.wire.messages import Message, bye, gap, reply
from vitalcast.core.wire.sse import COLUMNS, NAMED, position_of, since_of

epochs = st.text(min_size=1, max_size=64).filter(lambda text: not any("\ud800" <= one <= "\udfff" for one in text))


@given(epochs, st.integers(0, 2**53))
def test_a_position_comes_back_as_it_went(epoch: str, offset: int) -> None:
    id_ = position_of(epoch, offset).decode("ascii")
    assert id_.isprintable()
    assert " " not in id_
    since = since_of(id_)
    assert (since.epoch, since.offset, since.source) == (epoch, offset, None)


@pytest.mark.parametrize(
    "id_",
    ["", ":", "x", "x:", ":1", "x:y", "x:-1", "x:1.0", "x: 1", "x:9999999999999999", "x:12345678901234567", "%:1",
     "%zz:1", "%FF:1", "a b:1", "a\nb:1", "é:1", "x:١", "y" * 257 + ":1", "%41" * 400 + ":1"],
)  # fmt: skip
def test_what_is_no_position_is_refused(id_: str) -> None:
    with pytest.raises(ValueError, match="not a position"):
        since_of(id_)


def events(messages: list[Message], encoding: Encoding) -> list[tuple[dict[str, str], Any]]:
    """Return fields and data of each event; of a comment and of `retry`, which have no data, None."""
    text = b"".join(one.payload for one in encoding.wrap(messages)).decode()
    found = []
    for block in text.split("\n\n")[:-1]:
        fields = dict(line.split(": ", 1) for line in block.split("\n") if line != ":")
        found.append((fields, json.loads(fields.pop("data")) if "data" in fields else None))
        if "event" in fields:
            check_event(fields["event"], found[-1][1])
    return found


def test_what_is_no_data_says_as_much_in_either_form() -> None:
    said = [
        Message(b"Client #3 left the chat"),
        reply("welcome", None, version="vitalcast.v1"),
        reply("heartbeat", None, time=5),
        gap(7, 3, 4, GapReason.SLOW),
        bye(CloseCode.SHUTDOWN, 750),
        bye(CloseCode.REVOKED, None),
    ]
    named, columns = events(said, NAMED), events(said, COLUMNS)
    assert [fields for fields, _ in named] == [fields for fields, _ in columns]
    assert [fields for fields, _ in named] == [{}, {"event": "gap"}, {"retry": "750", "event": "bye"}, {"event": "bye"}]
    assert named[1][1] == {"from": 3, "to": 4, "why": "slow"}
    assert columns[1][1] == {"type": "gap", "group": 7, "from": 3, "to": 4, "why": "slow"}
    assert named[2][1] == {"code": 4001, "reconnect_after_ms": 750}
    assert columns[2][1] == {"type": "bye"} | named[2][1]


def subscribed(machine: Machine, encoding: Encoding, **fields: Any) -> tuple[Session, list[Message]]:
    session = machine.session(encoding=encoding)
    command = {"type": "subscribe", "stream": "s", "metrics": ["system.load"]} | fields
    return session, session.receive(json.dumps(command))


def test_each_tick_is_one_event_with_its_place_and_the_keys_of_its_values() -> None:
    machine = Machine()
    for load in (1.0, 2.0):
        machine.tick(load)
    machine.tick(3.0, skip=2)
    session, first = subscribed(machine, NAMED, backfill=60)
    [group_id] = session.group_ids
    machine.tick(4.0, skip=1)
    live = machine.tick(5.0)[group_id]
    told = events(first, NAMED) + events(live, NAMED)
    assert [fields.get("id") for fields, _ in told] == ["epoch-1:1", "epoch-1:2", None, "epoch-1:5", "epoch-1:8"]
    assert [data["metrics"] for fields, data in told if fields["event"] == "metrics"] == [
        {"system.load": load} for load in (1.0, 2.0, 3.0, 5.0)
    ]
    assert told[2] == ({"event": "gap"}, {"from": 3, "to": 4, "why": "sampler"})
    assert told[-1][1] == {"time": machine.time_ms, "offset": 8, "metrics": {"system.load": 5.0}}


def test_several_aggregates_have_a_key_each() -> None:
    machine = Machine()
    machine.tick(1.0)
    _, first = subscribed(machine, NAMED, metrics=["system.disk.io"], aggregate=["min", "max"])
    [(_, data)] = events(first, NAMED)
    assert list(data["metrics"]) == [
        'min(system.disk.io{system.device="sda"})',
        'max(system.disk.io{system.device="sda"})',
    ]


def test_columns_are_the_very_messages_of_a_socket() -> None:
    machine = Machine()
    machine.tick(1.0)
    socket, on_socket = machine.session(), []
    on_socket += socket.receive(json.dumps({"type": "subscribe", "stream": "s", "metrics": ["system.load"]}))
    session, as_events = subscribed(machine, COLUMNS)
    ids = (*socket.group_ids, *session.group_ids)
    for load in (2.0, 2.0):
        out = machine.tick(load, skip=int(load == 2.0))
        on_socket += out[ids[0]]
        as_events = [*as_events, *out[ids[1]]]
    told = events(as_events, COLUMNS)
    assert [data | {"group": 0} for _, data in told] == [json.loads(one.payload) | {"group": 0} for one in on_socket]
    assert [fields["event"] for fields, _ in told] == [data["type"] for _, data in told]
    assert [fields.get("id") for fields, _ in told if fields["event"] in ("snapshot", "data")] == [
        "epoch-1:1", "epoch-1:3", "epoch-1:5",
    ]  # fmt: skip
    assert all("id" not in fields for fields, _ in told if fields["event"] in ("ack", "gap"))
