"""Wall screens over HTTP: what each is to show, how one is let in, and what operators may do with it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from starlette.testclient import TestClient

from vitalcast import __version__
from vitalcast.config.schema import Settings
from vitalcast.core.vocabulary import Scope
from vitalcast.live.open_access import open_access
from vitalcast.web.api.pairing_code import qr_image
from vitalcast.web.api.screens import PAIRINGS_PER_ADDRESS
from vitalcast.web.app import create_app
from vitalcast.web.pages.version import LOOK_EVERY_S, Version

PAIRINGS = "/api/v1/screens/pairings"
AGENT = {"user-agent": "Browser/1 (TV)"}


class House(NamedTuple):
    """A server that asks for tokens, a browser without any, and one of an operator."""

    app: Any
    stranger: TestClient
    operator: TestClient

    def screen(self, *, name: str = "Hall", playlist: str = "") -> TestClient:
        """Return the browser of a screen that was let in."""
        browser = TestClient(self.app, base_url="http://127.0.0.1", headers=AGENT)
        asked = browser.post(PAIRINGS, json={}).json()
        approved = self.operator.post(f"{PAIRINGS}/{asked['code']}", json={"name": name, "playlist": playlist})
        assert approved.status_code == 200, approved.text
        claimed = browser.post(f"{PAIRINGS}/claim", json={"secret": asked["secret"]})
        assert claimed.status_code == 200, claimed.text
        return browser


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    playlist = {"id": "ops", "title": "Operations", "entries": [{"panels": ["cpu"]}]}
    settings = Settings.model_validate(
        {
            "access": {"data_dir": str(tmp_path / "data")},
            "sampler": {"interval_s": 3600},
            "playlists": [playlist, playlist | {"id": "all", "entries": [{}]}],
            "server": {"root_path": "/vitals", "frame_ancestors": ["https://wiki.example.org"]},
        }
    )
    token, _ = open_access(settings).mint(Scope.ADMIN)
    app = create_app(settings)
    admin = {"Authorization": f"Bearer {token}"}
    with TestClient(app, base_url="http://127.0.0.1") as stranger:
        yield House(app, stranger, TestClient(app, base_url="http://127.0.0.1", headers=admin))


def message(response: Any) -> str:
    text: str = response.json()["error"]["message"]
    return text


def test_who_knows_no_secret_does_not_wait_for_who_writes(house: House, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "data" / "access.db", isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        claimed = house.stranger.post(f"{PAIRINGS}/claim", json={"secret": "a guess"})
    assert claimed.status_code == 404, claimed.text


def test_the_walls_page_is_anybodys_and_may_be_framed_where_the_settings_say(house: House) -> None:
    for path, up in (("/wall", ""), ("/wall/ops", "../")):
        page = house.stranger.get(path)
        assert page.status_code == 200
        assert f'src="{up}static/wall.js"' in page.text
        assert "frame-ancestors 'self' https://wiki.example.org" in page.headers["content-security-policy"]
        assert "x-frame-options" not in page.headers
    assert "frame-ancestors 'self';" in f"{house.operator.get('/screens').headers['content-security-policy']};"


def test_a_screen_is_let_in_by_a_code_that_an_operator_approves(house: House) -> None:
    browser = TestClient(house.app, base_url="http://127.0.0.1", headers=AGENT)
    assert browser.get("/api/v1/screen").status_code == 401
    asked = browser.post(PAIRINGS, json={})
    assert asked.status_code == 201
    claim = {"secret": asked.json()["secret"]}
    waiting = browser.post(f"{PAIRINGS}/claim", json=claim)
    assert (waiting.status_code, waiting.json()["state"]) == (202, "pending")
    assert not waiting.headers.get("set-cookie")

    code = asked.json()["code"]
    stranger = house.operator.get(f"{PAIRINGS}/{code}").json()
    assert (stranger["address"], stranger["agent"], stranger["approved"]) == ("testclient", "Browser/1 (TV)", False)
    house.operator.post(f"{PAIRINGS}/{code}", json={"name": "Hall", "playlist": "all"})
    claimed = browser.post(f"{PAIRINGS}/claim", json=claim)
    assert claimed.json() == {"state": "approved", "name": "Hall", "playlist": "all"}
    parts = claimed.headers["set-cookie"].split("; ")
    assert parts[0].startswith("vitalcast=ey")
    assert parts[1:] == ["Path=/vitals", f"Max-Age={400 * 86_400}", "HttpOnly", "SameSite=Lax"]
    assert browser.post(f"{PAIRINGS}/claim", json=claim).status_code == 404


PUBLIC = {"public_url": "https://m.example.org/v", "root_path": "/v"}


@pytest.mark.parametrize(
    ("server", "at", "where", "scanned"),
    [
        ({}, "http://127.0.0.1", "", ""),
        ({}, "http://localhost:8000", "", ""),
        ({"allowed_hosts": ["192.0.2.7:8000"]}, "http://192.0.2.7:8000", "", "http://192.0.2.7:8000/screens?code="),
        (PUBLIC, "http://127.0.0.1", "https://m.example.org/v/screens", "https://m.example.org/v/screens?code="),
    ],
    ids=["loopback", "localhost", "address", "public"],
)
def test_a_screen_is_told_where_others_approve_its_code_in_words_and_for_a_phone(
    tmp_path: Path, server: dict[str, str], at: str, where: str, scanned: str
) -> None:
    settings = Settings.model_validate({"access": {"data_dir": str(tmp_path / "data")}, "server": server})
    browser = TestClient(create_app(settings), base_url=at, headers=AGENT)
    asked = browser.post(PAIRINGS, json={}).json()
    assert asked["approve_at"] == where
    assert asked["qr"] == (qr_image(f"{scanned}{asked['code']}") if scanned else "")


def test_a_screen_is_told_what_to_show_and_its_cookie_is_renewed_each_time(house: House) -> None:
    browser = house.screen(playlist="all")
    browser.cookies.set("vitalcast", browser.cookies["vitalcast"], path="/")
    told = browser.get("/api/v1/screen?playlist=ops")
    order = told.json()
    assert order["version"].startswith(f"{__version__}+")
    assert (order["name"], order["wanted"], order["playlist"]["id"]) == ("Hall", "all", "all")
    assert order["playlists"] == ["ops", "all"]
    assert told.headers["set-cookie"].startswith("vitalcast=ey")
    again = browser.get("/api/v1/screen?playlist=ops", headers={"If-None-Match": told.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["set-cookie"].startswith("vitalcast=ey")


@pytest.mark.parametrize(
    ("query", "wanted", "shown"), [("", "ops", "ops"), ("?playlist=all", "all", "all"), ("?playlist=no", "no", None)]
)
def test_who_is_no_screen_is_told_what_it_asks_for(house: House, query: str, wanted: str, shown: str | None) -> None:
    told = house.operator.get(f"/api/v1/screen{query}")
    order = told.json()
    assert (order["wanted"], (order["playlist"] or {}).get("id"), order["name"]) == (wanted, shown, "")
    assert "set-cookie" not in told.headers


def test_operators_list_screens_name_them_send_them_and_turn_them_out(house: House) -> None:
    browser = house.screen()
    browser.cookies.set("vitalcast", browser.cookies["vitalcast"], path="/")
    (screen,) = house.operator.get("/api/v1/screens").json()["screens"]
    assert (screen["name"], screen["playlist"], screen["online"], screen["agent"]) == (
        "Hall",
        "",
        True,
        AGENT["user-agent"],
    )
    address = f"/api/v1/screens/{screen['id']}"
    assert house.operator.post(address, json={"name": "Foyer", "playlist": "all"}).json()["name"] == "Foyer"
    assert browser.get("/api/v1/screen").json()["wanted"] == "all"
    assert (
        message(house.operator.post(address, json={"playlist": "al"}))
        == "no playlist is called 'al'; did you mean all?"
    )
    refused = house.operator.post(address, json={"name": "Foyer\u202e"})
    assert refused.status_code == 400
    assert message(refused) == r"a screen's name holds printable characters only, not \u202e"
    assert house.operator.delete(address).status_code == 204
    assert browser.get("/api/v1/screen").status_code == 401
    assert house.operator.get("/api/v1/screens").json()["screens"] == []


def test_codes_are_given_to_one_address_only_so_often(house: House) -> None:
    answers = [house.stranger.post(PAIRINGS, json={}) for _ in range(PAIRINGS_PER_ADDRESS + 1)]
    assert [answer.status_code for answer in answers[:-1]] == [201] * PAIRINGS_PER_ADDRESS
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) > 0
    assert message(answers[-1]).startswith("too many codes were requested; try again in ")


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        (f"{PAIRINGS}/claim", b"{", 400, "the body is not JSON"),
        (f"{PAIRINGS}/claim", b"[]", 400, "the body is not an object; give an object with secret"),
        (f"{PAIRINGS}/claim", b'{"secret": 3}', 400, "secret: give a string"),
        (f"{PAIRINGS}/claim", b'{"secret": "x"}', 404, "secret: the code has expired or was used; request a new code"),
        (f"{PAIRINGS}/claim", b'{"\\ud800": ""}', 400, "the body is not JSON"),
        (f"{PAIRINGS}/claim", b" " * 4097, 413, "a body has 4096 bytes at most here"),
        (PAIRINGS, b'{"name": "x"}', 400, "unknown field 'name'; there are none"),
    ],
)
def test_what_strangers_send_is_refused_in_words(house: House, path: str, body: bytes, status: int, words: str) -> None:
    answer = house.stranger.post(path, content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, message(answer)) == (status, words)


def test_a_page_of_another_site_cannot_have_a_screen_let_in(house: House) -> None:
    evil = {"Origin": "https://evil.example", "Content-Type": "text/plain"}
    assert house.stranger.post(PAIRINGS, content=b"{}", headers=evil).status_code == 403


def test_a_version_is_another_when_a_file_is(tmp_path: Path) -> None:
    (tmp_path / "vendor").mkdir()
    (tmp_path / "page.html").write_text("a")
    now_s = [0.0]
    version = Version(tmp_path, now_s=lambda: now_s[0])
    assert version.recent is None
    first = version.look()
    assert version.recent == first
    (tmp_path / "page.html").write_text("longer")
    now_s[0] += LOOK_EVERY_S
    assert version.recent is None
    second = version.look()
    assert second != first
    (tmp_path / "vendor" / "chart-2.js").write_text("")
    assert version.look() not in (first, second)
    (tmp_path / "vendor" / "chart-2.js").unlink()
    assert version.look() == second
