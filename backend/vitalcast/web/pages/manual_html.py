"""The manual's pages as HTML: each with its contents and the search, which works without a script."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from pathlib import Path

from vitalcast.web.pages.document import document, site_header
from vitalcast.web.pages.manual import Page, entries_of, linked, load_manual
from vitalcast.web.pages.manual_search import QUERY_CHARS_MAX, Found, search


class Book:
    """The manual in a folder, read once. `up` is the way from the address of a page to that of the dashboard."""

    def __init__(self, folder: Path) -> None:
        self._pages = load_manual(folder)
        self._entries = entries_of(self._pages)

    def page(self, name: str, up: str) -> str | None:
        """Return a page by its name, the index by the empty one; None where there is no such page."""
        page = self._pages.get(name)
        if page is None:
            return None
        return _document(up, self._pages, page.title, linked(page, f"{up}docs"), current=name)

    def results(self, query: str, up: str) -> str:
        """Return a page with what is found for these words."""
        query = query[:QUERY_CHARS_MAX]
        main = _results(query, search(self._entries, query), f"{up}docs")
        return _document(up, self._pages, f"Search: {query}", main, query=query)

    def missing(self, up: str) -> str:
        """Return the page for an address that no page has."""
        main = "<h1>Page not found</h1>\n<p>The manual has no page with this address. Pick one from the contents.</p>"
        return _document(up, self._pages, "Page not found", main)


def _document(
    up: str, pages: Mapping[str, Page], title: str, main: str, *, current: str | None = None, query: str = ""
) -> str:
    finder = f"""<a class="to-contents" href="#contents">Contents</a>
<form role="search" action="{up}docs">
<input type="search" name="q" value="{html.escape(query)}" maxlength="{QUERY_CHARS_MAX}" placeholder="Search"
 aria-label="Search the manual" aria-keyshortcuts="/" autocomplete="off" spellcheck="false">
</form>
"""
    body = f"""<a class="skip" href="#main">Skip to the text</a>
{site_header(up, finder)}
<div class="columns">
<main id="main" tabindex="-1">
{main}
</main>
<nav id="contents" aria-label="Contents">
<h2>Contents</h2>
{_contents(up, pages, current)}
</nav>
</div>"""
    return document(up, f"{title} · Vitalcast", body, style="manual.css", script="entry/manual.js")


def _contents(up: str, pages: Mapping[str, Page], current: str | None) -> str:
    return "<ul>\n" + "\n".join(_contents_lines(up, pages, current)) + "\n</ul>"


def _contents_lines(up: str, pages: Mapping[str, Page], current: str | None) -> Iterator[str]:
    docs = f"{up}docs"
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
    yield f'<li><a href="{up}asyncapi.json">AsyncAPI of the streams</a></li>'


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
