"""The store of panels and playlists: whoever shows them asks it at use, and is told when they change."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import TypeVar

from vitalcast.core.panels.builtin import BUILT_IN
from vitalcast.core.panels.playlist import BUILT_IN_PLAYLISTS, Playlist
from vitalcast.core.panels.schema import Panel
from vitalcast.core.text import advice_for
from vitalcast.errors import UnknownIdError

REVISION_CHARS = 12

One = TypeVar("One", Panel, Playlist)


class _Content:
    """Panels and playlists that are in force together."""

    def __init__(self, panels: Mapping[str, Panel], playlists: Mapping[str, Playlist]) -> None:
        self.panels = panels
        self.playlists = playlists

    @cached_property
    def revision(self) -> str:
        digest = hashlib.sha256()
        for one in (*self.panels.values(), None, *self.playlists.values()):
            digest.update(b"\n" if one is None else one.model_dump_json().encode())
        return digest.hexdigest()[:REVISION_CHARS]


class DashboardStore:
    """The panels and playlists of this server, each by its id, in their order.

    What has not changed in a `replace` stays the same object, so that what was made of a panel can be kept as long as
    the store holds that very panel. Every function in `changed` is called after each change, in the thread of
    `replace`, which must be the one of the loop; reading is safe in any thread.
    """

    def __init__(self, panels: Iterable[Panel] = BUILT_IN, playlists: Iterable[Playlist] = BUILT_IN_PLAYLISTS) -> None:
        self._content = _Content(_by_id(panels, {}), _by_id(playlists, {}))
        self.changed: list[Callable[[], None]] = []

    @property
    def panels(self) -> Mapping[str, Panel]:
        return self._content.panels

    @property
    def playlists(self) -> Mapping[str, Playlist]:
        return self._content.playlists

    def all_panels(self) -> tuple[Panel, ...]:
        return tuple(self.panels.values())

    @property
    def revision(self) -> str:
        """A text that names this content: the same in every process that holds the same."""
        return self._content.revision

    def panel(self, id_: str) -> Panel:
        """Return a panel. Raises UnknownIdError, which names the nearest."""
        return _found("panel", id_, self.panels)

    def playlist(self, id_: str) -> Playlist:
        """Return a playlist. Raises UnknownIdError, which names the nearest."""
        return _found("playlist", id_, self.playlists)

    def replace(self, panels: Iterable[Panel], playlists: Iterable[Playlist]) -> bool:
        """Put others in the place of all panels and playlists; return whether that changed anything."""
        before = self._content
        after = _Content(_by_id(panels, before.panels), _by_id(playlists, before.playlists))
        if _same(before.panels, after.panels) and _same(before.playlists, after.playlists):
            return False
        self._content = after
        for observer in tuple(self.changed):
            observer()
        return True


def _by_id(given: Iterable[One], before: Mapping[str, One]) -> Mapping[str, One]:
    """Return them by id, those that are as they were `before` as the same objects."""
    return MappingProxyType({one.id: old if (old := before.get(one.id)) == one else one for one in given})


def _same(before: Mapping[str, One], after: Mapping[str, One]) -> bool:
    return list(before) == list(after) and all(after[id_] is one for id_, one in before.items())


def _found(what: str, id_: str, known: Mapping[str, One]) -> One:
    one = known.get(id_)
    if one is None:
        raise UnknownIdError(f"no {what} is called {id_!r}; {advice_for(id_, known)}")
    return one
