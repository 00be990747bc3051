"""The contract on the wire: lists, tables and errors, on every server."""

from __future__ import annotations

from tests.e2e.client import Json, client
from tests.e2e.contract import CPU, names_of, said
from tests.e2e.raw import raw, text_frame
from tests.e2e.server import Server, on_every_server

# --- list and table ----------------------------------------------------------------------------------------------


@on_every_server
async def test_the_catalogue_describes_each_series(server: Server) -> None:
    async with client(server) as one:
        answer = await one.ask("list", metrics=["system.cpu.*", "system.memory.usage"])
        assert set(answer) == {"type", "id", "series"}
        assert answer["type"] == "catalogue"
        assert {CPU, "system.memory.usage"} <= names_of(answer["series"])
        for series in answer["series"]:
            assert set(series) == {"name", "unit", "kind", "description", "attributes"}
            assert series["kind"] in ("gauge", "counter", "updowncounter")
            assert series["description"]
            assert all(isinstance(value, str) for value in series["attributes"].values())
        keys = [(series["name"], tuple(series["attributes"].items())) for series in answer["series"]]
        assert len(set(keys)) == len(keys)
        everything = (await one.ask("list"))["series"]
        assert names_of(answer["series"]) < names_of(everything)
        _, snapshot = await one.subscribe("all", [">"])
        assert len(snapshot["series"]) == len(everything)


@on_every_server
async def test_a_table_comes_in_rows_each_interval(server: Server) -> None:
    async with client(server) as one:
        ack = await one.ask("table", stream="top", table="processes", sort="memory", limit=3, interval=1)
        assert (ack["type"], ack["stream"], ack["interval"]) == ("ack", "top", 1.0)
        described = [column["name"] for column in ack["columns"]]
        every = await one.ask("table", stream="all", table="processes", sort="pid", limit=500, interval=1)
        tables = [await one.until("rows", group=ack["group"]) for _ in range(2)]
        for rows in tables:
            assert {"type", "group", "offset", "time", "columns", "rows", "matches", "total"} == set(rows)
            assert rows["matches"] == rows["total"] > 3
            assert rows["columns"] == described
            assert len(rows["rows"]) == 3
            assert {len(row) for row in rows["rows"]} == {len(described)}
            memory = [row[described.index("memory")] for row in rows["rows"]]
            assert memory == sorted(memory, reverse=True)
        assert tables[0]["time"] // 1000 < tables[1]["time"] // 1000
        all_rows = next(one for one in one.heard if one["type"] == "rows" and one["group"] == every["group"])["rows"]
        assert server.pid in {row[described.index("pid")] for row in all_rows}
        same = await one.ask("table", stream="too", table="processes", sort="memory", limit=3, interval=1)
        assert same["group"] == ack["group"]
        newest = await one.receive()
        assert (newest["type"], newest["group"]) == ("rows", ack["group"]), "the newest at once"
        assert (await one.ask("unsubscribe", stream="too"))["type"] == "ack"
        assert (await one.ask("unsubscribe", stream="top"))["type"] == "ack"
        one.heard.clear()
        await one.until("rows", group=every["group"])
        assert {message["group"] for message in said(one)} == {every["group"]}
        await one.refused("table", 106, stream="fast", table="processes", interval=0.5)


@on_every_server
async def test_a_table_can_be_turned_around_and_narrowed(server: Server) -> None:
    async with client(server) as one:
        table = {"table": "processes", "interval": 1}

        async def rows_of(**command: object) -> Json:
            ack = await one.ask("table", stream=str(command), **table, **command)
            return await one.until("rows", group=ack["group"])

        oldest_first = await rows_of(sort="pid", order="ascending", limit=5)
        pids = [row[0] for row in oldest_first["rows"]]
        assert pids == sorted(pids)
        found = await rows_of(filter=str(server.pid), limit=1)
        assert found["rows"][0][0] == server.pid or found["matches"] > 1
        nobody = await rows_of(filter="no process is called so")
        assert (nobody["rows"], nobody["matches"]) == ([], 0)
        assert nobody["total"] >= oldest_first["total"] - 50
        ours = await rows_of(keys=[server.pid, 2**53])
        assert [row[0] for row in ours["rows"]] == [server.pid]
        await one.refused("table", 107, stream="x", table="processes", order="down")
        await one.refused("table", 107, stream="x", table="processes", filter="x" * 101)
        await one.refused("table", 106, stream="x", table="processes", keys=[*range(501)])


