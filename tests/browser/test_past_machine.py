"""The generated past tells one story: series, processes and events agree."""

from __future__ import annotations

import json
import urllib.request
from typing import Any
from urllib.parse import urlencode

import pytest
from tests.browser.past import PastServer


def ask(server: PastServer, path: str, **parameters: object) -> Any:
    with urllib.request.urlopen(f"{server.url}/api/v1/{path}?{urlencode(parameters)}") as response:
        return json.loads(response.read())


@pytest.fixture
def spike(past_server: PastServer) -> dict[str, int]:
    happened = past_server.happened
    return {"start": happened.spike_ms, "end": happened.spike_end_ms}


def test_gzip_took_all_cpus_by_all_accounts(past_server: PastServer, spike: dict[str, int]) -> None:
    idle = ask(past_server, "history", metrics="system.cpu.utilization", where="cpu.mode=idle", step=1, **spike)
    assert max(idle["values"][0]) < 0.03
    programs = ask(past_server, "history", metrics="process.cpu.utilization", step=25, **spike)
    shares = {
        one["attributes"]["process.executable.name"]: column[0]
        for one, column in zip(programs["series"], programs["values"], strict=True)
    }
    assert max(shares, key=lambda name: shares[name] or 0) == "gzip"
    rows = ask(past_server, "processes", **spike)["rows"]
    assert rows[0][1] == "gzip"
    (level,) = ask(past_server, "events", kind="level", **spike)["events"]
    assert level["attributes"]["names"] == ["gzip"]
    assert (level["time"], level["end"]) == (spike["start"], spike["end"])


def test_it_reaches_from_a_month_ago_to_now(past_server: PastServer) -> None:
    month = ask(past_server, "history", metrics="system.memory.usage", start="-30d", points=300)
    assert {one["tier"] for one in month["tiers"]} == {"raw", "1h"}
    minute = ask(past_server, "history", metrics="system.load.average", start="-1m", step=1)
    gaps = [later - earlier for earlier, later in zip(minute["times"], minute["times"][1:], strict=False)]
    assert max(gaps, default=0) < 30_000  # it went on where the past ends
