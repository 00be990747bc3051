"""The HTTP API over an imaginary machine: `system.load`, `system.disk.io` of some disks, and a fan nobody has seen."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.testclient import TestClient
from tests.core.machine import GHOST, IO, LOAD, START_MS, Machine, decode, disk
from tests.web.conftest import World, make_world

from vitalcast.config.schema import Settings
from vitalcast.config.server import Access
from vitalcast.core.metrics.model import Series
from vitalcast.web.app import create_app
from vitalcast.web.edge.endpoint import ANYBODY, Endpoint, EndpointGroup

PATHS = [
    "/api/v1/metrics",
    "/api/v1/latest",
    "/api/v1/panels",
    "/api/v1/panels/cpu/figure",
    "/metrics",
    "/healthz",
    "/readyz",
]


# --- the catalogue -------------------------------------------------------------------------------------------------


def test_the_catalogue_lists_what_can_be_measured_and_the_series_there_are(world: World) -> None:
    world.machine.tick(0.5, ("sda", "sdb"))
    answer = world.get("/api/v1/metrics")
    assert {name: answer[name] for name in answer if name != "metrics"} == {
        "host": "web-1",
        "epoch": "epoch-1",
        "offset": 2,
        "time": START_MS + 2000,
    }
    metrics = {metric["name"]: metric for metric in answer["metrics"]}
    assert metrics[IO.name] == {
        "name": "system.disk.io",
        "unit": "By",
        "kind": "counter",
        "description": "Bytes.",
        "attributes": ["system.device"],
        "series": [{"system.device": "sda"}, {"system.device": "sdb"}],
    }
    assert metrics[LOAD.name]["series"] == [{}]
    assert metrics[GHOST.name]["series"] == []


def test_a_pattern_narrows_the_catalogue(world: World) -> None:
    answer = world.get("/api/v1/metrics", metrics="system.disk.>")
    assert [metric["name"] for metric in answer["metrics"]] == [IO.name]


# --- the newest readings -------------------------------------------------------------------------------------------


def test_the_newest_readings_have_the_keys_of_a_plain_socket(world: World) -> None:
    session = world.machine.session(plain=True)
    plain = decode(session.open())[0]
    answer = world.get("/api/v1/latest", metrics="system.load")
    assert answer["metrics"] == plain["metrics"] == {"system.load": 0.5}
    assert (answer["time"], answer["offset"], answer["host"]) == (plain["time"], plain["offset"], plain["host"])


def test_without_a_pattern_every_series_is_there_in_order(world: World) -> None:
    world.machine.tick(0.25, ("sdb", "sda"))
    assert list(world.get("/api/v1/latest")["metrics"].items()) == [
        ('system.disk.io{system.device="sda"}', 13.0),
        ('system.disk.io{system.device="sdb"}', 13.0),
        ("system.load", 0.25),
    ]


def test_no_reading_is_null(world: World) -> None:
    world.machine.tick(math.nan)
    assert world.get("/api/v1/latest", metrics="system.load")["metrics"] == {"system.load": None}


def test_an_infinite_reading_is_null_too_since_json_has_no_word_for_it(world: World) -> None:
    world.machine.tick(math.inf)
    assert world.get("/api/v1/latest", metrics="system.load")["metrics"] == {"system.load": None}


def test_a_series_that_has_gone_is_gone(world: World) -> None:
    world.machine.tick(0.5, ("sda", "sdb"))
    world.machine.tick(0.5, ("sdb",))
    assert list(world.get("/api/v1/latest", metrics="system.disk.io")["metrics"]) == [
        'system.disk.io{system.device="sdb"}'
    ]


@pytest.mark.parametrize(
    "query",
    ["metrics=system.load&metrics=system.disk.io", "metrics=system.load,system.disk.io", "metrics=system.*,system.>"],
)
def test_patterns_are_repeated_or_separated_by_commas(world: World, query: str) -> None:
    metrics = world.client.get(f"/api/v1/latest?{query}").json()["metrics"]
    assert list(metrics) == ['system.disk.io{system.device="sda"}', "system.load"]


def test_a_metric_without_a_series_is_an_empty_answer_and_no_error(world: World) -> None:
    assert world.get("/api/v1/latest", metrics="hw.fan.speed")["metrics"] == {}


def test_odd_names_survive(world: World) -> None:
    name = 'a "quoted" \\ name\nin two lines ⚡'
    world.machine.take(world.machine.frame({disk(name): 1.0}))
    assert world.get("/api/v1/metrics", metrics="system.disk.io")["metrics"][0]["series"] == [{"system.device": name}]
    assert world.get("/api/v1/latest")["metrics"] == {Series(IO, (name,)).key: 1.0}


# --- what is wrong is said -----------------------------------------------------------------------------------------


def error(world: World, path: str) -> tuple[int, int, str]:
    response = world.client.get(path)
    assert response.headers["content-type"] == "application/json"
    assert response.headers["cache-control"] == "no-store"
    assert set(response.json()) == {"error"}
    assert set(response.json()["error"]) == {"code", "message"}
    return response.status_code, response.json()["error"]["code"], response.json()["error"]["message"]


@pytest.mark.parametrize("path", ["/api/v1/metrics", "/api/v1/latest"])
@pytest.mark.parametrize("query", ["metrics=system.nothing", "metrics=system.load,system.nothing"])
def test_a_metric_that_cannot_exist_here_is_not_found_and_named(world: World, path: str, query: str) -> None:
    status, code, message = error(world, f"{path}?{query}")
    assert (status, code) == (404, 102)
    assert "called system.nothing;" in message


@pytest.mark.parametrize("path", ["/api/v1/metrics", "/api/v1/latest"])
@pytest.mark.parametrize(
    "text",
    [
        "",
        "%20",
        "system.>.cpu",
        "system..cpu",
        "system.cpu!",
        "system.load,",
        "%00",
        "%FF%FE",
        "%ED%A0%80",
        "a" * 257,
        ".".join("*" * 200),
        "(a%2B)%2B$",
        "\\",
        ",".join(["system.load"] * 65),
    ],
)
def test_a_malformed_pattern_is_a_bad_request(world: World, path: str, text: str) -> None:
    status, code, message = error(world, f"{path}?metrics={text}")
    assert (status, code) == (400, 107)
    assert message.startswith("metrics: ")


@pytest.mark.parametrize("path", ["/api/v1/metrics", "/api/v1/latest"])
def test_an_unknown_parameter_is_named(world: World, path: str) -> None:
    status, code, message = error(world, f"{path}?metrics=system.load&metric=system.load&metric=x")
    assert (status, code) == (400, 107)
    assert message == "unknown parameter 'metric'; this address takes metrics"


def test_what_a_stranger_sends_is_repeated_only_in_part(world: World) -> None:
    _, _, message = error(world, f"/api/v1/latest?{'x' * 5000}=1")
    assert len(message) < 200


def test_before_the_first_reading_the_server_is_not_there_yet() -> None:
    world = make_world(Machine())
    for path in ("/api/v1/metrics", "/api/v1/latest"):
        status, code, message = error(world, path)
        assert (status, code) == (503, 100)
        assert "nothing has been sampled yet" in message


# --- health --------------------------------------------------------------------------------------------------------


def test_a_living_process_is_healthy_whatever_else_is_wrong(world: World) -> None:
    world.service.ready = False
    assert world.get("/healthz") == {"status": "ok"}


def test_fresh_readings_are_ready(world: World) -> None:
    assert world.get("/readyz") == {"status": "ok"}
    world.machine.wait(5000)
    assert world.get("/readyz") == {"status": "ok"}


def not_ready(world: World) -> str:
    response = world.client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["status"] == "not ready"
    why: str = response.json()["why"]
    return why


def test_old_readings_are_not_ready_and_say_how_old_they_are(world: World) -> None:
    world.machine.wait(5001)
    assert not_ready(world) == "the newest value is 5.0 s old, the limit is 5 s"


@pytest.mark.parametrize("by_ms", [-3_600_000, 3_600_000])
def test_how_old_readings_are_is_no_matter_of_what_the_clock_is_set_to(world: World, by_ms: int) -> None:
    world.machine.time_ms += by_ms
    assert world.get("/readyz") == {"status": "ok"}
    world.machine.wait(6000)
    assert not_ready(world) == "the newest value is 6.0 s old, the limit is 5 s"
    world.machine.tick()
    assert world.get("/readyz") == {"status": "ok"}


def test_slow_ticks_may_be_older(world: World) -> None:
    timeline = world.machine.timeline
    timeline.source = replace(timeline.source, interval_ms=60_000)
    world.machine.wait(180_000)
    assert world.get("/readyz") == {"status": "ok"}
    world.machine.wait(1)
    assert "the limit is 180 s" in not_ready(world)


def test_neither_before_the_start_nor_at_the_end_is_it_ready(world: World) -> None:
    world.service.ready = False
    assert not_ready(world) == "not started, or about to stop"
    assert "not started" in not_ready(make_world(Machine()))


# --- what all answers have in common -------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PATHS)
def test_live_answers_are_never_kept(world: World, path: str) -> None:
    assert world.client.get(path).headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", PATHS)
def test_head_is_get_without_the_content(world: World, path: str) -> None:
    get, head = world.client.get(path), world.client.head(path)
    assert head.status_code == get.status_code == 200
    assert head.headers == get.headers


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_other_methods_are_not_allowed(world: World, path: str, method: str) -> None:
    response = world.client.request(method, path)
    assert response.status_code == 405
    assert set(response.headers["allow"].split(", ")) == {"GET", "HEAD"}
    if path.startswith("/api/"):
        assert response.json()["error"]["code"] == 107
    else:
        assert response.headers["content-type"] == "text/plain; charset=utf-8"


NOTHING_HERE = "there is nothing at this address; /docs/http lists the addresses"


def test_an_unknown_address_of_the_api_answers_in_json(world: World) -> None:
    assert error(world, "/api/v1/nothing") == (404, 107, NOTHING_HERE)


def test_an_unknown_address_elsewhere_answers_in_plain_text(world: World) -> None:
    response = world.client.get("/nothing")
    assert (response.status_code, response.text) == (404, "Not Found\n")
    assert response.headers["content-type"] == "text/plain; charset=utf-8"


def test_a_slash_too_many_leads_to_the_address_on_the_same_way(world: World) -> None:
    """Where a proxy takes TLS off, an absolute address would lead out of it, and a token in the address with it."""
    get = partial(world.client.get, follow_redirects=False)
    assert get("/badge/cpu.svg/?token=x&label=a%20b").headers["location"] == "../cpu.svg?token=x&label=a%20b"
    assert get("/badge/a%3Ab.svg/").headers["location"] == "../a%3Ab.svg"
    assert get("/badge/cpu.svg/").headers["cache-control"] == "no-store"
    assert world.client.get("/api/v1/latest/").status_code == 200
    assert error(world, "/api/v1/nothing/") == (404, 107, NOTHING_HERE)
    assert get("/").status_code == get("//").status_code == 404


def test_a_path_below_a_proxy_is_the_same_path() -> None:
    machine = Machine()
    machine.tick(0.5)
    world = make_world(machine)
    world.app.root_path = "/vitalcast"
    assert world.client.get("/vitalcast/api/v1/latest").json()["metrics"]["system.load"] == 0.5
    assert world.client.get("/vitalcast/api/v1/nothing").json()["error"]["code"] == 107


def test_a_fault_of_the_server_tells_nothing_and_goes_on_to_the_log(world: World) -> None:
    async def fail(_: Request) -> Response:
        raise RuntimeError("the secret")

    failing = Endpoint("GET", "/api/v1/fail", fail, ANYBODY, "Fails")
    world.app.mount_endpoints(EndpointGroup("Faults", [failing]))
    with pytest.raises(RuntimeError, match="the secret"):  # what the server around it logs
        world.client.get("/api/v1/fail")
    quiet = TestClient(world.app, base_url="http://127.0.0.1", raise_server_exceptions=False)
    response = quiet.get("/api/v1/fail")
    assert response.status_code == 500
    assert json.loads(response.text) == {"error": {"code": 100, "message": "the server failed; its log says why"}}
    assert response.headers["x-content-type-options"] == "nosniff"


# Each of these addresses has several routes, of which the first would name its own methods alone.
@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/login", {"GET", "HEAD", "POST"}),
        ("/logout", {"POST"}),
        ("/api/v1/tokens", {"POST"}),
        ("/api/v1/screens", {"GET", "HEAD"}),
        ("/api/v1/screens/3f9c01d2a4b5", {"POST", "DELETE"}),
        ("/api/v1/screens/pairings/ABC-DEF", {"GET", "HEAD", "POST"}),
        ("/docs", {"GET", "HEAD"}),
        ("/openapi.json", {"GET", "HEAD"}),
        ("/static/charts/model/svg_path.js", {"GET", "HEAD"}),
    ],
)
def test_allow_names_the_methods_of_every_route_at_an_address(tmp_path: Path, path: str, allowed: set[str]) -> None:
    client = TestClient(create_app(Settings(access=Access(data_dir=str(tmp_path)))), base_url="http://127.0.0.1")
    for method in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"} - allowed:
        answer = client.request(method, path)
        assert answer.status_code == 405
        assert set(answer.headers["allow"].split(", ")) == allowed
