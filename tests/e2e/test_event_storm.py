"""A thousand marks at once: what is too many is refused in words, the rest is told once, and no tick is late for it."""

from __future__ import annotations

import asyncio
import http.client
import json
from collections import Counter
from urllib.request import urlopen

from tests.e2e.client import TIMEOUT_S, client, witness
from tests.e2e.conftest import StartServer
from tests.e2e.server import Server

from vitalcast.core.events.event import EventKind
from vitalcast.live.event_log import RATES

MARKS, SENDERS = 1000, 4
AT_ONCE = RATES[EventKind.MARK].at_once


def send(server: Server, sender: int) -> Counter[int]:
    """Make marks as fast as one connection can; count the answers by status."""
    answers = Counter[int]()
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=TIMEOUT_S)
    try:
        for number in range(MARKS // SENDERS):
            body = json.dumps({"title": f"storm {sender} {number}"})
            connection.request("POST", "/api/v1/events", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            said = json.load(answer)
            assert answer.status < 300 or said["error"]["message"] == "marks come too fast; try again in a minute"
            answers[answer.status] += 1
    finally:
        connection.close()
    return answers


async def test_a_storm_of_marks_is_bounded_and_told_whole(start_server: StartServer) -> None:
    server = await asyncio.to_thread(start_server, SAMPLER__INTERVAL_S="0.1")
    async with witness(server) as undisturbed, client(server) as one:
        await one.ask("events", stream="e", kinds=["mark"])
        answers = await asyncio.gather(*(asyncio.to_thread(send, server, sender) for sender in range(SENDERS)))
        together = sum(answers, Counter[int]())
        await one.ask("events", stream="after", kinds=["clock"])  # all that was due has come before its answer
        told = [message["id"] for message in one.heard if message["type"] == "event"]
        await undisturbed.ticks(5)
    assert together.keys() == {201, 429}
    assert together.total() == MARKS
    assert AT_ONCE <= together[201] < MARKS // 2
    assert len(set(told)) == len(told) == together[201]
    assert told == sorted(told)
    with urlopen(f"{server.url}/api/v1/events?limit=1000&kind=mark", timeout=TIMEOUT_S) as answer:
        kept = [event["id"] for event in json.load(answer)["events"]]
    assert kept == told
    assert server.errors() == ""
