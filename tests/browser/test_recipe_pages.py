"""The recipes of pages on other sites, on a server that requires tokens: a wiki, Grafana, a status page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from tests.browser.conftest import SERVER_ENV, OpenPage
from tests.browser.elsewhere import Elsewhere
from tests.e2e.server import Server
from tests.examples import ADDRESS, examples, section
from tests.reference.tables import page as manual_page

from vitalcast.config.schema import Settings
from vitalcast.config.server import Access as AccessSettings
from vitalcast.core.vocabulary import Scope
from vitalcast.live.open_access import open_access

pytestmark = pytest.mark.asyncio(loop_scope="session")


class House(NamedTuple):
    """A server, a site of another origin, and a token that shows two panels there."""

    server: Server
    elsewhere: Elsewhere
    token: str

    def put_up(self, html: str) -> str:
        """Return the address of a page with an example."""
        assert ADDRESS in html
        assert "TOKEN" in html
        ours = html.replace(ADDRESS, f"127.0.0.1:{self.server.port}").replace("TOKEN", self.token)
        return self.elsewhere.origin + self.elsewhere.page(ours)


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    elsewhere, server = Elsewhere(), Server(env=SERVER_ENV)
    access = open_access(Settings(access=AccessSettings(data_dir=str(server.data_folder))))
    token, _ = access.mint(Scope.EMBED, panels=["cpu", "memory"], origins=[elsewhere.origin])
    access.close()
    try:
        yield House(server.start(), elsewhere, token)
    finally:
        server.close()
        elsewhere.close()


async def test_the_frames_of_the_wiki_and_of_grafana_are_live(house: House, open_page: OpenPage) -> None:
    recipe = section(manual_page("recipes.md"), "A wiki and Grafana")
    panel = json.loads(examples(recipe, "json")[0])
    assert (panel["type"], panel["options"]["mode"]) == ("text", "html")
    watched = await open_page(house.put_up(examples(recipe, "html")[0] + panel["options"]["content"]))
    await watched.until("() => told.filter((one) => one.type === 'vitalcast:live').length >= 2")
    names = [await frame.title() for frame in watched.page.frames[1:]]
    assert len(names) == 2
    assert await watched.page.evaluate("told.filter((one) => one.type.endsWith('error'))") == []


async def test_the_status_page_shows_a_number_and_a_chart(house: House, open_page: OpenPage) -> None:
    (html,) = examples(section(manual_page("recipes.md"), "A status page"), "html")
    watched = await open_page(house.put_up(html))
    await watched.until("() => /\\d\\s?%/.test(document.querySelector('vitalcast-value').shadowRoot.textContent)")
    drawn = "() => document.querySelector('vitalcast-panel').shadowRoot.querySelector('vital-plot')?.counts.full > 0"
    await watched.until(drawn)
    assert await watched.page.evaluate("told.filter((one) => one.type === 'error')") == []
    readiness = await watched.page.request.get(f"{house.server.url}/readyz")
    assert readiness.status == 200
