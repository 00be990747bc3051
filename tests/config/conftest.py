"""What several tests of settings share."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.config.loader import Loader


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """A folder without a config.toml."""
    folder = tmp_path / "empty"
    folder.mkdir()
    return folder


@pytest.fixture
def loader(tmp_path: Path) -> Loader:
    return Loader(tmp_path)
