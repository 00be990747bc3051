"""Texts that are no commands and commands with wrong fields, while a witness on another socket must not notice."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from tests.e2e.client import client, plain_client, witness
from tests.e2e.hostile import CPU, works
from tests.e2e.server import Server

# --- texts that are no commands ----------------------------------------------------------------------------------

NOT_JSON = [
    "",
    " ",
    "\x00",
    "\ufeff{}",
    "{",
    "}",
    '{"type":"ping"}}',
    '{"type":"ping"} {"type":"ping"}',
    "{'type':'ping'}",
    '{"type":"ping",}',
    '{"type":"ping","id":NaN}',
    '{"type":"ping","id":Infinity}',
    '{"type":"ping","id":-}',
    '{"type":"ping","id":0x10}',
    '{"type":"ping","id":01}',
    '{"type":"ping","id":"\\ud800"}',
    '{"type":"ping","id":"\\udc00\\ud800"}',
    '{"type":"ping","id":"\\u12"}',
    '{"type":"ping","id":"a\nb"}',
    '// a comment\n{"type":"ping"}',
    "[" * 60_000,
    '{"a":' * 10_000,
    "[" * 30_000 + "]" * 30_000,
    '{"type":"ping","id":' + "[" * 2_000 + "]" * 2_000 + "}",
    '"' + "x" * 60_000 + '"',
    "9" * 60_000,
    '{"type":"subscribe","stream":"x","metrics":' + "[" * 20_000,
]
NO_COMMAND = [
    ('{"type":"nothing"}', 104),
    ('{"type":"Ping"}', 104),
    ('{"type":" ping"}', 104),
    ('{"type":""}', 104),
    ('{"type":null}', 104),
    ('{"type":1}', 104),
    ('{"type":["ping"]}', 104),
    ('{"type":{"ping":1}}', 104),
    ('{"Type":"ping"}', 104),
    ("{}", 104),
    ('{"type":"data","group":1,"offset":1,"time":1,"values":[]}', 104),
    ('{"type":"ping","type":"nothing"}', 104),
    ('{"type":"' + "x" * 60_000 + '"}', 104),
    ('{"type":"subscribe","stream":"x","metrics":["system.>"],"stream":5}', 107),
    ('{"type":"ping","id":1e400}', 107),
    ('{"type":"ping","id":' + "9" * 400 + "}", 107),
    ('{"type":"ping","id":1.5}', 107),
    ('{"type":"ping","id":true}', 107),
    ('{"type":"ping","id":"' + "x" * 65 + '"}', 107),
    ('{"type":"ping","id":[1]}', 107),
    ('{"type":"ping","id":{"id":{}}}', 107),
]


async def test_texts_that_are_no_commands_are_answered_with_an_error(generous_server: Server) -> None:
    async with witness(generous_server), client(generous_server) as one:
        for text, code in [*((text, 107) for text in NOT_JSON), *NO_COMMAND]:
            await one.send_text(text)
            answer = await one.receive()
            assert (answer["type"], answer["code"]) == ("error", code), text[:80]
            assert len(answer["message"]) < 1000
        await works(one)


async def test_plain_sockets_echo_them_all(generous_server: Server) -> None:
    async with witness(generous_server), plain_client(generous_server) as one:
        for text in NOT_JSON:
            await one.send_text(text)
            while not (answer := await one.receive_text()).startswith("Message text was: "):
                pass
            assert answer == f"Message text was: {text}"


@pytest.mark.parametrize(
    "id_", [0, -1, 2**53, 2**63 - 1, -(2**63), 2**64 - 1, "", "x" * 64, "ü" * 64, '\u0000\u001f"\\'], ids=repr
)
async def test_every_proper_id_comes_back(generous_server: Server, id_: int | str) -> None:
    async with client(generous_server) as one:
        await one.send("ping", id=id_)
        assert (await one.receive())["id"] == id_
        await one.send("nothing", id=id_)
        error = await one.receive()
        assert error.get("id", id_) == id_


# --- commands with wrong fields ----------------------------------------------------------------------------------

VALID: dict[str, dict[str, Any]] = {
    "hello": {"token": None},
    "subscribe": {
        "stream": "s",
        "metrics": [CPU],
        "where": {"cpu.mode": ["user"]},
        "interval": 1.0,
        "aggregate": ["avg"],
        "backfill": 1,
        "since": {"epoch": "e", "offset": 1},
    },
    "update": {"stream": "s", "interval": 1.0, "paused": False, "backfill": 1, "since": {"epoch": "e", "offset": 1}},
    "unsubscribe": {"stream": "s"},
    "list": {"metrics": [">"]},
    "table": {
        "stream": "s",
        "table": "processes",
        "sort": "cpu",
        "order": "ascending",
        "filter": "x",
        "keys": [1],
        "limit": 3,
        "interval": 1.0,
    },
    "ping": {},
}
STRANGE: list[Any] = [
    True,
    -1,
    -0.5,
    10**30,
    1e308,
    "",
    "x" * 5_000,
    "\u0000",
    [],
    [[]],
    [None],
    [1],
    [""],
    ["x"] * 1_000,
    {},
    {"": []},
    {"x": 1},
    {"x": ["y"] * 1_000},
    {"x": {"x": {"x": []}}},
]
FINE = {  # what is strange elsewhere and right here
    ("hello", "token"): ["\u0000"],  # which is a wrong token, and ends the socket
    ("subscribe", "stream"): ["\u0000"],
    ("table", "stream"): ["\u0000"],
    ("table", "filter"): ["", "\u0000"],
    ("table", "keys"): [[1]],
    ("subscribe", "where"): [{}, {"x": ["y"]}],
    ("update", "paused"): [True],
}


async def test_wrong_fields_are_refused_one_by_one(generous_server: Server) -> None:
    async with witness(generous_server), client(generous_server) as one:
        sent = 0
        for type_, fields in VALID.items():
            for (field, _), strange in product([*fields.items(), ("unknown", None)], STRANGE):
                if strange in FINE.get((type_, field), []) and type(strange) is not int:
                    continue
                answer = await one.ask(type_, **(fields | {field: strange}))
                assert answer["type"] == "error", (type_, field, strange, answer)
                assert answer["code"] in (102, 106, 107), (type_, field, strange, answer)
                assert len(answer["message"]) < 1500
                sent += 1
            for field in fields:
                answer = await one.ask(type_, **{name: value for name, value in fields.items() if name != field})
                assert answer.get("code") != 100
                await one.ask("unsubscribe", stream="s")
        assert sent > 400
        assert await one.pong() is not None


@pytest.mark.parametrize(
    "metrics",
    [
        ["system..cpu"],
        [".system"],
        ["system."],
        ["system.cpü"],
        ["system.cpu utilization"],
        ["system.**"],
        ["system.*cpu"],
        [">.cpu"],
        ["system.>.cpu"],
        ["(a+)+$"],
        ["système.cpu"],
        ["\n"],
        ["a" * 257],
        [">"] * 65,
    ],
    ids=lambda metrics: repr(metrics[0][:20]),
)
async def test_malformed_patterns_are_refused(generous_server: Server, metrics: list[str]) -> None:
    async with client(generous_server) as one:
        await one.refused("subscribe", 107, stream="x", metrics=metrics)
        await one.refused("list", 107, metrics=metrics)


async def test_patterns_and_filters_of_the_largest_size_cost_nobody_anything(generous_server: Server) -> None:
    stars = [".".join("*" * count) for count in range(60, 124)]
    many = {f"attribute.{key}": [f"value {key} {value}" for value in range(40)] for key in range(60)}
    async with witness(generous_server) as watching, client(generous_server) as one:
        for number in range(20):
            await one.ask("subscribe", stream=f"s{number}", metrics=[*stars[:63], ">"], interval=0.1 + number / 10)
        for number in range(20):
            where = {**many, "number": [str(number)]}
            answer = await one.ask("subscribe", stream=f"w{number}", metrics=[">"], where=where, interval=0.1)
            assert answer["type"] == "ack", answer
        await watching.ticks(5)
