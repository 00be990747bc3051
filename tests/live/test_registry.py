"""How many sockets may be open."""

from __future__ import annotations

import pytest
from tests.live.house import House

from vitalcast.core.stream.grants import Caller, Grant
from vitalcast.core.vocabulary import Scope
from vitalcast.errors import TooManyConnections

pytestmark = pytest.mark.usefixtures("each_bus")


def test_past_the_limit_nobody_is_let_in() -> None:
    house = House(connections=2)
    house.open()
    second, _ = house.open()
    with pytest.raises(TooManyConnections):
        house.open()
    house.manager.disconnect(second)
    house.open()


def test_an_address_has_no_more_sockets_than_the_limit() -> None:
    house = House(connections_per_address=2)
    callers = [Caller(Grant(Scope.VIEW), address) for address in ("192.0.2.1", "192.0.2.2")]
    first, _ = house.open(caller=callers[0])
    house.open(caller=callers[0])
    with pytest.raises(TooManyConnections, match=r"^all 2 connections of 192\.0\.2\.1 are taken$"):
        house.open(caller=callers[0])
    house.open(caller=callers[1])
    house.manager.disconnect(first)
    house.manager.disconnect(first)
    house.open(caller=callers[0])
    for _ in range(3):
        house.open()
