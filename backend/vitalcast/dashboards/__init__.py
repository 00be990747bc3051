"""The panels and playlists in force: the store that everything which shows them asks."""
