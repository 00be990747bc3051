"""Which series there are for whom."""

from __future__ import annotations

import pytest
from tests.core.machine import Machine, ask
from tests.core.stream.talk import (
    SDA,
    granted,
)

from vitalcast.core.stream.grants import Grant
from vitalcast.core.vocabulary import Scope

pytestmark = pytest.mark.usefixtures("each_bus")


def test_list_describes_each_series(machine: Machine) -> None:
    [catalogue] = ask(machine.session(), type="list", id="a", metrics=["system.disk.>"])
    assert catalogue == {
        "type": "catalogue",
        "id": "a",
        "series": [
            {
                "name": "system.disk.io",
                "unit": "By",
                "kind": "counter",
                "description": "Bytes.",
                "attributes": {"system.device": "sda"},
            }
        ],
    }


def test_the_list_shows_what_is_granted(machine: Machine) -> None:
    machine.tick(1.0, disks=("sda", "sdb"))
    [catalogue] = ask(granted(machine, SDA), type="list")
    assert [(one["name"], one["attributes"]) for one in catalogue["series"]] == [
        ("system.disk.io", {"system.device": "sda"})
    ]
    [nothing] = ask(granted(machine, Grant(Scope.EMBED, "x", ())), type="list", metrics=[">"])
    assert nothing["series"] == []


def test_series_that_are_listed_count(machine: Machine) -> None:
    machine.tick(1.0, [f"sd{number}" for number in range(5000)])
    session = machine.session()
    kinds = [ask(session, type="list")[0]["type"] for _ in range(10)]
    assert kinds == ["catalogue"] * 5 + ["error"] * 5
