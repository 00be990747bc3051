"""How far back a token sees, on every route that answers about the past."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import pytest
from starlette.testclient import TestClient

from vitalcast.config.limits import Limits
from vitalcast.config.machine import Sampler
from vitalcast.config.schema import Settings
from vitalcast.config.server import Access as AccessSettings
from vitalcast.config.server import Server
from vitalcast.core.vocabulary import Scope
from vitalcast.live.open_access import open_access
from vitalcast.web.app import create_app
from vitalcast.web.edge.moments import AT, END, START

REACH_S = 3600
# What is asked for of a range, and of a moment; nothing where there is no such.
ADDRESSES: Mapping[str, tuple[str, str]] = {
    "/api/v1/history": ("/api/v1/history?metrics=system.cpu.utilization&start={start}&end={end}", ""),
    "/api/v1/events": ("/api/v1/events?start={start}&end={end}", ""),
    "/api/v1/processes": ("/api/v1/processes?start={start}&end={end}", "/api/v1/processes?at={at}"),
    "/api/v1/panels/{id}/figure": (
        "/api/v1/panels/cpu/figure?start={start}&end={end}",
        "/api/v1/panels/cpu/figure?at={at}",
    ),
    "/api/v1/panels/{id}.svg": ("/api/v1/panels/cpu.svg?start={start}&end={end}", "/api/v1/panels/cpu.svg?at={at}"),
    "/api/v1/panels/{id}.png": ("/api/v1/panels/cpu.png?start={start}&end={end}", "/api/v1/panels/cpu.png?at={at}"),
    "/badge/{metric}.svg": ("", "/badge/cpu.svg?at={at}"),
}
SPANS = ("/api/v1/history?panel=cpu&start=-30m&end=-20m&shift=3600", "/api/v1/history?panel=cpu&start=-2h&end=-61m")


class House(NamedTuple):
    """An application that asks for tokens: some that see an hour back, and one that sees all."""

    client: TestClient
    tokens: Mapping[str, str]
    times: Mapping[str, tuple[str, ...]]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    many = 10**6
    settings = Settings(
        access=AccessSettings(data_dir=str(tmp_path_factory.mktemp("data"))),
        sampler=Sampler(interval_s=3600),
        server=Server(host="0.0.0.0"),
        limits=Limits(requests_per_second=many, requests_per_second_per_address=many),
    )
    access = open_access(settings)
    everything = ["system.cpu.>", "table.processes", "table.events"]
    tokens = {
        "embed": access.mint(Scope.EMBED, panels=["cpu"], metrics=everything, since_s=REACH_S)[0],
        "stream": access.mint(Scope.STREAM, metrics=everything, since_s=REACH_S)[0],
        "ever": access.mint(Scope.STREAM, metrics=everything)[0],
        "view": access.mint(Scope.VIEW)[0],
    }
    now_ms = time.time_ns() // 10**6
    iso = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now_ms / 1000 - 7300))
    times = {
        "before": ("-2h", str(now_ms - 7_200_000), iso, "1", "1970-01-02"),
        "within": ("-50m", str(now_ms - 10_000)),
    }
    with TestClient(create_app(settings), base_url="http://127.0.0.1") as client:
        yield House(client, tokens, times)
    access.close()


def get(house: House, who: str, address: str) -> Any:
    return house.client.get(address, headers={"Authorization": f"Bearer {house.tokens[who]}"})


def addresses(house: House, path: str, when: str) -> Iterator[str]:
    """Yield a route's addresses of ranges and of moments, in every form of times."""
    span, moment = ADDRESSES[path]
    for time_ in house.times[when]:
        if span:
            yield span.format(start="0", end=time_)
        if moment:
            yield moment.format(at=time_)


def test_every_route_that_looks_back_is_here() -> None:
    looking_back = {
        endpoint.path
        for endpoint in create_app(Settings()).endpoints
        if endpoint.method == "GET" and {START.name, END.name, AT.name} & {one.name for one in endpoint.parameters()}
    }
    assert looking_back == set(ADDRESSES)


@pytest.mark.parametrize(
    ("who", "path"),
    [
        *(("stream", path) for path in ADDRESSES),
        *(("embed", path) for path in ADDRESSES if path not in ("/api/v1/events", "/api/v1/processes")),
    ],
)
def test_what_was_before_a_token_reaches_is_denied(house: House, who: str, path: str) -> None:
    for address in addresses(house, path, "before"):
        answer = get(house, who, address)
        assert answer.status_code == 403, (address, answer.text)
        assert "1h back" in answer.text, address
        assert re.match("private|no-store", answer.headers["cache-control"])
    for address in addresses(house, path, "within"):
        assert get(house, who, address).status_code == 200, address


@pytest.mark.parametrize("path", ADDRESSES)
@pytest.mark.parametrize("who", ["ever", "view"])
def test_a_token_without_a_bound_sees_all_of_it(house: House, path: str, who: str) -> None:
    for when in ("before", "within"):
        for address in addresses(house, path, when):
            assert get(house, who, address).status_code == 200, address


def test_a_shift_reaches_no_further(house: House) -> None:
    for address in SPANS:
        assert get(house, "embed", address).status_code == 403
        assert get(house, "ever", address).status_code == 200
