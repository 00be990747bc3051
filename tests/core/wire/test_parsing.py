"""Whatever a client sends is a command or an error that says what would be right."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitalcast.core.vocabulary import ErrorCode
from vitalcast.core.wire.commands import COMMAND_TYPES
from vitalcast.core.wire.messages import Message
from vitalcast.core.wire.parsing import command_id, load_object, parse_command
from vitalcast.errors import ProtocolError

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
fields = ["id", "stream", "metrics", "where", "interval", "aggregate", "backfill", "since", "paused"]
fields += ["table", "sort", "order", "filter", "keys", "limit"]


@given(st.text() | st.binary())
def test_any_text_loads_or_is_none(text: str | bytes) -> None:
    value = load_object(text)
    assert value is None or isinstance(value, dict)


@given(st.sampled_from(COMMAND_TYPES), st.dictionaries(st.sampled_from(fields), json_values))
def test_any_fields_parse_or_are_refused_by_name(kind: str, given_fields: dict[str, object]) -> None:
    try:
        parse_command(given_fields | {"type": kind})
    except ProtocolError as error:
        assert error.code == ErrorCode.BAD_REQUEST
        assert error.message
        assert "pydantic" not in error.message
        assert len(error.message) < 2000


@given(json_values)
def test_the_id_of_an_answer_can_always_be_encoded(value: object) -> None:
    found = command_id({"id": value})
    Message.of({"id": found})


@pytest.mark.parametrize("text", ["", "hello", "[1]", "1", "null", '{"type":"ping"', "[" * 5000, "\ud800", b"\xff"])
def test_what_is_not_a_json_object_is_none(text: str | bytes) -> None:
    assert load_object(text) is None


SUBSCRIBE = {"type": "subscribe", "id": 1, "stream": "s", "metrics": ["system.>"]}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"interval": 0.01}, "interval: should be greater than or equal to 0.1, got 0.01"),
        ({"interval": "1"}, "interval: should be a valid number, got '1'"),
        ({"interval": float("nan")}, "interval: should be a finite number"),
        ({"metrics": []}, "metrics: list should have at least 1 item, got []"),
        ({"metrics": "system.>"}, "metrics: should be a valid list, got 'system.>'"),
        ({"metrics": [1]}, "metrics.0: should be a valid string, got 1"),
        ({"stream": ""}, "stream: "),
        ({"stream": None}, "stream: should be a valid string, got None"),
        ({"aggregate": ["median"]}, "'delta' or 'rate', got 'median'"),
        ({"intervall": 1}, "intervall: is not a field of this command"),
        ({"since": {"epoch": "e"}}, "since.offset: is missing"),
        ({"since": {"epoch": "e", "offset": -1}}, "since.offset: should be greater than or equal to 0, got -1"),
        ({"id": True}, "id: "),
        ({"where": ["user"]}, "where: should be a valid object, got ['user']"),
        ({"ratio_to": "system.>"}, "ratio_to: should be a valid object, got 'system.>'"),
        ({"ratio_to": {"metrics": []}}, "ratio_to.metrics: list should have at least 1 item, got []"),
        ({"where": {"cpu.mode": "user"}}, "where.cpu.mode: should be a valid list, got 'user'"),
    ],
)
def test_an_error_names_the_field_and_what_would_be_right(change: dict[str, object], says: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        parse_command(SUBSCRIBE | change)
    assert says in caught.value.message
    assert caught.value.code == ErrorCode.BAD_REQUEST


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"order": "down"}, "order: should be 'ascending' or 'descending', got 'down'"),
        ({"filter": "x" * 101}, "filter: string should have at most 100 characters"),
        ({"filter": ["web"]}, "filter: should be a valid string, got ['web']"),
        ({"keys": []}, "keys: list should have at least 1 item"),
        ({"keys": [1.5]}, "keys.0: should be a valid integer, got 1.5"),
        ({"keys": [True]}, "keys.0: should be a valid integer, got True"),
        ({"keys": ["a", ""]}, "keys.1: string should have at least 1 character, got ''"),
        ({"keys": ["x" * 300]}, "keys.0: string should have at most 256 characters"),
        ({"keys": [-1]}, "keys.0: should be greater than or equal to 0, got -1"),
    ],
)
def test_a_table_that_cannot_be_is_refused_by_field(change: dict[str, object], says: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        parse_command({"type": "table", "stream": "t", "table": "processes"} | change)
    assert says in caught.value.message


MANY = 60_000


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"metrics": ["a"] * MANY}, "metrics: has 64 items at most, got 60000"),
        ({"metrics": [1, 2, 3]}, "metrics.0: should be a valid string, got 1"),
        ({"where": dict.fromkeys(map(str, range(MANY)), 1)}, "where: has 64 items at most, got 60000"),
        ({"where": {"cpu.mode": [1] * MANY}}, "where.cpu.mode: has 64 items at most, got 60000"),
        ({"where": {"cpu.mode": ["x" * 4097]}}, "where.cpu.mode.0: string should have at most 4096 characters"),
        ({"where": {"x" * MANY: [""]}}, "where." + "x" * 57 + "...."),
        ({"aggregate": ["x"] * MANY}, "aggregate: has 64 items at most"),
        ({"since": dict.fromkeys(map(str, range(MANY)), 1)}, "since: has 64 items at most"),
        ({"stream": [1] * MANY}, "stream: has 64 items at most"),
        ({"id": [1] * MANY}, "id: has 64 items at most"),
        ({"x" * MANY: 1}, "x" * 57 + "...: is not a field of this command"),
        (dict.fromkeys(map(str, range(MANY)), 1), "a command has 16 fields at most, this one 60003"),
    ],
    ids=range(12),
)
def test_what_is_too_long_is_refused_before_its_items_are_looked_at(change: dict[str, object], says: str) -> None:
    with pytest.raises(ProtocolError) as error:
        parse_command({"type": "subscribe", "stream": "s", "metrics": ["a"]} | change)
    assert error.value.code == ErrorCode.BAD_REQUEST
    assert error.value.message.startswith(says)
    assert len(error.value.message) < 400


def test_keys_are_bounded_by_the_rows_of_a_table() -> None:
    table = {"type": "table", "stream": "s", "table": "processes"}
    parse_command(table | {"keys": list(range(500))})
    with pytest.raises(ProtocolError, match="keys: at most 500") as error:
        parse_command(table | {"keys": list(range(501))})
    assert error.value.code == ErrorCode.LIMIT
    with pytest.raises(ProtocolError, match="keys: at most 500"):
        parse_command(table | {"keys": list(map(str, range(501)))})
    for many in (500, MANY):
        with pytest.raises(ProtocolError) as error:
            parse_command(table | {"keys": [1.5] * many})
        assert (error.value.code, error.value.message) == (
            ErrorCode.BAD_REQUEST,
            "keys.0: should be a valid integer, got 1.5",
        )


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ([1] * MANY, "[" + "1, " * 18 + "1,..."),
        ({"a": [1, {"b": None}]}, "{'a': [1, {'b': None}]}"),
        ("x" * MANY, "'" + "x" * 56 + "..."),
        (orjson.loads("[" * 1000 + "]" * 1000), "[" * 57 + "..."),
    ],
    ids=["long", "whole", "text", "deep"],
)
def test_of_a_large_value_an_error_shows_the_beginning(value: object, shown: str) -> None:
    with pytest.raises(ProtocolError) as error:
        parse_command({"type": value})
    assert error.value.message.startswith(f"type: {shown} is not one of")


def test_an_unknown_type_lists_the_known_ones() -> None:
    with pytest.raises(ProtocolError) as caught:
        parse_command({"type": "subscrib"})
    assert caught.value.code == ErrorCode.UNKNOWN_TYPE
    assert "'subscrib' is not one of hello, subscribe, update" in caught.value.message


def test_a_malformed_pattern_is_a_bad_request() -> None:
    command = parse_command(SUBSCRIBE | {"metrics": ["system.>.x"]})
    with pytest.raises(ProtocolError, match=r"metrics: 'system\.>\.x'"):
        command.selection()  # type: ignore[union-attr]
