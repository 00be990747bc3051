"""The manual's examples of embedding, on a page of another site."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.browser.conftest import SERVER_ENV, OpenPage
from tests.browser.elsewhere import Elsewhere
from tests.e2e.server import Server
from tests.examples import examples
from tests.reference.tables import page as manual_page

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Elsewhere]:
    site = Elsewhere()
    yield site
    site.close()


@pytest.fixture(scope="module")
def server(elsewhere: Elsewhere) -> Iterator[Server]:
    """A server that asks nobody, with the two settings that the manual names."""
    sites = dict.fromkeys(("VITALCAST_SERVER__FRAME_ANCESTORS", "VITALCAST_SERVER__ALLOWED_ORIGINS"), elsewhere.origin)
    server = Server(env=SERVER_ENV | sites)
    try:
        yield server.start()
    finally:
        server.close()


async def test_the_frame_the_script_and_the_elements_work_together(
    server: Server, elsewhere: Elsewhere, open_page: OpenPage
) -> None:
    blocks = examples(manual_page("embedding.md"), "html")
    assert len(blocks) == 3
    page = elsewhere.page("\n".join(blocks).replace("http://127.0.0.1:8000", server.url))
    watched = await open_page(elsewhere.origin + page)
    ready = (
        "(tag) => told.some((one) => one.type === 'ready' && one.panel !== undefined) && document.querySelector(tag)"
    )
    await watched.until(f"(tag) => Boolean(({ready})(tag))", "vitalcast-panel")
    drawn = "() => document.querySelector('vitalcast-panel').shadowRoot.querySelector('vital-plot')?.counts.full > 0"
    await watched.until(drawn)
    await watched.until("() => /\\d/.test(document.querySelector('vitalcast-value').shadowRoot.textContent)")
    # The script has turned the frame to another panel.
    inner = watched.page.frames[1]
    await inner.get_by_role("heading", name="Memory", exact=True).wait_for()
    assert await watched.page.evaluate("told.filter((one) => one.type.endsWith('error'))") == []
