"""The past over HTTP of a server that was stopped and started again, under every server that runs the application."""

from __future__ import annotations

import csv
import io
import json
import time
import urllib.error
import urllib.request
from typing import Any

import pytest
from tests.e2e.client import TIMEOUT_S, Mirror, client
from tests.e2e.conftest import StartServer
from tests.e2e.server import Server, Variant

CPU = "system.cpu.utilization"
HISTORY = f"/api/v1/history?metrics={CPU}&where=cpu.mode=user&aggregate=last&step=0.1"


def get(server: Server, address: str, **headers: str) -> tuple[int, Any, bytes]:
    request = urllib.request.Request(f"{server.url}{address}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


async def watched(server: Server, ticks: int) -> dict[int, float]:
    """Follow the CPU for so many ticks; return what was seen, by time."""
    async with client(server) as one:
        ack, snapshot = await one.subscribe("cpu", [CPU], where={"cpu.mode": ["user"]})
        mirror = Mirror(ack["group"])
        mirror.feed(snapshot)
        while len(mirror.ticks) < ticks:
            mirror.feed(await one.receive())
    return {tick.time: tick.values[0] for tick in mirror.ticks if tick.values[0] is not None}


@pytest.mark.parametrize("variant", list(Variant), ids=str)
async def test_what_was_seen_before_a_restart_is_had_over_http_after_it(
    start_server: StartServer, variant: Variant
) -> None:
    server = start_server(variant, SAMPLER__INTERVAL_S="0.1", SAMPLER__BURST_ENABLED="false")
    begin_ms = time.time_ns() // 10**6 - 100
    seen = await watched(server, 20)
    end_ms = max(seen)
    assert server.stop() == 0
    server.start()
    status, headers, body = get(server, f"{HISTORY}&start={begin_ms}&end={end_ms}")
    assert (status, headers["content-type"]) == (200, "application/json")
    answer = json.loads(body)
    assert answer["tiers"][0]["tier"] == "raw"
    kept = dict(zip(answer["times"], answer["values"][0], strict=True))
    assert {(-(-at // 100) * 100): value for at, value in seen.items()}.items() <= kept.items()
    again = get(server, f"{HISTORY}&start={begin_ms}&end={end_ms}", **{"If-None-Match": headers["etag"]})
    assert (again[0], again[2]) == (304, b"")
    status, headers, body = get(server, f"{HISTORY}&start={begin_ms}&end={end_ms}&format=csv")
    assert headers["content-type"].startswith("text/csv")
    rows = list(csv.reader(io.StringIO(body.decode(), newline=""), strict=True))[1:]
    assert {int(row[1]): float(row[2]) for row in rows} == kept
    for address in (
        f"/api/v1/panels/cpu.svg?start={begin_ms}&end={end_ms}",
        f"/badge/cpu.svg?at={end_ms}",
        f"/badge/{CPU}.svg?cpu.mode=user&at={end_ms}",
    ):
        status, headers, body = get(server, address)
        assert (status, headers["content-type"]) == (200, "image/svg+xml"), address
        assert b"No samples from that time" not in body and b"no value" not in body
    assert "Traceback" not in server.errors()
