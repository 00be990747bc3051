"""One socket's conversation, text by text."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.core.machine import Machine, ask, decode

from vitalcast.core.metrics.model import Descriptor, Kind, Series
from vitalcast.core.metrics.names import Selection
from vitalcast.core.stream.grants import Caller, Grant
from vitalcast.core.stream.session import Mode, Session
from vitalcast.core.vocabulary import CloseCode, ErrorCode, Scope
from vitalcast.core.wire.limits import Limits
from vitalcast.errors import AccessError

pytestmark = pytest.mark.usefixtures("each_bus")


@pytest.fixture
def machine() -> Machine:
    machine = Machine()
    for load in (1.0, 2.0, 3.0):
        machine.tick(load)
    return machine


def subscribe(session: Session, **fields: Any) -> list[dict[str, Any]]:
    return ask(session, **({"type": "subscribe", "id": 1, "stream": "s", "metrics": ["system.load"]} | fields))


def error_of(answers: list[dict[str, Any]]) -> tuple[int, str]:
    [error] = answers
    assert error["type"] == "error"
    return error["code"], error["message"]


# --- plain sockets ---------------------------------------------------------------------------------------------------


def test_a_plain_socket_gets_the_newest_metrics_unasked(machine: Machine) -> None:
    [metrics] = decode(machine.session(plain=True).open())
    assert metrics == {
        "type": "metrics",
        "host": "web-1",
        "time": machine.time_ms,
        "offset": 3,
        "metrics": {"system.load": 3.0},
    }


def test_a_plain_socket_gets_every_tick_self_describing(machine: Machine) -> None:
    session = machine.session(plain=True)
    [group_id] = session.group_ids
    [metrics] = decode(machine.tick(4.0)[group_id])
    assert (metrics["type"], metrics["offset"], metrics["metrics"]) == ("metrics", 4, {"system.load": 4.0})


@pytest.mark.parametrize(
    "text", ["hello", "", "[1,2]", "null", '{"a":1}', '{"type":"chat"}', '{"type":7}', "héllo ✓", '{"type":"ping"']
)
def test_a_plain_socket_hears_its_text_again(machine: Machine, text: str) -> None:
    session = machine.session(plain=True)
    assert [message.text for message in session.receive(text)] == [f"Message text was: {text}"]
    assert session.mode is Mode.PLAIN


@pytest.mark.parametrize("text", ['{"type":"ping"}', '{"type":"subscribe"}'])
def test_a_command_makes_a_plain_socket_a_protocol_socket(machine: Machine, text: str) -> None:
    session = machine.session(plain=True)
    session.receive(text)
    assert session.mode is Mode.PROTOCOL
    assert session.group_ids == ()
    assert error_of(decode(session.receive("hello")))[0] == 107
    assert error_of(decode(session.receive('{"type":"chat"}')))[0] == 104


# --- protocol sockets ------------------------------------------------------------------------------------------------


def test_the_welcome_says_what_a_client_needs(machine: Machine) -> None:
    [welcome] = decode(machine.session().open())
    limits = welcome.pop("limits")
    assert welcome == {
        "type": "welcome",
        "version": "vitalcast.v1",
        "epoch": "epoch-1",
        "source": "machine-1",
        "time": machine.time_ms,
        "host": "web-1",
        "interval": 1.0,
        "interval_min": 0.1,
        "heartbeat": 10.0,
        "schema": "1.44",
        "dashboards": "",
    }
    assert limits["streams"] == 64


def test_subscribe_is_answered_by_ack_and_the_newest_tick(machine: Machine) -> None:
    ack, snapshot = subscribe(machine.session())
    assert ack == {
        "type": "ack",
        "id": 1,
        "stream": "s",
        "group": 1,
        "source": "machine-1",
        "epoch": "epoch-1",
        "offset": 3,
        "interval": 1.0,
        "series": 1,
        "recovered": False,
        "paused": False,
    }
    assert snapshot == {
        "type": "snapshot",
        "group": 1,
        "source": "machine-1",
        "epoch": "epoch-1",
        "offset": 3,
        "time": machine.time_ms,
        "series": [{"name": "system.load", "unit": "1", "attributes": {}}],
        "times": [machine.time_ms],
        "values": [[3.0]],
    }


def test_backfill_brings_the_past(machine: Machine) -> None:
    _, snapshot = subscribe(machine.session(), backfill=2)
    assert snapshot["values"] == [[2.0, 3.0]]
    assert snapshot["times"] == [machine.time_ms - 1000, machine.time_ms]


def test_since_brings_exactly_what_was_missed(machine: Machine) -> None:
    ack, snapshot = subscribe(machine.session(), since={"epoch": "epoch-1", "offset": 1})
    assert ack["recovered"] is True
    assert snapshot["values"] == [[2.0, 3.0]]


def test_since_with_nothing_missed_brings_nothing(machine: Machine) -> None:
    ack, snapshot = subscribe(machine.session(), since={"epoch": "epoch-1", "offset": 3})
    assert ack["recovered"] is True
    assert (snapshot["times"], snapshot["values"]) == ([], [[]])


def test_since_of_another_epoch_brings_a_full_snapshot(machine: Machine) -> None:
    ack, snapshot = subscribe(machine.session(), since={"epoch": "epoch-0", "offset": 1}, backfill=60)
    assert ack["recovered"] is False
    assert snapshot["values"] == [[1.0, 2.0, 3.0]]


def test_since_from_the_future_is_not_recovered(machine: Machine) -> None:
    ack, _ = subscribe(machine.session(), since={"epoch": "epoch-1", "offset": 99})
    assert ack["recovered"] is False


def test_since_too_old_says_what_is_lost() -> None:
    machine = Machine(window_ms=1000)
    for _ in range(300):
        machine.tick(1.0)
    ack, gap, snapshot = subscribe(machine.session(), since={"epoch": "epoch-1", "offset": 5})
    assert ack["recovered"] is False
    assert gap == {"type": "gap", "group": ack["group"], "from": 6, "to": 299, "why": "expired"}
    assert snapshot["offset"] == 300


def test_two_streams_with_one_group_are_told_apart_by_name(machine: Machine) -> None:
    session = machine.session()
    first, second = subscribe(session)[0], subscribe(session, stream="t")[0]
    assert first["group"] == second["group"]
    ask(session, type="unsubscribe", stream="s")
    assert session.group_ids == (first["group"],)


def test_a_paused_stream_costs_nothing_and_resumes_with_what_it_missed(machine: Machine) -> None:
    session = machine.session()
    subscribe(session)
    [ack] = ask(session, type="update", id=2, stream="s", paused=True)
    assert (ack["paused"], ack["group"], ack["id"]) == (True, None, 2)
    assert session.group_ids == ()
    assert machine.hub.groups == {}
    machine.tick(4.0)
    machine.tick(5.0)
    since = {"epoch": "epoch-1", "offset": 3}
    ack, snapshot = ask(session, type="update", stream="s", paused=False, since=since)
    assert (ack["paused"], ack["recovered"]) == (False, True)
    assert snapshot["values"] == [[4.0, 5.0]]


def test_another_interval_means_another_group(machine: Machine) -> None:
    session = machine.session()
    before = subscribe(session)[0]
    ack, snapshot = ask(session, type="update", stream="s", interval=5)
    assert ack["interval"] == 5
    assert ack["group"] != before["group"]
    assert snapshot["group"] == ack["group"]
    assert session.group_ids == (ack["group"],)


def test_an_update_that_changes_nothing_is_acknowledged_alone(machine: Machine) -> None:
    session = machine.session()
    subscribe(session)
    assert [answer["type"] for answer in ask(session, type="update", stream="s", interval=1)] == ["ack"]


def test_an_update_that_fails_leaves_the_stream_as_it_was() -> None:
    machine = Machine(limits=Limits(snapshot_values=5))
    for _ in range(30):
        machine.tick(1.0)
    session = machine.session()
    subscribe(session)
    before = session.group_ids
    code, message = error_of(ask(session, type="update", stream="s", interval=2, backfill=60))
    assert code == 106
    assert "backfill" in message
    assert session.group_ids == before
    assert len(machine.hub.groups) == 1


def test_list_describes_each_series(machine: Machine) -> None:
    [catalogue] = ask(machine.session(), type="list", id="a", metrics=["system.disk.>"])
    assert catalogue == {
        "type": "catalogue",
        "id": "a",
        "series": [
            {
                "name": "system.disk.io",
                "unit": "By",
                "kind": "counter",
                "description": "Bytes.",
                "attributes": {"system.device": "sda"},
            }
        ],
    }


def test_a_table_is_acknowledged_with_its_columns(machine: Machine) -> None:
    session = machine.session()
    [ack] = ask(session, type="table", id=6, stream="top", table="processes", sort="cpu", limit=5, interval=2)
    assert [column["name"] for column in ack["columns"]] == ["pid", "cpu"]
    assert ack["interval"] == 2
    assert session.group_ids == (ack["group"],)


def test_tables_that_show_the_same_share_a_group_and_others_do_not(machine: Machine) -> None:
    session = machine.session()

    def group(**command: object) -> int:
        name = str(len(session.streams))
        [ack] = ask(session, type="table", stream=name, table="processes", sort="cpu", **command)
        return int(ack["group"])

    usual = group()
    assert group(order="descending", filter=" ") == usual
    others = [group(order="ascending"), group(filter="Web "), group(keys=[2, 1]), group(limit=3)]
    assert len({usual, *others}) == 5
    assert [group(filter="web"), group(keys=[1, 2, 2])] == others[1:3]


def test_a_table_says_itself_how_often_it_may_be_read_and_what_its_keys_are(machine: Machine) -> None:
    session = machine.session()
    [ack] = ask(session, type="table", stream="t", table="units", interval=0.5, keys=["b.service", "a.service"])
    assert ack["interval"] == 0.5
    [key] = [group.key for group in machine.hub.table_groups()]
    assert key.keys == {"a.service", "b.service"}
    ask(session, type="table", stream="p", table="processes")
    for stream, code in (("t", None), ("p", 106)):
        [answer] = ask(session, type="update", stream=stream, interval=0.3)
        assert answer.get("code") == code


def test_ping_is_answered_with_the_servers_time(machine: Machine) -> None:
    assert ask(machine.session(), type="ping", id=9) == [{"type": "pong", "id": 9, "time": machine.time_ms}]


def test_a_faster_subscription_quickens_the_ticks_and_leaving_slows_them(machine: Machine) -> None:
    session = machine.session()
    assert machine.hub.tick_ms("machine-1") == 1000
    for stream, interval, tick_ms in (("a", 0.5, 500), ("b", 0.3, 100), ("c", 5, 100)):
        subscribe(session, stream=stream, interval=interval)
        assert machine.hub.tick_ms("machine-1") == tick_ms
    session.close()
    assert machine.hub.tick_ms("machine-1") == 1000


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "code", "says"),
    [
        ({"type": "subscribe", "stream": "s", "metrics": ["no.such.thing"]}, 102, "no.such.thing"),
        ({"type": "list", "metrics": ["no.>"]}, 102, "no.>"),
        ({"type": "table", "stream": "t", "table": "disks"}, 102, "known: processes"),
        ({"type": "table", "stream": "t", "table": "processes", "sort": "age"}, 107, "pid, cpu"),
        ({"type": "table", "stream": "t", "table": "processes", "limit": 501}, 106, "500"),
        ({"type": "table", "stream": "t", "table": "processes", "interval": 0.5}, 106, "the shortest here is 1 s"),
        ({"type": "table", "stream": "t", "table": "processes", "keys": [*range(501)]}, 106, "keys: at most 500"),
        (
            {"type": "table", "stream": "t", "table": "processes", "keys": [1, "a"]},
            107,
            "keys: those of 'processes' are numbers, its column 'pid'",
        ),
        (
            {"type": "table", "stream": "t", "table": "units", "keys": [1]},
            107,
            "keys: those of 'units' are texts, its column 'unit'",
        ),
        ({"type": "unsubscribe", "stream": "x"}, 107, "there is no 'x'"),
        ({"type": "update", "stream": "x", "paused": True}, 107, "there is no 'x'"),
        ({"type": "subscribe", "stream": "s", "metrics": ["a..b"]}, 107, "a..b"),
        ({"type": "frobnicate"}, 104, "frobnicate"),
    ],
)
def test_a_wrong_command_is_refused_and_the_socket_lives_on(
    machine: Machine, command: dict[str, Any], code: int, says: str
) -> None:
    session = machine.session()
    got, message = error_of(ask(session, **command))
    assert got == code
    assert says in message
    assert machine.hub.groups == {}
    assert ask(session, type="ping")[0]["type"] == "pong"


def test_a_metric_that_may_come_can_be_subscribed_to_before_it_does(machine: Machine) -> None:
    ack, snapshot = subscribe(machine.session(), metrics=["hw.fan.speed"])
    assert ack["series"] == 0
    assert (snapshot["series"], snapshot["values"]) == ([], [])


def test_a_stream_name_is_taken_once(machine: Machine) -> None:
    session = machine.session()
    subscribe(session)
    assert error_of(subscribe(session))[0] == 105


def test_the_limits_are_named() -> None:
    machine = Machine(limits=Limits(streams=2, series=2, groups=2, snapshot_values=4))
    for _ in range(9):
        machine.tick(1.0, ["sda", "sdb", "sdc"])
    session = machine.session()
    assert "4 series match" in error_of(subscribe(session, metrics=["system.>"]))[1]
    assert "at most" in error_of(subscribe(session, backfill=60))[1]
    subscribe(session, stream="a")
    subscribe(session, stream="b")
    assert error_of(subscribe(session, stream="c")) == (106, "a socket has 2 streams at most")
    other = machine.session()
    subscribe(other, interval=2)
    code, message = error_of(subscribe(other, stream="d", interval=3))
    assert (code, "2 different" in message) == (106, True)
    assert len(machine.hub.groups) == 2


def test_a_long_message_is_refused_by_its_bytes_not_its_characters() -> None:
    machine = Machine(limits=Limits(message_bytes=1024))
    machine.tick()
    session = machine.session()
    assert error_of(decode(session.receive("ü" * 600)))[0] == 106
    assert error_of(decode(session.receive("x" * 1025)))[0] == 106
    assert error_of(decode(session.receive("ü" * 500)))[0] == 107


def test_long_messages_are_rate_limited_too() -> None:
    machine = Machine(limits=Limits(message_bytes=1024))
    machine.tick()
    session = machine.session()
    codes = [error_of(decode(session.receive("x" * 2000)))[0] for _ in range(60)]
    assert codes == [106] * 50 + [111] * 10


def test_a_binary_message_is_refused(machine: Machine) -> None:
    assert error_of(decode(machine.session().receive_binary(12)))[0] == 107


def test_a_flood_is_answered_a_little_and_forgiven(machine: Machine) -> None:
    session = machine.session()
    answers = [answer for number in range(5000) for answer in ask(session, type="ping", id=number)]
    kinds = [answer["type"] for answer in answers]
    assert kinds[:50] == ["pong"] * 50
    assert set(kinds[50:]) == {"error"}
    assert 50 <= len(kinds[50:]) <= 60
    assert answers[50] | {"message": ""} == {
        "type": "error",
        "id": 50,
        "code": 111,
        "message": "",
        "temporary": True,
    }
    machine.now_s += 0.5
    assert [ask(session, type="ping")[0]["type"] for _ in range(26)] == ["pong"] * 25 + ["error"]


# --- everything at once ----------------------------------------------------------------------------------------------

streams = st.sampled_from(["a", "b", "c"])
commands = st.one_of(
    st.fixed_dictionaries(
        {
            "type": st.just("subscribe"),
            "stream": streams,
            "metrics": st.lists(st.sampled_from(["system.>", "system.load", "hw.*.speed", "no"]), min_size=1),
        },
        optional={
            "interval": st.sampled_from([0.1, 1, 3, 9999]),
            "aggregate": st.lists(st.sampled_from(["last", "avg"]), max_size=3),
            "backfill": st.sampled_from([0, 10, -1]),
            "since": st.fixed_dictionaries({"epoch": st.sampled_from(["epoch-1", "x"]), "offset": st.integers(0, 20)}),
            "where": st.just({"system.device": ["sda"]}),
        },
    ),
    st.fixed_dictionaries(
        {"type": st.just("update"), "stream": streams},
        optional={"paused": st.booleans(), "interval": st.sampled_from([1, 2]), "backfill": st.just(5)},
    ),
    st.fixed_dictionaries({"type": st.just("unsubscribe"), "stream": streams}),
    st.fixed_dictionaries({"type": st.just("table"), "stream": streams, "table": st.sampled_from(["processes", "x"])}),
    st.fixed_dictionaries({"type": st.sampled_from(["list", "ping", "hello", "bye"])}),
)


@settings(deadline=None)
@given(st.lists(st.one_of(commands, st.just("tick")), max_size=40))
def test_any_conversation_leaves_groups_as_its_streams_need_them(plan: list[Any]) -> None:
    machine = Machine(limits=Limits(messages_per_second=1000))
    machine.tick(1.0)
    session = machine.session()
    for step in plan:
        if step == "tick":
            machine.tick(2.0)
            continue
        answers = decode(session.receive(json.dumps(step)))
        assert answers, "a command without an answer"
        assert set(session.group_ids) == set(machine.hub.groups)
        running = [stream for stream in session.streams.values() if stream.group is not None]
        assert sum(group.streams for group in machine.hub.groups.values()) == len(running)
        assert machine.hub.held_bytes >= sum(group.nbytes for group in machine.hub.groups.values())
    session.close()
    session.close()
    assert machine.hub.groups == {}
    assert machine.hub.held_bytes == 0
    assert machine.hub.tick_ms("machine-1") == 1000


# --- who is there ----------------------------------------------------------------------------------------------------

LOAD_ONLY = Grant(Scope.STREAM, "load", (Selection.of(["system.load"]),), interval_min_ms=2000, expires_ms=9_000)
DISKS = Grant(Scope.STREAM, "disks", (Selection.of(["system.disk.>", "table.processes"]),))
SDA = Grant(Scope.EMBED, "sda", (Selection.of(["system.disk.>"], {"system.device": ["sda"]}),))
ALL = Grant(Scope.VIEW, "all", expires_ms=9_000)
TOKENS = {"load": LOAD_ONLY, "disks": DISKS, "sda": SDA, "all": ALL}
STRANGER = Caller(None, "192.0.2.1")


def verify(token: str, caller: Caller) -> Grant:
    match token:
        case "old":
            raise AccessError(ErrorCode.TOKEN_EXPIRED, "token: it has expired")
        case "revoked":
            raise AccessError(ErrorCode.UNAUTHORIZED, "token: it has been revoked", revoked=True)
        case "later":
            raise AccessError(ErrorCode.RATE_LIMITED, "token: too many wrong ones have come", temporary=True)
        case "own" if caller.origin is not None:
            raise AccessError(ErrorCode.UNAUTHORIZED, "token: not valid on pages of this site")
    if token not in TOKENS:
        raise AccessError(ErrorCode.UNAUTHORIZED, "token: unknown token")
    return TOKENS[token]


def stranger(machine: Machine, **kwargs: Any) -> Session:
    return machine.session(caller=STRANGER, verify=verify, **kwargs)


def granted(machine: Machine, grant: Grant, **kwargs: Any) -> Session:
    return machine.session(caller=Caller(grant), verify=verify, **kwargs)


@pytest.mark.parametrize("plain", [False, True])
def test_a_stranger_is_told_only_that_a_token_is_needed(machine: Machine, plain: bool) -> None:
    session = stranger(machine, plain=plain)
    [welcome] = decode(session.open())
    time = machine.time_ms
    assert welcome == {
        "type": "welcome",
        "version": "vitalcast.v1",
        "time": time,
        "heartbeat": 10.0,
        "auth": "required",
    }
    assert session.group_ids == ()


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize(
    "text",
    [
        "hi",
        "{}",
        '{"type":"dance","id":1}',
        '{"type":"ping","id":1}',
        '{"type":"list","id":1}',
        '{"type":"subscribe","id":1,"stream":"s","metrics":["system.load"]}',
        '{"type":"subscribe","id":1,"stream":"s","metrics":["no.such"]}',
        '{"type":"table","id":1,"stream":"s","table":"nothing"}',
        '{"type":"hello","id":1}',
    ],
)
def test_a_stranger_gets_the_same_answer_to_everything(machine: Machine, text: str, plain: bool) -> None:
    session = stranger(machine, plain=plain)
    code, message = error_of(decode(session.receive(text)))
    assert code == 101
    assert message.startswith("this server requires a token")
    assert (session.ending, session.group_ids) == (None, ())
    assert error_of(decode(session.receive_binary(3)))[0] == 101


def test_a_good_hello_opens_the_door(machine: Machine) -> None:
    session = stranger(machine)
    session.open()
    ack, welcome = ask(session, type="hello", id=1, token="load")
    assert ack == {"type": "ack", "id": 1, "scope": "stream", "expires": 9_000}
    assert welcome["host"] == "web-1"
    assert (welcome["interval"], welcome["interval_min"]) == (2, 2)
    assert "auth" not in welcome
    assert session.caller == Caller(LOAD_ONLY, "192.0.2.1")
    assert subscribe(session)[0]["type"] == "ack"


@pytest.mark.parametrize(
    ("token", "code", "close"),
    [("wrong", 101, CloseCode.BAD_TOKEN), ("old", 109, CloseCode.BAD_TOKEN), ("revoked", 101, CloseCode.REVOKED)],
)
@pytest.mark.parametrize("known", [False, True])
def test_a_bad_hello_is_the_end(machine: Machine, token: str, code: int, close: CloseCode, known: bool) -> None:
    session = granted(machine, ALL) if known else stranger(machine)
    assert error_of(ask(session, type="hello", token=token))[0] == code
    assert session.ending is not None and session.ending[0] is close


def test_a_hello_that_may_be_tried_later_is_not_the_end(machine: Machine) -> None:
    session = stranger(machine)
    [error] = ask(session, type="hello", token="later")
    assert (error["code"], error["temporary"], session.ending) == (111, True, None)


@pytest.mark.parametrize("token", [7, "", "x" * 4001, ["x"]])
def test_a_malformed_token_is_not_repeated(machine: Machine, token: Any) -> None:
    code, message = error_of(ask(stranger(machine), type="hello", token=token))
    assert code == 107
    assert message.startswith("token: ")
    assert "xx" not in message and "got" not in message


def test_the_page_of_another_site_counts(machine: Machine) -> None:
    session = machine.session(caller=Caller(None, "", "https://evil.example"), verify=verify)
    assert error_of(ask(session, type="hello", token="own"))[0] == 101


def test_a_hello_again_renews_and_what_it_does_not_cover_ends(machine: Machine) -> None:
    session = granted(machine, ALL)
    for name, fields in {
        "fast": {"metrics": ["system.load"]},
        "slow": {"metrics": ["system.load"], "interval": 5},
        "disk": {"metrics": ["system.disk.io"], "interval": 5},
        "paused": {"metrics": [">"], "interval": 5},
    }.items():
        subscribe(session, stream=name, **fields)
    ask(session, type="update", stream="paused", paused=True)
    ask(session, type="table", stream="top", table="processes", interval=5)
    assert [one["type"] for one in ask(session, type="hello", token="all")] == ["ack"]
    ack, *errors = ask(session, type="hello", token="load")
    assert ack["scope"] == "stream"
    assert {one["stream"]: one["code"] for one in errors} == {"fast": 106, "disk": 103, "paused": 103, "top": 103}
    assert list(session.streams) == ["slow"]
    assert set(machine.hub.groups) == set(session.group_ids)
    assert error_of(ask(session, type="update", stream="slow", interval=1)) == (
        106,
        "interval: the shortest for this token is 2 s, got 1",
    )


@pytest.mark.parametrize("metrics", [["system.disk.io"], [">"], ["system.load", "system.*"], ["no.such.metric"]])
def test_what_lies_outside_is_denied_whether_it_is_there_or_not(machine: Machine, metrics: list[str]) -> None:
    session = granted(machine, LOAD_ONLY)
    for command in ("subscribe", "list"):
        fields = {"stream": "s"} if command == "subscribe" else {}
        if command == "list" and metrics == [">"]:
            continue
        code, message = error_of(ask(session, type=command, metrics=metrics, **fields))
        assert (code, message) == (103, f"metrics: {metrics[-1]} is more than this token may see")
    assert session.group_ids == ()


def test_a_where_may_be_what_makes_it_fit(machine: Machine) -> None:
    session = granted(machine, SDA)
    wanted = {"metrics": ["system.disk.io"]}
    assert "with this 'where'" not in error_of(subscribe(session, **wanted))[1]
    assert "with this 'where'" in error_of(subscribe(session, **wanted, where={"system.device": ["sda", "sdb"]}))[1]
    ack, _ = subscribe(session, **wanted, where={"system.device": ["sda"]})
    assert ack["series"] == 1


def test_a_subscription_may_span_what_is_granted_apart(machine: Machine) -> None:
    both = Grant(Scope.EMBED, "both", (Selection.of(["system.load"]), Selection.of(["system.disk.*"])))
    assert subscribe(granted(machine, both), metrics=["system.load", "system.disk.io"])[0]["type"] == "ack"


def test_the_list_shows_what_is_granted(machine: Machine) -> None:
    machine.tick(1.0, disks=("sda", "sdb"))
    [catalogue] = ask(granted(machine, SDA), type="list")
    assert [(one["name"], one["attributes"]) for one in catalogue["series"]] == [
        ("system.disk.io", {"system.device": "sda"})
    ]
    [nothing] = ask(granted(machine, Grant(Scope.EMBED, "x", ())), type="list", metrics=[">"])
    assert nothing["series"] == []


def test_a_table_needs_a_pattern_of_its_own(machine: Machine) -> None:
    table = {"type": "table", "stream": "t"}
    assert ask(granted(machine, DISKS), **table, table="processes")[0]["type"] == "ack"
    for name in ("processes", "nothing"):
        code, message = error_of(ask(granted(machine, LOAD_ONLY), **table, table=name))
        assert (code, message) == (103, f"table: '{name}' is more than this token may see")
    some = Grant(Scope.STREAM, "some", (Selection.of(["table.other"]),))
    assert error_of(ask(granted(machine, some), **table, table="other"))[1].endswith("is not here; known: none")


PROGRAM = Series(Descriptor("process.usage", "1", Kind.GAUGE, "", ("process.executable.name",)), ("nginx",))
OTHERS = Series(Descriptor("process.usage", "1", Kind.GAUGE, "", ("cpu.mode",)), ("user",))


@pytest.mark.parametrize("table", [False, True])
def test_a_stream_names_no_program_to_who_may_not_see_the_processes(machine: Machine, table: bool) -> None:
    within = Selection.of(["process.>", *(["table.processes"] if table else [])])
    machine.take(machine.frame({PROGRAM: 1.0, OTHERS: 2.0}))
    session, viewer = granted(machine, Grant(Scope.STREAM, "some", (within,))), granted(machine, ALL)
    seen = [PROGRAM.attributes] if table else []
    for answers in (subscribe(session, metrics=["process.>"])[1:], ask(session, type="list")):
        [message] = answers
        assert [one["attributes"] for one in message["series"]] == [OTHERS.attributes, *seen]
    assert len(subscribe(viewer, metrics=["process.>"])[1]["series"]) == 2
    emitted = machine.take(machine.frame({PROGRAM: 3.0, OTHERS: 4.0}))
    [data] = [one for id_ in session.group_ids for one in decode(emitted[id_]) if one["type"] == "data"]
    assert data["values"] == [4.0, 3.0][: 1 + table]


def test_a_hello_with_less_ends_the_streams_that_name_programs(machine: Machine) -> None:
    session = granted(machine, ALL)
    subscribe(session, metrics=["system.load"], stream="load", interval=5)
    subscribe(session, metrics=["process.usage", "system.load"], stream="programs", interval=5)
    machine.take(machine.frame({PROGRAM: 1.0}))
    token = Grant(Scope.STREAM, "less", (Selection.of(["system.>", "process.>"]),))
    session = machine.session(caller=Caller(ALL), verify=lambda _token, _caller: token)
    subscribe(session, metrics=["system.load"], stream="load")
    subscribe(session, metrics=["process.usage", "system.load"], stream="programs")
    _, error = ask(session, type="hello", token="less")
    assert (error["stream"], error["code"]) == ("programs", 103)
    assert list(session.streams) == ["load"]
    assert subscribe(session, metrics=["process.usage"], stream="own")[0]["type"] == "ack"


def test_a_grant_may_end_sooner_than_what_is_kept() -> None:
    machine = Machine(window_ms=3_600_000)
    for _ in range(1000):
        machine.tick(1.0)
    session = granted(machine, Grant(Scope.EMBED, "some", (Selection.of(["system.load"]),), since_s=900))
    assert len(subscribe(session, backfill=3600)[1]["times"]) == 900
    assert len(subscribe(granted(machine, ALL), backfill=3600)[1]["times"]) == 1000
    ack, snapshot = subscribe(session, stream="kept", since={"epoch": "epoch-1", "offset": 100})
    assert (ack["recovered"], len(snapshot["times"])) == (True, 900)
    ack, gap, snapshot = subscribe(session, stream="lost", since={"epoch": "epoch-1", "offset": 98}, backfill=3600)
    assert (ack["recovered"], len(snapshot["times"])) == (False, 900)
    assert (gap["from"], gap["to"], gap["why"]) == (99, 100, "expired")


@pytest.mark.parametrize(
    ("grant", "metrics"), [(ALL, {"system.load"}), (LOAD_ONLY, {"system.load"}), (DISKS, None), (SDA, None)]
)
def test_a_plain_socket_gets_the_part_of_the_default_stream_that_it_may(
    machine: Machine, grant: Grant, metrics: set[str] | None
) -> None:
    session = granted(machine, grant, plain=True)
    first, *more = decode(session.open(plain=True))
    if metrics is None:
        assert (first["type"], first["code"], session.mode) == ("error", 103, Mode.PROTOCOL)
        assert [one["type"] for one in more] == ["welcome"]
        return
    assert (first["type"], set(first["metrics"]), more) == ("metrics", metrics, [])
    group = machine.hub.groups[session.group_ids[0]]
    assert group.key.interval_ms == max(1000, grant.interval_min_ms)


@settings(deadline=None)
@given(st.booleans(), st.lists(st.one_of(commands.map(json.dumps), st.text()), max_size=20))
def test_whatever_a_stranger_says_nothing_of_the_machine_comes(plain: bool, texts: list[str]) -> None:
    machine = Machine(limits=Limits(messages_per_second=1000))
    machine.tick(1.0)
    session = stranger(machine, plain=plain)
    session.open(plain=plain)
    for text in texts:
        [error] = decode(session.receive(text))
        assert (error["type"], error["code"]) in {("error", 101), ("error", 107)}
        assert "system" not in error["message"] or "system" in text
        assert machine.hub.groups == {}


SELECTIONS = st.builds(
    Selection.of,
    st.lists(st.sampled_from([">", "system.*", "system.>", "system.load", "system.disk.io", "hw.fan.*"]), max_size=2),
    st.sampled_from([{}, {"system.device": ["sda"]}, {"system.device": ["sda", "sdb"]}]),
).filter(lambda selection: selection.patterns)
GRANTS = st.builds(
    Grant,
    st.sampled_from([Scope.STREAM, Scope.EMBED]),
    st.just("some"),
    st.lists(SELECTIONS, max_size=3).map(tuple),
    interval_min_ms=st.sampled_from([0, 2000]),
)


@settings(deadline=None)
@given(GRANTS, GRANTS, st.booleans(), st.lists(st.one_of(commands, st.sampled_from(["tick", "renew"])), max_size=30))
@example(Grant(Scope.STREAM, "some"), Grant(Scope.STREAM, "some"), True, [{"type": "bye"}])
def test_whatever_is_asked_nothing_outside_the_grant_comes(
    first: Grant, second: Grant, plain: bool, plan: list[Any]
) -> None:
    machine = Machine(limits=Limits(messages_per_second=1000))
    machine.tick(1.0, disks=("sda", "sdb"))
    session = machine.session(caller=Caller(first), plain=plain, verify=lambda _token, _caller: second)
    grant, seen = first, decode(session.open(plain=plain))
    for step in plan:
        seen = [] if step == "tick" else seen
        if step == "tick":
            emitted = machine.tick(2.0, disks=("sda", "sdb", "sdc"))
            seen = [one for id_ in session.group_ids for one in decode(emitted.get(id_, []))]
        elif step == "renew":
            grant, seen = second, ask(session, type="hello", token="t")
        else:
            answers = session.receive(text := json.dumps(step))
            echoed = [one for one in answers if one.payload == f"Message text was: {text}".encode()]  # no command
            seen = decode([] if echoed else answers)
        for message in seen:
            series = message["series"] if message["type"] in ("snapshot", "series", "catalogue") else []
            assert all(grant.allows(series_of(one["name"], one["attributes"])) for one in series), (grant, message)
            for key in message.get("metrics", ()):
                assert grant.allows_name(key.partition("{")[0]), (grant, message)
            if message["type"] == "rows":
                assert grant.allows_table("processes")
        for id_ in session.group_ids:
            group = machine.hub.groups[id_]
            assert group.key.interval_ms >= grant.interval_min_ms
            if hasattr(group, "series"):
                assert all(grant.allows(one) for one in group.series)


def series_of(name: str, attributes: dict[str, str]) -> Series:
    return Series(Descriptor(name, "1", Kind.GAUGE, "", tuple(attributes)), tuple(attributes.values()))


# --- faults of other days --------------------------------------------------------------------------------------------


def test_a_command_nested_deeper_than_can_be_shown_is_refused(machine: Machine) -> None:
    deep = '{"type":' + "[" * 990 + "]" * 990 + "}"
    assert error_of(decode(machine.session().receive(deep)))[0] == 104


def test_a_fault_of_the_server_costs_one_answer_and_not_the_socket(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    session = machine.session()
    machine.timeline.ring.newest = None
    assert error_of(ask(session, type="subscribe", stream="a", metrics=["system.load"])) == (
        100,
        "a fault of the server, which has logged it",
    )
    assert "a message was not answered" in caplog.text
    assert ask(session, type="ping")[0]["type"] == "pong"


def test_the_default_stream_is_there_whatever_the_limits() -> None:
    machine = Machine(limits=Limits(series=1, groups=1))
    machine.tick(1.0)
    subscribe(machine.session())
    assert decode(machine.session(plain=True).open())[0]["type"] == "metrics"


@pytest.fixture(scope="module")
def long_machine() -> Machine:
    """A thousand ticks of a hundred series: sessions alone may be opened."""
    machine = Machine()
    for _ in range(1000):
        machine.tick(1.0, [f"sd{number}" for number in range(99)])
    return machine


def test_large_snapshots_count_as_many_messages(long_machine: Machine) -> None:
    session = long_machine.session()
    answers = [subscribe(session, stream=str(number), metrics=["system.>"], backfill=900)[0] for number in range(20)]
    kinds = [answer["type"] for answer in answers]
    assert kinds[0] == "ack"
    assert kinds[-1] == "error"
    assert 5 <= kinds.count("ack") <= 15


def test_what_is_read_for_a_long_interval_counts_and_not_what_comes_of_it(long_machine: Machine) -> None:
    session = long_machine.session()
    kinds = []
    for number in range(20):
        ack, *_ = subscribe(
            session, stream=str(number), metrics=["system.>"], backfill=900, interval=300, aggregate=["max"]
        )
        kinds.append(ack["type"])
    assert kinds[-1] == "error"
    assert 5 <= kinds.count("ack") <= 15


def test_only_the_newest_tick_of_an_interval_is_read_where_no_other_counts(long_machine: Machine) -> None:
    session = long_machine.session()
    long = {"metrics": ["system.>"], "backfill": 900, "interval": 300}
    assert {subscribe(session, stream=str(number), **long)[0]["type"] for number in range(20)} == {"ack"}


def test_more_is_not_read_than_a_few_times_what_a_snapshot_may_hold() -> None:
    machine = Machine(limits=Limits(snapshot_values=1000))
    for _ in range(100):
        machine.tick(1.0, [f"sd{number}" for number in range(99)])
    session = machine.session()
    wide = {"metrics": ["system.>"], "interval": 30, "backfill": 900}
    assert subscribe(session, **wide)[0]["type"] == "ack"
    code, message = error_of(subscribe(session, **wide, stream="t", aggregate=["avg"]))
    assert (code, "a snapshot reads 4000 at most" in message) == (ErrorCode.LIMIT, True)
    assert len(machine.hub.groups) == 1


def test_of_a_message_that_is_too_long_and_too_many_not_even_the_id_is_looked_for() -> None:
    machine = Machine(limits=Limits(messages_per_second=1, message_bytes=1024))
    machine.tick(1.0)
    session = machine.session()
    assert ask(session, type="ping", id=1)[0]["type"] == "pong"
    [error] = ask(session, type="ping", id=2, filler="x" * 1024)
    assert (error["code"], "id" in error) == (ErrorCode.RATE_LIMITED, False)


def test_series_that_are_listed_count(machine: Machine) -> None:
    machine.tick(1.0, [f"sd{number}" for number in range(5000)])
    session = machine.session()
    kinds = [ask(session, type="list")[0]["type"] for _ in range(10)]
    assert kinds == ["catalogue"] * 5 + ["error"] * 5


def test_subscriptions_have_a_bound_of_memory_together(machine: Machine) -> None:
    machine = Machine(limits=Limits(groups_mib=1, series=100_000, streams=10_000, messages_per_second=10_000))
    machine.tick(1.0, [f"sd{number}" for number in range(5000)])
    session = machine.session()
    wide = {"metrics": ["system.>"], "aggregate": ["avg"]}
    answers = [subscribe(session, stream=str(number), interval=number + 1, **wide)[0] for number in range(10)]
    taken = sum(answer["type"] == "ack" for answer in answers)
    assert 1 <= taken < 10
    assert answers[-1]["code"] == ErrorCode.LIMIT
    assert answers[-1]["temporary"]
    assert subscribe(machine.session(), interval=1, **wide)[0]["type"] == "ack", "which is there already"
    ask(session, type="unsubscribe", stream="0")
    held = machine.hub.held_bytes
    ask(session, type="update", stream="1", paused=True)
    assert 0 < machine.hub.held_bytes < held
    assert subscribe(session, stream="new", interval=99, **wide)[0]["type"] == "ack"


def test_what_a_paused_stream_asked_for_counts(machine: Machine) -> None:
    session = machine.session()
    where = {f"key {key}": [f"{key} {value}" for value in range(64)] for key in range(64)}
    subscribe(session, where=where)
    ask(session, type="update", stream="s", paused=True)
    assert machine.hub.groups == {}
    assert machine.hub.held_bytes > 64 * 64 * 4
    ask(session, type="unsubscribe", stream="s")
    assert machine.hub.held_bytes == 0


def test_where_there_is_no_room_large_answers_are_put_off(machine: Machine) -> None:
    asked: list[int] = []
    session = machine.session(room=lambda nbytes: bool(asked.append(nbytes)))
    for answer in (subscribe(session, backfill=900), ask(session, type="list")):
        [error] = answer
        assert (error["code"], error["temporary"]) == (ErrorCode.LIMIT, True)
    assert min(asked) > 0
    assert (session.streams, machine.hub.groups) == ({}, {})


def test_an_update_with_a_position_brings_what_is_missed_even_if_nothing_else_changes(machine: Machine) -> None:
    session = machine.session()
    subscribe(session)
    ack, snapshot = ask(session, type="update", stream="s", interval=1, since={"epoch": "epoch-1", "offset": 1})
    assert ack["recovered"] is True
    assert snapshot["values"] == [[2.0, 3.0]]
    assert sum(group.streams for group in machine.hub.groups.values()) == 1


def test_ticks_missed_in_the_interval_under_way_are_said_to_a_newcomer() -> None:
    machine = Machine()
    machine.time_ms = 0
    for _ in range(12):
        machine.tick(1.0)
    machine.tick(1.0, skip=3)
    ack, snapshot, gap = subscribe(machine.session(), interval=10, since={"epoch": "epoch-1", "offset": 10})
    assert (ack["recovered"], snapshot["times"]) == (True, [])
    assert (gap["from"], gap["to"], gap["why"]) == (13, 15, "sampler")


def test_a_plain_socket_is_not_sent_gaps(machine: Machine) -> None:
    session = machine.session(plain=True)
    [messages] = machine.tick(1.0, skip=2).values()
    assert [message["type"] for message in decode(messages)] == ["metrics"]
    session.close()
