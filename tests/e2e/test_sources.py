"""Real servers with metrics that nobody knew before, and with a second source."""

from __future__ import annotations

import pytest
from tests.e2e.client import BINARY_PROTOCOL, PROTOCOL, Client, client
from tests.e2e.conftest import StartServer
from tests.e2e.machine import DISKS, METRICS, OTHER_EPOCH, OTHER_ID
from tests.e2e.server import Server

QUEUE, ERRORS = "Queue/mail:in.length", "job:errors-5m"


def write(server: Server, name: str, text: str) -> None:
    (server.folder / "new").write_text(text)
    (server.folder / "new").replace(server.folder / name)


async def told(one: Client, group: int, *names: str) -> None:
    """Wait for the message that says that the group has these series now, and for whole data of them."""
    found = await one.until(
        "series", lambda message: [line["name"] for line in message["series"]] == [*names], group=group
    )
    assert found["group"] == group
    data = await one.until("data", group=group)
    assert len(data["values"]) == len(names)


@pytest.mark.parametrize("protocol", [PROTOCOL, BINARY_PROTOCOL])
async def test_a_metric_comes_and_goes_under_the_name_that_it_has(start_server: StartServer, protocol: str) -> None:
    server = start_server(scripted=True, SAMPLER__INTERVAL_S="0.1")
    async with client(server, protocol) as one:
        ack, snapshot = await one.subscribe("all", ["Queue/mail:in.*", ERRORS])
        assert (ack["series"], snapshot["series"]) == (0, [])
        mine, _ = await one.subscribe("mine", ["Queue/mail:in.>"], where={"team": ["b"]})
        write(server, METRICS, f"{QUEUE} {{mail}} 7 a")
        await told(one, ack["group"], QUEUE)
        write(server, METRICS, f"{QUEUE} {{mail}} 8 a\n{ERRORS} 1 2 b")
        await told(one, ack["group"], QUEUE, ERRORS)
        write(server, METRICS, f"{QUEUE} {{mail}} 9 b")
        await told(one, mine["group"], QUEUE)
        listed = await one.ask("list", metrics=[QUEUE])
        [series] = listed["series"]
        assert (series["unit"], series["attributes"], series["labels"]) == ("{mail}", {}, {"team": "b"})
        write(server, METRICS, "")
        await told(one, mine["group"])
        refusal = await one.refused("subscribe", 102, stream="typo", metrics=["system.cpu.utilisation"])
        assert refusal["message"].endswith("did you mean system.cpu.utilization?")
    assert "Traceback" not in server.errors()


@pytest.mark.parametrize("bus", ["local", "serialising"])
async def test_two_sources_are_served_side_by_side(start_server: StartServer, bus: str) -> None:
    server = start_server(scripted=True, E2E_OTHER="db-1", E2E_BUS=bus, HOST__NAME="web-1")
    async with client(server) as one:
        [welcome] = one.heard
        assert welcome["host"] == "web-1"
        here, _ = await one.subscribe("here", ["test.>"])
        assert here["source"] == welcome["source"]
        await one.until("ack", id=await one.send("subscribe", stream="there", metrics=["test.>"], host="db-1"))
        there = one.heard[-1]
        assert (there["source"], there["epoch"], there["series"], there["interval"]) == (OTHER_ID, OTHER_EPOCH, 1, 0.5)
        write(server, DISKS, "sda")
        data = await one.until("data", lambda message: message.get("values", [0])[0] == 3.0, group=there["group"])
        assert data["offset"] >= 1000
        assert data["time"] == (data["offset"] - 1000) * 500
        while not any(message["type"] == "series" and message["group"] == here["group"] for message in one.heard):
            await one.receive()
        by_id = await one.ask("list", host=OTHER_ID)
        assert [series["name"] for series in by_id["series"]] == ["test.length"]
        refusal = await one.refused("subscribe", 107, stream="x", metrics=[">"], host="db-2")
        assert refusal["message"] == "host: 'db-2' is not here; did you mean db-1?"
        offset = data["offset"]
        counted, shown = await one.subscribe("count", ["vitalcast.source.count"])
        if shown["values"] != [[2.0]]:
            await one.until("data", lambda message: message.get("values") == [2.0], group=counted["group"])
    async with client(server) as again:
        since = {"source": OTHER_ID, "epoch": OTHER_EPOCH, "offset": offset - 1}
        ack = await again.ask("subscribe", stream="there", metrics=["test.>"], host=OTHER_ID, since=since)
        snapshot = await again.until("snapshot", group=ack["group"])
        assert ack["recovered"] is True
        assert snapshot["times"][0] == (offset - 1000) * 500
        wrong = await again.ask("subscribe", stream="here", metrics=["test.>"], since=since)
        assert wrong["recovered"] is False
    assert "Traceback" not in server.errors()
    assert server.stop() == 0
