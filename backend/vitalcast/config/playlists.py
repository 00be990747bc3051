"""`[[playlists]]` of the configuration file."""

from __future__ import annotations

from vitalcast.config.tables import TableArray
from vitalcast.core.panels.playlist import PLAYLIST_FIELDS, Playlist

PLAYLISTS_MAX = 64

PLAYLISTS = TableArray(
    name="playlists",
    one="playlist",
    model=Playlist,
    fields=PLAYLIST_FIELDS,
    most=PLAYLISTS_MAX,
    introduction=(
        "What wall screens show, at /wall/ and the id; these are the built-in playlists. Playlists in a file take the "
        "place of both, and a screen that is told of none shows the first. `playlists = []`, above the first section, "
        "means none. The environment cannot set playlists. The keys:"
    ),
)
