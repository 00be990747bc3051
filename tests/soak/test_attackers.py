"""All attackers at once, for a moment: what they do in ten minutes is seen by running the program."""

from __future__ import annotations

from tests.soak import attackers
from tests.soak.attacks import ATTACKS

GOOD = 20
GROWTH_MIB = 200  # a third of what each of several sorts took for good within seconds


def test_good_clients_stay_and_memory_is_bounded_beside_every_sort_of_attacker() -> None:
    rows, notes = attackers.run(tuple(ATTACKS), 4.0, quiet_s=1.0, good=GOOD)
    before, during, after = rows
    assert [row["good clients"] for row in rows] == [GOOD] * 3
    assert during["ticks"] > 0
    assert max(during["MiB most"], after["MiB most"]) < before["MiB most"] + GROWTH_MIB
    assert all("connections" in note or note.startswith("the log: ") for note in notes), notes
