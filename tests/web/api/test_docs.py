"""/docs/api and /openapi.json: the documentation tells the truth, and its page asks nobody else for anything."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.core.machine import Machine
from tests.web.conftest import make_world

from vitalcast.config.schema import Settings
from vitalcast.config.server import Access, Server
from vitalcast.web.app import create_app
from vitalcast.web.edge.headers import CONTENT_SECURITY_POLICY
from vitalcast.web.pages.static_files import frontend_dir

VENDOR = frontend_dir() / "vendor" / "swagger-ui"
OWN_FILES = ("docs.html", "docs.js")
# Pages, code, forms and the socket.
UNDOCUMENTED = {
    "/",
    "/static/{path:path}",
    "/docs",
    "/docs/api",
    "/docs/{page}",
    "/openapi.json",
    "/asyncapi.json",
    "/ws",
    "/login",
    "/logout",
    "/embed.js",
    "/client.js",
    "/client.d.ts",
}
UNDOCUMENTED |= {"/embed/panel/{id}", "/embed/dashboard", "/wall", "/wall/{name}", "/screens"}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    access = Access(data_dir=str(tmp_path_factory.mktemp("data")))
    return TestClient(create_app(Settings(access=access)), base_url="http://127.0.0.1")


@pytest.fixture(scope="module")
def schema(client: TestClient) -> Any:
    return client.get("/openapi.json").json()


# --- the schema ----------------------------------------------------------------------------------------------------


def test_every_address_is_documented(schema: Any, client: TestClient) -> None:
    app: Any = client.app
    served = {route.path for route in app.router.routes}
    assert served - UNDOCUMENTED == set(schema["paths"])


def resolved(schema: Any, part: Any) -> Any:
    """Return a part of the schema with its references followed."""
    if isinstance(part, dict):
        if "$ref" in part:
            found = schema
            for key in part["$ref"].removeprefix("#/").split("/"):
                found = found[key]
            return resolved(schema, found)
        return {key: resolved(schema, value) for key, value in part.items()}
    return [resolved(schema, value) for value in part] if isinstance(part, list) else part


PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}


def mismatches(schema: Any, value: Any, where: str = "$") -> Iterator[str]:
    """Yield where a value is not what its schema says, for as much of JSON Schema as is used here."""
    if "anyOf" in schema:
        if all(list(mismatches(one, value, where)) for one in schema["anyOf"]):
            yield f"{where}: {value!r} is none of {schema['anyOf']}"
        return
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if not isinstance(value, tuple(one for name in types for one in PYTHON_TYPES[name])):
        yield f"{where}: {value!r} is not {types}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{where}: {value!r} is not one of {schema['enum']}"
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        yield from (f"{where}.{key}: missing" for key in schema.get("required", ()) if key not in value)
        for key, one in value.items():
            patterns = (
                inner for pattern, inner in schema.get("patternProperties", {}).items() if re.search(pattern, key)
            )
            if schema.get("additionalProperties") is True:
                continue
            inner = properties.get(key) or next(patterns, schema.get("additionalProperties"))
            if inner is None:
                yield f"{where}.{key}: not documented"
            else:
                yield from mismatches(inner, one, f"{where}.{key}")
    if isinstance(value, list):
        for position, one in enumerate(value):
            yield from mismatches(schema["items"], one, f"{where}[{position}]")


def test_the_answers_are_what_the_schema_says(schema: Any) -> None:
    machine = Machine()
    nothing_yet, world = make_world(Machine()).client, make_world(machine)
    machine.tick(float("nan"))
    answers = [
        world.client.get("/api/v1/metrics"),
        world.client.get("/api/v1/latest"),
        world.client.get("/api/v1/metrics?metrics=system.nothing"),
        world.client.get("/api/v1/latest?x=1"),
        nothing_yet.get("/api/v1/latest"),
        world.client.get("/api/v1/panels"),
        world.client.get("/api/v1/panels?x=1"),
        nothing_yet.get("/api/v1/panels"),
        world.client.get("/api/v1/panels/load/figure"),
        world.client.get("/api/v1/panels/load/figure?range=0"),
        world.client.get("/api/v1/panels/zzz/figure"),
        nothing_yet.get("/api/v1/panels/load/figure"),
        world.client.get("/healthz"),
        world.client.get("/readyz"),
        nothing_yet.get("/readyz"),
        world.client.get("/metrics"),
    ]
    for answer in answers:
        check_answer(schema, re.sub("/panels/[a-z]+/", "/panels/{id}/", answer.request.url.path), answer)


def check_answer(schema: Any, path: str, answer: Any) -> None:
    responses = schema["paths"][path][answer.request.method.lower()]["responses"]
    contents = responses[str(answer.status_code)]["content"]
    content_type = answer.headers["content-type"].partition(";")[0]
    content = contents[content_type]
    if content_type == "application/json":
        found = list(mismatches(resolved(schema, content["schema"]), answer.json()))
        assert found == [], answer.request.url


def test_the_answers_about_tokens_and_screens_are_too(schema: Any, client: TestClient) -> None:
    pairings = "/api/v1/screens/pairings"
    asked = client.post(pairings, json={})
    one = f"{pairings}/{asked.json()['code']}"
    secret = {"secret": asked.json()["secret"]}
    answers = [
        ("/api/v1/access", client.get("/api/v1/access")),
        ("/api/v1/access", client.get("/api/v1/access", headers={"Authorization": "Bearer no"})),
        ("/api/v1/tokens", client.post("/api/v1/tokens", json={"scope": "embed", "panels": ["cpu"]})),
        ("/api/v1/tokens", client.post("/api/v1/tokens", json={"scope": "admin"})),
        ("/api/v1/tokens", client.post("/api/v1/tokens", content="{}")),
        ("/api/v1/screen", client.get("/api/v1/screen")),
        (pairings, asked),
        (f"{pairings}/claim", client.post(f"{pairings}/claim", json=secret)),
        (f"{pairings}/claim", client.post(f"{pairings}/claim", json={"secret": "none"})),
        (f"{pairings}/{{code}}", client.get(one)),
        (f"{pairings}/{{code}}", client.post(one, json={"name": "lobby"})),
        (f"{pairings}/{{code}}", client.get(f"{pairings}/NONE")),
        (f"{pairings}/claim", client.post(f"{pairings}/claim", json=secret)),
    ]
    client.cookies.clear()  # this client is a screen now
    answers.append(("/api/v1/screens", client.get("/api/v1/screens")))
    id_ = answers[-1][1].json()["screens"][0]["id"]
    answers += [
        ("/api/v1/screens/{id}", client.post(f"/api/v1/screens/{id_}", json={"name": "hall"})),
        ("/api/v1/screens/{id}", client.post("/api/v1/screens/none", json={"name": "hall"})),
        ("/api/v1/screens/{id}", client.delete("/api/v1/screens/none")),
    ]
    assert [answer.status_code for _, answer in answers[:6]] == [200, 401, 409, 400, 415, 200]
    assert [answer.status_code for _, answer in answers[6:]] == [201, 202, 404, 200, 200, 404, 200, 200, 200, 404, 404]
    for path, answer in answers:
        check_answer(schema, path, answer)


def test_each_address_says_who_may_use_it(schema: Any, client: TestClient) -> None:
    app: Any = client.app
    records = {(one.path, one.method.lower()): one for one in app.endpoints}
    assert set(schema["components"]["securitySchemes"]) == {"bearer", "cookie", "address"}
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            scopes = records[path, method].scopes
            assert bool(operation["security"]) == (scopes is not None)
            if scopes is not None:
                assert set(operation["security"][0]["bearer"]) == set(scopes)
                assert "401" in operation["responses"]
            assert {"403", "408", "421", "429", "431"} <= set(operation["responses"])


def test_each_address_says_what_stands_in_its_path(schema: Any) -> None:
    for path, operations in schema["paths"].items():
        for operation in operations.values():
            named = [one["name"] for one in operation["parameters"] if one["in"] == "path"]
            assert named == re.findall(r"\{(\w+)}", path)


def test_each_address_says_how_it_can_fail(schema: Any) -> None:
    for operations in schema["paths"].values():
        for method, operation in operations.items():
            responses = operation["responses"]
            assert set(responses) & {"413", "415"} == ({"413", "415"} if method == "post" else set())
            assert all(response["description"] for response in responses.values())
            assert list(responses) == sorted(responses)


def test_no_record_is_left_without_words(client: TestClient) -> None:
    app: Any = client.app
    for endpoint in app.endpoints:
        assert endpoint.summary and not endpoint.summary.endswith("."), endpoint.path
        assert endpoint.documented == bool(endpoint.description), endpoint.path


def test_a_value_that_the_schema_forbids_is_found() -> None:
    schema = {"type": "object", "properties": {"a": {"type": ["string", "null"]}}, "required": ["a"]}
    assert list(mismatches(schema, {"a": None})) == []
    assert list(mismatches(schema, {"a": 1, "b": 2})) == ["$.a: 1 is not ['string', 'null']", "$.b: not documented"]
    assert list(mismatches(schema, {})) == ["$.a: missing"]


def test_the_schema_is_openapi_without_loose_ends(schema: Any) -> None:
    assert schema["openapi"].startswith("3.1.")
    assert schema["info"]["title"] == "Vitalcast"
    assert "HTTPValidationError" not in json.dumps(schema)
    resolved(schema, schema["paths"])
    for path, operations in schema["paths"].items():
        assert set(operations) <= {"get", "post", "delete"}, path
        assert all(operation["summary"] and operation["description"] for operation in operations.values())


def test_below_a_proxy_the_schema_names_the_path() -> None:
    app = create_app(Settings(server=Server(root_path="/vitalcast")))
    client = TestClient(app, base_url="http://127.0.0.1")
    assert client.get("/vitalcast/openapi.json").json()["servers"] == [{"url": "/vitalcast"}]


# --- the page ------------------------------------------------------------------------------------------------------


def test_the_page_lives_under_the_same_policy_as_the_dashboard(client: TestClient) -> None:
    response = client.get("/docs/api")
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["content-security-policy"] == CONTENT_SECURITY_POLICY


def test_the_page_is_made_of_files_that_are_served_here(client: TestClient) -> None:
    page = client.get("/docs/api").text
    addresses = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(addresses) == 11
    for address in addresses:
        assert address.startswith("../"), address
        assert client.get(f"/docs/{address}").status_code == 200
    assert not re.search(r"<script(?![^>]*src=)|<style|\son\w+=", page)


def test_our_own_files_name_no_other_host() -> None:
    for name in OWN_FILES:
        assert not re.search(r"(https?:)?//\w", (VENDOR / name).read_text().replace("// ", "")), name


def test_the_vendored_files_are_what_they_say() -> None:
    (entry,) = json.loads((VENDOR / "vendor.json").read_text())
    for name, checksum in entry["files"].items():
        assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == checksum, name
    assert {path.name for path in VENDOR.iterdir()} == set(entry["files"]) | {"vendor.json", *OWN_FILES}
    assert entry["license_file"] in entry["files"]
    assert entry["version"].encode() in (VENDOR / "swagger-ui-bundle.js").read_bytes()
