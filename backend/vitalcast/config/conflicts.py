"""Settings that are good each by itself and do not go together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from vitalcast.config.toml import shown
from vitalcast.core.panels.playlist import BUILT_IN_PLAYLISTS, Playlist
from vitalcast.core.panels.schema import Panel
from vitalcast.core.text import advice_for
from vitalcast.errors import Conflict

if TYPE_CHECKING:
    from vitalcast.config.limits import Limits, Stream
    from vitalcast.config.machine import Sampler
    from vitalcast.config.server import Server


def conflicts_in(
    server: Server,
    sampler: Sampler,
    stream: Stream,
    limits: Limits,
    panels: Sequence[Panel],
    playlists: Sequence[Playlist],
) -> Iterator[Conflict]:
    """Find every pair of settings that cannot both be meant."""
    if sampler.interval_min_s > sampler.interval_s:
        yield Conflict(
            ("sampler.interval_min_s", "sampler.interval_s"),
            f"{sampler.interval_min_s} is more than sampler.interval_s = {sampler.interval_s}; give the same or less",
        )
    if stream.interval_s < sampler.interval_min_s:
        yield Conflict(
            ("stream.interval_s", "sampler.interval_min_s"),
            f"{stream.interval_s} is less than sampler.interval_min_s = {sampler.interval_min_s}; "
            "give the same or more",
        )
    if limits.snapshot_values < limits.series:
        yield Conflict(
            ("limits.snapshot_values", "limits.series"),
            f"{limits.snapshot_values} is less than limits.series = {limits.series}, "
            "so that not even one tick would fit; give the same or more",
        )
    path = unquote(urlsplit(server.public_url).path).rstrip("/")
    if server.public_url and path != unquote(server.root_path):
        yield Conflict(
            ("server.public_url", "server.root_path"),
            f"its path is {shown(path)} and server.root_path = {shown(server.root_path)}; give both the same",
        )
    yield from _doubles("panels", panels)
    yield from _doubles("playlists", playlists)
    if playlists != BUILT_IN_PLAYLISTS:  # of which what is not there is left out
        yield from _unknown_panels(panels, playlists)


def _doubles(name: str, tables: Sequence[Panel | Playlist]) -> Iterator[Conflict]:
    first: dict[str, int] = {}
    for position, one in enumerate(tables):
        if (other := first.setdefault(one.id, position)) != position:
            yield Conflict(
                (f"{name}[{position}].id", f"{name}[{other}].id"),
                f"{shown(one.id)} is the id of {name}[{other}] ({tables[other].title}) too; give each its own",
            )


def _unknown_panels(panels: Sequence[Panel], playlists: Sequence[Playlist]) -> Iterator[Conflict]:
    known = [panel.id for panel in panels]
    for position, playlist in enumerate(playlists):
        for number, entry in enumerate(playlist.entries):
            for id_ in entry.panels:
                if id_ in known:
                    continue
                yield Conflict(
                    (f"playlists[{position}] ({playlist.id}).entries[{number}].panels", "playlists", "panels"),
                    f"no panel is called {shown(id_)}; {advice_for(id_, known)}",
                )
