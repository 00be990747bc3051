"""What stands between a guard and its handler: known parameters alone pass, and errors get the endpoint's form."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from vitalcast.core.vocabulary import ErrorCode
from vitalcast.errors import ApiError, HistoryError, ProtocolError
from vitalcast.web.edge.checked import checked
from vitalcast.web.edge.endpoint import ANYBODY, Endpoint
from vitalcast.web.edge.fields import Parameter, path_parameter
from vitalcast.web.edge.refusals import TEXT

LIMIT = Parameter("limit", "How many.", {"type": "integer"})
ID = path_parameter("id", "Its id.", "a")
DOTTED = Parameter("attributes", "Those with a dot.", {"type": "object", "propertyNames": {"pattern": r"\."}})
ERRORS = {400: "A parameter is unknown.", 404: "There is none."}


async def found(request: Request) -> Response:
    return PlainTextResponse(f"found {dict(request.query_params)}")


async def missing(_: Request) -> Response:
    raise ApiError(404, ErrorCode.BAD_REQUEST, "there is none")


def missing_in_thread(_: Request) -> Response:
    raise ApiError(404, ErrorCode.BAD_REQUEST, "there is none")


def client(handler: Any, **record: Any) -> TestClient:
    endpoint = Endpoint("GET", "/things/{id}", handler, ANYBODY, "Things", **({"errors": ERRORS} | record))
    return TestClient(Route(endpoint.path, checked(endpoint)))


def test_a_parameter_of_the_record_passes_and_no_other() -> None:
    things = client(found, parameters=lambda: (ID, LIMIT))
    assert things.get("/things/a?limit=3").text == "found {'limit': '3'}"
    answer = things.get("/things/a?limit=3&more=1&more=2&id=b")
    assert answer.status_code == 400
    assert answer.json() == {
        "error": {"code": 107, "message": "unknown parameter 'more', 'id'; this address takes limit"}
    }


def test_without_parameters_none_is_taken() -> None:
    assert client(found).get("/things/a?x=1").json()["error"]["message"].endswith("this address takes none")


def test_a_parameter_may_stand_for_many_names() -> None:
    things = client(found, parameters=lambda: (LIMIT, DOTTED))
    assert things.get("/things/a?cpu.mode=user").status_code == 200
    assert things.get("/things/a?mode=user").json()["error"]["message"].endswith("this address takes limit")


def test_where_no_400_is_documented_whatever_comes_is_ignored() -> None:
    assert client(found, errors={404: "There is none."}).get("/things/a?x=1").status_code == 200


@pytest.mark.parametrize("handler", [missing, missing_in_thread])
def test_an_error_of_the_handler_gets_the_form_of_the_endpoint(handler: Any) -> None:
    as_json, as_text = client(handler).get("/things/a"), client(handler, refusal=TEXT).get("/things/a")
    assert (as_json.status_code, as_text.status_code) == (404, 404)
    assert as_json.json()["error"]["message"] == "there is none"
    assert as_text.text == "there is none\n"
    assert as_json.headers["cache-control"] == as_text.headers["cache-control"] == "no-store"


def test_parameters_are_not_asked_for_before_a_request_and_then_once() -> None:
    calls: list[int] = []

    def parameters() -> tuple[Parameter, ...]:
        calls.append(1)
        return (LIMIT,)

    things = client(found, parameters=parameters)
    assert calls == []
    for _ in range(3):
        things.get("/things/a?limit=1")
    assert calls == [1]


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (ProtocolError(ErrorCode.BAD_REQUEST, "host: is missing"), 400, 107),
        (ProtocolError(ErrorCode.DENIED, "this token sees 15m back"), 403, 103),
        (ProtocolError(ErrorCode.UNKNOWN_METRIC, "there is none"), 404, 102),
        (ProtocolError(ErrorCode.LIMIT, "too many values"), 400, 106),
        (ProtocolError(ErrorCode.LIMIT, "too many at once", temporary=True), 503, 106),
        (HistoryError("/secret/folder/history.db: disk I/O error"), 503, 100),
    ],
)
def test_what_the_parts_behind_refuse_is_an_answer_too(error: Exception, status: int, code: int) -> None:
    async def failing(_: Request) -> Response:
        raise error

    answer = client(failing).get("/things/a")
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert "secret" not in answer.text
    assert isinstance(error, HistoryError) or answer.json()["error"]["message"] == str(error)
