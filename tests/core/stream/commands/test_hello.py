"""Who comes in, as what, and what becomes of that."""

from __future__ import annotations

from typing import Any

import pytest
from tests.core.machine import Machine, ask, decode
from tests.core.stream.talk import (
    ALL,
    DISKS,
    LOAD_ONLY,
    PROGRAM,
    SDA,
    error_of,
    granted,
    stranger,
    subscribe,
    verify,
)

from vitalcast.core.metrics.names import Selection
from vitalcast.core.metrics.resource import Resource, Source
from vitalcast.core.stream.grants import Caller, Grant
from vitalcast.core.vocabulary import CloseCode, Scope

pytestmark = pytest.mark.usefixtures("each_bus")


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


def test_what_the_machine_is_is_for_those_who_may_see_names() -> None:
    resource = Resource("machine-1", "web-1", attributes=(("os.type", "linux"),))
    machine = Machine(source=Source(resource, "epoch-1"))
    said = [decode(granted(machine, grant).open())[0].get("resource") for grant in (ALL, DISKS, LOAD_ONLY, SDA)]
    assert said == [{"os.type": "linux"}, {"os.type": "linux"}, None, None]


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
