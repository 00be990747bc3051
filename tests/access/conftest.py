"""Processes that share a store of screens."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.access.screen_processes import Clock, Process

from vitalcast.access.access import Access
from vitalcast.access.screens import Screens
from vitalcast.config.schema import Settings
from vitalcast.live.open_access import open_access


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def process(tmp_path: Path, clock: Clock) -> Process:
    """Another process that uses the same data folder."""
    settings = Settings.model_validate({"access": {"data_dir": str(tmp_path / "data")}})

    def begin() -> tuple[Access, Screens]:
        access = open_access(settings, now_ms=clock)
        return access, Screens(access, now_ms=clock)

    return begin
