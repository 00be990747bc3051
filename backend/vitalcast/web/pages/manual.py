"""The reference manual: Markdown files of the package, made into HTML and into what a search looks through."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from vitalcast.web.pages.manual_search import Entry

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

INDEX: Final = "README.md"  # so that a forge shows it with the folder
_MARKER: Final = re.compile(r"^<!-- \w+:(?:begin|end) -->\n", re.MULTILINE)  # around what is generated
_KEPT: Final = re.compile(r"[^\w\- ]")


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading below the title: `level` is 2 for a section."""

    level: int
    text: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Page:
    """One page. Links in `body` to other pages begin with `LINK`, which whoever serves it replaces."""

    name: str
    title: str
    body: str
    headings: tuple[Heading, ...]
    entries: tuple[Entry, ...]


LINK: Final = "\x00"  # no file of text holds it


def load_manual(folder: Path) -> dict[str, Page]:
    """Return the pages by name, in the order in which the index lists them, the index itself as `""`.

    Takes about 0.1 s the first time, most of it the import of the Markdown library.
    """
    index = _page("", folder / INDEX)
    names = re.findall(rf'href="{LINK}/([a-z]+)"', index.body)
    return {"": index} | {name: _page(name, folder / f"{name}.md") for name in dict.fromkeys(names)}


def slug(text: str) -> str:
    """Return the anchor of a heading, as GitHub makes it."""
    return _KEPT.sub("", text.lower()).replace(" ", "-")


def _page(name: str, path: Path) -> Page:
    markdown = _markdown()
    tokens = markdown.parse(_MARKER.sub("", path.read_text(encoding="utf-8")))
    reader = _Reader(name)
    for at, token in enumerate(tokens):
        reader.take(token, tokens[at + 1] if at + 1 < len(tokens) else token)
    body = markdown.renderer.render(tokens, markdown.options, {})
    return Page(name, reader.title, body, tuple(reader.headings), tuple(reader.entries()))


def _markdown() -> MarkdownIt:
    from markdown_it import MarkdownIt  # 50 ms, and only who reads the manual needs it

    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    # A table or an example may be wider than a phone: it alone is scrolled, and can be by the keyboard.
    markdown.add_render_rule("table_open", lambda *_: '<div class="table" tabindex="0" role="group"><table>\n')
    markdown.add_render_rule("table_close", lambda *_: "</table></div>\n")
    markdown.add_render_rule("fence", _fence)
    markdown.add_render_rule("heading_close", _heading_close)
    return markdown


def _fence(_: object, tokens: Sequence[Token], at: int, *__: Any) -> str:
    return f'<pre tabindex="0"><code>{html.escape(tokens[at].content)}</code></pre>\n'


def _heading_close(_: object, tokens: Sequence[Token], at: int, *__: Any) -> str:
    """End a heading with a link to itself."""
    opening = tokens[at - 2]
    anchor = opening.attrGet("id")
    if anchor is None:
        return f"</{opening.tag}>\n"
    words = html.escape(_plain(tokens[at - 1]))
    return f' <a class="anchor" href="#{anchor}" aria-label="Link to {words}">#</a></{opening.tag}>\n'


@dataclass(slots=True)
class _Part:
    """What a search finds under one heading, or in one row of a table."""

    heading: str
    anchor: str
    within: str = ""
    texts: list[str] = field(default_factory=list)
    between: str = " "

    def text(self) -> str:
        return self.between.join(text for text in self.texts if text)


