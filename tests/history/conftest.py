"""What several tests of histories share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.history.disk import Disk


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Disk]:
    place = Disk(tmp_path)
    yield place
    for history in place.opened:
        history.close()
