"""The documentation's bounds are the server's: what lies just inside is taken, what lies just outside is refused."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient
from tests.web.api.test_docs import resolved

from vitalcast.config.limits import Limits
from vitalcast.config.machine import Sampler
from vitalcast.config.memory import Memory
from vitalcast.config.schema import Settings
from vitalcast.config.server import Access
from vitalcast.core.metrics.names import Selection
from vitalcast.core.panels.schema import Panel
from vitalcast.core.vocabulary import Scope
from vitalcast.live.open_access import open_access
from vitalcast.web.app import create_app
from vitalcast.web.edge.fields import fits

LONGEST_ID = "a" * 40
WINDOW_S = 77  # unlike the default, since the bound is the setting's
# Texts from which those are taken that a schema allows, and those that it does not.
MANY = 10**6  # so many questions come at once
MOMENTS = ("start", "end", "at")  # whose grammar is that of tests.core.query.test_times
TEXTS = ("", "a", "UTC", "cpu.mode=user", "https://a.example", "A b", "=", "a\n", "\x1b", "\u202e", "../x", "a..b", ".")
ENDLESS = "/api/v1/stream"  # of whose answer the head is enough
# By the interval, or by what they are of, which no schema can say.
BOUND_BY_THE_REST = {(ENDLESS, "shift"), (ENDLESS, "aggregate"), (ENDLESS, "ratio_where")}
BOUND_BY_THE_REST |= {("/api/v1/history", "ratio_where")}
JSON_VALUES: tuple[Any, ...] = (None, True, 0, 1.5, "x", [], {}, [{}], [None])


class Api(NamedTuple):
    """An application that asks for tokens, a client that has an admin's, and what its documentation says."""

    client: TestClient
    schema: Any


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    panels = tuple(Panel(id=id_, title=id_, metrics=("system.cpu.>",)) for id_ in ("a", LONGEST_ID))
    settings = Settings(
        access=Access(data_dir=str(tmp_path_factory.mktemp("data"))),
        sampler=Sampler(interval_s=3600),
        memory=Memory(window_s=WINDOW_S),
        limits=Limits(requests_per_second=MANY, requests_per_second_per_address=MANY),
        panels=panels,
        playlists=(),
    )
    access = open_access(settings)
    token, _ = access.mint(Scope.ADMIN)  # from which on everybody needs one
    access.close()
    headers = {"Authorization": f"Bearer {token}"}
    with TestClient(create_app(settings), base_url="http://127.0.0.1", headers=headers) as client:
        document = client.get("/openapi.json").json()
        yield Api(client, resolved(document, document["paths"]))


def texts(schema: Any) -> Iterator[str]:
    """Yield texts in and around a schema's bounds."""
    yield from TEXTS
    yield from ("a" * length for length in (schema.get("maxLength", 0), schema.get("maxLength", 0) + 1))
    yield from schema.get("enum", ())


def numbers(schema: Any) -> Iterator[float]:
    for bound in filter(None, (schema.get("minimum"), schema.get("maximum"))):
        yield from (bound - 1, bound, bound + 1)
        if "integer" not in schema["type"]:
            yield from (bound - 0.001, bound + 0.001)
    yield from (0, -1, 1e9)


def lists(schema: Any) -> Iterator[list[Any]]:
    inner = [one for one in values(schema["items"]) if allowed(one, schema["items"])]
    outer = [one for one in values(schema["items"]) if not allowed(one, schema["items"])]
    assert inner
    yield from ([], *([one] for one in inner), *([inner[-1], one] for one in outer))
    yield from ([inner[-1]] * length for length in (schema["maxItems"], schema["maxItems"] + 1))


def values(schema: Any) -> Iterator[Any]:
    """Yield values in and around a schema, those of other types too."""
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    kinds = {"string": texts, "integer": numbers, "number": numbers, "array": lists}
    for type_ in types:
        yield from kinds[type_](schema) if type_ in kinds else ()
    yield from JSON_VALUES


