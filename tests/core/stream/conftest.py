"""A machine that has ticked."""

from __future__ import annotations

import pytest
from tests.core.machine import Machine


@pytest.fixture
def machine() -> Machine:
    machine = Machine()
    for load in (1.0, 2.0, 3.0):
        machine.tick(load)
    return machine
