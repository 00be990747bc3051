"""What a proxy does wrong: a WebSocket without Upgrade, and a prefix that no setting names."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from starlette.testclient import TestClient

from vitalcast.config.schema import Settings
from vitalcast.config.server import Access, Server
from vitalcast.web.app import create_app
from vitalcast.web.edge.misrouted import PLAIN, REMEMBERED_S, STRIPPED, NoUpgrade
from vitalcast.web.edge.refusal_log import RefusalLog

KEY = {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version": "13"}
BY_PROXY = {"X-Forwarded-For": "10.0.0.7"}


@pytest.fixture
def client_of(tmp_path: Path) -> Callable[..., TestClient]:
    def client(**server: Any) -> TestClient:
        settings = Settings(access=Access(data_dir=str(tmp_path)), server=Server(**server))
        return TestClient(create_app(settings), base_url="http://127.0.0.1", follow_redirects=False)

    return client


# --- Upgrade -------------------------------------------------------------------------------------------------------


def test_a_get_where_a_socket_should_be_is_told_that_it_takes_an_upgrade(client_of: Callable[..., TestClient]) -> None:
    answer = client_of().get("/ws")
    assert (answer.status_code, answer.headers["upgrade"], answer.headers["connection"]) == (
        426,
        "websocket",
        "Upgrade",
    )
    assert answer.json() == {"error": {"code": 107, "message": PLAIN}, "stripped": False}
    assert client_of().post("/ws", json={}).headers["allow"] == "GET, HEAD"


def test_the_opening_of_a_socket_without_upgrade_is_logged_once_and_told_to_who_asks_next(
    client_of: Callable[..., TestClient], caplog: pytest.LogCaptureFixture
) -> None:
    client = client_of()
    with caplog.at_level(logging.WARNING):
        for _ in range(5):
            assert client.get("/ws", headers=KEY).status_code == 426
    assert caplog.messages == [f"refused a WebSocket from testclient: {STRIPPED}"]
    assert client.get("/ws").json() == {"error": {"code": 107, "message": STRIPPED}, "stripped": True}


async def test_it_is_remembered_for_a_while_and_for_a_bounded_number_of_addresses() -> None:
    now_s = 0.0
    upgrades = NoUpgrade(RefusalLog(), now_s=lambda: now_s)

    async def stripped(address: str, *headers: tuple[bytes, bytes]) -> bool:
        from starlette.requests import Request

        scope = {"type": "http", "headers": list(headers), "state": {"address": address}}
        answer = await upgrades.answer(Request(scope))
        return b'"stripped":true' in bytes(answer.body)

    key = (b"sec-websocket-key", b"x")
    assert await stripped("a", key)
    assert await stripped("a")
    assert not await stripped("b")
    now_s += REMEMBERED_S
    assert not await stripped("a")
    for number in range(300):
        await stripped(str(number), key)
    assert not await stripped("0")
    assert await stripped("299")


# --- prefixes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "prefix"),
    [
        ("/below/", "/below"),
        ("/below/login", "/below"),
        ("/below/docs/", "/below"),
        ("/below/embed/panel/cpu", "/below"),
        ("/below/static/dashboard.js", "/below"),
        ("/a/b/api/v1/latest", "/a/b"),
        ("/caf%C3%A9/docs", "/café"),
    ],
)
def test_a_prefix_that_no_setting_names_is_said(
    client_of: Callable[..., TestClient], caplog: pytest.LogCaptureFixture, path: str, prefix: str
) -> None:
    client = client_of()
    with caplog.at_level(logging.WARNING):
        answers = [client.get(path, headers=BY_PROXY) for _ in range(3)]
    hint = f'f a proxy publishes Vitalcast below {prefix}, set server.root_path = "{prefix}"'
    assert {(answer.status_code, answer.text) for answer in answers} == {(404, f"Not Found\n\nI{hint}.\n")}
    assert caplog.messages == [f"refused a request from testclient: nothing here; i{hint}"]
    Settings(server=Server(root_path=prefix))  # which takes it
    assert client_of(root_path=prefix).get(path, headers=BY_PROXY).status_code != 404


def test_another_prefix_than_the_settings_is_said_with_it(client_of: Callable[..., TestClient]) -> None:
    answer = client_of(root_path="/here").get("/there/docs")
    assert answer.text.endswith('set server.root_path = "/there"; it is "/here" now.\n')


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/below/nothing",
        "/a b/docs",
        "/a?x/docs",
        "/nothing.php",
        "/%22/docs",
        "/%1B[2J/docs",
        "/%E2%80%AE/docs",
        f"/{'a' * 300}/docs",
    ],
)
def test_what_no_prefix_explains_is_not_found_in_plain_words(
    client_of: Callable[..., TestClient], caplog: pytest.LogCaptureFixture, path: str
) -> None:
    with caplog.at_level(logging.WARNING):
        answer = client_of().get(path, headers=BY_PROXY)
    assert (answer.status_code, answer.text) == (404, "Not Found\n")
    assert caplog.messages == []


def test_a_stranger_who_tries_addresses_is_not_logged(
    client_of: Callable[..., TestClient], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert client_of().get("/wp-admin/").status_code == 404
    assert caplog.messages == []


PATHS = ("", "/", "/login", "/login/", "/docs/", "/docs//", "//", "/embed/panel/cpu/", "/x/", "/x//y/")


@pytest.mark.parametrize("root_path", ["", "/below", "/below/more"])
@pytest.mark.parametrize("kept", ["", "/below", "/below/more", "/other"])
def test_no_address_sends_one_round_in_a_circle(
    client_of: Callable[..., TestClient], root_path: str, kept: str
) -> None:
    client = client_of(root_path=root_path)

    def next_of(url: str) -> str | None:
        """Return where one is sent from here: by a proxy that adds the slash to what it publishes, or by us."""
        if kept and url == kept:
            return f"{kept}/"
        answer = client.get(f"http://127.0.0.1{url}")
        return urlsplit(urljoin(str(answer.url), answer.headers["location"])).path if answer.is_redirect else None

    for path in PATHS:
        seen: list[str] = []
        url: str | None = kept + path or "/"
        while url is not None:
            assert url not in seen
            seen.append(url)
            url = next_of(url)