def allowed(value: Any, schema: Any) -> bool:
    """Say whether JSON Schema allows a value: written anew, so that it is not the server that says so."""
    import re

    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    named = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    type_ = named.get(type(value), "null")
    if type_ not in types and not (type_ == "integer" and "number" in types):
        return False
    if value not in schema.get("enum", [value]):
        return False
    match value:
        case bool():
            return True
        case int() | float():
            return bool(schema.get("minimum", value) <= value <= schema.get("maximum", value))
        case str():
            within = schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value))
            # In JSON Schema, as in ECMAScript, `$` is the very end.
            pattern = schema.get("pattern", "").replace("$", r"\Z")
            return within and re.search(pattern, value) is not None
        case list():
            within = schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value))
            return within and all(allowed(one, schema["items"]) for one in value)
    return True


def address_of(path: str) -> str:
    """Return an address that there is, as far as a path may be about something that there is."""
    return path.replace("{id}", "a").replace("{metric}", "a").replace("{code}", "ABC-DEF")


def refused(answer: Any) -> bool:
    """Say whether a request was refused as malformed; not to find what it names is no refusal of its form."""
    assert answer.status_code in (200, 201, 202, 204, 400, 404, 409), (answer.request.url, answer.text)
    return bool(answer.status_code == 400)


# --- queries -------------------------------------------------------------------------------------------------------


