"""/asyncapi.json: valid by AsyncAPI's own parser, and true of the server."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.machine import Machine
from tests.npm import file_of
from tests.schemas import check_event, check_message, is_command
from tests.web.conftest import make_world

from vitalcast.core.wire.commands import MODELS
from vitalcast.core.wire.examples import EXAMPLES, SSE_EXAMPLES
from vitalcast.core.wire.parsing import parse_command
from vitalcast.core.wire.records import PLAIN_RECORDS, RECORDS
from vitalcast.core.wire.schemas import schemas_of
from vitalcast.core.wire.sse_records import SSE_RECORDS
from vitalcast.errors import ProtocolError

PARSER = "@asyncapi/parser@3.6.6"
PARSER_SHA256 = "46352c768e39d323525350d3154fb40f5107d21634453bf6dc6631708fcfee33"
PARSED_WITHIN_S = 120.0  # only so that a failure ends
OTHERS: list[Any] = [None, True, 0, -1, 1.5, "", "x", [], ["x"], {}, {"x": ["y"]}, {"epoch": "e", "offset": 1}]
ACCEPTED = {"asyncapi-latest-version"}  # 3.0 is what most tools read


@pytest.fixture(scope="module")
def document() -> Any:
    machine = Machine()
    machine.tick()
    return make_world(machine, root_path="/vitalcast").get("/vitalcast/asyncapi.json")


@pytest.fixture(scope="module")
def parsed(document: Any) -> Any:
    """What AsyncAPI's own parser says of the document."""
    parser = file_of(PARSER, sha256=PARSER_SHA256, path="browser/index.js")
    done = subprocess.run(
        ["node", Path(__file__).with_name("parse_asyncapi.cjs"), parser],
        input=json.dumps(document),
        capture_output=True,
        text=True,
        timeout=PARSED_WITHIN_S,
        check=True,
    )
    return json.loads(done.stdout)


def test_asyncapis_own_parser_finds_nothing_wrong(parsed: Any) -> None:
    assert [one for one in parsed["said"] if one["code"] not in ACCEPTED] == []
    operations = {id_: (action, messages) for id_, action, messages in parsed["operations"]}
    assert operations["binary.subscribe"] == ("receive", 1)
    assert operations["json.tell"] == ("send", 11)


def test_the_document_names_the_server_that_was_asked(document: Any) -> None:
    for name, protocol in (("socket", "ws"), ("http", "http")):
        server = document["servers"][name]
        assert (server["protocol"], server["host"], server["pathname"]) == (protocol, "127.0.0.1", "/vitalcast")


def test_every_message_is_described_in_each_channel(document: Any) -> None:
    messages = set(document["components"]["messages"])
    assert messages >= {*MODELS, *RECORDS, *PLAIN_RECORDS}
    channels = document["channels"]
    assert set(channels["json"]["messages"]) == {*MODELS, *RECORDS}
    assert set(channels["binary"]["messages"]) == {*MODELS, *RECORDS, "binaryData"} - {"data"}
    assert set(channels["plain"]["messages"]) >= set(PLAIN_RECORDS)
    assert set(channels["events"]["messages"]) >= {f"{kind}Event" for kind in SSE_RECORDS}


def test_every_field_says_what_it_is(document: Any) -> None:
    for name, schema in document["components"]["schemas"].items():
        assert schema["description"], name
        for field, one in schema["properties"].items():
            assert field == "type" or one["description"], (name, field)


def test_clients_are_not_told_that_nothing_more_may_come(document: Any) -> None:
    schemas = document["components"]["schemas"]
    closed = {name for name, one in schemas.items() if one.get("additionalProperties") is False}
    assert closed == set(schemas_of(MODELS.values())), "what clients send, and its parts"


def test_every_message_has_an_example_that_is_one() -> None:
    assert set(EXAMPLES) == {*MODELS, *RECORDS, *PLAIN_RECORDS}
    for name, examples in EXAMPLES.items():
        for one in examples:
            assert one["type"] == name
            if name in MODELS:
                parse_command(one)
                assert is_command(one), one
            else:
                check_message(one)
    assert set(SSE_EXAMPLES) == set(SSE_RECORDS)
    for kind, examples in SSE_EXAMPLES.items():
        for one in examples:
            check_event(kind, one)


@pytest.mark.parametrize(
    "wrong",
    [
        {"type": "pong", "id": 1, "time": 1, "mood": "good"},
        {"type": "pong", "id": 1},
        {"type": "pong", "id": 1, "time": "noon"},
        {"type": "data", "group": 1, "offset": 1, "time": 1, "values": [], "changed": {}},
        {"type": "data", "group": 1, "offset": 1, "time": 1, "changed": {"first": 1}},
        {"type": "weather"},
        {"type": "ping"},
    ],
    ids=json.dumps,
)
def test_the_suite_takes_no_message_of_the_server_that_is_not_described(wrong: Any) -> None:
    with pytest.raises(AssertionError):
        check_message(wrong)


# --- what the schemas of commands allow is what the server takes ---------------------------------------------------


def near(schema: Any, schemas: Any) -> st.SearchStrategy[Any]:
    """Return values in and around the bounds of a schema, and others."""
    values = st.sampled_from(
        [None, True, 0, -1, 1.5, "", "x", [], ["x"], {}, {"x": ["y"]}, {"epoch": "e", "offset": 1}]
    )
    return st.one_of(st.sampled_from([*edges(schema, schemas), None]), values)


def edges(schema: Any, schemas: Any) -> Iterator[Any]:
    """Yield values at the bounds of a schema, and just past them."""
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rpartition("/")[2]]
    for one in (*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())):
        yield from edges(one, schemas)
    yield from schema.get("enum", ())
    for name in ("minimum", "maximum"):
        if name in schema:
            yield from (schema[name], schema[name] - 1, schema[name] + 1)
    for name in ("minLength", "maxLength"):
        if name in schema:
            yield from ("x" * max(0, schema[name] + more) for more in (-1, 0, 1))
    if "items" in schema:
        inner = [*edges(schema["items"], schemas), "x"][:8]
        yield from ([one] for one in inner)
        if schema.get("maxItems", 1000) < 1000:
            yield from (["x"] * schema["maxItems"], ["x"] * (schema["maxItems"] + 1))


@given(st.data())
def test_the_schema_of_a_command_says_what_the_server_takes(document: Any, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(MODELS)))
    schemas = document["components"]["schemas"]
    schema = schemas[MODELS[name].__name__]
    properties = {key: one for key, one in schema["properties"].items() if key != "type"}
    command = data.draw(st.sampled_from([dict(one) for one in EXAMPLES[name]]))
    for key in data.draw(st.lists(st.sampled_from([*sorted(properties), "unknown"]), max_size=2, unique=True)):
        command[key] = data.draw(near(properties.get(key, {}), schemas))
    try:
        parse_command(command)
        taken = True
    except ProtocolError:
        taken = False
    assert taken == is_command(command), command
