"""`/docs`: serves the reference manual, with a search that works without a script."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from vitalcast.web.edge.addresses import upwards
from vitalcast.web.edge.endpoint import WHOLE, Endpoint, EndpointGroup
from vitalcast.web.edge.headers import CONTENT_SECURITY_POLICY
from vitalcast.web.pages.login_page import PAGE
from vitalcast.web.pages.manual import Page, entries_of, linked, load_manual, manual_dir
from vitalcast.web.pages.manual_search import QUERY_CHARS_MAX, Entry, Found, search

if TYPE_CHECKING:
    from starlette.requests import Request

_HEADERS: Final = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": CONTENT_SECURITY_POLICY.replace("form-action 'none'", "form-action 'self'"),
}


class Manual:
    """Answers at /docs and below. The pages are read when the first of them is asked for, and kept."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or manual_dir()
        self._pages: Mapping[str, Page] | None = None
        self._entries: list[Entry] = []

    async def index(self, request: Request) -> Response:
        """Return the first page, or what a search for `?q=` found."""
        pages = await self._loaded()
        query = request.query_params.get("q", "").strip()[:QUERY_CHARS_MAX]
        up = upwards(request.scope)
        if not query:
            return _respond(up, pages, pages[""])
        main = _results(query, search(self._entries, query), f"{up}docs")
        return _html(_document(up, pages, f"Search: {query}", main, query=query))

    async def page(self, request: Request) -> Response:
        """Return one page; 404 with the list of pages where there is none of that name."""
        pages = await self._loaded()
        name, up = request.path_params["page"], upwards(request.scope)
        if name in pages:
            return _respond(up, pages, pages[name])
        main = "<h1>Page not found</h1>\n<p>The manual has no page with this address. Pick one from the contents.</p>"
        return _html(_document(up, pages, "Page not found", main), 404)

    async def _loaded(self) -> Mapping[str, Page]:
        if self._pages is None:
            pages = await run_in_threadpool(load_manual, self._folder)
            self._entries = entries_of(pages)
            self._pages = pages
        return self._pages


def manual_endpoints(manual: Manual) -> EndpointGroup:
    """Return the addresses of the manual."""
    index = Endpoint(
        "GET", "/docs", manual.index, WHOLE, "The reference manual; `?q=` searches it", refusal=PAGE, cost=2
    )
    page = Endpoint("GET", "/docs/{page}", manual.page, WHOLE, "A page of the manual", refusal=PAGE, cost=2)
    return EndpointGroup("Manual", (index, page))


def _respond(up: str, pages: Mapping[str, Page], page: Page) -> Response:
    return _html(_document(up, pages, page.title, linked(page, f"{up}docs"), current=page.name))


def _html(text: str, status: int = 200) -> Response:
    return Response(text, status, _HEADERS, "text/html")


# --- the parts of a page -------------------------------------------------------------------------------------------


def _document(
    up: str, pages: Mapping[str, Page], title: str, main: str, *, current: str | None = None, query: str = ""
) -> str:
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{html.escape(title)} · Vitalcast</title>
<link rel="icon" href="{up}static/styles/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="{up}static/styles/base.css">
<link rel="stylesheet" href="{up}static/styles/manual.css">
<script type="module" src="{up}static/entry/manual.js"></script>
</head>
<body>
<a class="skip" href="#main">Skip to the text</a>
<header>
<a class="home" href="{up or "./"}">Vitalcast</a>
<a class="to-contents" href="#contents">Contents</a>
<form role="search" action="{up}docs">
<input type="search" name="q" value="{html.escape(query)}" maxlength="{QUERY_CHARS_MAX}" placeholder="Search"
 aria-label="Search the manual" aria-keyshortcuts="/" autocomplete="off" spellcheck="false">
</form>
</header>
<div class="columns">
<main id="main" tabindex="-1">
{main}
</main>
<nav id="contents" aria-label="Contents">
<h2>Contents</h2>
{_contents(f"{up}docs", pages, current)}
</nav>
</div>
</body>
</html>
"""


def _contents(docs: str, pages: Mapping[str, Page], current: str | None) -> str:
    return "<ul>\n" + "\n".join(_contents_lines(docs, pages, current)) + "\n</ul>"


def _contents_lines(docs: str, pages: Mapping[str, Page], current: str | None) -> Iterator[str]:
    for name, page in pages.items():
        here = ' aria-current="page"' if name == current else ""
        yield f'<li><a href="{docs}{"/" if name else ""}{name}"{here}>{html.escape(page.title)}</a>'
        if here and page.headings:
            yield "<ul>"
            for heading in page.headings:
                yield f'<li><a href="#{html.escape(heading.anchor)}">{html.escape(heading.text)}</a></li>'
            yield "</ul>"
        yield "</li>"
    yield f'<li><a href="{docs}/api">Try the HTTP API</a></li>'


def _results(query: str, found: Found, docs: str) -> str:
    quoted = f"“{html.escape(query)}”"
    if not found.hits:
        return (
            f'<div id="results"><h1>No results for {quoted}</h1>\n<p role="status">Nothing in the manual contains all '
            "of these words. Try fewer words, or parts of them.</p></div>"
        )
    shown = len(found.hits)
    count = f"{found.total} result{'s' if found.total > 1 else ''}"
    count += f", the best {shown} of them below" if shown < found.total else ""
    lines = [f'<div id="results"><h1>Results for {quoted}</h1>', f'<p role="status">{count}.</p>', '<ol class="hits">']
    for hit in found.hits:
        entry = hit.entry
        href = f"{docs}{'/' if entry.page else ''}{entry.page}" + (f"#{entry.anchor}" if entry.anchor else "")
        where = " › ".join(dict.fromkeys(part for part in (entry.page_title, entry.within) if part))
        place = f"<small>{html.escape(where)}</small>" if where != entry.heading else ""
        link = f'<a href="{html.escape(href)}">{_mark(hit.heading)}</a>'
        lines.append(f"<li>{link} {place}<p>{_mark(hit.excerpt)}</p></li>")
    return "\n".join([*lines, "</ol></div>"])


def _mark(pieces: tuple[str, ...]) -> str:
    """Return pieces, of which every second was looked for, as HTML."""
    return "".join(
        f"<mark>{html.escape(piece)}</mark>" if at % 2 else html.escape(piece) for at, piece in enumerate(pieces)
    )
