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
        "What wall screens show, at /wall/ and the id of the playlist. These are the built-in playlists; playlists in "
        "your file replace both. A screen without a playlist shows the first. `playlists = []`, above the first "
        "section, means no playlists. Playlists cannot be set in the environment. Keys:"
    ),
)
