"""The client's core against a session of the server's: whatever is cut, repeated or mixed up, ticks come once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.machine import Machine

from vitalcast.client.binary import decode
from vitalcast.client.events import EventStream
from vitalcast.client.pace import Pace
from vitalcast.client.protocol import Answer, Changed, Ended, Hurried, News, Protocol, Question
from vitalcast.client.requests import subscription
from vitalcast.client.streams import MetricStream, Stream
from vitalcast.client.tables import TableStream
from vitalcast.client.ticks import Tick
from vitalcast.core.stream.session import Session
from vitalcast.core.wire.binary import BINARY
from vitalcast.core.wire.encodings import JSON
from vitalcast.core.wire.messages import Message
from vitalcast.core.wire.websocket import OPCODE_BINARY
from vitalcast.errors import ClientError, LostError, RefusedError

GOLDEN = Path(__file__).parents[1] / "golden" / "binary.json"


def said(message: Message) -> str | bytes:
    return message.payload if message.opcode == OPCODE_BINARY else message.text


class Talk:
    """A client and a machine, with a line between them that may be cut at any time."""

    def __init__(self, machine: Machine, *, binary: bool = True) -> None:
        self.machine = machine
        self.protocol = Protocol()
        self.ticks: dict[Stream, list[Tick]] = {}
        self.ended: list[Ended] = []
        self._encoding = BINARY if binary else JSON
        self._session: Session | None = None

    def subscribe(self, *metrics: str, **options: Any) -> MetricStream:
        fields, position = subscription(*metrics, **options)
        stream = self.protocol.add(MetricStream, fields, position=position)
        self.ticks[stream] = []
        self.exchange()
        return stream

    def connect(self) -> None:
        self._session = self.machine.session(encoding=self._encoding)
        self.protocol.connected()
        self.hear(self._session.open())
        self.exchange()

    def cut(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None
        self.protocol.disconnected()

    def exchange(self) -> None:
        """Let the server answer what the client has to say."""
        while self._session is not None and (texts := self.protocol.outgoing()):
            for text in texts:
                self.hear(self._session.receive(text))

    def tick(self, load: float, **options: Any) -> list[str | bytes]:
        """Let the machine tick; return what goes over the line, which is not heard yet."""
        emitted = self.machine.tick(load, **options)
        if self._session is None:
            return []
        return [said(one) for group in self._session.group_ids for one in emitted.get(group, [])]

    def hear(self, messages: list[Message] | list[str | bytes]) -> None:
        for one in messages:
            for happening in self.protocol.receive(said(one) if isinstance(one, Message) else one):
                if isinstance(happening, News) and isinstance(happening.item, Tick):
                    self.ticks[happening.stream].append(happening.item)
                if isinstance(happening, Ended):
                    self.ended.append(happening)


steps = st.lists(
    st.one_of(
        st.tuples(st.just("tick"), st.integers(0, 2)),
        st.tuples(st.sampled_from(["cut", "connect", "again", "lose", "mix"]), st.just(0)),
    ),
    max_size=30,
)


@given(steps, st.booleans(), st.integers(0, 3))
def test_each_tick_comes_once_and_what_is_missing_is_said(
    schedule: list[tuple[str, int]], binary: bool, backfill_s: int
) -> None:
    """The load is the number of its tick, so that each value says which tick it is of."""
    machine = Machine()
    talk = Talk(machine, binary=binary)
    machine.tick(1.0)
    streams = [talk.subscribe("system.load", interval=1), talk.subscribe("system.>", backfill=backfill_s, interval=1)]
    talk.connect()
    connected, mixed = True, False
    for what, skip in schedule:
        match what:
            case "tick":
                talk.hear(talk.tick(machine.offset + 1 + skip, skip=skip))
            case "again":  # a hostile hand says everything twice
                messages = talk.tick(machine.offset + 1.0)
                talk.hear(messages + messages)
            case "mix":  # or two ticks in the wrong order
                first, second = (talk.tick(machine.offset + 1.0) for _ in range(2))
                talk.hear(second[:1] if second else [])
                talk.hear(first)
                talk.hear(second)
                mixed = mixed or connected  # no line does that: what came too late is lost, and nobody can say so
            case "lose":  # what was under way when the line was cut never comes
                talk.tick(machine.offset + 1.0)
                talk.cut()
                connected = False
            case "cut":
                talk.cut()
                connected = False
            case "connect":
                talk.cut()
                talk.connect()
                connected = True
    talk.cut()
    talk.connect()
    for stream in streams:
        check(talk.ticks[stream], stream, gaps=not mixed)


def check(ticks: list[Tick], stream: MetricStream, *, gaps: bool) -> None:
    numbers = [int(tick["system.load"] or 0) for tick in ticks]
    assert numbers == sorted(set(numbers)), "in order, and each once"
    assert stream.position is not None and numbers[-1] == stream.position.offset
    for tick, number in zip(ticks, numbers, strict=True):
        assert tick.offset in (None, number)
    for before, after, tick in zip(numbers, numbers[1:], ticks[1:] if gaps else [], strict=False):
        told = {one for gap in tick.gaps for one in range(gap.first or 0, (gap.last or -1) + 1)}
        assert set(range(before + 1, after)) <= told, "what is missing is said at the tick after it"
        assert not told & set(numbers), "and nothing else"


def test_a_server_that_counts_anew_is_told_as_such() -> None:
    talk = Talk(Machine())
    talk.machine.tick(1.0)
    stream = talk.subscribe("system.load", interval=1)
    talk.connect()
    talk.cut()
    talk.machine = Machine(epoch="epoch-2")
    talk.machine.tick(5.0)
    talk.connect()
    last = talk.ticks[stream][-1]
    assert (last["system.load"], [gap.why for gap in last.gaps]) == (5.0, ["restart"])
    assert stream.position == ("epoch-2", 1)


def test_changes_are_granted_or_leave_the_stream_as_it_was() -> None:
    talk = Talk(Machine())
    talk.machine.tick(1.0)
    stream = talk.subscribe("system.load", interval=1)
    assert not talk.protocol.change(stream, {"interval": 2.0}), "it is asked for so once there is a connection"
    talk.connect()
    assert stream.interval_s == 2.0
    assert talk.protocol.change(stream, {"interval": 0.001})
    (text,) = talk.protocol.outgoing()
    assert talk._session is not None
    heard = [one for message in talk._session.receive(text) for one in talk.protocol.receive(said(message))]
    (changed,) = heard
    assert isinstance(changed, Changed)
    assert changed.error is not None and changed.error.code == 107
    assert stream.fields["interval"] == 2.0


def test_a_change_before_the_ack_is_one_too_and_one_that_a_loss_cuts_off_is_asked_for_on_the_next_line() -> None:
    talk = Talk(Machine())
    talk.machine.tick(1.0)
    talk.connect()
    stream = talk.protocol.add(MetricStream, {"metrics": ["system.load"], "interval": 1.0})
    assert talk.protocol.change(stream, {"interval": 2.0})
    talk.ticks[stream] = []
    talk.exchange()
    assert stream.interval_s == 2.0
    assert talk.protocol.change(stream, {"interval": 3.0})
    assert talk.protocol.disconnected() == [Changed(stream)]
    talk.connect()
    assert stream.interval_s == 3.0


def test_a_question_is_asked_again_until_it_is_answered() -> None:
    talk = Talk(Machine())
    talk.machine.tick(1.0)
    question = talk.protocol.ask({"type": "list", "metrics": ["system.load"]})
    talk.protocol.connected()
    talk.protocol.outgoing()
    talk.protocol.disconnected()
    talk.protocol.connected()
    (text,) = talk.protocol.outgoing()
    session = talk.machine.session()
    (answer,) = [one for message in session.receive(text) for one in talk.protocol.receive(said(message))]
    assert isinstance(answer, Answer)
    assert answer.question is question
    assert answer.message is not None and len(answer.message["series"]) == 1
    assert talk.protocol.receive(json.dumps({"type": "catalogue", "id": question.id, "series": []})) == []


def test_a_command_that_is_too_long_fails_all_that_waits() -> None:
    """The server cannot say for whom an error is whose command it has not read."""
    protocol = Protocol()
    stream = protocol.add(MetricStream, {"metrics": ["x"]})
    question = protocol.ask({"type": "list"})
    protocol.connected()
    error = {"type": "error", "code": 106, "message": "a message has 10 bytes at most", "temporary": False}
    ended, answer = protocol.receive(json.dumps(error))
    assert isinstance(ended, Ended) and ended.stream is stream and ended.error.code == 106
    assert isinstance(answer, Answer) and answer.question is question and answer.error is not None
    assert protocol.streams == ()


def test_a_command_that_came_too_fast_is_sent_again_unless_nobody_wants_it() -> None:
    protocol = Protocol()
    left, stream = (protocol.add(MetricStream, {"metrics": [name]}) for name in "ab")
    protocol.connected()
    question = protocol.ask({"type": "list"})
    sent = protocol.outgoing()
    protocol.remove(left)
    ended = protocol.outgoing()
    assert json.loads(ended[0])["type"] == "unsubscribe"
    said = []
    for text in (*sent, *ended):
        error = {"id": json.loads(text)["id"], "code": 111, "message": "slow down", "temporary": True}
        said += protocol.receive(json.dumps({"type": "error", **error}))
    assert said == [Hurried()] * 3
    assert protocol.outgoing() == [sent[1], sent[2], *ended]
    (answer,) = protocol.receive(json.dumps({"type": "catalogue", "id": question.id, "series": []}))
    assert isinstance(answer, Answer) and answer.error is None
    assert protocol.streams == (stream,)


@pytest.mark.parametrize("interval", [float("nan"), object()])
def test_what_cannot_be_sent_is_refused_where_it_is_asked_and_leaves_nothing_behind(interval: Any) -> None:
    protocol = Protocol()
    stream = protocol.add(MetricStream, {"metrics": ["x"]})
    protocol.connected()
    with pytest.raises(ValueError, match="cannot be sent as JSON"):
        protocol.add(MetricStream, {"metrics": ["y"], "interval": interval})
    with pytest.raises(ValueError, match="cannot be sent as JSON"):
        protocol.change(stream, {"interval": interval})
    with pytest.raises(ValueError, match="cannot be sent as JSON"):
        protocol.ask({"type": "query", "step": interval})
    protocol.connected()
    (text,) = protocol.outgoing()
    assert json.loads(text)["metrics"] == ["x"] and "interval" not in json.loads(text)


def test_a_position_may_be_what_json_makes_of_it() -> None:
    for since in (("e", 3), ["e", 3], {"epoch": "e", "offset": 3, "source": "s"}):
        assert subscription("x", since=since)[1] == ("e", 3)
    for nonsense in ("e:3", {"epoch": "e"}, ("e", "3")):
        with pytest.raises(ValueError, match="expected the `position`"):
            subscription("x", since=nonsense)


def test_commands_are_sent_no_faster_than_the_server_reads_them() -> None:
    pace, now_s, sent_at = Pace(), 0.0, []
    for _ in range(200):
        now_s += pace.pause_s(now_s)
        sent_at.append(now_s)
    assert all(sum(at > begun - 1 for at in sent_at[:count]) <= 90 for count, begun in enumerate(sent_at))
    assert sent_at[-1] < 5
    pace.rest()
    assert pace.pause_s(now_s) > 0.9


def test_a_stream_that_was_granted_before_is_asked_for_again_where_it_is_refused_for_now() -> None:
    talk = Talk(Machine())
    talk.machine.tick(1.0)
    talk.subscribe("system.load", interval=1)
    talk.connect()
    talk.protocol.connected()
    (text,) = talk.protocol.outgoing()
    error = {"type": "error", "id": json.loads(text)["id"], "code": 106, "message": "all taken", "temporary": True}
    with pytest.raises(LostError, match="all taken"):
        talk.protocol.receive(json.dumps(error))


def test_a_server_that_wants_a_token_says_so() -> None:
    with pytest.raises(RefusedError, match="vitalcast token create") as told:
        Protocol().receive(json.dumps({"type": "welcome", "time": 1, "auth": "required"}))
    assert told.value.code == 101


def event(id_: str, time: int, end: int | None = None) -> str:
    named = {"id": id_, "source": "s", "kind": "mark", "severity": "info", "title": id_, "attributes": {}}
    return json.dumps({"type": "event", "group": 3, "time": time, "end": end, **named})


def test_events_of_the_time_without_a_line_come_once() -> None:
    protocol = Protocol()
    protocol.add(EventStream, {"kinds": ["mark"]})

    def connect(time: int) -> list[dict[str, Any]]:
        protocol.connected()
        protocol.receive(json.dumps({"type": "welcome", "time": time, "heartbeat": 10}))
        commands = [json.loads(text) for text in protocol.outgoing()]
        ack = {"type": "ack", "id": commands[-1]["id"], "group": 3, "epoch": "e", "offset": 1}
        protocol.receive(json.dumps(ack))
        return commands

    def heard(*texts: str) -> list[str]:
        return [one.item.id for text in texts for one in protocol.receive(text) if isinstance(one, News)]

    assert "backfill" not in connect(1_000_000)[0]
    assert heard(event("a", 1_000_500), event("a", 1_000_500)) == ["a"]
    protocol.receive(json.dumps({"type": "heartbeat", "time": 1_010_000}))
    protocol.disconnected()
    (command,) = connect(1_030_000)
    assert command["backfill"] == 20 + 60
    assert heard(event("a", 1_000_500), event("b", 1_020_000), event("a", 1_000_500, 1_040_000)) == ["b", "a"]
    protocol.receive(json.dumps({"type": "gap", "group": 3, "from": 1, "to": 2, "why": "slow"}))
    (news,) = protocol.receive(event("c", 1_050_000))
    assert isinstance(news, News)
    assert news.item.gap.why == "slow"


def test_rows_that_are_known_come_no_more() -> None:
    protocol = Protocol()
    protocol.add(TableStream, {"table": "processes"})
    rows = {"type": "rows", "group": 2, "time": 5, "columns": ["pid", "cpu"], "rows": [[1, 0.5]], "matches": 9}
    for expected in (1, 0):
        protocol.connected()
        (text,) = protocol.outgoing()
        units = [{"name": "pid", "unit": ""}, {"name": "cpu", "unit": "1"}]
        ack = {"type": "ack", "id": json.loads(text)["id"], "group": 2, "columns": units}
        protocol.receive(json.dumps(ack))
        assert len(protocol.receive(json.dumps(rows))) == expected
    with pytest.raises(ClientError, match="does not follow"):
        protocol.receive(json.dumps(rows | {"rows": [[1]]}))
    with pytest.raises(ClientError, match="does not follow"):
        protocol.receive(json.dumps(rows | {"rows": [[1, {}]]}))


@pytest.mark.parametrize("case", json.loads(GOLDEN.read_text())["frames"], ids=lambda case: case["name"])
def test_a_data_frame_is_read_as_everywhere(case: dict[str, Any]) -> None:
    frame, expected = decode(bytes.fromhex(case["hex"])), case["frame"]
    values = [None if value != value else value for value in frame.values]
    assert values == expected["values"]
    assert (frame.group, frame.offset, frame.time_ms, frame.size, frame.changed) == tuple(
        expected[name] for name in ("group", "offset", "time", "count", "changed")
    )


@pytest.mark.parametrize("case", json.loads(GOLDEN.read_text())["refused"], ids=lambda case: case["name"])
def test_bytes_that_are_no_frame_are_refused(case: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=case["why"]):
        decode(bytes.fromhex(case["hex"]))


@given(st.binary(max_size=80))
def test_no_bytes_make_the_client_fail_otherwise_than_by_name(data: bytes) -> None:
    protocol = Protocol()
    protocol.add(MetricStream, {"metrics": ["x"]})
    protocol.connected()
    try:
        protocol.receive(data)
    except ClientError as error:
        assert str(error).isprintable()


def test_what_is_pending_is_bounded_by_what_was_asked() -> None:
    protocol = Protocol()
    stream = protocol.add(MetricStream, {"metrics": ["x"]})
    for _ in range(100):
        protocol.connected()
    assert len(protocol.outgoing()) == 1
    protocol.remove(stream)
    assert [json.loads(text)["type"] for text in protocol.outgoing()] == ["unsubscribe"]
    question = protocol.ask({"type": "list"})
    assert isinstance(question, Question)
    protocol.forget(question)
    protocol.connected()
    assert protocol.outgoing() == []