def written(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def meant(text: str, schema: Any) -> Any:
    """Return what a text in an address is: a number where the schema has numbers and it is one."""
    if schema["type"] in ("integer", "number"):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text


def test_every_parameter_takes_what_is_documented_and_nothing_else(api: Api) -> None:
    asked = 0
    for path, operations in api.schema.items():
        for parameter in operations.get("get", {}).get("parameters", ()):
            name, schema = parameter["name"], parameter["schema"]
            if parameter["in"] != "query" or name in ("token", "attributes", "tz", *MOMENTS):
                continue
            if (path, name) in BOUND_BY_THE_REST:
                continue
            for value in values(schema):
                if isinstance(value, list) != (schema["type"] == "array") or isinstance(value, dict):
                    continue  # which an address cannot say
                sent = [written(one) for one in value] if isinstance(value, list) else written(value)
                known = allowed(value, schema) if isinstance(value, list) else allowed(meant(sent, schema), schema)
                if isinstance(value, list):
                    known = allowed(sent, schema)
                method = "HEAD" if path == ENDLESS else "GET"
                answer = api.client.request(method, address_of(path), params={name: sent})
                assert refused(answer) == (not known), (path, name, sent, answer.text)
                asked += 1
    assert asked > 200


def test_a_time_zone_is_one_of_its_pattern_that_is_known(api: Api) -> None:
    schema = {one["name"]: one for one in api.schema["/api/v1/panels/{id}.svg"]["get"]["parameters"]}["tz"]["schema"]
    for zone in ("UTC", "Europe/Berlin", "Etc/GMT+5", "America/Argentina/Buenos_Aires"):
        assert allowed(zone, schema)
        assert not refused(api.client.get("/api/v1/panels/a.svg", params={"tz": zone}))
    for text in (*TEXTS, "a" * 33, "a/a/a/a/a"):
        if not allowed(text, schema):
            assert refused(api.client.get("/api/v1/panels/a.svg", params={"tz": text}))


@pytest.mark.parametrize("text", ["1_0", "٣٠٠", " 300", "nan", "inf", "0x12c", "1e400", "3" * 5000, "300\n"])
def test_a_number_is_written_as_json_has_it(api: Api, text: str) -> None:
    for address in ("/api/v1/panels/a.svg?width", "/api/v1/panels/a.svg?range", "/badge/a.svg?warning"):
        path, name = address.split("?")
        assert refused(api.client.get(path, params={name: text}))


def test_an_unknown_parameter_is_refused_where_that_is_documented(api: Api) -> None:
    for path, operations in api.schema.items():
        if "400" in operations.get("get", {}).get("responses", ()):
            assert refused(api.client.get(address_of(path), params={"zzz": "1"})), path
    assert not refused(api.client.get("/badge/a.svg", params={"cpu.mode": "user"}))


def test_the_range_ends_where_the_settings_say(api: Api) -> None:
    for path in ("/api/v1/panels/{id}/figure", "/api/v1/panels/{id}.svg"):
        schema = next(one["schema"] for one in api.schema[path]["get"]["parameters"] if one["name"] == "range")
        assert (schema["minimum"], schema["maximum"], schema["default"]) == (1, WINDOW_S, WINDOW_S)


# --- bodies --------------------------------------------------------------------------------------------------------

WHOLE: dict[str, dict[str, Any]] = {
    "/api/v1/tokens": {"scope": "embed", "panels": ["a"], "dashboard": True},
    "/api/v1/screens/pairings/claim": {"secret": "x"},
    "/api/v1/events": {"title": "x"},
}


def test_every_field_takes_what_is_documented_and_nothing_else(api: Api) -> None:
    asked = 0
    for path, operations in api.schema.items():
        if "post" not in operations:
            continue
        schema = operations["post"]["requestBody"]["content"]["application/json"]["schema"]
        whole = WHOLE.get(path, {})

        def post(body: object, path: str = path) -> Any:
            return api.client.post(
                address_of(path), content=json.dumps(body), headers={"Content-Type": "application/json"}
            )

        assert schema["additionalProperties"] is False, path
        assert not refused(post(whole))
        assert refused(post(whole | {"zzz": 1}))
        assert all(refused(post(body)) for body in JSON_VALUES if not isinstance(body, dict))
        assert all(refused(post({key: whole[key] for key in whole if key != name})) for name in schema["required"])
        for name, field in schema["properties"].items():
            for value in values(field):
                known = allowed(value, field) and not invented(name, value)
                answer = post(whole | {name: value})
                assert refused(answer) == (not known), (path, name, value, answer.text)
                asked += 1
    assert asked > 100


def invented(name: str, value: Any) -> bool:
    """Say whether a token is to show a panel that there is none of, or a mark is of no time that has been."""
    if name in ("time", "end"):
        return value != 0 or name == "end"  # which is before the time, now
    return name == "panels" and not {"a", LONGEST_ID}.issuperset(value)


def test_a_token_for_embedding_shows_something(api: Api) -> None:
    schema = api.schema["/api/v1/tokens"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    bodies = ({}, {"panels": []}, {"dashboard": False}, {"panels": [], "dashboard": False})
    bodies += ({"panels": ["a"]}, {"dashboard": True}, {"panels": ["a"], "dashboard": False})
    for body in bodies:
        known = any(
            all(name in body for name in one["required"])
            and len(body.get("panels", ["a"])) >= one["properties"].get("panels", {}).get("minItems", 0)
            and body.get("dashboard", True) in one["properties"].get("dashboard", {}).get("enum", [True, False])
            for one in schema["anyOf"]
        )
        assert refused(api.client.post("/api/v1/tokens", json={"scope": "embed"} | body)) == (not known), body


# --- the schemas ---------------------------------------------------------------------------------------------------


@given(st.text(max_size=8) | st.from_regex(r"[a-z.*>_]{1,8}", fullmatch=True))
def test_the_pattern_of_patterns_is_the_grammar(text: str) -> None:
    from vitalcast.web.api.selections import METRICS

    try:
        Selection.of([text])
    except ValueError:
        assert not fits(text, METRICS.schema["items"])
    else:
        assert fits(text, METRICS.schema["items"])


def schemas() -> Iterator[Any]:
    from vitalcast.web.api.screens import NAMED
    from vitalcast.web.api.tokens import NEW_TOKEN
    from vitalcast.web.panels.badge import badge_parameters
    from vitalcast.web.panels.panel_reader import range_parameter
    from vitalcast.web.panels.panel_svg import image_parameters

    yield from (one.schema for one in (*badge_parameters().values(), *image_parameters(range_parameter(900))))
    yield from (field.schema for field in (*NEW_TOKEN.fields.values(), *NAMED.fields.values()))


@pytest.mark.parametrize("schema", list(schemas()), ids=lambda schema: json.dumps(schema)[:40])
def test_what_is_checked_is_json_schema(schema: Any) -> None:
    for value in itertools.chain(values(schema), TEXTS):
        assert fits(value, schema) == allowed(value, schema), value
