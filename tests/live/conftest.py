"""What the tests of live parts share."""

from __future__ import annotations

import pytest
from tests.live.house import House


@pytest.fixture
def house() -> House:
    return House()
