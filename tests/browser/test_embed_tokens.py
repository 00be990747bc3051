"""Panels elsewhere where a token is needed: one that runs out, one that is taken back, one that is for others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from tests.browser.conftest import SERVER_ENV, OpenPage, Watched
from tests.browser.elsewhere import Elsewhere
from tests.e2e.server import Server

from vitalcast.access.access import Record
from vitalcast.config.schema import Settings
from vitalcast.core.vocabulary import Scope
from vitalcast.live.open_access import open_access

pytestmark = pytest.mark.asyncio(loop_scope="session")

TEXT = "() => document.getElementById('it')?.shadowRoot?.querySelector('.frame').innerText ?? ''"


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Elsewhere]:
    site = Elsewhere()
    yield site
    site.close()


class Tokens:
    """What `vitalcast token` does, in this process."""

    def __init__(self, folder: Path, elsewhere: Elsewhere) -> None:
        self.folder = folder
        self._access = open_access(Settings.model_validate({"access": {"data_dir": str(folder)}}))
        self._elsewhere = elsewhere
        self.admin, _ = self._access.mint(Scope.ADMIN)

    def made(self, **limits: Any) -> tuple[str, Record]:
        """One for embedding: the panel of the CPU, on pages elsewhere, unless told otherwise."""
        return self._access.mint(Scope.EMBED, **{"panels": ["cpu"], "origins": [self._elsewhere.origin], **limits})

    def revoke(self, record: Record) -> None:
        assert self._access.revoke(record.id)


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory, elsewhere: Elsewhere) -> Tokens:
    return Tokens(tmp_path_factory.mktemp("access") / "data", elsewhere)


@pytest.fixture(scope="module")
def server(tokens: Tokens) -> Iterator[Server]:
    server = Server(env=SERVER_ENV | {"VITALCAST_ACCESS__DATA_DIR": str(tokens.folder)})
    try:
        yield server.start()
    finally:
        server.close()


def framed(server: Server, path: str, token: str) -> str:
    return f'<iframe src="{server.url}/embed/{path}?token={token}" width="480" height="300"></iframe>'


def element(server: Server, token: str, *, panel: str = "cpu") -> str:
    script = f'<script type="module" src="{server.url}/embed.js"></script>'
    return f'{script}<vitalcast-panel id="it" panel="{panel}" token="{token}"></vitalcast-panel>'


async def told(watched: Watched, type_: str) -> dict[str, Any]:
    found = "(type) => told.findLast((one) => one.type === type)"
    await watched.until(f"(type) => Boolean(({found})(type))", type_, within_ms=90_000)
    answer: dict[str, Any] = await watched.page.evaluate(found, type_)
    return answer


async def both_told(watched: Watched, type_: str) -> list[dict[str, Any]]:
    """What the frame and the element say, once they have said it."""
    return [await told(watched, type_), await told(watched, f"vitalcast:{type_}")]


async def test_a_frame_and_an_element_say_that_their_token_has_expired(
    server: Server, elsewhere: Elsewhere, tokens: Tokens, open_page: OpenPage
) -> None:
    for expires_s in (6, 60):  # the second where this machine is too busy to show it sooner
        token, record = tokens.made(expires_s=expires_s)
        body = element(server, token) + framed(server, "panel/cpu", token)
        watched = await open_page(elsewhere.origin + elsewhere.page(body), charts=False)
        await watched.until("() => told.some(({ type }) => /(live|error)$/.test(type))")
        if await watched.page.evaluate("!told.some(({ type }) => type.endsWith('error'))"):
            break
    await both_told(watched, "live")
    for error in await both_told(watched, "error"):
        assert error["code"] == 109
        assert error["message"] == "The token has expired. Who put this here can make a new one."
    assert await watched.page.evaluate("(expires) => Date.now() >= expires", record.expires_ms)
    assert "The token has expired" in await watched.page.evaluate(TEXT)
    frame = watched.page.frames[1]
    assert "The token has expired" in await frame.inner_text("vital-embed")
    assert await frame.locator("vital-panel").count() == 0
    # Loaded anew, the frame has words to show still.
    await frame.goto(frame.url)
    assert "has expired" in await watched.page.frames[1].inner_text("body")
    # With another token in its place the element goes on.
    fresh, _ = tokens.made()
    await watched.page.evaluate("(token) => { told = []; it.setAttribute('token', token); }", fresh)
    await told(watched, "live")


async def test_a_frame_and_an_element_say_that_their_token_was_revoked(
    server: Server, elsewhere: Elsewhere, tokens: Tokens, open_page: OpenPage
) -> None:
    token, record = tokens.made()
    body = element(server, token) + framed(server, "panel/cpu", token)
    watched = await open_page(elsewhere.origin + elsewhere.page(body), charts=False)
    await both_told(watched, "live")
    tokens.revoke(record)
    for error in await both_told(watched, "error"):
        assert error["code"] == 4509
        assert error["message"] == "Access was revoked. Who put this here can ask for a new token."
    assert all(socket.is_closed() for socket in watched.sockets)


async def test_a_token_opens_what_it_is_for_and_names_nothing_else(
    server: Server, elsewhere: Elsewhere, tokens: Tokens, open_page: OpenPage
) -> None:
    token, _ = tokens.made(panels=["cpu", "load"])
    script = element(server, token, panel="memory")
    value = f'<vitalcast-value id="value" metric="system.memory.usage" reduce="sum" token="{token}"></vitalcast-value>'
    body = script + value + framed(server, "panel/memory", token)
    watched = await open_page(elsewhere.origin + elsewhere.page(body), charts=False)
    await watched.until(f"() => ({TEXT})() === 'There is no panel “memory” here. There are cpu, load.'")
    await watched.until("() => document.getElementById('value').shadowRoot.textContent.includes('not allowed')")
    frame = watched.page.frames[1]
    await frame.wait_for_selector(".problem")
    assert await frame.inner_text(".problem") == "There is no panel “memory” here. There are cpu, load."
    assert "memory" not in json.dumps([text for text in watched.received if '"ack"' in text])


async def test_a_token_for_the_dashboard_shows_all_of_it(
    server: Server, elsewhere: Elsewhere, tokens: Tokens, open_page: OpenPage
) -> None:
    token, _ = tokens.made(panels=[], dashboard=True)
    watched = await open_page(elsewhere.origin + elsewhere.page(framed(server, "dashboard", token)), charts=False)
    await told(watched, "vitalcast:live")
    assert await watched.page.frames[1].locator("vital-panel").count() > 10


@pytest.mark.parametrize("token", ["", "nonsense"])
async def test_says_that_a_token_is_needed_or_not_good(
    server: Server, elsewhere: Elsewhere, tokens: Tokens, open_page: OpenPage, token: str
) -> None:
    body = element(server, token) + framed(server, "panel/cpu", token)
    watched = await open_page(elsewhere.origin + elsewhere.page(body), charts=False)
    error = await told(watched, "error")
    assert error["code"] == 101
    await watched.until(f"() => ({TEXT})().length > 20")
    assert "oken" in await watched.page.evaluate(TEXT)
    frame = watched.page.frames[1]
    await frame.wait_for_selector(".problem")
    assert "oken" in await frame.inner_text(".problem")


async def test_a_token_is_for_the_sites_that_it_names(
    server: Server, elsewhere: Elsewhere, tokens: Tokens, open_page: OpenPage
) -> None:
    token, _ = tokens.made()
    other, _ = tokens.made(origins=["https://wiki.example.org"])
    # A site that no token names is told that; of one that another token names, the token says no.
    watched = await open_page(elsewhere.stranger + elsewhere.page(element(server, token)), charts=False)
    assert "lets no page of" in (await told(watched, "error"))["message"]
    watched = await open_page(elsewhere.origin + elsewhere.page(element(server, other)), charts=False)
    assert "not valid on pages of this site" in (await told(watched, "error"))["message"]
    assert "snapshot" not in "".join(watched.received)


async def test_an_admin_makes_a_token_in_the_page_and_the_lines_with_it_work(
    server: Server, elsewhere: Elsewhere, tokens: Tokens, open_page: OpenPage
) -> None:
    watched = await open_page("about:blank", charts=False)
    page = watched.page
    await page.context.add_cookies([{"name": "vitalcast", "value": tokens.admin, "url": server.url}])
    await page.goto(server.url, wait_until="commit")
    await watched.state("live")
    await page.focus("#panel-cpu")
    await page.keyboard.press("e")
    await page.get_by_label("Site that may show it").fill(f"{elsewhere.origin}/some/page")
    await page.get_by_role("button", name="Create a token").click()
    await page.get_by_text("Token created; it is in the snippets below").wait_for()
    lines = dict(
        zip(
            await page.locator("vital-embedding h3").all_inner_texts(),
            await page.locator("vital-embedding pre").all_inner_texts(),
            strict=True,
        )
    )
    assert "token=" in lines["Badge, Markdown"]
    assert "Authorization: Bearer" in lines["API"]
    body = lines["Frame"] + lines["Element"].replace("panel=", "id=it panel=") + lines["Badge, HTML"]
    shown = await open_page(elsewhere.origin + elsewhere.page(body), charts=False)
    for type_ in ("live", "vitalcast:live"):
        await shown.until("(wanted) => told.some(({ type }) => type === wanted)", type_)
    await shown.until("() => document.querySelector('img')?.naturalWidth > 20")
    token = lines["API"].partition("Bearer ")[2].partition("'")[0]
    claims = jwt.decode(token, options={"verify_signature": False})
    assert (claims["scope"], claims["panels"], claims["origins"]) == ("embed", ["cpu"], [elsewhere.origin])
    assert claims["name"] == f"CPU on {elsewhere.origin}"