@on_every_server
async def test_a_table_can_be_paused_and_resumed(server: Server) -> None:
    async with client(server) as one:
        ack = await one.ask("table", stream="top", table="processes", limit=2, interval=1)
        await one.until("rows", group=ack["group"])
        assert (await one.ask("update", stream="top", paused=True))["type"] == "ack"
        series, _ = await one.subscribe("cpu", [CPU], interval=1.0)
        one.heard.clear()
        await one.data(series["group"], 2)
        assert {message["type"] for message in said(one)} == {"data"}
        resumed = await one.ask("update", stream="top", paused=False, interval=1.5)
        assert resumed["interval"] == 1.5
        assert len((await one.until("rows", group=resumed["group"]))["rows"]) == 2


# --- errors ------------------------------------------------------------------------------------------------------


@on_every_server
async def test_a_wrong_message_is_answered_with_its_error_and_the_socket_lives_on(server: Server) -> None:
    async with client(server) as one:
        ack, _ = await one.subscribe("cpu", [CPU])
        await one.refused("subscribe", 102, stream="x", metrics=["system.no.such.metric"])
        await one.refused("list", 102, metrics=["system.no.such"])
        await one.refused("table", 102, stream="x", table="no such table")
        await one.refused("dance", 104)
        await one.refused("subscribe", 105, stream="cpu", metrics=[CPU])
        await one.refused("table", 105, stream="cpu", table="processes")
        await one.refused("table", 106, stream="x", table="processes", limit=501)
        await one.refused("subscribe", 107, stream="x")
        await one.refused("subscribe", 107, stream="x", metrics=[CPU], interval=0.05)
        await one.refused("subscribe", 107, stream="x", metrics=[CPU], interval=3601)
        await one.refused("subscribe", 107, stream="x", metrics=["a..b"])
        await one.refused("subscribe", 107, stream="x", metrics=["a.>.b"])
        await one.refused("subscribe", 107, stream="x", metrics=[CPU], aggregate=["median"])
        await one.refused("table", 107, stream="x", table="processes", sort="no such column")
        await one.refused("update", 107, stream="no such stream", interval=1)
        await one.refused("update", 107, stream="cpu")
        await one.refused("unsubscribe", 107, stream="no such stream")
        for text in ("not JSON", "[]", '"ping"', '{"type":"ping"', ""):
            await one.send_text(text)
            error = await one.until("error")
            assert (error["code"], "id" in error, error["temporary"]) == (107, False, False)
        await one.connection.send(b'{"type":"ping"}')
        assert (await one.until("error"))["code"] == 107
        await one.connection.send("x" * 65_537)
        assert (await one.until("error"))["code"] == 106
        await one.data(ack["group"], 2)


@on_every_server
async def test_an_error_names_the_field_that_is_wrong(server: Server) -> None:
    async with client(server) as one:
        for fields, named in (
            ({"stream": 5, "metrics": [CPU]}, "stream"),
            ({"stream": "x", "metrics": CPU}, "metrics"),
            ({"stream": "x", "metrics": [CPU], "where": {"cpu.mode": "user"}}, "where.cpu.mode"),
            ({"stream": "x", "metrics": [CPU], "since": {"epoch": "x"}}, "since.offset"),
            ({"stream": "x", "metrics": [CPU], "colour": "red"}, "colour"),
        ):
            error = await one.refused("subscribe", 107, **fields)
            assert named in error["message"]


@on_every_server
async def test_too_many_messages_are_refused_for_a_moment(server: Server) -> None:
    async with raw(server) as one:
        ack, _ = await one.subscribe("clock", [CPU])
        # At once, so that no server is so slow that there is time to forgive them.
        await one.send_bytes(b"".join(text_frame(f'{{"type":"ping","id":{number}}}') for number in range(80)))
        answers: dict[int, Json] = {}
        while len(answers) < 80:
            message = await one.receive()
            if "id" in message:
                answers[message["id"]] = message
        refused = [message for message in answers.values() if message["type"] == "error"]
        assert len(refused) >= 1
        assert {(message["code"], message["temporary"]) for message in refused} == {(111, True)}
        assert [answers[number]["type"] for number in range(49)] == ["pong"] * 49
        await one.data(ack["group"], 2)
        assert (await one.ask("ping"))["type"] == "pong"
