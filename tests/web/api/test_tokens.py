"""What a caller may do here, and tokens for embedding, which an admin makes over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from vitalcast.access.access import Access
from vitalcast.config.schema import Settings
from vitalcast.core.vocabulary import Scope
from vitalcast.live.open_access import open_access
from vitalcast.live.service import Service
from vitalcast.web.app import create_app

WIKI = "https://wiki.example.org"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.model_validate({"access": {"data_dir": str(tmp_path / "data")}})


@pytest.fixture
def access(settings: Settings) -> Access:
    return open_access(settings)


def client_of(settings: Settings, token: str | None = None) -> TestClient:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return TestClient(create_app(service=Service(settings)), base_url="http://127.0.0.1", headers=headers)


@pytest.fixture
def admin(settings: Settings, access: Access) -> Iterator[TestClient]:
    token, _ = access.mint(Scope.ADMIN)
    yield client_of(settings, token)


def test_says_what_the_caller_may_do(settings: Settings, access: Access) -> None:
    sites = {"frame_ancestors": [WIKI], "allowed_origins": []}
    named = settings.server.model_copy(update={"frame_ancestors": (WIKI,)})
    open_to_all = {"required": False, "scope": "admin", "expires": None, "url": "", "png": True}
    whole = client_of(settings.model_copy(update={"server": named}))
    assert whole.get("/api/v1/access").json() == open_to_all | sites
    token, record = access.mint(Scope.EMBED, panels=["cpu"], expires_s=100)
    answer = client_of(settings, token).get("/api/v1/access")
    limited = {"required": True, "scope": "embed", "expires": record.expires_ms, "url": "", "png": True}
    assert answer.json() == limited | {"frame_ancestors": [], "allowed_origins": []}
    assert answer.headers["cache-control"] == "no-store"
    assert client_of(settings).get("/api/v1/access").status_code == 401


def test_says_at_which_address_others_reach_the_server() -> None:
    server = {"public_url": "https://metrics.example.org/vitals", "root_path": "/vitals"}
    answer = client_of(Settings.model_validate({"server": server})).get("/api/v1/access")
    assert answer.json()["url"] == "https://metrics.example.org/vitals/"


def test_makes_a_token_that_opens_what_was_asked_and_no_more(admin: TestClient, settings: Settings) -> None:
    wanted = {"scope": "embed", "panels": ["cpu"], "origins": [WIKI], "expires": 3600, "name": "wiki"}
    answer = admin.post("/api/v1/tokens", json=wanted)
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    made = answer.json()
    assert (made["scope"], made["panels"], made["dashboard"], made["origins"]) == ("embed", ["cpu"], False, [WIKI])
    holder = client_of(settings, made["token"])
    assert holder.get("/embed/panel/cpu").status_code == 200
    assert holder.get("/embed/panel/memory").status_code == 404
    assert holder.get("/embed/panel/nothing").status_code == 404
    assert holder.get("/api/v1/tokens").status_code in (403, 405)
    assert holder.post("/api/v1/tokens", json=wanted).status_code == 403


@pytest.mark.parametrize(("given", "since"), [({}, 900), ({"since": 86_400}, 86_400), ({"since": None}, None)])
def test_a_token_sees_as_far_back_as_was_asked(
    admin: TestClient, access: Access, given: dict[str, float | None], since: float | None
) -> None:
    made = admin.post("/api/v1/tokens", json={"scope": "embed", "panels": ["cpu"]} | given).json()
    assert (made["since"], access.verify(made["token"]).since_s) == (since, since)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("{", "not JSON"),
        ("[]", "not an object"),
        ({"panels": ["cpu"]}, "scope: give embed"),
        ({"scope": "admin"}, "scope: give embed; create tokens of other scopes with `vitalcast token create`"),
        ({"scope": "embed"}, "panels: a token of scope embed needs panels"),
        ({"scope": "embed", "panels": ["cpu"], "since": 0}, "since: give seconds from 1 to 3162240000, or null"),
        ({"scope": "embed", "panels": "cpu"}, "panels: give a list of panel ids, 64 at most"),
        ({"scope": "embed", "panels": ["cpus", 1]}, "panels: give a list of panel ids"),
        ({"scope": "embed", "panels": ["cqu"]}, "panels: there is no panel 'cqu'; did you mean"),
        (
            {"scope": "embed", "panels": ["cpu"], "origins": ["wiki"]},
            "origins: give a list of origins, such as https://wiki.example.org",
        ),
        ({"scope": "embed", "panels": ["cpu"], "origins": [f"{WIKI}{i}" for i in range(65)]}, "origins: give a list"),
        ({"scope": "embed", "panels": ["cpu"], "expires": 1}, "expires: give seconds from 60 to"),
        ({"scope": "embed", "panels": ["cpu"], "expires": True}, "expires: give seconds from 60 to"),
        ({"scope": "embed", "panels": ["cpu"], "dashboard": 1}, "dashboard: give true or false"),
        ({"scope": "embed", "panels": ["cpu"], "name": ["x"]}, "name: give a string"),
        ({"scope": "embed", "panels": ["cpu"], "metrics": [">"]}, "unknown field 'metrics'; there are scope, panels"),
    ],
)
def test_says_which_field_is_wrong_and_what_would_be_right(admin: TestClient, body: object, words: str) -> None:
    text = body if isinstance(body, str) else json.dumps(body)
    answer = admin.post("/api/v1/tokens", content=text, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"]


def test_reads_no_more_than_a_body_may_have(admin: TestClient) -> None:
    answer = admin.post("/api/v1/tokens", content=b" " * 20_000, headers={"Content-Type": "application/json"})
    assert answer.status_code == 413


def test_makes_no_first_token_since_that_would_shut_everybody_out(settings: Settings) -> None:
    answer = client_of(settings).post("/api/v1/tokens", json={"scope": "embed", "panels": ["cpu"]})
    assert answer.status_code == 409
    assert "vitalcast token create" in answer.json()["error"]["message"]


def test_a_framed_page_may_be_framed_by_the_sites_of_its_token_and_of_the_settings(
    settings: Settings, access: Access
) -> None:
    token, _ = access.mint(Scope.EMBED, panels=["cpu"], origins=[WIKI])
    server = settings.server.model_copy(update={"frame_ancestors": ("https://ops.example.org",)})
    client = client_of(settings.model_copy(update={"server": server}))
    for path in ("panel/cpu", "dashboard"):
        headers = client.get(f"/embed/{path}", params={"token": token}).headers
        assert f"frame-ancestors 'self' https://ops.example.org {WIKI}" in headers["content-security-policy"]
        assert "x-frame-options" not in headers
        assert headers["referrer-policy"] == "no-referrer"
        assert "private" in headers["cache-control"]
    # What says why there is nothing may be read in any frame.
    refused = client.get("/embed/panel/cpu", params={"token": "nonsense"})
    assert refused.status_code == 401
    assert "frame-ancestors 'self' *" in refused.headers["content-security-policy"]


def test_a_framed_page_finds_its_files_wherever_it_is(settings: Settings) -> None:
    client = client_of(settings)
    assert 'src="../../static/frame.js"' in client.get("/embed/panel/cpu").text
    assert 'src="../static/frame.js"' in client.get("/embed/dashboard").text
    script = client.get("/embed.js")
    assert script.headers["content-type"].startswith("text/javascript")
    assert script.headers["cache-control"] == "no-cache"
    assert '"static/elements/embedded_element.js"' in script.text
    assert client.get("/embed.js", headers={"If-None-Match": script.headers["etag"]}).status_code == 304