@dataclass(slots=True)
class _Reader:
    """Reads the tokens of a page in their order: gives anchors to headings and rows, and rewrites links."""

    name: str
    title: str = ""
    headings: list[Heading] = field(default_factory=list)
    _parts: list[_Part] = field(default_factory=list)
    _section: _Part = field(default_factory=lambda: _Part("", ""))
    _row: _Part | None = None
    _row_token: Token | None = None
    _in_body: bool = False
    _heads: list[str] = field(default_factory=list)
    _column: int = 0
    _taken: set[str] = field(default_factory=set)

    def take(self, token: Token, following: Token) -> None:
        """Take one token in; `following` is the next."""
        match token.type:
            case "heading_open":
                self._heading(token, _plain(following))
            case "tbody_open" | "tbody_close":
                self._in_body = token.type == "tbody_open"
            case "thead_open":
                self._heads = []
            case "th_open":
                self._heads.append(_plain(following))
            case "tr_open" if self._in_body:
                self._row_token, self._column = token, 0
            case "td_open":
                # A phone shows a cell below the others, each with the head of its column.
                token.attrSet("data-head", self._heads[self._column])
                self._column += 1
            case "tr_close":
                self._row = self._row_token = None
            case "inline":
                self._inline(token)
            case "fence":
                self._section.texts.append(token.content)

    def entries(self) -> Iterator[Entry]:
        """What a search looks through."""
        for part in self._parts:
            yield Entry(self.name, self.title, part.heading, part.within, part.anchor, part.text())

    def _heading(self, token: Token, text: str) -> None:
        level = int(token.tag[1:])
        if level == 1:
            self.title = text
            self._section = _Part(text, "")
        else:
            anchor = self._anchor(slug(text))
            token.attrSet("id", anchor)
            self.headings.append(Heading(level, text, anchor))
            self._section = _Part(text, anchor)
        self._parts.append(self._section)

    def _inline(self, token: Token) -> None:
        text = _plain(token)
        token.children = list(_served_links(token.children or ()))
        if self._row is not None:
            self._row.texts.append(text)
        elif self._row_token is not None:
            self._first_cell(self._row_token, token, text)
        elif text != self._section.heading:
            self._section.texts.append(text)

    def _first_cell(self, row: Token, cell: Token, text: str) -> None:
        """Begin a row. One that begins with a name as code can be linked to."""
        anchor = self._section.anchor
        children = cell.children or []
        if children and children[0].type == "code_inline":
            anchor = self._anchor(children[0].content.replace(" ", "-"))
            row.attrSet("id", anchor)
        self._row = _Part(text, anchor, self._section.heading, between=" · ")
        self._parts.append(self._row)

    def _anchor(self, wanted: str) -> str:
        """Return this anchor, or where it is taken, the next that is not."""
        anchor, number = wanted, 0
        while anchor in self._taken:
            number += 1
            anchor = f"{wanted}-{number}"
        self._taken.add(anchor)
        return anchor


def _plain(token: Token) -> str:
    """Return the words of an inline token, without marks."""
    words = (" " if child.type in ("softbreak", "hardbreak") else child.content for child in token.children or ())
    return "".join(words)


def _served_links(children: Iterable[Token]) -> Iterator[Token]:
    """Yield the tokens of a line with its links as they are served; of a link that leads nowhere then, the words."""
    dropped = False
    for child in children:
        if child.type == "link_open":
            target = served(str(child.attrGet("href")))
            dropped = target is None
            child.attrSet("href", target or "")
        if not (dropped and child.type in ("link_open", "link_close")):
            yield child


def served(target: str) -> str | None:
    """Return where a link of a file leads when the manual is served: to other pages below `LINK`.

    None is for a file of the repository that lies outside the manual.
    """
    parts = urlsplit(target)
    if parts.scheme or not parts.path:
        return target
    if not parts.path.endswith(".md") or "/" in parts.path:
        return None
    name = "" if parts.path == INDEX else f"/{parts.path.removesuffix('.md')}"
    return f"{LINK}{name}" + (f"#{parts.fragment}" if parts.fragment else "")


def linked(page: Page, to: str) -> str:
    """Return the page's body with its links to other pages leading below `to`."""
    return page.body.replace(LINK, to)


def entries_of(pages: Mapping[str, Page]) -> list[Entry]:
    """Return what a search looks through, page by page."""
    return [entry for page in pages.values() for entry in page.entries]
