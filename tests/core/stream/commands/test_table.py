"""A stream of rows."""

from __future__ import annotations

import pytest
from tests.core.machine import Machine, ask
from tests.core.stream.talk import (
    DISKS,
    LOAD_ONLY,
    error_of,
    granted,
)

from vitalcast.core.metrics.names import Selection
from vitalcast.core.stream.grants import Grant
from vitalcast.core.vocabulary import Scope

pytestmark = pytest.mark.usefixtures("each_bus")


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


def test_a_table_needs_a_pattern_of_its_own(machine: Machine) -> None:
    table = {"type": "table", "stream": "t"}
    assert ask(granted(machine, DISKS), **table, table="processes")[0]["type"] == "ack"
    for name in ("processes", "nothing"):
        code, message = error_of(ask(granted(machine, LOAD_ONLY), **table, table=name))
        assert (code, message) == (103, f"table: '{name}' is more than this token may see")
    some = Grant(Scope.STREAM, "some", (Selection.of(["table.other"]),))
    assert error_of(ask(granted(machine, some), **table, table="other"))[1].endswith("is not here; known: none")
